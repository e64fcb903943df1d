// Everything that happened, from left to right: a lane for each who took part, a column for each step. Only what is in sight is drawn.

import { byId, h, s } from "./dom.js";
import { clientName, duration, instant, sentence, subject } from "./words.js";

const HEAD = 26;
/** How high a lane is: higher where the timeline has the screen for itself. */
const LANES = { wide: 34, narrow: 48 };
const NARROW = matchMedia("(max-width: 800px)");
/** Widths of a column, to choose from. */
const WIDTHS = [12, 18, 26, 38, 54];
/** Steps that are put in words. */
const LOG = 12;
/** Workers with a lane of their own; all others share one. */
const WORKERS_MAX = 10;
const OTHERS = "others";
const SHOWN_GAP = 900;

export class Timeline {
  #zoom = 2;
  #lastAt = -1;
  #known = -1;
  /** @type {string[]} */
  lanes = [];
  /** Who took a task at a version: where its message went. @type {Map<string, string>} */
  #takers = new Map();

  /** @param {import("./stage.js").Stage} stage @param {HTMLElement} place */
  constructor(stage, place) {
    this.stage = stage;
    this.labels = h("div", { class: "lanes", "aria-hidden": "true" });
    this.room = h("div", { class: "room" });
    this.scroll = h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Timeline: the arrow keys step through it" }, this.room);
    this.log = h("ol", { class: "log", "aria-label": "The steps that led here, the last one first" });
    place.append(this.labels, this.scroll, this.log);
    this.scroll.addEventListener("scroll", () => this.paint(), { passive: true });
    this.room.addEventListener("click", (event) => this.#click(event));
    byId("zoom-in").onclick = () => this.#scale(1);
    byId("zoom-out").onclick = () => this.#scale(-1);
    new ResizeObserver(() => {
      this.#follow();
      this.paint();
    }).observe(this.scroll);
    stage.watch(() => this.draw());
  }

  get lane() {
    return NARROW.matches ? LANES.narrow : LANES.wide;
  }

  get width() {
    return WIDTHS[this.#zoom];
  }

  /** @param {number} by */
  #scale(by) {
    this.#zoom = Math.max(0, Math.min(WIDTHS.length - 1, this.#zoom + by));
    this.#lastAt = -1;
    this.draw();
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const x = event.clientX - this.room.getBoundingClientRect().left;
    let number = Math.min(this.stage.length - 1, Math.floor(x / this.width));
    while (number > 0 && this.#x(number) > x) number--;
    this.stage.go(number + 1);
  }

  /** Marks that have a column of their own: what workers began with has none. */
  get #turns() {
    return this.stage.simulation.marks.filter(({ at }) => at > 0);
  }

  /** Where the column of a step begins, behind the marks that were before it. @param {number} number */
  #x(number) {
    return (number + this.#turns.filter(({ at }) => at <= number).length) * this.width;
  }

  /** Learns who takes part. */
  #learn() {
    const { chronicle, simulation } = this.stage;
    const pids = new Set(simulation.marks.map(({ pid }) => pid));
    this.#takers = new Map();
    for (const { worker, kind, req, outcome } of chronicle.glances) {
      if (worker) pids.add(worker);
      if (kind === "task.acquire" && outcome === "acquired") this.#takers.set(`${req?.task.id}@${req?.task.version}`, worker ?? "");
    }
    const named = [...pids].slice(0, WORKERS_MAX);
    this.lanes = [clientName(), "Server", ...named, ...(pids.size > named.length ? [OTHERS] : [])];
    this.labels.replaceChildren(...this.lanes.map((lane) => h("span", {}, lane)));
    this.#known = chronicle.length;
  }

