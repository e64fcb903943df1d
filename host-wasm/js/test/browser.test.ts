// The package in a page, without a bundler: what IndexedDB keeps, who may write to it, and what happens when it fails.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { BrowserContext, Page } from "playwright-core";
import { type Lifetime, newProfile, openPage, PACKAGE, serveFiles, startBrowser } from "./browser.ts";
import type { StoreError } from "../dist/index.js";
import type { Resonate } from "@resonatehq/sdk";

/** What the pages have at hand. */
declare global {
  var lib: any;
  var server: any;
  var resonate: Resonate;
  var db: IDBDatabase;
}

const PAGE = `<!doctype html><link rel="icon" href="data:,">
<script type="module">
  import * as core from "/dist/index.js";
  import { indexedDb } from "/dist/stores/indexeddb.js";
  globalThis.lib = { ...core, indexedDb, request: (kind, data) => ({ kind, head: { corrId: "c", version: "2026-04-01" }, data }) };
</script>`;

/** The SDK needs names for its packages. One of them is CommonJS, and only its own server in memory uses it. */
const SDK_PAGE = `<!doctype html><link rel="icon" href="data:,">
<script type="importmap">{"imports": {
  "@resonatehq/sdk": "/node_modules/@resonatehq/sdk/dist/src/index.js",
  "eventsource": "/node_modules/eventsource/dist/index.js",
  "eventsource-parser": "/node_modules/eventsource-parser/dist/index.js",
  "eventsource-parser/stream": "/node_modules/eventsource-parser/dist/stream.js",
  "cron-parser": "data:text/javascript,export const CronExpressionParser = undefined;"
}}</script>
<script type="module">
  import * as core from "/dist/index.js";
  import { indexedDb } from "/dist/stores/indexeddb.js";
  import { WasmNetwork } from "/dist/network.js";
  import { Resonate } from "@resonatehq/sdk";
  globalThis.lib = { ...core, indexedDb, WasmNetwork, Resonate };
</script>`;

const SERVICE_WORKER = `
  import { Server } from "/dist/index.js";
  import { indexedDb } from "/dist/stores/indexeddb.js";
  const opened = Server.open({ store: indexedDb("service") });
  self.addEventListener("install", () => self.skipWaiting());
  self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
  self.addEventListener("fetch", (event) => {
    const { pathname } = new URL(event.request.url);
    if (/^[/](promises|poll|health)/.test(pathname)) event.respondWith(opened.then((server) => server.fetch(event.request)));
  });
`;

const ends: (() => Promise<void>)[] = [];
const life: Lifetime = { after: (end) => void ends.unshift(end) };
let context: BrowserContext;
let profile: string;
let url: string;

async function visit(path = "/page", origin = url): Promise<Page> {
  const { page } = await openPage(context, `${origin}${path}`);
  await page.waitForFunction(() => globalThis.lib !== undefined);
  return page;
}

/** Opens a server over a database, in a page. The error's parts, if it cannot. */
const openDb = (page: Page, name: string, options = {}) =>
  page.evaluate(
    async ([name, options]) => {
      try {
        globalThis.server = await lib.Server.open({ store: lib.indexedDb(name, options) });
        return undefined;
      } catch (error) {
        const { name, fault, message } = error as StoreError;
        return { name, fault, message };
      }
    },
    [name, options] as const,
  );

const create = (page: Page, id: string) =>
  page.evaluate(async (id) => (await server.process(lib.request("promise.create", { id, timeoutAt: Date.now() + 1e9 }))).head.status, id);
const get = (page: Page, id: string) =>
  page.evaluate(async (id) => (await server.process(lib.request("promise.get", { id }))).head.status, id);
/** Runs what must fail. The error's parts. */
const failing = (page: Page, id: string) =>
  page.evaluate(async (id) => {
    try {
      await server.process(lib.request("promise.create", { id, timeoutAt: Date.now() + 1e9 }));
      return undefined;
    } catch (error) {
      const { name, fault, message } = error as StoreError;
      return { name, fault, message };
    }
  }, id);

