// The one timer of a server: it goes off in time whatever happens to clocks and stores.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Alarm } from "../dist/alarm.js";
import { START } from "./support.ts";

const HOUR = 60 * 60 * 1000;

function stage(t: TestContext, next: () => number | undefined) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const stage = { now: START, rung: 0, alarm: undefined as unknown as Alarm };
  const ring = async () => {
    stage.rung += 1;
    return false;
  };
  stage.alarm = new Alarm(next, () => stage.now, ring, undefined);
  t.after(() => stage.alarm.stop());
  return stage;
}

test("what is due is noticed soon after the clock was set, or the machine slept", async (t) => {
  const stepped = stage(t, () => START + HOUR);
  stepped.alarm.set();
  await undefined;
  t.mock.timers.tick(30_000);
  assert.equal(stepped.rung, 0);
  stepped.now = START + HOUR;
  t.mock.timers.tick(30_000);
  assert.equal(stepped.rung, 1);
});

test("nothing goes off early because a wait is cut into pieces", async (t) => {
  const slow = stage(t, () => START + HOUR);
  slow.alarm.set();
  await undefined;
  for (let passed = 0; passed < HOUR; passed += 30_000) {
    assert.equal(slow.rung, 0);
    slow.now += 30_000;
    t.mock.timers.tick(30_000);
  }
  assert.equal(slow.rung, 1);
});

test("who does the waking himself is told again when there is more to do at the same instant", async () => {
  const told: (number | undefined)[] = [];
  const alarm = new Alarm(() => START, () => START, async () => false, (at) => told.push(at));
  const look = async () => {
    alarm.set();
    await undefined;
  };
  await look();
  await look();
  assert.deepEqual(told, [START]);
  alarm.rang();
  await look();
  assert.deepEqual(told, [START, START]);
  alarm.stop();
});

test("when nobody can say what is due next it is tried again", async (t) => {
  const unsure = stage(t, () => {
    throw new Error("the store does not answer");
  });
  unsure.alarm.set();
  await undefined;
  assert.equal(unsure.rung, 0);
  unsure.now += 5_000;
  t.mock.timers.tick(5_000);
  assert.equal(unsure.rung, 1);
});
