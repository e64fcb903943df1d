// A store that takes its time: nothing leaves before the commit that holds it, and what is lost has not happened.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { type Changes, ClosedError, type CopyStore, StoreError, TrappedError } from "../dist/index.js";
import init from "../dist/wasm/resonate.js";
import { bytes, create, DAY, open, parsed, request, START, task } from "./support.ts";

/** A store whose commits end when the test says so. */
class Slow implements CopyStore {
  readonly kind = "copy";
  readonly rows = new Map<string, unknown>();
  readonly commits: Changes[][] = [];
  opened = 0;
  isClosed = false;
  /** How many commits were under way at once at most. */
  atOnce = 0;
  #underWay = 0;
  /** What opening waits for. */
  opening: Promise<void> | undefined;
  #doors: { open: () => void; break: (why: unknown) => void }[] = [];
  isSlow = false;

  async open(): Promise<Uint8Array | undefined> {
    this.opened += 1;
    await this.opening;
    this.isClosed = false;
    const tables: Record<string, unknown[]> = {};
    for (const [key, row] of this.rows) (tables[key.split(" ")[0]!] ??= []).push(row);
    return this.rows.size === 0 ? undefined : bytes(JSON.stringify(tables));
  }

  async write(changes: Changes[]): Promise<void> {
    this.commits.push(changes);
    this.#underWay += 1;
    this.atOnce = Math.max(this.atOnce, this.#underWay);
    try {
      if (this.isSlow) await new Promise<void>((open, fail) => this.#doors.push({ open, break: fail }));
    } finally {
      this.#underWay -= 1;
    }
    for (const { reset, rows } of changes) {
      if (reset) this.rows.clear();
      for (const [table, key, row] of rows) {
        if (row === null) this.rows.delete(`${table} ${key}`);
        else this.rows.set(`${table} ${key}`, row);
      }
    }
  }

  async replace(snapshot: Uint8Array): Promise<void> {
    this.rows.clear();
    for (const [table, rows] of Object.entries(JSON.parse(new TextDecoder().decode(snapshot)) as Record<string, { id?: string }[]>)) {
      for (const row of rows) this.rows.set(`${table} ${row.id ?? JSON.stringify(row)}`, row);
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  /** The commits that are under way. */
  get waiting(): number {
    return this.#doors.length;
  }

  /** Lets the commit that waits longest end; breaks it, with a reason. */
  end(why?: unknown): void {
    const door = this.#doors.shift();
    assert.ok(door, "a commit waits");
    if (why === undefined) door.open();
    else door.break(why);
  }
}

async function stage(t: TestContext) {
  const store = new Slow();
  return { store, ...(await open(t, { store })) };
}

/** What has become of promises after everything that could go on has. */
async function ends(promises: Promise<unknown>[]): Promise<string[]> {
  const states = promises.map(() => "waits");
  promises.forEach((promise, at) => {
    promise.then(
      () => (states[at] = "answered"),
      (why) => (states[at] = why instanceof StoreError ? why.fault : String(why)),
    );
  });
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  return states;
}

test("an answer waits for its commit, a read for what it has seen, and those that come meanwhile share the next commit", async (t) => {
  const { store, server } = await stage(t);
  store.isSlow = true;
  const asked = [server.process(create("a", START + DAY))];
  assert.deepEqual(await ends(asked), ["waits"]);
  asked.push(server.process(request("promise.get", { id: "a" })), server.process(create("b", START + DAY)), server.process(create("c", START + DAY)));
  assert.deepEqual(await ends(asked), ["waits", "waits", "waits", "waits"]);
  store.end();
  assert.deepEqual(await ends(asked), ["answered", "answered", "waits", "waits"]);
  assert.deepEqual(store.commits.map((changes) => changes.length), [1, 2]);
  store.end();
  assert.deepEqual(await ends(asked), ["answered", "answered", "answered", "answered"]);
  assert.deepEqual(await ends([server.process(request("promise.get", { id: "b" }))]), ["answered"]);
});

test("one commit is under way at a time, also when what follows from one makes another", async (t) => {
  const { store, server } = await stage(t);
  server.connect({ group: "g", worker: "w" }, () => undefined);
  store.isSlow = true;
  const asked = [server.process(task("first", START + DAY))];
  await ends(asked);
  asked.push(server.process(task("second", START + DAY)));
  await ends(asked);
  // The message of the first leaves, and what is told of it shares the commit of the second.
  store.end();
  await ends(asked);
  asked.push(server.process(request("promise.get", { id: "second" })), server.process(create("third", START + DAY)));
  assert.deepEqual(await ends(asked), ["answered", "waits", "waits", "waits"]);
  assert.equal(store.waiting, 1);
  const closed = server.close();
  while (store.waiting > 0) {
    assert.equal(store.isClosed, false);
    store.end();
    await ends(asked);
  }
  await closed;
  assert.deepEqual(await ends(asked), ["answered", "answered", "answered", "answered"]);
  assert.deepEqual([store.isClosed, store.atOnce], [true, 1]);
});

test("a message leaves after the commit that holds it", async (t) => {
  const { store, server } = await stage(t);
  const heard: string[] = [];
  server.connect({ group: "g", worker: "w" }, ({ kind }) => void heard.push(kind));
  store.isSlow = true;
  const asked = server.process(task("t", START + DAY));
  await ends([asked]);
  assert.deepEqual(heard, []);
  store.isSlow = false;
  store.end();
  await asked;
  await server.quiet();
  assert.deepEqual(heard, ["execute"]);
});

test("a commit that fails is nobody's answer, and the server goes on with what the store holds", async (t) => {
  const { store, server } = await stage(t);
  const heard: string[] = [];
  server.connect({ group: "g", worker: "w" }, ({ kind }) => void heard.push(kind));
  await server.process(create("kept", START + DAY));
  store.isSlow = true;
  const asked = [task("lost", START + DAY), create("behind", START + DAY), request("promise.get", { id: "lost" })].map((what) => server.process(what));
  await ends(asked);
  store.isSlow = false;
  store.end(new StoreError("no room", "full"));
  assert.deepEqual(await ends(asked), ["full", "full", "full"]);
  assert.deepEqual(heard, []);
  const found = await Promise.all(["kept", "lost", "behind"].map((id) => server.process(request("promise.get", { id }))));
  assert.deepEqual(found.map(({ head }) => head.status), [200, 404, 404]);
  assert.equal(store.opened, 2);
  assert.equal((await server.process(task("lost", START + DAY))).head.status, 200);
  await server.quiet();
  assert.deepEqual(heard, ["execute"]);
});

test("nobody is answered from what was lost, however close to the failure he asks", async (t) => {
  for (let microtasks = 0; microtasks < 12; microtasks += 1) {
    const { store, server } = await stage(t);
    store.isSlow = true;
    const lost = server.process(task("lost", START + DAY));
    await ends([lost]);
    store.isSlow = false;
    store.end(new StoreError("no room", "full"));
    for (let passed = 0; passed < microtasks; passed += 1) await undefined;
    const acquire = server.process(request("task.acquire", { id: "lost", version: 0, pid: "w", ttl: 1_000 }));
    const status = await acquire.then(({ head }) => head.status, (why) => why.fault);
    assert.ok(status === 404 || status === "full", `${microtasks} microtasks later: ${status}`);
    assert.deepEqual(await ends([lost]), ["full"]);
    assert.deepEqual([...store.rows.keys()], []);
    await server.close();
  }
});

test("a worker that connects while the memory is filled anew gets what waits for it, and so does one that was connected before", async (t) => {
  for (const isEarly of [true, false]) {
    const { store, server } = await stage(t);
    await server.process(task("waits", START + DAY));
    await server.quiet();
    const heard: string[] = [];
    let room = 0;
    const connect = () => server.connect({ group: "g", worker: "w" }, ({ kind }) => void heard.push(kind), { room: () => room });
    if (isEarly) connect();
    store.isSlow = true;
    const lost = server.process(create("lost", START + DAY));
    await ends([lost]);
    store.isSlow = false;
    store.end("a stone");
    await ends([lost]);
    let open = () => undefined as void;
    store.opening = new Promise((resolve) => (open = resolve));
    const asked = server.process(request("promise.get", { id: "waits" }));
    assert.deepEqual(await ends([asked]), ["waits"]);
    room = 1;
    if (!isEarly) connect();
    open();
    await asked;
    await server.quiet();
    assert.deepEqual(heard, ["execute"]);
  }
});

test("what a store throws that is no error of ours becomes one", async (t) => {
  const { store, server } = await stage(t);
  store.isSlow = true;
  const asked = server.process(create("a", START + DAY));
  await ends([asked]);
  store.isSlow = false;
  store.end("a stone");
  await assert.rejects(asked, { name: "StoreError", fault: "failed", message: /a stone/ });
});

test("a snapshot replaces what the store holds, also what is under way", async (t) => {
  const { store, server } = await stage(t);
  await server.process(create("before", START + DAY));
  const snapshot = await server.snapshot();
  store.isSlow = true;
  const asked = server.process(create("after", START + DAY));
  await ends([asked]);
  const restored = server.restore(snapshot);
  const late = server.process(request("promise.get", { id: "after" }));
  assert.deepEqual(await ends([asked, restored, late]), ["waits", "waits", "waits"]);
  store.isSlow = false;
  store.end();
  await Promise.all([asked, restored]);
  assert.equal((await late).head.status, 404);
  assert.deepEqual([...store.rows.keys()].filter((key) => key.startsWith("promises")), ["promises before"]);
});

test("a store is given a snapshot as the module writes it, whoever has written it", async (t) => {
  const { store, server } = await stage(t);
  await server.process(create("a", START + DAY));
  await server.process(request("promise.register_listener", { awaited: "a", address: "poll://uni@g/w" }));
  await server.process(request("promise.settle", { id: "a", state: "resolved" }));
  await server.quiet();
  const snapshot = parsed(await server.snapshot());
  const [message] = snapshot.messages;
  const { promise, address } = message.key.unblock;
  message.key = { unblock: { address, promise } };
  let given: Uint8Array | undefined;
  const replace = store.replace.bind(store);
  store.replace = (rows) => replace((given = rows));
  await server.restore(bytes(JSON.stringify(snapshot)));
  assert.ok(given);
  assert.equal(JSON.stringify(parsed(given).messages[0].key), JSON.stringify({ unblock: { promise, address } }));
});

test("after a trap a server comes back from its store", async (t) => {
  const { store, server } = await stage(t);
  const heard: string[] = [];
  await server.process(task("kept", START + DAY));
  new Uint8Array((await init()).memory.buffer).fill(0xff);
  await assert.rejects(server.process(create("lost", START + DAY)), TrappedError);
  await assert.rejects(server.process(create("lost", START + DAY)), TrappedError);
  await server.restore();
  assert.equal(store.opened, 2);
  const found = await Promise.all(["kept", "lost"].map((id) => server.process(request("promise.get", { id }))));
  assert.deepEqual(found.map(({ head }) => head.status), [200, 404]);
  server.connect({ group: "g", worker: "w" }, ({ kind }) => void heard.push(kind));
  await server.quiet();
  assert.deepEqual(heard, ["execute"]);
});

test("another server over the store goes on where the first one ended", async (t) => {
  const { store, server } = await stage(t);
  await server.process(task("t", START + DAY));
  await server.close();
  assert.equal(store.isClosed, true);
  const { server: next, clock } = await open(t, { store });
  const heard: string[] = [];
  next.connect({ group: "g", worker: "w" }, ({ kind }) => void heard.push(kind));
  await next.advance(clock.now());
  assert.deepEqual(heard, ["execute"]);
});

test("closing waits for what was asked", async (t) => {
  const { store, server } = await stage(t);
  store.isSlow = true;
  const asked = server.process(create("a", START + DAY));
  await ends([asked]);
  const closed = server.close();
  assert.deepEqual(await ends([closed, asked]), ["waits", "waits"]);
  assert.equal(store.isClosed, false);
  store.end();
  await Promise.all([closed, asked]);
  assert.equal(store.isClosed, true);
});

test("a server that is closed while its memory is filled anew leaves nothing open", async (t) => {
  const { store, server } = await stage(t);
  store.isSlow = true;
  const lost = server.process(create("lost", START + DAY));
  await ends([lost]);
  store.isSlow = false;
  store.end("a stone");
  await ends([lost]);
  let open = () => undefined as void;
  store.opening = new Promise((resolve) => (open = resolve));
  const asked = server.process(request("promise.get", { id: "lost" }));
  await ends([asked]);
  const closed = server.close();
  await ends([closed]);
  open();
  await closed;
  await assert.rejects(asked, ClosedError);
  assert.equal(store.isClosed, true);
  assert.throws(() => server.nextWakeup(), ClosedError);
});

test("only a server that answers at once can be asked to", async (t) => {
  const { server } = await stage(t);
  assert.throws(() => server.processSync(create("a", START + DAY)), { name: "BadInputError", message: /returns a promise/ });
});
