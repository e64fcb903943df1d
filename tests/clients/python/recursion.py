"""A function that calls itself through the server."""

from resonate.context import Context
from worker import serve


async def factorial(ctx: Context, of: int) -> int:
    return 1 if of <= 1 else of * await ctx.rpc("factorial", of - 1)


serve(factorial)
