// A server as `fetch`: both protocols, messages as a stream of events, bounds, and pages of other origins.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Server } from "../dist/index.js";
import { create, DAY, open, request, START, task } from "./support.ts";

const at = (path: string) => `https://worker.test${path}`;
const post = (server: Server, path: string, body: BodyInit, headers: Record<string, string> = {}) =>
  server.fetch(new Request(at(path), { method: "POST", body, headers }));

test("an envelope is answered with its status", async (t) => {
  const { server } = await open(t);
  const made = await post(server, "/", JSON.stringify(create("a", START + DAY)));
  assert.deepEqual([made.status, made.headers.get("content-type"), (await made.json()).kind], [200, "application/json", "promise.create"]);
  const missing = await post(server, "/", JSON.stringify(request("promise.get", { id: "b" })));
  assert.deepEqual([missing.status, (await missing.json()).head.status], [404, 404]);
  const wrong = await post(server, "/", new Uint8Array([0xff]));
  assert.deepEqual([wrong.status, (await wrong.json()).head.status], [400, 400]);
});

test("the calls of 2023 are answered as their protocol says", async (t) => {
  const { server } = await open(t);
  const body = JSON.stringify({ timeout: START + DAY });
  const create = (key: string) => post(server, "/promises/a%2Fb/create", body, { "idempotency-key": key });
  assert.equal((await create("k")).status, 201);
  assert.equal((await create("k")).status, 200);
  assert.equal((await create("other")).status, 403);
  const found = await server.fetch(new Request(at("/promises/a%2Fb")));
  assert.deepEqual([found.status, (await found.json()).state], [200, "PENDING"]);
  const page = await server.fetch(new Request(at("/promises?q=a*&limit=5")));
  assert.equal((await page.json()).promises.length, 1);
  const wrong = await server.fetch(new Request(at("/promises/a%2Fb"), { method: "DELETE" }));
  assert.deepEqual([wrong.status, wrong.headers.get("allow")], [405, "GET"]);
  assert.equal((await post(server, "/promises/x/create", "{")).status, 400);
});

test("there is nothing elsewhere", async (t) => {
  const { server } = await open(t);
  assert.equal((await server.fetch(new Request(at("/health")))).status, 200);
  for (const path of ["/other", "/poll/g", "/poll/g/w/more", "/poll//w"]) {
    const answer = await server.fetch(new Request(at(path)));
    assert.deepEqual([answer.status, typeof (await answer.json()).error], [404, "string"], path);
  }
  for (const [method, path, allow] of [["PUT", "/", "POST"], ["HEAD", "/poll/g/w", "GET"], ["POST", "/health", "GET, HEAD"]] as const) {
    const answer = await server.fetch(new Request(at(path), { method }));
    assert.deepEqual([answer.status, answer.headers.get("allow")], [405, allow]);
  }
  assert.equal((await server.fetch(new Request(at("/poll/%ff/w")))).status, 400);
  assert.equal((await server.fetch(new Request(at("/poll/g/%00")))).status, 400);
});

test("a body beyond the limit is refused, announced or not", async (t) => {
  const { server } = await open(t, { bodyLimit: 200 });
  const large = "x".repeat(201);
  assert.equal((await post(server, "/", large, { "content-length": "201" })).status, 413);
  const stream = new Blob([large]).stream();
  const answer = await server.fetch(new Request(at("/"), { method: "POST", body: stream, duplex: "half" } as RequestInit));
  const { head, data } = await answer.json();
  assert.deepEqual([answer.status, head.status], [413, 413]);
  assert.match(data, /bodyLimit/);
  assert.equal((await post(server, "/", JSON.stringify(create("a", START + DAY)))).status, 200);
});

test("a body that breaks off is the caller's fault", async (t) => {
  const { server } = await open(t);
  for (const path of ["/", "/promises/a/create"]) {
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error("gone away")) });
    const answer = await server.fetch(new Request(at(path), { method: "POST", body, duplex: "half" } as RequestInit));
    assert.equal(answer.status, 400, path);
    assert.match(await answer.text(), /the body breaks off.*gone away/);
  }
});

