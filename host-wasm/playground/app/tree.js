// The call tree: each promise below the one that made it, with its state, its task and who waits for it.

import { h, icon } from "./dom.js";
import { unpack } from "./payload.js";
import { STATES, about, duration, relative } from "./words.js";

/** Promises that are shown at most; the search finds the others. */
const ROWS_MAX = 400;

/** @typedef {{promise: PromiseRow, state: string, task?: TaskRow, awaiters: string[], listeners: string[], children: Node_[]}} Node_ */

/** What names a promise's caller: its tags, or else the longest id that begins its own. @param {PromiseRow} promise @param {Map<string, Node_>} nodes */
function parentOf({ id, tags }, nodes) {
  for (const tag of ["resonate:parent", "resonate:branch", "resonate:origin"]) {
    const named = tags[tag];
    if (named && named !== id && nodes.has(named)) return nodes.get(named);
  }
  for (let end = id.length - 1; end > 0; end--) {
    if (".:/".includes(id[end]) && nodes.has(id.slice(0, end))) return nodes.get(id.slice(0, end));
  }
  return undefined;
}

/** @param {Node_} node @param {Node_} above @returns {boolean} */
function isAbove(node, above) {
  return node === above || node.children.some((child) => isAbove(child, above));
}

/** The promises of a state as trees, the oldest first. @param {State} state */
export function grow(state) {
  /** @type {Map<string, Node_>} */
  const nodes = new Map();
  const rows = [...state.promises].sort((a, b) => a.created_at - b.created_at || natural.compare(a.id, b.id));
  for (const promise of rows) {
    const seen = state.projected[promise.id] ?? promise.state;
    nodes.set(promise.id, { promise, state: seen, awaiters: [], listeners: [], children: [] });
  }
  for (const task of state.tasks) {
    const node = nodes.get(task.id);
    if (node) node.task = task;
  }
  for (const [awaited, awaiter] of state.callbacks) nodes.get(awaited)?.awaiters.push(awaiter);
  for (const [awaited, address] of state.listeners) nodes.get(awaited)?.listeners.push(address);
  /** @type {Node_[]} */
  const roots = [];
  for (const node of nodes.values()) {
    const parent = parentOf(node.promise, nodes);
    // Tags are the clients': a circle of them is no tree.
    if (parent && !isAbove(node, parent)) parent.children.push(node);
    else roots.push(node);
  }
  return { roots, nodes };
}

const natural = new Intl.Collator("en", { numeric: true });

/** @param {string} state */
export function badge(state) {
  const { icon: name, text } = STATES[state];
  return h("span", { class: `badge state-${state}` }, icon(name), text);
}

/** What a promise is for, where what it was created with says so. @param {PromiseRow} promise */
function purpose({ param }) {
  const value = unpack(param);
  const text = value?.step ?? value?.question ?? (value?.sleep === undefined ? undefined : `sleep ${duration(value.sleep)}`);
  const call = typeof value?.func === "string" ? `${value.func}(${(value.args ?? []).map((/** @type {any} */ arg) => JSON.stringify(arg)).join(", ")})` : undefined;
  const shown = text ?? call;
  return typeof shown === "string" ? h("span", { class: "purpose" }, shown) : null;
}

/** @param {TaskRow} task @param {number} now */
export function taskLine(task, now) {
  const lease = task.lease ? `, ${task.lease.pid} holds it, lease ends ${relative(task.lease.expires_at, now)}` : "";
  return `task ${task.state} v${task.version}${lease}`;
}

export class Tree {
  /** @type {Set<string>} */
  #closed = new Set();
  #search = "";
  /** What was selected when the tree was last drawn. @type {string | null} */
  #seen = null;
  /** Where one stood then. */
  #at = 0;

  /** @param {import("./stage.js").Stage} stage @param {HTMLElement} place @param {HTMLElement} tally */
  constructor(stage, place, tally) {
    this.stage = stage;
    this.place = place;
    this.tally = tally;
    this.find = h("input", { type: "search", class: "find", placeholder: "Find an id", "aria-label": "Find an id", hidden: true, oninput: () => this.#look() });
    this.list = h("div", { class: "tree", role: "tree", "aria-label": "Promises", onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event) });
    place.append(this.find, this.list);
    stage.watch(() => this.draw());
  }

  #look() {
    this.#search = this.find.value.trim();
    this.draw();
  }

