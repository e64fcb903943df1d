// What time it is. Owns the clock that people set; knows nothing of servers.
import { BadInputError } from "./errors.js";
import { Timeouts } from "./timeouts.js";

/** Tells the time: milliseconds since the epoch. */
export type Clock = () => number;

/** The last instant there is: the largest integer that JSON clients hold exactly. */
export const INSTANT_MAX = Number.MAX_SAFE_INTEGER;

/** Checks an instant. */
export function checkInstant(name: string, instant: unknown): asserts instant is number {
  if (Number.isSafeInteger(instant) && (instant as number) >= 0) return;
  throw new BadInputError(`${name}: must be an integer number of milliseconds from 0 to ${INSTANT_MAX}, not ${String(instant)}`);
}

/** How a clock becomes everybody's. */
export interface InstallOptions {
  /** Whether `setTimeout` waits for the clock, too; it keeps the real time by default. `setInterval` always does. */
  timeouts?: boolean;
}

const RealDate = globalThis.Date;

/** A clock that stands still until it is set. */
export class ManualClock {
  #now: number;
  #installed = false;
  #timeouts: Timeouts | undefined;

  /** A clock that shows `now`, the system's time where none is given. */
  constructor(now: number = RealDate.now()) {
    checkInstant("now", now);
    this.#now = now;
  }

  /** What it shows. */
  now(): number {
    return this.#now;
  }

  /** Sets it. It does not go back: what has happened has happened. Timeouts that wait until then happen at their own instants. */
  set(to: number): void {
    this.check(to);
    for (let due = this.#timeouts?.take(to); due !== undefined; due = this.#timeouts?.take(to)) {
      this.#now = Math.max(this.#now, due.at);
      due.call();
    }
    this.#now = Math.max(this.#now, to);
  }

  /** The first instant for which a timeout waits. */
  nextTimeout(): number | undefined {
    return this.#timeouts?.next();
  }

  /** Throws unless it can be set to an instant. */
  check(to: number): void {
    checkInstant("to", to);
    if (to < this.#now) throw new BadInputError(`to: the clock shows ${this.#now} already, and does not go back to ${to}`);
  }

  /**
   * From now on `Date.now()` and `new Date()` tell this clock's time, for everybody in this realm, until {@link uninstall}: code that takes its
   * deadlines from there, as the SDK does, then lives in this clock's time.
   */
  install({ timeouts = false }: InstallOptions = {}): this {
    if (this.#installed) return this;
    if (globalThis.Date !== RealDate) {
      throw new BadInputError("Date: another clock is installed already: uninstall it first");
    }
    const now = () => this.#now;
    globalThis.Date = new Proxy(RealDate, {
      construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as object,
      apply: () => new RealDate(now()).toString(),
      get: (target, key, receiver) => (key === "now" ? now : (Reflect.get(target, key, receiver) as unknown)),
    });
    if (timeouts) {
      this.#timeouts = new Timeouts(now);
      this.#timeouts.install();
    }
    this.#installed = true;
    return this;
  }

  /** Gives the system its time back. */
  uninstall(): void {
    if (!this.#installed) return;
    globalThis.Date = RealDate;
    this.#timeouts?.uninstall();
    this.#timeouts = undefined;
    this.#installed = false;
  }

  [Symbol.dispose](): void {
    this.uninstall();
  }
}
