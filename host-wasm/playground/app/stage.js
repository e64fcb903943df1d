// Where one stands in the history, and what moves: the position, playing, what is selected, and going back on what was dropped. Views look at it
// and are told when it changes.

import { Chronicle } from "./chronicle.js";
import { Simulation } from "./simulation.js";
import { callClients } from "./words.js";

/** How long playing shows each step, in real milliseconds. */
const BEAT = 540;
/** What is shown more shortly: it says little. */
const QUIET = new Set(["internal.message_delivered", "internal.claim_message", "task.heartbeat", "promise.register_listener"]);
/** What is further away than this is not played towards: whoever watches decides. */
export const GAP = 3_600_000;

/** What is said of a whole world, above its promises. @typedef {(stage: Stage) => HTMLElement} Card */
/** @typedef {{text: string, act?: {name: string, run: () => void}, bad?: boolean}} Notice */

export class Stage {
  static Chronicle = Chronicle;
  static Simulation = Simulation;
  /** @type {(() => void)[]} */
  #viewers = [];
  /** @type {((notice: Notice) => void)[]} */
  #listeners = [];
  #scheduled = false;
  #beat = 0;
  /** @type {string | null} */
  selected = null;
  playing = false;
  /** Virtual milliseconds a real one; 0 plays step by step. */
  speed = 0;
  /** @type {Scenario | null} */
  scenario = null;
  /** @type {Card | null} */
  card = null;
  /** @type {State | null} */
  #state = null;

  constructor() {
    this.simulation = Simulation.fresh(["w1", "w2"]);
    this.at = 0;
  }

  // ---- telling

  /** @param {() => void} viewer */
  watch(viewer) {
    this.#viewers.push(viewer);
  }

  /** @param {(notice: Notice) => void} listener */
  hear(listener) {
    this.#listeners.push(listener);
  }

  /** @param {Notice} notice */
  tell(notice) {
    for (const listener of this.#listeners) listener(notice);
  }

  /** Something is different: views are drawn again, once. */
  changed() {
    this.#state = null;
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.#scheduled = false;
    for (const viewer of this.#viewers) viewer();
  }

  // ---- looking

  get chronicle() {
    return this.simulation.chronicle;
  }

  get length() {
    return this.chronicle.length;
  }

  /** Whether there are later steps than the one that is shown. */
  get past() {
    return this.at < this.length;
  }

  /** The instant that is shown. */
  get now() {
    return this.past ? this.chronicle.nowAt(this.at) : this.simulation.now;
  }

  /** The state that is shown. */
  get state() {
    this.#state ??= this.chronicle.state(this.at, this.now);
    return this.#state;
  }

  /** The step that led here. */
  get glance() {
    return this.at ? this.chronicle.glances[this.at - 1] : undefined;
  }

  /** @param {string | null} id */
  select(id) {
    this.selected = id;
    this.changed();
  }

  // ---- moving

  /** @param {number} at */
  go(at) {
    this.pause();
    this.#show(at);
  }

  /** @param {number} at */
  #show(at) {
    this.at = Math.max(0, Math.min(at, this.length));
    this.changed();
  }

  /** @param {number} steps */
  move(steps) {
    this.go(this.at + steps);
  }

  play() {
    if (this.playing) return;
    this.playing = true;
    this.changed();
    this.#next();
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    clearTimeout(this.#beat);
    this.changed();
  }

  #next() {
    const quiet = this.glance && QUIET.has(this.glance.kind);
    const beat = this.speed === 0 ? (quiet ? BEAT / 3 : BEAT) : 50;
    this.#beat = window.setTimeout(() => {
      if (!this.playing) return;
      if (this.speed === 0 || this.past) this.#playStep();
      else this.#playTime(beat);
      if (this.playing) this.#next();
    }, beat);
  }

  /** Shows the next step, making it if need be. */
  #playStep() {
    const { simulation } = this;
    while (!this.past) {
      if (!simulation.goesOn) return this.pause();
      this.wake();
      const next = simulation.nextAt();
      if (next === undefined || next - simulation.now > GAP) return this.pause();
      simulation.next();
    }
    this.#show(this.at + 1);
  }

  /** @param {number} ms */
  #playTime(ms) {
    if (!this.simulation.goesOn) return this.pause();
    this.wake();
    this.simulation.advanceTo(this.simulation.now + ms * this.speed);
    this.#show(this.length);
  }

  // ---- acting

  wake() {
    this.simulation.wake();
  }

  /**
   * Does something to the world as it is shown. In the past what came later is dropped, and can be taken back.
   * @param {(simulation: Simulation) => void} act
   */
  act(act) {
    // Whoever acts while steps are being shown acts after the last of them.
    if (this.playing) this.#show(this.length);
    if (this.past) this.#branch();
    this.simulation.goesOn = true;
    this.wake();
    act(this.simulation);
    this.#show(this.length);
  }

  #branch() {
    const dropped = this.length - this.at;
    const text = this.chronicle.short();
    const { at, scenario, card, simulation: { marks, now, elsewhere, source } } = this;
    this.simulation.branch(at);
    const back = () => this.enter(Simulation.of(Chronicle.parse(text), { marks, now, elsewhere, source }), { at, scenario, card });
    this.tell({ text: `You changed the past: ${dropped} later ${dropped === 1 ? "step is" : "steps are"} gone.`, act: { name: "Take back", run: back } });
  }

  /** Asks the server; what it refuses is told. @param {string} kind @param {Row} data */
  ask(kind, data) {
    /** @type {Answer | undefined} */
    let answer;
    this.act((simulation) => { answer = simulation.ask(kind, data); });
    if (answer && answer.status >= 300) this.tell({ text: `${answer.status}: ${answer.data}`, bad: true });
    return /** @type {Answer} */ (/** @type {unknown} */ (answer));
  }

  /**
   * Puts another world in place, and tells what there is to say of it.
   * @param {Simulation} simulation @param {{at?: number, scenario?: Scenario | null, card?: Card | null, said?: string}} [where]
   */
  enter(simulation, { at, scenario = null, card = null, said } = {}) {
    this.pause();
    if (this.simulation !== simulation) this.simulation.chronicle.free();
    this.simulation = simulation;
    this.scenario = scenario;
    this.card = card;
    this.selected = null;
    callClients(simulation.elsewhere);
    this.#show(at ?? this.length);
    if (said) this.tell({ text: said });
  }

  /** Begins anew, with a story or without. @param {Scenario | null} scenario */
  begin(scenario) {
    const { marks, now, elsewhere, source } = this.simulation;
    const before = this.length > 0 ? { text: this.chronicle.short(), at: this.at, scenario: this.scenario, card: this.card } : null;
    const simulation = Simulation.fresh(scenario?.workers ?? ["w1", "w2"]);
    scenario?.run(simulation);
    this.enter(simulation, { at: 0, scenario });
    if (before) {
      const back = () => this.enter(Simulation.of(Chronicle.parse(before.text), { marks, now, elsewhere, source }), before);
      this.tell({ text: "Begun anew.", act: { name: "Take back", run: back } });
    }
    if (scenario) this.play();
  }
}
