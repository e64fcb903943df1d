// A simulated worker: it takes tasks by today's protocol and runs their functions, as released SDKs do. A function is run from its start each
// time; what it had done before is found in its promises. Knows nothing of the page.

import { FUNCTIONS, context } from "./functions.js";
import { pack, unpack } from "./payload.js";
import { GROUP, TARGET } from "./simulation.js";

/** How long a lease lasts, in milliseconds. */
export const LEASE = 10_000;
const HEARTBEAT = 4_000;
/** How long a request is under way. */
const LATENCY = 50;

/** A function that is being run. */
class Job {
  /** @param {string} id @param {number} version @param {WirePromise} promise @param {WirePromise[]} preload */
  constructor(id, version, promise, preload) {
    this.id = id;
    this.version = version;
    this.promise = promise;
    /** What is known of its promises. @type {Map<string, WirePromise>} */
    this.known = new Map(preload.map((known) => [known.id, known]));
    this.count = 0;
    const { func, args } = unpack(promise.param) ?? {};
    /** @type {Flow | undefined} */
    this.flow = FUNCTIONS[func]?.run(context, ...(args ?? []));
  }

  /** The id of the next promise it makes: the same whenever it is run again. */
  nextId() {
    return `${this.id}.${++this.count}`;
  }
}

export class Worker {
  /** @type {Map<string, Job>} */
  jobs = new Map();
  #incoming = 0;
  #beating = false;
  /** Whether it knows what it holds. */
  awake = false;
  /** What it last lost, for whoever looks. */
  note = "";

  /** @param {import("./simulation.js").Simulation} simulation @param {string} pid @param {Mode} mode */
  constructor(simulation, pid, mode) {
    this.simulation = simulation;
    this.pid = pid;
    this.mode = mode;
    this.mailboxes = [`any@${GROUP}`, `uni@${GROUP}/${pid}`];
  }

  /** @param {string} mailbox */
  reads(mailbox) {
    return this.mailboxes.includes(mailbox);
  }

  get load() {
    return this.jobs.size + this.#incoming;
  }

