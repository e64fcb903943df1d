// Steps that fail: one until its third attempt, one for good.
import { type Context, Constant } from "@resonatehq/sdk";
import { say, serve } from "./worker.ts";

function flaky(ctx: Context): string {
  say("attempt", ctx.info.attempt);
  if (ctx.info.attempt < 3) throw new Error("not yet");
  return `attempt ${ctx.info.attempt}`;
}

function hopeless(): never {
  say("hopeless");
  throw new Error("never");
}

function* patient(ctx: Context): Generator<any, string, any> {
  return yield* ctx.run(flaky, ctx.options({ retryPolicy: new Constant({ delay: 10, maxRetries: 5 }) }));
}

function* unlucky(ctx: Context): Generator<any, string, any> {
  return yield* ctx.run(hopeless, ctx.options({ retryPolicy: new Constant({ delay: 10, maxRetries: 1 }) }));
}

serve({ patient, unlucky });
