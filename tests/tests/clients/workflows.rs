//! What every worker does: sleep, fan out, recur, wait for a person, fail and try again, send somebody off, be called by a clock.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value as Json, json};

use super::for_sdks;
use super::sdk::{PYTHON_0_7_4, PYTHON_0_8_1, Sdk, TYPESCRIPT_0_11_4, TYPESCRIPT_0_11_5};
use super::stage::{Stage, Terms};
use crate::server::now_millis;
use crate::server::wire::Request;

for_sdks! {
    typescript_0_11_5 = super::TYPESCRIPT_0_11_5 => [
        a_countdown_sleeps_between_its_steps,
        calls_fan_out_to_two_workers_and_in_again,
        a_function_calls_itself_through_the_server,
        a_person_answers_by_the_http_api,
        a_person_answers_by_the_sdk,
        a_step_that_fails_is_tried_again,
        a_detached_call_outlives_its_caller,
        a_schedule_calls_a_function,
    ];
    typescript_0_11_4 = super::TYPESCRIPT_0_11_4 => [
        a_countdown_sleeps_between_its_steps,
        calls_fan_out_to_two_workers_and_in_again,
        a_function_calls_itself_through_the_server,
        a_person_answers_by_the_http_api,
        a_person_answers_by_the_sdk,
        a_detached_call_outlives_its_caller,
    ];
    python_0_8_1 = super::PYTHON_0_8_1 => [
        a_countdown_sleeps_between_its_steps,
        calls_fan_out_to_two_workers_and_in_again,
        a_function_calls_itself_through_the_server,
        a_person_answers_by_the_http_api,
        a_person_answers_by_the_sdk,
        a_step_that_fails_is_tried_again,
        a_detached_call_outlives_its_caller,
        a_schedule_calls_a_function,
    ];
    python_0_7_4 = super::PYTHON_0_7_4 => [
        a_countdown_sleeps_between_its_steps,
        calls_fan_out_to_two_workers_and_in_again,
        a_function_calls_itself_through_the_server,
        a_person_answers_by_the_http_api,
        a_person_answers_by_the_sdk,
        a_detached_call_outlives_its_caller,
    ];
}

fn a_countdown_sleeps_between_its_steps(sdk: Sdk) {
    const PAUSE_MILLIS: u64 = 100;
    let (mut stage, worker) = Stage::with_worker(sdk, "countdown");
    let started = now_millis();
    stage.call(worker, "run", "countdown", "countdown", &json!([3, PAUSE_MILLIS]));
    assert_eq!(stage.result("countdown"), "lift-off");
    assert!(now_millis() - started >= 3 * PAUSE_MILLIS);
    assert_eq!(stage.said("left"), ["left 3", "left 2", "left 1"]);
    stage.ends();
}

fn calls_fan_out_to_two_workers_and_in_again(sdk: Sdk) {
    const SIDES: usize = 6;
    let mut stage = Stage::new();
    let workers = [(); 2].map(|()| stage.hire(sdk, "fan_out", Terms::default()));
    stage.call(workers[0], "rpc", "fan", "sum_of_squares", &json!([SIDES]));
    // All of them are under way before the first returns.
    let at: Vec<(usize, String)> = (0..SIDES).map(|_| stage.hear("held square-")).collect();
    for worker in workers {
        assert!(at.iter().any(|(busy, _)| *busy == worker), "worker {worker} has nothing to do: {at:?}");
    }
    for (worker, side) in at {
        stage.open(worker, &format!("square-{side}"));
    }
    assert_eq!(stage.result("fan"), 1 + 4 + 9 + 16 + 25 + 36);
    assert_eq!(stage.said("held").len(), SIDES);
    stage.ends();
}

fn a_function_calls_itself_through_the_server(sdk: Sdk) {
    let (mut stage, worker) = Stage::with_worker(sdk, "recursion");
    stage.call(worker, "rpc", "deep", "factorial", &json!([10]));
    assert_eq!(stage.result("deep"), 3_628_800);
    let (_, found) = stage.request("task.search", &json!({"state": "fulfilled"}));
    assert_eq!(found["tasks"].as_array().map(Vec::len), Some(10), "{found}");
    stage.ends();
}