  draw() {
    const { stage } = this;
    const { roots, nodes } = grow(stage.state);
    const glance = stage.glance;
    this.changed = new Set(glance && glance.outcome !== "idle" ? [about(glance)] : []);
    const focused = this.list.contains(document.activeElement) ? document.activeElement?.id : "";
    const open = stage.state.promises.filter(({ id, state }) => (stage.state.projected[id] ?? state) === "pending").length;
    this.tally.textContent = nodes.size ? `${nodes.size}, ${open} pending` : "";
    this.find.hidden = nodes.size < 20;
    /** @type {HTMLElement[]} */
    const rows = [];
    const found = this.#search ? [...nodes.values()].filter(({ promise }) => promise.id.includes(this.#search)) : null;
    if (found) for (const node of found) this.#row(rows, node, 1, false);
    else for (const node of roots) this.#row(rows, node, 1, true);
    const subject = glance && about(glance);
    const node = subject === undefined ? undefined : nodes.get(subject);
    // What the step is about is in sight, however many others there are.
    if (!found && node && rows.length >= ROWS_MAX && !rows.some((row) => row.dataset.id === subject)) this.#row(rows, node, 1, false, true);
    const more = (found?.length ?? nodes.size) - rows.length;
    this.list.hidden = nodes.size === 0;
    this.list.replaceChildren(...rows);
    if (rows.length >= ROWS_MAX && more > 0) this.list.append(h("p", { class: "hint" }, `${more} more: find them by id`));
    this.#tabStop(rows);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    if (stage.selected !== this.#seen) this.#show(rows, stage.selected);
    else if (stage.at !== this.#at && stage.past) this.#show(rows, subject);
    [this.#seen, this.#at] = [stage.selected, stage.at];
  }

  /** Brings a row into sight. @param {HTMLElement[]} rows @param {string | null | undefined} id */
  #show(rows, id) {
    rows.find((row) => row.dataset.id === id)?.scrollIntoView({ block: "nearest" });
  }

  /** One row takes the focus when the tree is reached by tab. @param {HTMLElement[]} rows */
  #tabStop(rows) {
    const stop = rows.find((row) => row.getAttribute("aria-selected") === "true") ?? rows[0];
    if (stop) stop.tabIndex = 0;
  }

  /** @param {HTMLElement[]} rows @param {Node_} node @param {number} level @param {boolean} deep @param {boolean} [first] before all others, room or not */
  #row(rows, node, level, deep, first = false) {
    if (rows.length >= ROWS_MAX && !first) return;
    const { promise: { id }, state, children } = node;
    const open = !this.#closed.has(id);
    const selected = this.stage.selected === id;
    const fresh = this.changed?.has(id);
    const row = h(
      "div",
      {
        role: "treeitem", id: `row:${id}`, "data-id": id, tabindex: -1, "aria-level": level, "aria-selected": selected,
        "aria-expanded": deep && children.length ? open : undefined,
        class: `node level-${Math.min(level, 8)} state-${state}${fresh ? " fresh" : ""}`,
        onclick: () => this.stage.select(selected ? null : id),
      },
      h("span", { class: "id" }, deep && children.length ? this.#twist(id, open) : null, h("b", {}, id), badge(state), purpose(node.promise)),
      h("span", { class: "facts" }, this.#facts(node)),
    );
    if (first) rows.unshift(row);
    else rows.push(row);
    if (deep && open) for (const child of children) this.#row(rows, child, level + 1, true);
  }

  /** @param {string} id @param {boolean} open */
  #twist(id, open) {
    const turn = (/** @type {Event} */ event) => {
      event.stopPropagation();
      this.#turn(id, !open);
    };
    return h("span", { class: open ? "twist open" : "twist", "aria-hidden": "true", onclick: turn });
  }

  /** @param {string} id @param {boolean} open */
  #turn(id, open) {
    if (open) this.#closed.delete(id);
    else this.#closed.add(id);
    this.draw();
  }

  /** @param {Node_} node */
  #facts({ promise, state, task, awaiters, listeners }) {
    const now = this.stage.now;
    const facts = [];
    if (task && state === "pending") facts.push(h("span", { class: `task task-${task.state}` }, taskLine(task, now)));
    if (state === "pending") {
      const timer = promise.tags["resonate:timer"] === "true";
      facts.push(h("span", {}, `${timer ? "resolves" : "times out"} ${relative(promise.timeout_at, now)}`));
    } else if (promise.settled_at !== undefined) facts.push(h("span", {}, relative(promise.settled_at, now)));
    if (awaiters.length) facts.push(h("span", { class: "waits" }, `${awaiters.join(", ")} ${awaiters.length > 1 ? "wait" : "waits"}`));
    if (listeners.length) facts.push(h("span", { class: "waits" }, icon("eye"), `${listeners.length} listening`));
    return facts;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const rows = /** @type {HTMLElement[]} */ ([...this.list.querySelectorAll("[role=treeitem]")]);
    const at = rows.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (at < 0 || event.metaKey || event.ctrlKey || event.altKey) return;
    const row = rows[at];
    const id = row.dataset.id ?? "";
    const expanded = row.getAttribute("aria-expanded");
    /** @param {HTMLElement | undefined} to */
    const focus = (to) => to?.focus();
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowDown: () => focus(rows[at + 1]),
      ArrowUp: () => focus(rows[at - 1]),
      Home: () => focus(rows[0]),
      End: () => focus(rows.at(-1)),
      ArrowRight: () => (expanded === "false" ? this.#turn(id, true) : expanded === "true" && focus(rows[at + 1])),
      ArrowLeft: () => {
        if (expanded === "true") return this.#turn(id, false);
        const level = Number(row.ariaLevel);
        focus(rows.slice(0, at).reverse().find((above) => Number(above.ariaLevel) < level));
      },
      Enter: () => this.stage.select(this.stage.selected === id ? null : id),
    };
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }
}
