// The functions that simulated workers know: scripts of steps, as one would write them with an SDK. Each takes virtual time only.

const SECOND = 1000;
const DAY = 86_400 * SECOND;

/** What a function may ask of its worker. */
export const context = {
  /** Work in this process, written down when it is done. @param {string} name @param {number} takes @param {any} result @returns {Command} */
  step: (name, takes, result) => ({ do: "step", name, takes, result }),
  /** @param {number} ms @returns {Command} */
  sleep: (ms) => ({ do: "sleep", ms }),
  /** A function that any worker may run. @param {string} func @param {any} arg @returns {Command} */
  call: (func, arg) => ({ do: "call", func, arg }),
  /** A promise that somebody outside settles. @param {string} name @param {number} within @returns {Command} */
  ask: (name, within) => ({ do: "ask", name, within }),
  /** @param {Future[]} futures @returns {Command} */
  wait: (...futures) => ({ do: "wait", futures }),
};

/** @typedef {typeof context} Context */

/** @type {Record<string, {line: string, arg: any, run: (ctx: Context, ...args: any[]) => Flow}>} */
export const FUNCTIONS = {
  order: {
    line: "three steps: charge, pack, notify",
    arg: "a book",
    *run(ctx, what = "a book") {
      const receipt = yield ctx.step("charge the card", 2 * SECOND, { receipt: 4711 });
      yield ctx.step("pack the parcel", 4 * SECOND, "packed");
      yield ctx.step("tell the customer", SECOND, "told");
      return { shipped: what, ...receipt };
    },
  },
  reminder: {
    line: "sleeps for 30 days, then writes",
    arg: "renew the passport",
    *run(ctx, what = "something") {
      yield ctx.step("note the reminder", SECOND, "noted");
      yield ctx.wait(yield ctx.sleep(30 * DAY));
      yield ctx.step("send the mail", SECOND, "sent");
      return `reminded: ${what}`;
    },
  },
  expense: {
    line: "waits for somebody to approve",
    arg: 120,
    *run(ctx, amount = 0) {
      yield ctx.step("read the receipt", SECOND, { amount });
      const [approved] = yield ctx.wait(yield ctx.ask(`Pay ${amount} €?`, 7 * DAY));
      if (approved === false) throw new Error("not approved");
      yield ctx.step("transfer the money", 2 * SECOND, "transferred");
      return { paid: amount };
    },
  },
  album: {
    line: "four pictures at once, then waits for all",
    arg: 4,
    *run(ctx, count = 4) {
      const pictures = [];
      for (let number = 1; number <= count; number++) pictures.push(yield ctx.call("picture", number));
      const sizes = yield ctx.wait(...pictures);
      return { pictures: sizes.length };
    },
  },
  picture: {
    line: "one step of two seconds",
    arg: 1,
    *run(ctx, number = 1) {
      yield ctx.step(`scale picture ${number}`, 2 * SECOND, "scaled");
      return `picture ${number}`;
    },
  },
};
