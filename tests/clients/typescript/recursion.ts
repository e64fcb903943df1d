// A function that calls itself through the server.
import type { Context } from "@resonatehq/sdk";
import { serve } from "./worker.ts";

function* factorial(ctx: Context, of: number): Generator<any, number, any> {
  if (of <= 1) return 1;
  return of * (yield* ctx.rpc<number>("factorial", of - 1));
}

serve({ factorial });
