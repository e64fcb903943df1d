// Worlds of the simulation, each of a seed: run beside the page, from a link or from a form, and opened where something was wrong. Loaded when
// somebody asks for one. What a link means and what comes of it is the module's to say.

import { Chronicle } from "./chronicle.js";
import { field, open } from "./dialogs.js";
import { h } from "./dom.js";
import { Simulation } from "./simulation.js";

/** @typedef {{at: number, violation: {property: string, detail: string} | null, world: [string, string][], requests: number, again: string, digest: string}} Head */

/** Who runs the world that was asked for last. @type {Worker | undefined} */
let running;

/** Runs the world of a link: what is to be said of it, and its recording. @param {[string, string][]} link */
function run(link) {
  running?.terminate();
  const worker = new Worker(new URL("seed_worker.js", import.meta.url), { type: "module" });
  running = worker;
  return new Promise((/** @type {(came: {head: Head, recording: Uint8Array}) => void} */ resolve, reject) => {
    worker.onmessage = ({ data: { refused, head, recording } }) => {
      worker.terminate();
      if (refused === undefined) resolve({ head, recording });
      else reject(new Error(refused));
    };
    worker.onerror = () => reject(new Error("The simulation cannot be started: app/seed_worker.js could not be loaded. Load the page again."));
    worker.postMessage(link);
  });
}

/**
 * The world that a fragment names, and where to stand in it. A link that does not fit is an error that names the field.
 * @param {string} fragment @returns {Promise<import("./link.js").Found>}
 */
export async function fromSeed(fragment) {
  const link = [...new URLSearchParams(fragment.slice(1))];
  const { head, recording } = await run(link);
  const simulation = Simulation.of(Chronicle.parse(recording), { elsewhere: true, source: fragment });
  const seed = Object.fromEntries(link).seed;
  const { at, violation } = head;
  const said = violation ? `${violation.property} was violated: this is step ${at} of ${simulation.chronicle.length}, after which it was noticed.` : `Nothing is wrong in the world of this seed. This is its last step, ${at}.`;
  return { simulation, at, said, card: (stage) => card(stage, seed, head) };
}

/** What is to be known of a world. @param {import("./stage.js").Stage} stage @param {string} seed @param {Head} head */
function card(stage, seed, { at, violation, world, requests, again, digest }) {
  const judged = `${requests} requests were judged`;
  const verdict = violation
    ? [h("p", { class: "outcome refused" }, h("b", {}, violation.property), h("span", { class: "detail" }, violation.detail))]
    : [h("p", {}, `Every property held, every answer was the machine's, and everything has converged: ${judged}. This is the last step, ${at}.`)];
  const back = violation ? h("button", { type: "button", id: "to-violation", onclick: () => stage.go(at) }, `To step ${at}, after which it was noticed`) : null;
  const facts = [...world, ["digest", digest], ["again", `resonate sim ${again}`]];
  return h(
    "details",
    { class: violation ? "story seed wrong" : "story seed", open: true },
    h("summary", {}, violation ? `Seed ${seed}: something is wrong` : `Seed ${seed}: nothing is wrong`),
    ...verdict,
    back,
    h("details", {}, h("summary", {}, "The world"), h("dl", {}, ...facts.flatMap(([name, words]) => [h("dt", {}, name), h("dd", {}, words)]))),
  );
}

/** A field of the form, by its name in a link. @param {string} name @param {string} value @param {Record<string, any>} [more] */
const part = (name, value, more = {}) => h("input", { name, value, autocomplete: "off", inputmode: "numeric", ...more });

/** @param {string} name @param {string} words */
const choice = (name, words) => h("label", { class: "choice" }, h("input", { name, type: "checkbox", value: "true" }), h("span", {}, words));

/** The fragment of what was filled in: what is empty follows from the seed. @param {HTMLFormElement} form */
function fragmentOf(form) {
  const given = [...new FormData(form)].map(([name, value]) => [name, String(value).replaceAll(/\s/g, "")]).filter(([, value]) => value);
  return `#${given.map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2C", ",")}`).join("&")}`;
}

/** Asks for a seed, and opens its world. @param {import("./stage.js").Stage} stage */
export function seedDialog(stage) {
  const wrong = h("p", { class: "outcome refused", role: "alert", hidden: true });
  const go = h("button", { class: "main" }, "Simulate");
  /** @param {string} [text] what is wrong */
  const say = (text) => {
    wrong.hidden = text === undefined;
    wrong.textContent = text ?? "";
  };
  const simulate = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    say();
    go.disabled = true;
    go.textContent = "Simulating …";
    try {
      const found = await fromSeed(fragmentOf(form));
      dialog.close();
      stage.enter(found.simulation, found);
    } catch (error) {
      say(/** @type {Error} */ (error).message);
    }
    go.disabled = false;
    go.textContent = "Simulate";
  };
  const seed = part("seed", "42");
  const drawn = { placeholder: "by the seed" };
  const form = h(
    "form",
    { onsubmit: simulate },
    h("p", { class: "hint" }, "Servers over one store, workers, clients and a network, on a virtual clock, and what goes wrong with each. The seed decides all of it: the same one brings the same, here and with resonate sim."),
    h("div", { class: "pair" }, field("Seed", seed), field("Requests", part("steps", "1000"))),
    h("div", { class: "pair" }, field("Servers", part("servers", "", drawn)), field("Workers", part("workers", "", drawn)), field("Workflows", part("workflows", "", drawn))),
    field("Without these faults", part("without", "", { inputmode: "text", placeholder: "clock-jump, lost" })),
    choice("without-strangers", "Nobody sends requests that belong to no workflow"),
    choice("linearize", "Look for an order that explains every answer that clients have heard"),
    wrong,
    h("footer", {}, go),
  );
  const dialog = open("Simulate a seed", form);
  dialog.addEventListener("close", () => running?.terminate());
  seed.select();
}
