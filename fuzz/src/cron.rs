//! Expressions of schedules: what is taken runs, each time later than the time before.

use resonate_core::time::Timestamp;
use serde_json::json;

use crate::machine::Machine;

const RUNS: u64 = 4;

pub(crate) fn meet(input: &[u8]) {
    let Ok(cron) = std::str::from_utf8(input) else { return };
    let mut machine = Machine::new();
    // It would run a hundred thousand times until the 29th of a February.
    assert_eq!(machine.ask("schedule.delete", r#"{"id":"s"}"#), 200);
    let data = json!({"id": "x", "cron": cron, "promiseId": "x.{{.timestamp}}", "promiseTimeout": 1});
    if machine.ask("schedule.create", data) != 200 {
        return;
    }
    let mut last = None;
    for _ in 0..RUNS {
        let next = next_run(&mut machine);
        assert!(last < next, "{cron:?} runs at {next:?} after {last:?}");
        let Some(next) = next else { return };
        machine.tick(next);
        last = Some(next);
    }
}

fn next_run(machine: &mut Machine) -> Option<Timestamp> {
    let schedules = machine.snapshot().schedules;
    schedules.values().find(|schedule| schedule.id.as_str() == "x").map(|schedule| schedule.next_run_at)
}
