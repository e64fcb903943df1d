//! Ten thousand requests that are nearly right, of both protocols, against the HTTP server: each is answered in the form of its protocol, none
//! with a fault of the server, and one that is refused has changed nothing, down to the last byte of the store.

pub(crate) mod requests;
pub(crate) mod wounds;

use std::collections::BTreeMap;

use fastrand::Rng;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_tests::driver::{Answer, Call, Dials, Driver, HttpCall};
use resonate_tests::drivers::Kind;
use resonate_tests::table::envelope_of;
use serde_json::Value;

use crate::support::seed;

const MUTANTS: usize = 10_000;
/// Mutants that meet one server. What the accepted ones leave behind makes looking at its store slower and slower.
const MUTANTS_PER_SERVER: usize = 200;
/// The instant of every request: nothing falls due, so that only requests change anything.
const NOW: Timestamp = Timestamp::saturating(1_000);

/// A server with something of everything, and what it holds.
struct Subject {
    driver: Box<dyn Driver>,
    held: Snapshot,
}

impl Subject {
    fn new() -> Self {
        let mut driver = Kind::Http.open(Dials::default());
        for (kind, data) in requests::SETTING {
            let answer = driver.call(NOW, &Call::Envelope(envelope_of(kind, "c", data).into())).expect("an answer");
            assert_eq!(answer.status, 200, "{kind} {data}: {}", answer.body);
        }
        let held = driver.snapshot().expect("a store that can be looked at");
        Self { driver, held }
    }

    /// Sends a request and looks at what became of it: its status.
    fn meet(&mut self, call: &HttpCall) -> Result<u16, String> {
        let answer = self.driver.call(NOW, &Call::Http(call.clone())).expect("an answer");
        check_form(call, &answer).map_err(|why| format!("{why}: {} {}", answer.status, answer.body))?;
        let holds = self.driver.snapshot().expect("a store that can be looked at");
        if answer.status >= 400 && holds != self.held {
            return Err(format!("refused with {} {}, and something has changed", answer.status, answer.body));
        }
        self.held = holds;
        Ok(answer.status)
    }
}

/// Whether an answer has the form that its path promises.
fn check_form(call: &HttpCall, answer: &Answer) -> Result<(), &'static str> {
    if answer.status >= 500 {
        return Err("a fault of the server");
    }
    // An answer to HEAD has no body.
    if call.method == "HEAD" {
        return Ok(());
    }
    let path = call.path.split('?').next().unwrap_or_default();
    if path == "/" && call.method == "POST" {
        return check_envelope(call, answer);
    }
    let body = &answer.body;
    let alone = body.as_object().is_some_and(|fields| fields.len() == 1);
    let error = alone && body["error"].as_str().is_some_and(|why| !why.is_empty());
    let promise = body["id"].is_string() && body["state"].is_string() && body["timeout"].is_u64();
    let fits = match answer.status {
        200 => promise || (body["promises"].is_array() && body.get("cursor").is_some()) || body.is_null(),
        201 | 403 => promise,
        404 => error || body.is_null(),
        _ => error,
    };
    if fits { Ok(()) } else { Err("no answer of the 2023 API") }
}

/// An answer of today's protocol repeats what it can, and has text for data where it refuses, and only there.
fn check_envelope(call: &HttpCall, answer: &Answer) -> Result<(), &'static str> {
    let Answer { status, body } = answer;
    let fields = |value: &Value, names: &[&str]| {
        value
            .as_object()
            .is_some_and(|fields| fields.len() == names.len() && names.iter().all(|name| fields.contains_key(*name)))
    };
    if !fields(body, &["kind", "head", "data"]) || !fields(&body["head"], &["corrId", "status", "version"]) {
        return Err("no envelope");
    }
    if body["head"]["status"] != *status || body["head"]["version"] != "2026-04-01" {
        return Err("a head that says something else");
    }
    if (*status >= 400) != body["data"].as_str().is_some_and(|why| !why.is_empty())
        || (*status < 400) != body["data"].is_object()
    {
        return Err("data that does not go with the status");
    }
    if *status == 413 {
        return Ok(());
    }
    let sent: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let repeats = |sent: &Value, got: &Value, otherwise: &str| match sent.as_str() {
        Some(sent) => got == sent,
        None => got == otherwise || sent.is_null(),
    };
    let echoed = repeats(&sent["kind"], &body["kind"], "unknown")
        && repeats(&sent["head"]["corrId"], &body["head"]["corrId"], "0");
    if echoed { Ok(()) } else { Err("another kind or correlation id") }
}

#[test]
fn nearly_right_requests_are_answered_and_the_refused_ones_change_nothing() {
    let seed = seed("nearly_right_requests");
    let mut rng = Rng::with_seed(seed);
    let mut statuses = BTreeMap::<u16, usize>::new();
    for first in (0..MUTANTS).step_by(MUTANTS_PER_SERVER) {
        let mut subject = Subject::new();
        for number in first..first + MUTANTS_PER_SERVER {
            let call = wounds::mutant(&mut rng);
            let status = subject.meet(&call).unwrap_or_else(|why| {
                let HttpCall { method, path, headers, body } = &call;
                panic!("SEED={seed}, mutant {number}: {why}\n{method} {path} {headers:?}\n{}", body.escape_ascii())
            });
            *statuses.entry(status).or_default() += 1;
        }
    }
    println!("{statuses:?}");
    // The wounds are neither all deadly nor all harmless, and of every sort.
    let seen = [200, 201, 400, 403, 404, 405, 409, 413];
    assert!(seen.iter().all(|status| statuses.contains_key(status)), "SEED={seed}: {statuses:?}");
    let accepted: usize = statuses.range(..400).map(|(_, count)| count).sum();
    assert!((MUTANTS / 10..MUTANTS * 9 / 10).contains(&accepted), "SEED={seed}: {statuses:?}");
}
