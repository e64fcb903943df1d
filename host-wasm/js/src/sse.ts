// A worker's connection as a stream of Server-Sent Events: one message a `data:` line, comments as signs of life. Owns what was written and is not
// known to have arrived.
import type { Link, Subscriber } from "./connections.js";
import { toBytes } from "./json.js";
import type { Message, Went } from "./protocol.js";
import type { Server } from "./server.js";

/** Time between two signs of life. What was written to a connection that is still open that long after has arrived. */
const KEEP_ALIVE_MILLIS = 15_000;
/** Messages that wait for one connection, or were written to it and are not known to have arrived. */
const QUEUE_MAX = 1_000;

/** A message to a listener, written; nothing behind it sends it again. */
interface Written {
  at: number;
  tell: (went: Went) => void;
}

/** The messages of one connection. Whoever stops reading ends it. */
export function messages(server: Server, subscriber: Subscriber): ReadableStream<Uint8Array> {
  let stream: Events | undefined;
  return new ReadableStream<Uint8Array>({
    start: (controller) => {
      stream = new Events(server, subscriber, controller);
    },
    pull: () => stream?.pull(),
    cancel: () => stream?.end(),
  });
}

class Events {
  readonly #server: Server;
  readonly #controller: ReadableStreamDefaultController<Uint8Array>;
  readonly #link: Link;
  readonly #timer: ReturnType<typeof setInterval>;
  #queued = 0;
  #written: Written[] = [];
  #ended = false;

  constructor(server: Server, subscriber: Subscriber, controller: ReadableStreamDefaultController<Uint8Array>) {
    this.#server = server;
    this.#controller = controller;
    controller.enqueue(toBytes(": connected\n\n"));
    const room = () => (this.#ended ? 0 : Math.max(0, QUEUE_MAX - this.#queued - this.#written.length));
    this.#link = server.link(subscriber, (message) => this.#write(message), { room, end: () => this.end() });
    this.#timer = setInterval(() => this.#live(), KEEP_ALIVE_MILLIS);
    (this.#timer as { unref?: () => void }).unref?.();
  }

  /** The reader has taken everything. */
  pull(): void {
    const wasFull = this.#queued > 0 && this.#link.room() === 0;
    this.#queued = 0;
    if (wasFull) this.#server.ready(this.#link);
  }

  #write(message: Message): Went | Promise<Went> {
    this.#controller.enqueue(toBytes(`data: ${JSON.stringify(message)}\n\n`));
    this.#queued += 1;
    // A task that is lost on the way comes again by its retry clock.
    if (message.kind === "execute") return "delivered";
    return new Promise((tell) => this.#written.push({ at: Date.now(), tell }));
  }

  /** Still open: what was written one interval ago has arrived. */
  #live(): void {
    if (this.#ended) return;
    const arrived = this.#written.filter(({ at }) => at + KEEP_ALIVE_MILLIS <= Date.now());
    this.#written = this.#written.slice(arrived.length);
    for (const { tell } of arrived) tell("delivered");
    if (arrived.length > 0) this.#server.ready(this.#link);
    this.#controller.enqueue(toBytes(": keep-alive\n\n"));
  }

  /** Ends the connection. What has not got across waits for another one. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#timer);
    this.#server.unlink(this.#link);
    for (const { tell } of this.#written) tell("unclaimed");
    try {
      this.#controller.close();
    } catch {
      // The reader has ended it.
    }
  }
}
