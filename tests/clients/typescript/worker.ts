// What the workers of the tests have in common: they register functions, tell the test what happens in lines on stdout, and do what it says in
// lines of JSON on stdin. They end when stdin does, so no worker outlives its test.
import { createInterface } from "node:readline";
import { ConsoleLogger, Resonate } from "@resonatehq/sdk";

const doors = new Map<string, PromiseWithResolvers<void>>();

/** Tells the test one thing. */
export function say(...words: unknown[]): void {
  const text = words.map((word) => (typeof word === "string" ? word : JSON.stringify(word)));
  process.stdout.write(`${text.join(" ")}\n`);
}

function door(name: string): PromiseWithResolvers<void> {
  const found = doors.get(name) ?? Promise.withResolvers<void>();
  doors.set(name, found);
  return found;
}

/** Waits until the test opens a door. */
export async function held(name: string): Promise<void> {
  say("held", name);
  await door(name).promise;
}

/** The SDK says in its log when its connection stands, and nowhere else. */
class Log extends ConsoleLogger {
  info(fields: Record<string, unknown>, text: string): void {
    if (text === "adapter connected" || text === "adapter reconnected") say("connected");
    super.info(fields, text);
  }
}

/** What the test can say. */
type Order = { do: string; id: string; func: string; args: unknown[]; value: unknown; cron: string };

async function obey(resonate: Resonate, { do: what, id, func, args, value, cron }: Order): Promise<void> {
  const options = resonate.options({ target: process.env.WORKER_GROUP });
  switch (what) {
    case "open":
      return door(id).resolve();
    case "run":
      return say("settled", id, JSON.stringify((await resonate.run(id, func, ...args, options)) ?? null));
    case "rpc":
      return say("settled", id, JSON.stringify((await resonate.rpc(id, func, ...args, options)) ?? null));
    case "get":
      return say("settled", id, JSON.stringify((await (await resonate.get(id)).result()) ?? null));
    case "resolve":
      await resonate.promises.resolve(id, { data: btoa(JSON.stringify(value)) });
      return say("resolved", id);
    case "schedule":
      await resonate.schedule(id, cron, func, ...args, options);
      return say("scheduled", id);
    case "unschedule":
      await resonate.schedules.delete(id);
      return say("unscheduled", id);
    default:
      throw new Error(`no such order: ${what}`);
  }
}

/** Serves functions under their names until the test is over. */
export function serve(functions: Record<string, (...args: any[]) => any>): void {
  const resonate = new Resonate({
    group: process.env.WORKER_GROUP,
    pid: process.env.WORKER_PID,
    ttl: Number(process.env.WORKER_TTL),
    logger: new Log("warn"),
  });
  for (const [name, func] of Object.entries(functions)) resonate.register(name, func);
  const orders = createInterface({ input: process.stdin });
  orders.on("line", (line) => {
    const order = JSON.parse(line);
    obey(resonate, order).catch((error) => say("failed", order.id, error instanceof Error ? error.message : String(error)));
  });
  orders.on("close", () => process.exit());
}
