//! Web pages of other origins: what browsers are told when they ask, and that nobody is allowed anything where nothing is configured.

use resonate_tests::folder::Folder;

use super::child::{Server, Start};
use super::wire::{Answer, Request};

const PAGE: &str = "https://app.example.com";

/// What the paths of a browser's clients are asked for, with the headers that need leave.
const CALLS: [(&str, &str, &str); 5] = [
    ("/", "POST", "authorization,content-type"),
    ("/promises/foo/create", "POST", "content-type,idempotency-key,strict"),
    ("/promises/foo", "GET", "authorization"),
    ("/promises?q=*", "GET", "authorization"),
    ("/poll/group/worker", "GET", "authorization,cache-control,last-event-id"),
];

fn preflight(server: &Server, page: &str, (path, method, headers): (&str, &str, &str)) -> Answer {
    let request = Request::new("OPTIONS", path)
        .header("Origin", page)
        .header("Access-Control-Request-Method", method)
        .header("Access-Control-Request-Headers", headers);
    server.ask(&request)
}

#[track_caller]
fn allowed(answer: &Answer, page: &str, (path, method, headers): (&str, &str, &str)) {
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    assert_eq!(answer.header("access-control-allow-origin"), Some(page), "{path}");
    let lists = |name: &str| answer.header(name).unwrap_or_default().to_ascii_lowercase();
    assert!(
        lists("access-control-allow-methods").split(',').any(|allowed| allowed.eq_ignore_ascii_case(method)),
        "{path}"
    );
    let allowed = lists("access-control-allow-headers");
    for header in headers.split(',') {
        assert!(allowed.split(',').any(|allowed| allowed == header), "{path}: {header} in {allowed}");
    }
    assert!(answer.header("access-control-max-age").is_some(), "{path}");
}

#[test]
fn without_configuration_no_page_is_told_anything() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    for call in CALLS {
        let answer = preflight(&server, PAGE, call);
        assert!(answer.status >= 400, "{call:?}: {}", answer.status);
        assert_eq!(answer.header("access-control-allow-origin"), None, "{call:?}");
    }
    let answer = server.ask(&Request::get("/health").header("Origin", PAGE));
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, None));
    server.stop();
}

#[test]
fn the_pages_that_are_named_may_call_and_others_may_not() {
    let folder = Folder::new();
    let origins = "https://App.Example.com:443,http://localhost:3000";
    let server = Start::new("serve", &folder).flag("--server-cors-allow-origin", origins).serve();
    for page in [PAGE, "http://localhost:3000"] {
        for call in CALLS {
            allowed(&preflight(&server, page, call), page, call);
        }
        let answer = server.ask(&Request::get("/promises/none").header("Origin", page));
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (404, Some(page)));
        // What a script may read beside the body, and what a cache must tell apart.
        let exposed = answer.header("access-control-expose-headers").unwrap_or_default().to_ascii_lowercase();
        assert!(exposed.contains("retry-after"), "{exposed}");
        let varies = answer.header("vary").unwrap_or_default().to_ascii_lowercase();
        assert!(varies.contains("origin"), "{varies}");
    }
    for page in
        ["https://example.com", "http://app.example.com", "https://app.example.com.evil", "http://localhost", "null"]
    {
        let answer = preflight(&server, page, CALLS[0]);
        assert_eq!(answer.header("access-control-allow-origin"), None, "{page}");
        let answer = server.ask(&Request::get("/health").header("Origin", page));
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, None), "{page}");
    }
    // Who is no browser is served as ever.
    assert_eq!(server.ask(&Request::get("/health")).status, 200);
    assert_eq!(server.log().matches("has no effect").count(), 0, "{}", server.log());
    server.stop();
}

#[test]
fn any_page_may_call_where_it_is_said_so() {
    let folder = Folder::new();
    let server = Start::new("serve", &folder).flag("--server-cors-allow-origin", "*").serve();
    for page in [PAGE, "null"] {
        for call in CALLS {
            allowed(&preflight(&server, page, call), "*", call);
        }
    }
    // Refusals can be read too, or a page would see a failed network where a cure is told.
    let refused = server.ask(&Request::new("POST", "/").header("Origin", PAGE).body(b"{}".to_vec()));
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (400, Some("*")));
    let none = server.ask(&Request::get("/nothing").header("Origin", PAGE));
    assert_eq!((none.status, none.header("access-control-allow-origin")), (404, Some("*")));
    // Cookies and passwords of the page are never asked for.
    assert_eq!(none.header("access-control-allow-credentials"), None);
    server.stop();
}

#[test]
fn what_no_browser_sends_as_an_origin_is_refused() {
    let folder = Folder::new();
    for (origins, cure) in [
        ("example.com", "https://example.com"),
        ("https://example.com/", "write https://example.com,"),
        ("http://localhost:3000,https://example.com/app", "write https://example.com,"),
        ("https://*.example.com", "no patterns"),
        ("*,nowhere", "or * for any"),
    ] {
        let refused = Start::new("serve", &folder).flag("--server-cors-allow-origin", origins).refused();
        refused.says(1, &["server.cors.allow_origins", cure]);
    }
    assert!(!folder.file("resonate.db").exists());
}
