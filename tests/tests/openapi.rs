//! The OpenAPI document against the server: every answer that the decision tables provoke is one that the document describes, and every request
//! that is accepted is one that it allows.

mod contract;

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_tests::driver::{Answer, Call, Dials, Driver};
use resonate_tests::drivers::{Kind, http_call};
use resonate_tests::table;
use serde_json::{Value, json};

use contract::Contract;

/// The server through HTTP, with somebody who reads along.
struct Witnessed {
    inner: Box<dyn Driver>,
    contract: Rc<RefCell<Contract>>,
}

impl Driver for Witnessed {
    fn call(&mut self, now: Timestamp, call: &Call) -> Option<Answer> {
        let answer = self.inner.call(now, call)?;
        if let Some(call) = http_call(call) {
            self.contract.borrow_mut().witness(&call, &answer);
        }
        Some(answer)
    }

    fn snapshot(&mut self) -> Option<Snapshot> {
        self.inner.snapshot()
    }
}

#[test]
fn every_answer_of_the_tables_is_described() {
    let contract = Rc::new(RefCell::new(Contract::load()));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tables");
    let mut tables: Vec<_> =
        std::fs::read_dir(folder).expect("the tables").map(|entry| entry.expect("an entry").path()).collect();
    tables.sort();
    for path in tables {
        table::run_with(&path, Kind::Http, &mut |dials: Dials| {
            Box::new(Witnessed { inner: Kind::Http.open(dials), contract: Rc::clone(&contract) })
        });
    }
    contract.borrow().conclude();
}

#[test]
fn an_answer_or_a_request_that_is_not_described_is_noticed() {
    let body = br#"{"kind":"promise.get","head":{"corrId":"c","version":"2026-04-01"},"data":{"id":"a"}}"#;
    let call = http_call(&Call::Envelope(body.to_vec())).expect("a request of HTTP");
    let promise =
        json!({"id": "a", "state": "pending", "param": {}, "value": {}, "tags": {}, "timeoutAt": 9, "createdAt": 1});
    let head = |status: u16| json!({"corrId": "c", "status": status, "version": "2026-04-01"});
    let fits = json!({"kind": "promise.get", "head": head(200), "data": {"promise": promise}});
    let with = |pointer: &str, value: Value| {
        let mut answer = fits.clone();
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        answer.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object").insert(name.to_owned(), value);
        answer
    };
    let notices = |status, body| {
        let mut contract = Contract::load();
        contract.witness(&call, &Answer { status, body });
        contract.has_failures()
    };
    assert!(!notices(200, fits.clone()));
    for (status, body) in [
        (200, with("/data/promise/state", json!("done"))),
        (200, with("/data/promise/settledAt", Value::Null)),
        (200, with("/data/promise/key", json!("k"))),
        (200, with("/data/more", json!(1))),
        (200, with("/head/status", json!(201))),
        (200, with("/kind", json!("task.get"))),
        (200, Value::Null),
        (201, fits.clone()),
        (404, with("/head", head(404))),
    ] {
        assert!(notices(status, body.clone()), "{status} {body}");
    }
    let accepted = http_call(&Call::Envelope(b"{\"kind\":\"promise.get\"}".to_vec())).expect("a request of HTTP");
    let mut contract = Contract::load();
    contract.witness(&accepted, &Answer { status: 200, body: fits });
    assert!(contract.has_failures());
}

#[test]
fn the_document_is_one_of_openapi() {
    let contract = Contract::load();
    assert_eq!(contract.document()["openapi"], "3.1.0");
    contract.check_references();
    // Every kind that the server knows is described, and no other.
    let kinds = contract.kinds();
    assert_eq!(kinds.len(), 27);
    for kind in kinds {
        assert_eq!(resonate_core::wire::envelope::known_kind(&kind), Some(&*kind), "{kind}");
    }
}
