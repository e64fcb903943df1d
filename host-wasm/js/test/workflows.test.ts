// Workflows of the released SDK, in one process with the server, with time under control.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Constant, type Context, ConsoleLogger, Resonate } from "@resonatehq/sdk";
import { type InstallOptions, ManualClock, Server, type ServerOptions } from "../dist/index.js";
import { WasmNetwork } from "../dist/network.js";
import { DAY, request } from "./support.ts";

const HOUR = DAY / 24;
const YEAR = { timeout: 365 * DAY };

/** Says nothing of what a test provokes. */
const QUIET = new ConsoleLogger("error");

interface Stage {
  server: Server;
  clock: ManualClock;
  /** Hires a worker. */
  hire: (more?: { group?: string; ttl?: number; pid?: string }) => { resonate: Resonate; network: WasmNetwork };
  /** What the workflows have told, in order. */
  told: string[];
}

async function stage(t: TestContext, options: ServerOptions = {}, install: InstallOptions = {}): Promise<Stage> {
  const clock = new ManualClock().install(install);
  const server = await Server.open({ clock, ...options });
  const workers: Resonate[] = [];
  t.after(async () => {
    for (const worker of workers) await worker.stop();
    await server.close();
    clock.uninstall();
  });
  const hire: Stage["hire"] = ({ group, ttl, pid } = {}) => {
    const who = { ...(group === undefined ? {} : { group }), ...(pid === undefined ? {} : { pid }) };
    const network = new WasmNetwork(server, who);
    const resonate = new Resonate({ network, logger: QUIET, ...who, ...(ttl === undefined ? {} : { ttl }) });
    workers.push(resonate);
    return { resonate, network };
  };
  return { server, clock, hire, told: [] };
}

const state = async (server: Server, id: string): Promise<string> =>
  (await server.process(request("promise.get", { id }))).data.promise?.state ?? "none";

test("a sleep of thirty days passes in milliseconds", async (t) => {
  const { server, clock, hire } = await stage(t);
  const { resonate } = hire();
  const patient = resonate.register("patient", function* (ctx: Context) {
    yield* ctx.sleep(30 * DAY);
    return "awake";
  });
  const began = clock.now();
  const handle = await patient.beginRun("patient", resonate.options(YEAR));
  await server.advance(began + 30 * DAY - 1);
  assert.equal(await state(server, "patient"), "pending");
  const real = performance.now();
  await server.advance(began + 30 * DAY);
  assert.equal(await handle.result(), "awake");
  t.diagnostic(`${Math.round(performance.now() - real)} ms`);
});

test("a countdown sleeps between its steps", async (t) => {
  const { server, clock, hire, told } = await stage(t);
  const { resonate } = hire();
  const began = clock.now();
  const tell = (_: Context, left: number) => void told.push(`left ${left} on day ${(clock.now() - began) / DAY}`);
  const countdown = resonate.register("countdown", function* (ctx: Context, from: number) {
    for (let left = from; left > 0; left--) {
      yield* ctx.run(tell, left);
      yield* ctx.sleep(30 * DAY);
    }
    return "lift-off";
  });
  const handle = await countdown.beginRun("countdown", 3, resonate.options(YEAR));
  await server.advance(began + 89 * DAY);
  assert.deepEqual(told, ["left 3 on day 0", "left 2 on day 30", "left 1 on day 60"]);
  assert.equal(await state(server, "countdown"), "pending");
  await server.advance(began + 90 * DAY);
  assert.equal(await handle.result(), "lift-off");
});

test("steps that take real time are waited for while time is let pass", async (t) => {
  const { server, clock, hire, told } = await stage(t);
  const { resonate } = hire();
  resonate.register("work", function* (ctx: Context): Generator<any, string, any> {
    for (const part of ["one", "two"]) {
      yield* ctx.sleep(DAY);
      yield* ctx.run(async () => {
        told.push(part);
        await new Promise((resolve) => setTimeout(resolve, 30));
      });
    }
    return "done";
  });
  const handle = await resonate.beginRun("work", "work", resonate.options(YEAR));
  await server.advance(clock.now() + 2 * DAY);
  assert.equal(await handle.result(), "done");
  assert.deepEqual(told, ["one", "two"]);
});

test("a step that never returns is not waited for for ever", async (t) => {
  const { server, clock, hire, told } = await stage(t);
  const { resonate } = hire();
  resonate.register("hangs", async () => {
    told.push("begun");
    await new Promise(() => undefined);
  });
  await resonate.beginRpc("hangs", "hangs");
  await server.advance(clock.now() + HOUR, { patience: 20 });
  assert.ok(told.length > 1, "its lease was lost");
});

