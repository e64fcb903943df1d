// Time and steps: the buttons that go back and forth, and the clock that only goes forward.

import { byId } from "./dom.js";
import { GAP } from "./stage.js";
import { clock, day, duration, sentence } from "./words.js";

const SECOND = 1000;
/** How far the clock can be dragged at once. */
const DRAG_MAX = 60 * 86_400 * SECOND;

/** Where the slider leads: seconds at its beginning, months at its end. @param {number} thousandths */
const dragged = (thousandths) => (thousandths === 0 ? 0 : Math.round(SECOND * (DRAG_MAX / SECOND) ** (thousandths / 1000)));

export class Transport {
  /** @param {import("./stage.js").Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.position = /** @type {HTMLInputElement} */ (byId("position"));
    this.drag = /** @type {HTMLInputElement} */ (byId("drag"));
    this.speed = /** @type {HTMLSelectElement} */ (byId("speed"));
    byId("first").onclick = () => stage.go(0);
    byId("prev").onclick = () => stage.move(-1);
    byId("next").onclick = () => this.next();
    byId("last").onclick = () => stage.go(stage.length);
    byId("play").onclick = () => this.toggle();
    byId("jump").onclick = () => this.jump();
    this.position.oninput = () => stage.go(Number(this.position.value));
    this.speed.onchange = () => { stage.speed = Number(this.speed.value); };
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-ahead]"))) {
      button.onclick = () => this.ahead(Number(button.dataset.ahead));
    }
    this.#dragging();
    stage.watch(() => this.draw());
  }

  #dragging() {
    const { drag } = this;
    const letGo = () => {
      const ms = dragged(Number(drag.value));
      drag.value = "0";
      this.draw();
      if (ms) this.ahead(ms);
    };
    drag.oninput = () => this.draw();
    drag.onpointerup = letGo;
    drag.onpointercancel = () => {
      drag.value = "0";
      this.draw();
    };
    drag.onkeydown = (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      letGo();
    };
  }

  toggle() {
    if (this.stage.playing) this.stage.pause();
    else this.stage.play();
  }

  /** The next step; at the end the next thing that happens, if it is near. */
  next() {
    const { stage } = this;
    stage.pause();
    if (stage.past) return stage.move(1);
    const { simulation } = stage;
    if (!simulation.goesOn) return stage.tell({ text: "The recording ends here. Move the clock, or act, to go on from it." });
    const before = stage.length;
    const at = simulation.nextAt();
    if (at === undefined || at - simulation.now > GAP) return stage.tell({ text: at === undefined ? "Nothing more will happen by itself." : `Nothing happens for ${duration(at - simulation.now)}: move the clock, or jump.` });
    stage.act((world) => {
      while (world.chronicle.length === before && world.next());
    });
    stage.go(before + 1);
  }

  /** Moves the clock forward. @param {number} ms */
  ahead(ms) {
    this.stage.pause();
    this.stage.act((simulation) => {
      const target = simulation.now + ms;
      if (!simulation.advanceTo(target)) {
        this.stage.tell({ text: `So much happened that the clock stopped on its way, ${duration(target - simulation.now)} early. Move it again to go on.` });
      }
    });
  }

  /** Moves the clock to what happens next; in the past, to the next instant. */
  jump() {
    const { past, chronicle, at, now } = this.stage;
    this.stage.pause();
    if (past) {
      const later = chronicle.glances.findIndex((glance, number) => number >= at && glance.now > now);
      return this.stage.go(later < 0 ? this.stage.length : later + 1);
    }
    this.stage.act((simulation) => {
      if (!simulation.next()) this.stage.tell({ text: "Nothing more will happen by itself." });
    });
  }

  draw() {
    const { stage, position } = this;
    const { at, length, past, now } = stage;
    position.max = String(length);
    position.value = String(at);
    position.setAttribute("aria-valuetext", `step ${at} of ${length}`);
    byId("place").textContent = length ? `${at} / ${length}` : "no steps yet";
    for (const [id, off] of /** @type {[string, boolean][]} */ ([["first", at === 0], ["prev", at === 0], ["last", !past]])) {
      /** @type {HTMLButtonElement} */ (byId(id)).disabled = off;
    }
    byId("said").textContent = stage.glance ? sentence(stage.glance) : "";
    const play = byId("play");
    play.setAttribute("aria-label", stage.playing ? "Pause" : "Play");
    play.querySelector("use")?.setAttribute("href", stage.playing ? "#i-pause" : "#i-play");
    document.body.classList.toggle("past", past && !stage.playing);
    document.body.classList.toggle("playing", stage.playing);
    const ahead = dragged(Number(this.drag.value));
    this.drag.setAttribute("aria-valuetext", ahead ? `${duration(ahead)} ahead` : "now");
    byId("clock").textContent = `${day(now + ahead)} ${clock(now + ahead)}`;
    byId("mood").textContent = ahead ? `+${duration(ahead)}` : past ? `the past: ${length - at} later ${length - at === 1 ? "step" : "steps"}` : stage.playing ? "playing" : "now";
    const next = past ? undefined : stage.simulation.nextAt();
    byId("wakeup").textContent = next === undefined ? (past ? "next event" : "nothing due") : next === now ? "now" : `in ${duration(next - now)}`;
    /** @type {HTMLButtonElement} */ (byId("jump")).disabled = !past && next === undefined;
  }
}
