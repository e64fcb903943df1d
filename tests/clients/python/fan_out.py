"""Calls that run at once, wherever there is a worker of the group, and one that gathers what they return."""

from resonate.context import Context
from worker import held, serve


async def square(_: Context, side: int) -> int:
    await held(f"square-{side}")
    return side * side


async def sum_of_squares(ctx: Context, sides: int) -> int:
    squares = [ctx.rpc("square", side) for side in range(1, sides + 1)]
    return sum([await square for square in squares])


serve(square, sum_of_squares)
