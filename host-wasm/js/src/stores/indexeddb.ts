// A copy of the rows in the browser's IndexedDB. Owns who may write to a database, and that a commit is whole and durable; the rows are the
// module's.
import { StoreError, StoreLockedError } from "../errors.js";
import { fromJsonBytes, toJsonBytes } from "../json.js";
import type { Changes, CopyStore } from "../store.js";
import { type Lock, acquire } from "./lock.js";

/** How a database is opened. */
export interface IndexedDbOptions {
  /** Whether to wait until whoever has the database lets go of it. Otherwise that is a `StoreLockedError` at once. */
  wait?: boolean;
}

const VERSION = 1;
const ROWS = "rows";
const META = "meta";
const GENERATION = "generation";
const TABLES = ["promises", "tasks", "schedules", "callbacks", "listeners", "messages"];

/** The store in an IndexedDB database of this name. Only one server at a time has it, in whatever tab. */
export function indexedDb(name: string, { wait = false }: IndexedDbOptions = {}): CopyStore {
  return new IndexedDb(name, wait);
}

class IndexedDb implements CopyStore {
  readonly kind = "copy";
  readonly #name: string;
  readonly #wait: boolean;
  #lock: Lock | undefined;
  #db: IDBDatabase | undefined;
  /** Counts who has opened the database. While it is this, nobody else has. */
  #generation: number | undefined;

  constructor(name: string, wait: boolean) {
    this.#name = name;
    this.#wait = wait;
  }

  async open(): Promise<Uint8Array | undefined> {
    const isFirst = this.#generation === undefined;
    try {
      if (this.#lock?.isLost) throw this.#locked();
      this.#lock ??= await acquire(`resonate-wasm:${this.#name}`, this.#wait, () => this.#locked());
      this.#db ??= await this.#connect();
      return await this.#readAll(isFirst);
    } catch (cause) {
      if (isFirst) await this.close();
      throw this.#fault("cannot be opened", cause, "denied");
    }
  }

  write(changes: Changes[]): Promise<void> {
    const from = changes.findLastIndex(({ reset }) => reset);
    const rows = new Map<string, [string, string, unknown]>();
    for (const change of changes.slice(Math.max(from, 0))) {
      for (const row of change.rows) rows.set(`${row[0]} ${row[1]}`, row);
    }
    return this.#commit(from >= 0, rows.values());
  }

  replace(snapshot: Uint8Array): Promise<void> {
    const tables = Object.entries(fromJsonBytes<Record<string, unknown[]>>(snapshot));
    const rows = tables.flatMap(([table, rows]) => rows.map((row): [string, string, unknown] => [table, keyOf(table, row), row]));
    return this.#commit(true, rows);
  }

  async close(): Promise<void> {
    this.#db?.close();
    this.#db = undefined;
    this.#generation = undefined;
    this.#lock?.release();
    this.#lock = undefined;
  }

  async #connect(): Promise<IDBDatabase> {
    if (globalThis.indexedDB === undefined) throw new StoreError("IndexedDB is not there: open the server with another store", "denied");
    const opening = indexedDB.open(this.#name, VERSION);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore(ROWS);
      opening.result.createObjectStore(META);
    };
    const db = await settled(opening);
    const forget = () => {
      if (this.#db === db) this.#db = undefined;
    };
    db.onclose = forget;
    // Somebody removes the database, or is of a newer version.
    db.onversionchange = () => {
      db.close();
      forget();
    };
    return db;
  }

  /** Everything, and that it is ours from now on. */
  async #readAll(isFirst: boolean): Promise<Uint8Array | undefined> {
    const transaction = this.#begin();
    const done = completed(transaction);
    done.catch(() => undefined);
    const rows = transaction.objectStore(ROWS);
    const meta = transaction.objectStore(META);
    const found = ((await settled(meta.get(GENERATION))) as number | undefined) ?? 0;
    if (!isFirst && found === 0) throw new StoreError(`IndexedDB database ${this.#name} was removed: open the server anew`, "closed");
    if (!isFirst && found !== this.#generation) throw this.#locked();
    const generation = isFirst ? found + 1 : found;
    meta.put(generation, GENERATION);
    const tables = await Promise.all(TABLES.map((table) => settled(rows.getAll(IDBKeyRange.bound([table], [table, []])))));
    await done;
    this.#generation = generation;
    if (tables.every((table) => table.length === 0)) return undefined;
    return toJsonBytes("rows", Object.fromEntries(TABLES.map((table, at) => [table, tables[at]])));
  }

  async #commit(reset: boolean, changed: Iterable<[string, string, unknown]>): Promise<void> {
    let lost = false;
    try {
      if (this.#lock?.isLost) throw this.#locked();
      const transaction = this.#begin();
      const done = completed(transaction);
      done.catch(() => undefined);
      const rows = transaction.objectStore(ROWS);
      const check = transaction.objectStore(META).get(GENERATION);
      check.onsuccess = () => {
        lost = check.result !== this.#generation;
        if (lost) return transaction.abort();
        try {
          if (reset) rows.clear();
          for (const [table, key, row] of changed) {
            if (row === null) rows.delete([table, key]);
            else rows.put(row, [table, key]);
          }
        } catch (cause) {
          transaction.abort();
          throw cause;
        }
      };
      await done;
    } catch (cause) {
      throw lost ? this.#locked() : this.#fault("takes no changes", cause, "closed");
    }
  }

  #begin(): IDBTransaction {
    if (this.#db === undefined) throw new StoreError(`IndexedDB database ${this.#name} was closed: it is opened again by the next call`, "closed");
    return this.#db.transaction([ROWS, META], "readwrite", { durability: "strict" });
  }

  #locked(): StoreLockedError {
    const cure = "close the other server or tab, or open with { wait: true }";
    return new StoreLockedError(`IndexedDB database ${this.#name} belongs to another server: ${cure}`);
  }

  /** What went wrong, in our words. `otherwise` is why it did when the state of the database is to blame. */
  #fault(what: string, cause: unknown, otherwise: "denied" | "closed"): StoreError {
    if (cause instanceof StoreError) return cause;
    const name = cause instanceof DOMException ? cause.name : "";
    const text = `IndexedDB database ${this.#name} ${what} (${String(cause)})`;
    if (name === "QuotaExceededError") return new StoreError(`${text}: make room, or ask for more with navigator.storage.persist()`, "full", cause);
    if (name === "SecurityError") {
      return new StoreError(`${text}: this page may not keep anything; open the server with another store`, "denied", cause);
    }
    if (name === "InvalidStateError" || name === "AbortError") {
      this.#db?.close();
      this.#db = undefined;
      return new StoreError(text, otherwise, cause);
    }
    return new StoreError(text, "failed", cause);
  }
}

/** The key of a row, as the module writes it. */
function keyOf(table: string, row: unknown): string {
  if (table === "callbacks" || table === "listeners") return JSON.stringify(row);
  const { id, key } = row as { id: string; key: unknown };
  return table === "messages" ? JSON.stringify(key) : id;
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("it fails without a reason"));
  });
}

function completed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new DOMException("the transaction was aborted", "AbortError"));
  });
}
