// The example of the edge under the real workerd, on loopback, and what speaks with it as a stranger does.
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { Resonate } from "@resonatehq/sdk";
import { Miniflare } from "miniflare";
import { request } from "./support.ts";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));

/** The worker as a bundler would see it: its file, the package's files, and the names by which it imports them. */
async function modules() {
  const files = (await readdir(join(PACKAGE, "dist"), { recursive: true })).filter((file) => file.endsWith(".js"));
  const named = (name: string, contents: string) => ({ type: "ESModule" as const, path: join(PACKAGE, name), contents });
  return [
    named("worker.js", await readFile(join(PACKAGE, "examples/edge/worker.js"), "utf8")),
    named("resonate-wasm", 'export * from "./dist/index.js";'),
    named("resonate-wasm/durable-object", 'export * from "../dist/stores/durable-object.js";'),
    {
      type: "CompiledWasm" as const,
      path: join(PACKAGE, "resonate-wasm/resonate.wasm"),
      contents: await readFile(join(PACKAGE, "dist/wasm/resonate_bg.wasm")),
    },
    ...files.map((file) => ({ type: "ESModule" as const, path: join(PACKAGE, "dist", file) })),
  ];
}

/** A folder that is gone when the test is over. */
export async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "resonate-edge-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** The worker over what lies in a folder. */
export class Edge {
  readonly url: string;
  readonly #miniflare: Miniflare;
  readonly #streams = new AbortController();
  readonly #workers: Resonate[] = [];
  #stopping: Promise<void> | undefined;

  private constructor(miniflare: Miniflare, url: string) {
    [this.#miniflare, this.url] = [miniflare, url];
  }

  /** Starts it; it ends with the test, if it has not been stopped. */
  static async start(t: TestContext, persist: string, bindings: Record<string, string> = {}): Promise<Edge> {
    const miniflare = new Miniflare({
      modules: await modules(),
      modulesRoot: PACKAGE,
      compatibilityDate: "2026-04-01",
      durableObjects: { SERVERS: { className: "PromiseServer", useSQLite: true } },
      durableObjectsPersist: persist,
      bindings,
      host: "127.0.0.1",
      port: 0,
      // Nothing is fetched from anywhere.
      cf: false,
    });
    const edge = new Edge(miniflare, (await miniflare.ready).origin);
    t.after(() => edge.stop());
    return edge;
  }

  /** Ends it as a crash does: the server is not asked. */
  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      // An SDK that is still there when its connection breaks would look for another one for ever.
      for (const worker of this.#workers) await worker.stop();
      this.#streams.abort();
      await this.#miniflare.dispose();
    })();
    return this.#stopping;
  }

  /** An SDK that serves functions to the group `workers`. */
  worker(functions: Record<string, (...args: any[]) => any>): Resonate {
    const resonate = new Resonate({ url: this.url, group: "workers", logLevel: "error" });
    for (const [name, run] of Object.entries(functions)) resonate.register(name, run);
    this.#workers.push(resonate);
    return resonate;
  }

  /** Asks in today's protocol. */
  async ask(kind: string, data: object): Promise<any> {
    const response = await fetch(this.url, { method: "POST", body: JSON.stringify(request(kind, data)) });
    const answer = await response.json();
    if (response.status !== 200) throw new Error(`${kind} is answered ${response.status}: ${JSON.stringify(answer)}`);
    return answer.data;
  }

  /** Connects as a worker does, and resolves once the connection stands. */
  async connect(group: string, worker: string): Promise<AsyncIterator<Told>> {
    const response = await fetch(`${this.url}/poll/${group}/${worker}`, { signal: this.#streams.signal });
    if (response.status !== 200 || response.body === null) throw new Error(`no connection: ${response.status}`);
    return told(response.body);
  }
}

/** A message, as far as tests look at it. */
export interface Told {
  kind: "execute" | "unblock";
  data: { task: { id: string; version: number }; promise: { id: string; state: string } };
}

async function* told(body: ReadableStream<Uint8Array>): AsyncGenerator<Told> {
  let rest = "";
  for await (const chunk of body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)) {
    const events = `${rest}${chunk}`.split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) if (event.startsWith("data: ")) yield JSON.parse(event.slice("data: ".length)) as Told;
  }
}

/** The next message. */
export async function next(connection: AsyncIterator<Told>): Promise<Told> {
  const { value, done } = await connection.next();
  if (done) throw new Error("the connection has ended");
  return value;
}
