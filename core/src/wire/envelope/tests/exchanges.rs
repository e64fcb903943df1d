//! One exchange a row, in order, over one store: instant, kind, data, status, data of the answer.

use super::ask;
use crate::memory::MemoryStore;

type Row = (u64, &'static str, &'static str, u16, &'static str);

fn run(store: &mut MemoryStore, rows: &[Row]) {
    for (now, kind, data, status, expected) in rows {
        let got = ask(store, *now, kind, data);
        assert_eq!(got, (*status, (*expected).to_owned()), "{now} {kind} {data}");
    }
}

const PLAIN: &str = r#"{"promise":{"id":"a","state":"pending","param":{"headers":{"h":"1"},"data":"e30="},"value":{},"tags":{"k":"v"},"timeoutAt":9000,"createdAt":1000}}"#;
const SETTLED: &str = r#"{"promise":{"id":"a","state":"rejected_canceled","param":{"headers":{"h":"1"},"data":"e30="},"value":{"headers":{},"data":""},"tags":{"k":"v"},"timeoutAt":9000,"createdAt":1000,"settledAt":2000}}"#;

#[test]
fn promises() {
    run(
        &mut MemoryStore::new(),
        &[
            (1000, "promise.get", r#"{"id":"a"}"#, 404, r#""promise not found""#),
            (
                1000,
                "promise.create",
                r#"{"id":"a","timeoutAt":9000,"param":{"data":"e30=","headers":{"h":"1"}},"tags":{"k":"v"}}"#,
                200,
                PLAIN,
            ),
            (1001, "promise.create", r#"{"id":"a","timeoutAt":7}"#, 200, PLAIN),
            (1002, "promise.get", r#"{"id":"a","more":[{}]}"#, 200, PLAIN),
            (1500, "promise.register_listener", r#"{"awaited":"a","address":"poll://uni@g/w"}"#, 200, PLAIN),
            (
                1500,
                "promise.register_listener",
                r#"{"awaited":"z","address":"poll://uni@g/w"}"#,
                404,
                r#""awaited promise not found""#,
            ),
            (
                1500,
                "promise.register_callback",
                r#"{"awaited":"a","awaiter":"a"}"#,
                400,
                r#""awaited and awaiter must be different promises""#,
            ),
            (
                1500,
                "promise.register_callback",
                r#"{"awaited":"a","awaiter":"z"}"#,
                422,
                r#""awaiter promise not found""#,
            ),
            (
                2000,
                "promise.settle",
                r#"{"id":"a","state":"rejected_canceled","value":{"headers":{},"data":""}}"#,
                200,
                SETTLED,
            ),
            (3000, "promise.settle", r#"{"id":"a","state":"resolved"}"#, 200, SETTLED),
            (3000, "promise.settle", r#"{"id":"z","state":"resolved"}"#, 404, r#""promise not found""#),
            (3000, "promise.search", r#"{"state":"pending"}"#, 200, r#"{"promises":[]}"#),
            (
                3000,
                "promise.create",
                r#"{"id":"b","timeoutAt":3000,"param":null,"tags":null}"#,
                200,
                r#"{"promise":{"id":"b","state":"rejected_timedout","param":{},"value":{},"tags":{},"timeoutAt":3000,"createdAt":3000,"settledAt":3000}}"#,
            ),
            (
                3000,
                "promise.create",
                r#"{"id":"n","timeoutAt":2,"param":{"data":"a\u0000b"}}"#,
                200,
                r#"{"promise":{"id":"n","state":"rejected_timedout","param":{"data":"a\u0000b"},"value":{},"tags":{},"timeoutAt":2,"createdAt":2,"settledAt":2}}"#,
            ),
            (
                3000,
                "promise.create",
                r#"{"id":"t","timeoutAt":4000,"tags":{"resonate:target":""}}"#,
                400,
                r#""tag 'resonate:target' must be http://, https://, poll://any@group[/id] or poll://uni@group/id""#,
            ),
        ],
    );
}

#[test]
fn tasks() {
    let target = r#"{"id":"r","timeoutAt":9000,"tags":{"resonate:target":"poll://any@g"}}"#;
    let create = format!(r#"{{"pid":"w","ttl":100,"action":{{"kind":"promise.create","data":{target}}}}}"#).leak();
    run(
        &mut MemoryStore::new(),
        &[
            (1, "task.get", r#"{"id":"r"}"#, 404, r#""task not found""#),
            (
                1,
                "task.create",
                create,
                200,
                r#"{"task":{"id":"r","state":"acquired","version":1,"resumes":0,"ttl":100,"pid":"w"},"promise":{"id":"r","state":"pending","param":{},"value":{},"tags":{"resonate:target":"poll://any@g"},"timeoutAt":9000,"createdAt":1},"preload":[]}"#,
            ),
            (2, "task.create", create, 409, r#""the task is held by a worker""#),
            (
                3,
                "task.fence",
                r#"{"id":"r","version":1,"action":{"kind":"promise.create","data":{"id":"c","timeoutAt":8000}}}"#,
                200,
                r#"{"action":{"kind":"promise.create","head":{"corrId":"c","status":200,"version":"2026-04-01"},"data":{"promise":{"id":"c","state":"pending","param":{},"value":{},"tags":{},"timeoutAt":8000,"createdAt":3}}},"preload":[]}"#,
            ),
            (
                3,
                "task.fence",
                r#"{"id":"r","version":1,"action":{"kind":"promise.settle","data":{"id":"z","state":"resolved"}}}"#,
                200,
                r#"{"action":{"kind":"promise.settle","head":{"corrId":"c","status":404,"version":"2026-04-01"},"data":"promise not found"},"preload":[]}"#,
            ),
            (
                3,
                "task.fence",
                r#"{"id":"r","version":2,"action":{"kind":"promise.settle","data":{"id":"z","state":"resolved"}}}"#,
                409,
                r#""task is acquired at another version""#,
            ),
            (
                3,
                "task.fence",
                r#"{"id":"r","version":1,"action":{"kind":"promise.settle","data":{"id":"r","state":"resolved"}}}"#,
                400,
                r#""the action's id must not be the task's""#,
            ),
            (4, "task.heartbeat", r#"{"pid":"w","tasks":[{"id":"r","version":1},{"id":"z","version":0}]}"#, 200, "{}"),
            (4, "task.heartbeat", r#"{"pid":"w","tasks":[]}"#, 200, "{}"),
            (5, "task.suspend", r#"{"id":"r","version":1,"actions":[]}"#, 400, r#""'actions' must not be empty""#),
            (
                5,
                "task.suspend",
                r#"{"id":"r","version":1,"actions":[{"data":{"awaited":"z","awaiter":"r"}}]}"#,
                422,
                r#""awaited promise not found""#,
            ),
            (
                5,
                "task.suspend",
                r#"{"id":"r","version":1,"actions":[{"kind":"promise.register_callback","head":{},"data":{"awaited":"c","awaiter":"r"}}]}"#,
                200,
                "{}",
            ),
            (
                6,
                "promise.settle",
                r#"{"id":"c","state":"rejected","value":{"data":"x"}}"#,
                200,
                r#"{"promise":{"id":"c","state":"rejected","param":{},"value":{"data":"x"},"tags":{},"timeoutAt":8000,"createdAt":3,"settledAt":6}}"#,
            ),
            (7, "task.get", r#"{"id":"r"}"#, 200, r#"{"task":{"id":"r","state":"pending","version":1,"resumes":1}}"#),
            (
                7,
                "task.search",
                r#"{"state":"pending","limit":1}"#,
                200,
                r#"{"tasks":[{"id":"r","state":"pending","version":1,"resumes":1}]}"#,
            ),
            (
                8,
                "task.acquire",
                r#"{"id":"r","version":0,"pid":"w","ttl":1}"#,
                409,
                r#""task is pending at another version""#,
            ),
            (
                8,
                "task.acquire",
                r#"{"id":"r","version":1,"pid":"w","ttl":1}"#,
                200,
                r#"{"task":{"id":"r","state":"acquired","version":2,"resumes":0,"ttl":1,"pid":"w"},"promise":{"id":"r","state":"pending","param":{},"value":{},"tags":{"resonate:target":"poll://any@g"},"timeoutAt":9000,"createdAt":1},"preload":[]}"#,
            ),
            (
                8,
                "task.suspend",
                r#"{"id":"r","version":2,"actions":[{"data":{"awaited":"c","awaiter":"r"}}]}"#,
                300,
                r#"{"preload":[]}"#,
            ),
            (8, "task.release", r#"{"id":"r","version":2}"#, 200, "{}"),
            (8, "task.release", r#"{"id":"r","version":2}"#, 409, r#""task is not acquired""#),
            (8, "task.halt", r#"{"id":"r"}"#, 200, "{}"),
            (8, "task.continue", r#"{"id":"r"}"#, 200, "{}"),
            (
                8,
                "task.acquire",
                r#"{"id":"r","version":2,"pid":"w","ttl":60000}"#,
                200,
                r#"{"task":{"id":"r","state":"acquired","version":3,"resumes":0,"ttl":60000,"pid":"w"},"promise":{"id":"r","state":"pending","param":{},"value":{},"tags":{"resonate:target":"poll://any@g"},"timeoutAt":9000,"createdAt":1},"preload":[]}"#,
            ),
            (
                9,
                "task.fulfill",
                r#"{"id":"r","version":3,"action":{"data":{"id":"c","state":"resolved"}}}"#,
                400,
                r#""the action's id must be the task's""#,
            ),
            (
                9,
                "task.fulfill",
                r#"{"id":"r","version":3,"action":{"data":{"id":"r","state":"resolved"}}}"#,
                200,
                r#"{"promise":{"id":"r","state":"resolved","param":{},"value":{},"tags":{"resonate:target":"poll://any@g"},"timeoutAt":9000,"createdAt":1,"settledAt":9}}"#,
            ),
            (9, "task.search", "{}", 200, r#"{"tasks":[{"id":"r","state":"fulfilled","version":3,"resumes":0}]}"#),
        ],
    );
}

#[test]
fn a_preload_shows_what_of_the_branch_is_not_past_its_deadline() {
    run(
        &mut MemoryStore::new(),
        &[
            (
                1,
                "promise.create",
                r#"{"id":"r","timeoutAt":9,"tags":{"resonate:target":"poll://any@g","resonate:branch":"r"}}"#,
                200,
                r#"{"promise":{"id":"r","state":"pending","param":{},"value":{},"tags":{"resonate:branch":"r","resonate:target":"poll://any@g"},"timeoutAt":9,"createdAt":1}}"#,
            ),
            (
                1,
                "promise.create",
                r#"{"id":"r.1","timeoutAt":2,"tags":{"resonate:branch":"r","resonate:timer":"true"}}"#,
                200,
                r#"{"promise":{"id":"r.1","state":"pending","param":{},"value":{},"tags":{"resonate:branch":"r","resonate:timer":"true"},"timeoutAt":2,"createdAt":1}}"#,
            ),
            (
                1,
                "promise.create",
                r#"{"id":"r.2","timeoutAt":4,"tags":{"resonate:branch":"r"}}"#,
                200,
                r#"{"promise":{"id":"r.2","state":"pending","param":{},"value":{},"tags":{"resonate:branch":"r"},"timeoutAt":4,"createdAt":1}}"#,
            ),
            (
                3,
                "task.acquire",
                r#"{"id":"r","version":0,"pid":"w","ttl":5}"#,
                200,
                r#"{"task":{"id":"r","state":"acquired","version":1,"resumes":0,"ttl":5,"pid":"w"},"promise":{"id":"r","state":"pending","param":{},"value":{},"tags":{"resonate:branch":"r","resonate:target":"poll://any@g"},"timeoutAt":9,"createdAt":1},"preload":[{"id":"r.2","state":"pending","param":{},"value":{},"tags":{"resonate:branch":"r"},"timeoutAt":4,"createdAt":1}]}"#,
            ),
        ],
    );
}

#[test]
fn schedules() {
    let stored = r#"{"schedule":{"id":"s","cron":"* * * * *","promiseId":"{{.id}}-{{.timestamp}}","promiseTimeout":0,"promiseParam":{"data":"x"},"promiseTags":{"k":"v"},"createdAt":1,"nextRunAt":60000}}"#;
    run(
        &mut MemoryStore::new(),
        &[
            (
                1,
                "schedule.create",
                r#"{"id":"s","cron":"* * * * *","promiseId":"{{.id}}-{{.timestamp}}","promiseTimeout":0,"promiseParam":{"data":"x"},"promiseTags":{"k":"v"}}"#,
                200,
                stored,
            ),
            (2, "schedule.get", r#"{"id":"s"}"#, 200, stored),
            (2, "schedule.get", r#"{"id":"z"}"#, 404, r#""schedule not found""#),
            (2, "schedule.search", r#"{"tags":{"k":"w"}}"#, 200, r#"{"schedules":[]}"#),
            (
                2,
                "schedule.create",
                r#"{"id":"t","cron":"0 0 30 2 *","promiseId":"x","promiseTimeout":0}"#,
                400,
                r#""'cron' never occurs""#,
            ),
            (3, "schedule.delete", r#"{"id":"s"}"#, 200, "{}"),
            (3, "schedule.delete", r#"{"id":"s"}"#, 404, r#""schedule not found""#),
        ],
    );
}

#[test]
fn cursors_lead_through_all_pages() {
    let mut store = MemoryStore::new();
    for at in 0..25 {
        let promise = format!(r#"{{"id":"p{at:02}","timeoutAt":9000,"tags":{{"resonate:target":"poll://any@g"}}}}"#);
        ask(&mut store, 1, "promise.create", &promise);
        let schedule = format!(r#"{{"id":"p{at:02}","cron":"* * * * *","promiseId":"x","promiseTimeout":1}}"#);
        ask(&mut store, 1, "schedule.create", &schedule);
    }
    for (kind, list, limit, pages) in [
        ("promise.search", "promises", r#","limit":10"#, 3),
        ("task.search", "tasks", r#","limit":5"#, 5),
        ("schedule.search", "schedules", "", 3),
        ("promise.search", "promises", "", 1),
    ] {
        let mut cursor = "null".to_owned();
        let mut found = Vec::new();
        for page in 1..=pages {
            let (status, data) = ask(&mut store, 2, kind, &format!(r#"{{"cursor":{cursor}{limit}}}"#));
            assert_eq!(status, 200, "{data}");
            let data: serde_json::Value = serde_json::from_str(&data).expect("JSON");
            let ids = data[list].as_array().expect("a list").iter().map(|row| row["id"].to_string());
            found.extend(ids);
            assert_eq!(data.get("cursor").is_some(), page < pages, "{kind} {data}");
            cursor = data["cursor"].to_string();
        }
        assert_eq!(found, (0..25).map(|at| format!("\"p{at:02}\"")).collect::<Vec<_>>(), "{kind}");
    }
    let (_, first) = ask(&mut store, 2, "promise.search", r#"{"limit":1}"#);
    let first: serde_json::Value = serde_json::from_str(&first).expect("JSON");
    let (status, why) = ask(&mut store, 2, "task.search", &format!(r#"{{"cursor":{}}}"#, first["cursor"]));
    assert_eq!(status, 400);
    assert_eq!(
        why,
        r#""'data.cursor' is not one that this server gave out for such a search: start the search again""#
    );
}
