/** What crosses the boundary of the module, as the core prints it. Only for the type checker: nothing here is shipped. */

type Row = Record<string, any>;
interface PromiseRow { id: string; state: string; param: Payload; value: Payload; tags: Record<string, string>; timeout_at: number; created_at: number; settled_at?: number; has_waiters: boolean }
interface Payload { headers?: Record<string, string>; data?: string }
interface TaskRow { id: string; state: string; version: number; resumes: string[]; lease?: { pid: string; ttl: number; expires_at: number }; retry_at?: number; executes: number }
interface ScheduleRow { id: string; cron: string; promise_id: string; next_run_at: number; last_run_at?: number }
type MessageKey = { execute: { task: string } } | { unblock: { promise: string; address: string } };
interface MessageRow { key: MessageKey; address: string; version: number; created_at: number; due_at: number; parked: boolean; failures: number }
interface State {
  now: number; promises: PromiseRow[]; tasks: TaskRow[]; schedules: ScheduleRow[];
  callbacks: [string, string][]; listeners: [string, string][]; messages: MessageRow[]; projected: Record<string, string>;
}
interface Sent { key: MessageKey; version: number; address: string }
interface Glance {
  kind: string; now: number; by: "client" | "worker" | "server"; worker?: string; req?: Row; outcome: string; refusal?: string;
  sent?: Sent[]; difference?: string;
}
interface Change { table: string; key: string; before: any; after: any }
interface Step extends Glance { res?: any; recorded?: any; replaced: boolean; writes: Change[]; effects: any[] }
interface Delivery { key: MessageKey; version: number; address: string; mailbox: string; worker?: string; message: { kind: string; data: any } }
/** An answer of today's protocol. */
interface Answer { status: number; data: any }
type Mode = "on" | "paused" | "off";
/** A worker was started, paused or lost after so many steps. */
interface Mark { at: number; now: number; pid: string; mode: Mode }
/** What a simulated function asks of its worker. */
type Command =
  | { do: "step"; name: string; takes: number; result: any; fails?: boolean }
  | { do: "sleep"; ms: number }
  | { do: "call"; func: string; arg: any }
  | { do: "ask"; name: string; within: number }
  | { do: "wait"; futures: Future[] };
interface Future { id: string; promise: WirePromise }
/** A promise as today's protocol shows it. */
interface WirePromise { id: string; state: string; param: Payload; value: Payload; tags: Record<string, string>; timeoutAt: number }
type Flow = Generator<Command, any, any>;
interface Timer { at: number; seq: number; owner: object | null; run: () => void }
interface Scenario { key: string; name: string; line: string; watch: string[]; workers: string[]; run: (simulation: import("../../target/playground/app/simulation.js").Simulation) => void }
