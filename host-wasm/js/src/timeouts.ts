// `setTimeout` in the time of a clock that is set by hand. Owns what waits for its instant; the clock says when that is.

type Callback = (...args: unknown[]) => void;

/** What `setTimeout` returns: Node's has methods, and both stand for a number. */
interface Timeout {
  ref(): Timeout;
  unref(): Timeout;
  hasRef(): boolean;
  close(): Timeout;
  [Symbol.toPrimitive](): number;
}

interface Waiting {
  at: number;
  number: number;
  call: () => void;
}

/** Everything that waits. */
export class Timeouts {
  readonly #now: () => number;
  readonly #waiting = new Map<number, Waiting>();
  readonly #real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
  /** What is ours to clear. */
  readonly #made = new WeakSet<Timeout>();
  #last = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** From now on `setTimeout` waits for the clock, for everybody in this realm. What should be done as soon as possible still is. */
  install(): void {
    const { setTimeout: realSet, clearTimeout: realClear } = this.#real;
    const set = (callback: Callback, delay?: number, ...args: unknown[]): unknown => {
      const millis = Number(delay ?? 0);
      return millis >= 1 ? this.#add(millis, () => callback(...args)) : realSet(callback, 0, ...args);
    };
    const clear = (timeout: unknown): void => {
      if (this.#made.has(timeout as Timeout)) this.#waiting.delete(Number(timeout));
      else realClear(timeout as number);
    };
    globalThis.setTimeout = set as typeof globalThis.setTimeout;
    globalThis.clearTimeout = clear as typeof globalThis.clearTimeout;
  }

  /** Gives the system its own back. What waits is forgotten. */
  uninstall(): void {
    Object.assign(globalThis, this.#real);
    this.#waiting.clear();
  }

  /** The first instant for which something waits. */
  next(): number | undefined {
    return this.#first()?.at;
  }

  /** Takes what waits first, if it does so for no later instant than this. */
  take(until: number): { at: number; call: () => void } | undefined {
    const first = this.#first();
    if (first === undefined || first.at > until) return undefined;
    this.#waiting.delete(first.number);
    return first;
  }

  #first(): Waiting | undefined {
    let first: Waiting | undefined;
    for (const waiting of this.#waiting.values()) if (first === undefined || waiting.at < first.at) first = waiting;
    return first;
  }

  #add(millis: number, call: () => void): Timeout {
    this.#last += 1;
    const number = this.#last;
    this.#waiting.set(number, { at: this.#now() + Math.floor(millis), number, call });
    const timeout: Timeout = {
      ref: () => timeout,
      unref: () => timeout,
      hasRef: () => true,
      close: () => {
        this.#waiting.delete(number);
        return timeout;
      },
      [Symbol.toPrimitive]: () => number,
    };
    this.#made.add(timeout);
    return timeout;
  }
}