test("pages of named origins may call, others may not", async (t) => {
  const { server } = await open(t, { cors: ["https://page.test"] });
  const asks = { "access-control-request-method": "POST", "access-control-request-headers": "idempotency-key" };
  const ask = (origin: string) => server.fetch(new Request(at("/promises/a/create"), { method: "OPTIONS", headers: { ...asks, origin } }));
  const allowed = await ask("https://page.test");
  assert.deepEqual([allowed.status, allowed.headers.get("access-control-allow-origin")], [204, "https://page.test"]);
  assert.match(allowed.headers.get("access-control-allow-headers") ?? "", /idempotency-key/);
  assert.equal((await ask("https://other.test")).headers.get("access-control-allow-origin"), null);
  const answer = await post(server, "/", "{}", { origin: "https://page.test" });
  assert.equal(answer.headers.get("access-control-allow-origin"), "https://page.test");
});

/** Reads a stream of events line by line. */
async function* lines(response: Response): AsyncGenerator<string, void> {
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      yield text.slice(0, end);
      text = text.slice(end + 2);
    }
  }
}

test("a worker hears its messages as events, those that waited and those that come", async (t) => {
  const { server } = await open(t);
  server.processSync(task("early", START + DAY));
  const response = await server.fetch(new Request(at("/poll/g/w%2F1")));
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const events = lines(response);
  const next = async () => (await events.next()).value as string;
  assert.equal(await next(), ": connected");
  assert.match(await next(), /^data: {"kind":"execute".*"early"/);
  server.processSync(task("late", START + DAY));
  assert.match(await next(), /^data: {"kind":"execute".*"late"/);
});

test("what a connection has not got across goes to the next one", async (t) => {
  const { server, clock } = await open(t);
  const first = lines(await server.fetch(new Request(at("/poll/g/w"))));
  await first.next();
  server.processSync(create("a", START + 1));
  server.processSync(request("promise.register_listener", { awaited: "a", address: "poll://uni@g/w" }));
  clock.set(START + 1);
  await server.tick();
  assert.match((await first.next()).value as string, /unblock/);
  await first.return();
  const second = lines(await server.fetch(new Request(at("/poll/g/w"))));
  await second.next();
  assert.match((await second.next()).value as string, /unblock/);
});

test("what was written to a connection that is still open after the keep-alive has arrived", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval", "Date"], now: START });
  const { server, clock } = await open(t);
  const events = lines(await server.fetch(new Request(at("/poll/g/w"))));
  await events.next();
  server.processSync(create("a", START + 1));
  server.processSync(request("promise.register_listener", { awaited: "a", address: "poll://uni@g/w" }));
  clock.set(START + 1);
  await server.tick();
  await events.next();
  const waiting = async () => JSON.parse(new TextDecoder().decode(await server.snapshot())).messages.length;
  assert.equal(await waiting(), 1);
  t.mock.timers.tick(15_000);
  assert.equal((await events.next()).value, ": keep-alive");
  assert.equal(await waiting(), 0);
});

test("a second connection of the same name takes over", async (t) => {
  const { server } = await open(t);
  const first = lines(await server.fetch(new Request(at("/poll/g/w"))));
  await first.next();
  const second = lines(await server.fetch(new Request(at("/poll/g/w"))));
  await second.next();
  assert.equal((await first.next()).done, true);
  server.processSync(task("t", START + DAY));
  assert.match((await second.next()).value as string, /execute/);
});

test("a connection that is not read takes no more than it has room for, and the rest once it is", async (t) => {
  const { server } = await open(t);
  const response = await server.fetch(new Request(at("/poll/g/w")));
  const count = 2_500;
  for (let id = 0; id < count; id++) server.processSync(task(`t${id}`, START + DAY));
  const heard = new Set<string>();
  for await (const line of lines(response)) {
    if (line.startsWith("data: ")) heard.add(JSON.parse(line.slice(6)).data.task.id);
    if (heard.size === count) break;
  }
  assert.equal(heard.size, count);
});

test("a server that is closed says so by HTTP", async (t) => {
  const { server } = await open(t);
  await server.close();
  assert.equal((await post(server, "/", "{}")).status, 503);
  assert.equal((await server.fetch(new Request(at("/promises/a")))).status, 503);
});
