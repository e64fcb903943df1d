use std::collections::BTreeMap;
use std::sync::Arc;

use prost::Message;
use resonate_core::request::{CreatePromise, SettlePromise};
use resonate_core::search::{IdPattern, PromiseOrder, StateFilter};
use tonic::Code;

use super::*;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn at(millis: u64) -> Timestamp {
    Timestamp::try_from(millis).unwrap()
}

fn creation() -> proto::CreatePromiseRequest {
    proto::CreatePromiseRequest {
        id: "foo".into(),
        idempotency_key: "key".into(),
        strict: true,
        param: Some(proto::Value { headers: map(&[("a", "b")]), data: b"\x00\xffhello".to_vec() }),
        timeout: 100,
        tags: map(&[("t", "u")]),
    }
}

fn pending() -> Promise {
    Promise {
        id: id("foo"),
        state: PromiseState::Pending,
        param: Value { headers: Some(map(&[("a", "b")])), data: Some("aGVsbG8=".into()) },
        value: Value::default(),
        tags: map(&[("t", "u")]),
        timeout_at: Timestamp::MAX,
        created_at: at(5),
        settled_at: None,
        create_key: Some("ck".into()),
        complete_key: None,
        has_waiters: false,
    }
}

/// Across the wire and back, as a peer would see it.
fn sent<M: Message + Default>(message: &M) -> M {
    M::decode(message.encode_to_vec().as_slice()).unwrap()
}

#[test]
fn a_creation_keeps_every_field() {
    let request = create(sent(&creation())).unwrap();
    let expected = CreatePromise {
        id: id("foo"),
        timeout_at: at(100),
        param: Value { headers: Some(map(&[("a", "b")])), data: Some("AP9oZWxsbw==".into()) },
        tags: map(&[("t", "u")]),
        key: Some("key".into()),
    };
    assert_eq!(request, Request::CreatePromise(expected));
}

#[test]
fn empty_parts_count_as_absent() {
    let bare = proto::CreatePromiseRequest { id: "foo".into(), ..Default::default() };
    let empty = proto::CreatePromiseRequest { param: Some(proto::Value::default()), ..bare.clone() };
    let expected = CreatePromise {
        id: id("foo"),
        timeout_at: Timestamp::ZERO,
        param: Value::default(),
        tags: map(&[]),
        key: None,
    };
    for message in [bare, empty] {
        assert_eq!(create(sent(&message)).unwrap(), Request::CreatePromise(expected.clone()));
    }
    let expected = SettlePromise { id: id("foo"), verdict: Verdict::Rejected, value: Value::default(), key: None };
    for value in [None, Some(proto::Value::default())] {
        let request = settle(Verdict::Rejected, "foo", "", value).unwrap();
        assert_eq!(request, Request::SettlePromise(expected.clone()));
    }
}

#[test]
fn every_byte_string_comes_back_as_it_was_sent() {
    for data in [b"".as_slice(), b"a", b"aGVsbG8=", b"\0", &[0xff; 7], "\u{e9}".as_bytes()] {
        let value = proto::Value { headers: map(&[]), data: data.to_vec() };
        let kept = parse_value("value", Some(value.clone())).unwrap();
        assert_eq!(sent(&print_value(&kept)), value);
    }
}

#[test]
fn data_that_is_no_base64_goes_out_as_its_bytes() {
    for (data, expected) in [("hello!", "hello!"), ("aGVsbG8=", "hello"), ("aGVsbG8", "aGVsbG8"), ("", "")] {
        let value = Value { headers: None, data: Some(data.into()) };
        assert_eq!(print_value(&value).data, expected.as_bytes(), "{data:?}");
    }
}

