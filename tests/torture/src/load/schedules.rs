//! A client with schedules that fire every second, few at a time.

use std::time::{Duration, Instant};

use serde_json::json;

use super::PAUSE;
use super::link::Link;
use crate::book::{Op, Said};

/// How long a schedule lives.
const LIFE: Duration = Duration::from_secs(3);

/// Creates schedules, waits, and deletes them.
pub(super) fn write(link: &mut Link) {
    for number in 0_u64.. {
        if !link.may_begin() {
            return;
        }
        let id = format!("schedule-{number}");
        let data =
            json!({"id": id, "cron": "* * * * * *", "promiseId": "{{.id}}.{{.timestamp}}", "promiseTimeout": 60_000});
        let create = resonate_process::wire::Request::call("schedule.create", &data);
        let said = link.insist(&Op::Schedule(id.clone()), &create);
        let created = Instant::now();
        while created.elapsed() < LIFE && !link.shared.is_over() {
            std::thread::sleep(PAUSE);
        }
        if matches!(said, Said::Scheduled(_)) {
            let delete = resonate_process::wire::Request::call("schedule.delete", &json!({"id": id}));
            link.insist(&Op::Unschedule(id), &delete);
        }
    }
}
