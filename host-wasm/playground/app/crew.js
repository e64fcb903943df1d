// The workers: what each holds, and buttons to pause, crash and start them.

import { h, icon } from "./dom.js";
import { relative } from "./words.js";

/** @type {Record<Mode, string>} */
const MODES = { on: "running", paused: "paused", off: "crashed" };

export class Crew {
  /** @param {import("./stage.js").Stage} stage @param {HTMLElement} at */
  constructor(stage, at) {
    this.stage = stage;
    this.at = at;
    stage.watch(() => this.draw());
  }

  /** How the workers were at the step that is shown. @returns {Map<string, Mode>} */
  #modes() {
    const { past, at, simulation } = this.stage;
    const modes = new Map();
    for (const mark of simulation.marks) if (!past || mark.at <= at) modes.set(mark.pid, mark.mode);
    return modes;
  }

  draw() {
    const { stage } = this;
    const focused = document.activeElement?.id;
    const cards = [...this.#modes()].map(([pid, mode]) => this.#card(pid, mode));
    const add = h("button", { type: "button", id: "hire", onclick: () => stage.act((simulation) => simulation.hire(simulation.nextPid())) }, icon("plus"), "Add a worker");
    this.at.replaceChildren(h("ul", { class: "crew" }, cards), add);
    if (focused && this.at.querySelector(`[id="${focused}"]`)) document.getElementById(focused)?.focus();
  }

  /** @param {string} pid @param {Mode} mode */
  #card(pid, mode) {
    const { stage } = this;
    const held = stage.state.tasks.filter(({ lease }) => lease?.pid === pid);
    const turn = (/** @type {Mode} */ to, /** @type {string} */ name, /** @type {string} */ mark) =>
      h("button", { type: "button", id: `${to}:${pid}`, "aria-label": `${name} ${pid}`, onclick: () => stage.act((simulation) => simulation.turn(pid, to)) }, icon(mark), name);
    const note = stage.past ? "" : stage.simulation.crew.get(pid)?.note;
    return h(
      "li",
      { class: `worker mode-${mode}` },
      h("span", { class: "name" }, h("span", { class: "lamp", "aria-hidden": "true" }), h("b", {}, pid), ` ${MODES[mode]}`),
      h("span", { class: "held" }, held.length ? held.map(({ id, lease }) => `holds ${id}, lease ends ${relative(lease?.expires_at ?? 0, stage.now)}`).join("; ") : note || (mode === "on" ? "waits for messages" : "")),
      h(
        "span",
        { class: "switches" },
        mode === "on" ? turn("paused", "Pause", "pause") : null,
        mode === "on" ? null : turn("on", mode === "off" ? "Restart" : "Resume", "play"),
        mode === "off" ? null : turn("off", "Crash", "crash"),
      ),
    );
  }
}
