//! A worker or the server dies in the middle, or a step takes longer than its lease: the workflow finishes, and no step that was kept runs again.

use std::time::Duration;

use serde_json::json;

use super::for_sdks;
use super::sdk::{PYTHON_0_7_4, PYTHON_0_8_1, Sdk, TYPESCRIPT_0_11_4, TYPESCRIPT_0_11_5};
use super::stage::{Stage, Terms};
use crate::server::eventually;

for_sdks! {
    typescript_0_11_5 = super::TYPESCRIPT_0_11_5 => [
        another_worker_finishes_what_a_killed_one_began,
        a_step_longer_than_its_lease_runs_once,
        a_workflow_outlives_the_server_in_a_step,
        a_workflow_outlives_the_server_in_a_sleep,
        a_workflow_outlives_the_server_in_a_write,
    ];
    typescript_0_11_4 = super::TYPESCRIPT_0_11_4 => [
        another_worker_finishes_what_a_killed_one_began,
        a_step_longer_than_its_lease_runs_once,
        a_workflow_outlives_the_server_in_a_sleep,
    ];
    python_0_8_1 = super::PYTHON_0_8_1 => [
        another_worker_finishes_what_a_killed_one_began,
        a_step_longer_than_its_lease_runs_once,
        a_workflow_outlives_the_server_in_a_step,
        a_workflow_outlives_the_server_in_a_sleep,
        a_workflow_outlives_the_server_in_a_write,
    ];
    python_0_7_4 = super::PYTHON_0_7_4 => [
        another_worker_finishes_what_a_killed_one_began,
        a_step_longer_than_its_lease_runs_once,
        a_workflow_outlives_the_server_in_a_sleep,
        a_workflow_outlives_the_server_in_a_write,
    ];
}

/// A lease that is soon over when nobody extends it, and not over when a busy machine is late.
const SHORT: Duration = Duration::from_millis(1_500);

const STEPS: [&str; 3] = ["step first", "step second", "step third"];

fn another_worker_finishes_what_a_killed_one_began(sdk: Sdk) {
    let mut stage = Stage::new();
    let terms = Terms { lease: SHORT, ..Terms::default() };
    let first = stage.hire(sdk, "steps", Terms { held: true, ..terms });
    stage.call(first, "run", "steps", "steps", &json!([0]));
    stage.hear_from(first, "held second");
    let second = stage.hire(sdk, "steps", terms);
    stage.kill(first);
    // The second run of the step is the other worker's; the first step was kept, and is not run again.
    stage.hear_from(second, "step third");
    stage.call(second, "rpc", "steps", "steps", &json!([0]));
    assert_eq!(stage.result("steps"), json!(["first", "second", "third"]));
    assert_eq!(stage.said("step"), ["step first", "step second", "step second", "step third"]);
    stage.ends();
}

fn a_step_longer_than_its_lease_runs_once(sdk: Sdk) {
    let mut stage = Stage::new();
    let terms = Terms { lease: SHORT, ..Terms::default() };
    // There is somebody who would take over at once.
    let workers = [(); 2].map(|()| stage.hire(sdk, "steps", terms));
    // Not by `run`: the TypeScript SDK 0.11.5 extends the lease only of what it was sent.
    stage.call(workers[0], "rpc", "steps", "steps", &json!([(3 * SHORT).as_millis()]));
    assert_eq!(stage.result("steps"), json!(["first", "second", "third"]));
    assert_eq!(stage.said("step"), STEPS);
    stage.ends();
}

fn a_workflow_outlives_the_server_in_a_step(sdk: Sdk) {
    let mut stage = Stage::new();
    let worker = stage.hire(sdk, "steps", Terms { held: true, ..Terms::default() });
    stage.call(worker, "rpc", "steps", "steps", &json!([0]));
    stage.hear("held second");
    stage.kill_server();
    stage.restart_server();
    stage.hear("connected");
    stage.open(worker, "second");
    assert_eq!(stage.result("steps"), json!(["first", "second", "third"]));
    assert_eq!(stage.said("step"), STEPS);
    stage.ends();
}

fn a_workflow_outlives_the_server_in_a_sleep(sdk: Sdk) {
    const PAUSE_MILLIS: u64 = 2_000;
    let (mut stage, worker) = Stage::with_worker(sdk, "countdown");
    stage.call(worker, "rpc", "countdown", "countdown", &json!([2, PAUSE_MILLIS]));
    stage.hear("left 2");
    eventually("the workflow sleeps", || {
        let (_, found) = stage.request("task.get", &json!({"id": "countdown"}));
        (found["task"]["state"] == "suspended").then_some(())
    });
    stage.kill_server();
    stage.restart_server();
    assert_eq!(stage.result("countdown"), "lift-off");
    assert_eq!(stage.said("left"), ["left 2", "left 1"]);
    stage.ends();
}

/// Not of the TypeScript SDK 0.11.4: what it has given up because the server was gone it keeps for ever, with heartbeats that name no task.
fn a_workflow_outlives_the_server_in_a_write(sdk: Sdk) {
    let mut stage = Stage::new();
    let worker = stage.hire(sdk, "countdown", Terms { lease: SHORT, ..Terms::default() });
    stage.call(worker, "rpc", "countdown", "countdown", &json!([2, 0]));
    // The worker is about to say that the step is done. One that meets no server gives up, and is called again when its lease is over.
    stage.hear("left 2");
    stage.kill_server();
    stage.restart_server();
    assert_eq!(stage.result("countdown"), "lift-off");
    stage.ends();
}
