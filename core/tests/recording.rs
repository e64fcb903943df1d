//! Recordings: what was recorded is read back, replays without a difference, redacted or not; a doctored answer is found at its line, and a
//! corrupt line is named.

mod support;

use std::collections::BTreeSet;

use resonate_core::local::{Happened, Local};
use resonate_core::memory::MemoryStore;
use resonate_core::promise::Tags;
use resonate_core::recording::{
    Applied, Corrupt, Difference, Entry, Header, Line, REDACTED_BYTES_MIN, Redaction, Replay, Step, Why, print_entry,
    print_reset,
};
use resonate_core::request::{CreatePromise, Request};
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_core::value::Value;

use support::generator::Generator;
use support::{at, id, seed};

/// A hash that tells texts apart, and does not show them.
fn hash(text: &str) -> String {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("{state:016x}")
}

/// A recording of a random history: some requests before it, so that it does not begin with nothing.
fn recorded(seed: u64, redact: bool) -> (String, BTreeSet<&'static str>) {
    let mut generator = Generator::new(seed);
    let rules = generator.rules();
    let mut local = Local::new(MemoryStore::new(), rules.clone(), true);
    let mut kinds = BTreeSet::new();
    let step = |local: &mut Local<MemoryStore>, generator: &mut Generator| {
        let now = generator.tick();
        let state = local.store().snapshot();
        let requests: Vec<Request> = (0..generator.rng.usize(1..4)).map(|_| generator.request(&state)).collect();
        local.run(&requests, now).expect("a store in memory does not fail");
        if generator.chance(10) {
            local.tick(now).expect("a store in memory does not fail");
        }
        now
    };
    for _ in 0..50 {
        step(&mut local, &mut generator);
    }
    let now = step(&mut local, &mut generator);
    let header = Header::new("test", now, rules, local.store().snapshot());
    local.watch();
    for round in 0..150 {
        step(&mut local, &mut generator);
        if round == 100 {
            local.reset().expect("a store in memory does not fail");
        }
    }
    let mut hash = hash;
    let mut redaction = Redaction::new(&mut hash);
    let mut text = if redact { redaction.header(&header) } else { header }.print() + "\n";
    for happened in local.take_log() {
        let line = match &happened {
            Happened::Answered { now, request, reply } if redact => {
                print_entry(*now, &redaction.request(request), &redaction.reply(reply))
            }
            Happened::Answered { .. } | Happened::Emptied { .. } => Line::of(&happened).print(),
        };
        if let Happened::Answered { request, .. } = &happened {
            kinds.insert(request.kind());
        }
        text += &(line + "\n");
    }
    (text, kinds)
}

/// Replays everything; the first difference.
fn replay(text: &[u8]) -> Result<Option<Difference>, Corrupt> {
    let mut replay = Replay::new();
    let mut found = None;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        match replay.line(line)? {
            Step::Applied(applied) => found = found.or(applied.difference),
            Step::Began(_) | Step::Reset { .. } => {}
        }
    }
    replay.end().map(|()| found)
}

#[test]
fn random_histories_replay_without_a_difference_plain_and_redacted() {
    let mut rng = fastrand::Rng::with_seed(seed("random_histories_replay"));
    let mut kinds = BTreeSet::new();
    for _ in 0..150 {
        let seed = rng.u64(..);
        for redact in [false, true] {
            let (text, reached) = recorded(seed, redact);
            kinds.extend(reached);
            assert_eq!(replay(text.as_bytes()), Ok(None), "history {seed}, redacted: {redact}");
            // What the generator hides in values and keys.
            for secret in ["a longer payload", "\"k1\"", "\"k2\"", "\"h\":\"v\"", "\"data\":\"x\""] {
                assert_eq!(redact, !text.contains(secret), "history {seed}: {secret}");
            }
        }
    }
    assert_eq!(kinds, BTreeSet::from(Request::KINDS), "every kind of request was recorded");
}

