// One server: requests, time, messages, snapshots.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { BadInputError, ClosedError, ManualClock, Server } from "../dist/index.js";
import { bytes, create, DAY, open, parsed, request, START, task } from "./support.ts";

test("an object is answered by an object, a text by a text, bytes by bytes", async (t) => {
  const { server } = await open(t);
  const made = await server.process(create("a", START + 1));
  assert.equal(made.head.status, 200);
  const get = JSON.stringify(request("promise.get", { id: "a" }));
  const text = await server.process(get);
  assert.deepEqual(JSON.parse(text).data, made.data);
  assert.equal(new TextDecoder().decode(server.processSync(bytes(get))), text);
});

test("a request that cannot be read is answered 400, whatever it is", async (t) => {
  const { server } = await open(t);
  for (const wrong of [bytes(""), bytes("{"), new Uint8Array([0xff, 0xfe, 0x22]), bytes('{"kind":1}'), bytes(`${"[".repeat(100_000)}`)]) {
    assert.equal(parsed(await server.process(wrong)).head.status, 400);
  }
  assert.equal(JSON.parse(await server.process("nonsense")).head.status, 400);
  for (const timeoutAt of [2 ** 53, 1e300, -1, 0.5, "1", Number.NaN]) {
    const { head, data } = await server.process(create("late", timeoutAt as number));
    assert.equal(head.status, 400, String(timeoutAt));
    assert.match(data, /timeoutAt/);
  }
  assert.equal((await server.process(create("last", Number.MAX_SAFE_INTEGER))).head.status, 200);
});

test("what is no JSON is a typed error that names the request, and changes nothing", async (t) => {
  const { server } = await open(t);
  const cyclic: { self?: object } = {};
  cyclic.self = cyclic;
  const wrongs = [undefined, Symbol("s"), () => 1, 1n, { a: 1n }, cyclic, { toJSON: () => undefined }];
  for (const wrong of wrongs) {
    await assert.rejects(server.process(wrong as object), (error) => error instanceof BadInputError && /^request: /.test(error.message));
  }
  assert.deepEqual(parsed(await server.snapshot()).promises, []);
});

test("options that do not fit name the option", async () => {
  await assert.rejects(Server.open({ retryTimeout: 0 }), { name: "BadInputError", message: /retryTimeout/ });
  await assert.rejects(Server.open({ retryTimeout: 1.5 }), { name: "BadInputError", message: /options/ });
});

test("a clock that tells no instant is a typed error", async (t) => {
  let now: number = START;
  const { server } = await open(t, { clock: () => now });
  for (const wrong of [Number.NaN, -1, 2 ** 53, 0.5, Number.POSITIVE_INFINITY]) {
    now = wrong;
    assert.throws(() => server.processSync(create("a", START)), { name: "BadInputError", message: /now/ });
  }
  now = Number.MAX_SAFE_INTEGER;
  assert.equal(server.processSync(request("promise.get", { id: "a" })).head.status, 404);
});

test("what is due happens before the request that comes after it", async (t) => {
  const { server, clock } = await open(t);
  const heard: string[] = [];
  server.connect({ group: "g", worker: "w" }, ({ kind }) => void heard.push(kind));
  server.processSync(create("a", START + 10));
  server.processSync(request("promise.register_listener", { awaited: "a", address: "poll://uni@g/w" }));
  clock.set(START + 10);
  server.processSync(request("promise.get", { id: "other" }));
  assert.deepEqual(heard, ["unblock"]);
});

test("time passes instant by instant: what is due a month later happens at its own time", async (t) => {
  const { server, clock } = await open(t);
  const heard: [number, string][] = [];
  server.connect({ group: "g", worker: "w" }, (message) => {
    if (message.kind === "unblock") heard.push([clock.now() - START, message.data.promise.id]);
  });
  for (const days of [30, 1, 7]) {
    server.processSync(create(`after-${days}`, START + days * DAY));
    server.processSync(request("promise.register_listener", { awaited: `after-${days}`, address: "poll://uni@g/w" }));
  }
  assert.equal(server.nextWakeup(), START + DAY);
  await server.advance(START + 31 * DAY);
  assert.deepEqual(heard, [1, 7, 30].map((days) => [days * DAY, `after-${days}`]));
  assert.equal(clock.now(), START + 31 * DAY);
});

