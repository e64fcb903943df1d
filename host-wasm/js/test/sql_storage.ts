// SQLite in the shape of a Durable Object's storage, for tests that run without one.
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { DurableStorage, SqlRow, SqlRows, SqlValue } from "../dist/stores/durable-object.js";

/** A Durable Object's `ctx.storage` over a database of its own. */
export class Storage implements DurableStorage {
  /** Every statement that was run. */
  readonly statements = new Map<string, StatementSync>();
  readonly #database = new DatabaseSync(":memory:");

  readonly sql = {
    exec: (query: string, ...bindings: SqlValue[]): SqlRows => {
      if (query.trim().slice(0, -1).includes(";")) {
        this.#database.exec(query);
        return { toArray: () => [], [Symbol.iterator]: () => [][Symbol.iterator]() };
      }
      const statement = this.statements.get(query) ?? this.#database.prepare(query);
      this.statements.set(query, statement);
      const rows = () => statement.iterate(...(bindings as SQLInputValue[])) as unknown as Iterator<SqlRow>;
      return { toArray: () => statement.all(...(bindings as SQLInputValue[])) as SqlRow[], [Symbol.iterator]: rows };
    },
  };

  transactionSync<T>(body: () => T): T {
    this.#database.exec("BEGIN");
    try {
      const result = body();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  /** Resolves when the test says so. */
  sync: () => Promise<void> = () => Promise.resolve();

  /** How a statement is carried out, line by line. */
  plan(query: string): string[] {
    const places = Array.from(query.matchAll(/\?/g), () => null);
    return this.#database.prepare(`EXPLAIN QUERY PLAN ${query}`).all(...places).map((row) => String(row.detail));
  }

  close(): void {
    this.#database.close();
  }
}
