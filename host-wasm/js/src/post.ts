// Messages on their way: to connections, and to URLs. Owns what has been handed over and has not been reported yet.
import { Connections, type Link } from "./connections.js";
import type { Delivery, Events, Message, Went } from "./protocol.js";

/** Messages that one look into a mailbox takes. */
const PULL_MAX = 1_000;

/** The mailbox of messages to URLs. */
const PUSH = "push";

/** What the machine is told. */
export interface Desk {
  report(delivery: Delivery, went: Went): void;
  /** Somebody can take `room` messages of a mailbox. */
  connected(mailbox: string, room: number): void;
}

/** Sends a message to a URL. What it throws means that it has not arrived. */
export type Push = (address: string, message: Message) => void | Promise<void>;

/** What carries the messages of one server. */
export class Post {
  readonly connections = new Connections();
  readonly #desk: Desk;
  readonly #push: Push | undefined;
  /** How much was asked of a mailbox that has not come yet. */
  readonly #asked = new Map<string, number>();
  #underWay = 0;

  constructor(desk: Desk, push: Push | undefined) {
    this.#desk = desk;
    this.#push = push;
  }

  /** How many messages have been handed over whose fate is not known yet. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Does what there is to do. */
  carry({ deliveries, parked }: Events): void {
    const came = new Map<string, number>();
    for (const delivery of deliveries) {
      came.set(delivery.mailbox, (came.get(delivery.mailbox) ?? 0) + 1);
      if (delivery.mailbox === PUSH) this.#toUrl(delivery);
      else this.#toConnection(delivery);
    }
    for (const mailbox of parked) this.#pull(mailbox);
    // As much as was asked for: there may be more.
    for (const [mailbox, count] of came) if (count >= (this.#asked.get(mailbox) ?? count + 1)) this.#pull(mailbox);
  }

  /** A connection has room: what waits for it leaves. */
  ready(link: Link): void {
    link.hasRefused = false;
    for (const mailbox of link.mailboxes) this.#pull(mailbox);
  }

  /** Disconnects. */
  remove(link: Link): void {
    this.connections.remove(link);
    for (const mailbox of link.mailboxes) if (!this.connections.has(mailbox)) this.#asked.delete(mailbox);
  }

  /** The machine has other rows: what waits in them, for whoever is connected or for somebody who sends to URLs, leaves. */
  begin(): void {
    for (const mailbox of [PUSH, ...this.connections.mailboxes()]) this.#pull(mailbox);
  }

  #pull(mailbox: string): void {
    const room = mailbox === PUSH ? (this.#push === undefined ? 0 : PULL_MAX) : Math.min(this.connections.room(mailbox), PULL_MAX);
    if (room <= 0) return;
    this.#asked.set(mailbox, room);
    this.#desk.connected(mailbox, room);
  }

  #toConnection(delivery: Delivery): void {
    const link = this.connections.find(delivery);
    if (link === undefined) return this.#desk.report(delivery, "unclaimed");
    this.#handOver(delivery, () => link.deliver(delivery.message), link);
  }

  #toUrl(delivery: Delivery): void {
    const push = this.#push;
    // Nobody here sends to URLs: it waits for a server that does.
    if (push === undefined) return this.#desk.report(delivery, "unclaimed");
    this.#handOver(delivery, () => push(delivery.address, delivery.message));
  }

  #handOver(delivery: Delivery, hand: () => void | Went | Promise<void | Went>, link?: Link): void {
    let handed: void | Went | Promise<void | Went>;
    try {
      handed = hand();
    } catch {
      return this.#desk.report(delivery, "failed");
    }
    if (typeof handed === "string" || handed === undefined) return this.#tell(delivery, handed ?? "delivered", link);
    this.#underWay += 1;
    handed.then(
      (went) => this.#arrive(delivery, went ?? "delivered", link),
      () => this.#arrive(delivery, "failed", link),
    );
  }

  #tell(delivery: Delivery, went: Went, link: Link | undefined): void {
    // Before it is parked: it would come back to the same connection at once, and for ever.
    if (went === "unclaimed" && link !== undefined) link.hasRefused = true;
    this.#desk.report(delivery, went);
  }

  #arrive(delivery: Delivery, went: Went, link: Link | undefined): void {
    this.#underWay -= 1;
    this.#tell(delivery, went, link);
    // One that was full may have room for what waits.
    if (link?.wasFull && !link.hasRefused) for (const mailbox of link.mailboxes) this.#pull(mailbox);
  }
}