#[test]
fn every_request_is_of_a_known_kind_and_clients_are_told_from_the_background() {
    let mut generator = Generator::new(1);
    let mut seen = BTreeSet::new();
    for _ in 0..3_000 {
        let request = generator.request(&Snapshot::default());
        seen.insert(request.kind());
        assert!(Request::KINDS.contains(&request.kind()), "{}", request.kind());
        assert_eq!(request.is_background(), request.kind().starts_with("internal."), "{}", request.kind());
        assert!(request.is_background() || request.due_kind().is_none(), "{}", request.kind());
    }
    assert_eq!(seen, BTreeSet::from(Request::KINDS));
}

fn create(of: &str, data: &str, tags: &[(&str, &str)]) -> Request {
    let headers = Some(Tags::from([("trace".to_owned(), data.to_owned())]));
    Request::CreatePromise(CreatePromise {
        id: id(of),
        timeout_at: at(9_000),
        param: Value { headers, data: Some(data.to_owned()) },
        tags: tags.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
        key: Some(data.to_owned()),
    })
}

fn header(snapshot: Snapshot) -> Header {
    Header::new("test", at(1_000), Rules::default(), snapshot)
}

/// A recording of three creations and a reset, as lines.
fn small() -> Vec<String> {
    let mut store = MemoryStore::new();
    let mut lines = vec![header(store.snapshot()).print()];
    for (number, of) in ["foo", "bar", "foo"].into_iter().enumerate() {
        let now = Timestamp::saturating(1_001 + number as u64);
        let request = create(of, "x", &[]);
        let decision = store.apply(&Rules::default(), &request, now);
        lines.push(print_entry(now, &request, &decision.reply));
    }
    lines.push(print_reset(at(1_004)));
    lines
}