test("time neither goes back nor passes by itself", async (t) => {
  const { server } = await open(t);
  await assert.rejects(server.advance(START - 1), { name: "BadInputError", message: /does not go back/ });
  await assert.rejects(server.advance(2 ** 53), { name: "BadInputError", message: /to: must be/ });
  const { server: other } = await open(t, { clock: Date.now });
  await assert.rejects(other.advance(START), { name: "BadInputError", message: /ManualClock/ });
});

test("with the system's clock a server wakes by itself", async (t) => {
  const { server } = await open(t, { clock: Date.now });
  // A server's own timer does not keep Node alive.
  const alive = setInterval(() => undefined, 1_000);
  t.after(() => clearInterval(alive));
  const heard = new Promise((resolve) => server.connect({ group: "g", worker: "w" }, resolve));
  await server.process(create("soon", Date.now() + 20));
  await server.process(request("promise.register_listener", { awaited: "soon", address: "poll://uni@g/w" }));
  assert.equal(((await heard) as { kind: string }).kind, "unblock");
});

test("whoever does the waking is told when, and only when that changes", async (t) => {
  const told: (number | undefined)[] = [];
  const { server } = await open(t, { wake: (at) => told.push(at) });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  await turn();
  server.processSync(create("b", START + 20));
  server.processSync(create("c", START + 30));
  await turn();
  server.processSync(create("a", START + 10));
  await turn();
  assert.deepEqual(told, [START + 20, START + 10]);
});

test("messages go round the workers of a group, and wait when there is none", async (t) => {
  const { server } = await open(t);
  server.processSync(task("t0", START + DAY));
  const heard: string[] = [];
  const worker = (name: string) =>
    server.connect({ group: "g", worker: name }, (message) => {
      if (message.kind === "execute") heard.push(`${name} ${message.data.task.id}`);
    });
  const first = worker("w1");
  assert.deepEqual(heard, ["w1 t0"]);
  worker("w2");
  for (const id of ["t1", "t2", "t3"]) server.processSync(task(id, START + DAY));
  const turns = heard.slice(1).map((line) => line.slice(0, 2));
  assert.notEqual(turns[0], turns[1]);
  assert.equal(turns[0], turns[2]);
  first.close();
  heard.length = 0;
  server.processSync(create("named", START + DAY, { tags: { "resonate:target": "poll://any@g/w1" } }));
  assert.deepEqual(heard, ["w2 named"]);
});

test("a backlog of any size leaves when somebody connects", async (t) => {
  const { server } = await open(t);
  for (let id = 0; id < 2_500; id++) server.processSync(task(`t${id}`, START + DAY));
  const heard = new Set<string>();
  server.connect({ group: "g", worker: "w" }, (message) => {
    if (message.kind === "execute") heard.add(message.data.task.id);
  });
  assert.equal(heard.size, 2_500);
});

test("a delivery that fails is tried again, and one that is told to be unclaimed waits", async (t) => {
  const { server, clock } = await open(t);
  let tries = 0;
  server.connect({ group: "g", worker: "w" }, () => {
    tries += 1;
    if (tries < 3) throw new Error("not now");
  });
  server.processSync(create("a", START + 1));
  server.processSync(request("promise.register_listener", { awaited: "a", address: "poll://uni@g/w" }));
  await server.advance(clock.now() + DAY);
  assert.equal(tries, 3);
  assert.deepEqual(parsed(await server.snapshot()).messages, []);
});

test("messages to URLs go to the callback, and wait for a server that has one", async (t) => {
  const { server } = await open(t);
  server.processSync(create("a", START + DAY, { tags: { "resonate:target": "http://worker.test/hook" } }));
  const snapshot = await server.snapshot();
  const pushed: string[] = [];
  const { server: other } = await open(t, { push: async (address, message) => void pushed.push(`${address} ${message.kind}`) });
  await other.restore(snapshot);
  assert.deepEqual(pushed, ["http://worker.test/hook execute"]);
});

