// The step that is shown: who did what, what the machine answered, and which records it changed, field by field.

import { h, icon } from "./dom.js";
import { readable } from "./payload.js";
import { STATES, clock, day, instant, near, outcome, place, relative, sentence, subject } from "./words.js";

/** Fields that hold an instant. */
const INSTANTS = new Set(["timeout_at", "created_at", "settled_at", "retry_at", "due_at", "execute_at", "next_run_at", "last_run_at", "expires_at"]);
/** What only the machine needs. */
const INNER = new Set(["id", "key", "has_waiters"]);
/** @type {Record<string, string>} */
const NAMES = {
  timeout_at: "deadline", created_at: "created", settled_at: "settled", param: "created with", value: "settled with", retry_at: "sent again",
  due_at: "next attempt", execute_at: "last sent", executes: "times sent", "lease.pid": "held by", "lease.expires_at": "lease ends", "lease.ttl": "lease length",
  next_run_at: "next run", last_run_at: "last run", resumes: "woken by", waits: "rounds waited",
};

/** What a record is called. @param {Change} change */
function title({ table, key, before, after }) {
  const row = after ?? before;
  switch (table) {
    case "promises": return ["Promise", key];
    case "tasks": return ["Task", key];
    case "schedules": return ["Schedule", key];
    case "callbacks": return ["Callback", `${row[1]} waits for ${row[0]}`];
    case "listeners": return ["Listener", `${place(row[1])} is told of ${row[0]}`];
    default: return ["Message", `${"execute" in row.key ? "execute" : "unblock"} ${subject(row.key)} to ${place(row.address)}`];
  }
}

/** The fields of a record, one level deep. @param {any} row @returns {Map<string, any>} */
function fields(row) {
  const flat = new Map();
  if (row === null || Array.isArray(row)) return flat;
  for (const [name, value] of Object.entries(row)) {
    if (INNER.has(name)) continue;
    if (name === "lease" && value) for (const [part, inner] of Object.entries(value)) flat.set(`lease.${part}`, inner);
    else flat.set(name, value);
  }
  return flat;
}

/** A field in words. @param {string} name @param {any} value @param {number} now */
function shown(name, value, now) {
  if (value === undefined || value === null) return "";
  if (INSTANTS.has(name.split(".").at(-1) ?? "")) return `${near(value, now)} (${relative(value, now)})`;
  if (name === "lease.ttl") return relative(now + value, now).replace("in ", "");
  if (name === "param" || name === "value") return readable(value);
  if (name === "state") return STATES[value]?.text ?? value;
  if (name === "tags") return Object.entries(value).map(([tag, text]) => `${tag}=${text}`).join("\n");
  if (Array.isArray(value)) return value.join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** @param {Change} change @param {number} now */
function record(change, now) {
  const { before, after } = change;
  const [kind, name] = title(change);
  const what = before === null ? "new" : after === null ? "gone" : "changed";
  const [left, right] = [fields(before), fields(after)];
  const rows = [];
  for (const field of new Set([...left.keys(), ...right.keys()])) {
    const [was, is] = [shown(field, left.get(field), now), shown(field, right.get(field), now)];
    if (was === is || (after === null && change.table === "messages")) continue;
    rows.push(
      h("dt", {}, NAMES[field] ?? field.replaceAll("_", " ")),
      h("dd", {}, was ? h("del", {}, was) : null, was && is ? h("span", { class: "to", "aria-label": "becomes" }, "→") : null, is ? h("ins", {}, is) : null),
    );
  }
  if (what === "changed" && rows.length === 0) return null;
  return h("article", { class: `record ${what}` }, h("h4", {}, h("span", { class: "what" }, what), ` ${kind} `, h("b", {}, name)), rows.length ? h("dl", {}, rows) : null);
}

/** @param {string} name @param {any} json */
function raw(name, json) {
  return h("details", {}, h("summary", {}, name), h("pre", { tabindex: 0 }, JSON.stringify(json, null, 2)));
}

export class Changes {
  /** @param {import("./stage.js").Stage} stage @param {HTMLElement} at */
  constructor(stage, at) {
    this.stage = stage;
    this.at = at;
    /** Which of the details are open: they stay so from step to step. */
    this.open = new Set();
    stage.watch(() => this.draw());
  }

  draw() {
    const { stage } = this;
    for (const details of this.at.querySelectorAll("details")) {
      const name = details.firstElementChild?.textContent ?? "";
      if (details.open) this.open.add(name);
      else this.open.delete(name);
    }
    if (stage.at === 0) return this.at.replaceChildren(this.#beginning());
    const step = stage.chronicle.step(stage.at - 1);
    const records = step.writes.map((change) => record(change, step.now)).filter((shown) => shown !== null);
    this.at.replaceChildren(
      h("p", { class: "sentence" }, sentence(step)),
      outcome(step) ? h("p", { class: step.refusal === undefined ? "outcome" : "outcome refused" }, outcome(step)) : "",
      h("p", { class: "meta" }, h("code", {}, step.kind), ` step ${stage.at} of ${stage.length}, ${day(step.now)}, ${clock(step.now)}`),
      step.difference ? h("p", { class: "outcome refused" }, `The recording says something else: ${step.difference}`) : "",
      ...records,
      records.length === 0 ? h("p", { class: "hint" }, step.replaced ? "Everything was put in another state." : "Nothing changed.") : "",
      ...(step.sent ?? []).map(sent),
      step.req ? raw("Request", step.req) : "",
      step.res === undefined ? "" : raw("Answer", step.res),
      step.recorded === undefined ? "" : raw("Recorded answer", step.recorded),
    );
    for (const details of this.at.querySelectorAll("details")) details.open = this.open.has(details.firstElementChild?.textContent ?? "");
  }

  #beginning() {
    const { start } = this.stage.chronicle;
    const rows = this.stage.state.promises.length;
    const what = rows ? `The recording begins with ${rows} promises.` : "Nothing has happened yet.";
    return h("p", { class: "hint" }, `${what} The clock stands at ${instant(start.now)} UTC.${start.redacted ? " Values are redacted." : ""}`);
  }
}

/** @param {Sent} message */
function sent({ key, version, address }) {
  const what = "execute" in key ? `execute ${key.execute.task} v${version}` : `${key.unblock.promise} is settled`;
  return h("p", { class: "sent" }, icon("next"), h("span", {}, "Message to ", h("b", {}, place(address)), `: ${what}`));
}
