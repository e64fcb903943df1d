// The selected promise: all that is known of it, and what can be done to it.

import { h, icon } from "./dom.js";
import { pack, readable } from "./payload.js";
import { YOU } from "./simulation.js";
import { badge, grow, taskLine } from "./tree.js";
import { instant, place, relative } from "./words.js";

/** What is typed is JSON, or else a text. @param {string} typed */
export function typedValue(typed) {
  const text = typed.trim();
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** @param {string} name @param {...import("./dom.js").Child} values */
const fact = (name, ...values) => [h("dt", {}, name), h("dd", {}, ...values)];

export class PromiseCard {
  /** @param {import("./stage.js").Stage} stage @param {HTMLElement} at */
  constructor(stage, at) {
    this.stage = stage;
    this.at = at;
    this.tagsOpen = false;
    this.value = h("input", { type: "text", id: "value", autocomplete: "off", placeholder: "true, 42, text …" });
    stage.watch(() => this.draw());
  }

  draw() {
    const { stage } = this;
    const node = stage.selected === null ? undefined : grow(stage.state).nodes.get(stage.selected);
    const focused = document.activeElement?.id;
    this.at.hidden = stage.selected === null;
    if (stage.selected === null) return this.at.replaceChildren();
    if (!node) {
      const gone = h("p", { class: "hint" }, `${stage.selected} does not exist at this step.`);
      return this.at.replaceChildren(this.#head(stage.selected, null), gone);
    }
    this.at.replaceChildren(this.#head(node.promise.id, node.state), this.#facts(node), this.#actions(node));
    if (focused === "value") this.value.focus();
  }

  /** @param {string} id @param {string | null} state */
  #head(id, state) {
    const close = h("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: () => this.stage.select(null) }, "×");
    return h("header", {}, h("h3", {}, id), state ? badge(state) : null, close);
  }

  /** @param {import("./tree.js").Node_} node */
  #facts({ promise, state, task, awaiters, listeners }) {
    const { now } = this.stage;
    const tags = Object.entries(promise.tags);
    const link = (/** @type {string} */ id) => h("button", { type: "button", class: "link", onclick: () => this.stage.select(id) }, id);
    const awaited = this.stage.state.callbacks.filter(([, awaiter]) => awaiter === promise.id).map(([id]) => id);
    const rows = [
      fact("created", `${instant(promise.created_at)}`),
      fact("deadline", `${instant(promise.timeout_at)}${state === "pending" ? `, ${relative(promise.timeout_at, now)}` : ""}`),
      promise.settled_at === undefined ? [] : fact("settled", instant(promise.settled_at)),
      readable(promise.param) ? fact("created with", h("code", {}, readable(promise.param))) : [],
      readable(promise.value) ? fact("settled with", h("code", {}, readable(promise.value))) : [],
      task ? fact("task", taskLine(task, now).replace(/^task /, "")) : [],
      awaited.length ? fact("waits for", ...awaited.map(link)) : [],
      awaiters.length ? fact("awaited by", ...awaiters.map(link)) : [],
      listeners.length ? fact("told", listeners.map(place).join(", ")) : [],
      tags.length ? fact("tags", this.#tags(tags)) : [],
    ];
    return h("dl", {}, ...rows.flat());
  }

  /** @param {[string, string][]} tags */
  #tags(tags) {
    const own = tags.filter(([name]) => !name.startsWith("resonate:")).length;
    const summary = h("summary", {}, own ? `${tags.length}, ${own} of them the client's own` : `${tags.length}, all for the server`);
    const list = h("ul", {}, tags.map(([name, text]) => h("li", {}, h("code", {}, `${name} = ${text}`))));
    const details = h("details", { open: this.tagsOpen, ontoggle: () => { this.tagsOpen = details.open; } }, summary, list);
    return details;
  }

  /** @param {import("./tree.js").Node_} node */
  #actions({ promise: { id }, state, task }) {
    if (state !== "pending") return h("p", { class: "hint" }, "It is settled, once and for all: settling it again changes nothing.");
    const settle = (/** @type {string} */ verdict) => () => {
      this.stage.ask("promise.settle", { id, state: verdict, value: pack(typedValue(this.value.value)) });
      this.value.value = "";
    };
    const button = (/** @type {string} */ name, /** @type {() => void} */ run, /** @type {string} */ look, /** @type {string} */ mark) =>
      h("button", { type: "button", class: look, onclick: run }, icon(mark), name);
    const halted = task?.state === "halted";
    return h(
      "form",
      { class: "actions", "aria-label": `Act on ${id}`, onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
      h("label", { for: "value" }, "Value"),
      this.value,
      button("Resolve", settle("resolved"), "good", "resolved"),
      button("Reject", settle("rejected"), "bad", "rejected"),
      button("Cancel", settle("rejected_canceled"), "", "canceled"),
      button("Await", () => this.stage.ask("promise.register_listener", { awaited: id, address: YOU }), "", "eye"),
      task && task.state !== "fulfilled"
        ? button(halted ? "Continue its task" : "Halt its task", () => this.stage.ask(halted ? "task.continue" : "task.halt", { id }), "", halted ? "play" : "pause")
        : null,
      this.stage.past ? h("p", { class: "hint" }, "You look at the past: an action here drops the steps behind it and goes on from here.") : null,
    );
  }
}
