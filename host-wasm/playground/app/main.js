// Puts the page together: loads the module, opens what the address holds, and hands the stage to its views.

import { Changes } from "./changes.js";
import { load } from "./chronicle.js";
import { Crew } from "./crew.js";
import { createDialog, helpDialog, notices, shareDialog } from "./dialogs.js";
import { byId, h } from "./dom.js";
import { listen } from "./keys.js";
import { fromFile, fromFragment, isSeed, toFragment } from "./link.js";
import { PromiseCard } from "./promise.js";
import { Rest } from "./rest.js";
import { SCENARIOS } from "./scenarios.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";
import { Transport } from "./transport.js";
import { Tree } from "./tree.js";

/** How long the page is left alone before its address is written anew. */
const QUIET_MS = 400;

/** The list of stories, and the card that explains the one that runs. @param {Stage} stage */
function stories(stage) {
  const list = /** @type {HTMLSelectElement} */ (byId("story"));
  list.append(h("option", { value: "" }, "Run a story …"), ...SCENARIOS.map(({ key, name }) => h("option", { value: key }, name)), h("option", { value: "none" }, "An empty playground"), h("option", { value: "seed" }, "Simulate a seed …"));
  /** @param {string} key */
  const begin = (key) => stage.begin(SCENARIOS.find((story) => story.key === key) ?? null);
  list.onchange = () => {
    if (list.value === "seed") seeds(stage);
    else if (list.value) begin(list.value);
    list.value = "";
  };
  const card = byId("story-card");
  /** @type {Scenario | import("./stage.js").Card | null | undefined} */
  let shown;
  stage.watch(() => {
    const empty = stage.length === 0 && stage.state.promises.length === 0;
    const wanted = empty ? undefined : (stage.card ?? stage.scenario);
    if (card.childElementCount && wanted === shown) return;
    shown = wanted;
    if (empty) card.replaceChildren(welcome(begin, () => seeds(stage)));
    else if (typeof wanted === "function") card.replaceChildren(wanted(stage));
    else if (wanted) card.replaceChildren(explained(wanted));
    else card.replaceChildren();
  });
}

/** Asks for a seed. What is not used is not loaded. @param {import("./stage.js").Stage} stage */
const seeds = async (stage) => (await import("./seed.js")).seedDialog(stage);

/** @param {(key: string) => void} begin @param {() => void} simulate */
function welcome(begin, simulate) {
  return h(
    "div",
    { class: "welcome" },
    h("p", {}, "A durable promise has an address and outlives every process. Functions made of them survive crashes, sleep for months and wait for people. ", h("b", {}, "Watch one:")),
    h("ul", {}, SCENARIOS.map(({ key, name, line }) => h("li", {}, h("button", { type: "button", "data-story": key, onclick: () => begin(key) }, h("b", {}, name), h("span", {}, line))))),
    h("p", { class: "hint" }, "Or create a promise yourself, drop a recording of a server here, or ", h("button", { type: "button", class: "link words", id: "simulate", onclick: simulate }, "simulate a seed"), ": a world in which everything goes wrong that can."),
  );
}

/** @param {Scenario} story */
const explained = ({ name, watch }) => h("details", { class: "story", open: true }, h("summary", {}, name), h("ol", {}, watch.map((line) => h("li", {}, line))));

/** The panels of a small screen. */
function tabs() {
  const main = byId("main");
  const all = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[role=tab]")]);
  /** @param {HTMLElement} tab */
  const show = (tab) => {
    main.dataset.tab = tab.id.replace("tab-", "");
    for (const other of all) {
      other.setAttribute("aria-selected", String(other === tab));
      other.tabIndex = other === tab ? 0 : -1;
    }
  };
  for (const [number, tab] of all.entries()) {
    tab.onclick = () => show(tab);
    tab.onkeydown = (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      const next = all[(number + by + all.length) % all.length];
      show(next);
      next.focus();
    };
  }
}

/** Files, by the button or dropped. @param {Stage} stage */
function files(stage) {
  const input = /** @type {HTMLInputElement} */ (byId("file"));
  const drop = byId("drop");
  /** @param {File | undefined} file */
  const take = async (file) => {
    if (!file) return;
    try {
      stage.enter(await fromFile(file), { at: 0 });
      stage.tell({ text: `${file.name}: ${stage.length} steps. Step through them, or play.` });
    } catch (error) {
      stage.tell({ text: /** @type {Error} */ (error).message, bad: true });
    }
  };
  byId("open").onclick = () => input.click();
  input.onchange = async () => {
    await take(input.files?.[0]);
    input.value = "";
  };
  addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.hidden = true;
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    drop.hidden = true;
    take(event.dataTransfer?.files[0]);
  });
}

/** Keeps the address and the world alike. @param {Stage} stage */
async function address(stage) {
  let written = location.hash;
  /** What was there when a link was read that has brought nothing yet: as long as it is, the address stays, to be corrected. */
  let before = { simulation: /** @type {Stage["simulation"] | null} */ (null), length: 0 };
  const isAsBefore = () => stage.simulation === before.simulation && stage.length === before.length;
  const read = async () => {
    before = { simulation: stage.simulation, length: stage.length };
    if (isSeed(location.hash)) stage.tell({ text: "Simulating …" });
    try {
      const found = await fromFragment(location.hash);
      // Whoever has begun something else meanwhile keeps it.
      if (found && isAsBefore()) stage.enter(found.simulation, found);
      else found?.simulation.chronicle.free();
      before.simulation = null;
    } catch (error) {
      stage.tell({ text: /** @type {Error} */ (error).message, bad: true });
    }
  };
  let waiting = 0;
  stage.watch(() => {
    clearTimeout(waiting);
    if (stage.playing || isAsBefore()) return;
    waiting = window.setTimeout(async () => {
      const fragment = (await toFragment(stage)) ?? "";
      if (fragment === written || stage.playing || isAsBefore()) return;
      written = fragment;
      history.replaceState(null, "", location.pathname + location.search + fragment);
    }, QUIET_MS);
  });
  addEventListener("hashchange", () => {
    if (location.hash === written) return;
    written = location.hash;
    read();
  });
  await read();
}

async function begin() {
  await load();
  const stage = new Stage();
  notices(stage);
  stories(stage);
  new Tree(stage, byId("tree"), byId("tally"));
  new Rest(stage, byId("rest"));
  new PromiseCard(stage, byId("promise"));
  new Changes(stage, byId("step"));
  new Crew(stage, byId("crew"));
  new Timeline(stage, byId("timeline"));
  const transport = new Transport(stage);
  tabs();
  files(stage);
  const acts = { c: () => createDialog(stage), s: () => void shareDialog(stage), o: () => byId("open").click(), "?": helpDialog, Escape: () => stage.select(null) };
  byId("create").onclick = acts.c;
  byId("share").onclick = acts.s;
  byId("help").onclick = acts["?"];
  listen(stage, transport, acts);
  // A world that takes a while to be made does not keep the page waiting.
  if (location.hash && !isSeed(location.hash)) await address(stage);
  else void address(stage);
  stage.draw();
  // For tests and for the curious.
  Object.assign(window, { playground: stage });
  document.documentElement.dataset.ready = "";
  performance.mark("ready");
}

begin().catch((error) => {
  byId("notices").append(h("div", { class: "notice bad", role: "alert" }, h("p", {}, `The playground cannot start: ${error.message ?? error}`)));
});
