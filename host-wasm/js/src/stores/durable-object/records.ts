// What the machine and its store say to each other, as JSON. Records are kept as they come; of their fields only those are named that are columns.

/** A promise. */
export interface PromiseRecord {
  id: string;
  state: string;
  tags: Record<string, string>;
  timeout_at: number;
  created_at: number;
  settled_at?: number;
  has_waiters: boolean;
}

/** A task. */
export interface TaskRecord {
  id: string;
  state: string;
  version: number;
  lease?: { pid: string; expires_at: number };
  retry_at?: number;
}

/** A schedule. */
export interface ScheduleRecord {
  id: string;
  next_run_at: number;
}

/** The key of an entry of the outbox. */
export type MessageKey = { execute: { task: string } } | { unblock: { promise: string; address: string } };

/** An entry of the outbox. */
export interface MessageRecord {
  key: MessageKey;
  created_at: number;
  due_at: number;
}

/** Something to load. */
export type Read =
  | { promise: string }
  | { task: string }
  | { schedule: string }
  | { message: MessageKey }
  | { callbacks_of: { awaited: string; after: string | null; limit: number } }
  | { listeners_of: { awaited: string; after: string | null; limit: number } }
  | { held_by: { pid: string; after: string | null; limit: number } };

/** Where rows by id begin: at a text or the first id behind it, or behind an id. */
export type Place = { from: string } | { after: string };

/** Stored states that may look wanted: these, and pending with a deadline at or before an instant. */
export interface States {
  any_of: string[];
  overdue_at: number;
}

/** Rows in an order. Tasks are pairs of a task and its promise. */
export type Run =
  | { promises: { at: Place; states: States | null } }
  | { newest_promises: { after: [number, string] | null; states: States | null } }
  | { branch_promises: { branch: string; at: Place } }
  | { tasks: { at: Place } }
  | { schedules: { at: Place } };

/** At most `limit` rows, none behind the one with which their JSON is longer than `bytes`. */
export interface Ask {
  rows: Run;
  limit: number;
  bytes: number;
}

/** A change. */
export type Write =
  | { insert_promise: PromiseRecord }
  | { settle_promise: PromiseRecord }
  | { set_has_waiters: { id: string; has_waiters: boolean } }
  | { insert_task: TaskRecord }
  | { update_task: { from: string; version: number; task: TaskRecord } }
  | { insert_callback: { awaited: string; awaiter: string } }
  | { delete_callback: { awaited: string; awaiter: string } }
  | { insert_listener: { awaited: string; address: string } }
  | { delete_listener: { awaited: string; address: string } }
  | { insert_schedule: ScheduleRecord }
  | { advance_schedule: { id: string; from: number; last_run_at: number | null; next_run_at: number } }
  | { delete_schedule: { id: string } }
  | { put_message: MessageRecord; mailbox?: string }
  | { delete_message: { key: MessageKey } };

/** The columns of a key: kind, id, listener. */
export function columnsOf(key: MessageKey): [number, string, string] {
  return "execute" in key ? [0, key.execute.task, ""] : [1, key.unblock.promise, key.unblock.address];
}

/** The key in the columns of a row. */
export function keyOf(row: Record<string, unknown>): MessageKey {
  const id = String(row.id);
  return row.kind === 0 ? { execute: { task: id } } : { unblock: { promise: id, address: String(row.listener) } };
}
