//! The module as a host finds it: what it needs, what it has, how it answers to what it cannot do.

use resonate_wasm_driver::{EXPORTS, Failure, Module};

#[test]
fn the_module_imports_nothing() {
    assert_eq!(Module::built().imports(), [""; 0]);
}

#[test]
fn the_module_exports_exactly_what_is_documented() {
    assert_eq!(Module::built().exports(), EXPORTS);
}

#[test]
fn the_readme_lists_every_export() {
    let readme = include_str!("../../../host-wasm/README.md");
    let missing: Vec<_> =
        EXPORTS.iter().filter(|name| name.starts_with("resonate_") && !readme.contains(*name)).collect();
    assert!(missing.is_empty(), "host-wasm/README.md says nothing about {missing:?}");
}

#[test]
fn a_call_that_does_not_fit_is_a_fault_and_the_next_one_is_answered() {
    let mut instance = Module::built().instantiate().expect("an instance");
    let fault = instance.open(b"{\"retryTimeout\":0}").expect_err("no retry timeout");
    let expected = "options: retryTimeout must be at least 1 millisecond".to_owned();
    assert_eq!(fault, Failure::Fault { kind: "bad_input".to_owned(), error: expected });
    assert_eq!(instance.open(b""), Ok(1));
}

#[test]
fn a_trap_tells_what_happened_and_ends_the_instance() {
    let mut instance = Module::built().instantiate().expect("an instance");
    let server = instance.open(b"").expect("a server");
    let trap = instance.room(u32::MAX).expect_err("more than a module may have");
    let Failure::Trap { said } = &trap else { panic!("{trap}") };
    assert!(said.contains("capacity overflow"), "{said}");
    assert_eq!(instance.snapshot(server), Err(trap));
}

#[test]
fn numbers_of_closed_servers_are_given_again() {
    let mut instance = Module::built().instantiate().expect("an instance");
    assert_eq!([(); 3].map(|()| instance.open(b"")), [Ok(1), Ok(2), Ok(3)]);
    assert_eq!(instance.close(2), Ok(()));
    let expected = "server: there is no server 2: resonate_open gives one".to_owned();
    assert_eq!(instance.close(2), Err(Failure::Fault { kind: "bad_input".to_owned(), error: expected }));
    assert_eq!(instance.open(b""), Ok(2));
}

#[test]
fn servers_of_one_instance_know_nothing_of_each_other() {
    let mut instance = Module::built().instantiate().expect("an instance");
    let [one, other] = [(); 2].map(|()| instance.open(b"").expect("a server"));
    let create =
        br#"{"kind":"promise.create","head":{"corrId":"c","version":"2026-04-01"},"data":{"id":"p","timeoutAt":9000}}"#;
    instance.process(one, create, 1_000).expect("an answer");
    assert_eq!(instance.status(one), Ok(200));
    assert_eq!(instance.status(other), Ok(0));
    assert_ne!(instance.snapshot(one), instance.snapshot(other));
}

#[test]
fn the_mailboxes_of_a_connection_are_its_groups_and_its_own() {
    let mut instance = Module::built().instantiate().expect("an instance");
    let mailboxes = instance.mailboxes(br#"["g","w"]"#).expect("two mailboxes");
    let mailboxes: Vec<String> = serde_json::from_slice(&mailboxes).expect("two texts");
    assert_eq!(mailboxes.len(), 2);
    let failure = instance.mailboxes(b"[]").expect_err("no group");
    assert!(matches!(&failure, Failure::Fault { error, .. } if error.starts_with("mailboxes: ")), "{failure}");
}