#[test]
fn a_promise_shows_every_field() {
    let expected = proto::Promise {
        id: "foo".into(),
        state: proto::State::Pending.into(),
        param: Some(proto::Value { headers: map(&[("a", "b")]), data: b"hello".to_vec() }),
        value: Some(proto::Value::default()),
        timeout: 9_007_199_254_740_991,
        idempotency_key_for_create: "ck".into(),
        idempotency_key_for_complete: String::new(),
        tags: map(&[("t", "u")]),
        created_on: 5,
        completed_on: 0,
    };
    assert_eq!(sent(&print_promise(&pending())), expected);
    let settled = Promise {
        state: PromiseState::RejectedCanceled,
        value: Value { headers: Some(map(&[])), data: Some("eA==".into()) },
        settled_at: Some(at(7)),
        complete_key: Some("dk".into()),
        ..pending()
    };
    let expected = proto::Promise {
        state: proto::State::RejectedCanceled.into(),
        value: Some(proto::Value { headers: map(&[]), data: b"x".to_vec() }),
        idempotency_key_for_complete: "dk".into(),
        completed_on: 7,
        ..expected
    };
    assert_eq!(sent(&print_promise(&settled)), expected);
}

#[test]
fn states_have_the_numbers_of_the_contract() {
    let numbers = PromiseState::ALL.map(|state| print_state(state) as i32);
    assert_eq!(numbers, [0, 1, 2, 4, 3]);
}

#[test]
fn outcomes_travel_in_the_status() {
    let promise = Arc::new(pending());
    let wanting = |key: &str| {
        rest::Terms::of(
            &create(proto::CreatePromiseRequest { idempotency_key: key.into(), ..creation() }).unwrap(),
            true,
        )
    };
    let fresh = Reply::Created { promise: Arc::clone(&promise), fresh: true };
    let known = Reply::Created { promise: Arc::clone(&promise), fresh: false };
    let absent = Reply::Refused(Refusal::NotFound("promise not found"));
    for (terms, reply, status) in [
        (wanting(""), &fresh, proto::Status::Created),
        (wanting("ck"), &known, proto::Status::Ok),
        (wanting("other"), &known, proto::Status::Forbidden),
        (wanting(""), &known, proto::Status::Forbidden),
        (wanting(""), &Reply::Promise(promise), proto::Status::Ok),
        (wanting(""), &absent, proto::Status::Notfound),
    ] {
        let outcome = outcome(terms.status(reply), reply).unwrap();
        assert_eq!(outcome.status, status);
        assert_eq!(outcome.promise.is_none(), status == proto::Status::Notfound);
    }
    let numbers = [proto::Status::Ok, proto::Status::Created, proto::Status::Forbidden, proto::Status::Notfound];
    assert_eq!(numbers.map(|status| status as i32), [200, 201, 403, 404]);
}

#[test]
fn replies_that_no_response_can_carry_are_errors() {
    let refused =
        outcome(rest::Status::Invalid, &Reply::Refused(Refusal::Invalid("'tags' do not fit".into()))).unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, "'tags' do not fit"));
    assert_eq!(outcome(rest::Status::Ok, &Reply::Done).unwrap_err().code(), Code::Internal);
    let query = search(&proto::SearchPromisesRequest { q: "*".into(), ..Default::default() }).unwrap();
    assert_eq!(page(&query, &Reply::Done).unwrap_err().code(), Code::Internal);
}

