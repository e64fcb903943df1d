// A function for a schedule.
import type { Context } from "@resonatehq/sdk";
import { say, serve } from "./worker.ts";

function tick(ctx: Context, word: string): string {
  say("tick", ctx.id, word);
  return word;
}

serve({ tick });
