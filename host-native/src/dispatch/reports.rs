//! What transports say about deliveries, on its way back to the machine. Reports wait a moment for others, so that many are one entry of the
//! engine's queue; a worker that acquires its task meanwhile has made the report superfluous.

use resonate_core::limits::MESSAGE_JITTER_PERMILLE_MAX;
use resonate_core::message::{Delivery, MessageKey};
use resonate_core::request::Request;
use tokio::sync::mpsc;

use super::limits::{REPORT_DELAY, REPORTS_PER_JOB_MAX};

/// How a delivery went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It reached its worker or listener.
    Delivered,
    /// It may be tried again, later each time.
    Failed,
    /// Nobody is there to take it: it waits for a connection.
    Unclaimed,
}

/// How a delivery went, and what the machine is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How it went.
    pub outcome: Outcome,
    /// What the machine is told.
    pub request: Request,
}

/// Where transports report to. Clones report to the same engine.
///
/// It needs no bound of its own: every report is of a delivery, and those are bounded by the transports.
#[derive(Clone, Debug)]
pub struct Reports(mpsc::UnboundedSender<Report>);

impl Reports {
    /// Reports, and where they arrive.
    #[must_use]
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Report>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Reports how the delivery of a message went.
    pub fn report(&self, delivery: &Delivery, outcome: Outcome) {
        self.report_key(delivery.key.clone(), delivery.version, outcome);
    }

    /// Reports how the delivery of a message went whose body is no longer at hand.
    pub fn report_key(&self, key: MessageKey, version: u64, outcome: Outcome) {
        let request = match outcome {
            Outcome::Delivered => Request::MessageDelivered { key, version },
            Outcome::Failed => {
                let jitter_permille = fastrand::u64(..=MESSAGE_JITTER_PERMILLE_MAX);
                Request::MessageFailed { key, version, jitter_permille }
            }
            Outcome::Unclaimed => Request::MessageUnclaimed { key, version },
        };
        // Once the engine has stopped nobody needs reports: claims end by themselves.
        let _ = self.0.send(Report { outcome, request });
    }
}

/// Reports that came within a moment of each other; none once the last [`Reports`] is gone.
pub(super) async fn next_group(reports: &mut mpsc::UnboundedReceiver<Report>) -> Option<Vec<Report>> {
    let mut group = Vec::new();
    if reports.recv_many(&mut group, REPORTS_PER_JOB_MAX).await == 0 {
        return None;
    }
    if group.len() < REPORTS_PER_JOB_MAX {
        tokio::time::sleep(REPORT_DELAY).await;
    }
    while group.len() < REPORTS_PER_JOB_MAX {
        let Ok(report) = reports.try_recv() else { break };
        group.push(report);
    }
    Some(group)
}
