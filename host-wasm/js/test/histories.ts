// Random histories of requests over few ids, so that they meet. Owns the generator; the same seed gives the same history.

/** A whole state, as far as the generator looks at it. */
export interface State {
  promises: { id: string; state: string }[];
  tasks: { id: string; state: string; version: number }[];
}

/** What a call of the 2023 API asks for. */
export const VERBS = ["create", "get", "search", "resolve", "reject", "cancel"] as const;

/** A call of the 2023 API. */
export interface Call {
  verb: (typeof VERBS)[number];
  method: string;
  path: string;
  query?: string;
  key?: string;
  strict?: string;
  body?: object;
}

/** Something that happens to a server. */
export type Step =
  | { envelope: { kind: string; head: object; data: object } }
  | { call: Call }
  | { tick: true }
  | { connected: { mailbox: string; prefix?: string; room: number } }
  | { reopen: true };

// Texts whose order by bytes is not that of JavaScript, and texts that SQL or JSON might take for something else.
const IDS = ["a", "a.1", "a.1.x", "b%", "B", "\uFFFD", "\u{1F600}", "*", 'q"\\', "10", "9", "__proto__"];
const SCHEDULE_IDS = ["s", "s.1", "\uFFFD", "\u{1F600}"];
const PIDS = ["p1", "p2", "\u{1F600}"];
const TARGETS = ["poll://any@g/p1", "poll://any@g", "poll://any@g", "poll://any@g", "poll://uni@g/p2", "http://127.0.0.1:9/x"];
const MAILBOXES = ["any@g", "any@g", "any@g", "uni@g/p2", "push"];
const PATTERNS = ["*", "a*", "*1", "a.*", "b%", "*\u{1F600}", "[a]", "**"];
const CRONS = ["0 * * * *", "*/30 * * * *", "0 0 30 2 *"];
const DAY = 24 * 60 * 60 * 1000;
const KEYS = ["k1", "k2"];

/** Every kind of today's protocol, without those of debugging. */
export const KINDS = [
  ...["promise.get", "promise.create", "promise.settle", "promise.register_callback", "promise.register_listener", "promise.search"],
  ...["task.get", "task.create", "task.acquire", "task.fence", "task.heartbeat", "task.suspend", "task.fulfill", "task.release"],
  ...["task.halt", "task.continue", "task.search"],
  ...["schedule.get", "schedule.create", "schedule.delete", "schedule.search"],
] as const;

/** Draws steps. */
export class History {
  #random: number;
  #now = 1_700_000_000_000;
  /** Cursors that answers gave out, by the kind of search. */
  readonly cursors = new Map<string, string[]>();

  constructor(seed: number) {
    this.#random = seed >>> 0;
  }

