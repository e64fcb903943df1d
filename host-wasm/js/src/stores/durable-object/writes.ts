// The machine's writes as statements, each with its guard. One that changes no row has lost it.

import { columnsOf } from "./records.js";
import type { PromiseRecord, TaskRecord, Write } from "./records.js";
import type { Sql, SqlValue } from "./sql.js";

const BRANCH_TAG = "resonate:branch";

/** A guard did not hold: the store's rows are not those that the machine has loaded. Nothing was written. */
export class GuardError extends Error {
  override name = "GuardError";
}

/**
 * Makes one change, inside a transaction.
 *
 * @throws `GuardError` when its guard does not hold; the transaction must then be rolled back.
 */
export function write(sql: Sql, change: Write): void {
  if ("insert_promise" in change || "settle_promise" in change || "set_has_waiters" in change) return writePromise(sql, change);
  if ("insert_task" in change || "update_task" in change) return writeTask(sql, change);
  if ("insert_schedule" in change || "advance_schedule" in change || "delete_schedule" in change) return writeSchedule(sql, change);
  if ("put_message" in change || "delete_message" in change) return writeMessage(sql, change);
  return writeWaiter(sql, change);
}

type Of<Names extends string> = Extract<Write, { [Name in Names]: unknown }>;

function writePromise(sql: Sql, change: Of<"insert_promise"> | Of<"settle_promise"> | Of<"set_has_waiters">): void {
  if ("insert_promise" in change) {
    const query =
      "INSERT INTO resonate_promises (id, state, timeout_at, created_at, settled_at, has_waiters, branch, body) " +
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1";
    const promise = change.insert_promise;
    return guarded(sql, change, query, promise.id, ...promiseColumns(promise));
  }
  if ("settle_promise" in change) {
    const query =
      "UPDATE resonate_promises SET state = ?, timeout_at = ?, created_at = ?, settled_at = ?, has_waiters = ?, branch = ?, body = ? " +
      "WHERE id = ? AND state = 'pending' RETURNING 1";
    const promise = change.settle_promise;
    return guarded(sql, change, query, ...promiseColumns(promise), promise.id);
  }
  const { id, has_waiters } = change.set_has_waiters;
  const query =
    "UPDATE resonate_promises SET has_waiters = ?, body = json_set(body, '$.has_waiters', json(?)) WHERE id = ? RETURNING 1";
  return guarded(sql, change, query, Number(has_waiters), String(has_waiters), id);
}

/** The columns of a promise behind its id. */
function promiseColumns(promise: PromiseRecord): SqlValue[] {
  const { state, timeout_at, created_at, settled_at, has_waiters, tags } = promise;
  const branch = Object.hasOwn(tags, BRANCH_TAG) ? (tags[BRANCH_TAG] ?? null) : null;
  return [state, timeout_at, created_at, settled_at ?? null, Number(has_waiters), branch, JSON.stringify(promise)];
}

function writeTask(sql: Sql, change: Of<"insert_task"> | Of<"update_task">): void {
  if ("insert_task" in change) {
    const query =
      "INSERT INTO resonate_tasks (id, state, version, pid, lease_at, retry_at, body) VALUES (?, ?, ?, ?, ?, ?, ?) " +
      "ON CONFLICT DO NOTHING RETURNING 1";
    return guarded(sql, change, query, change.insert_task.id, ...taskColumns(change.insert_task));
  }
  const { from, version, task } = change.update_task;
  const query =
    "UPDATE resonate_tasks SET state = ?, version = ?, pid = ?, lease_at = ?, retry_at = ?, body = ? " +
    "WHERE id = ? AND state = ? AND version = ? RETURNING 1";
  return guarded(sql, change, query, ...taskColumns(task), task.id, from, version);
}

/** The columns of a task behind its id. */
function taskColumns(task: TaskRecord): SqlValue[] {
  const { state, version, lease, retry_at } = task;
  return [state, version, lease?.pid ?? null, lease?.expires_at ?? null, retry_at ?? null, JSON.stringify(task)];
}

function writeSchedule(sql: Sql, change: Of<"insert_schedule"> | Of<"advance_schedule"> | Of<"delete_schedule">): void {
  if ("insert_schedule" in change) {
    const query = "INSERT INTO resonate_schedules (id, next_run_at, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1";
    const schedule = change.insert_schedule;
    return guarded(sql, change, query, schedule.id, schedule.next_run_at, JSON.stringify(schedule));
  }
  if ("advance_schedule" in change) {
    const { id, from, last_run_at, next_run_at } = change.advance_schedule;
    // Numbers are bound as floats: instants go in as JSON, where they are integers.
    const query =
      "UPDATE resonate_schedules SET next_run_at = ?, " +
      "body = json_set(body, '$.next_run_at', json(?), '$.last_run_at', json(?)) WHERE id = ? AND next_run_at = ? RETURNING 1";
    return guarded(sql, change, query, next_run_at, String(next_run_at), String(last_run_at), id, from);
  }
  return guarded(sql, change, "DELETE FROM resonate_schedules WHERE id = ? RETURNING 1", change.delete_schedule.id);
}

function writeMessage(sql: Sql, change: Of<"put_message"> | Of<"delete_message">): void {
  if ("put_message" in change) {
    const { put_message: entry, mailbox } = change;
    const query =
      "INSERT OR REPLACE INTO resonate_messages (kind, id, listener, created_at, due_at, mailbox, body) VALUES (?, ?, ?, ?, ?, ?, ?)";
    return free(sql, query, ...columnsOf(entry.key), entry.created_at, entry.due_at, mailbox ?? null, JSON.stringify(entry));
  }
  const query = "DELETE FROM resonate_messages WHERE kind = ? AND id = ? AND listener = ?";
  return free(sql, query, ...columnsOf(change.delete_message.key));
}

function writeWaiter(
  sql: Sql,
  change: Of<"insert_callback"> | Of<"delete_callback"> | Of<"insert_listener"> | Of<"delete_listener">,
): void {
  if ("insert_callback" in change) {
    const { awaited, awaiter } = change.insert_callback;
    return free(sql, "INSERT INTO resonate_callbacks (awaited, awaiter) VALUES (?, ?) ON CONFLICT DO NOTHING", awaited, awaiter);
  }
  if ("delete_callback" in change) {
    const { awaited, awaiter } = change.delete_callback;
    return free(sql, "DELETE FROM resonate_callbacks WHERE awaited = ? AND awaiter = ?", awaited, awaiter);
  }
  if ("insert_listener" in change) {
    const { awaited, address } = change.insert_listener;
    return free(sql, "INSERT INTO resonate_listeners (awaited, address) VALUES (?, ?) ON CONFLICT DO NOTHING", awaited, address);
  }
  if ("delete_listener" in change) {
    const { awaited, address } = change.delete_listener;
    return free(sql, "DELETE FROM resonate_listeners WHERE awaited = ? AND address = ?", awaited, address);
  }
  throw new Error(`the store cannot write ${JSON.stringify(change satisfies never)}`);
}

/** Runs a statement that must change one row. */
function guarded(sql: Sql, change: Write, query: string, ...bindings: SqlValue[]): void {
  if (sql.exec(query, ...bindings).toArray().length === 1) return;
  throw new GuardError(`a guard did not hold, the store has been written by somebody else: ${Object.keys(change)[0]}`);
}

/** Runs a statement that may find its work done. */
function free(sql: Sql, query: string, ...bindings: SqlValue[]): void {
  sql.exec(query, ...bindings).toArray();
}
