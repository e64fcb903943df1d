//! The core over a store, without a server around it: bytes of a request in, bytes of its answer out.

use std::fmt::Debug;

use percent_encoding::percent_decode_str;
use resonate_core::batch::Finished;
use resonate_core::drive::{self, Store, Tx};
use resonate_core::due::{Due, DueKind};
use resonate_core::effect::Effect;
use resonate_core::message::{self, Message, MessageKey};
use resonate_core::reply::Reply;
use resonate_core::request::{Claim, Request, Verdict};
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_core::wire::BadInput;
use resonate_core::wire::envelope::{self, DebugCall, DebugReply, Envelope, Shape};
use resonate_core::wire::rest::{self, Status, Terms};
use serde_json::Value;

use crate::driver::{Answer, Call, Delivery, Dials, Driver, RestCall, Verb};

/// Rounds of background work at one instant after which it is taken to be endless.
const ROUNDS_MAX: usize = 10_000;
/// Rows of each kind that one round of background work takes.
const SWEEP_ROWS: usize = 1000;

/// A message that was handed out.
struct Handed {
    key: MessageKey,
    version: u64,
    shown: String,
}

/// The core over a store.
pub(super) struct Local<S> {
    store: S,
    rules: Rules,
    sent: Vec<Handed>,
    /// The messages that were shown last.
    shown: Vec<Handed>,
}

impl<S> Local<S> {
    pub(super) fn new(store: S, dials: Dials) -> Self {
        Self { store, rules: dials.rules(), sent: Vec::new(), shown: Vec::new() }
    }
}

impl<S> Driver for Local<S>
where
    S: Store<Error: Debug>,
{
    fn call(&mut self, now: Timestamp, call: &Call) -> Option<Answer> {
        match call {
            Call::Rest(call) => Some(self.rest(now, call)),
            Call::Http(_) => None,
            Call::Envelope(body) => self.envelope(now, body),
            Call::Tick => Some(self.tick(now)),
            Call::Sent => Some(self.show_sent()),
            Call::Report(delivery) => Some(self.report(now, *delivery)),
            Call::Connect => Some(self.connect(now)),
        }
    }

    fn snapshot(&mut self) -> Option<Snapshot> {
        Some(self.look())
    }
}

