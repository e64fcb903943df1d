"""Steps that fail: one until its third attempt, one for good."""

from itertools import count

from resonate.context import Context
from resonate.retry import Constant
from worker import say, serve

attempts = count(1)


def flaky(_: Context) -> str:
    attempt = next(attempts)
    say("attempt", attempt)
    if attempt < 3:
        raise RuntimeError("not yet")
    return f"attempt {attempt}"


def hopeless(_: Context) -> str:
    say("hopeless")
    raise RuntimeError("never")


async def patient(ctx: Context) -> str:
    return await ctx.options(retry_policy=Constant(delay=0, max_retries=5)).run(flaky)


async def unlucky(ctx: Context) -> str:
    return await ctx.options(retry_policy=Constant(delay=0, max_retries=1)).run(hopeless)


serve(patient, unlucky)