test("calls fan out to two workers and in again", async (t) => {
  const { hire, told } = await stage(t);
  const both = [hire(), hire()];
  const doors: (() => void)[] = [];
  both.forEach(({ resonate }, worker) => {
    resonate.register("square", async (_: Context, side: number) => {
      told.push(`worker ${worker}`);
      await new Promise<void>((open) => doors.push(open));
      return side * side;
    });
    resonate.register("sum", function* (ctx: Context, sides: number): Generator<any, number, any> {
      const squares = [];
      for (let side = 1; side <= sides; side++) squares.push(yield* ctx.beginRpc<number>("square", side));
      let sum = 0;
      for (const square of squares) sum += yield* square;
      return sum;
    });
  });
  const sum = both[0]!.resonate.rpc<number>("sum", "sum", 6);
  // All of them are under way before the first returns.
  while (doors.length < 6) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(new Set(told), new Set(["worker 0", "worker 1"]));
  for (const open of doors) open();
  assert.equal(await sum, 91);
  assert.equal(told.length, 6);
});

test("a function calls itself through the server", async (t) => {
  const { server, hire } = await stage(t);
  const { resonate } = hire();
  resonate.register("factorial", function* (ctx: Context, of: number): Generator<any, number, any> {
    return of <= 1 ? 1 : of * (yield* ctx.rpc<number>("factorial", of - 1));
  });
  assert.equal(await resonate.rpc("deep", "factorial", 10), 3_628_800);
  const found = await server.process(request("task.search", { state: "fulfilled" }));
  assert.equal(found.data.tasks.length, 10);
});

test("a person answers, from another client", async (t) => {
  const { hire } = await stage(t);
  const { resonate } = hire();
  const asked = new Promise<string>((tell) => {
    resonate.register("approval", function* (ctx: Context, what: string): Generator<any, string, any> {
      const answer = yield* ctx.promise<string>();
      yield* ctx.run(() => tell(answer.id));
      return `${what}: ${yield* answer}`;
    });
  });
  const result = resonate.run("approval", "approval", "a holiday");
  const person = hire({ group: "people" }).resonate;
  await person.promises.resolve(await asked, { data: btoa(JSON.stringify("granted")) });
  assert.equal(await result, "a holiday: granted");
});

test("a person answers by HTTP", async (t) => {
  const { server, hire } = await stage(t);
  const { resonate } = hire();
  const asked = new Promise<string>((tell) => {
    resonate.register("approval", function* (ctx: Context): Generator<any, string, any> {
      const answer = yield* ctx.promise<string>();
      yield* ctx.run(() => tell(answer.id));
      return (yield* answer) as string;
    });
  });
  const result = resonate.run("approval", "approval");
  const body = JSON.stringify({ value: { data: btoa(JSON.stringify("granted")) } });
  const url = `http://here/promises/${encodeURIComponent(await asked)}/resolve`;
  const answer = await server.fetch(new Request(url, { method: "POST", body, headers: { "idempotency-key": "k" } }));
  assert.deepEqual([answer.status, (await answer.json()).state], [201, "RESOLVED"]);
  assert.equal(await result, "granted");
});

test("a step that fails is tried again", async (t) => {
  const { server, hire, told } = await stage(t);
  const { resonate } = hire();
  const flaky = (ctx: Context): string => {
    told.push(`attempt ${ctx.info.attempt}`);
    if (ctx.info.attempt < 3) throw new Error("not yet");
    return `attempt ${ctx.info.attempt}`;
  };
  const hopeless = () => {
    throw new Error("never");
  };
  resonate.register("patient", function* (ctx: Context): Generator<any, string, any> {
    return yield* ctx.run(flaky, ctx.options({ retryPolicy: new Constant({ delay: 1, maxRetries: 5 }) }));
  });
  resonate.register("unlucky", function* (ctx: Context): Generator {
    return yield* ctx.run(hopeless, ctx.options({ retryPolicy: new Constant({ delay: 1, maxRetries: 1 }) }));
  });
  assert.equal(await resonate.run("patient", "patient"), "attempt 3");
  assert.deepEqual(told, ["attempt 1", "attempt 2", "attempt 3"]);
  await assert.rejects(resonate.run("unlucky", "unlucky"), { message: "never" });
  assert.equal(await state(server, "unlucky"), "rejected");
});

test("a step's waits between its attempts pass with the clock, where timeouts do", async (t) => {
  const { server, clock, hire, told } = await stage(t, {}, { timeouts: true });
  // Its heartbeats are in real time.
  const { resonate } = hire({ ttl: HOUR });
  const began = clock.now();
  resonate.register("patient", function* (ctx: Context): Generator<any, string, any> {
    return yield* ctx.run((ctx: Context) => {
      told.push(`attempt ${ctx.info.attempt}`);
      if (ctx.info.attempt < 8) throw new Error("not yet");
      return `after ${(clock.now() - began) / 1000} s`;
    });
  });
  const handle = await resonate.beginRun("patient", "patient");
  await server.advance(began + HOUR);
  assert.match((await handle.result()) as string, /^after \d\d+ s$/);
  assert.equal(told.length, 8, told.join());
});

