// One half of a workflow whose other half is written in another language.
import type { Context } from "@resonatehq/sdk";
import { serve } from "./worker.ts";

function shout(_: Context, words: string[], mark: { sign: string; times: number }) {
  return { text: words.join(" ").toUpperCase() + mark.sign.repeat(mark.times), by: "typescript" };
}

// The SDK tries functions again, and generators not.
function* refuse(_: Context, why: string): Generator<any, never, any> {
  throw new TypeError(why);
}

function* ask(ctx: Context, group: string, words: string[]): Generator<any, unknown, any> {
  const options = ctx.options({ target: group });
  const answer = yield* ctx.rpc("shout", words, { sign: "!", times: 2 }, options);
  try {
    yield* ctx.rpc("refuse", "no", options);
  } catch (error) {
    return [answer, (error as Error).message];
  }
}

serve({ ask, refuse, shout });
