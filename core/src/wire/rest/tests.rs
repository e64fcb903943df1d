//! Routes: what goes where, in which order a call is checked, and what the refusals say.

use super::{Asked, Input, Misrouted, Route};
use crate::request::{Request, Verdict};

fn refused(method: &str, path: &str) -> (u16, Option<&'static str>, String) {
    let why = Route::of(method, path).expect_err("a call that goes nowhere");
    (why.status(), why.allow(), why.to_string())
}

#[test]
fn every_route_is_known_by_method_and_path() {
    assert_eq!(Route::of("GET", "/promises"), Ok(Route::Search));
    assert_eq!(Route::of("GET", "/promises/a%2Fb"), Ok(Route::Get { id: "a/b".into() }));
    assert_eq!(Route::of("POST", "/promises/a/create"), Ok(Route::Create { id: "a".into() }));
    for (verb, verdict) in
        [("resolve", Verdict::Resolved), ("reject", Verdict::Rejected), ("cancel", Verdict::RejectedCanceled)]
    {
        let path = format!("/promises/a%20b/{verb}");
        assert_eq!(Route::of("POST", &path), Ok(Route::Settle { id: "a b".into(), verdict }));
    }
}

#[test]
fn a_path_without_anything_is_told_from_a_verb_that_is_none() {
    for path in ["/", "", "/promise", "/promisesx", "promises", "/%70romises"] {
        assert_eq!(refused("GET", path), (404, None, format!("there is nothing at {path}")));
    }
    for path in
        ["/promises/a/", "/promises/a/creates", "/promises/a/create/", "/promises/a/b/resolve", "/promises/a/Create"]
    {
        let (status, allow, why) = refused("POST", path);
        assert_eq!((status, allow), (404, None), "{path}");
        assert!(why.ends_with("write a slash inside an id as %2F"), "{path}: {why}");
    }
}

#[test]
fn the_id_is_checked_before_the_verb_and_the_verb_before_the_method() {
    let bad_id = (400, None, "'id' must be percent-encoded UTF-8".to_owned());
    assert_eq!(refused("DELETE", "/promises/%ff"), bad_id);
    assert_eq!(refused("DELETE", "/promises/%ff/nothing"), bad_id);
    assert_eq!(Route::of("DELETE", "/promises/a/nothing"), Err(Misrouted::NoVerb));
    let get = |method: &str| (405, Some("GET"), format!("{method} does not go here: use GET"));
    assert_eq!(refused("HEAD", "/promises"), get("HEAD"));
    assert_eq!(refused("get", "/promises/a"), get("get"));
    assert_eq!(refused("GET", "/promises/a/create"), (405, Some("POST"), "GET does not go here: use POST".to_owned()));
}

#[test]
fn an_empty_id_is_a_route_and_no_promise() {
    let route = Route::of("GET", "/promises/").expect("a route");
    assert_eq!(route, Route::Get { id: "".into() });
    let why = route.parse(&Input::default()).expect_err("an id that is none");
    assert!(why.0.starts_with("'id'"), "{why}");
}

#[test]
fn a_query_is_decoded_once_and_strictly() {
    let ask = |query| Route::Search.parse(&Input { query, ..Input::default() });
    let Ok(Asked { request: Request::SearchPromises(search), strict: false }) = ask("&q=a%2B+b%25%2A&&limit=7") else {
        panic!("a search");
    };
    let wanted = ask("limit=7&q=a%2B%20b%25*").expect("a search");
    assert_eq!(wanted.request, Request::SearchPromises(search.clone()));
    assert_eq!(search.limit, 7);
    assert_eq!(search.pattern, Some(crate::search::IdPattern::new("a+ b%*")));
    for (query, why) in [
        ("q=%ff", "'query' must be percent-encoded UTF-8"),
        ("q=a&q=b", "'q' is given twice"),
        ("p=a", "unknown query parameter 'p': known are q, state, limit, cursor"),
        ("", "'q' is required: an id, or a pattern such as 'order-*'"),
    ] {
        assert_eq!(ask(query).expect_err(query).0, why);
    }
}

#[test]
fn a_route_reads_only_what_belongs_to_it() {
    let input = Input { query: "p=%ff", key: Some("k"), strict: Some("perhaps"), body: b"no JSON" };
    let get = Route::Get { id: "a".into() };
    assert!(matches!(get.parse(&input), Ok(Asked { request: Request::GetPromise { .. }, strict: false })));
    let create = Route::Create { id: "".into() };
    let why = create.parse(&input).expect_err("bad input");
    assert_eq!(why.0, "'Strict' must be true or false, not \"perhaps\"", "strict comes before id and body");
    let settle = Route::Settle { id: "a".into(), verdict: Verdict::Resolved };
    let Asked { request, strict } =
        settle.parse(&Input { key: Some("k"), strict: Some("T"), ..Input::default() }).expect("a settlement");
    assert!(strict);
    assert!(matches!(request, Request::SettlePromise(settle) if settle.key.as_deref() == Some("k")));
}
