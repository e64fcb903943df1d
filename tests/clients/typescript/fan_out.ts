// Calls that run at once, wherever there is a worker of the group, and one that gathers what they return.
import type { Context } from "@resonatehq/sdk";
import { held, serve } from "./worker.ts";

async function square(_: Context, side: number): Promise<number> {
  await held(`square-${side}`);
  return side * side;
}

function* sum_of_squares(ctx: Context, sides: number): Generator<any, number, any> {
  const squares = [];
  for (let side = 1; side <= sides; side++) squares.push(yield* ctx.beginRpc("square", side));
  let sum = 0;
  for (const square of squares) sum += yield* square;
  return sum;
}

serve({ square, sum_of_squares });