  /** @param {string} kind @param {Row} data */
  #ask(kind, data) {
    return this.simulation.ask(kind, data);
  }

  /** The process is gone, with all it knew. */
  crash() {
    this.simulation.forget(this);
    this.jobs.clear();
    this.#incoming = 0;
    this.#beating = false;
    this.note = "";
  }

  /** Goes on with the tasks that it holds. @param {State} state */
  wake(state) {
    if (this.awake) return;
    this.awake = true;
    if (this.mode === "off") return;
    const held = state.tasks.filter(({ lease, state: at }) => at === "acquired" && lease?.pid === this.pid);
    /** @param {PromiseRow} row */
    const wire = (row) => ({ ...row, timeoutAt: row.timeout_at });
    for (const { id, version } of held) {
      const own = state.promises.find((promise) => promise.id === id);
      const branch = state.promises.filter(({ id: other, tags }) => other !== id && tags["resonate:branch"] === id);
      if (!own) continue;
      const job = new Job(id, version, wire(own), branch.map(wire));
      // What a worker elsewhere ran is not known here: its lease ends.
      if (job.flow) this.#soon(null, LATENCY, () => this.#begin(job));
    }
  }

  /** An execute has come. @param {{id: string, version: number}} task */
  receive({ id, version }) {
    this.awake = true;
    this.#incoming++;
    this.#soon(null, LATENCY, () => {
      this.#incoming--;
      const answer = this.#ask("task.acquire", { id, version, pid: this.pid, ttl: LEASE });
      if (answer.status !== 200) return;
      this.#begin(new Job(id, answer.data.task.version, answer.data.promise, answer.data.preload));
    });
  }

  /** @param {Job} job */
  #begin(job) {
    this.jobs.set(job.id, job);
    this.#beat();
    if (job.flow) return this.#advance(job, () => job.flow?.next());
    this.#soon(job, LATENCY, () => this.#finish(job, "rejected", `no worker has the function of ${job.id}`));
  }

  /** Extends the leases for as long as there are any. */
  #beat() {
    if (this.#beating) return;
    this.#beating = true;
    this.#soon(null, HEARTBEAT, () => {
      this.#beating = false;
      if (this.jobs.size === 0) return;
      const tasks = [...this.jobs.values()].map(({ id, version }) => ({ id, version }));
      this.#ask("task.heartbeat", { pid: this.pid, tasks });
      this.#beat();
    });
  }

  /** @param {Job | null} job @param {number} ms @param {() => void} run */
  #soon(job, ms, run) {
    this.simulation.after(ms, this, () => {
      if (!job || this.jobs.get(job.id) === job) run();
    });
  }

  /** The task is not this worker's any more. @param {Job} job @param {string} why */
  #lose(job, why) {
    this.jobs.delete(job.id);
    this.note = `lost ${job.id}: ${why}`;
  }

  /** Runs the function up to what it asks for next. @param {Job} job @param {() => IteratorResult<Command, any> | undefined} go @returns {void} */
  #advance(job, go) {
    let at;
    try {
      at = go();
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      return this.#soon(job, LATENCY, () => this.#finish(job, "rejected", why));
    }
    if (!at || at.done) return this.#soon(job, LATENCY, () => this.#finish(job, "resolved", at?.value));
    const command = at.value;
    switch (command.do) {
      case "step": return this.#step(job, command);
      case "wait": return this.#wait(job, command.futures);
      case "sleep":
      case "call":
      case "ask": return this.#create(job, command);
    }
  }

  /** Gives a settled promise to the function. @param {Job} job @param {WirePromise} promise */
  #give(job, promise) {
    const value = unpack(promise.value);
    const failed = promise.state !== "resolved";
    this.#advance(job, () => (failed ? job.flow?.throw(new Error(reason(promise, value))) : job.flow?.next(value)));
  }

  /** A step that runs in this process: begun, done for a while, written down. @param {Job} job @param {Extract<Command, {do: "step"}>} command */
  #step(job, { name, takes, result, fails }) {
    const id = job.nextId();
    const known = job.known.get(id);
    if (known && known.state !== "pending") return this.#give(job, known);
    const work = () => this.#soon(job, takes, () => {
      const settled = this.#fence(job, "promise.settle", { id, state: fails ? "rejected" : "resolved", value: pack(result) });
      if (settled) this.#give(job, settled);
    });
    if (known) return work();
    const tags = { ...lineage(job, job.id), "resonate:scope": "local" };
    this.#soon(job, LATENCY, () => {
      const created = this.#fence(job, "promise.create", { id, timeoutAt: job.promise.timeoutAt, param: pack({ step: name }), tags });
      if (created) created.state === "pending" ? work() : this.#give(job, created);
    });
  }

  /** Something that others settle. @param {Job} job @param {Extract<Command, {do: "sleep" | "call" | "ask"}>} command @returns {void} */
  #create(job, command) {
    const id = job.nextId();
    const known = job.known.get(id);
    if (known) return this.#advance(job, () => job.flow?.next({ id, promise: known }));
    this.#soon(job, LATENCY, () => {
      const created = this.#fence(job, "promise.create", { id, ...this.#shape(job, id, command) });
      if (created) this.#advance(job, () => job.flow?.next({ id, promise: created }));
    });
  }

  /** @param {Job} job @param {string} id @param {Extract<Command, {do: "sleep" | "call" | "ask"}>} command */
  #shape(job, id, command) {
    const { now } = this.simulation;
    const global = { "resonate:scope": "global" };
    switch (command.do) {
      case "sleep": {
        const tags = { ...lineage(job, job.id), ...global, "resonate:timer": "true" };
        return { timeoutAt: now + command.ms, param: pack({ sleep: command.ms }), tags };
      }
      case "ask": {
        const tags = { ...lineage(job, job.id), ...global, "resonate:external": "true" };
        return { timeoutAt: now + command.within, param: pack({ question: command.name }), tags };
      }
      case "call": {
        const tags = { ...lineage(job, id), ...global, "resonate:target": TARGET };
        return { timeoutAt: job.promise.timeoutAt, param: pack({ func: command.func, args: [command.arg] }), tags };
      }
    }
  }

  /** Goes on when all are settled; until then the task is let go. @param {Job} job @param {Future[]} futures */
  #wait(job, futures) {
    const open = futures.filter(({ promise }) => promise.state === "pending");
    if (open.length === 0) return this.#giveAll(job, futures);
    this.#soon(job, LATENCY, () => {
      const actions = open.map(({ id }) => ({ kind: "promise.register_callback", data: { awaited: id, awaiter: job.id } }));
      const answer = this.#ask("task.suspend", { id: job.id, version: job.version, actions });
      if (answer.status === 200) return void this.jobs.delete(job.id);
      if (answer.status !== 300) return this.#lose(job, answer.data);
      for (const future of open) future.promise = this.#ask("promise.get", { id: future.id }).data.promise;
      this.#wait(job, futures);
    });
  }

  /** @param {Job} job @param {Future[]} futures */
  #giveAll(job, futures) {
    const failed = futures.find(({ promise }) => promise.state !== "resolved");
    if (failed) return this.#give(job, failed.promise);
    this.#advance(job, () => job.flow?.next(futures.map(({ promise }) => unpack(promise.value))));
  }

  /** @param {Job} job @param {"resolved" | "rejected"} state @param {any} value */
  #finish(job, state, value) {
    const action = { kind: "promise.settle", data: { id: job.id, state, value: pack(value) } };
    const answer = this.#ask("task.fulfill", { id: job.id, version: job.version, action });
    if (answer.status === 200) this.jobs.delete(job.id);
    else this.#lose(job, answer.data);
  }

  /** Asks for something that only the holder of the task may do. @param {Job} job @param {string} kind @param {Row} data @returns {WirePromise | null} */
  #fence(job, kind, data) {
    const answer = this.#ask("task.fence", { id: job.id, version: job.version, action: { kind, data } });
    if (answer.status === 200 && answer.data.action.head.status === 200) return answer.data.action.data.promise;
    this.#lose(job, answer.status === 200 ? answer.data.action.data : answer.data);
    return null;
  }
}

/** Where a promise belongs in the call tree. @param {Job} job @param {string} branch */
function lineage(job, branch) {
  const origin = job.promise.tags["resonate:origin"] ?? job.id;
  return { "resonate:origin": origin, "resonate:branch": branch, "resonate:parent": job.id };
}

/** @param {WirePromise} promise @param {any} value */
function reason(promise, value) {
  if (promise.state === "rejected_timedout") return `${promise.id} timed out`;
  if (promise.state === "rejected_canceled") return `${promise.id} was cancelled`;
  return typeof value === "string" ? value : JSON.stringify(value) ?? `${promise.id} was rejected`;
}
