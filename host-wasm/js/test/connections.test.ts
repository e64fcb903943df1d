// Connections that cannot take everything at once: what they do not take waits, and leaves when they can.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message, Went } from "../dist/index.js";
import { DAY, open, START, task } from "./support.ts";

const worker = { group: "g", worker: "w" };
const idOf = (message: Message) => (message.kind === "execute" ? message.data.task.id : message.kind);

test("what waits in a snapshot leaves to whoever is connected to the server that it is put into", async (t) => {
  const { server } = await open(t);
  server.processSync(task("a", START + DAY));
  const { server: other } = await open(t);
  const heard: string[] = [];
  other.connect(worker, (message) => void heard.push(idOf(message)));
  await other.restore(await server.snapshot());
  assert.deepEqual(heard, ["a"]);
});

test("a connection that gives messages back gets none until it is ready, whether it answers at once or not", async (t) => {
  const answers: ((went: Went) => Went | Promise<Went>)[] = [(went) => went, async (went) => went];
  for (const answer of answers) {
    const { server } = await open(t);
    let asked = 0;
    let isOpen = false;
    const connection = server.connect(worker, () => {
      asked += 1;
      // So that the test ends whatever happens.
      return answer(isOpen || asked > 10 ? "delivered" : "unclaimed");
    });
    server.processSync(task("a", START + DAY));
    await server.quiet();
    server.processSync(task("b", START + DAY));
    await server.quiet();
    assert.equal(asked, 1);
    isOpen = true;
    connection.ready();
    await server.quiet();
    assert.equal(asked, 3);
  }
});

test("what one connection gives back goes to another of its group", async (t) => {
  const { server } = await open(t);
  const heard: string[] = [];
  for (const name of ["w1", "w2", "w3"]) {
    server.connect({ group: "g", worker: name }, () => {
      heard.push(name);
      return name === "w3" ? "delivered" : "unclaimed";
    });
  }
  server.processSync(task("a", START + DAY));
  server.processSync(task("b", START + DAY));
  assert.deepEqual(heard, ["w1", "w2", "w3", "w3"]);
});

test("a connection that had no room says when it has", async (t) => {
  const { server } = await open(t);
  let room = 0;
  const heard: string[] = [];
  const connection = server.connect(worker, (message) => void heard.push(idOf(message)), { room: () => room });
  server.processSync(task("a", START + DAY));
  room = 10;
  assert.deepEqual(heard, []);
  connection.ready();
  assert.deepEqual(heard, ["a"]);
});

test("a connection with room for one message at a time gets one after the other", async (t) => {
  const { server } = await open(t);
  const heard: string[] = [];
  let isFree = true;
  const deliver = async (message: Message) => {
    isFree = false;
    heard.push(idOf(message));
    await undefined;
    isFree = true;
  };
  server.connect(worker, deliver, { room: () => Number(isFree) });
  for (const id of ["a", "b", "c"]) server.processSync(task(id, START + DAY));
  assert.deepEqual(heard, ["a"]);
  await server.quiet();
  assert.deepEqual(heard, ["a", "b", "c"]);
});
