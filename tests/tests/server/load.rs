//! Clients that create and settle promises until their connection ends, and remember what they were promised.

use std::collections::BTreeMap;
use std::io::Error;
use std::thread::JoinHandle;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use serde_json::{Value as Json, json};

use super::child::Server;
use super::wire::{Connection, Request};

/// Longest payload in bytes of most promises.
pub(crate) const SMALL_BYTES_MAX: usize = 200;
/// Longest payload in bytes of the others: several pages of the database.
const LARGE_BYTES_MAX: usize = 12_000;
/// Large payloads come up once in so many.
pub(crate) const SELDOM: u8 = 16;
/// Requests that go out together when promises are read back.
const READS_AT_ONCE: usize = 64;
/// Far away: nothing times out here.
pub(crate) const TIMEOUT: u64 = 2_524_608_000_000;

/// A write that was sent, and the promise that came back, if it did.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) asked: Json,
    pub(crate) key: String,
    pub(crate) answer: Option<Json>,
}

/// What became of a promise, as far as its client knows.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) id: String,
    pub(crate) create: Sent,
    pub(crate) settle: Option<(&'static str, Sent)>,
}

/// How the server ended, which decides what a request without an answer may have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It may have taken effect, wholly.
    Killed,
    /// It has done nothing: who stops in order answers everything that he has begun.
    InOrder,
}

/// Clients at work.
pub(crate) struct Load(Vec<JoinHandle<(Vec<Written>, Error)>>);

impl Load {
    /// Starts clients on connections of their own. The name is the beginning of their ids; one payload of `large_one_in` is large.
    pub(crate) fn start(server: &Server, name: &str, clients: usize, large_one_in: u8, rng: &mut Rng) -> Self {
        let start = |client: usize| {
            let (mut connection, mut rng, name) = (server.connect(), rng.fork(), format!("{name}-{client}"));
            std::thread::spawn(move || write_until_the_end(&mut connection, &name, large_one_in, &mut rng))
        };
        Self((0..clients).map(start).collect())
    }

    /// What they have written and how their connections ended, once all have.
    pub(crate) fn join(self) -> (Vec<Written>, Vec<Error>) {
        let ended = self.0.into_iter().map(|client| client.join().expect("a client that does not panic"));
        let (written, errors): (Vec<_>, Vec<_>) = ended.unzip();
        (written.into_iter().flatten().collect(), errors)
    }
}

fn write_until_the_end(
    connection: &mut Connection,
    name: &str,
    large_one_in: u8,
    rng: &mut Rng,
) -> (Vec<Written>, Error) {
    let mut written = Vec::new();
    let payload = |rng: &mut Rng| {
        let longest = if rng.u8(..large_one_in) == 0 { LARGE_BYTES_MAX } else { SMALL_BYTES_MAX };
        payload(longest, rng)
    };
    loop {
        let id = format!("{name}-{}", written.len());
        let asked = json!({"param": payload(rng), "timeout": TIMEOUT, "tags": {"client": name}});
        let create = match send(connection, &id, "create", asked) {
            Ok(sent) => sent,
            Err((create, error)) => {
                written.push(Written { id, create, settle: None });
                return (written, error);
            }
        };
        let mut promise = Written { id, create, settle: None };
        if rng.u8(..3) > 0 {
            let verb = ["resolve", "reject", "cancel"][rng.usize(..3)];
            match send(connection, &promise.id, verb, json!({"value": payload(rng)})) {
                Ok(sent) => promise.settle = Some((verb, sent)),
                Err((sent, error)) => {
                    promise.settle = Some((verb, sent));
                    written.push(promise);
                    return (written, error);
                }
            }
        }
        written.push(promise);
    }
}

fn send(connection: &mut Connection, id: &str, verb: &str, asked: Json) -> Result<Sent, (Sent, Error)> {
    let mut sent = Sent { asked, key: format!("{id}-{verb}"), answer: None };
    match connection.send(&Request::write(id, verb, &sent.key, &sent.asked)) {
        Ok(answer) => {
            assert_eq!(answer.status, 201, "{}", answer.text());
            sent.answer = Some(answer.json());
            Ok(sent)
        }
        Err(error) => Err((sent, error)),
    }
}

pub(crate) fn payload(longest: usize, rng: &mut Rng) -> Json {
    let bytes: Vec<u8> = (0..rng.usize(1..longest)).map(|_| rng.u8(..)).collect();
    json!({"headers": {"bytes": bytes.len().to_string()}, "data": STANDARD.encode(bytes)})
}

