// Stories that run with one click. To add one: an entry here, and, if it needs one, a function in functions.js.

import { pack } from "./payload.js";
import { TARGET, YOU } from "./simulation.js";

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;

/**
 * Asks for a function, and to be told of its result.
 * @param {import("./simulation.js").Simulation} simulation @param {string} id @param {string} func @param {any} arg @param {number} within
 */
export function invoke(simulation, id, func, arg, within) {
  const tags = { "resonate:target": TARGET, "resonate:origin": id, "resonate:branch": id, "resonate:parent": id, "resonate:scope": "global" };
  const param = pack({ func, args: arg === undefined ? [] : [arg] });
  const answer = simulation.ask("promise.create", { id, timeoutAt: simulation.now + within, param, tags });
  if (answer.status === 200) simulation.ask("promise.register_listener", { awaited: id, address: YOU });
  return answer;
}

/** Once a promise that a worker makes exists. @param {string} id */
const begun = (id) => (/** @type {Glance} */ glance) => glance.outcome === "created" && glance.req?.action?.create?.id === id;

/** @type {Scenario[]} */
export const SCENARIOS = [
  {
    key: "crash",
    name: "A step that survives a crash",
    line: "The only worker dies in the middle of an order.",
    watch: [
      "order-1 has three steps; each is a promise below it.",
      "w1 crashes while it packs. Nobody extends its lease, so the server takes the task back.",
      "The restarted worker finds “charge the card” done: the customer pays once.",
    ],
    workers: ["w1"],
    run(simulation) {
      invoke(simulation, "order-1", "order", "a book", DAY);
      simulation.once(begun("order-1.2"), () => {
        simulation.after(1.5 * SECOND, null, () => simulation.turn("w1", "off"));
        simulation.after(6 * SECOND, null, () => simulation.turn("w1", "on"));
      });
    },
  },
  {
    key: "sleep",
    name: "Sleep for 30 days",
    line: "A function sleeps for a month, and no process waits.",
    watch: [
      "The sleep is a promise that resolves at its deadline.",
      "While it is pending the task is suspended: no worker holds anything.",
      "Now drag the clock, or press +30 d: the function goes on where it was.",
    ],
    workers: ["w1"],
    run(simulation) {
      invoke(simulation, "reminder-1", "reminder", "renew the passport", 90 * DAY);
    },
  },
  {
    key: "human",
    name: "Ask a human",
    line: "A function waits for somebody to say yes.",
    watch: [
      "The question is a promise that anybody can settle who knows its id.",
      "Select expense-1.2 and resolve it with true, or with false, or let a week pass.",
      "Its settlement resumes the suspended task.",
    ],
    workers: ["w1", "w2"],
    run(simulation) {
      invoke(simulation, "expense-1", "expense", 120, 30 * DAY);
    },
  },
  {
    key: "fan",
    name: "Fan out and in",
    line: "One function calls four others and waits for all of them.",
    watch: [
      "Each picture has a task of its own, and any worker may take it.",
      "album-1 is suspended until the first of them is done, looks, and waits again.",
      "When all four are there it resolves.",
    ],
    workers: ["w1", "w2"],
    run(simulation) {
      invoke(simulation, "album-1", "album", 4, HOUR);
    },
  },
  {
    key: "two",
    name: "Two workers, one crashes",
    line: "The other one takes over what it held.",
    watch: [
      "Two orders, one for each worker.",
      "w1 crashes; its lease ends ten seconds after its last heartbeat.",
      "The server sends the order to w2, which goes on behind the last step that was written down.",
    ],
    workers: ["w1", "w2"],
    run(simulation) {
      invoke(simulation, "order-1", "order", "a book", DAY);
      invoke(simulation, "order-2", "order", "a lamp", DAY);
      simulation.once(begun("order-1.2"), () => {
        simulation.after(2 * SECOND, null, () => simulation.turn("w1", "off"));
      });
    },
  },
  {
    key: "frozen",
    name: "A frozen worker is fenced off",
    line: "It wakes up late, and cannot do harm.",
    watch: [
      "w1 stands still in the middle of a step: it has not crashed, it is only slow.",
      "Its lease ends, and w2 finishes the order.",
      "When w1 wakes it still believes that it holds the task. The server refuses what it says: the task is not its any more.",
    ],
    workers: ["w1", "w2"],
    run(simulation) {
      invoke(simulation, "order-1", "order", "a book", DAY);
      simulation.once(begun("order-1.2"), () => {
        simulation.after(SECOND, null, () => simulation.turn("w1", "paused"));
        simulation.after(14 * SECOND, null, () => simulation.turn("w1", "on"));
      });
    },
  },
];
