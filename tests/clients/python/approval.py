"""A workflow that waits for somebody who is no program of its own: it makes a promise and tells its id."""

from resonate.context import Context
from worker import say, serve


def ask(_: Context, whom: str) -> None:
    say("asked", whom)


async def approval(ctx: Context, what: str) -> str:
    answer = ctx.promise()
    await ctx.run(ask, await answer.id())
    return f"{what}: {await answer}"


serve(approval)
