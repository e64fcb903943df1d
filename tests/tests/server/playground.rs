//! The playground: its files as a browser meets them, and what a server without them says.

use std::path::PathBuf;

use resonate_tests::folder::Folder;

use super::child::{Server, Start};
use super::tokens::guarded;
use super::wire::Request;

const PAGE: &str = "<!doctype html><title>Playground</title>";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// A playground of our own, and beside it what it must not show.
fn playground(folder: &Folder) -> PathBuf {
    let files = folder.file("files");
    let put = |name: &str, bytes: &[u8]| {
        let path = files.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    };
    put("index.html", PAGE.as_bytes());
    put("core.wasm", MODULE);
    put("core.wasm.gz", b"as small as it gets");
    put("style/page.css", b"body {}");
    put("page.js", b"export {}");
    put("../secret.txt", b"secret");
    files
}

fn serve(folder: &Folder) -> Server {
    let files = playground(folder);
    Start::new("serve", folder).flag("--server-playground-dir", files.to_str().expect("UTF-8")).serve()
}

#[test]
fn every_file_comes_as_what_it_is_and_under_a_strict_policy() {
    let folder = Folder::new();
    let server = serve(&folder);
    for (path, kind, bytes) in [
        ("/playground/", "text/html", PAGE.as_bytes()),
        ("/playground/index.html", "text/html", PAGE.as_bytes()),
        ("/playground/core.wasm", "application/wasm", MODULE),
        ("/playground/page.js", "text/javascript", b"export {}"),
        ("/playground/style/page.css?v=1", "text/css", b"body {}"),
    ] {
        let answer = server.ask(&Request::get(path));
        assert_eq!((answer.status, &*answer.body), (200, bytes), "{path}");
        let given = answer.header("content-type").unwrap_or_default();
        assert_eq!(given.split(';').next(), Some(kind), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{path}");
        let policy = answer.header("content-security-policy").expect("a policy");
        let rules: Vec<&str> = policy.split("; ").collect();
        assert!(rules.contains(&"default-src 'none'"), "{policy}");
        assert!(rules.contains(&"script-src 'self' 'wasm-unsafe-eval'"), "{policy}");
        assert!(!policy.contains("inline") && !policy.contains("'unsafe-eval'"), "{policy}");
    }
    let head = server.ask(&Request::new("HEAD", "/playground/core.wasm"));
    assert_eq!((head.status, head.header("content-length")), (200, Some("8")));
    server.stop();
}

#[test]
fn the_way_to_the_page_ends_with_a_slash() {
    let folder = Folder::new();
    let server = serve(&folder);
    let answer = server.ask(&Request::get("/playground"));
    assert_eq!((answer.status, answer.header("location")), (307, Some("playground/")));
    let below = server.ask(&Request::get("/playground/style"));
    assert_eq!((below.status, below.header("location")), (307, Some("/playground/style/")));
    server.stop();
}

#[test]
fn who_has_a_file_already_is_told_so_until_it_changes() {
    let folder = Folder::new();
    let server = serve(&folder);
    let tag = |path: &str| server.ask(&Request::get(path)).header("etag").expect("a tag").to_owned();
    let first = tag("/playground/page.js");
    let again = server.ask(&Request::get("/playground/page.js").header("If-None-Match", &first));
    assert_eq!((again.status, again.body.len()), (304, 0));
    std::fs::write(folder.file("files").join("page.js"), "export default 1").expect("a file");
    let changed = server.ask(&Request::get("/playground/page.js").header("If-None-Match", &first));
    assert_eq!((changed.status, changed.text().as_str()), (200, "export default 1"));
    assert_ne!(tag("/playground/page.js"), first);
    server.stop();
}

#[test]
fn who_can_unpack_gets_what_is_packed() {
    let folder = Folder::new();
    let server = serve(&folder);
    let packed = server.ask(&Request::get("/playground/core.wasm").header("Accept-Encoding", "br, gzip"));
    assert_eq!((packed.status, packed.text().as_str()), (200, "as small as it gets"));
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(packed.header("content-type"), Some("application/wasm"));
    for path in ["/playground/core.wasm", "/playground/page.js"] {
        let plain = server.ask(&Request::get(path).header("Accept-Encoding", "gzip;q=0, br"));
        assert_eq!((plain.status, plain.header("content-encoding")), (200, None), "{path}");
        assert!(plain.header("vary").is_some_and(|varies| varies.eq_ignore_ascii_case("accept-encoding")), "{path}");
    }
    let unpacked = server.ask(&Request::get("/playground/page.js").header("Accept-Encoding", "gzip"));
    assert_eq!((unpacked.status, unpacked.text().as_str()), (200, "export {}"));
    server.stop();
}

#[test]
fn nothing_beside_the_folder_can_be_read() {
    let folder = Folder::new();
    let server = serve(&folder);
    for path in [
        "/playground/../secret.txt",
        "/playground/%2e%2e/secret.txt",
        "/playground/..%2fsecret.txt",
        "/playground/style/../../secret.txt",
        "/playground/style/%2e%2e%2f%2e%2e%2fsecret.txt",
        "/playground/..%5csecret.txt",
        "/playground//etc/passwd",
        "/playground/%2fetc%2fpasswd",
        "/playground/index.html%00",
        "/playground/index.html/",
        "/playground/none.js",
        "/playgroundfiles",
    ] {
        let answer = server.ask(&Request::get(path));
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        assert!(answer.json()["error"].as_str().is_some_and(|why| why.starts_with("there is nothing at /")), "{path}");
    }
    for path in ["/playground", "/playground/", "/playground/page.js", "/playground/none.js"] {
        let answer = server.ask(&Request::new("POST", path));
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET,HEAD")), "{path}");
    }
    server.stop();
}

#[test]
fn the_files_need_no_token_and_what_they_ask_for_does() {
    let folder = Folder::new();
    let files = playground(&folder);
    let server = guarded(&folder).flag("--server-playground-dir", files.to_str().expect("UTF-8")).serve();
    assert_eq!(server.ask(&Request::get("/playground/")).status, 200);
    assert_eq!(server.ask(&Request::get("/promises/playground")).status, 401);
    server.stop();
}

#[test]
fn a_server_without_a_playground_says_how_to_come_by_one() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    for path in ["/playground", "/playground/", "/playground/core.wasm", "/playground/a/b"] {
        let answer = server.ask(&Request::get(path));
        assert_eq!(answer.status, 404, "{path}");
        let why = answer.json()["error"].as_str().expect("a text").to_owned();
        for cure in ["make playground", "--server-playground-dir target/playground", "make dist"] {
            assert!(why.contains(cure), "{path}: {why}");
        }
    }
    server.stop();
}

#[test]
fn a_folder_without_a_page_is_refused_at_the_start() {
    let folder = Folder::new();
    let files = playground(&folder);
    let inside = files.join("style");
    let file = files.join("index.html");
    for (given, why) in [
        ("nowhere", "\"nowhere\" is no folder that can be read"),
        (inside.to_str().expect("UTF-8"), "has no index.html"),
        (file.to_str().expect("UTF-8"), "is no folder that can be read"),
    ] {
        let refused = Start::new("serve", &folder).flag("--server-playground-dir", given).refused();
        refused.says(1, &["server.playground_dir", why, "make playground"]);
    }
    assert!(!folder.file("resonate.db").exists(), "nothing else was begun");
}