impl<S> Local<S>
where
    S: Store<Error: Debug>,
{
    fn look(&mut self) -> Snapshot {
        let mut tx = self.store.begin().expect("a transaction");
        tx.snapshot().expect("a snapshot")
    }

    /// Answers beside the writer where that may be, as a server does.
    fn submit(&mut self, now: Timestamp, request: &Request) -> Reply {
        if request.is_read() {
            let mut tx = self.store.begin().expect("a transaction");
            let beside = drive::read(&mut tx, &self.rules, request, now).expect("a store that reads");
            if let drive::Beside::Reply(reply) = beside {
                return reply;
            }
        }
        let mut replies = self.run(now, std::slice::from_ref(request));
        replies.pop().expect("a reply to the only request")
    }

    fn run(&mut self, now: Timestamp, requests: &[Request]) -> Vec<Reply> {
        let mut replies = Vec::new();
        while replies.len() < requests.len() {
            let rest = &requests[replies.len()..];
            let finished = drive::run(&mut self.store, &self.rules, rest, now);
            let Finished { outcomes, follow_ups, writes: _ } = finished.expect("a store that nobody else uses");
            let followed = follow_ups.into_iter().map(|(_, outcome)| outcome.effects);
            let effects: Vec<Effect> =
                outcomes.iter().map(|outcome| outcome.effects.clone()).chain(followed).flatten().collect();
            effects.into_iter().for_each(|effect| self.take(effect));
            replies.extend(outcomes.into_iter().map(|outcome| outcome.reply));
        }
        replies
    }

    fn take(&mut self, effect: Effect) {
        match effect {
            Effect::Deliver(message::Delivery { key, version, address, message }) => {
                let shown = match &message {
                    Message::Execute { task, version } => format!("execute {task} {version} to {address}"),
                    Message::Unblock { promise } => {
                        format!("unblock {} {} to {address}", promise.id, promise.state.name())
                    }
                };
                self.sent.push(Handed { key, version, shown });
            }
            Effect::Parked(_) | Effect::WakeAt(_) => {}
        }
    }

    fn rest(&mut self, now: Timestamp, call: &RestCall) -> Answer {
        match parse_rest(call) {
            Ok((request, strict)) => {
                let terms = Terms::of(&request, strict);
                let reply = self.submit(now, &request);
                print_rest(terms.status(&reply), &request, &reply)
            }
            Err(why) => Answer::of_json(400, &rest::print_error(&why.0)),
        }
    }

    fn envelope(&mut self, now: Timestamp, body: &[u8]) -> Option<Answer> {
        let envelope = match Envelope::parse(body) {
            Ok(envelope) => envelope,
            Err(failure) => return Some(of_envelope(&failure.answer())),
        };
        let (kind, corr_id) = (&envelope.kind, &envelope.corr_id);
        let answer = match envelope.request() {
            Err(why) => envelope::print_error(kind, corr_id, 400, &why.0),
            Ok(envelope::Call::Request(request)) => {
                let reply = self.submit(now, &request);
                envelope::print(kind, corr_id, Shape::of(&request), &reply)
            }
            Ok(envelope::Call::Debug(DebugCall::Snap)) => {
                envelope::print_debug(kind, corr_id, DebugReply::Snapshot(&self.look()))
            }
            Ok(envelope::Call::Debug(_)) => return None,
        };
        Some(of_envelope(&answer))
    }

    fn tick(&mut self, now: Timestamp) -> Answer {
        for _ in 0..ROUNDS_MAX {
            let due = drive::sweep(&mut self.store, &DueKind::ALL, now, SWEEP_ROWS).expect("a sweep");
            if due.is_empty() {
                return Answer { status: 200, body: Value::Null };
            }
            let requests: Vec<Request> = due.iter().map(Due::request).collect();
            self.run(now, &requests);
        }
        panic!("the background work of one instant never ends");
    }

    fn show_sent(&mut self) -> Answer {
        self.shown = std::mem::take(&mut self.sent);
        // Which of two rows that are due at the same instant comes first is the store's.
        self.shown.sort_by(|a, b| a.shown.cmp(&b.shown));
        Answer { status: 200, body: self.shown.iter().map(|handed| Value::from(handed.shown.as_str())).collect() }
    }

    fn report(&mut self, now: Timestamp, delivery: Delivery) -> Answer {
        let reports =
            std::mem::take(&mut self.shown).into_iter().map(|Handed { key, version, shown: _ }| match delivery {
                Delivery::Delivered => Request::MessageDelivered { key, version },
                Delivery::Failed => Request::MessageFailed { key, version, jitter_permille: 0 },
                Delivery::Unclaimed => Request::MessageUnclaimed { key, version },
            });
        let reports: Vec<Request> = reports.collect();
        self.run(now, &reports);
        Answer { status: 200, body: Value::Null }
    }

    fn connect(&mut self, now: Timestamp) -> Answer {
        let keys = self.look().messages.into_keys();
        let claims: Vec<Request> = keys.map(|key| Request::ClaimMessage { key, claim: Claim::Connected }).collect();
        self.run(now, &claims);
        Answer { status: 200, body: Value::Null }
    }
}

fn of_envelope(answer: &envelope::Answer) -> Answer {
    Answer::of_json(answer.status, &answer.body)
}

fn parse_rest(call: &RestCall) -> Result<(Request, bool), BadInput> {
    let decode = |id: &str| percent_decode_str(id).decode_utf8().map(std::borrow::Cow::into_owned);
    let utf8 = |_| BadInput::field("id", "must be percent-encoded UTF-8");
    match call {
        RestCall::Get { id } => Ok((rest::parse_get(&decode(id).map_err(utf8)?)?, false)),
        RestCall::Write { verb, id, key, strict, body } => {
            let id = decode(id).map_err(utf8)?;
            let strict = rest::parse_strict(strict.as_deref())?;
            let settle = |verdict| rest::parse_settle(&id, verdict, key.as_deref(), body);
            let request = match verb {
                Verb::Create => rest::parse_create(&id, key.as_deref(), body),
                Verb::Resolve => settle(Verdict::Resolved),
                Verb::Reject => settle(Verdict::Rejected),
                Verb::Cancel => settle(Verdict::RejectedCanceled),
            };
            Ok((request?, strict))
        }
        RestCall::Search { query } => {
            let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
            Ok((rest::parse_search_pairs(pairs.iter().map(|(name, text)| (&**name, &**text)))?, false))
        }
    }
}

fn print_rest(status: Status, request: &Request, reply: &Reply) -> Answer {
    let body = match (reply, request) {
        (Reply::Promise(promise) | Reply::Created { promise, .. } | Reply::Settled { promise, .. }, _) => {
            rest::print_promise(promise)
        }
        (Reply::Promises { promises, more }, Request::SearchPromises(search)) => {
            let last = promises.last().filter(|_| *more);
            let cursor = last.map(|last| rest::cursor_behind(search, last));
            rest::print_page(promises, cursor.as_deref())
        }
        (Reply::Refused(refusal), _) if status == Status::Invalid => rest::print_error(&refusal.to_string()),
        (Reply::Refused(_), _) => b"null".to_vec(),
        (reply, request) => unreachable!("no answer of the 2023 API to {request:?}: {reply:?}"),
    };
    Answer::of_json(status as u16, &body)
}
