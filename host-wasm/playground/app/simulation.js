// The world around the server: a clock that only moves when it is told, what is to happen on it, and the workers. The same actions at the same
// instants make the same history: nothing here looks at a real clock or draws chance.

import { Chronicle } from "./chronicle.js";
import { Worker } from "./worker.js";

export const GROUP = "workers";
/** Where functions are sent. */
export const TARGET = `poll://any@${GROUP}`;
/** Where whoever uses the page is told. */
export const YOU = "poll://uni@clients/you";
/** Steps that one move of the clock may make; what is more waits for the next one. */
const STEPS_MAX = 5000;

export class Simulation {
  /** @type {Map<string, Worker>} */
  crew = new Map();
  /** @type {Mark[]} */
  marks = [];
  /** @type {Timer[]} */
  #timers = [];
  #seq = 0;
  /** @type {{when: (glance: Glance) => boolean, then: () => void}[]} */
  #hooks = [];
  #hooked = 0;
  /** Whether this happened to a server elsewhere, not on this page. */
  elsewhere = false;
  /** The fragment of an address that brings all of this, where there is one. @type {string | undefined} */
  source;
  /** Whether time goes on behind the last step: a recording ends there, until somebody acts. */
  goesOn = true;
  /** A wake-up at which nothing happened: it is no news a second time. */
  #deaf = -1;

  /** @param {Chronicle} chronicle */
  constructor(chronicle) {
    this.chronicle = chronicle;
    this.now = chronicle.nowAt(chronicle.length);
  }

  /** A new world with these workers. @param {string[]} workers */
  static fresh(workers) {
    const simulation = new Simulation(Chronicle.empty());
    for (const pid of workers) simulation.hire(pid);
    return simulation;
  }

  /**
   * The world of a history that was read. Where nothing is known of its workers they are those that it names.
   * @param {Chronicle} chronicle @param {{marks?: Mark[], now?: number, elsewhere?: boolean, source?: string}} [around]
   */
  static of(chronicle, { marks, now, elsewhere = false, source } = {}) {
    const simulation = new Simulation(chronicle);
    simulation.source = source;
    simulation.elsewhere = elsewhere;
    simulation.goesOn = !elsewhere;
    simulation.now = Math.max(simulation.now, now ?? 0);
    const named = new Set(chronicle.glances.flatMap(({ worker }) => worker ?? []));
    const first = { at: 0, now: chronicle.start.now, mode: /** @type {Mode} */ ("on") };
    simulation.marks = marks ?? [...named].slice(0, 8).map((pid) => ({ ...first, pid }));
    simulation.#resume(chronicle.length);
    return simulation;
  }

  // ---- asking the server

  /** @param {string} kind @param {Row} data @returns {Answer} */
  ask(kind, data) {
    const answer = this.chronicle.perform(kind, data, this.now);
    this.#settle();
    return answer;
  }

  /** Delivers what leaves, and lets those who wait for a step know. */
  #settle() {
    for (let events = this.chronicle.events(); events.deliveries.length; events = this.chronicle.events()) {
      for (const delivery of events.deliveries) this.#deliver(delivery);
    }
    for (; this.#hooked < this.chronicle.length; this.#hooked++) {
      const glance = this.chronicle.glances[this.#hooked];
      const met = this.#hooks.filter(({ when }) => when(glance));
      this.#hooks = this.#hooks.filter((hook) => !met.includes(hook));
      for (const { then } of met) then();
    }
  }

