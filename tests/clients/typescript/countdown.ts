// A workflow that sleeps: between its steps it is in no process.
import type { Context } from "@resonatehq/sdk";
import { say, serve } from "./worker.ts";

function tell(_: Context, left: number) {
  say("left", left);
}

function* countdown(ctx: Context, from: number, pause: number): Generator {
  for (let left = from; left > 0; left--) {
    yield* ctx.run(tell, left);
    yield* ctx.sleep(pause);
  }
  return "lift-off";
}

serve({ countdown });
