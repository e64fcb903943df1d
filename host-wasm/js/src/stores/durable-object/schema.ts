// The tables of the store, and how those of an older version become those of this one. A record is one column of JSON; the others are what it is
// found by. Texts are compared by their bytes, as ids are.

import type { DurableStorage } from "./sql.js";

/** The tables that hold records. */
export const TABLES = [
  "resonate_promises",
  "resonate_tasks",
  "resonate_schedules",
  "resonate_callbacks",
  "resonate_listeners",
  "resonate_messages",
] as const;

/** What leads from each version to the next. An entry that has been released is never changed. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE resonate_promises (
    id TEXT PRIMARY KEY NOT NULL,
    state TEXT NOT NULL,
    timeout_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    settled_at INTEGER,
    has_waiters INTEGER NOT NULL,
    branch TEXT,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX resonate_promises_by_creation ON resonate_promises (created_at, id);
  CREATE INDEX resonate_promises_by_deadline ON resonate_promises (timeout_at, id) WHERE state = 'pending';
  CREATE INDEX resonate_promises_to_discharge ON resonate_promises (settled_at, id) WHERE has_waiters = 1 AND settled_at IS NOT NULL;
  CREATE INDEX resonate_promises_by_branch ON resonate_promises (branch, id) WHERE branch IS NOT NULL;

  CREATE TABLE resonate_tasks (
    id TEXT PRIMARY KEY NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    pid TEXT,
    lease_at INTEGER,
    retry_at INTEGER,
    body TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX resonate_tasks_by_holder ON resonate_tasks (pid, id) WHERE pid IS NOT NULL;
  CREATE INDEX resonate_tasks_by_lease ON resonate_tasks (lease_at, id) WHERE lease_at IS NOT NULL;
  CREATE INDEX resonate_tasks_by_retry ON resonate_tasks (retry_at, id) WHERE retry_at IS NOT NULL;

  CREATE TABLE resonate_schedules (
    id TEXT PRIMARY KEY NOT NULL,
    next_run_at INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX resonate_schedules_by_next_run ON resonate_schedules (next_run_at, id);

  CREATE TABLE resonate_callbacks (
    awaited TEXT NOT NULL,
    awaiter TEXT NOT NULL,
    PRIMARY KEY (awaited, awaiter)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE resonate_listeners (
    awaited TEXT NOT NULL,
    address TEXT NOT NULL,
    PRIMARY KEY (awaited, address)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE resonate_messages (
    kind INTEGER NOT NULL,
    id TEXT NOT NULL,
    listener TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    mailbox TEXT,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id, listener)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX resonate_messages_by_due ON resonate_messages (due_at, kind, id, listener);
  CREATE INDEX resonate_messages_parked_by_age ON resonate_messages (mailbox, created_at, kind, id, listener) WHERE mailbox IS NOT NULL;
  CREATE INDEX resonate_messages_parked_by_id ON resonate_messages (mailbox, id, kind, listener) WHERE mailbox IS NOT NULL;
  `,
];

/**
 * Brings the tables to the version of this package, all of the way or not at all.
 *
 * @throws when there is no SQLite, or the tables are of a version that this package does not know.
 */
export function migrate(storage: DurableStorage): void {
  if (typeof storage?.sql?.exec !== "function" || typeof storage.transactionSync !== "function") {
    throw new Error("storage must be the ctx.storage of a Durable Object with SQLite: name its class in new_sqlite_classes, not in new_classes");
  }
  storage.transactionSync(() => {
    // An object cannot set PRAGMA user_version.
    storage.sql.exec("CREATE TABLE IF NOT EXISTS resonate_schema (version INTEGER NOT NULL) STRICT").toArray();
    const version = Number(storage.sql.exec("SELECT max(version) AS version FROM resonate_schema").toArray()[0]?.version ?? 0);
    if (version > MIGRATIONS.length) {
      throw new Error(
        `the object's tables are of version ${version}, this package knows versions up to ${MIGRATIONS.length}: use the newer package`,
      );
    }
    MIGRATIONS.slice(version).forEach((statements, index) => {
      storage.sql.exec(statements).toArray();
      storage.sql.exec("INSERT INTO resonate_schema (version) VALUES (?)", version + index + 1).toArray();
    });
  });
}
