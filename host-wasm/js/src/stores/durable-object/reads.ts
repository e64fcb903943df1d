// Answers to what the machine asks for. Every statement looks up a key or goes along an index for a bounded number of rows; records leave as the
// JSON that they came as. What is ordered is ordered in SQL: by bytes, as JavaScript's `<` does not.

import { columnsOf, keyOf } from "./records.js";
import type { Ask, MessageKey, Place, Read, Run, States } from "./records.js";
import type { Sql, SqlRow, SqlValue } from "./sql.js";

/** The last instant there is; it stands for never. */
const NEVER = Number.MAX_SAFE_INTEGER;

/** What is due of each kind at or before an instant. */
const DUE = new Map([
  [
    "deadline",
    "SELECT timeout_at AS at, id FROM resonate_promises WHERE state = 'pending' AND timeout_at <= ? ORDER BY timeout_at, id LIMIT ?",
  ],
  [
    "discharge",
    "SELECT settled_at AS at, id FROM resonate_promises " +
      "WHERE has_waiters = 1 AND settled_at IS NOT NULL AND settled_at <= ? ORDER BY settled_at, id LIMIT ?",
  ],
  ["lease", "SELECT lease_at AS at, id FROM resonate_tasks WHERE lease_at IS NOT NULL AND lease_at <= ? ORDER BY lease_at, id LIMIT ?"],
  ["retry", "SELECT retry_at AS at, id FROM resonate_tasks WHERE retry_at IS NOT NULL AND retry_at <= ? ORDER BY retry_at, id LIMIT ?"],
  ["schedule", "SELECT next_run_at AS at, id FROM resonate_schedules WHERE next_run_at <= ? ORDER BY next_run_at, id LIMIT ?"],
  [
    "message",
    "SELECT due_at AS at, kind, id, listener FROM resonate_messages WHERE due_at <= ? ORDER BY due_at, kind, id, listener LIMIT ?",
  ],
]);

/** The JSON of the answer to a read. */
export function answer(sql: Sql, read: Read): string {
  if ("promise" in read) return record(sql, "SELECT body FROM resonate_promises WHERE id = ?", read.promise);
  if ("task" in read) return record(sql, "SELECT body FROM resonate_tasks WHERE id = ?", read.task);
  if ("schedule" in read) return record(sql, "SELECT body FROM resonate_schedules WHERE id = ?", read.schedule);
  if ("message" in read) {
    return record(sql, "SELECT body FROM resonate_messages WHERE kind = ? AND id = ? AND listener = ?", ...columnsOf(read.message));
  }
  if ("callbacks_of" in read) {
    const { awaited, after, limit } = read.callbacks_of;
    const query = "SELECT awaiter AS text FROM resonate_callbacks WHERE awaited = ? AND awaiter > ? ORDER BY awaiter LIMIT ?";
    return JSON.stringify(Array.from(sql.exec(query, awaited, after ?? "", limit), (row) => row.text));
  }
  if ("listeners_of" in read) {
    const { awaited, after, limit } = read.listeners_of;
    const query = "SELECT address AS text FROM resonate_listeners WHERE awaited = ? AND address > ? ORDER BY address LIMIT ?";
    return JSON.stringify(Array.from(sql.exec(query, awaited, after ?? "", limit), (row) => row.text));
  }
  if ("held_by" in read) {
    const { pid, after, limit } = read.held_by;
    const query = "SELECT body FROM resonate_tasks WHERE pid = ? AND id > ? ORDER BY id LIMIT ?";
    return `[${Array.from(sql.exec(query, pid, after ?? "", limit), body).join(",")}]`;
  }
  throw new Error(`the store cannot answer ${JSON.stringify(read satisfies never)}`);
}

/** The JSON of rows in their order, and whether others may follow. */
export function runOfRows(sql: Sql, { rows: run, limit, bytes }: Ask): { rows: string[]; more: boolean } {
  const [query, bindings] = statement(run);
  const rows: string[] = [];
  let length = 0;
  // One by one: what is behind the last row is not loaded.
  for (const row of sql.exec(query, ...bindings, limit)) {
    const text = row.promise === undefined ? body(row) : `[${body(row)},${String(row.promise)}]`;
    length += text.length;
    rows.push(text);
    if (length > bytes) break;
  }
  return { rows, more: rows.length === limit || length > bytes };
}

