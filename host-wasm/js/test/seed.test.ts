// Simulated worlds in the playground: links and the form, a world in which something is wrong, what does not fit, and that nobody pays who does not ask.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { BrowserContext, Page } from "playwright-core";
import { type Lifetime, newProfile, serveFiles, startBrowser } from "./browser.ts";
import { buildPlayground, leave, open, ROOT, where } from "./visit.ts";

const WASM = join(ROOT, "target/wasm");

const ends: (() => Promise<void>)[] = [];
const life: Lifetime = { after: (end) => void ends.unshift(end) };
let context: BrowserContext;
let url: string;

const visit = (fragment = "") => open(context, url, fragment);
const fetched = (page: Page): Promise<string[]> => page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));

/** The module of the simulation, outside of the page: what it makes of a fragment. */
async function simulate(file: string, fragment: string): Promise<{ head: any; recording: string } | null> {
  const { instance } = await WebAssembly.instantiate(await readFile(join(WASM, file)), {});
  const module = instance.exports as any;
  const link = new TextEncoder().encode(JSON.stringify([...new URLSearchParams(fragment.slice(1))]));
  const at = module.simulation_input(link.length);
  new Uint8Array(module.memory.buffer, at, link.length).set(link);
  if (module.simulation_run() !== 1) return null;
  const bytes = new Uint8Array(module.memory.buffer, module.simulation_output(), module.simulation_output_bytes());
  const text = new TextDecoder().decode(bytes);
  const end = text.indexOf("\n");
  return { head: JSON.parse(text.slice(0, end)), recording: text.slice(end + 1) };
}

