// Three steps; the worker can be held in the second, or take its time with it.
import { setTimeout } from "node:timers/promises";
import type { Context } from "@resonatehq/sdk";
import { held, say, serve } from "./worker.ts";

function first(): string {
  say("step first");
  return "first";
}

async function second(_: Context, millis: number): Promise<string> {
  say("step second");
  if (process.env.WORKER_HOLDS) await held("second");
  await setTimeout(millis);
  return "second";
}

function third(): string {
  say("step third");
  return "third";
}

function* steps(ctx: Context, millis: number): Generator<any, string[], any> {
  return [yield* ctx.run(first), yield* ctx.run(second, millis), yield* ctx.run(third)];
}

serve({ steps });
