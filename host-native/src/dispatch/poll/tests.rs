//! Connections on a clock that only the test moves.

use std::pin::pin;

use resonate_core::address::Address;
use resonate_core::id::Id;
use resonate_core::message::{Message, MessageKey};
use resonate_core::promise::{Promise, PromiseState};
use resonate_core::request::Request;
use resonate_core::time::Timestamp;
use resonate_core::value::Value;
use tokio::time::{Duration, advance};
use tokio_stream::StreamExt;

use super::limits::KEEP_ALIVE_INTERVAL;
use super::*;
use crate::dispatch::Mail;

const QUEUE_MAX: usize = 4;

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn execute(task: &str, to: &str) -> Delivery {
    let key = MessageKey::Execute { task: id(task) };
    Delivery { key, version: 0, address: address(to), message: Message::Execute { task: id(task), version: 0 } }
}

fn unblock(promise: &str, to: &str) -> Delivery {
    let settled = Promise {
        id: id(promise),
        state: PromiseState::Resolved,
        param: Value::default(),
        value: Value::default(),
        tags: [].into(),
        timeout_at: Timestamp::MAX,
        created_at: Timestamp::ZERO,
        settled_at: Some(Timestamp::ZERO),
        has_waiters: false,
        create_key: None,
        complete_key: None,
    };
    let key = MessageKey::Unblock { promise: id(promise), address: address(to) };
    Delivery { key, version: 0, address: address(to), message: Message::Unblock { promise: Arc::new(settled) } }
}

fn start() -> (Arc<Poll>, Mail) {
    let (voice, mail) = Voice::new();
    (Arc::new(Poll::new(10, QUEUE_MAX, "http://here".into(), voice, Gauge::default())), mail)
}

fn connect(poll: &Arc<Poll>, group: &str, worker: &str, prefix: Option<&str>) -> Messages {
    let (group, worker) = (group.to_owned(), worker.to_owned());
    poll.connect(Subscriber { group, worker, prefix: prefix.map(str::to_owned), lasts: None }).unwrap()
}

/// Offers a message; whether somebody took it.
fn offer(poll: &Poll, delivery: Delivery) -> bool {
    let route = delivery.address.route();
    poll.offer(&route, delivery).is_none()
}

