"""One half of a workflow whose other half is written in another language."""

from typing import Any

from resonate.context import Context
from worker import serve


def shout(_: Context, words: list[str], mark: dict[str, Any]) -> dict[str, str]:
    return {"text": " ".join(words).upper() + mark["sign"] * mark["times"], "by": "python"}


def refuse(_: Context, why: str) -> None:
    raise TypeError(why)


async def ask(ctx: Context, group: str, words: list[str]) -> list[Any]:
    there = ctx.options(target=group)
    answer = await there.rpc("shout", words, {"sign": "!", "times": 2})
    try:
        await there.rpc("refuse", "no")
    except Exception as error:
        return [answer, str(error)]
    return [answer, None]


serve(ask, refuse, shout)
