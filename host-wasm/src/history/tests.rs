//! What a history keeps of what happened, and that it finds every state again.

use resonate_core::rules::Rules;
use serde_json::{Value as Json, json};

use super::{History, STRIDE_MIN};

const START: u64 = 1_000_000;

fn empty() -> History {
    History::new(Rules::default(), START).expect("an instant")
}

fn envelope(kind: &str, data: &Json) -> Vec<u8> {
    let head = json!({"corrId": "1", "version": "2026-04-01"});
    json!({"kind": kind, "head": head, "data": data}).to_string().into_bytes()
}

fn ask(history: &mut History, kind: &str, data: &Json, now: u64) -> Json {
    let answer = history.perform(&envelope(kind, data), now).expect("a store in memory does not fail");
    serde_json::from_slice(&answer).expect("JSON")
}

fn create(history: &mut History, id: &str, tags: &Json, now: u64) -> Json {
    ask(history, "promise.create", &json!({"id": id, "timeoutAt": START + 60_000, "tags": tags}), now)
}

fn state(history: &mut History, length: usize) -> Json {
    let now = START + 10_000;
    serde_json::from_slice(&history.state(length, now).expect("there are so many steps")).expect("JSON")
}

fn step(history: &mut History, number: usize) -> Json {
    serde_json::from_slice(&history.step(number).expect("there is such a step")).expect("JSON")
}

fn glances(history: &History) -> Vec<Json> {
    serde_json::from_slice(&history.glances(0, usize::MAX)).expect("JSON")
}

/// A worker takes a task, lets it go, and speaks once more.
fn of_a_task() -> History {
    let mut history = empty();
    create(&mut history, "t", &json!({"resonate:target": "poll://any@g"}), START);
    let task = json!({"id": "t", "version": 0, "pid": "w1", "ttl": 1000});
    ask(&mut history, "task.acquire", &task, START + 5);
    history.tick(START + 1500).expect("a store in memory does not fail");
    let settle = json!({"data": {"id": "t", "state": "resolved", "value": {"data": "x"}}});
    ask(&mut history, "task.fulfill", &json!({"id": "t", "version": 1, "action": settle}), START + 2000);
    history
}

#[test]
fn a_step_tells_who_did_what_and_what_it_changed() {
    let mut history = of_a_task();
    let shown: Vec<Json> =
        glances(&history).iter().map(|glance| json!([glance["kind"], glance["by"], glance["worker"]])).collect();
    assert_eq!(shown[0], json!(["promise.create", "client", null]));
    assert_eq!(shown[1], json!(["internal.dispatch_task", "server", null]), "{shown:?}");
    assert_eq!(shown[2], json!(["task.acquire", "worker", "w1"]));
    assert_eq!(shown[3], json!(["internal.expire_lease", "server", null]));
    let last = shown.len() - 1;
    assert_eq!(shown[last], json!(["task.fulfill", "worker", "w1"]), "the worker that has lost its lease");

    let acquire = step(&mut history, 2);
    let task = acquire["writes"].as_array().and_then(|rows| rows.iter().find(|row| row["table"] == "tasks"));
    let task = task.expect("the task has changed");
    assert_eq!(task["before"]["state"], "pending");
    assert_eq!(task["after"]["lease"]["pid"], "w1");
    assert_eq!(acquire["res"]["acquired"]["task"]["version"], 1);
    let refused = step(&mut history, last);
    assert_eq!((&refused["outcome"], &refused["refusal"]), (&json!("refused"), &json!("task is not acquired")));
    assert_eq!(refused["writes"], json!([]));
    let sent = step(&mut history, 1)["sent"].clone();
    assert_eq!(sent, json!([{"key": {"execute": {"task": "t"}}, "version": 0, "address": "poll://any@g"}]));
}

#[test]
fn a_write_that_finds_what_it_makes_is_no_change() {
    let mut history = empty();
    create(&mut history, "t", &json!({"resonate:target": "poll://any@g"}), START);
    let report = br#"{"key": {"execute": {"task": "t"}}, "version": 0, "went": "delivered"}"#;
    history.report(report, START).expect("the message is under way");
    // The message that the acquisition would remove has arrived already.
    ask(&mut history, "task.acquire", &json!({"id": "t", "version": 0, "pid": "w1", "ttl": 1000}), START + 5);
    let acquire = step(&mut history, 3);
    let tables: Vec<&Json> = acquire["writes"].as_array().into_iter().flatten().map(|row| &row["table"]).collect();
    assert_eq!((&acquire["outcome"], tables), (&json!("acquired"), vec![&json!("tasks")]));
}

