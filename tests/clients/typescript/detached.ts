// A call that outlives its caller.
import type { Context } from "@resonatehq/sdk";
import { held, say, serve } from "./worker.ts";

async function errand(_: Context, what: string): Promise<string> {
  await held("errand");
  say("ran", what);
  return `${what}: done`;
}

function* sender(ctx: Context, what: string): Generator<any, string, any> {
  const sent = yield* ctx.detached("errand", what);
  return sent.id;
}

serve({ errand, sender });
