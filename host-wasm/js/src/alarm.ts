// The one timer of a server. Owns when it goes off.

/** The longest delay that timers take. */
const DELAY_MAX_MILLIS = 2 ** 31 - 1;

/** Told the instant at which something is due next; nothing when nothing ever is. */
export type Wake = (at: number | undefined) => void;

interface Timer {
  unref?: () => void;
}

/** Wakes a server when something is due. */
export class Alarm {
  readonly #next: () => number | undefined;
  readonly #ring: () => void;
  readonly #wake: Wake;
  #isSetting = false;
  #isStopped = false;
  #at: number | undefined;
  #timer: Timer | undefined;

  /** `next` says when something is due, `ring` is called then. With a clock that is set by hand nothing rings. */
  constructor(next: () => number | undefined, ring: () => void, wake: Wake | undefined, byHand: boolean) {
    this.#next = next;
    this.#ring = ring;
    this.#wake = wake ?? (byHand ? () => undefined : (at) => this.#arm(at));
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
      // Whoever asks next is told.
      return;
    }
    if (at === this.#at) return;
    this.#at = at;
    this.#wake(at);
  }

  #arm(at: number | undefined): void {
    clearTimeout(this.#timer as number | undefined);
    this.#timer = undefined;
    if (at === undefined) return;
    const delay = Math.min(Math.max(at - Date.now(), 0), DELAY_MAX_MILLIS);
    this.#timer = setTimeout(() => {
      this.#at = undefined;
      this.#ring();
    }, delay) as unknown as Timer;
    // A server does not keep Node alive.
    this.#timer.unref?.();
  }

  /** Nothing rings any more. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer as number | undefined);
  }
}
