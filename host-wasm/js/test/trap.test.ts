// The module traps: every server says so, and comes back from its snapshot.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Server, TrappedError } from "../dist/index.js";
import { indexedDb } from "../dist/stores/indexeddb.js";
import init from "../dist/wasm/resonate.js";
import { create, DAY, open, request, START, task } from "./support.ts";

/** Breaks the memory that all servers share. */
async function breakMemory(): Promise<void> {
  const { memory } = await init();
  new Uint8Array(memory.buffer).fill(0xff);
}

test("after a trap every server says so, and each comes back from its last snapshot", async (t) => {
  const { server } = await open(t);
  const { server: other } = await open(t);
  server.processSync(create("a", START + DAY));
  other.processSync(create("b", START + DAY));
  const [snapshot, otherSnapshot] = [await server.snapshot(), await other.snapshot()];
  await breakMemory();
  assert.throws(() => server.processSync(request("promise.get", { id: "a" })), TrappedError);
  for (const broken of [server, other]) {
    await assert.rejects(broken.process(request("promise.get", { id: "a" })), { name: "TrappedError", message: /restore\(\)/ });
    await assert.rejects(broken.snapshot(), TrappedError);
    assert.throws(() => broken.nextWakeup(), TrappedError);
    const answer = await broken.fetch(new Request("http://here/promises/a"));
    assert.equal(answer.status, 500);
  }
  await server.restore(snapshot);
  assert.equal(server.processSync(request("promise.get", { id: "a" })).head.status, 200);
  // The other one's memory is gone all the same.
  assert.throws(() => other.processSync(request("promise.get", { id: "b" })), TrappedError);
  await other.restore(otherSnapshot);
  assert.equal(other.processSync(request("promise.get", { id: "b" })).head.status, 200);
  assert.equal(server.processSync(request("promise.get", { id: "b" })).head.status, 404);
});

test("the connections of a server that is restored are still there", async (t) => {
  const { server } = await open(t);
  const heard: string[] = [];
  server.connect({ group: "g", worker: "w" }, ({ kind }) => void heard.push(kind));
  const snapshot = await server.snapshot();
  await breakMemory();
  assert.throws(() => server.processSync(task("t", START + DAY)), TrappedError);
  await server.restore(snapshot);
  server.processSync(task("t", START + DAY));
  assert.deepEqual(heard, ["execute"]);
});

test("another server can be opened after a trap", async (t) => {
  const { server } = await open(t);
  await breakMemory();
  assert.throws(() => server.processSync(request("promise.get", { id: "a" })), TrappedError);
  const { server: other } = await open(t);
  assert.equal(other.processSync(create("a", START + DAY)).head.status, 200);
  assert.throws(() => server.processSync(request("promise.get", { id: "a" })), { name: "TrappedError", message: /begun anew/ });
  await server.close();
});

test("where there is no IndexedDB the store says so", async () => {
  await assert.rejects(Server.open({ store: indexedDb("x") }), { name: "StoreError", fault: "denied", message: /IndexedDB is not there/ });
});
