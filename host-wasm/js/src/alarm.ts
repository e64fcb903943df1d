// The one timer of a server. Owns when it goes off.

/** The longest that a timer waits before it looks at the clock again, which may have been set, or gone on while the machine slept. */
const DELAY_MAX_MILLIS = 30_000;

/** Told the instant at which something is due next; nothing when nothing ever is. */
export type Wake = (at: number | undefined) => void;

interface Timer {
  unref?: () => void;
}

/** How long after a failure it is tried again. */
const RETRY_MILLIS = 5_000;

/** Wakes a server when something is due. */
export class Alarm {
  readonly #next: () => number | undefined;
  readonly #now: () => number;
  readonly #ring: () => Promise<boolean>;
  readonly #wake: Wake;
  #isSetting = false;
  #isStopped = false;
  #at: number | undefined;
  #timer: Timer | undefined;

  /**
   * `next` says when something is due, `ring` is called then, and says whether it is worth trying again. Whoever does the waking himself gives
   * `wake`.
   */
  constructor(next: () => number | undefined, now: () => number, ring: () => Promise<boolean>, wake: Wake | undefined) {
    this.#next = next;
    this.#now = now;
    this.#ring = ring;
    this.#wake = wake ?? ((at) => this.#arm(at));
  }

  /** Looks when something is due next, once for all turns of this moment. */
  set(): void {
    if (this.#isSetting || this.#isStopped) return;
    this.#isSetting = true;
    queueMicrotask(() => {
      this.#isSetting = false;
      if (!this.#isStopped) this.#look();
    });
  }

  #look(): void {
    let at: number | undefined;
    try {
      at = this.#next();
    } catch {
      // Whoever asks next is told. Nobody may: what is due must not wait for that.
      at = this.#now() + RETRY_MILLIS;
    }
    if (at === this.#at) return;
    this.#at = at;
    this.#wake(at);
  }

  #arm(at: number | undefined): void {
    clearTimeout(this.#timer as number | undefined);
    this.#timer = undefined;
    if (at === undefined) return;
    const delay = Math.min(Math.max(at - this.#now(), 0), DELAY_MAX_MILLIS);
    this.#timer = setTimeout(() => void this.#go(at), delay) as unknown as Timer;
    // A server does not keep Node alive.
    this.#timer.unref?.();
  }

  async #go(at: number): Promise<void> {
    if (this.#now() < at) return this.#arm(at);
    this.#at = undefined;
    const again = await this.#ring();
    if (again && !this.#isStopped) this.#arm(this.#now() + RETRY_MILLIS);
  }

  /** It rang, whoever did the waking: should the same instant still be the next one, there is more to do, and it is told again. */
  rang(): void {
    this.#at = undefined;
  }

  /** Nothing rings any more. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer as number | undefined);
  }
}