test("messages are posted to URLs, again and again until one is taken", async (t) => {
  const posted: string[] = [];
  const hook = createServer(async (incoming, response) => {
    let body = "";
    for await (const chunk of incoming) body += chunk;
    posted.push(`${incoming.method} ${incoming.headers["content-type"]} ${JSON.parse(body).kind}`);
    response.writeHead(posted.length < 3 ? 500 : 204).end();
  });
  await new Promise<void>((listening) => hook.listen(0, "127.0.0.1", listening));
  t.after(() => hook.close());
  const { server, clock } = await open(t, { push: true });
  const address = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/hook`;
  server.processSync(create("a", START + 1));
  server.processSync(request("promise.register_listener", { awaited: "a", address }));
  await server.advance(clock.now() + DAY);
  assert.deepEqual(posted, Array(3).fill("POST application/json unblock"));
});

test("a message that never arrives is not waited for for ever", async (t) => {
  const { server, clock } = await open(t, { push: () => new Promise(() => undefined) });
  server.processSync(create("a", START + DAY, { tags: { "resonate:target": "http://worker.test" } }));
  await server.advance(clock.now() + DAY, { patience: 20 });
  assert.equal(server.processSync(request("promise.get", { id: "a" })).data.promise.state, "rejected_timedout");
});

test("a snapshot brings everything back, and what is none changes nothing", async (t) => {
  const { server } = await open(t);
  server.processSync(create("a", START + DAY));
  const snapshot = await server.snapshot();
  server.processSync(create("b", START + DAY));
  for (const wrong of ["", "{", '{"promises":[{}]}', '{"tasks":[],"extra":1}']) {
    await assert.rejects(server.restore(bytes(wrong)), { name: "BadInputError", message: /^snapshot: / });
  }
  assert.equal(server.processSync(request("promise.get", { id: "b" })).head.status, 200);
  await server.restore(snapshot);
  assert.equal(server.processSync(request("promise.get", { id: "a" })).head.status, 200);
  assert.equal(server.processSync(request("promise.get", { id: "b" })).head.status, 404);
  await assert.rejects(server.restore(), { name: "BadInputError", message: /snapshot\(\)/ });
});

test("a closed server says so", async (t) => {
  const { server } = await open(t);
  await server.close();
  await server.close();
  await assert.rejects(server.process(create("a", START)), ClosedError);
  assert.throws(() => server.processSync(create("a", START)), ClosedError);
  assert.throws(() => server.connect({ group: "g", worker: "w" }, () => undefined), ClosedError);
  await assert.rejects(server.restore(bytes("{}")), ClosedError);
});

test("who connects has a name", async (t) => {
  const { server } = await open(t);
  assert.throws(() => server.connect({ group: "", worker: "w" }, () => undefined), { name: "BadInputError", message: /group/ });
  assert.throws(() => server.connect({ group: "g", worker: undefined as never }, () => undefined), { name: "BadInputError", message: /worker/ });
});

test("a clock that is installed is everybody's until it is not", () => {
  const clock = new ManualClock(START).install();
  try {
    clock.set(START + 5);
    assert.equal(Date.now(), START + 5);
    assert.equal(new Date().getTime(), START + 5);
    assert.equal(new Date(1).getTime(), 1);
    assert.ok(new Date() instanceof Date);
    assert.throws(() => new ManualClock().install(), { name: "BadInputError", message: /uninstall/ });
  } finally {
    clock.uninstall();
  }
  assert.ok(Date.now() > START + 5);
});

test("timeouts wait for a clock that is installed with them, in order, and can be cleared", () => {
  const { setTimeout, clearTimeout } = globalThis;
  const clock = new ManualClock(START).install({ timeouts: true });
  const heard: string[] = [];
  const tell = (word: string) => heard.push(`${word} at ${Date.now() - START}`);
  try {
    globalThis.setTimeout(tell, 30, "late");
    globalThis.setTimeout(() => void globalThis.setTimeout(tell, 5, "behind"), 10);
    globalThis.setTimeout(tell, 10, "early").unref();
    globalThis.clearTimeout(globalThis.setTimeout(tell, 20, "never"));
    assert.equal(clock.nextTimeout(), START + 10);
    clock.set(START + 29);
    assert.deepEqual(heard, ["early at 10", "behind at 15"]);
    clock.set(START + 30);
    assert.deepEqual(heard.slice(2), ["late at 30"]);
  } finally {
    clock.uninstall();
  }
  assert.equal(clock.nextTimeout(), undefined);
  assert.deepEqual([globalThis.setTimeout, globalThis.clearTimeout], [setTimeout, clearTimeout]);
});
