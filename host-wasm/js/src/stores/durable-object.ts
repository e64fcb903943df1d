// A store in the SQLite of a Durable Object. Owns its transactions and which statements answer what; knows no rule about promises.

import { answer, due, parked, runOfRows, snapshot } from "./durable-object/reads.js";
import type { Ask, Read, Write } from "./durable-object/records.js";
import { migrate, TABLES } from "./durable-object/schema.js";
import type { DurableStorage } from "./durable-object/sql.js";
import { write } from "./durable-object/writes.js";
import type { RowStore } from "../store.js";

export type { DurableStorage, SqlRow, SqlRows, SqlValue } from "./durable-object/sql.js";
export { GuardError } from "./durable-object/writes.js";

/**
 * Keeps everything in the SQLite storage of a Durable Object, and loads what a request needs: state need not fit into memory, and an object that
 * wakes up reads nothing that nobody asks for.
 *
 * One object, one store: nothing else may write its tables, whose names begin with `resonate_`. A commit is durable when `sync` resolves. Messages
 * wait for that; an answer need not, since the object's output gate holds it back until then.
 */
export class DurableObjectStore implements RowStore {
  readonly kind = "rows";
  readonly #storage: DurableStorage;

  /**
   * Opens the store of an object, `new DurableObjectStore(ctx.storage)`, and creates or updates its tables.
   *
   * @throws when the object has no SQLite, or its tables are of a newer version.
   */
  constructor(storage: DurableStorage) {
    migrate(storage);
    this.#storage = storage;
  }

  /** Answers a JSON list of reads by a list. */
  load(reads: string): string {
    return list((JSON.parse(reads) as Read[]).map((read) => answer(this.#storage.sql, read)));
  }

  /** Rows in their order, see `Ask`. */
  scan(ask: string): string {
    const { rows, more } = runOfRows(this.#storage.sql, JSON.parse(ask) as Ask);
    return `{"rows":${list(rows)},"more":${more}}`;
  }

  /** The first rows of a kind that are due at or before an instant, as pairs of instant and key. */
  due(kind: string, until: number, limit: number): string {
    return JSON.stringify(due(this.#storage.sql, kind, until, limit));
  }

  /** Keys of the first messages that are parked in a mailbox: the oldest, or, with a prefix, those whose id has it, by id. */
  parked(mailbox: string, prefix: string | undefined, limit: number): string {
    return JSON.stringify(parked(this.#storage.sql, mailbox, prefix ?? null, limit));
  }

  /** Everything. */
  snapshot(): string {
    return snapshot(this.#storage.sql);
  }

  /**
   * Makes a JSON list of writes, all of them or none.
   *
   * @throws `GuardError` when the store does not hold what the writes rely on, and whatever SQLite throws.
   */
  commit(writes: string): void {
    const parsed = JSON.parse(writes) as Write[];
    this.#storage.transactionSync(() => parsed.forEach((each) => write(this.#storage.sql, each)));
  }

  /** Resolves once every commit so far is durable. Nobody promises that an object's output gate holds back an answer that has begun. */
  sync(): Promise<void> {
    return this.#storage.sync();
  }

  /** Removes everything. */
  reset(): void {
    this.#storage.transactionSync(() => TABLES.forEach((table) => this.#storage.sql.exec(`DELETE FROM ${table}`).toArray()));
  }
}

function list(json: string[]): string {
  return `[${json.join(",")}]`;
}
