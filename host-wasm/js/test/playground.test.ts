// The playground in a browser: stories, going back and forth, links, recordings, keys, and what may not happen: errors, a page too wide, a file
// too large.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import type { BrowserContext, Page } from "playwright-core";
import { type Lifetime, newProfile, PACKAGE, serveFiles, startBrowser } from "./browser.ts";
import { buildPlayground, leave, open, ROOT, where } from "./visit.ts";

const SIZE_MAX = 400 * 1024;
const SIMULATION_SIZE_MAX = 550 * 1024;
const SIMULATION = "wasm/simulation.wasm.gz";
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const ends: (() => Promise<void>)[] = [];
const life: Lifetime = { after: (end) => void ends.unshift(end) };
let context: BrowserContext;
let url: string;

const visit = (fragment = "") => open(context, url, fragment);

/** Runs a story until nothing more happens within the hour. */
async function story(page: Page, key: string): Promise<void> {
  await page.click(`[data-story=${key}]`);
  await rest(page);
}

const rest = (page: Page) =>
  page.evaluate((gap) => {
    playground.pause();
    playground.simulation.advanceToRest(gap);
    playground.go(playground.length);
  }, HOUR);

/** The text of an element, once everything is drawn. */
async function shown(page: Page, selector: string): Promise<string> {
  await page.evaluate(() => new Promise(requestAnimationFrame));
  return (await page.textContent(selector)) ?? "";
}

/** The state that is shown. */
const state = (page: Page) => page.evaluate(() => playground.state);
const kinds = (page: Page): Promise<string[]> => page.evaluate(() => playground.chronicle.glances.map(({ kind }: { kind: string }) => kind));

interface Row {
  id: string;
  state: string;
}

async function states(page: Page): Promise<Record<string, string>> {
  const { promises } = await state(page);
  return Object.fromEntries(promises.map(({ id, state }: Row) => [id, state]));
}

/** Drops a file on the page. */
async function drop(page: Page, name: string, text: string): Promise<void> {
  const transfer = await page.evaluateHandle(
    ([name, text]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([text], name));
      return transfer;
    },
    [name, text] as const,
  );
  await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
}

const recording = (page: Page): Promise<string> => page.evaluate(() => new TextDecoder().decode(playground.chronicle.recording()));