/// What the stream has now, as text; nothing when it waits.
async fn now(messages: &mut Messages) -> Option<String> {
    let next = tokio::time::timeout(Duration::ZERO, messages.next()).await.ok()?;
    let Some(Ok(bytes)) = next else { return Some("the end".to_owned()) };
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

fn reports(mail: &mut Mail) -> Vec<Request> {
    std::iter::from_fn(|| mail.reports.try_recv().ok()).map(|report| report.request).collect()
}

fn pulls(mail: &mut Mail) -> Vec<(String, usize)> {
    std::iter::from_fn(|| mail.pulls.try_recv().ok())
        .map(|pull| (pull.mailbox.as_str().to_owned(), pull.room))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn an_unblock_counts_as_delivered_one_interval_after_it_was_written() {
    let (poll, mut mail) = start();
    let mut messages = connect(&poll, "g", "w", None);
    assert_eq!(now(&mut messages).await.as_deref(), Some(": connected\n\n"));
    assert!(offer(&poll, unblock("foo", "poll://uni@g/w")));
    assert!(now(&mut messages).await.is_some_and(|text| text.starts_with("data: {\"kind\":\"unblock\"")));
    advance(KEEP_ALIVE_INTERVAL - Duration::from_millis(1)).await;
    let _ = now(&mut messages).await;
    assert_eq!(reports(&mut mail), []);
    advance(Duration::from_millis(1)).await;
    assert_eq!(now(&mut messages).await.as_deref(), Some(": keep-alive\n\n"));
    let key = unblock("foo", "poll://uni@g/w").key;
    assert_eq!(reports(&mut mail), [Request::MessageDelivered { key, version: 0 }]);
    drop(messages);
    assert_eq!(reports(&mut mail), [], "it has arrived");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_gives_back_what_may_be_lost() {
    let (poll, mut mail) = start();
    let mut messages = connect(&poll, "g", "w", None);
    let _ = now(&mut messages).await;
    assert!(offer(&poll, unblock("written", "poll://uni@g/w")));
    assert!(offer(&poll, execute("sent", "poll://uni@g/w")));
    let _ = now(&mut messages).await;
    assert!(offer(&poll, unblock("queued", "poll://uni@g/w")));
    assert!(offer(&poll, execute("queued too", "poll://any@g")));
    drop(messages);
    let unclaimed = |delivery: Delivery| Request::MessageUnclaimed { key: delivery.key, version: 0 };
    assert_eq!(
        reports(&mut mail),
        [
            Request::MessageDelivered { key: MessageKey::Execute { task: id("sent") }, version: 0 },
            unclaimed(unblock("written", "poll://uni@g/w")),
            unclaimed(unblock("queued", "poll://uni@g/w")),
            unclaimed(execute("queued too", "poll://any@g")),
        ]
    );
    assert!(!offer(&poll, execute("late", "poll://any@g")));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_takes_nothing_and_pulls_once_it_has_room() {
    let (poll, mut mail) = start();
    let mut messages = connect(&poll, "g", "w", None);
    let _ = now(&mut messages).await;
    assert_eq!(pulls(&mut mail), [("any@g".to_owned(), QUEUE_MAX), ("uni@g/w".to_owned(), QUEUE_MAX)]);
    for number in 0..QUEUE_MAX {
        assert!(offer(&poll, execute(&number.to_string(), "poll://any@g")));
    }
    assert!(!offer(&poll, execute("one too many", "poll://any@g")));
    poll.ask_for(&Mailbox::any("g"));
    assert_eq!(pulls(&mut mail), [], "there is no room");
    let chunk = now(&mut messages).await.unwrap();
    assert_eq!(chunk.matches("data: ").count(), QUEUE_MAX);
    assert_eq!(pulls(&mut mail), [("any@g".to_owned(), QUEUE_MAX), ("uni@g/w".to_owned(), QUEUE_MAX)]);
    poll.ask_for(&Mailbox::any("g"));
    assert_eq!(pulls(&mut mail), [("any@g".to_owned(), QUEUE_MAX)], "there is room");
    poll.ask_for(&Mailbox::any("other"));
    assert_eq!(pulls(&mut mail), []);
}

#[tokio::test(start_paused = true)]
async fn who_takes_over_gets_what_the_first_one_may_not_have_got() {
    let (poll, mut mail) = start();
    let mut first = connect(&poll, "g", "w", None);
    let _ = now(&mut first).await;
    assert!(offer(&poll, unblock("foo", "poll://uni@g/w")));
    let mut second = connect(&poll, "g", "w", None);
    let _ = now(&mut second).await;
    assert_eq!(now(&mut first).await.as_deref(), Some("the end"));
    drop(first);
    let key = unblock("foo", "poll://uni@g/w").key;
    assert_eq!(reports(&mut mail), [Request::MessageUnclaimed { key, version: 0 }]);
    assert!(offer(&poll, execute("bar", "poll://uni@g/w")), "the end of the first is not that of the second");
    assert!(now(&mut second).await.is_some_and(|text| text.contains("bar")));
}

#[tokio::test(start_paused = true)]
async fn a_connection_sees_only_ids_with_its_prefix() {
    let (poll, mut mail) = start();
    let _scoped = connect(&poll, "g", "a", Some("mine."));
    let mut all = connect(&poll, "g", "b", None);
    let _ = now(&mut all).await;
    pulls(&mut mail);
    for _ in 0..QUEUE_MAX {
        assert!(offer(&poll, execute("other", "poll://any@g/a")));
    }
    assert!(!offer(&poll, execute("other", "poll://any@g/a")), "the one with room may not see it");
    assert!(!offer(&poll, unblock("other", "poll://uni@g/a")));
    assert!(offer(&poll, execute("mine.1", "poll://any@g")));
    poll.ask_for(&Mailbox::any("g"));
    assert_eq!(pulls(&mut mail), [("any@g".to_owned(), QUEUE_MAX - 1)], "the full one will ask later");
}

#[tokio::test(start_paused = true)]
async fn the_name_of_a_worker_of_another_prefix_takes_nothing_over() {
    let (poll, _mail) = start();
    let mut mine = connect(&poll, "g", "w", Some("mine."));
    let mut other = connect(&poll, "g", "w", Some("other."));
    for stream in [&mut mine, &mut other] {
        assert_eq!(now(stream).await.as_deref(), Some(": connected\n\n"));
    }
    for (stream, id) in [(&mut mine, "mine.1"), (&mut other, "other.1")] {
        for to in ["poll://uni@g/w", "poll://any@g/w", "poll://any@g"] {
            assert!(offer(&poll, execute(id, to)), "{id} {to}");
            assert!(now(stream).await.is_some_and(|text| text.contains(id)), "{id} {to}");
        }
    }
    drop(other);
    assert!(!offer(&poll, execute("other.2", "poll://uni@g/w")));
    assert!(offer(&poll, execute("mine.2", "poll://uni@g/w")), "the end of one is not that of the other");
    let _again = connect(&poll, "g", "w", Some("mine."));
    assert_eq!(now(&mut mine).await.as_deref(), Some("the end"));
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_with_its_token_and_gives_back_what_may_be_lost() {
    let (poll, mut mail) = start();
    let lasts = KEEP_ALIVE_INTERVAL + Duration::from_secs(5);
    let subscriber = |lasts| Subscriber { group: "g".to_owned(), worker: "w".to_owned(), prefix: None, lasts };
    let mut messages = poll.connect(subscriber(Some(lasts))).unwrap();
    let connected = tokio::time::Instant::now();
    assert!(messages.next().await.is_some_and(|chunk| chunk.is_ok()), "a greeting");
    assert!(messages.next().await.is_some_and(|chunk| chunk.is_ok()), "a sign of life");
    assert!(offer(&poll, unblock("foo", "poll://uni@g/w")));
    assert!(messages.next().await.is_some_and(|chunk| chunk.is_ok()), "a message");
    assert!(messages.next().await.is_none());
    assert_eq!(connected.elapsed(), lasts);
    drop(messages);
    let key = unblock("foo", "poll://uni@g/w").key;
    assert_eq!(reports(&mut mail), [Request::MessageUnclaimed { key, version: 0 }]);
    assert!(!offer(&poll, unblock("foo", "poll://uni@g/w")));
    assert!(poll.connect(subscriber(Some(Duration::MAX))).is_ok(), "a token for ever is no limit");
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_shows_signs_of_life() {
    let (poll, _mail) = start();
    let mut messages = pin!(connect(&poll, "g", "w", None));
    let _ = messages.next().await;
    for _ in 0..3 {
        let asked = tokio::time::Instant::now();
        let Some(Ok(bytes)) = messages.next().await else { panic!("the connection ended") };
        assert_eq!((&*bytes, asked.elapsed()), (&b": keep-alive\n\n"[..], KEEP_ALIVE_INTERVAL));
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_looks_again_asks_for_every_mailbox_once_there_is_room() {
    let (poll, mut mail) = start();
    let mut full = connect(&poll, "g", "a", None);
    let _others =
        [connect(&poll, "g", "b", None), connect(&poll, "g", "c", Some("mine.")), connect(&poll, "h", "d", None)];
    let _ = now(&mut full).await;
    for _ in 0..QUEUE_MAX {
        assert!(offer(&poll, execute("foo", "poll://uni@g/a")));
    }
    pulls(&mut mail);
    poll.ask_for_all();
    let mut asked = pulls(&mut mail);
    asked.sort();
    let rooms = ["any@g", "any@g", "any@h", "uni@g/b", "uni@g/c", "uni@h/d"].map(|name| (name.to_owned(), QUEUE_MAX));
    assert_eq!(asked, rooms, "one for each prefix of a group, and whoever has room for its own");
    let _ = now(&mut full).await;
    let later = pulls(&mut mail);
    assert_eq!(later, [("any@g".to_owned(), QUEUE_MAX), ("uni@g/a".to_owned(), QUEUE_MAX)], "there is room now");
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_everything() {
    let (poll, _mail) = start();
    let mut messages = connect(&poll, "g", "w", None);
    let _ = now(&mut messages).await;
    poll.stop();
    assert_eq!(now(&mut messages).await.as_deref(), Some("the end"));
    let again = Subscriber { group: "g".to_owned(), worker: "w".to_owned(), prefix: None, lasts: None };
    assert_eq!(poll.connect(again).err(), Some(Refused::Stopping));
}

#[tokio::test(start_paused = true)]
async fn the_only_one_who_may_have_a_message_gets_it_however_many_others_there_are() {
    let (voice, _mail) = Voice::new();
    let poll = Arc::new(Poll::new(1_000, QUEUE_MAX, "http://here".into(), voice, Gauge::default()));
    let _others: Vec<Messages> =
        (0..100).map(|number| connect(&poll, "g", &format!("a{number}"), Some("a."))).collect();
    let mut messages = connect(&poll, "g", "b", Some("b."));
    let _ = now(&mut messages).await;
    assert!(offer(&poll, execute("b.1", "poll://any@g")));
    assert!(now(&mut messages).await.is_some_and(|text| text.contains("b.1")));
}

#[tokio::test(start_paused = true)]
async fn who_has_too_much_to_confirm_pulls_once_it_is_confirmed() {
    let (poll, mut mail) = start();
    let mut messages = connect(&poll, "g", "w", None);
    let _ = now(&mut messages).await;
    for number in 0..limits::WRITTEN_MAX {
        assert!(offer(&poll, unblock(&number.to_string(), "poll://uni@g/w")));
        if number % QUEUE_MAX == QUEUE_MAX - 1 {
            let _ = now(&mut messages).await;
        }
    }
    assert!(!offer(&poll, unblock("one too many", "poll://uni@g/w")));
    pulls(&mut mail);
    poll.ask_for(&Mailbox::uni("g", "w"));
    assert_eq!(pulls(&mut mail), []);
    advance(KEEP_ALIVE_INTERVAL).await;
    assert_eq!(now(&mut messages).await.as_deref(), Some(": keep-alive\n\n"));
    assert_eq!(pulls(&mut mail), [("any@g".to_owned(), QUEUE_MAX), ("uni@g/w".to_owned(), QUEUE_MAX)]);
}