  /** The instant, later than the last one or not. */
  now(): number {
    if (this.#chance(30)) this.#now += this.#one([1, 1, 50, 50, 999, 999, 10_000, 10_000, 61_000, 3_600_000]);
    return this.#now;
  }

  /** What happens next to a server in a state. */
  step(state: State): Step {
    const draw = this.#below(100);
    if (draw < 8) return { tick: true };
    if (draw < 13) {
      const prefix = this.#chance(30) ? { prefix: this.#one(["", "a", "a.", "b%", "é", "z"]) } : {};
      return { connected: { mailbox: this.#one(MAILBOXES), room: this.#one([1, 2, 1000]), ...prefix } };
    }
    if (draw < 14) return { reopen: true };
    if (draw < 35) return { call: this.#call(state) };
    const kind = this.#chance(20) ? this.#one(["task.create", "task.acquire"] as const) : this.#one(KINDS);
    const data = this.#data(kind, state);
    return { envelope: { kind, head: { corrId: "c", version: "2026-04-01" }, data } };
  }

  /** How a delivery goes. */
  went(): "delivered" | "failed" | "unclaimed" | undefined {
    return this.#one(["delivered", "failed", "unclaimed", "unclaimed", "unclaimed", "unclaimed", undefined]);
  }

  #data(kind: (typeof KINDS)[number], state: State): object {
    const id = this.#id(state);
    switch (kind) {
      case "promise.get":
        return { id };
      case "task.get":
      case "task.halt":
      case "task.continue":
        return { id: this.#task(state, "halted").id };
      case "schedule.get":
      case "schedule.delete":
        return { id: this.#one(SCHEDULE_IDS) };
      case "promise.create":
        return this.#promise();
      case "promise.settle":
        return this.#settlement(id);
      case "promise.register_callback": {
        const awaiter = this.#task(state).id;
        return { awaited: this.#otherId(state, awaiter), awaiter };
      }
      case "promise.register_listener":
        return { awaited: id, address: this.#one(TARGETS) };
      case "promise.search": {
        const states = ["pending", "resolved", "rejected", "rejected_canceled", "rejected_timedout"];
        return { ...this.#page(kind), ...this.#maybe(50, { state: this.#one(states) }), ...this.#maybe(30, { tags: this.#wantedTags() }) };
      }
      case "task.search": {
        const states = ["pending", "acquired", "suspended", "halted", "fulfilled"];
        return { ...this.#page(kind), ...this.#maybe(50, { state: this.#one(states) }) };
      }
      case "schedule.search":
        return { ...this.#page(kind), ...this.#maybe(30, { tags: this.#wantedTags() }) };
      case "task.create":
        return { pid: this.#one(PIDS), ttl: this.#ttl(), action: { kind: "promise.create", data: this.#promise(true) } };
      case "task.acquire":
        return { ...this.#task(state, "pending"), pid: this.#one(PIDS), ttl: this.#ttl() };
      case "task.fence": {
        const create = { kind: "promise.create", data: this.#promise() };
        const task = this.#task(state);
        const settle = { kind: "promise.settle", data: this.#settlement(this.#otherId(state, task.id)) };
        return { ...task, action: this.#chance(50) ? create : settle };
      }
      case "task.heartbeat":
        return { pid: this.#one(PIDS), tasks: this.#chance(50) ? [] : [this.#task(state), this.#task(state)] };
      case "task.suspend": {
        const task = this.#task(state);
        const register = () => ({ kind: "promise.register_callback", data: { awaited: this.#otherId(state, task.id), awaiter: task.id } });
        return { ...task, actions: Array.from({ length: 1 + this.#below(2) }, register) };
      }
      case "task.fulfill": {
        const task = this.#task(state);
        return { ...task, action: { kind: "promise.settle", data: this.#settlement(task.id) } };
      }
      case "task.release":
        return this.#task(state);
      case "schedule.create": {
        const promiseId = this.#one(["s.{{.timestamp}}", "{{.id}}", "{{.id}}.{{.timestamp}}"]);
        const promiseTags = this.#chance(50) ? { "resonate:target": this.#one(TARGETS) } : this.#wantedTags();
        const promiseTimeout = this.#one([1, 60_000, 9_000_000]);
        return { id: this.#one(SCHEDULE_IDS), cron: this.#one(CRONS), promiseId, promiseTimeout, promiseTags };
      }
    }
  }

  #promise(withTarget = false): object {
    const tags: Record<string, string> = { ...this.#wantedTags() };
    if (this.#chance(40)) tags["resonate:branch"] = this.#one(["a", "b%", "\u{1F600}"]);
    if (withTarget || this.#chance(40)) tags["resonate:target"] = this.#one(TARGETS);
    else if (this.#chance(30)) tags["resonate:timer"] = "true";
    else if (this.#chance(20)) tags["resonate:scope"] = "local";
    if (tags["resonate:target"] !== undefined && this.#chance(20)) tags["resonate:delay"] = String(this.#now + this.#one([0, 500, 70_000]));
    const timeoutAt = this.#chance(10) ? Number.MAX_SAFE_INTEGER : this.#now + this.#one([-5, 0, 40, 5_000, 700_000, DAY, DAY, DAY]);
    return { id: this.#one(IDS), timeoutAt, param: this.#value(), tags };
  }

  #settlement(id: string): object {
    return { id, state: this.#one(["resolved", "rejected", "rejected_canceled"]), value: this.#value() };
  }

  #value(): object {
    const headers = { "10": "x", "9": "", "\u{1F600}": '"\\\u2028' };
    return { ...this.#maybe(20, { headers }), ...this.#maybe(50, { data: this.#one(["", "eA==", "\uFFFF", "x".repeat(40)]) }) };
  }

  #call(state: State): Call {
    const path = `/promises/${encodeURIComponent(this.#id(state))}`;
    const headers = { ...this.#maybe(60, { key: this.#one(KEYS) }), ...this.#maybe(30, { strict: this.#one(["true", "false"]) }) };
    switch (this.#below(5)) {
      case 0: {
        const timeout = this.#now + this.#one([0, 5_000, DAY, DAY]);
        return { verb: "create", method: "POST", path: `${path}/create`, ...headers, body: { timeout, tags: this.#wantedTags() } };
      }
      case 1:
        return { verb: "get", method: "GET", path };
      case 2:
      case 3: {
        const cursor = this.#cursor("search");
        const query = new URLSearchParams(cursor === undefined ? { q: this.#one(PATTERNS) } : { cursor });
        if (this.#chance(50)) query.set("state", this.#one(["pending", "resolved", "rejected"]));
        if (this.#chance(70)) query.set("limit", String(1 + this.#below(3)));
        return { verb: "search", method: "GET", path: "/promises", query: query.toString() };
      }
      default: {
        const verb = this.#one(["resolve", "reject", "cancel"] as const);
        return { verb, method: "POST", path: `${path}/${verb}`, ...headers, body: this.#maybe(50, { value: this.#value() }) };
      }
    }
  }

  #page(kind: string): object {
    const cursor = this.#cursor(kind);
    return { ...this.#maybe(70, { limit: 1 + this.#below(3) }), ...(cursor === undefined ? {} : { cursor }) };
  }

  #cursor(kind: string): string | undefined {
    const cursors = this.cursors.get(kind) ?? [];
    return cursors.length > 0 && this.#chance(50) ? this.#one(cursors) : undefined;
  }

  /** A task, held by a worker where there is one: then most can be asked of it. */
  #task(state: State, wanted = "acquired"): { id: string; version: number } {
    if (state.tasks.length === 0 || this.#chance(15)) return { id: this.#one(IDS), version: this.#below(3) };
    const alive = state.tasks.filter((task) => task.state !== "fulfilled");
    const fitting = alive.filter((task) => task.state === wanted);
    const { id, version } = this.#one(fitting.length > 0 && this.#chance(70) ? fitting : alive.length > 0 ? alive : state.tasks);
    return { id, version };
  }

  #id(state: State): string {
    const pending = state.promises.filter((promise) => promise.state === "pending");
    if (pending.length > 0 && this.#chance(60)) return this.#one(pending).id;
    return state.promises.length === 0 || this.#chance(30) ? this.#one(IDS) : this.#one(state.promises).id;
  }

  /** An id that is likely another one than this. */
  #otherId(state: State, than: string): string {
    const others = state.promises.filter((promise) => promise.id !== than);
    return this.#id({ ...state, promises: others });
  }

  #wantedTags(): Record<string, string> {
    return this.#one<Record<string, string>>([{}, { a: "1" }, { a: "1", "2": "b", "1": "é" }, { a: "2" }]);
  }

  #ttl(): number {
    return this.#one([1, 100_000, 9_000_000]);
  }

  #maybe<T extends object>(percent: number, fields: T): T | object {
    return this.#chance(percent) ? fields : {};
  }

  #chance(percent: number): boolean {
    return this.#below(100) < percent;
  }

  #one<T>(of: readonly T[]): T {
    return of[this.#below(of.length)] as T;
  }

  /** Mulberry32. */
  #below(bound: number): number {
    this.#random = (this.#random + 0x6d2b79f5) >>> 0;
    let mixed = this.#random;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  }
}
