// Who is connected, and whose turn it is. Owns the routing of messages to connections; knows nothing of what they say.
import { mailboxes } from "./wasm/resonate.js";
import type { Delivery, Message, Went } from "./protocol.js";

/** The room of a connection that has no bounds of its own. */
const ROOM = 1_000;

/** Who connects. */
export interface Subscriber {
  /** Its group. */
  group: string;
  /** Its name in the group. */
  worker: string;
}

/**
 * Takes a message. What it returns, or resolves to, says how that went; nothing means that it arrived. What it throws means that it failed, and
 * is to be tried again. Who answers `unclaimed` gets no more messages until it says that it is ready ({@link Connection.ready}).
 */
export type Deliver = (message: Message) => void | Went | Promise<void | Went>;

/** What a connection may tell of itself. */
export interface ConnectOptions {
  /**
   * How many messages it can take now; as many as there are where it does not say. It is asked again when a delivery that took its time is over, and
   * when {@link Connection.ready} says so.
   */
  room?: () => number;
  /** Whether its worker has work to do: time that is let pass waits for it. */
  isBusy?: () => boolean;
  /** Called when another connection of the same name takes over, or the server closes. */
  end?: () => void;
}

/** A connection, as whoever opened it holds it. */
export interface Connection {
  /** Ends it: what waits for its worker alone waits on. */
  close(): void;
  /** It can take messages, after it could not: what waits for it leaves. */
  ready(): void;
}

/** A connection, as messages find it. */
export interface Link {
  readonly worker: string;
  readonly mailboxes: readonly string[];
  readonly deliver: Deliver;
  readonly room: () => number;
  readonly isBusy: () => boolean;
  readonly end: () => void;
  /** Whether it has given a message back since it was last ready. */
  hasRefused: boolean;
  /** Whether it had no room when it was last asked. */
  wasFull: boolean;
}

/** How many messages a connection can take now. */
function roomOf(link: Link): number {
  const room = link.hasRefused ? 0 : link.room();
  link.wasFull = room <= 0;
  return Math.max(room, 0);
}

/** The connections of a server. */
export class Connections {
  /** By mailbox, those first whose turn it is. */
  readonly #links = new Map<string, Link[]>();

  /** Connects. An older connection of the same name ends. */
  add({ group, worker }: Subscriber, deliver: Deliver, options: ConnectOptions): Link {
    const { room = () => ROOM, isBusy = () => false, end = () => undefined } = options;
    const link: Link = { worker, mailboxes: mailboxes(group, worker), deliver, room, isBusy, end, hasRefused: false, wasFull: false };
    const [, own = ""] = link.mailboxes;
    const before = this.#links.get(own)?.[0];
    if (before !== undefined) {
      this.remove(before);
      before.end();
    }
    for (const mailbox of link.mailboxes) {
      const links = this.#links.get(mailbox);
      if (links === undefined) this.#links.set(mailbox, [link]);
      else links.push(link);
    }
    return link;
  }

  /** Disconnects. */
  remove(link: Link): void {
    for (const mailbox of link.mailboxes) {
      const left = this.#links.get(mailbox)?.filter((other) => other !== link) ?? [];
      if (left.length === 0) this.#links.delete(mailbox);
      else this.#links.set(mailbox, left);
    }
  }

  /** The connection that a message goes to: that of the worker it names, if it has room, else the next in turn. */
  find(delivery: Delivery): Link | undefined {
    const links = this.#links.get(delivery.mailbox);
    if (links === undefined) return undefined;
    const named = links.find((link) => link.worker === delivery.worker && roomOf(link) > 0);
    const found = named ?? links.find((link) => roomOf(link) > 0);
    if (found !== undefined && links.length > 1) {
      links.splice(links.indexOf(found), 1);
      links.push(found);
    }
    return found;
  }

  /** How many messages of a mailbox could be taken now. */
  room(mailbox: string): number {
    const links = this.#links.get(mailbox) ?? [];
    return links.reduce((room, link) => room + roomOf(link), 0);
  }

  /** All mailboxes that somebody is connected to. */
  mailboxes(): string[] {
    return [...this.#links.keys()];
  }

  /** Whether somebody is connected to a mailbox. */
  has(mailbox: string): boolean {
    return this.#links.has(mailbox);
  }

  /** Whether a worker has work to do. */
  isBusy(): boolean {
    for (const links of this.#links.values()) if (links.some((link) => link.isBusy())) return true;
    return false;
  }

  /** Ends all connections. */
  clear(): void {
    const links = new Set([...this.#links.values()].flat());
    this.#links.clear();
    for (const link of links) link.end();
  }
}
