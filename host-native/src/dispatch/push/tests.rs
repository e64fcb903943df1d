//! The sending task on virtual time, with targets that are functions of an address.

mod http;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::StatusCode;
use resonate_core::address::Address;
use resonate_core::id::Id;
use resonate_core::message::{Message, MessageKey};
use resonate_core::request::Request;
use tokio::sync::mpsc::{UnboundedReceiver, error::TryRecvError};
use tokio::time::{sleep, timeout};

use super::limits::{FAILING_TARGET_QUEUE_MAX, LEASH, TARGET_QUEUE_MAX};
use super::*;
use crate::dispatch::Report;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(180);
const SLOTS: usize = 256;

/// Targets as their addresses say: `live`, `slow` and `broken` ones answer, any other hangs.
#[derive(Debug, Default)]
struct Targets {
    under_way: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

struct UnderWay(Arc<AtomicUsize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Carrier for Targets {
    async fn carry(self: Arc<Self>, delivery: Delivery, _: bool) -> Result<(), Failure> {
        let now = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        let _under_way = UnderWay(Arc::clone(&self.under_way));
        self.most.fetch_max(now, Ordering::Relaxed);
        let address = delivery.address.as_str();
        if address.contains("live") {
            sleep(Duration::from_millis(5)).await;
            Ok(())
        } else if address.contains("slow") {
            sleep(REQUEST_TIMEOUT / 2).await;
            Ok(())
        } else if address.contains("broken") {
            Err(Failure::Status(StatusCode::INTERNAL_SERVER_ERROR))
        } else {
            sleep(REQUEST_TIMEOUT).await;
            Err(Failure::Status(StatusCode::GATEWAY_TIMEOUT))
        }
    }
}

/// The `execute` of a task for a target.
fn execute(task: &str, version: u64, target: &str) -> Delivery {
    let task = Id::parse(task).expect("an id");
    Delivery {
        key: MessageKey::Execute { task: task.clone() },
        version,
        address: Address::parse(&format!("http://{target}")).expect("an address"),
        message: Message::Execute { task, version },
    }
}

struct Story {
    push: Push,
    reports: UnboundedReceiver<Report>,
    under_way: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Story {
    fn new(slots: usize) -> Self {
        let (reports, reported) = Reports::new();
        let targets = Targets::default();
        let (under_way, most) = (Arc::clone(&targets.under_way), Arc::clone(&targets.most));
        Self { push: Push::with(targets, slots, reports), reports: reported, under_way, most }
    }

    fn deliver(&self, task: &str, target: &str) {
        self.push.deliver(execute(task, 0, target));
    }

    /// The next report: of which task and version, and whether it was delivered.
    async fn report(&mut self) -> (String, u64, bool) {
        read(self.reports.recv().await.expect("a report"))
    }

    /// Waits for the delivery of a message, and for no longer than this.
    async fn delivered(&mut self, task: &str, within: Duration) {
        let delivered = async { while !matches!(self.report().await, (id, _, true) if id == task) {} };
        timeout(within, delivered).await.unwrap_or_else(|_| panic!("{task} is not delivered within {within:?}"));
    }

    fn reports_so_far(&mut self) -> Vec<(String, u64, bool)> {
        std::iter::from_fn(|| self.reports.try_recv().ok()).map(read).collect()
    }
}

fn read(report: Report) -> (String, u64, bool) {
    match report.request {
        Request::MessageDelivered { key, version } => (key.id().to_string(), version, true),
        Request::MessageFailed { key, version, .. } => (key.id().to_string(), version, false),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_live_target_is_served_beside_any_number_that_hang() {
    let mut story = Story::new(SLOTS);
    for target in 0..300 {
        for message in 0..10 {
            story.deliver(&format!("{target}-{message}"), &format!("hang-{target}"));
        }
    }
    // It is new, so nothing tells it from the others: its turn comes when the first of them are cut short.
    story.deliver("first", "live");
    story.delivered("first", 3 * LEASH).await;
    // It is known to work, so it waits for nobody who may be cut short.
    sleep(LEASH).await;
    for message in 0..100 {
        let task = message.to_string();
        story.deliver(&task, "live");
        story.delivered(&task, LEASH + Duration::from_millis(10)).await;
    }
    assert_eq!(story.most.load(Ordering::Relaxed), SLOTS);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_hangs_with_much_to_do_leaves_slots_for_others_at_once() {
    let mut story = Story::new(SLOTS);
    for message in 0..5000 {
        story.deliver(&message.to_string(), "hang");
    }
    sleep(Duration::from_millis(1)).await;
    assert_eq!(story.under_way.load(Ordering::Relaxed), SLOTS / limits::SHARE);
    story.deliver("live", "live");
    story.delivered("live", Duration::from_millis(10)).await;
}

#[tokio::test(start_paused = true)]
async fn targets_that_worked_and_hang_now_leave_slots_for_others() {
    let mut story = Story::new(SLOTS);
    let lanes = &story.push.desk;
    for target in 0..20 {
        let address = Address::parse(&format!("http://hang-{target}")).unwrap();
        lanes.lanes().mark_working(&address);
    }
    for message in 0..2000 {
        story.deliver(&message.to_string(), &format!("hang-{}", message % 20));
    }
    sleep(Duration::from_millis(1)).await;
    assert_eq!(story.under_way.load(Ordering::Relaxed), SLOTS - SLOTS / limits::RESERVE);
    story.deliver("live", "live");
    story.delivered("live", Duration::from_millis(10)).await;
}

#[tokio::test(start_paused = true)]
async fn a_target_that_fails_for_ever_does_not_slow_others_and_is_sent_one_message_at_a_time() {
    let mut story = Story::new(SLOTS);
    for message in 0..1000 {
        story.deliver(&format!("b{message}"), "broken");
        story.deliver(&format!("l{message}"), "live");
    }
    let mut delivered = 0;
    let mut failed = 0;
    let all = async {
        while delivered + failed < 2000 {
            match story.report().await {
                (task, 0, true) if task.starts_with('l') => delivered += 1,
                (task, 0, false) if task.starts_with('b') => failed += 1,
                other => panic!("{other:?}"),
            }
        }
    };
    timeout(Duration::from_secs(1), all).await.expect("everything is tried or put off within a second");
    assert_eq!((delivered, failed), (1000, 1000));
    // Fails once more, and is not tried at all while enough waits.
    for message in 0..100 {
        story.deliver(&message.to_string(), "broken");
    }
    assert_eq!(story.reports_so_far().len(), 100 - FAILING_TARGET_QUEUE_MAX);
}

#[tokio::test(start_paused = true)]
async fn long_requests_have_their_time_unless_others_need_the_slot() {
    let mut story = Story::new(8);
    for message in 0..8 {
        story.deliver(&message.to_string(), &format!("slow-{message}"));
    }
    sleep(REQUEST_TIMEOUT / 4).await;
    assert_eq!(story.reports_so_far(), []);
    story.deliver("live", "live");
    story.delivered("live", Duration::from_millis(10)).await;
    sleep(REQUEST_TIMEOUT).await;
    let reports = story.reports_so_far();
    assert_eq!((reports.len(), reports.iter().filter(|(_, _, delivered)| *delivered).count()), (7, 7));
}

#[tokio::test(start_paused = true)]
async fn one_slot_is_shared_too() {
    let mut story = Story::new(1);
    story.deliver("hang", "hang");
    story.deliver("live", "live");
    assert_eq!(story.report().await, ("hang".to_owned(), 0, false));
    story.delivered("live", LEASH).await;
    assert_eq!(story.most.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_waits_or_is_under_way_is_not_sent_again_and_a_newer_version_is() {
    let mut story = Story::new(SLOTS);
    for _ in 0..3 {
        story.push.deliver(execute("a", 0, "slow"));
        sleep(REQUEST_TIMEOUT / 10).await;
    }
    story.push.deliver(execute("a", 1, "slow"));
    assert_eq!(story.report().await, ("a".to_owned(), 0, true));
    assert_eq!(story.report().await, ("a".to_owned(), 1, true));
    sleep(REQUEST_TIMEOUT * 2).await;
    assert_eq!(story.reports_so_far(), []);
    // It was delivered, and the report was lost.
    story.push.deliver(execute("a", 1, "slow"));
    assert_eq!(story.report().await, ("a".to_owned(), 1, true));
}

#[tokio::test(start_paused = true)]
async fn what_has_no_room_is_left_to_its_claim() {
    let mut story = Story::new(SLOTS);
    for message in 0..3 * TARGET_QUEUE_MAX {
        story.deliver(&message.to_string(), "live");
    }
    sleep(Duration::from_secs(60)).await;
    let reports = story.reports_so_far();
    assert_eq!(reports.len(), TARGET_QUEUE_MAX);
    assert!(reports.iter().all(|(_, _, delivered)| *delivered));
    // Its claim ends, and it comes again.
    story.deliver(&(3 * TARGET_QUEUE_MAX - 1).to_string(), "live");
    assert!(story.report().await.2);
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_at_the_end_is_cut_off_without_a_report() {
    let mut story = Story::new(SLOTS);
    story.deliver("slow", "slow");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(story.under_way.load(Ordering::Relaxed), 1);
    drop(story.push);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(story.under_way.load(Ordering::Relaxed), 0);
    assert_eq!(story.reports.try_recv(), Err(TryRecvError::Disconnected));
}