describe("the playground", { timeout: 120_000 }, () => {
  before(async () => {
    // A page that is too large is built all the same, and found below.
    await buildPlayground();
    url = await serveFiles(life, join(ROOT, "target"));
    context = await startBrowser(life, await newProfile(life));
  });
  after(async () => {
    for (const end of ends) await end();
  });

  it("has fewer bytes than it may, compressed and all together", async () => {
    const files = await readdir(join(ROOT, "target/playground"), { recursive: true });
    const sizeOf = async (file: string) => (await stat(join(ROOT, "target/playground", file))).size;
    const sizes = await Promise.all(files.filter((file) => file.endsWith(".gz") && file !== SIMULATION).map(sizeOf));
    const size = sizes.reduce((sum, bytes) => sum + bytes, 0);
    assert.ok(sizes.length > 20 && size < SIZE_MAX, `${size} bytes`);
    const simulation = await sizeOf(SIMULATION);
    assert.ok(simulation < SIMULATION_SIZE_MAX, `${simulation} bytes`);
  });

  it("has modules whose types fit", async () => {
    await promisify(execFile)(process.execPath, [join(PACKAGE, "node_modules/typescript/bin/tsc"), "-p", "host-wasm/playground"], { cwd: ROOT });
  });

  it("loads without an error, and says when it can be used", async () => {
    const opened = await visit();
    const marked = await opened.page.evaluate(() => performance.getEntriesByName("ready")[0]?.startTime ?? 0);
    assert.ok(marked > 0);
    await leave(opened);
  });

  it("runs every story to its rest, and what is to be settled is", async () => {
    const settled: Record<string, [string, string]> = {
      crash: ["order-1", "resolved"],
      sleep: ["reminder-1", "pending"],
      human: ["expense-1", "pending"],
      fan: ["album-1", "resolved"],
      two: ["order-1", "resolved"],
      frozen: ["order-1", "resolved"],
    };
    for (const [key, [id, expected]] of Object.entries(settled)) {
      const opened = await visit();
      await story(opened.page, key);
      assert.equal((await states(opened.page))[id], expected, key);
      await leave(opened);
    }
  });

  it("plays a story by itself", async () => {
    const opened = await visit();
    const { page } = opened;
    await page.click("[data-story=crash]");
    await page.waitForFunction(() => playground.at >= 3);
    await page.keyboard.press(" ");
    await page.waitForSelector("#play[aria-label=Play]");
    assert.equal(await page.evaluate(() => playground.playing), false);
    await leave(opened);
  });

  it("steps back to what was, and shows what each step changed", async () => {
    const opened = await visit();
    const { page } = opened;
    await story(page, "crash");
    const end = await state(page);
    const at = (await kinds(page)).indexOf("internal.expire_lease");
    await page.evaluate((at) => playground.go(at + 1), at);
    await page.waitForSelector("body.past");
    assert.match(await shown(page, "#step .sentence"), /takes order-1 back: its lease has ended/);
    assert.match(await shown(page, "#step .record"), /Task order-1.*acquired→pending.*held by.*w1/s);
    assert.equal((await states(page))["order-1"], "pending");
    await page.click("#last");
    assert.deepEqual(await state(page), end);
    await leave(opened);
  });

  it("goes on from the past, and takes that back", async () => {
    const opened = await visit();
    const { page } = opened;
    await story(page, "human");
    const before = await where(page);
    await page.evaluate(() => {
      playground.go(6);
      playground.select("expense-1");
    });
    await page.click("#promise >> text=Cancel");
    assert.equal((await states(page))["expense-1"], "rejected_canceled");
    assert.match(await shown(page, ".notice"), /You changed the past/);
    await page.click(".notice >> text=Take back");
    assert.deepEqual([(await where(page))[1], (await states(page))["expense-1"]], [before[1], "pending"]);
    await leave(opened);
  });

  it("goes on with the workers as they were, wherever a story is cut", async () => {
    const opened = await visit();
    const { page } = opened;
    await story(page, "fan");
    const [, length] = await where(page);
    for (let cut = 1; cut < length; cut += 5) {
      const left = await page.evaluate(
        ([cut, gap]) => {
          const text = playground.chronicle.short();
          playground.go(cut);
          playground.act(() => undefined);
          playground.simulation.advanceToRest(gap);
          playground.go(playground.length);
          const open = playground.state.promises.filter(({ state }: { state: string }) => state === "pending").map(({ id }: { id: string }) => id);
          const { Chronicle, Simulation } = playground.constructor;
          playground.enter(Simulation.of(Chronicle.parse(text)));
          return open;
        },
        [cut, HOUR] as const,
      );
      assert.deepEqual(left, [], `cut behind step ${cut}`);
    }
    await leave(opened);
  });

  it("puts everything into its address, from which a fresh page shows the same", async () => {
    const opened = await visit();
    const { page } = opened;
    await story(page, "two");
    await page.waitForFunction(() => location.hash.startsWith("#h="));
    await page.click("#share");
    const link = await page.inputValue("dialog input");
    assert.ok(link.length < 6000, `${link.length} characters`);
    const other = await visit(new URL(link).hash);
    assert.deepEqual(await state(other.page), await state(page));
    assert.equal(await recording(other.page), await recording(page));
    assert.match(await shown(other.page, "#crew"), /w1 crashed.*w2 running/s);
    await leave(other);
    await leave(opened);
  });

  it("says of a damaged link that it is one, and works", async () => {
    const opened = await visit("#h=never-was-one");
    assert.match(await shown(opened.page, ".notice"), /The link is damaged/);
    await story(opened.page, "crash");
    await leave(opened);
  });

  it("offers a file for what is too long for a link", async () => {
    const opened = await visit();
    const { page } = opened;
    await page.evaluate(() => {
      // What cannot be compressed.
      const noise = () => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(6000))));
      playground.act((simulation: { now: number; ask(kind: string, data: object): void }) => {
        for (let number = 0; number < 12; number++) {
          simulation.ask("promise.create", { id: `large-${number}`, timeoutAt: simulation.now + 1000, param: { data: noise() } });
        }
      });
    });
    await page.click("#share");
    assert.match(await shown(page, "#too-long"), /too long for a link, which may have 64 KB/);
    const [file] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
    const text = await readFile(await file.path(), "utf8");
    assert.equal(text, await recording(page));
    const other = await visit();
    await drop(other.page, "large.ndjson", text);
    await other.page.waitForSelector(".notice");
    assert.equal((await where(other.page))[1], 12);
    await leave(other);
    await leave(opened);
  });

  it("pauses and crashes workers, and another one takes over", async () => {
    const opened = await visit();
    const { page } = opened;
    await page.click("#create");
    await page.selectOption("dialog select[name=func]", "order");
    await page.fill("dialog input[name=id]", "mine");
    await page.click("dialog button.main");
    for (let step = 0; step < 2; step++) await page.click("#next");
    const holder = async () => (await state(page)).tasks[0].lease?.pid;
    assert.equal(await holder(), "w1");
    await page.click('[aria-label="Pause w1"]');
    assert.match(await shown(page, "#crew"), /w1 paused/);
    await page.evaluate(() => playground.act((simulation: { now: number; advanceTo(at: number): void }) => simulation.advanceTo(simulation.now + 11_000)));
    assert.equal(await holder(), "w2");
    await page.click('[aria-label="Crash w2"]');
    await page.click('[aria-label="Resume w1"]');
    await rest(page);
    assert.equal((await states(page))["mine"], "resolved");
    const refused = await page.evaluate(() => playground.chronicle.glances.filter(({ refusal }: { refusal?: string }) => refusal).length);
    assert.ok(refused > 0, "the worker that slept is fenced off");
    await leave(opened);
  });

  it("fires a sleep of 30 days when the clock is dragged there", async () => {
    const opened = await visit();
    const { page } = opened;
    await story(page, "sleep");
    assert.match(await shown(page, "#wakeup"), /^in 29 d/);
    const slider = page.locator("#drag");
    const box = await slider.boundingBox();
    assert.ok(box);
    await page.mouse.move(box.x + 9, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 2, box.y + box.height / 2, { steps: 5 });
    await page.mouse.up();
    await page.waitForFunction(() => playground.simulation.now > Date.UTC(2026, 1, 20));
    assert.equal((await states(page))["reminder-1"], "resolved");
    const settled = (await state(page)).promises.find(({ id }: Row) => id === "reminder-1").settled_at;
    assert.ok(Math.abs(settled - Date.UTC(2026, 0, 1, 9) - 30 * DAY) < 10_000, "at its hour, not at the drag's");
    await leave(opened);
  });

  it("shows what the machine refuses", async () => {
    const opened = await visit();
    const { page } = opened;
    await page.click("#create");
    await page.fill("dialog input[name=id]", "a");
    await page.click("dialog button.main");
    await page.evaluate(() => playground.ask("task.acquire", { id: "a", version: 0, pid: "w", ttl: 1 }));
    assert.match(await shown(page, ".notice.bad"), /404: task not found/);
    await page.evaluate(() => playground.ask("promise.create", { id: "", timeoutAt: 1 }));
    assert.match(await shown(page, ".notice.bad"), /400: 'data.id' must not be empty/);
    await leave(opened);
  });

  it("steps through a recording that is dropped, and names the line of a corrupt one", async () => {
    const from = await visit();
    await story(from.page, "two");
    const text = await recording(from.page);
    await leave(from);
    const opened = await visit();
    const { page } = opened;
    await drop(page, "server.ndjson", text);
    await page.waitForSelector("text=server.ndjson:");
    const lines = text.trimEnd().split("\n");
    assert.deepEqual(await where(page), [0, lines.length - 1]);
    await page.keyboard.press("j");
    assert.match(await shown(page, "#step .meta"), /promise.create step 1 of/);
    assert.match(await shown(page, "#step .sentence"), /^Client creates order-1/);
    assert.match(await shown(page, "#timeline .lanes"), /Client.*w1.*w2/);
    await page.keyboard.press("End");
    await page.keyboard.press("j");
    assert.match(await shown(page, ".notice"), /The recording ends here/);
    assert.deepEqual(await where(page), [lines.length - 1, lines.length - 1]);
    lines[4] = lines[4]?.replace('"now":', '"then":') ?? "";
    await drop(page, "corrupt.ndjson", lines.join("\n"));
    assert.match(await shown(page, ".notice.bad"), /corrupt.ndjson is not a recording.*line 5: .*now/);
    assert.equal((await where(page))[1], lines.length - 1, "what was open stays");
    await leave(opened);
  });

  it("is used with keys alone", async () => {
    const opened = await visit();
    const { page } = opened;
    const { keyboard } = page;
    await page.focus("[data-story=crash]");
    await keyboard.press("Enter");
    await rest(page);
    const [, length] = await where(page);
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    for (const [key, at] of [["Home", 0], ["j", 1], ["ArrowRight", 2], ["k", 1], ["ArrowLeft", 0], ["End", length]] as const) {
      await keyboard.press(key);
      assert.equal((await where(page))[0], at, key);
    }
    await page.focus("[role=treeitem][tabindex='0']");
    await keyboard.press("ArrowDown");
    await keyboard.press("Enter");
    assert.equal(await page.evaluate(() => playground.selected), "order-1.1");
    await keyboard.press("Escape");
    await keyboard.press("?");
    await page.waitForSelector("dialog kbd");
    await keyboard.press("Escape");
    await page.focus("#drag");
    await keyboard.press("PageUp");
    await keyboard.press("Enter");
    assert.ok(await page.evaluate(() => playground.simulation.now) > Date.UTC(2026, 0, 1, 9));
    const unnamed = await page.evaluate(() =>
      [...document.querySelectorAll("button, input, select")].filter((one) => !one.textContent?.trim() && !one.getAttribute("aria-label") && !(one as HTMLInputElement).labels?.length && one.id !== "file").map((one) => one.outerHTML),
    );
    assert.deepEqual(unnamed, [], "everything has a name");
    await leave(opened);
  });

  it("fits a phone: nothing is wider than it, and every panel is a tap away", async () => {
    const opened = await visit();
    const { page } = opened;
    for (const width of [360, 390]) {
      await page.setViewportSize({ width, height: 760 });
      if (width === 360) await story(page, "fan");
      for (const tab of ["tree", "step", "time", "crew"]) {
        await page.click(`#tab-${tab}`);
        assert.ok(await page.isVisible(`#panel-${tab}`));
        const widest = await page.evaluate(() => Math.max(document.documentElement.scrollWidth, document.body.scrollWidth));
        assert.ok(widest <= width, `${tab}: ${widest} of ${width}`);
      }
    }
    await leave(opened);
  });
});
