// One machine of the module, with errors for what it throws. Owns the boundary: bytes and instants in, bytes out.
import { Machine } from "./wasm/resonate.js";
import type { RestCall } from "./http.js";
import { checkInstance, instanceNumber, takeThrown } from "./module.js";
import type { RowStore } from "./store.js";

/** A machine in the module. */
export class Engine {
  readonly #machine: Machine;
  readonly #instance = instanceNumber();

  private constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** An empty machine; over a store, if one is given. `options` is JSON. */
  static open(options: string, store?: RowStore): Engine {
    checkInstance(instanceNumber());
    try {
      return new Engine(store === undefined ? new Machine(options) : Machine.over(store, options));
    } catch (thrown) {
      throw takeThrown(thrown);
    }
  }

  process(request: Uint8Array, now: number): Uint8Array {
    checkInstance(this.#instance);
    try {
      // A tick looks for what is due; asking whether there may be any costs nothing.
      if (this.#machine.isDue(now)) this.#machine.tick(now);
      return this.#machine.process(request, now);
    } catch (thrown) {
      throw takeThrown(thrown);
    }
  }

  rest({ method, path, query, key, strict, body }: RestCall, now: number): Uint8Array {
    return this.#run((machine) => {
      if (machine.isDue(now)) machine.tick(now);
      return machine.rest(method, path, query, key, strict, body, now);
    });
  }

  /** The methods that the path of the last call of the 2023 API takes, when its own is none of them. */
  allow(): string | undefined {
    return this.#run((machine) => machine.allow());
  }

  /** HTTP's status of the last answer. */
  status(): number {
    return this.#run((machine) => machine.status());
  }

  tick(now: number): void {
    this.#run((machine) => {
      if (machine.isDue(now)) machine.tick(now);
    });
  }

  nextWakeup(): number | undefined {
    return this.#run((machine) => machine.nextWakeup());
  }

  /** What there is to do, as JSON; nothing when there is nothing. */
  events(): Uint8Array | undefined {
    return this.#run((machine) => (machine.hasEvents() ? machine.events() : undefined));
  }

  report(report: Uint8Array, now: number): void {
    this.#run((machine) => machine.report(report, now));
  }

  connected(connected: Uint8Array, now: number): void {
    this.#run((machine) => machine.connected(connected, now));
  }

  adoptOrphans(now: number): void {
    this.#run((machine) => machine.adoptOrphans(now));
  }

  snapshot(): Uint8Array {
    return this.#run((machine) => machine.snapshot());
  }

  restore(snapshot: Uint8Array): void {
    this.#run((machine) => machine.restore(snapshot));
  }

  noteChanges(): void {
    this.#run((machine) => machine.noteChanges());
  }

  changes(): Uint8Array | undefined {
    return this.#run((machine) => machine.changes());
  }

  /** Gives the machine's memory back. */
  close(): void {
    // The memory of an instance that is gone, or that trapped, is gone with it.
    if (this.#instance !== instanceNumber()) return;
    try {
      this.#run((machine) => machine.free());
    } catch {
      // It trapped; there is nothing to give back.
    }
  }

  #run<T>(call: (machine: Machine) => T): T {
    checkInstance(this.#instance);
    try {
      return call(this.#machine);
    } catch (thrown) {
      throw takeThrown(thrown);
    }
  }
}

