// The copy of the rows in a store that takes its time. Owns the order of commits, and that nothing leaves the server before the commit that holds
// its changes: answers wait, messages wait.
import type { Changes, CopyStore } from "./store.js";
import { StoreError } from "./errors.js";

/** What has happened since the last commit began. */
interface Batch {
  changes: Changes[];
  /** What is to be done once they are durable. */
  after: (() => void)[];
  done: Promise<void>;
  resolve: () => void;
  reject: (why: unknown) => void;
}

function newBatch(): Batch {
  let [resolve, reject]: [() => void, (why: unknown) => void] = [() => undefined, () => undefined];
  const done = new Promise<void>((resolved, rejected) => {
    [resolve, reject] = [resolved, rejected];
  });
  // Whoever waits is told; nobody has to.
  done.catch(() => undefined);
  return { changes: [], after: [], done, resolve, reject };
}

/** Keeps a copy in step with a machine. */
export class Keeper {
  readonly #store: CopyStore;
  #filling = newBatch();
  /** Whose commit is under way. */
  #writing: Batch | undefined;
  /** Whether {@link #write} is at work: also while it does what follows a commit, which may take more. */
  #isAtWork = false;
  /** Why the machine's memory is ahead of the store for good. */
  #failed: StoreError | undefined;

  constructor(store: CopyStore) {
    this.#store = store;
  }

  /** Why the last commit failed, until {@link begin}. */
  get failed(): StoreError | undefined {
    return this.#failed;
  }

  /** The machine's memory is what the store holds. */
  begin(): void {
    this.#failed = undefined;
    this.#filling = newBatch();
  }

  /**
   * Checks that the machine is not ahead of the store for good.
   *
   * @throws {StoreError} Why it is.
   */
  check(): void {
    if (this.#failed !== undefined) throw this.#failed;
  }

  /**
   * Takes what a turn of the machine has changed, and what is to follow once that is durable.
   *
   * @throws As {@link check}: what comes after a commit that failed has seen what is lost.
   */
  take(changes: Changes | undefined, after: (() => void) | undefined): void {
    this.check();
    if (changes === undefined && after === undefined) return;
    if (changes !== undefined) this.#filling.changes.push(changes);
    if (after !== undefined) this.#filling.after.push(after);
    if (!this.#isAtWork) void this.#write();
  }

  /** Resolves once everything that has happened so far is durable; rejects when it will never be. */
  settled(): Promise<void> | undefined {
    if (this.#filling.changes.length > 0) return this.#filling.done;
    return this.#writing?.done;
  }

  /** Makes commit after commit, one at a time, until there is nothing left or one fails. */
  async #write(): Promise<void> {
    this.#isAtWork = true;
    while (this.#filling.changes.length > 0 || this.#filling.after.length > 0) {
      const batch = this.#filling;
      this.#writing = batch;
      this.#filling = newBatch();
      try {
        if (batch.changes.length > 0) await this.#store.write(batch.changes);
      } catch (cause) {
        this.#fail(batch, cause);
        break;
      }
      this.#writing = undefined;
      batch.resolve();
      for (const follow of batch.after) follow();
    }
    this.#isAtWork = false;
  }

  #fail(batch: Batch, cause: unknown): void {
    this.#writing = undefined;
    this.#failed = cause instanceof StoreError ? cause : new StoreError(`the store failed: ${String(cause)}`, "failed", cause);
    batch.reject(this.#failed);
    // What came after has seen what is lost.
    this.#filling.reject(this.#failed);
    this.#filling = newBatch();
  }
}