/// Runs a workflow up to its question. The id of the promise that is the answer.
fn asked(stage: &mut Stage, worker: usize) -> String {
    stage.call(worker, "run", "approval", "approval", &json!(["a holiday"]));
    let (_, question) = stage.hear("asked ");
    question
}

fn a_person_answers_by_the_http_api(sdk: Sdk) {
    let (mut stage, worker) = Stage::with_worker(sdk, "approval");
    let question = asked(&mut stage, worker);
    let data = BASE64.encode(json!("granted").to_string());
    let answer = stage.ask(&Request::write(&question, "resolve", "k", &json!({"value": {"data": data}})));
    assert_eq!((answer.status, &answer.json()["state"]), (201, &json!("RESOLVED")));
    assert_eq!(stage.result("approval"), "a holiday: granted");
    stage.ends();
}

fn a_person_answers_by_the_sdk(sdk: Sdk) {
    let (mut stage, worker) = Stage::with_worker(sdk, "approval");
    let question = asked(&mut stage, worker);
    // Another process than the one that waits, as a person's would be.
    let person = stage.hire(sdk, "approval", Terms { group: "people", ..Terms::default() });
    stage.tell(person, &json!({"do": "resolve", "id": question, "value": "granted"}));
    stage.hear_from(person, "resolved");
    assert_eq!(stage.result("approval"), "a holiday: granted");
    stage.ends();
}

fn a_step_that_fails_is_tried_again(sdk: Sdk) {
    let (mut stage, worker) = Stage::with_worker(sdk, "retries");
    stage.call(worker, "run", "patient", "patient", &json!([]));
    assert_eq!(stage.result("patient"), "attempt 3");
    assert_eq!(stage.said("attempt"), ["attempt 1", "attempt 2", "attempt 3"]);
    stage.call(worker, "run", "unlucky", "unlucky", &json!([]));
    let (_, why) = stage.hear("failed unlucky");
    assert_eq!(why, "never");
    assert_eq!(stage.said("hopeless").len(), 2);
    let (_, found) = stage.request("promise.get", &json!({"id": "unlucky"}));
    assert_eq!(found["promise"]["state"], "rejected");
    stage.ends();
}

fn a_detached_call_outlives_its_caller(sdk: Sdk) {
    let (mut stage, worker) = Stage::with_worker(sdk, "detached");
    stage.call(worker, "run", "sender", "sender", &json!(["parcel"]));
    let Json::String(errand) = stage.result("sender") else { panic!("the id of the errand") };
    let state = |stage: &Stage| stage.request("promise.get", &json!({"id": errand})).1["promise"]["state"].take();
    stage.hear("held errand");
    assert_eq!(state(&stage), "pending");
    stage.open(worker, "errand");
    // A second caller of the same id waits for the first.
    stage.tell(worker, &json!({"do": "get", "id": errand}));
    assert_eq!(stage.result(&errand), "parcel: done");
    assert_eq!(state(&stage), "resolved");
    assert_eq!(stage.said("ran"), ["ran parcel"]);
    stage.ends();
}

fn a_schedule_calls_a_function(sdk: Sdk) {
    let (mut stage, worker) = Stage::with_worker(sdk, "tick");
    let order = json!({"do": "schedule", "id": "clock", "cron": "* * * * * *", "func": "tick", "args": ["tock"]});
    stage.tell(worker, &order);
    stage.hear("scheduled clock");
    let mut fired: Vec<String> = (0..2).map(|_| stage.hear("tick ").1).collect();
    for tick in &mut fired {
        let (id, word) = tick.split_once(' ').expect("an id and a word");
        assert_eq!(word, "tock");
        *tick = id.to_owned();
    }
    assert_ne!(fired[0], fired[1]);
    stage.tell(worker, &json!({"do": "unschedule", "id": "clock"}));
    stage.hear("unscheduled clock");
    assert_eq!(stage.request("schedule.get", &json!({"id": "clock"})).0, 404);
    for id in fired {
        stage.tell(worker, &json!({"do": "get", "id": id}));
        assert_eq!(stage.result(&id), "tock");
        let (_, found) = stage.request("promise.get", &json!({"id": id}));
        assert_eq!(found["promise"]["tags"]["resonate:schedule"], "clock");
    }
}
