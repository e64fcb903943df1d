// Time that is let pass: from instant to instant, with everybody in the process given the time to react. Owns what quiet means.
import { macrotask, realMillisecond } from "./tasks.js";

/** How time is let pass. */
export interface AdvanceOptions {
  /**
   * Real milliseconds for which a worker that is busy, and asks nothing, is waited for, and a message that has not arrived; a second by default.
   * When they are over, time passes without them, and a worker may lose its lease.
   */
  patience?: number;
}

/** What there is to see of a server that works. */
export interface Stir {
  /** How many turns there have been. */
  turns(): number;
  /** Whether a commit is under way. */
  isUnderWay(): boolean;
  /** Whether a message is under way, or a worker has work to do. */
  isBusy(): boolean;
}

export const PATIENCE_MILLIS = 1_000;
/** Turns of the event loop without any request after which a server is quiet. */
const QUIET_TURNS = 5;
/** Looks at one instant after which something is due that never gets done. */
const LOOKS_MAX = 1_000;

/**
 * Lets time pass from `now` to `to`. `next` says when something is due, `turnTo` does what is due at an instant.
 *
 * @throws {Error} when what is due at an instant never gets done.
 */
export async function pass(
  stir: Stir,
  now: number,
  to: number,
  next: () => number | undefined,
  turnTo: (at: number) => Promise<void>,
  patience: number,
): Promise<void> {
  let left = await quiet(stir, patience);
  let looks = 0;
  for (let at = next(); at !== undefined && at <= to; at = next()) {
    looks = at > now ? 0 : looks + 1;
    if (looks > LOOKS_MAX) throw new Error(`what is due at ${at} stays due: has debug.start stopped the background?`);
    now = Math.max(at, now);
    await turnTo(now);
    left = await quiet(stir, left);
  }
  await turnTo(to);
  await quiet(stir, left);
}

/**
 * Resolves once nobody has asked anything for a few turns of the event loop, nothing is under way, and no worker is busy. Returns the patience that
 * is left: all of it, unless a worker was busy for so long without asking anything.
 */
export async function quiet(stir: Stir, patience: number): Promise<number> {
  let left = patience;
  let since = performance.now();
  for (let calm = 0, seen = -1; calm < QUIET_TURNS; ) {
    const isBusy = left > 0 && stir.isBusy();
    await (isBusy ? realMillisecond() : macrotask());
    const moved = stir.turns() !== seen || stir.isUnderWay();
    if (moved) since = performance.now();
    else if (isBusy && performance.now() - since > left) left = 0;
    calm = moved || isBusy ? 0 : calm + 1;
    seen = stir.turns();
  }
  return left;
}