  /** The middle of somebody's lane. @param {string} name */
  #y(name) {
    const at = this.lanes.indexOf(name);
    return HEAD + this.lane * ((at < 0 ? this.lanes.length - 1 : at) + 0.5);
  }

  draw() {
    const { stage, width } = this;
    const marks = stage.simulation.marks.length;
    if (this.#known !== stage.length || this.lanes.length < marks || this.lanes[0] !== clientName()) this.#learn();
    const height = HEAD + this.lane * this.lanes.length;
    this.room.style.width = `${this.#x(stage.length) + width}px`;
    this.room.style.height = `${height}px`;
    if (this.#lastAt !== stage.at) this.#follow();
    this.#lastAt = stage.at;
    this.paint();
    this.#past();
  }

  /** The steps that led here in words, the last one first, where the timeline has the screen for itself. */
  #past() {
    const { stage } = this;
    this.log.hidden = !NARROW.matches;
    if (this.log.hidden) return;
    const rows = stage.chronicle.glances.slice(Math.max(0, stage.at - LOG), stage.at).reverse().map((glance, index) => {
      const number = stage.at - index;
      const go = h("button", { type: "button", "aria-current": index === 0 ? "step" : undefined, onclick: () => stage.go(number) }, h("small", {}, number), sentence(glance));
      return h("li", {}, go);
    });
    this.log.replaceChildren(...rows);
  }

  /** Keeps the step that is shown in sight. */
  #follow() {
    const x = this.#x(this.stage.at - 1) + this.width / 2;
    const { scrollLeft, clientWidth } = this.scroll;
    if (x < scrollLeft + 40 || x > scrollLeft + clientWidth - 60) this.scroll.scrollLeft = x - clientWidth * 0.6;
  }

  paint() {
    const { stage, width } = this;
    const first = Math.max(0, Math.floor(this.scroll.scrollLeft / width) - this.#turns.length - 8);
    const end = Math.min(stage.length, first + Math.ceil(this.scroll.clientWidth / width) + this.#turns.length + 16);
    const height = HEAD + this.lane * this.lanes.length;
    const whole = Math.max(this.#x(end) + width, this.scroll.scrollLeft + this.scroll.clientWidth);
    const svg = s("svg", { width: whole, height, class: "columns", "aria-hidden": "true" });
    if (stage.at) svg.append(s("rect", { class: "here", x: this.#x(stage.at - 1), y: 0, width, height, rx: 6 }));
    for (const lane of this.lanes) this.#lane(svg, lane, whole);
    let free = -Infinity;
    for (let number = first; number < end; number++) {
      free = this.#gap(svg, number, free);
      svg.append(this.#column(number));
    }
    this.#marks(svg, first, end);
    this.room.replaceChildren(svg);
  }

  /** @param {Element} svg @param {string} lane @param {number} whole */
  #lane(svg, lane, whole) {
    const y = this.#y(lane);
    const kind = lane === clientName() ? "you" : lane === "Server" ? "server" : "worker";
    const changes = this.stage.simulation.marks.filter(({ pid }) => pid === lane);
    if (kind !== "worker" || changes.length === 0) return void svg.append(s("line", { class: `lane ${kind}`, x1: 0, x2: whole, y1: y, y2: y }));
    changes.forEach((mark, number) => {
      const next = changes[number + 1];
      svg.append(s("line", { class: `lane worker ${mark.mode}`, x1: this.#turn(mark), x2: next ? this.#turn(next) : whole, y1: y, y2: y }));
    });
  }

  /** The middle of a mark's column. @param {Mark} mark */
  #turn(mark) {
    if (mark.at === 0) return 7;
    const before = this.#turns.findIndex(({ at, pid, mode, now }) => at === mark.at && pid === mark.pid && mode === mark.mode && now === mark.now);
    return (mark.at + before + 0.5) * this.width;
  }

  /** How long nothing happened before a step. @param {Element} svg @param {number} number @param {number} free @returns {number} */
  #gap(svg, number, free) {
    const { chronicle } = this.stage;
    const gap = chronicle.glances[number].now - chronicle.nowAt(number);
    const x = this.#x(number);
    if (gap < SHOWN_GAP || (x < free && gap < 3_600_000)) return free;
    svg.append(s("line", { class: gap >= 3_600_000 ? "gap long" : "gap", x1: x, x2: x, y1: 4, y2: HEAD + this.lane * this.lanes.length }));
    const label = duration(gap);
    svg.append(s("text", { class: "gap", x: x + 3, y: 14 }, `+${label}`));
    return x + 14 + label.length * 7;
  }

  /** @param {number} number */
  #column(number) {
    const { stage, width } = this;
    const glance = stage.chronicle.glances[number];
    const x = this.#x(number) + width / 2;
    const server = this.#y("Server");
    const from = glance.by === "server" ? server : this.#y(glance.by === "client" ? clientName() : (glance.worker ?? OTHERS));
    const look = glance.refusal !== undefined || glance.difference ? "refused" : ["idle", "unchanged", "existed"].includes(glance.outcome) ? "idle" : "done";
    const later = number >= stage.at ? " later" : "";
    const column = s("g", { class: `step ${glance.by} ${look} ${glance.kind.replace(/\W/g, "-")}${later}` });
    column.append(s("title", {}, `${number + 1}. ${sentence(glance)}\n${instant(glance.now)}`));
    column.append(s("rect", { class: "reach", x: x - width / 2, y: 0, width, height: HEAD + this.lane * this.lanes.length }));
    if (from !== server) {
      column.append(arrow(x, from, server, "request"));
      column.append(s("circle", { cx: x, cy: from, r: 4.5 }));
    } else column.append(s("rect", { class: "own", x: x - 3.6, y: server - 3.6, width: 7.2, height: 7.2, rx: 1.5, transform: `rotate(45 ${x} ${server})` }));
    for (const sent of glance.sent ?? []) column.append(arrow(x + 3, server, this.#receiver(sent), "message"));
    return column;
  }

  /** @param {Sent} sent */
  #receiver({ key, version, address }) {
    if ("unblock" in key) return this.#y(clientName());
    const taker = this.#takers.get(`${subject(key)}@${version}`);
    if (taker) return this.#y(taker);
    const named = /^poll:\/\/uni@[^/]+\/(.+)$/.exec(address)?.[1];
    return named && this.lanes.includes(named) ? this.#y(named) : this.#y("Server") + this.lane * 0.5;
  }

  /** Workers that were lost or came back. @param {Element} svg @param {number} first @param {number} end */
  #marks(svg, first, end) {
    for (const { at, pid, mode, now } of this.stage.simulation.marks) {
      if (at < first || at > end) continue;
      const [x, y] = [this.#turn({ at, pid, mode, now }), this.#y(pid)];
      const words = { on: "runs", paused: "stands still", off: "crashes" }[mode];
      const mark = s("g", { class: `mark ${mode}`, transform: `translate(${x} ${y})` }, s("title", {}, `${pid} ${words}\n${instant(now)}`), s("circle", { r: 7 }));
      const shape = { on: "M-2-3 3 0-2 3z", paused: "M-2.2-3v6M2.2-3v6", off: "M-2.6-2.6 2.6 2.6M2.6-2.6-2.6 2.6" }[mode];
      mark.append(s("path", { d: shape }));
      svg.append(mark);
    }
  }
}

/** @param {number} x @param {number} from @param {number} to @param {string} look */
function arrow(x, from, to, look) {
  const down = to > from ? 1 : -1;
  const tip = to - down * 5;
  return s("path", { class: look, d: `M${x} ${from}V${tip}m-3.5 ${-down * 4.5} 3.5 ${down * 4.5} 3.5 ${-down * 4.5}` });
}
