"""What the workers of the tests have in common: they register functions, tell the test what happens in lines on stdout, and do what it says in
lines of JSON on stdin. They end when stdin does, so no worker outlives its test."""

import asyncio
import json
import logging
import os
import sys
from collections import defaultdict
from datetime import timedelta

from resonate.resonate import Resonate
from resonate.retry import Never
from resonate.types import Value

GROUP = os.environ["WORKER_GROUP"]
doors: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)


def say(*words):
    """Tells the test one thing."""
    print(*(word if isinstance(word, str) else json.dumps(word) for word in words), flush=True)


async def held(door):
    """Waits until the test opens a door."""
    say("held", door)
    await doors[door].wait()


class Log(logging.Handler):
    """The SDK says in its log when its connection stands, and nowhere else."""

    def emit(self, record):
        if record.getMessage().startswith("SSE connection established"):
            say("connected")


async def obey(resonate, order):
    id = order["id"]
    match order["do"]:
        case "open":
            doors[id].set()
        case "run":
            say("settled", id, json.dumps(await resonate.run(id, order["func"], *order["args"]).result()))
        case "rpc":
            say("settled", id, json.dumps(await resonate.rpc(id, order["func"], *order["args"]).result()))
        case "get":
            say("settled", id, json.dumps(await (await resonate.get(id)).result()))
        case "resolve":
            await resonate.promises.resolve(id, Value(data=order["value"]))
            say("resolved", id)
        case "schedule":
            await resonate.schedule(id, order["cron"], order["func"], tuple(order["args"]))
            say("scheduled", id)
        case "unschedule":
            await resonate.schedules.delete(id)
            say("unscheduled", id)
        case what:
            raise ValueError(f"no such order: {what}")


async def obey_or_say(resonate, order):
    try:
        await obey(resonate, order)
    except Exception as error:
        say("failed", order["id"], str(error))


async def work(functions):
    ttl = timedelta(milliseconds=int(os.environ["WORKER_TTL"]))
    # A function that fails is tried again only where its program says so.
    resonate = Resonate(group=GROUP, pid=os.environ["WORKER_PID"], ttl=ttl, retry_policy=Never())
    for function in functions:
        resonate.register(function)
    orders = set()
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = asyncio.create_task(obey_or_say(resonate, json.loads(line)))
        orders.add(order)
        order.add_done_callback(orders.discard)
    # Whatever still runs belongs to a test that is over.
    os._exit(0)


def serve(*functions):
    """Serves functions under their names until the test is over."""
    logging.basicConfig(level=logging.WARNING)
    log = logging.getLogger("resonate")
    log.setLevel(logging.INFO)
    log.addHandler(Log())
    asyncio.run(work(functions))
