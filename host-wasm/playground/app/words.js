// What things are called: states, instants, durations, and each step as a sentence. Decides nothing.

import { readable } from "./payload.js";

/** How a state of a promise is shown. @type {Record<string, {icon: string, text: string}>} */
export const STATES = {
  pending: { icon: "pending", text: "pending" },
  resolved: { icon: "resolved", text: "resolved" },
  rejected: { icon: "rejected", text: "rejected" },
  rejected_canceled: { icon: "canceled", text: "cancelled" },
  rejected_timedout: { icon: "timedout", text: "timed out" },
};

const UNITS = /** @type {[string, number][]} */ ([["d", 86_400_000], ["h", 3_600_000], ["min", 60_000], ["s", 1000]]);

/** A duration, its two largest units. @param {number} ms */
export function duration(ms) {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${Math.round(ms / 100) / 10} s`;
  const parts = [];
  let rest = ms;
  for (const [name, size] of UNITS) {
    const count = Math.floor(rest / size);
    if (count) parts.push(`${count} ${name}`);
    rest -= count * size;
  }
  return parts.slice(0, 2).join(" ");
}

/** An instant beside another one. @param {number} at @param {number} now */
export const relative = (at, now) => (at > now ? `in ${duration(at - now)}` : at === now ? "now" : `${duration(now - at)} ago`);

const DATE = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short", year: "numeric" });
const TIME = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** The day of an instant. @param {number} at */
export const day = (at) => (at > 8.64e15 ? "never" : DATE.format(at));
/** The time of an instant, to the millisecond. @param {number} at */
export const clock = (at) => (at > 8.64e15 ? "" : `${TIME.format(at)}.${String(at % 1000).padStart(3, "0")}`);
/** @param {number} at */
export const instant = (at) => (at > 8.64e15 ? "never" : `${day(at)}, ${clock(at)}`);

/** An instant beside another one, its day only where it is another one. @param {number} at @param {number} now */
export const near = (at, now) => (at <= 8.64e15 && day(at) === day(now) ? clock(at) : instant(at));

/** Where an address leads, for people. @param {string} address */
export function place(address) {
  const poll = /^poll:\/\/(any|uni)@([^/]+)\/?(.*)$/.exec(address);
  if (!poll) return address;
  const [, cast, group, worker] = poll;
  if (group === "clients") return worker || "a client";
  return cast === "uni" ? worker : `any of ${group}`;
}

/** @param {MessageKey} key */
export const subject = (key) => ("execute" in key ? key.execute.task : key.unblock.promise);

/** What clients are called: in what happens here they are whoever uses the page, in a server's recording they are not. */
export const CLIENT = { here: "You", elsewhere: "Client" };
let client = CLIENT.here;

/** @param {boolean} elsewhere whether what is shown happened elsewhere */
export function callClients(elsewhere) {
  client = elsewhere ? CLIENT.elsewhere : CLIENT.here;
}

/** What clients are called now. */
export const clientName = () => client;

/** Who asks. @param {Glance} glance */
export const who = ({ by, worker }) => worker ?? (by === "client" ? client : "Server");

/** @param {Row | undefined} value */
function valued(value) {
  const text = readable(value);
  return text && text.length <= 40 ? ` with ${text}` : "";
}

const VERDICT = /** @type {Record<string, string>} */ ({ resolved: "resolves", rejected: "rejects", rejected_canceled: "cancels" });

/** What kinds of steps do, each as a sentence without its subject. @type {Record<string, (req: any) => string>} */
const SENTENCES = {
  "promise.get": ({ id }) => `looks at ${id}`,
  "promise.create": ({ id, tags }) => `creates ${id}${tags?.["resonate:target"] ? ", to be run by a worker" : ""}`,
  "promise.settle": ({ id, verdict, value }) => `${VERDICT[verdict]} ${id}${valued(value)}`,
  "promise.register_callback": ({ awaited, awaiter }) => `lets ${awaiter} wait for ${awaited}`,
  "promise.register_listener": ({ awaited }) => `asks to be told of ${awaited}`,
  "promise.search": () => "searches promises",
  "task.get": ({ id }) => `looks at the task of ${id}`,
  "task.create": ({ promise }) => `creates ${promise.id} and holds its task`,
  "task.acquire": ({ task }) => `takes the task of ${task.id}`,
  "task.fence": ({ action, task }) => {
    const { create, settle } = action;
    const what = create ? SENTENCES["promise.create"](create) : SENTENCES["promise.settle"](settle);
    return `${what}, as the holder of ${task.id}`;
  },
  "task.heartbeat": ({ tasks }) => `is alive, and holds ${tasks.map((/** @type {Row} */ { id }) => id).join(", ") || "what it held"}`,
  "task.suspend": ({ task, awaited }) => `lets go of ${task.id} until ${awaited.join(" or ")} is settled`,
  "task.fulfill": ({ task, settle }) => `finishes ${task.id}: ${VERDICT[settle.verdict]} it${valued(settle.value)}`,
  "task.release": ({ task }) => `gives ${task.id} back`,
  "task.halt": ({ id }) => `halts the task of ${id}`,
  "task.continue": ({ id }) => `lets the task of ${id} go on`,
  "task.search": () => "searches tasks",
  "schedule.get": ({ id }) => `looks at the schedule ${id}`,
  "schedule.create": ({ id, cron }) => `creates the schedule ${id}: ${cron}`,
  "schedule.delete": ({ id }) => `removes the schedule ${id}`,
  "schedule.search": () => "searches schedules",
  "internal.time_out_promise": ({ id }) => `settles ${id}: its deadline has passed`,
  "internal.discharge_promise": ({ id }) => `tells those who wait for ${id}`,
  "internal.expire_lease": ({ id }) => `takes ${id} back: its lease has ended without a heartbeat`,
  "internal.dispatch_task": ({ id }) => `sends the task of ${id} to its target`,
  "internal.run_schedule": ({ id }) => `fires the schedule ${id}`,
  "internal.claim_message": ({ key }) => `takes a message about ${subject(key)} for delivery`,
  "internal.message_delivered": ({ key }) => `notes that the message about ${subject(key)} has arrived`,
  "internal.message_failed": ({ key }) => `notes that the message about ${subject(key)} did not get through`,
  "internal.message_unclaimed": ({ key }) => `keeps the message about ${subject(key)}: nobody is connected who could take it`,
  "debug.reset": () => "empties the store",
  recording: () => "begins the recording anew, from another state",
};

/** What became of it, where the sentence does not say. @type {Record<string, string>} */
const OUTCOMES = {
  existed: "It was there already.",
  unchanged: "It was settled already, and stays as it was.",
  redirected: "Something that it waits for is settled already: it goes on.",
  idle: "There was nothing to do any more.",
  expired: "Nobody took the message in time.",
};

/** A step as a sentence. @param {Glance} glance */
export function sentence(glance) {
  const { kind, req } = glance;
  const said = (SENTENCES[kind] ?? (() => kind))(req);
  // "You" are spoken to, the others spoken of.
  const text = who(glance) === CLIENT.here ? said.replace(/^(\w+?)s\b/, "$1").replace(/^searche\b/, "search").replace(/^emptie\b/, "empty") : said;
  return `${who(glance)} ${text}`;
}

/** What became of a step. @param {Glance} glance */
export function outcome({ outcome, refusal }) {
  return refusal === undefined ? (OUTCOMES[outcome] ?? "") : `Refused: ${refusal}.`;
}

/** What a step is about: the promise to look at. @param {Glance} glance @returns {string | undefined} */
export function about({ req }) {
  const action = req?.action?.create ?? req?.action?.settle;
  return action?.id ?? req?.id ?? req?.task?.id ?? req?.promise?.id ?? req?.awaited ?? (req?.key && subject(req.key));
}
