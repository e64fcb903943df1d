// The core, as the page uses it: JSON in, JSON out. Owns the boundary to the WebAssembly module and a copy of what each step is at a glance.

import init, { History, panicMessage } from "../wasm/resonate.js";

const decoder = new TextDecoder();

/** When time begins in a new playground. */
export const EPOCH = Date.UTC(2026, 0, 1, 9);
const VERSION = "2026-04-01";
/** Glances that are read at once. */
const PAGE = 2000;

/** Loads the module. */
export const load = () => init();

/** @param {Uint8Array} bytes */
const parse = (bytes) => JSON.parse(decoder.decode(bytes));

/**
 * Calls the module; what it throws becomes an error that says what is wrong.
 * @template T @param {() => T} call @returns {T}
 */
function called(call) {
  try {
    return call();
  } catch (thrown) {
    if (typeof thrown === "string") throw new Error(JSON.parse(thrown).error);
    throw new Error(`The machine has stopped: ${panicMessage() || thrown}. Load the page again.`);
  }
}

/** Everything that happened, and the server that goes on from there. */
export class Chronicle {
  /** @type {Glance[]} */
  glances = [];
  #corr = 0;

  /** @param {History} history */
  constructor(history) {
    this.history = history;
    /** @type {{server: string, now: number, redacted: boolean, rules: Row}} */
    this.start = parse(history.start());
    this.refresh();
  }

  static empty() {
    return new Chronicle(called(() => new History("", EPOCH)));
  }

  /** Reads a recording or the short form of a link. Throws an error that names the line. @param {Uint8Array} text */
  static parse(text) {
    return new Chronicle(called(() => History.parse(text)));
  }

  get length() {
    return this.history.length;
  }

  /** The instant after so many steps. @param {number} length */
  nowAt(length) {
    return length ? this.glances[length - 1].now : this.start.now;
  }

  refresh() {
    this.glances.length = Math.min(this.glances.length, this.length);
    while (this.glances.length < this.length) {
      const first = this.glances.length;
      this.glances.push(...parse(called(() => this.history.glances(first, first + PAGE))));
    }
  }

  /** @param {string} kind @param {Row} data @param {number} now @returns {Answer} */
  perform(kind, data, now) {
    const envelope = { kind, head: { corrId: `${++this.#corr}`, version: VERSION }, data };
    const answer = parse(called(() => this.history.perform(JSON.stringify(envelope), now)));
    this.refresh();
    return { status: answer.head.status, data: answer.data };
  }

  /** Does what is due. @param {number} now */
  tick(now) {
    called(() => this.history.tick(now));
    this.refresh();
  }

  /** @param {MessageKey} key @param {number} version @param {"delivered" | "failed" | "unclaimed"} went @param {number} now */
  report(key, version, went, now) {
    called(() => this.history.report(JSON.stringify({ key, version, went }), now));
    this.refresh();
  }

  /** @param {string} mailbox @param {number} now */
  connected(mailbox, now) {
    called(() => this.history.connected(JSON.stringify({ mailbox, room: 8 }), now));
    this.refresh();
  }

  /** @param {number} now */
  adoptOrphans(now) {
    called(() => this.history.adoptOrphans(now));
    this.refresh();
  }

  /** @returns {{deliveries: Delivery[], parked: string[]}} */
  events() {
    return parse(this.history.events());
  }

  /** @returns {number | undefined} */
  nextWakeup() {
    return called(() => this.history.nextWakeup());
  }

  /** The state after so many steps, as it is at an instant. @param {number} length @param {number} now @returns {State} */
  state(length, now) {
    return parse(called(() => this.history.state(length, now)));
  }

  /** @param {number} number @returns {Step} */
  step(number) {
    return parse(called(() => this.history.step(number)));
  }

  /** Forgets what came behind the first steps. @param {number} length */
  truncate(length) {
    called(() => this.history.truncate(length));
    this.refresh();
  }

  recording() {
    return this.history.recording();
  }

  short() {
    return this.history.short();
  }

  /** Gives its memory back. */
  free() {
    this.history.free();
  }
}