  /** @param {Delivery} delivery */
  #deliver({ key, version, mailbox, worker: preferred, message }) {
    if (mailbox === "uni@clients/you") return this.chronicle.report(key, version, "delivered", this.now);
    // There is no network here: whatever is pushed does not arrive.
    if (mailbox === "push") return this.chronicle.report(key, version, "failed", this.now);
    const able = [...this.crew.values()].filter((worker) => worker.mode === "on" && worker.reads(mailbox));
    able.sort((a, b) => Number(b.pid === preferred) - Number(a.pid === preferred) || a.load - b.load);
    this.chronicle.report(key, version, able.length ? "delivered" : "unclaimed", this.now);
    if (message.kind === "execute") able[0]?.receive(message.data.task);
  }

  // ---- time

  /** Lets something happen later. @param {number} ms @param {object | null} owner @param {() => void} run */
  after(ms, owner, run) {
    this.#timers.push({ at: this.now + ms, seq: this.#seq++, owner, run });
  }

  /** Forgets what was to happen to somebody. @param {object} owner */
  forget(owner) {
    this.#timers = this.#timers.filter((timer) => timer.owner !== owner);
  }

  /** Does something once a step is of some kind. @param {(glance: Glance) => boolean} when @param {() => void} then */
  once(when, then) {
    this.#hooks.push({ when, then });
  }

  #nextTimer() {
    const awake = this.#timers.filter(({ owner }) => !(owner instanceof Worker) || owner.mode === "on");
    return awake.reduce((/** @type {Timer | undefined} */ first, timer) => {
      return !first || timer.at < first.at || (timer.at === first.at && timer.seq < first.seq) ? timer : first;
    }, undefined);
  }

  #nextDue() {
    const due = this.chronicle.nextWakeup();
    return due === undefined || due <= this.#deaf ? undefined : due;
  }

  /** When the next thing happens, if anything does. */
  nextAt() {
    const at = Math.min(this.#nextTimer()?.at ?? Infinity, this.#nextDue() ?? Infinity);
    return at === Infinity ? undefined : Math.max(at, this.now);
  }

  /** Lets the next thing happen. Whether there was one. */
  next() {
    const at = this.nextAt();
    if (at === undefined) return false;
    this.now = at;
    const due = this.#nextDue();
    const timer = this.#nextTimer();
    if (due !== undefined && due <= at) {
      const before = this.chronicle.length;
      this.chronicle.tick(at);
      this.#settle();
      if (this.chronicle.length === before) this.#deaf = at;
    } else if (timer) {
      this.#timers.splice(this.#timers.indexOf(timer), 1);
      timer.run();
    }
    return true;
  }

  /** Moves the clock. Whether it got there: it stands still when too much happens at once. @param {number} target */
  advanceTo(target) {
    const limit = this.chronicle.length + STEPS_MAX;
    for (let at = this.nextAt(); at !== undefined && at <= target; at = this.nextAt()) {
      if (this.chronicle.length > limit) return false;
      this.next();
    }
    this.now = Math.max(this.now, target);
    return true;
  }

  /** Lets things happen until the next one is further away than this. @param {number} gapMs */
  advanceToRest(gapMs) {
    const limit = this.chronicle.length + STEPS_MAX;
    for (let at = this.nextAt(); at !== undefined && at - this.now <= gapMs && this.chronicle.length < limit; at = this.nextAt()) {
      this.next();
    }
  }

  // ---- workers

  /** @param {string} pid */
  hire(pid) {
    this.crew.set(pid, new Worker(this, pid, "off"));
    this.turn(pid, "on");
  }

  /** A name that no worker has yet. */
  nextPid() {
    let number = 1;
    while (this.crew.has(`w${number}`)) number++;
    return `w${number}`;
  }

  /** Starts, pauses or loses a worker. @param {string} pid @param {Mode} mode */
  turn(pid, mode) {
    const worker = this.crew.get(pid);
    if (!worker || worker.mode === mode) return;
    this.marks.push({ at: this.chronicle.length, now: this.now, pid, mode });
    worker.mode = mode;
    if (mode === "off") worker.crash();
    if (mode === "on") this.#connect(worker);
  }

  /** @param {Worker} worker */
  #connect(worker) {
    for (const mailbox of worker.mailboxes) this.chronicle.connected(mailbox, this.now);
    this.#settle();
  }

  // ---- the past

  /** Goes on from the past: later steps are gone, and workers are as they were. @param {number} length */
  branch(length) {
    this.now = this.chronicle.nowAt(length);
    this.chronicle.truncate(length);
    this.marks = this.marks.filter(({ at }) => at <= length);
    this.#resume(length);
  }

  /**
   * Takes the workers up again after so many steps. What a process knew is gone; those that hold tasks run them again from the start, which is
   * what a workflow bears.
   * @param {number} length
   */
  #resume(length) {
    this.#timers = [];
    this.#hooks = [];
    this.#hooked = length;
    this.crew = new Map();
    this.#deaf = -1;
    for (const { pid, mode } of this.marks) this.crew.set(pid, new Worker(this, pid, mode));
  }

  /** Before something new happens to a history that was taken up: workers go on with what they hold, and messages under way come again. */
  wake() {
    if (this.crew.size === 0 || [...this.crew.values()].every((worker) => worker.awake)) return;
    const state = this.chronicle.state(this.chronicle.length, this.now);
    for (const worker of this.crew.values()) worker.wake(state);
    this.chronicle.adoptOrphans(this.now);
    for (const worker of this.crew.values()) if (worker.mode === "on") this.#connect(worker);
    this.#settle();
  }
}
