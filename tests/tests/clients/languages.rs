//! Two SDKs in two languages: their workers call each other through one server.

use serde_json::json;

use super::sdk::{PYTHON_0_7_4, PYTHON_0_8_1, Sdk, TYPESCRIPT_0_11_4, TYPESCRIPT_0_11_5};
use super::stage::{Stage, Terms};

fn call_each_other(typescript: Sdk, python: Sdk) {
    let mut stage = Stage::new();
    let workers = [("typescript", typescript), ("python", python)]
        .map(|(group, sdk)| (group, stage.hire(sdk, "languages", Terms { group, ..Terms::default() })));
    for (group, worker) in workers {
        let there = if group == "python" { "typescript" } else { "python" };
        let id = format!("from-{group}");
        stage.call(worker, "run", &id, "ask", &json!([there, ["hello", "wörld"]]));
        assert_eq!(stage.result(&id), json!([{"text": "HELLO WÖRLD!!", "by": there}, "no"]));
    }
    stage.ends();
}

#[test]
fn today_s_sdks_call_each_other() {
    call_each_other(TYPESCRIPT_0_11_5, PYTHON_0_8_1);
}

#[test]
fn sdks_of_two_generations_call_each_other() {
    call_each_other(TYPESCRIPT_0_11_4, PYTHON_0_8_1);
    call_each_other(TYPESCRIPT_0_11_5, PYTHON_0_7_4);
}