describe("a simulated world in the playground", { timeout: 180_000 }, () => {
  before(async () => {
    // In a folder of its own: other tests build the page at the same time. One that is too large is found by theirs.
    const folder = await newProfile(life);
    await buildPlayground(join(folder, "playground"));
    url = await serveFiles(life, folder);
    context = await startBrowser(life, await newProfile(life));
  });
  after(async () => {
    for (const end of ends) await end();
  });

  it("opens at its last step when nothing is wrong, and its link stays its seed", async () => {
    const fragment = "#seed=42&steps=300&servers=2&without=lost,clock-jump&without-strangers&linearize";
    const expected = await simulate("simulation.wasm", fragment);
    const opened = await visit(fragment);
    const { page } = opened;
    await page.waitForSelector(".story.seed");
    assert.match((await page.textContent(".story.seed")) ?? "", /Seed 42: nothing is wrong.*the last step, \d+.*world2 servers.*resonate sim --seed 42 --steps 300 --servers 2/s);
    const [at, length] = await where(page);
    assert.deepEqual([at, length], [expected?.head.at, expected?.head.at]);
    assert.equal(await page.evaluate(() => new TextDecoder().decode(playground.chronicle.recording())), expected?.recording, "the same as outside the page");
    const differences = await page.evaluate(() => playground.chronicle.glances.filter(({ difference }: { difference?: string }) => difference).length);
    assert.equal(differences, 0, "the page's machine answers as the simulated one did");
    await page.click("#prev");
    await page.click("#share");
    assert.match(await page.inputValue("dialog input"), /#seed=42&steps=300&servers=2/);
    await page.keyboard.press("Escape");
    await page.evaluate(() => playground.ask("promise.create", { id: "mine", timeoutAt: playground.now + 1000 }));
    await page.waitForFunction(() => !location.hash.startsWith("#seed="));
    await page.click(".notice >> text=Take back");
    await page.waitForFunction(() => location.hash.startsWith("#seed="));
    await leave(opened);
  });

  it("opens at the step after which something was noticed, and says what", async () => {
    await context.route("**/simulation.wasm", async (route) => route.fulfill({ body: await readFile(join(WASM, "simulation-mutants.wasm")), contentType: "application/wasm" }));
    let seed = 0;
    let fragment = "";
    let found: Awaited<ReturnType<typeof simulate>> = null;
    while (!found?.head.violation) {
      seed++;
      assert.ok(seed < 100, "a settle that forgets its value is noticed");
      fragment = `#seed=${seed}&steps=300&mutant=SettleForgetsValue`;
      found = await simulate("simulation-mutants.wasm", fragment);
    }
    const { at, violation } = found.head;
    const opened = await visit(fragment);
    const { page } = opened;
    await page.waitForSelector(".story.seed.wrong");
    const card = (await page.textContent(".story.seed")) ?? "";
    assert.ok(card.includes(violation.property) && card.includes(violation.detail), card);
    assert.equal((await where(page))[0], at);
    assert.match((await page.textContent("#step .meta")) ?? "", new RegExp(`step ${at} of`));
    await page.click("#first");
    await page.click("#to-violation");
    assert.equal((await where(page))[0], at);
    await context.unroute("**/simulation.wasm");
    await leave(opened);
  });

  it("refuses a link that does not fit with the field and the cure, and leaves everything as it was", async () => {
    const opened = await visit();
    const { page } = opened;
    await page.click("[data-story=crash]");
    await page.waitForFunction(() => playground.at >= 2);
    await page.keyboard.press(" ");
    const before = await page.evaluate(() => new TextDecoder().decode(playground.chronicle.recording()));
    for (const [fragment, why] of [
      ["#seed=1&steps=1000000", /'steps' must be an integer from 1 to 5000.*--recording FILE/],
      ["#seed=1", /'steps' is missing/],
      ["#seed=one&steps=10", /'seed' must be an integer/],
      ["#seed=1&steps=10&without=rain", /none called "rain": take of crash-before-commit/],
      ["#sead=1&steps=10", /'sead' is no part of a world/],
    ] as const) {
      await page.evaluate((fragment) => { location.hash = fragment; }, fragment);
      await page.waitForSelector(".notice.bad");
      assert.match((await page.textContent(".notice.bad")) ?? "", why);
      assert.equal(await page.evaluate(() => location.hash), fragment, "it stays there, to be corrected");
      await page.click(".notice.bad [aria-label=Close]");
    }
    assert.equal(await page.evaluate(() => new TextDecoder().decode(playground.chronicle.recording())), before);
    await leave(opened);
  });

  it("is asked for in a form, which says what does not fit", async () => {
    const opened = await visit();
    const { page } = opened;
    await page.click("#simulate");
    await page.fill("dialog [name=seed]", "7");
    await page.fill("dialog [name=steps]", "200");
    await page.fill("dialog [name=without]", "lost, rain");
    await page.check("dialog [name=without-strangers]");
    await page.click("dialog button.main");
    await page.waitForSelector("dialog [role=alert]:not([hidden])");
    assert.match((await page.textContent("dialog [role=alert]")) ?? "", /there is none called "rain"/);
    await page.fill("dialog [name=without]", "lost, conflict");
    await page.click("dialog button.main");
    await page.waitForSelector(".story.seed");
    assert.equal(await page.locator("dialog").count(), 0);
    await page.waitForFunction(() => location.hash === "#seed=7&steps=200&without=lost,conflict&without-strangers=true");
    await page.selectOption("#story", "seed");
    await page.waitForSelector("dialog [name=seed]");
    await page.keyboard.press("Escape");
    await leave(opened);
  });

  it("costs nobody anything who does not ask for it, and does not keep the page waiting", async () => {
    const opened = await visit();
    assert.deepEqual((await fetched(opened.page)).filter((name) => /seed|simulation\.wasm/.test(name)), []);
    await leave(opened);
    let release = () => {};
    const held = new Promise<void>((resolve) => { release = resolve; });
    await context.route("**/simulation.wasm", async (route) => {
      await held;
      await route.continue();
    });
    const waiting = await visit("#seed=3&steps=100");
    assert.match((await waiting.page.textContent(".notice")) ?? "", /Simulating/);
    assert.ok(await waiting.page.isVisible(".welcome"));
    release();
    await waiting.page.waitForSelector(".story.seed");
    await context.unroute("**/simulation.wasm");
    await leave(waiting);
  });
});
