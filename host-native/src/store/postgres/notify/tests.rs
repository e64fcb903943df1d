use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::{Instant, advance};

use super::limits::*;
use super::news::{Desk, News, heard};
use super::*;

fn names(count: usize, length: usize) -> Vec<Mailbox> {
    (0..count).map(|number| Mailbox::any(&format!("{number:0length$}"))).collect()
}

fn put(desk: &Desk, mailboxes: &[Mailbox]) {
    mailboxes.iter().for_each(|mailbox| desk.put(mailbox));
}

/// What the lines of a server tell another one.
fn told(lines: &[String]) -> Vec<News> {
    lines.iter().filter_map(|line| heard(line, "another")).collect()
}

#[test]
fn a_mailbox_that_is_put_twice_is_told_once() {
    let desk = Desk::default();
    put(&desk, &[Mailbox::any("g"), Mailbox::uni("g", "w"), Mailbox::any("g")]);
    let lines = desk.take().lines("one");
    assert_eq!(lines, [r#"{"from":"one","mailboxes":["any@g","uni@g/w"]}"#]);
    assert_eq!(told(&lines), [News::In([Mailbox::any("g"), Mailbox::uni("g", "w")].into())]);
}

#[test]
fn what_is_not_told_goes_back_to_what_waits() {
    let desk = Desk::default();
    put(&desk, &[Mailbox::any("a")]);
    let taken = desk.take();
    put(&desk, &[Mailbox::any("b")]);
    drop(taken);
    let taken = desk.take();
    assert_eq!(told(&taken.lines("one")), [News::In([Mailbox::any("a"), Mailbox::any("b")].into())]);
    taken.told();
    assert_eq!(desk.take().lines("one"), <[String; 0]>::default());
}

#[test]
fn a_server_does_not_listen_to_itself_nor_to_what_is_no_news() {
    let desk = Desk::default();
    put(&desk, &[Mailbox::any("g")]);
    let lines = desk.take().lines("one");
    assert_eq!(heard(&lines[0], "one"), None);
    assert_eq!(heard("something else", "one"), None);
}

#[test]
fn many_mailboxes_are_told_in_as_many_notifications_as_they_need() {
    let desk = Desk::default();
    let all = names(MAILBOXES_WAITING_MAX, 50);
    put(&desk, &all);
    let lines = desk.take().lines("one");
    assert!(lines.len() > 1 && lines.iter().all(|line| line.len() <= NOTIFICATION_BYTES_MAX));
    assert!(lines.iter().rev().skip(1).all(|line| line.len() > NOTIFICATION_BYTES_MAX - 60), "none is half empty");
    let told: BTreeSet<Mailbox> = told(&lines)
        .into_iter()
        .flat_map(|news| match news {
            News::In(mailboxes) => mailboxes,
            News::Anywhere => panic!("there was room"),
        })
        .collect();
    assert_eq!(told, all.into_iter().collect());
}

#[test]
fn with_too_many_mailboxes_and_with_names_that_are_too_long_others_look_everywhere() {
    for mailboxes in [names(MAILBOXES_WAITING_MAX + 1, 5), names(3, NOTIFICATION_BYTES_MAX)] {
        let desk = Desk::default();
        put(&desk, &mailboxes);
        let taken = desk.take();
        assert_eq!(told(&taken.lines("one")), [News::Anywhere]);
        drop(taken);
        desk.put(&Mailbox::any("g"));
        assert_eq!(told(&desk.take().lines("one")), [News::Anywhere]);
    }
}

/// Counts how often somebody looks.
#[derive(Debug, Default)]
struct Looks(AtomicUsize);

impl Transports for Looks {
    fn deliver(&self, _: Delivery) {}

    fn parked(&self, _: &Mailbox) {}

    fn left_behind(&self, _: &Mailbox) {}

    fn look_again(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Looks {
    fn so_far(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Lets time pass until somebody looks. How long that took.
    async fn next(&self) -> Duration {
        let (before, started) = (self.so_far(), Instant::now());
        while self.so_far() == before {
            advance(Duration::from_millis(1)).await;
            tokio::task::yield_now().await;
        }
        started.elapsed()
    }
}

fn is_around(pause: Duration, interval: Duration) -> bool {
    (interval.mul_f64(0.7)..interval.mul_f64(1.3)).contains(&pause)
}

#[tokio::test(start_paused = true)]
async fn who_hears_nothing_looks_every_second() {
    let looks = Arc::new(Looks::default());
    let _shared = Shared::start(Arc::clone(&looks) as Arc<dyn Transports>, None);
    for _ in 0..3 {
        let pause = looks.next().await;
        assert!(is_around(pause, UNTOLD_LOOK_INTERVAL), "{pause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_begins_or_ceases_to_hear_looks_at_once() {
    let looks = Arc::new(Looks::default());
    let (hears, hearing) = watch::channel(false);
    let _task = tokio::spawn(look_in_intervals(Arc::clone(&looks) as Arc<dyn Transports>, hearing));
    tokio::task::yield_now().await;
    hears.send_replace(true);
    assert!(looks.next().await < Duration::from_millis(5));
    let pause = looks.next().await;
    assert!(is_around(pause, LOOK_INTERVAL), "{pause:?}");
    hears.send_replace(false);
    assert!(looks.next().await < Duration::from_millis(5));
    let pause = looks.next().await;
    assert!(is_around(pause, UNTOLD_LOOK_INTERVAL), "{pause:?}");
}