/// Reads promises back; `None` where there is none.
pub(crate) fn read<'a>(server: &Server, ids: impl Iterator<Item = &'a str>) -> Vec<Option<Json>> {
    let requests: Vec<Request> = ids.map(|id| Request::get(&format!("/promises/{id}"))).collect();
    let mut connection = server.connect();
    let answers = requests.chunks(READS_AT_ONCE).flat_map(|some| connection.pipeline(some).expect("answers"));
    let read = answers.map(|answer| match answer.status {
        200 => Some(answer.json()),
        404 => None,
        status => panic!("{status}: {}", answer.text()),
    });
    read.collect()
}

/// Checks that the server knows everything that it has acknowledged, and nothing by halves. Returns what it knows of these promises.
pub(crate) fn check(server: &Server, written: &[Written], ended: Ended) -> BTreeMap<String, Json> {
    let found = read(server, written.iter().map(|written| &*written.id));
    let mut known = BTreeMap::new();
    for (written, found) in written.iter().zip(found) {
        written.check(found.as_ref(), ended);
        known.extend(found.map(|found| (written.id.clone(), found)));
    }
    known
}

/// Sends again what was not answered, as a client does that does not know whether it was heard, and takes note of the answers.
pub(crate) fn repeat(server: &Server, written: &[Written], known: &mut BTreeMap<String, Json>) {
    for Written { id, create, settle } in written {
        let (verb, sent, took_effect) = match settle {
            Some((verb, sent)) => (*verb, sent, known.get(id).is_some_and(|known| known["state"] != "PENDING")),
            None => ("create", create, known.contains_key(id)),
        };
        if sent.answer.is_some() {
            continue;
        }
        let answer = server.ask(&Request::write(id, verb, &sent.key, &sent.asked));
        let promise = answer.json();
        if took_effect {
            assert_eq!((answer.status, Some(&promise)), (200, known.get(id)), "{verb}");
        } else {
            assert_eq!(answer.status, 201, "{verb}: {promise}");
        }
        known.insert(id.clone(), promise);
    }
}

/// Every promise of the server, by search.
pub(crate) fn search_all(server: &Server) -> BTreeMap<String, Json> {
    let (mut found, mut connection) = (BTreeMap::new(), server.connect());
    let mut query = "q=*".to_owned();
    loop {
        let answer = connection.send(&Request::get(&format!("/promises?{query}"))).expect("a page");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = answer.json();
        for promise in page["promises"].as_array().expect("promises") {
            let id = promise["id"].as_str().expect("an id").to_owned();
            assert!(found.insert(id, promise.clone()).is_none(), "{promise} is there twice");
        }
        let Some(cursor) = page["cursor"].as_str() else { return found };
        query = form_urlencoded::Serializer::new(String::new()).append_pair("cursor", cursor).finish();
    }
}

impl Written {
    /// Writes that were answered.
    pub(crate) fn acknowledged(&self) -> usize {
        let settle = self.settle.as_ref().map(|(_, sent)| sent);
        [Some(&self.create), settle].into_iter().flatten().filter(|sent| sent.answer.is_some()).count()
    }

    fn check(&self, found: Option<&Json>, ended: Ended) {
        let Some(created) = self.create.answer.as_ref() else {
            if let Some(found) = found {
                assert_eq!(ended, Ended::Killed, "took effect without an answer: {found}");
                assert_eq!(found, &self.pending(found), "half a promise");
            }
            return;
        };
        let found = found.unwrap_or_else(|| panic!("{created} was acknowledged and is gone"));
        match &self.settle {
            None => assert_eq!(found, created),
            Some((_, Sent { answer: Some(settled), .. })) => assert_eq!(found, settled),
            Some(_) if found == created => {}
            Some((verb, sent)) => {
                assert_eq!(ended, Ended::Killed, "took effect without an answer: {found}");
                assert_eq!(found, &settled(created, verb, sent, found), "half a settlement");
            }
        }
    }

    /// The whole promise that the create asked for, born when `found` was.
    fn pending(&self, found: &Json) -> Json {
        let asked = &self.create.asked;
        assert!(found["createdOn"].is_u64(), "{found}");
        json!({
            "id": self.id, "state": "PENDING", "param": asked["param"], "value": {}, "timeout": asked["timeout"],
            "idempotencyKeyForCreate": self.create.key, "createdOn": found["createdOn"], "tags": asked["tags"],
        })
    }
}

/// The whole promise after a settlement that happened when `found` says.
fn settled(created: &Json, verb: &str, sent: &Sent, found: &Json) -> Json {
    let state = match verb {
        "resolve" => "RESOLVED",
        "reject" => "REJECTED",
        _ => "REJECTED_CANCELED",
    };
    assert!(found["completedOn"].as_u64() >= created["createdOn"].as_u64(), "{found}");
    let mut settled = created.clone();
    settled["state"] = state.into();
    settled["value"] = sent.asked["value"].clone();
    settled["idempotencyKeyForComplete"] = sent.key.clone().into();
    settled["completedOn"] = found["completedOn"].clone();
    settled
}