/** The rows of a kind that are due at or before an instant, the earliest first. */
export function due(sql: Sql, kind: string, until: number, limit: number): [SqlValue, SqlValue | MessageKey][] {
  const query = DUE.get(kind);
  if (query === undefined) throw new Error(`the store knows nothing that is due as '${kind}'`);
  // What is due never is not due.
  const last = kind === "schedule" || kind === "message" ? Math.min(until, NEVER - 1) : until;
  return Array.from(sql.exec(query, last, limit), (row) => [row.at ?? null, kind === "message" ? keyOf(row) : (row.id ?? null)]);
}

/** Keys of the first messages parked in a mailbox. */
export function parked(sql: Sql, mailbox: string, prefix: string | null, limit: number): MessageKey[] {
  const columns = "SELECT kind, id, listener FROM resonate_messages WHERE mailbox = ?";
  if (prefix === null) {
    return Array.from(sql.exec(`${columns} ORDER BY created_at, kind, id, listener LIMIT ?`, mailbox, limit), keyOf);
  }
  const keys: MessageKey[] = [];
  for (const row of sql.exec(`${columns} AND id >= ? ORDER BY id, kind, listener LIMIT ?`, mailbox, prefix, limit)) {
    // In the order of ids those with a prefix lie together.
    if (!String(row.id).startsWith(prefix)) break;
    keys.push(keyOf(row));
  }
  return keys;
}

/** The JSON of everything. The only answer that grows with the store. */
export function snapshot(sql: Sql): string {
  const bodies = (table: string) => `[${Array.from(sql.exec(`SELECT body FROM ${table}`), body).join(",")}]`;
  const pairs = (table: string, waiter: string) =>
    JSON.stringify(Array.from(sql.exec(`SELECT awaited, ${waiter} AS waiter FROM ${table}`), (row) => [row.awaited, row.waiter]));
  return (
    `{"promises":${bodies("resonate_promises")},"tasks":${bodies("resonate_tasks")},"schedules":${bodies("resonate_schedules")},` +
    `"callbacks":${pairs("resonate_callbacks", "awaiter")},"listeners":${pairs("resonate_listeners", "address")},` +
    `"messages":${bodies("resonate_messages")}}`
  );
}

/** The statement that gives rows in an order; its last binding is the limit. */
function statement(run: Run): [string, SqlValue[]] {
  if ("promises" in run) {
    const [behind, place] = behindPlace(run.promises.at);
    const [inStates, states] = inAnyState(run.promises.states);
    return [`SELECT body FROM resonate_promises WHERE ${behind}${inStates} ORDER BY id LIMIT ?`, [place, ...states]];
  }
  if ("newest_promises" in run) {
    const [inStates, states] = inAnyState(run.newest_promises.states);
    const order = "ORDER BY created_at DESC, id DESC LIMIT ?";
    const after = run.newest_promises.after ?? [NEVER + 1, ""];
    return [`SELECT body FROM resonate_promises WHERE (created_at, id) < (?, ?)${inStates} ${order}`, [...after, ...states]];
  }
  if ("branch_promises" in run) {
    const [behind, place] = behindPlace(run.branch_promises.at);
    return [`SELECT body FROM resonate_promises WHERE branch = ? AND ${behind} ORDER BY id LIMIT ?`, [run.branch_promises.branch, place]];
  }
  if ("tasks" in run) {
    const [behind, place] = behindPlace(run.tasks.at);
    const pairs = `SELECT id, body FROM resonate_tasks WHERE ${behind} ORDER BY id LIMIT ?`;
    return [`SELECT t.body, p.body AS promise FROM (${pairs}) t JOIN resonate_promises p ON p.id = t.id ORDER BY t.id`, [place]];
  }
  if ("schedules" in run) {
    const [behind, place] = behindPlace(run.schedules.at);
    return [`SELECT body FROM resonate_schedules WHERE ${behind} ORDER BY id LIMIT ?`, [place]];
  }
  throw new Error(`the store has no rows in the order of ${JSON.stringify(run satisfies never)}`);
}

function behindPlace(at: Place): [string, string] {
  return "from" in at ? ["id >= ?", at.from] : ["id > ?", at.after];
}

function inAnyState(states: States | null): [string, SqlValue[]] {
  if (states === null) return ["", []];
  const places = states.any_of.map(() => "?").join(", ");
  return [` AND (state IN (${places}) OR (state = 'pending' AND timeout_at <= ?))`, [...states.any_of, states.overdue_at]];
}

function record(sql: Sql, query: string, ...bindings: SqlValue[]): string {
  const row = sql.exec(query, ...bindings).toArray()[0];
  return row === undefined ? "null" : body(row);
}

function body(row: SqlRow): string {
  return String(row.body);
}
