//! Clients that ask at the same time and note when they asked and what they were told. Now and then one goes away without waiting for its answer.

use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;
use resonate_core::request::{Request, Verdict};
use resonate_core::rules::Rules;
use resonate_core::time::{Millis, Timestamp};
use resonate_sim::linear::{Answer, History, Moment, Operation};
use serde_json::{Value as Json, json};

use super::wishes::World;
use crate::server::{now_millis, wire};
use crate::wasm_parity::envelopes::{Cursors, print};

/// Clients of a history.
const CLIENTS: u64 = 6;
/// What each of them asks for.
const WISHES: usize = 16;
/// One answer of so many is not waited for.
const IMPATIENCE: u8 = 40;
/// Where nothing tells how likely something is.
const LAST: u64 = u64::MAX;

/// How a request is spelled.
#[derive(Clone, Copy, Debug)]
enum Spelling {
    Envelope,
    Rest { strict: bool },
}

/// A request as it goes over the wire, and as the server will understand it.
#[derive(Debug)]
struct Asked {
    request: Request,
    spelling: Spelling,
    wire: wire::Request,
}

impl Asked {
    fn of(mut request: Request, rng: &mut Rng) -> Self {
        if let Some(route) = rest_of(&request).filter(|_| rng.bool()) {
            let strict = rng.bool();
            return Self {
                wire: route.header("Strict", &strict.to_string()),
                request,
                spelling: Spelling::Rest { strict },
            };
        }
        forget_keys(&mut request);
        let (kind, data) = print(&request, &Cursors::new()).expect("a request of clients");
        Self { wire: wire::Request::call(kind, &data), request, spelling: Spelling::Envelope }
    }
}

/// The call of the API of 2023, where it has one.
fn rest_of(request: &Request) -> Option<wire::Request> {
    let value =
        |value: &resonate_core::value::Value| value.data.as_ref().map_or(json!({}), |data| json!({"data": data}));
    let (id, verb, key, body) = match request {
        Request::GetPromise { id } => return Some(wire::Request::get(&format!("/promises/{id}"))),
        Request::CreatePromise(create) => {
            let body = json!({"timeout": create.timeout_at, "param": value(&create.param), "tags": create.tags});
            (&create.id, "create", &create.key, body)
        }
        Request::SettlePromise(settle) => {
            let verb = match settle.verdict {
                Verdict::Resolved => "resolve",
                Verdict::Rejected => "reject",
                Verdict::RejectedCanceled => "cancel",
            };
            (&settle.id, verb, &settle.key, json!({"value": value(&settle.value)}))
        }
        _ => return None,
    };
    Some(wire::Request::write(id, verb, key.as_deref().unwrap_or_default(), &body))
}

/// Today's protocol has no idempotency keys.
fn forget_keys(request: &mut Request) {
    use resonate_core::request::FencedAction;
    match request {
        Request::CreatePromise(create) | Request::CreateTask { promise: create, .. } => create.key = None,
        Request::SettlePromise(settle) | Request::FulfillTask { settle, .. } => settle.key = None,
        Request::FenceTask { action: FencedAction::Create(create), .. } => create.key = None,
        Request::FenceTask { action: FencedAction::Settle(settle), .. } => settle.key = None,
        _ => {}
    }
}

/// Lets clients ask at the same time, each of any of the servers at these ports. By so much may the servers' clock differ from theirs.
pub(super) fn history(name: &str, ports: &[u16], tolerance: Millis, rng: &mut Rng) -> History {
    let (world, moments) = (World::new(name), AtomicU64::new(0));
    let rngs: Vec<Rng> = (0..CLIENTS).map(|_| rng.fork()).collect();
    let operations = std::thread::scope(|scope| {
        let run = |(client, rng): (u64, Rng)| {
            let client =
                Client { client, ports, world: &world, moments: &moments, tolerance, rng, operations: Vec::new() };
            scope.spawn(move || client.run())
        };
        let clients: Vec<_> = (0..CLIENTS).zip(rngs).map(run).collect();
        clients.into_iter().flat_map(|client| client.join().expect("a client that does not panic")).collect()
    });
    History { operations, rules: Rules::default(), tolerance: Some(tolerance), purges: false }
}

struct Client<'a> {
    client: u64,
    ports: &'a [u16],
    world: &'a World,
    moments: &'a AtomicU64,
    tolerance: Millis,
    rng: Rng,
    operations: Vec<Operation>,
}

impl Client<'_> {
    fn run(mut self) -> Vec<Operation> {
        let connect = |port: &u16| wire::Connection::open(*port).expect("a connection");
        let mut connections: Vec<wire::Connection> = self.ports.iter().map(connect).collect();
        for _ in 0..WISHES {
            let asked = Asked::of(self.world.wish(now_millis(), &mut self.rng), &mut self.rng);
            let at = self.rng.usize(..connections.len());
            let leaves = self.rng.u8(..IMPATIENCE) == 0;
            let invoked = self.moment();
            if leaves {
                connections[at].write(&asked.wire.bytes()).expect("a connection");
                connections[at] = connect(&self.ports[at]);
                self.note(&asked, invoked, None);
            } else {
                let answer = connections[at].send(&asked.wire).expect("an answer");
                self.note(&asked, invoked, Some(&answer));
            }
        }
        self.operations
    }

    fn moment(&self) -> Moment {
        Moment { order: self.moments.fetch_add(1, Ordering::SeqCst), at: Timestamp::saturating(now_millis()) }
    }

    fn note(&mut self, asked: &Asked, invoked: Moment, answer: Option<&wire::Answer>) {
        // The clock is looked at before the moment is over.
        let at = Timestamp::saturating(now_millis());
        let returned = Moment { at, ..self.moment() };
        let mut operation = Operation {
            client: self.client,
            request: asked.request.clone(),
            invoked,
            returned: None,
            answer: None,
            now: None,
            latest: Timestamp::MAX,
            rank: LAST,
        };
        if let Some(answer) = answer {
            let now = answer
                .header("resonate-now")
                .unwrap_or_else(|| panic!("no instant: {} {}", answer.status, answer.text()));
            let now = Timestamp::saturating(now.parse().expect("milliseconds"));
            let body: Json = answer.json();
            self.learn(&body);
            operation.answer = Some(match asked.spelling {
                Spelling::Envelope => Answer::Envelope(body),
                Spelling::Rest { strict } => Answer::Rest { strict, status: answer.status, body },
            });
            operation.returned = Some(returned);
            operation.now = Some(now);
            operation.latest = returned.at + self.tolerance;
            operation.rank = now.as_millis();
        }
        self.operations.push(operation);
    }

    fn learn(&self, body: &Json) {
        let task = &body["data"]["task"];
        if let (Some(id), Some(version)) = (task["id"].as_str(), task["version"].as_u64()) {
            self.world.learn(id, version);
        }
    }
}
