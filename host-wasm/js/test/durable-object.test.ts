// The store in a Durable Object's SQLite is the store in memory: random histories come to the same answers, messages and states, step by step.
// SEED=… repeats a run.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { DurableObjectStore, GuardError } from "../dist/stores/durable-object.js";
import { Server } from "../dist/index.js";
import init, { Machine } from "../dist/wasm/resonate.js";
import { type Call, History, KINDS, type State, type Step, VERBS } from "./histories.ts";
import { Storage } from "./sql_storage.ts";

const REQUESTS_MIN = 10_000;
const STEPS_PER_HISTORY = 50;

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (json: unknown) => new TextEncoder().encode(JSON.stringify(json));

interface Told {
  deliveries: { key: { execute?: { task: string } }; version: number }[];
}

/** A machine in memory and one over the store, which everything happens to alike. */
class Twins {
  #memory = new Machine("");
  readonly storage = new Storage();
  #stored = Machine.over(new DurableObjectStore(this.storage), "");

  /** Calls both, and returns what both say. */
  call(what: (machine: Machine) => Uint8Array): string {
    const [expected, found] = [text(what(this.#memory)), text(what(this.#stored))];
    assert.equal(found, expected);
    return expected;
  }

  /** Ends both and begins anew with what there is. */
  reopen(): void {
    const memory = new Machine("");
    memory.restore(this.#memory.snapshot());
    this.#memory.free();
    this.#stored.free();
    [this.#memory, this.#stored] = [memory, Machine.over(new DurableObjectStore(this.storage), "")];
  }

  close(): void {
    this.#memory.free();
    this.#stored.free();
    this.storage.close();
  }
}

const nothing = new Uint8Array();
const tell = (call: (machine: Machine) => void) => (machine: Machine) => {
  call(machine);
  return nothing;
};

const json = (answer: string) => JSON.parse(answer) as { data?: { cursor?: string }; cursor?: string; head?: { status: number } };

/** Makes a step happen to both, and counts those that succeed. */
function happen(twins: Twins, step: Step, now: number, history: History, seen: Map<string, number>): void {
  if ("tick" in step) return void twins.call(tell((machine) => machine.tick(now)));
  if ("connected" in step) return void twins.call(tell((machine) => machine.connected(bytes(step.connected), now)));
  if ("reopen" in step) {
    twins.reopen();
    return void twins.call(tell((machine) => machine.adoptOrphans(now)));
  }
  const name = "call" in step ? step.call.verb : step.envelope.kind;
  const answer = json(twins.call((machine) => ("call" in step ? rest(machine, step.call, now) : machine.process(bytes(step.envelope), now))));
  const status = Number(twins.call((machine) => bytes(machine.status())));
  seen.set(`${name} ${Math.floor(status / 100)}`, (seen.get(`${name} ${Math.floor(status / 100)}`) ?? 0) + 1);
  const cursor = answer?.cursor ?? answer?.data?.cursor;
  if (typeof cursor === "string") history.cursors.set(name, [...(history.cursors.get(name) ?? []).slice(-3), cursor]);
}

function rest(machine: Machine, { method, path, query, key, strict, body }: Call, now: number): Uint8Array {
  return machine.rest(method, path, query ?? "", key, strict, body === undefined ? nothing : bytes(body), now);
}

/** Takes what there is to do, and says of each message how that went. */
function deliver(twins: Twins, now: number, history: History): void {
  for (;;) {
    const { deliveries } = JSON.parse(twins.call((machine) => machine.events())) as Told;
    if (deliveries.length === 0) return;
    for (const { key, version } of deliveries) {
      const went = history.went();
      if (went !== undefined) twins.call(tell((machine) => machine.report(bytes({ key, version, went }), now)));
    }
  }
}

function live(history: History, seen: Map<string, number>, statements: Set<string>): void {
  const twins = new Twins();
  let state: State = { promises: [], tasks: [] };
  for (let step = 0; step < STEPS_PER_HISTORY; step += 1) {
    const [what, now] = [history.step(state), history.now()];
    happen(twins, what, now, history, seen);
    deliver(twins, now, history);
    twins.call((machine) => bytes(machine.nextWakeup() ?? null));
    state = JSON.parse(twins.call((machine) => machine.snapshot())) as State;
  }
  for (const query of twins.storage.statements.keys()) statements.add(query);
  twins.close();
}

function sum(numbers: Iterable<number>): number {
  return Array.from(numbers).reduce((total, number) => total + number, 0);
}

function envelope(kind: string, data: object): Uint8Array {
  return bytes({ kind, head: { corrId: "c", version: "2026-04-01" }, data });
}

describe("a server over a Durable Object's storage", () => {
  before(() => init({ module_or_path: readFileSync(new URL("../dist/wasm/resonate_bg.wasm", import.meta.url)) }));

  it("answers, delivers and keeps the same as one in memory, whatever happens", () => {
    const first = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
    const seen = new Map<string, number>();
    const statements = new Set<string>();
    for (let seed = first; sum(seen.values()) < REQUESTS_MIN; seed += 1) {
      try {
        live(new History(seed), seen, statements);
      } catch (error) {
        console.log(`SEED=${seed} begins with the history that failed`);
        throw error;
      }
    }
    console.log(`SEED=${first}: ${sum(seen.values())} requests`);
    for (const name of [...KINDS, ...VERBS]) assert.ok((seen.get(`${name} 2`) ?? 0) > 10, `${name} hardly ever succeeds`);
    const storage = new Storage();
    new DurableObjectStore(storage);
    for (const query of statements) assertGoesAlongAnIndex(storage, query);
    storage.close();
  });

  it("gives a page of long promises in chunks, and ends it where it ends in memory", () => {
    const twins = new Twins();
    const data = "x".repeat(700_000);
    for (let number = 0; number < 12; number += 1) {
      const tags = { "resonate:branch": "root", "resonate:target": "poll://any@g" };
      const promise = { id: `p${number}`, timeoutAt: 9e12, param: { data }, tags };
      const create = envelope("task.create", { pid: "w", ttl: 1000, action: { kind: "promise.create", data: promise } });
      // Its answer has the promises of the branch beside it, as many as find room.
      twins.call((machine) => machine.process(create, 1_000 + number));
    }
    const page = json(twins.call((machine) => machine.process(envelope("promise.search", {}), 2_000)));
    const cursor = page.data?.cursor;
    assert.ok(cursor, "what did not find room follows");
    twins.call((machine) => machine.process(envelope("promise.search", { cursor }), 2_000));
    twins.call((machine) => machine.process(envelope("task.search", {}), 2_000));
    twins.call((machine) => machine.rest("GET", "/promises", "q=*1*", undefined, undefined, nothing, 2_000));
    twins.close();
  });

  it("lets messages that wait leave in the order of their age, or of their ids where only some may be seen", () => {
    const twins = new Twins();
    const ids = ["\u{1F600}", "b.\uFFFD", "b.\u{1F600}", "b.a", "a"];
    for (const [place, id] of ids.entries()) {
      const tags = { "resonate:target": "poll://any@g" };
      twins.call((machine) => machine.process(envelope("promise.create", { id, timeoutAt: 9e12, tags }), 1_000 + place));
    }
    const deliveries = () => (JSON.parse(twins.call((machine) => machine.events())) as Told).deliveries;
    const taken = () => deliveries().map(({ key }) => key.execute?.task);
    for (const { key, version } of deliveries()) twins.call(tell((machine) => machine.report(bytes({ key, version, went: "unclaimed" }), 2_000)));
    const connect = (more: object) => twins.call(tell((machine) => machine.connected(bytes({ mailbox: "any@g", ...more }), 3_000)));
    taken();
    connect({ room: 1 });
    assert.deepEqual(taken(), [ids[0]]);
    connect({ room: 2, prefix: "b." });
    assert.deepEqual(taken(), ["b.a", "b.\uFFFD"], "by bytes");
    connect({ room: 1000 });
    assert.deepEqual(taken(), ["b.\u{1F600}", "a"]);
    twins.close();
  });

  it("answers what lies behind a row, and leaves out what is due never", () => {
    const storage = new Storage();
    const store = new DurableObjectStore(storage);
    const waiters = ["\u{1F600}", "\uFFFD", "a"];
    const lease = (id: string) => ({ id, state: "acquired", version: 1, lease: { pid: "p", ttl: 1, expires_at: 5 } });
    const parked = { key: { execute: { task: "a" } }, created_at: 1, due_at: Number.MAX_SAFE_INTEGER };
    store.commit(
      JSON.stringify([
        ...waiters.map((awaiter) => ({ insert_callback: { awaited: "p", awaiter } })),
        ...waiters.map((address) => ({ insert_listener: { awaited: "p", address } })),
        ...waiters.map((id) => ({ insert_task: lease(id) })),
        { put_message: parked, mailbox: "any@g" },
      ]),
    );
    const behind = (after: string | null, limit: number) => {
      const of = { awaited: "p", after, limit };
      const reads = [{ callbacks_of: of }, { listeners_of: of }, { held_by: { pid: "p", after, limit } }];
      const [callbacks, listeners, held] = JSON.parse(store.load(JSON.stringify(reads))) as [string[], string[], { id: string }[]];
      assert.deepEqual(listeners, callbacks);
      assert.deepEqual(held.map(({ id }) => id), callbacks);
      return callbacks;
    };
    assert.deepEqual(behind(null, 2), ["a", "\uFFFD"], "by bytes");
    assert.deepEqual(behind("a", 2), ["\uFFFD", "\u{1F600}"]);
    assert.deepEqual(behind("\uFFFD", 2), ["\u{1F600}"]);
    assert.equal(store.due("message", Number.MAX_SAFE_INTEGER, 10), "[]");
    assert.equal(store.due("lease", 5, 2), '[[5,"a"],[5,"\uFFFD"]]');
    assert.equal(store.due("lease", 4, 2), "[]");
    storage.close();
  });

  it("hands over no message before what it tells of is durable", async () => {
    const storage = new Storage();
    const server = await Server.open({ store: new DurableObjectStore(storage), wake: () => undefined });
    let sync = () => undefined as void;
    storage.sync = () => new Promise((resolve) => (sync = resolve));
    const heard: string[] = [];
    server.connect({ group: "g", worker: "w" }, ({ kind }) => void heard.push(kind));
    await server.process(envelope("promise.create", { id: "a", timeoutAt: 9e12, tags: { "resonate:target": "poll://any@g" } }));
    await server.quiet();
    assert.deepEqual(heard, []);
    sync();
    await server.quiet();
    assert.deepEqual(heard, ["execute"]);
    await server.close();
    storage.close();
  });

  it("hands over what came due before a request that fails", async () => {
    const storage = new Storage();
    const store = new DurableObjectStore(storage);
    const commit = store.commit.bind(store);
    store.commit = (writes) => {
      if (writes.includes("too-large")) throw new Error("no room");
      commit(writes);
    };
    let now = 1_000;
    const server = await Server.open({ store, clock: () => now, wake: () => undefined });
    const heard: string[] = [];
    server.connect({ group: "g", worker: "w" }, ({ kind }) => void heard.push(kind));
    await server.process(envelope("promise.create", { id: "a", timeoutAt: 2_000, tags: {} }));
    await server.process(envelope("promise.register_listener", { awaited: "a", address: "poll://uni@g/w" }));
    now = 2_000;
    await assert.rejects(server.process(envelope("promise.create", { id: "too-large", timeoutAt: 9e12, tags: {} })), { name: "StoreError" });
    await server.quiet();
    assert.deepEqual(heard, ["unblock"]);
    await server.close();
    storage.close();
  });

  it("goes on from its rows after the module has trapped", async () => {
    const storage = new Storage();
    const server = await Server.open({ store: new DurableObjectStore(storage), wake: () => undefined });
    const status = async (path: string) => (await server.fetch(new Request(`http://here/promises/${path}`))).status;
    const create = { method: "POST", body: JSON.stringify({ timeout: 9e12 }) };
    assert.equal((await server.fetch(new Request("http://here/promises/a/create", create))).status, 201);
    const { memory } = await init();
    new Uint8Array(memory.buffer).fill(0xff);
    assert.equal(await status("a"), 500);
    await server.restore();
    assert.deepEqual([await status("a"), await status("b")], [200, 404]);
    await server.close();
    storage.close();
  });

  it("writes nothing when a guard does not hold", () => {
    const storage = new Storage();
    const store = new DurableObjectStore(storage);
    const callback = { insert_callback: { awaited: "a", awaiter: "b" } };
    const lost = { advance_schedule: { id: "s", from: 1, last_run_at: null, next_run_at: 2 } };
    assert.throws(() => store.commit(JSON.stringify([callback, lost])), GuardError);
    assert.deepEqual((JSON.parse(store.snapshot()) as { callbacks: unknown[] }).callbacks, []);
    storage.close();
  });

  it("refuses tables of a version that it does not know, and storage that has no SQLite", () => {
    const storage = new Storage();
    new DurableObjectStore(storage);
    storage.sql.exec("INSERT INTO resonate_schema (version) VALUES (?)", 99).toArray();
    assert.throws(() => new DurableObjectStore(storage), /version 99.*use the newer package/);
    storage.close();
    assert.throws(() => new DurableObjectStore({} as Storage), /new_sqlite_classes/);
  });
});

/** Fails when a statement looks at every row of a table, or sorts them. What is asked for everything, a snapshot or a reset, may. */
function assertGoesAlongAnIndex(storage: Storage, query: string): void {
  const isForAll = !query.includes("WHERE") && /^(SELECT|DELETE)/.test(query);
  if (isForAll) return;
  const slow = storage.plan(query).filter((line) => /^SCAN resonate_|TEMP B-TREE/.test(line));
  assert.deepEqual(slow, [], `${query}\n${storage.plan(query).join("\n")}`);
}