test("a detached call outlives its caller", async (t) => {
  const { server, hire } = await stage(t);
  const { resonate } = hire();
  let open = () => undefined as void;
  const door = new Promise<void>((opened) => {
    open = opened;
  });
  resonate.register("errand", async (_: Context, what: string) => {
    await door;
    return `${what}: done`;
  });
  resonate.register("sender", function* (ctx: Context, what: string): Generator<any, string, any> {
    return (yield* ctx.detached("errand", what)).id;
  });
  const errand = await resonate.run<string>("sender", "sender", "parcel");
  assert.equal(await state(server, errand), "pending");
  open();
  assert.equal(await (await resonate.get(errand)).result(), "parcel: done");
});

test("a schedule calls a function, month after month", async (t) => {
  const { server, clock, hire, told } = await stage(t);
  const { resonate } = hire();
  resonate.register("tick", (ctx: Context, word: string) => {
    told.push(`${ctx.id} ${word}`);
    return word;
  });
  await resonate.schedule("clock", "0 0 1 * *", "tick", "tock");
  const began = new Date(clock.now());
  await server.advance(Date.UTC(began.getUTCFullYear() + 1, began.getUTCMonth(), 2));
  assert.equal(told.length, 12);
  assert.equal(new Set(told).size, 12);
  const first = told[0]!.split(" ")[0]!;
  assert.equal(await (await resonate.get(first)).result(), "tock");
  await resonate.schedules.delete("clock");
  assert.equal((await server.process(request("schedule.get", { id: "clock" }))).head.status, 404);
});

test("a step that is longer than its lease is done once while its worker lives", async (t) => {
  const { server, clock, hire, told } = await stage(t);
  // The SDK's heartbeats are in real time.
  const ttl = 20;
  const { resonate } = hire({ ttl });
  resonate.register("long", async () => {
    told.push("begun");
    for (let slice = 0; slice < 10; slice++) {
      await new Promise((resolve) => setTimeout(resolve, ttl / 2));
      // It is itself what would be waited for.
      await server.advance(clock.now() + ttl / 2, { patience: 0 });
    }
    return "done";
  });
  assert.equal(await resonate.rpc("long", "long"), "done");
  assert.deepEqual(told, ["begun"]);
});

test("a worker that is gone is replaced, and its steps are not done again", async (t) => {
  const { server, clock, hire, told } = await stage(t);
  const steps = (resonate: Resonate, hangs: boolean) =>
    resonate.register("steps", function* (ctx: Context): Generator<any, string[], any> {
      const first = yield* ctx.run(() => {
        told.push("first");
        return "first";
      });
      const second = yield* ctx.run(async () => {
        told.push("second");
        if (hangs) await new Promise(() => undefined);
        return "second";
      });
      return [first, second];
    });
  const gone = hire();
  steps(gone.resonate, true);
  await gone.resonate.beginRpc("steps", "steps");
  await server.quiet({ patience: 20 });
  assert.deepEqual(told, ["first", "second"]);
  await gone.resonate.stop();
  const { resonate } = hire();
  steps(resonate, false);
  await server.advance(clock.now() + HOUR);
  assert.deepEqual(told, ["first", "second", "second"]);
  assert.deepEqual(await (await resonate.get("steps")).result(), ["first", "second"]);
});

test("a workflow goes on after its server has been restored from a snapshot", async (t) => {
  const { server, clock, hire } = await stage(t);
  const { resonate } = hire();
  resonate.register("patient", function* (ctx: Context) {
    yield* ctx.sleep(DAY);
    return "awake";
  });
  const handle = await resonate.beginRun("patient", "patient", resonate.options(YEAR));
  const result = handle.result();
  await server.quiet();
  await server.restore(await server.snapshot());
  await server.advance(clock.now() + DAY);
  assert.equal(await result, "awake");
});

test("a clock that is not everybody's is a typed error that names the cure", async (t) => {
  const clock = new ManualClock(0);
  const server = await Server.open({ clock });
  const network = new WasmNetwork(server);
  t.after(() => server.close());
  await assert.rejects(network.send(request("promise.get", { id: "a" }) as never), { name: "BadInputError", message: /install\(\)/ });
});

test("the SDK runs in the time of the system, too", async (t) => {
  const server = await Server.open();
  const resonate = new Resonate({ network: new WasmNetwork(server), logger: QUIET });
  t.after(async () => {
    await resonate.stop();
    await server.close();
  });
  const nap = resonate.register("nap", function* (ctx: Context) {
    const began = Date.now();
    yield* ctx.sleep(30);
    return Date.now() - began;
  });
  assert.ok((await nap.run("nap")) >= 0);
});

