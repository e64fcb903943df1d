"""A call that outlives its caller."""

from resonate.context import Context
from worker import held, say, serve


async def errand(_: Context, what: str) -> str:
    await held("errand")
    say("ran", what)
    return f"{what}: done"


async def sender(ctx: Context, what: str) -> str:
    return await ctx.detached("errand", what)


serve(errand, sender)
