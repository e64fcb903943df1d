// A workflow that waits for somebody who is no program of its own: it makes a promise and tells its id.
import type { Context } from "@resonatehq/sdk";
import { say, serve } from "./worker.ts";

function* approval(ctx: Context, what: string): Generator<any, string, any> {
  const answer = yield* ctx.promise<string>();
  yield* ctx.run(function ask() {
    say("asked", answer.id);
  });
  return `${what}: ${yield* answer}`;
}

serve({ approval });