#[test]
fn every_state_is_found_again_however_far_away_one_looked_before() {
    let mut history = empty();
    let count = STRIDE_MIN * 40 + 7;
    for number in 0..count {
        create(&mut history, &format!("p{number:05}"), &json!({}), START);
    }
    assert_eq!(history.len(), count);
    assert!(history.stride > STRIDE_MIN, "too many states would be kept");
    for length in [count, 0, 1, STRIDE_MIN, count / 2, count / 2 - 1, count / 2 + 1, count] {
        assert_eq!(state(&mut history, length)["promises"].as_array().map(Vec::len), Some(length));
    }
    history.truncate(count / 3).expect("there are so many steps");
    create(&mut history, "q", &json!({}), START);
    assert_eq!(history.len(), count / 3 + 1);
    let state = state(&mut history, count / 3 + 1);
    assert_eq!(state["promises"][count / 3]["id"], "q");
}

#[test]
fn a_new_action_in_the_past_goes_on_from_there() {
    let mut history = of_a_task();
    history.truncate(3).expect("there are so many steps");
    let settle = json!({"data": {"id": "t", "state": "resolved"}});
    let answer = ask(&mut history, "task.fulfill", &json!({"id": "t", "version": 1, "action": settle}), START + 500);
    assert_eq!(answer["head"]["status"], 200);
    assert_eq!(history.len(), 4);
    assert_eq!(state(&mut history, 4)["promises"][0]["state"], "resolved");
    assert_eq!(state(&mut history, 3)["promises"][0]["state"], "pending");
}

#[test]
fn a_deadline_that_has_passed_shows_before_it_is_written() {
    let mut history = empty();
    create(&mut history, "a", &json!({}), START);
    let shown = history.state(1, START + 60_000).expect("a step");
    let shown: Json = serde_json::from_slice(&shown).expect("JSON");
    assert_eq!(shown["promises"][0]["state"], "pending");
    assert_eq!(shown["projected"], json!({"a": "rejected_timedout"}));
}

#[test]
fn both_texts_are_read_back_to_the_same_history() {
    let mut history = of_a_task();
    let length = history.len();
    let expected = (glances(&history), state(&mut history, length));
    let short = history.short();
    assert!(short.len() < history.recording().len());
    for text in [short, history.recording()] {
        let mut read = History::parse(&text).expect("a history");
        assert_eq!((glances(&read), state(&mut read, length)), expected);
        assert_eq!(read.recording(), history.recording());
        create(&mut read, "more", &json!({}), START + 3000);
        assert_eq!(read.len(), length + 1);
    }
}

#[test]
fn a_corrupt_line_is_named() {
    let text = String::from_utf8(of_a_task().recording()).expect("UTF-8");
    let mut lines: Vec<&str> = text.lines().collect();
    lines[2] = r#"{"kind":"task.acquire","now":"soon"}"#;
    let error = History::parse(lines.join("\n").as_bytes()).expect_err("no history").error;
    assert!(error.starts_with("recording: line 3: now: "), "{error}");
    let error = History::parse(b"").expect_err("no history").error;
    assert!(error.starts_with("recording: line 1: there is none"), "{error}");
    let error = History::parse(b"{\"now\":1,\"req\":{}}").expect_err("no history").error;
    assert!(error.starts_with("recording: line 1: "), "{error}");
}

#[test]
fn an_answer_that_was_recorded_otherwise_is_shown_and_kept() {
    let text = String::from_utf8(of_a_task().recording()).expect("UTF-8");
    let text = text.replace("task is not acquired", "something else");
    let mut history = History::parse(text.as_bytes()).expect("a history");
    let last = history.len() - 1;
    let shown = step(&mut history, last);
    assert!(shown["difference"].as_str().is_some_and(|text| text.contains("something else")), "{shown}");
    assert_eq!(shown["recorded"]["refused"]["conflict"], "something else");
    assert_eq!(String::from_utf8(history.recording()).expect("UTF-8"), text);
}
