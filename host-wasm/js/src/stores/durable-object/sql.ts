// The part of a Durable Object's storage that the store uses, so that the package depends on no types of a platform.

/** A value of SQLite. */
export type SqlValue = string | number | null | ArrayBuffer;

/** A row by the names of its columns. */
export type SqlRow = Record<string, SqlValue>;

/** What a statement gives, row by row: a Durable Object's `SqlStorageCursor`. */
export interface SqlRows extends Iterable<SqlRow> {
  toArray(): SqlRow[];
}

/** A Durable Object's `ctx.storage.sql`. */
export interface Sql {
  exec(query: string, ...bindings: SqlValue[]): SqlRows;
}

/** A Durable Object's `ctx.storage`. */
export interface DurableStorage {
  readonly sql: Sql;
  transactionSync<T>(body: () => T): T;
  sync(): Promise<void>;
}
