// The shapes of today's protocol, as far as the package touches them.

/** A request. */
export interface RequestEnvelope {
  kind: string;
  head: { corrId: string; version: string; [field: string]: unknown };
  data: object;
}

/** An answer. On an error (`status` 400 and up) `data` is a text that says what is wrong. */
export interface ResponseEnvelope {
  kind: string;
  head: { corrId: string; status: number; version: string };
  data: any;
}

/** A message to a worker or a listener. */
export type Message =
  | { kind: "execute"; head: { serverUrl?: string }; data: { task: { id: string; version: number } } }
  | { kind: "unblock"; head: { serverUrl?: string }; data: { promise: any } };

/** How a delivery went. */
export type Went = "delivered" | "failed" | "unclaimed";

/** A message to deliver, as the machine tells it. */
export interface Delivery {
  key: unknown;
  version: number;
  address: string;
  mailbox: string;
  worker: string | null;
  message: Message;
}

/** What there is to do, as the machine tells it. */
export interface Events {
  deliveries: Delivery[];
  parked: string[];
}
