// What the tests have in common: requests, instants, and servers that end with their test.
import type { TestContext } from "node:test";
import { ManualClock, Server, type ServerOptions } from "../dist/index.js";

export const DAY = 24 * 60 * 60 * 1000;
/** An instant that has nothing to do with today. */
export const START = 1_000_000;

/** A request of today's protocol. */
export function request(kind: string, data: object, corrId = "c") {
  return { kind, head: { corrId, version: "2026-04-01" }, data };
}

export function create(id: string, timeoutAt: number, more: object = {}) {
  return request("promise.create", { id, timeoutAt, ...more });
}

/** A promise with a task for anybody of the group `g`. */
export function task(id: string, timeoutAt: number) {
  return create(id, timeoutAt, { tags: { "resonate:target": "poll://any@g" } });
}

/** A server whose clock stands at {@link START}, closed when the test is over. */
export async function open(t: TestContext, options: ServerOptions = {}): Promise<{ server: Server; clock: ManualClock }> {
  const clock = new ManualClock(START);
  const server = await Server.open({ clock, onError: (error) => t.diagnostic(String(error)), ...options });
  t.after(() => server.close());
  return { server, clock };
}

/** The bytes of a text. */
export const bytes = (text: string) => new TextEncoder().encode(text);
/** The value of JSON in bytes. */
export const parsed = (json: Uint8Array) => JSON.parse(new TextDecoder().decode(json));
