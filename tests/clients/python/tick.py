"""A function for a schedule."""

from resonate.context import Context
from worker import say, serve


def tick(ctx: Context, word: str) -> str:
    say("tick", ctx.info.id, word)
    return word


serve(tick)
