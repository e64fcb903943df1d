"""A workflow that sleeps: between its steps it is in no process."""

from datetime import timedelta

from resonate.context import Context
from worker import say, serve


def tell(_: Context, left: int) -> None:
    say("left", left)


async def countdown(ctx: Context, start: int, pause: int) -> str:
    for left in range(start, 0, -1):
        await ctx.run(tell, left)
        await ctx.sleep(timedelta(milliseconds=pause))
    return "lift-off"


serve(countdown)
