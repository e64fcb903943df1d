// A server at the edge, run for real: a worker and a Durable Object under workerd, both protocols, the released SDK, timers on alarms, a restart.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Context } from "@resonatehq/sdk";
import { Edge, folder, next } from "./edge.ts";
import { request } from "./support.ts";

function* countdown(ctx: Context, from: number, pause: number): Generator {
  for (let left = from; left > 0; left--) yield* ctx.sleep(pause);
  return "lift-off";
}

const here = { target: "workers" };

test("both protocols are served, and bad input is the caller's fault", async (t) => {
  const { url } = await Edge.start(t, await folder(t));
  const post = (body: string) => fetch(url, { method: "POST", body });

  const created = await post(JSON.stringify(request("promise.create", { id: "a", timeoutAt: Date.now() + 60_000, tags: {} })));
  assert.equal(created.status, 200);
  assert.equal((await created.json()).data.promise.state, "pending");
  const resolved = await fetch(`${url}/promises/a/resolve`, { method: "POST", body: JSON.stringify({ value: { data: "eA==" } }) });
  assert.equal(resolved.status, 201);
  const page = await fetch(`${url}/promises?q=*&state=resolved`);
  assert.deepEqual((await page.json()).promises.map(({ id }: { id: string }) => id), ["a"]);

  // Its deadline lies behind the last alarm that can be set.
  assert.equal((await post(JSON.stringify(request("promise.create", { id: "ever", timeoutAt: Number.MAX_SAFE_INTEGER })))).status, 200);

  const tooLarge = await post(JSON.stringify(request("promise.create", { id: "b", timeoutAt: 9e12, param: { data: "x".repeat(2 << 20) } })));
  const wrong: [Response | Promise<Response>, number][] = [
    [post("{"), 400],
    [post(JSON.stringify(request("promise.create", { id: "", timeoutAt: 1 }))), 400],
    [tooLarge, 413],
    [fetch(`${url}/promises/none`), 404],
    [fetch(`${url}/promises/%ff`), 400],
    [fetch(`${url}/promises/a/create`, { method: "POST", body: "[]" }), 400],
    [fetch(`${url}/nowhere`), 404],
    [fetch(url), 405],
    [fetch(`${url}/poll/%ff/w`), 400],
  ];
  for (const [answer, status] of wrong) assert.equal((await answer).status, status, (await answer).url);
});

test("the released SDK runs a countdown, a fan-out, and what waits for a human", async (t) => {
  const edge = await Edge.start(t, await folder(t));
  let ask: (id: string) => void = () => undefined;
  const asked = new Promise<string>((resolve) => {
    ask = resolve;
  });
  const resonate = edge.worker({
    countdown,
    square: (_: Context, side: number) => side * side,
    *sumOfSquares(ctx: Context, sides: number): Generator<unknown, number, never> {
      const squares = [];
      for (let side = 1; side <= sides; side++) squares.push(yield* ctx.beginRpc<number>("square", side, ctx.options(here)));
      let sum = 0;
      for (const square of squares) sum += yield* square;
      return sum;
    },
    *approval(ctx: Context): Generator<unknown, string, never> {
      const answer = yield* ctx.promise<string>();
      yield* ctx.run(() => ask(answer.id));
      return `approved by ${yield* answer}`;
    },
  });
  const options = resonate.options(here);
  assert.equal(await resonate.run("count", "countdown", 3, 100, options), "lift-off");
  assert.equal(await resonate.rpc("sum", "sumOfSquares", 5, options), 55);
  const approved = resonate.rpc("approve", "approval", options);
  await resonate.promises.resolve(await asked, { data: btoa(JSON.stringify("somebody")) });
  assert.equal(await approved, "approved by somebody");
});

test("deadlines and schedules come due by alarms, with nobody asking", async (t) => {
  const edge = await Edge.start(t, await folder(t));
  const connection = await edge.connect("g", "w");
  await edge.ask("promise.create", { id: "late", timeoutAt: Date.now() + 300, tags: { "resonate:external": "true" } });
  await edge.ask("promise.register_listener", { awaited: "late", address: "poll://uni@g/w" });
  const unblock = await next(connection);
  assert.deepEqual([unblock.kind, unblock.data.promise.id, unblock.data.promise.state], ["unblock", "late", "rejected_timedout"]);

  const promiseTags = { "resonate:target": "poll://any@g" };
  const template = { promiseId: "{{.id}}.{{.timestamp}}", promiseTimeout: 60_000, promiseTags };
  await edge.ask("schedule.create", { id: "tick", cron: "* * * * * *", ...template });
  const ticks = [await next(connection), await next(connection)];
  for (const { kind, data } of ticks) assert.match(`${kind} ${data.task.id}`, /^execute tick\.\d+$/);
  assert.notEqual(ticks[0]?.data.task.id, ticks[1]?.data.task.id);
});

test("after a restart everything is there, a sleep goes on, and a message under way comes again", async (t) => {
  const persist = await folder(t);
  const before = await Edge.start(t, persist);
  const connection = await before.connect("g", "w");
  await before.ask("promise.create", { id: "done", timeoutAt: Date.now() + 60_000, tags: { "resonate:external": "true" } });
  await before.ask("promise.register_listener", { awaited: "done", address: "poll://uni@g/w" });
  await before.ask("promise.settle", { id: "done", state: "resolved", value: { data: "eA==" } });
  // It has been written to the connection, and nobody knows yet that it arrived.
  assert.equal((await next(connection)).data.promise.id, "done");
  const sleeper = before.worker({ countdown });
  await sleeper.beginRpc("count", "countdown", 1, 2_000, sleeper.options(here));
  while ((await before.ask("task.get", { id: "count" })).task.state !== "suspended") await new Promise(setImmediate);
  await before.stop();

  const after = await Edge.start(t, persist);
  const again = await next(await after.connect("g", "w"));
  assert.deepEqual([again.kind, again.data.promise.id, again.data.promise.state], ["unblock", "done", "resolved"]);
  assert.equal((await after.ask("promise.get", { id: "done" })).promise.value.data, "eA==");
  assert.equal(await (await after.worker({ countdown }).get("count")).result(), "lift-off");
});

test("a token is asked for where there is one, and tenants see only their own", async (t) => {
  const { url } = await Edge.start(t, await folder(t), { TOKEN: "secret", TENANT_BY: "header:x-tenant" });
  const get = (tenant: string | undefined, token: string) => {
    const headers = { authorization: `Bearer ${token}`, ...(tenant === undefined ? {} : { "x-tenant": tenant }) };
    return fetch(`${url}/promises/a`, { headers });
  };
  const headers = { authorization: "Bearer secret", "x-tenant": "one" };
  const made = await fetch(`${url}/promises/a/create`, { method: "POST", headers, body: JSON.stringify({ timeout: Date.now() + 60_000 }) });
  assert.equal(made.status, 201);
  assert.equal((await get("one", "secret")).status, 200);
  assert.equal((await get("two", "secret")).status, 404);
  assert.equal((await get("one", "guessed")).status, 401);
  assert.equal((await get(undefined, "secret")).status, 400);
});