#[test]
fn bad_input_names_the_field() {
    let too_long = "x".repeat(1025);
    let nul = |text: &str| map(&[(text, "")]);
    for (change, field) in [
        (proto::CreatePromiseRequest { id: String::new(), ..creation() }, "'id'"),
        (proto::CreatePromiseRequest { id: too_long, ..creation() }, "'id'"),
        (proto::CreatePromiseRequest { id: "a\0b".into(), ..creation() }, "'id'"),
        (proto::CreatePromiseRequest { idempotency_key: "\0".into(), ..creation() }, "'idempotencyKey'"),
        (proto::CreatePromiseRequest { timeout: -1, ..creation() }, "'timeout'"),
        (proto::CreatePromiseRequest { timeout: 1 << 53, ..creation() }, "'timeout'"),
        (proto::CreatePromiseRequest { timeout: i64::MIN, ..creation() }, "'timeout'"),
        (proto::CreatePromiseRequest { tags: nul("\0"), ..creation() }, "'tags'"),
        (
            proto::CreatePromiseRequest {
                param: Some(proto::Value { headers: nul("a\0"), data: vec![] }),
                ..creation()
            },
            "'param.headers'",
        ),
    ] {
        let error = create(change).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{error}");
        assert!(error.message().starts_with(field), "{error}");
    }
    let headers = proto::Value { headers: nul("\0"), data: vec![] };
    for (error, field) in [
        (read(&proto::ReadPromiseRequest::default()).unwrap_err(), "'id'"),
        (settle(Verdict::Resolved, "", "", None).unwrap_err(), "'id'"),
        (settle(Verdict::Resolved, "foo", "a\0", None).unwrap_err(), "'idempotencyKey'"),
        (settle(Verdict::Resolved, "foo", "", Some(headers)).unwrap_err(), "'value.headers'"),
    ] {
        assert_eq!(error.code(), Code::InvalidArgument, "{error}");
        assert!(error.message().starts_with(field), "{error}");
    }
}

#[test]
fn a_search_reads_pattern_state_and_limit() {
    let query = proto::SearchPromisesRequest { q: "a*".into(), ..Default::default() };
    let expected = SearchPromises {
        pattern: Some(IdPattern::new("a*")),
        prefix: None,
        state: None,
        tags: map(&[]),
        order: PromiseOrder::Newest { after: None },
        limit: 100,
    };
    for (limit, page) in [(0, 100), (-1, 100), (i32::MIN, 100), (1, 1), (100, 100), (101, 100), (i32::MAX, 100)] {
        let query = proto::SearchPromisesRequest { limit, ..query.clone() };
        assert_eq!(search(&query).unwrap(), SearchPromises { limit: page, ..expected.clone() }, "{limit}");
    }
    for (state, wanted) in [
        (0, None),
        (1, Some(StateFilter::Only(PromiseState::Pending))),
        (2, Some(StateFilter::Only(PromiseState::Resolved))),
        (3, Some(StateFilter::AnyRejected)),
    ] {
        let query = proto::SearchPromisesRequest { state, ..query.clone() };
        assert_eq!(search(&query).unwrap(), SearchPromises { state: wanted, ..expected.clone() }, "{state}");
    }
}

#[test]
fn a_search_that_does_not_fit_names_the_field() {
    let query = proto::SearchPromisesRequest { q: "*".into(), ..Default::default() };
    for (change, field) in [
        (proto::SearchPromisesRequest { q: String::new(), ..query.clone() }, "'q'"),
        (proto::SearchPromisesRequest { state: 4, ..query.clone() }, "'state'"),
        (proto::SearchPromisesRequest { state: -1, ..query.clone() }, "'state'"),
        (proto::SearchPromisesRequest { cursor: "bogus".into(), ..query }, "'cursor'"),
    ] {
        let error = search(&change).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{error}");
        assert!(error.message().starts_with(field), "{error}");
    }
}

#[test]
fn a_cursor_stands_for_the_whole_query() {
    let first = search(&proto::SearchPromisesRequest { q: "f*".into(), state: 1, limit: 1, ..Default::default() });
    let first = first.unwrap();
    let promises = vec![Arc::new(pending())];
    let response = page(&first, &Reply::Promises { promises: promises.clone(), more: true }).unwrap();
    assert_eq!((response.status, response.promises.len()), (200, 1));
    let next = search(&proto::SearchPromisesRequest { cursor: response.cursor, ..Default::default() }).unwrap();
    let order = PromiseOrder::Newest { after: Some((at(5), id("foo"))) };
    assert_eq!(next, SearchPromises { order, ..first });
    let last = page(&next, &Reply::Promises { promises, more: false }).unwrap();
    assert_eq!(last.cursor, "");
    let none = page(&next, &Reply::Promises { promises: vec![], more: false }).unwrap();
    assert_eq!((none.cursor.as_str(), none.promises.len()), ("", 0));
}