fn joined(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn lines_are_read_as_they_were_written() {
    for line in small() {
        let parsed = Line::parse(line.as_bytes()).expect("a line");
        assert_eq!(parsed.print().len(), line.len(), "fields may change places");
        assert_eq!(Line::parse(parsed.print().as_bytes()), Ok(parsed));
    }
}

#[test]
fn a_recording_begins_with_the_state_at_its_start() {
    let (text, _) = recorded(7, false);
    let first = text.lines().next().expect("a line");
    let Ok(Line::Header(header)) = Line::parse(first.as_bytes()) else { panic!("not a header: {first}") };
    assert!(!header.snapshot.promises.is_empty());
    let mut replay = Replay::new();
    assert!(matches!(replay.line(first.as_bytes()), Ok(Step::Began(began)) if began == header));
    assert_eq!(replay.store().expect("a store").snapshot(), header.snapshot);
    assert_eq!((replay.rules(), replay.lines()), (Some(&header.rules), 1));
}

#[test]
fn an_answer_that_was_changed_is_found_at_its_line_and_place() {
    let mut lines = small();
    let doctored = lines[2].replace(r#""state":"pending""#, r#""state":"resolved""#);
    assert_ne!(doctored, lines[2]);
    lines[2] = doctored;
    let found = replay(joined(&lines).as_bytes()).expect("no line is corrupt").expect("a difference");
    assert_eq!(
        found.to_string(),
        "line 3: promise.create at 1002: res.created.promise.state: recorded \"resolved\", replayed \"pending\""
    );
    lines[2] = lines[2].replace(r#""state":"resolved""#, r#""state":"pending","extra":[1]"#);
    let found = replay(joined(&lines).as_bytes()).expect("no line is corrupt").expect("a difference");
    assert_eq!((found.path.as_str(), found.replayed), ("res.created.promise.extra", None));
}

#[test]
fn a_request_that_is_missing_is_noticed_at_the_first_answer_that_shows_it() {
    let mut lines = small();
    lines.remove(1);
    let found = replay(joined(&lines).as_bytes()).expect("no line is corrupt").expect("a difference");
    assert_eq!((found.line, found.path.as_str()), (3, "res.created.fresh"));
}

#[test]
fn a_header_begins_anew_so_that_recordings_one_behind_another_are_one() {
    let twice = joined(&small()).repeat(2);
    assert_eq!(replay(twice.as_bytes()), Ok(None));
}

#[test]
fn what_a_step_came_to_is_shown() {
    let mut replay = Replay::new();
    let mut steps = small().into_iter().map(|line| replay.line(line.as_bytes()).expect("a step")).collect::<Vec<_>>();
    assert_eq!(steps.pop(), Some(Step::Reset { now: at(1_004) }));
    assert_eq!(replay.store().expect("a store").snapshot(), Snapshot::default());
    let Some(Step::Applied(applied)) = steps.get(1) else { panic!("not an entry: {steps:?}") };
    let Applied { entry: Entry { now, request, .. }, decision, difference } = &**applied;
    assert_eq!((*now, request.kind(), decision.writes.len(), difference), (at(1_001), "promise.create", 1, &None));
}

/// The complaint about a recording.
fn complaint(text: &[u8]) -> String {
    replay(text).expect_err("a corrupt line").to_string()
}

#[test]
fn a_corrupt_line_is_named_with_what_is_wrong() {
    let lines = small();
    let second = |text: &str| complaint(format!("{}\n{text}\n{}\n", lines[0], lines[1]).as_bytes());
    let first = |text: &str| complaint(format!("{text}\n{}\n", lines[1]).as_bytes());
    assert_eq!(complaint(b""), "line 1: there is none: the recording is empty");
    assert!(complaint(lines[1].as_bytes()).starts_with("line 1: a recording begins with a line of kind 'recording'"));
    assert!(second("hello").starts_with("line 2: is not JSON: expected value (column 1)"), "{}", second("hello"));
    assert!(second("").starts_with("line 2: is not JSON"));
    assert_eq!(second("[1]"), "line 2: invalid type: integer `1`, expected a string (column 2)");
    assert_eq!(second(r#"["promise.get"]"#), "line 2: must be a JSON object");
    assert_eq!(second("{}"), "line 2: missing field `kind` (column 2)");
    assert_eq!(second(r#"{"kind":"promise.gett"}"#), "line 2: unknown kind 'promise.gett'");
    let get = r#"{"kind":"KIND","now":NOW,"req":{"kind":"get_promise","id":"foo"},"res":"idle"}"#;
    let get = |kind: &str, now: &str| second(&get.replace("KIND", kind).replace("NOW", now));
    assert_eq!(
        get("task.get", "1"),
        "line 2: kind 'task.get' is not that of the request in 'req', which is 'promise.get'"
    );
    assert!(
        get("promise.get", "9007199254740992").starts_with("line 2: now: invalid value"),
        "{}",
        get("promise.get", "9007199254740992")
    );
    assert!(get("promise.get", "-1").starts_with("line 2: now: invalid type"));
    assert!(
        second(r#"{"kind":"promise.get","now":1,"req":{"kind":"get_promise","id":""},"res":"idle"}"#)
            .starts_with("line 2: req: must not be empty")
    );
    assert!(
        second(r#"{"kind":"promise.get","now":1,"req":{"kind":"get_promise","id":"x"}}"#)
            .starts_with("line 2: missing field `res`")
    );
    assert!(second(r#"{"kind":"debug.reset"}"#).starts_with("line 2: missing field `now`"));
    assert_eq!(
        first(&lines[0].replace("\"version\":1", "\"version\":2")),
        "line 1: the recording has version 2 of the format; this program reads version 1"
    );
    assert!(
        first(&lines[0].replace("5000", "0")).starts_with("line 1: the rules contradict "),
        "{}",
        first(&lines[0].replace("5000", "0"))
    );
    assert!(
        first(&lines[0].replace("\"callbacks\":[]", "\"callbacks\":[[\"a\",\"b\"]]"))
            .starts_with("line 1: the snapshot contradicts ")
    );
    assert!(
        first(&lines[0].replace("\"callbacks\":[]", "\"callbacks\":7"))
            .starts_with("line 1: snapshot.callbacks: invalid type")
    );
}

#[test]
fn bytes_that_are_no_text_are_named() {
    let lines = small();
    let mut text = joined(&lines[..2]).into_bytes();
    text.extend(b"{\"kind\":\"\xff\"}\n");
    assert_eq!(complaint(&text), "line 3: is not UTF-8");
}

#[test]
fn a_last_line_that_is_cut_off_anywhere_is_told_from_a_corrupt_one() {
    let mut lines = small();
    let now = at(1_005);
    let request = create("baz", "hütte", &[]);
    let decision = MemoryStore::new().apply(&Rules::default(), &request, now);
    let whole = joined(&lines);
    lines.push(print_entry(now, &request, &decision.reply));
    let last = lines.pop().expect("a line");
    for cut in 1..last.len() {
        let mut text = whole.clone().into_bytes();
        text.extend(&last.as_bytes()[..cut]);
        assert_eq!(replay(&text), Err(Corrupt { line: 6, why: Why::Torn }), "cut at {cut}");
        text.push(b'\n');
        assert_ne!(replay(&text), Err(Corrupt { line: 6, why: Why::Torn }), "an ended line was not cut off");
        assert!(replay(&text).is_err());
    }
    // Cut off between the line and its line feed it is whole.
    assert_eq!(replay((whole + &last).as_bytes()), Ok(None));
}

#[test]
fn redaction_hides_values_and_keeps_what_the_machine_reads() {
    let long = "a text of more than sixteen bytes";
    let request =
        create("foo", long, &[("resonate:target", "poll://any@g"), ("team", long), ("short", "s"), ("none", "")]);
    let mut hash = hash;
    let mut redaction = Redaction::new(&mut hash);
    let Request::CreatePromise(CreatePromise { id, param, tags, key, .. }) = redaction.request(&request) else {
        panic!("the request became another one");
    };
    let token = redaction.token(long);
    assert_eq!((id.as_str(), token.len(), key.as_ref()), ("foo", long.len(), Some(&token)));
    assert_eq!((param.data.as_ref(), &param.headers.expect("headers")["trace"]), (Some(&token), &token));
    assert_eq!((tags["resonate:target"].as_str(), &tags["team"], tags["none"].as_str()), ("poll://any@g", &token, ""));
    assert_eq!(tags["short"].len(), REDACTED_BYTES_MIN);
    assert_ne!(redaction.token("t"), tags["short"]);

    let mut store = MemoryStore::new();
    store.apply(&Rules::default(), &request, at(1_001));
    let header = redaction.header(&header(store.snapshot()));
    assert!(header.redacted && !header.print().contains(long) && header.print().contains(&token));
}

/// Something else in the place of a number, a state, a byte or a line.
fn wounded(lines: &mut Vec<String>, rng: &mut fastrand::Rng) {
    // The header holds most.
    let place = if rng.u8(..3) == 0 { 0 } else { rng.usize(..lines.len()) };
    let line = &mut lines[place];
    match rng.u8(..10) {
        0..5 => {
            let starts = line.match_indices(|c: char| c.is_ascii_digit()).map(|(at, _)| at).collect::<Vec<_>>();
            let at = starts[rng.usize(..starts.len())];
            let end = line[at..].find(|c: char| !c.is_ascii_digit()).map_or(line.len(), |length| at + length);
            let number = [0, 1, 2, 1_767_225_600_500, (1 << 53) - 1, 1 << 53, u64::MAX];
            line.replace_range(at..end, &number[rng.usize(..number.len())].to_string());
        }
        5..8 => {
            let words =
                ["pending", "resolved", "acquired", "suspended", "fulfilled", "halted", "true", "false", "null"];
            let mut word = || words[rng.usize(..words.len())];
            let (from, to) = (word(), word());
            *line = line.replacen(from, to, 1);
        }
        8 => {
            let at = rng.usize(..line.len());
            if line.is_char_boundary(at) && line.is_char_boundary(at + 1) {
                line.replace_range(at..=at, ["", "\"", "{", "0", "\u{0}"][rng.usize(..5)]);
            }
        }
        _ => drop(lines.remove(place)),
    }
}

#[test]
fn a_recording_that_is_nearly_right_is_refused_or_differs_and_never_panics() {
    let mut rng = fastrand::Rng::with_seed(seed("a_recording_that_is_nearly_right"));
    let (mut corrupt, mut different) = (0, 0);
    for _ in 0..15 {
        let seed = rng.u64(..);
        let (text, _) = recorded(seed, false);
        for _ in 0..80 {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            wounded(&mut lines, &mut rng);
            match replay(joined(&lines).as_bytes()) {
                Err(_) => corrupt += 1,
                Ok(Some(_)) => different += 1,
                Ok(None) => {}
            }
        }
    }
    assert!(corrupt > 100 && different > 100, "{corrupt} corrupt, {different} different");
}
