// What else there is in the store: messages that have not arrived, and schedules.

import { h } from "./dom.js";
import { duration, place, relative, subject } from "./words.js";

/** Rows of a list that are shown. */
const ROWS_MAX = 50;

/** What a message waits for. @param {MessageRow} message @param {number} now */
function waits({ parked, failures, due_at }, now) {
  if (parked) return "waits for somebody who can take it";
  if (failures) return `failed ${failures === 1 ? "once" : `${failures} times`}, tried again ${relative(due_at, now)}`;
  return due_at > now ? `leaves, or leaves again, in ${duration(due_at - now)}` : "leaves now";
}

export class Rest {
  /** @param {import("./stage.js").Stage} stage @param {HTMLElement} at */
  constructor(stage, at) {
    this.stage = stage;
    this.at = at;
    stage.watch(() => this.draw());
  }

  draw() {
    const { state, now } = this.stage;
    const messages = state.messages.map((message) => {
      const what = "execute" in message.key ? "execute" : "unblock";
      return h("li", {}, h("b", {}, `${what} ${subject(message.key)}`), h("span", {}, `to ${place(message.address)}`), h("span", {}, waits(message, now)));
    });
    const schedules = state.schedules.map(({ id, cron, next_run_at }) => {
      return h("li", {}, h("b", {}, id), h("span", {}, cron), h("span", {}, `fires ${relative(next_run_at, now)}`));
    });
    this.at.replaceChildren(...list("Messages under way", messages), ...list("Schedules", schedules));
  }
}

/** @param {string} title @param {HTMLElement[]} rows */
function list(title, rows) {
  if (rows.length === 0) return [];
  const more = rows.length > ROWS_MAX ? [h("li", {}, `and ${rows.length - ROWS_MAX} more`)] : [];
  return [h("h3", {}, title), h("ul", {}, rows.slice(0, ROWS_MAX), more)];
}
