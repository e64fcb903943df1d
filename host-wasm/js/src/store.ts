// What keeps the rows. Owns the two shapes a store can have; the rules about rows are the module's.

/**
 * A store that answers at once, and whose commits are durable when they return: the machine reads and writes the rows there. All texts are JSON.
 * What it throws becomes a `StoreError`.
 */
export interface RowStore {
  readonly kind: "rows";
  /** Answers a list of reads by a list, in their order. */
  load(reads: string): string;
  /** Rows in their order, `{rows, more}`, for `{rows: what, limit, bytes}`; it need not know which of them are wanted. */
  scan(ask: string): string;
  /** The first rows of a kind due at or before `until`: a list of `[instant, key]`, the earliest first. */
  due(kind: string, until: number, limit: number): string;
  /** The keys of the first messages parked in a mailbox: the oldest first, or, with a prefix, those whose id has it, by id. */
  parked(mailbox: string, prefix: string | undefined, limit: number): string;
  /** Everything, as a snapshot. */
  snapshot(): string;
  /** Makes a list of writes, all of them or none, durable when it returns. */
  commit(writes: string): void;
  /** Removes everything. */
  reset(): void;
  /**
   * Resolves once every commit so far is durable, of a store whose commits are not when they return. Messages wait for it; whoever answers has to see
   * to that himself.
   */
  sync?(): Promise<void>;
}

/** Rows that have changed: a table, a key, and the row as it stands in a snapshot, or null. */
export interface Changes {
  /** Whether everything that was there before is gone. */
  reset: boolean;
  rows: [table: string, key: string, row: unknown][];
}

/**
 * A store that keeps a copy of the rows and takes its time: the machine works in memory, and nothing is acknowledged before its copy is made.
 */
export interface CopyStore {
  readonly kind: "copy";
  /** Opens it, or opens it again, and gives everything in it as a snapshot; nothing when it is empty. */
  open(): Promise<Uint8Array | undefined>;
  /** Makes changes, in order, all of them or none, durable when it resolves. */
  write(changes: Changes[]): Promise<void>;
  /** Puts a snapshot, in the module's own spelling, in place of everything, at once or not at all. */
  replace(snapshot: Uint8Array): Promise<void>;
  /** Lets go of it. */
  close(): Promise<void>;
}

/** Everything is kept in memory, and gone when the server is. */
export interface MemoryStore {
  readonly kind: "memory";
}

/** What a server keeps its rows in. */
export type Store = MemoryStore | RowStore | CopyStore;

/** The store in memory, the default. */
export function memory(): MemoryStore {
  return { kind: "memory" };
}
