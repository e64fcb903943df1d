// A server: a machine, a store, a clock, and messages out. Owns the order of turns: what is due first, then the request, then what follows from
// it. Decides nothing about promises.
import { Alarm } from "./alarm.js";
import { type Clock, ManualClock } from "./clock.js";
import type { ConnectOptions, Connection, Deliver, Link, Subscriber } from "./connections.js";
import type { Engine } from "./engine.js";
import { BadInputError, ClosedError, ResonateWasmError, StoreError } from "./errors.js";
import { fill } from "./filling.js";
import { type Answer, type Desk, type HttpOptions, respond } from "./http.js";
import { fromJsonBytes, toBytes, toJsonBytes, toText } from "./json.js";
import { Keeper } from "./keeper.js";
import { load, reviveModule } from "./module.js";
import type { ServerOptions } from "./options.js";
import { Post } from "./post.js";
import { sendByFetch } from "./push.js";
import type { Delivery, Events, Went } from "./protocol.js";
import type { Changes, RowStore, Store } from "./store.js";
import { type AdvanceOptions, PATIENCE_MILLIS, type Stir, pass, quiet } from "./passing.js";

/** A durable promise server. */
export class Server {
  /** The clock that people set, if it has one. */
  readonly manualClock: ManualClock | undefined;
  readonly #clock: Clock;
  readonly #options: string;
  readonly #store: Store;
  readonly #keeper: Keeper | undefined;
  readonly #post: Post;
  readonly #alarm: Alarm | undefined;
  readonly #onError: (error: Error) => void;
  readonly #http: HttpOptions;
  readonly #desk: Desk = {
    envelope: (body) => this.#asked((engine, now) => engine.process(body, now)),
    rest: (call) => this.#asked((engine, now) => engine.rest(call, now)),
  };
  readonly #stir: Stir = {
    turns: () => this.#turns,
    isUnderWay: () => this.#keeper?.settled() !== undefined,
    // Who waits for the clock cannot be waited for.
    isBusy: () => this.#post.underWay > 0 || (this.#post.connections.isBusy() && this.manualClock?.nextTimeout() === undefined),
  };
  #engine: Engine | undefined;
  #closed = false;
  /** Under way: the rebuilding after a commit that failed. */
  #rebuilding: Promise<void> | undefined;
  /** Whether messages are being handed over. */
  #carrying = false;
  /** How many turns there have been. */
  #turns = 0;

  private constructor(options: ServerOptions, machineOptions: string) {
    const { store = { kind: "memory" }, clock = Date.now, wake, onError, push } = options;
    this.manualClock = clock instanceof ManualClock ? clock : undefined;
    this.#clock = clock instanceof ManualClock ? () => clock.now() : clock;
    this.#options = machineOptions;
    this.#store = store;
    this.#keeper = store.kind === "copy" ? new Keeper(store) : undefined;
    this.#http = options;
    this.#onError = onError ?? ((error) => console.error(error));
    const desk = {
      report: (delivery: Delivery, went: Went) => this.#report(delivery, went),
      connected: (mailbox: string, room: number) => void this.#quietly(() => this.#connected(mailbox, room)),
    };
    this.#post = new Post(desk, push === true ? sendByFetch : push === false ? undefined : push);
    const ring = () => this.#quietly(() => this.tick());
    const next = () => this.#engine?.nextWakeup();
    // With a clock that is set by hand nothing rings.
    this.#alarm = wake === undefined && this.manualClock !== undefined ? undefined : new Alarm(next, this.#clock, ring, wake);
  }

  /**
   * Opens a server.
   *
   * @throws {BadInputError} when an option does not fit, or the module cannot be loaded.
   * @throws {StoreLockedError} when somebody else has the store.
   * @throws {StoreError} when the store cannot be opened.
   */
  static async open(options: ServerOptions = {}): Promise<Server> {
    const { retryTimeout, unblockRetention, strict, debug, serverUrl } = options;
    const machineOptions = { retryTimeout, unblockRetention, strict, noDebug: debug === false, serverUrl };
    const server = new Server(options, toText(toJsonBytes("options", machineOptions)));
    await load(options.module);
    // What trapped is lost either way.
    reviveModule();
    try {
      await server.#rebuild();
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  /** Goes on with a machine. */
  #begin(engine: Engine): void {
    this.#engine?.close();
    this.#engine = engine;
    this.#keeper?.begin();
    this.#turn((machine, now) => machine.adoptOrphans(now));
    this.#post.begin();
  }

  /** The time. */
  now(): number {
    return this.#clock();
  }

  /**
   * Answers a request of today's protocol: bytes by bytes, a text by a text, an object by an object. A request that cannot be read is answered
   * 400. The answer comes once what it says is durable.
   *
   * @throws {BadInputError} when the request cannot be written as JSON.
   * @throws {StoreError} when the store failed; nothing is acknowledged.
   * @throws {TrappedError} when the module is out of order.
   */
  process(request: Uint8Array): Promise<Uint8Array>;
  process(request: string): Promise<string>;
  process(request: object): Promise<any>;
  async process(request: Uint8Array | string | object): Promise<unknown> {
    return this.#keeper === undefined ? this.#answer(request) : this.#durably(() => this.#answer(request));
  }

  /**
   * Answers a request at once, on a server whose store does.
   *
   * @throws As {@link process}, and {@link BadInputError} when the store takes its time.
   */
  processSync(request: Uint8Array): Uint8Array;
  processSync(request: string): string;
  processSync(request: object): any;
  processSync(request: Uint8Array | string | object): unknown {
    this.#checkSync("processSync");
    return this.#answer(request);
  }

  #checkSync(name: string): void {
    if (this.#keeper === undefined) return;
    throw new BadInputError(`${name}: the store takes its time: use the method that returns a promise`);
  }

  #answer(request: Uint8Array | string | object): unknown {
    if (request instanceof Uint8Array) return this.#turn((engine, now) => engine.process(request, now));
    if (ArrayBuffer.isView(request)) return this.#answer(new Uint8Array(request.buffer, request.byteOffset, request.byteLength));
    const isText = typeof request === "string";
    const bytes = isText ? toBytes(request) : toJsonBytes("request", request);
    const answer = toText(this.#turn((engine, now) => engine.process(bytes, now)));
    return isText ? answer : JSON.parse(answer);
  }

  /**
   * Answers an HTTP request: today's protocol at `POST /`, that of 2023 at `/promises`, messages for a worker at `GET /poll/{group}/{id}`, and
   * `/health`. Never rejects: what goes wrong is an answer.
   */
  fetch(request: Request): Promise<Response> {
    return respond(this, this.#desk, this.#http, request);
  }

  /** Answers by bytes and HTTP's status. */
  #asked(call: (engine: Engine, now: number) => Uint8Array): Promise<Answer> {
    return this.#durably(() => this.#turn((engine, now) => ({ body: call(engine, now), status: engine.status(), allow: engine.allow() })));
  }

  /**
   * Does what is due now, a thousand things or so: when there is more, {@link nextWakeup} is still not later than now. For whoever does the waking,
   * who is told again then: see {@link ServerOptions.wake}.
   */
  tick(): Promise<void> {
    this.#alarm?.rang();
    return this.#durably(() => this.#turn((engine, now) => engine.tick(now)));
  }

  /** When something is due next, in milliseconds since the epoch; nothing when nothing ever is. */
  nextWakeup(): number | undefined {
    return this.#machine().nextWakeup();
  }

  /**
   * Connects a worker: messages for its group and its name go to `deliver`. An older connection of the same name ends.
   *
   * @throws {BadInputError} when the group or the name is empty.
   */
  connect(subscriber: Subscriber, deliver: Deliver, options: ConnectOptions = {}): Connection {
    const link = this.link(subscriber, deliver, options);
    return { close: () => this.unlink(link), ready: () => this.ready(link) };
  }

  /** The same as {@link connect}, for a connection that has bounds of its own. */
  link(subscriber: Subscriber, deliver: Deliver, options: ConnectOptions): Link {
    for (const [name, value] of Object.entries({ group: subscriber.group, worker: subscriber.worker })) {
      if (typeof value !== "string" || value === "") throw new BadInputError(`${name}: must be a text that is not empty`);
    }
    this.#machine();
    const link = this.#post.connections.add(subscriber, deliver, options);
    this.ready(link);
    return link;
  }

  /** Ends a connection. */
  unlink(link: Link): void {
    this.#post.remove(link);
  }

  /** A connection has room again. */
  ready(link: Link): void {
    void this.#quietly(() => this.#post.ready(link));
  }

  /**
   * The whole state, as JSON.
   *
   * @throws As {@link process}.
   */
  snapshot(): Promise<Uint8Array> {
    return this.#durably(() => this.#machine().snapshot());
  }

  /**
   * Puts a snapshot in place of the whole state; without one, what the store holds. Brings a server back that is out of order. Messages that were
   * under way are taken over.
   *
   * @throws {BadInputError} when the snapshot is none, or there is none to be had; then nothing has changed.
   */
  async restore(snapshot?: Uint8Array): Promise<void> {
    this.#checkOpen();
    if (snapshot === undefined && this.#store.kind === "memory") {
      throw new BadInputError("snapshot: a server in memory has nothing else to come back from: give what snapshot() returned");
    }
    if (snapshot !== undefined && this.#store.kind === "rows") {
      throw new BadInputError("snapshot: only what is kept in memory or by a copy can be replaced: open a server over an empty store");
    }
    while (this.#rebuilding !== undefined) await this.#rebuilding.catch(() => undefined);
    reviveModule();
    await this.#rebuild(snapshot);
  }

  /**
   * Lets time pass up to an instant: everything due until then happens at its own instant, in order. In between, workers in this process are waited
   * for: until nobody asks anything any more, and none that has said so is busy ({@link ConnectOptions.isBusy}).
   *
   * @throws {BadInputError} when the server's clock is none that can be set, or shows a later instant.
   */
  async advance(to: number, { patience = PATIENCE_MILLIS }: AdvanceOptions = {}): Promise<void> {
    const clock = this.manualClock;
    if (clock === undefined) throw new BadInputError("clock: time passes by itself: open the server with { clock: new ManualClock() }");
    clock.check(to);
    const next = () => earlier(this.nextWakeup(), clock.nextTimeout());
    const turnTo = (at: number) => {
      clock.set(at);
      return this.tick();
    };
    await pass(this.#stir, clock.now(), to, next, turnTo, patience);
  }

  /** Resolves once nobody has asked anything for a few turns of the event loop, no message is under way, and no worker is busy. */
  async quiet({ patience = PATIENCE_MILLIS }: AdvanceOptions = {}): Promise<void> {
    await quiet(this.#stir, patience);
  }

  /** Ends all connections, lets go of the store and gives the memory back. What was acknowledged is durable. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#alarm?.stop();
    this.#post.connections.clear();
    await this.#keeper?.settled()?.catch(() => undefined);
    // It sees that the server is closed, and ends.
    await this.#rebuilding?.catch(() => undefined);
    this.#engine?.close();
    this.#engine = undefined;
    if (this.#store.kind === "copy") await this.#store.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #checkOpen(): void {
    if (this.#closed) throw new ClosedError("the server is closed: open another");
  }

  #machine(): Engine {
    this.#checkOpen();
    if (this.#engine === undefined) throw new StoreError("the server has no rows: restore() it");
    return this.#engine;
  }

  /**
   * Runs a call of the machine, and resolves once what it has seen is durable. After a commit that failed the machine is ahead of the store: it is
   * filled anew before the call, which begins in the same moment as the last look at that.
   */
  async #durably<T>(call: () => T): Promise<T> {
    while (this.#isLost()) await (this.#rebuilding ?? this.#rebuild());
    const answer = call();
    await this.#keeper?.settled();
    return answer;
  }

  /** Whether the machine is not what the store holds: a commit has failed, or it is filled anew. */
  #isLost(): boolean {
    this.#checkOpen();
    return this.#keeper !== undefined && (this.#keeper.failed !== undefined || this.#rebuilding !== undefined);
  }

  #rebuild(snapshot?: Uint8Array): Promise<void> {
    // No turn begins from now on, so what is settled stays so.
    const settled = this.#keeper?.settled()?.catch(() => undefined);
    const rebuild = async () => {
      let engine: Engine;
      try {
        await settled;
        engine = await fill(this.#store, this.#options, snapshot, () => this.#checkOpen());
      } finally {
        this.#rebuilding = undefined;
      }
      this.#begin(engine);
    };
    this.#rebuilding = rebuild();
    return this.#rebuilding;
  }

  #turn<T>(call: (engine: Engine, now: number) => T): T {
    const engine = this.#machine();
    this.#keeper?.check();
    this.#turns += 1;
    try {
      return call(engine, this.#clock());
    } finally {
      // Also when it fails: what was due before the request may have been committed all the same.
      this.#follow(engine);
    }
  }

  /** What follows from a turn. */
  #follow(engine: Engine): void {
    if (this.#store.kind === "rows" && this.#store.sync !== undefined) {
      this.#carrySynced(this.#store);
    } else if (this.#keeper === undefined) {
      this.#carry();
    } else {
      const [changes, events] = [engine.changes(), engine.events()];
      const after = events && (() => this.#quietly(() => this.#post.carry(fromJsonBytes<Events>(events))));
      this.#keeper.take(changes && fromJsonBytes<Changes>(changes), after);
    }
    this.#alarm?.set();
  }

  /** Hands over messages, and those that follow from that. */
  #carry(): void {
    if (this.#carrying) return;
    this.#carrying = true;
    try {
      for (let events = this.#engine?.events(); events !== undefined; events = this.#engine?.events()) {
        this.#post.carry(fromJsonBytes<Events>(events));
      }
    } finally {
      this.#carrying = false;
    }
  }

  /** Hands over messages once what they tell of is durable. */
  #carrySynced(store: RowStore): void {
    const events = this.#engine?.events();
    if (events === undefined) return;
    void this.#quietly(async () => {
      await store.sync?.();
      this.#post.carry(fromJsonBytes<Events>(events));
    });
  }

  #report({ key, version }: Delivery, went: Went): void {
    void this.#quietly(() => this.#aside((engine, now) => engine.report(toJsonBytes("report", { key, version, went }), now)));
  }

  #connected(mailbox: string, room: number): void {
    this.#aside((engine, now) => engine.connected(toJsonBytes("connected", { mailbox, room }), now));
  }

  /** A turn that nobody waits for. Where the machine is filled anew there is nothing to tell: the messages under way are taken over anew. */
  #aside(call: (engine: Engine, now: number) => void): void {
    if (!this.#closed && !this.#isLost()) this.#turn(call);
  }

  /** Runs what nobody waits for. Returns whether it is worth trying again. */
  async #quietly(call: () => void | Promise<void>): Promise<boolean> {
    try {
      await call();
      return false;
    } catch (error) {
      if (error instanceof ClosedError) return false;
      this.#onError(error instanceof Error ? error : new ResonateWasmError(String(error)));
      return error instanceof StoreError;
    }
  }
}

function earlier(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}