describe("in a browser", { timeout: 80_000 }, () => {
  before(async () => {
    url = await serveFiles(life, PACKAGE, { "/page": PAGE, "/sdk": SDK_PAGE, "/service.js": SERVICE_WORKER });
    profile = await newProfile(life);
    context = await startBrowser(life, profile);
  });
  after(async () => {
    for (const end of ends) await end();
  });

  it("runs in a page without a bundler", async () => {
    const page = await visit();
    const state = await page.evaluate(async () => {
      const server = await lib.Server.open();
      await server.process(lib.request("promise.create", { id: "a", timeoutAt: Date.now() + 1e6 }));
      const response = await server.fetch(new Request("http://anywhere/promises/a"));
      return (await response.json()).state;
    });
    assert.equal(state, "PENDING");
    await page.close();
  });

  it("keeps everything through a reload, and the message under way arrives after it", async () => {
    const page = await visit();
    await openDb(page, "reload");
    assert.equal(await create(page, "kept"), 200);
    const heard = await page.evaluate(async () => {
      // A delivery that is never done.
      server.connect({ group: "g", worker: "w" }, () => new Promise(() => undefined));
      const tags = { "resonate:target": "poll://any@g" };
      await server.process(lib.request("promise.create", { id: "task", timeoutAt: Date.now() + 1e9, tags }));
      return (await server.process(lib.request("task.get", { id: "task" }))).data.task.state;
    });
    assert.equal(heard, "pending");
    await page.reload();
    await page.waitForFunction(() => globalThis.lib !== undefined);
    assert.equal(await openDb(page, "reload"), undefined);
    assert.equal(await get(page, "kept"), 200);
    const message = await page.evaluate(
      () => new Promise<{ kind: string }>((resolve) => server.connect({ group: "g", worker: "w" }, resolve)),
    );
    assert.equal(message.kind, "execute");
    await page.close();
  });

  it("lets one tab have a database: another is told at once, or waits", async () => {
    const [first, second] = [await visit(), await visit()];
    assert.equal(await openDb(first, "tabs"), undefined);
    const refused = await openDb(second, "tabs");
    assert.deepEqual([refused?.name, refused?.fault], ["StoreLockedError", "locked"]);
    assert.match(refused?.message ?? "", /tabs belongs to another server.*wait: true/);
    const waiting = openDb(second, "tabs", { wait: true });
    assert.equal(await create(first, "a"), 200);
    await first.close();
    assert.equal(await waiting, undefined);
    assert.equal(await get(second, "a"), 200);
    await second.close();
  });

  it("notices another writer where there are no locks, before anything is written", async () => {
    const [first, second] = [await visit(), await visit()];
    for (const page of [first, second]) {
      await page.evaluate(() => Object.defineProperty(navigator, "locks", { value: undefined }));
      assert.equal(await openDb(page, "generations"), undefined);
    }
    assert.equal(await create(second, "mine"), 200);
    for (let times = 0; times < 2; times++) {
      assert.deepEqual((await failing(first, "lost"))?.name, "StoreLockedError");
    }
    assert.equal(await get(second, "lost"), 404);
    assert.equal(await create(second, "more"), 200);
    await second.reload();
    await second.waitForFunction(() => globalThis.lib !== undefined);
    await openDb(second, "generations");
    assert.deepEqual([await get(second, "mine"), await get(second, "more"), await get(second, "lost")], [200, 200, 404]);
    await first.close();
    await second.close();
  });

  it("has everything that it acknowledged, when its page is gone in the middle of writing", async () => {
    const page = await visit();
    const acknowledged: string[] = [];
    await page.exposeFunction("acknowledge", (id: string) => acknowledged.push(id));
    await openDb(page, "killed");
    const writing = page.evaluate(async () => {
      const write = async (id: string) => {
        const { head } = await server.process(lib.request("promise.create", { id, timeoutAt: Date.now() + 1e9 }));
        if (head.status === 200) await (globalThis as unknown as { acknowledge(id: string): Promise<void> }).acknowledge(id);
      };
      for (let round = 0; ; round++) await Promise.all([1, 2, 3, 4, 5].map((n) => write(`p${round}-${n}`)));
    });
    writing.catch(() => undefined);
    while (acknowledged.length < 50) await new Promise((resolve) => setTimeout(resolve, 5));
    await page.close();
    // Again from what is on the disk.
    await context.close();
    context = await startBrowser(life, profile);
    const again = await visit();
    assert.equal(await openDb(again, "killed", { wait: true }), undefined);
    const found = await again.evaluate(async () => JSON.parse(new TextDecoder().decode(await server.snapshot())));
    const ids = new Set(found.promises.map(({ id }: { id: string }) => id));
    assert.deepEqual(acknowledged.filter((id) => !ids.has(id)), []);
    await again.close();
  });

  it("says that storage is full, acknowledges nothing of it, and goes on once there is room", async () => {
    // An origin of its own: the browser remembers for a while how much room there was.
    const origin = url.replace("127.0.0.1", "localhost");
    const page = await visit("/page", origin);
    const session = await context.newCDPSession(page);
    await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 3_000_000 });
    await openDb(page, "full");
    assert.equal(await create(page, "before"), 200);
    const full = await page.evaluate(async () => {
      // What cannot be compressed.
      const noise = () => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(60_000))));
      let made = 0;
      try {
        for (; made < 200; made++) {
          const param = { data: noise() + noise() + noise() + noise() };
          await server.process(lib.request("promise.create", { id: `large-${made}`, timeoutAt: Date.now() + 1e9, param }));
        }
        return undefined;
      } catch (error) {
        const { name, fault, message } = error as StoreError;
        return { name, fault, message, made };
      }
    });
    assert.deepEqual([full?.name, full?.fault], ["StoreError", "full"]);
    const made = full?.made ?? 0;
    assert.deepEqual([await get(page, "before"), await get(page, `large-${made - 1}`), await get(page, `large-${made}`)], [200, 200, 404]);
    await session.send("Storage.overrideQuotaForOrigin", { origin });
    // The browser looks at how much room there is now and then.
    while ((await failing(page, "after"))?.fault === "full") await new Promise((resolve) => setTimeout(resolve, 20));
    await page.reload();
    await page.waitForFunction(() => globalThis.lib !== undefined);
    await openDb(page, "full");
    assert.deepEqual([await get(page, "before"), await get(page, "after")], [200, 200]);
    await page.close();
  });

  it("acknowledges nothing that a commit that fails would have held, and has forgotten it afterwards", async () => {
    const page = await visit();
    await openDb(page, "aborted");
    assert.equal(await create(page, "before"), 200);
    const [lost, seen] = await page.evaluate(async () => {
      const { transaction } = IDBDatabase.prototype;
      // The next transaction comes to nothing, behind its maker's back.
      IDBDatabase.prototype.transaction = function (...args) {
        IDBDatabase.prototype.transaction = transaction;
        const begun = transaction.apply(this, args);
        queueMicrotask(() => begun.abort());
        return begun;
      };
      const settled = await Promise.allSettled([
        server.process(lib.request("promise.create", { id: "lost", timeoutAt: Date.now() + 1e9 })),
        // It has seen what is lost.
        server.process(lib.request("promise.get", { id: "lost" })),
      ]);
      return settled.map((end) => (end.status === "rejected" ? { name: end.reason.name, fault: end.reason.fault } : "answered"));
    });
    assert.deepEqual([lost, seen], [lost, lost]);
    assert.equal((lost as { name: string }).name, "StoreError");
    assert.deepEqual([await get(page, "before"), await get(page, "lost")], [200, 404]);
    assert.equal(await create(page, "lost"), 200);
    await page.close();
  });

  it("says that the database was closed under it, and opens it again", async () => {
    const page = await visit();
    await page.evaluate(() => {
      const { open } = IDBFactory.prototype;
      IDBFactory.prototype.open = function (...args) {
        const opening = open.apply(this, args);
        opening.addEventListener("success", () => void (globalThis.db = opening.result));
        return opening;
      };
    });
    await openDb(page, "closed");
    assert.equal(await create(page, "before"), 200);
    await page.evaluate(() => globalThis.db.close());
    const lost = await failing(page, "lost");
    assert.deepEqual([lost?.name, lost?.fault], ["StoreError", "closed"]);
    assert.deepEqual([await get(page, "before"), await get(page, "lost")], [200, 404]);
    assert.equal(await create(page, "after"), 200);
    await page.close();
  });

  it("says that the database was removed, and does not begin again with nothing", async () => {
    const [page, other] = [await visit(), await visit()];
    await openDb(page, "removed");
    assert.equal(await create(page, "before"), 200);
    // As a person may who clears what sites have stored.
    await other.evaluate(() => new Promise((resolve) => (indexedDB.deleteDatabase("removed").onsuccess = resolve)));
    for (let times = 0; times < 2; times++) {
      const lost = await failing(page, "lost");
      assert.deepEqual([lost?.name, lost?.fault], ["StoreError", "closed"]);
    }
    assert.match((await failing(page, "lost"))?.message ?? "", /was removed: open the server anew/);
    await page.close();
    await other.close();
  });

  it("says that a page may not store anything", async () => {
    const page = await visit();
    const denied = await page.evaluate(async () => {
      IDBFactory.prototype.open = () => {
        throw new DOMException("denied", "SecurityError");
      };
      try {
        await lib.Server.open({ store: lib.indexedDb("denied") });
        return undefined;
      } catch (error) {
        const { name, fault, message } = error as StoreError;
        return { name, fault, message };
      }
    });
    assert.deepEqual([denied?.name, denied?.fault], ["StoreError", "denied"]);
    await page.close();
  });

  it("answers a page's calls out of a service worker", async () => {
    const page = await visit();
    const answers = await page.evaluate(async () => {
      const controlled = new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve));
      const registration = await navigator.serviceWorker.register("/service.js", { type: "module" });
      await controlled;
      const body = JSON.stringify({ timeout: Date.now() + 1e9 });
      const made = await fetch("/promises/a/create", { method: "POST", body });
      const found = await (await fetch("/promises/a")).json();
      await registration.unregister();
      return [made.status, found.state];
    });
    assert.deepEqual(answers, [201, "PENDING"]);
    await page.close();
  });

  it("runs a workflow of the SDK that goes on after a reload", async () => {
    const page = await visit("/sdk");
    const hire = async (page: Page) =>
      page.evaluate(async () => {
        globalThis.server = await lib.Server.open({ store: lib.indexedDb("workflow") });
        globalThis.resonate = new lib.Resonate({ network: new lib.WasmNetwork(server) });
        resonate.register("greet", function* (ctx: any): Generator<any, string, any> {
          const name: string = yield* ctx.run(() => "you");
          const answer = yield* ctx.promise();
          return `${yield* answer} ${name}`;
        });
      });
    await hire(page);
    await page.evaluate(async () => {
      await resonate.beginRun("greet", "greet");
      await server.quiet();
    });
    await page.reload();
    await page.waitForFunction(() => globalThis.lib !== undefined);
    await hire(page);
    const result = await page.evaluate(async () => {
      const found = await server.process({ kind: "promise.search", head: { corrId: "c", version: "2026-04-01" }, data: { state: "pending" } });
      const { id } = found.data.promises.find(({ id }: { id: string }) => id !== "greet");
      await resonate.promises.resolve(id, { data: btoa(JSON.stringify("hello")) });
      return (await resonate.get("greet")).result();
    });
    assert.equal(result, "hello you");
    await page.close();
  });
});
