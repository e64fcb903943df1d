"""Three steps; the worker can be held in the second, or take its time with it."""

import asyncio
import os

from resonate.context import Context
from worker import held, say, serve


def first(_: Context) -> str:
    say("step first")
    return "first"


async def second(_: Context, millis: int) -> str:
    say("step second")
    if "WORKER_HOLDS" in os.environ:
        await held("second")
    await asyncio.sleep(millis / 1000)
    return "second"


def third(_: Context) -> str:
    say("step third")
    return "third"


async def steps(ctx: Context, millis: int) -> list[str]:
    return [await ctx.run(first), await ctx.run(second, millis), await ctx.run(third)]


serve(steps)
