//! What the writer does with a batch that is durable: answers go out first, then messages, then the recording is told.

use std::collections::BTreeSet;
use std::time::Duration;

use resonate_core::address::Mailbox;
use resonate_core::batch::{Finished, Outcome};
use resonate_core::drive::{Tx as _, TxError};
use resonate_core::due::{Due, DueKind};
use resonate_core::effect::Effect;
use resonate_core::message::{Delivery, Message};
use resonate_core::reply::Reply;
use resonate_core::request::Request;
use resonate_core::retention;
use resonate_core::time::Timestamp;

use super::SubmitError;
use super::told::Told;
use super::writer::{Waiter, Writer};
use crate::metrics::{Kind, Went};
use crate::store::{Error, HostStore, damage};

/// What a commit asks for.
#[derive(Default)]
struct AfterCommit {
    deliveries: Vec<Delivery>,
    parked: BTreeSet<Mailbox>,
    wake_at: Option<Timestamp>,
}

impl AfterCommit {
    fn extend(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Deliver(delivery) => self.deliveries.push(delivery),
                Effect::Parked(mailbox) => drop(self.parked.insert(mailbox)),
                Effect::WakeAt(at) => self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at))),
            }
        }
    }
}

/// What the answers to a batch show.
pub(super) struct Answered {
    /// Whether background work found anything to do.
    pub(super) progress: bool,
    /// Promises that were removed, or would have been.
    pub(super) purged: usize,
}

impl<S: HostStore> Writer<S> {
    /// Answers the first of these requests, those that have outcomes.
    pub(super) fn answer(
        &mut self,
        requests: &[Request],
        finished: Finished,
        waiters: &mut impl Iterator<Item = Waiter>,
    ) -> Answered {
        let Finished { outcomes, follow_ups, writes: _, now } = finished;
        let (mut progress, mut purged) = (false, 0);
        let mut after = AfterCommit::default();
        let mut recorded = Vec::new();
        for ((outcome, waiter), request) in outcomes.into_iter().zip(waiters).zip(requests) {
            let Outcome { reply, effects, projected: _ } = outcome;
            after.extend(effects);
            purged += self.count_purged(request, &reply);
            if self.recorder.is_some() {
                recorded.push(reply.clone());
            }
            if reply == Reply::Expired {
                self.metrics.deliveries.get_or_create(&Went { status: "expired" }).inc();
            }
            match waiter {
                // A client that has gone away wants no answer.
                Waiter::Client(client) => drop(client.send(Ok(Told { reply, now }))),
                Waiter::Background(due) => {
                    if reply != Reply::Idle {
                        progress = true;
                        self.count(due.kind, Some(now.since(due.at).as_millis()));
                    } else if due.at <= now && self.background.found_idle(&due) {
                        self.skip(&due);
                    }
                }
                Waiter::Nobody => {}
            }
        }
        let mut followed = Vec::new();
        for (request, Outcome { reply, effects, projected: _ }) in follow_ups {
            after.extend(effects);
            purged += self.count_purged(&request, &reply);
            if let Some(kind) = request.due_kind().filter(|_| reply != Reply::Idle) {
                self.count(kind, None);
            }
            followed.push((request, reply));
        }
        self.act(after);
        if let Some(recorder) = &mut self.recorder {
            let answered = requests.iter().zip(&recorded);
            let followed = followed.iter().map(|(request, reply)| (request, reply));
            answered.chain(followed).for_each(|(request, reply)| recorder.answered(now, request, reply));
            recorder.flush();
        }
        Answered { progress, purged }
    }

    /// Everybody has been answered: does what the commit was for.
    fn act(&mut self, after: AfterCommit) {
        let AfterCommit { deliveries, parked, wake_at } = after;
        if let Some(at) = wake_at {
            self.background.wake_at(at);
        }
        if self.background.is_still() {
            // What is claimed is found again once the background goes on.
            self.parked_meanwhile.extend(parked);
            return;
        }
        for delivery in deliveries {
            let kind = match delivery.message {
                Message::Execute { .. } => "execute",
                Message::Unblock { .. } => "unblock",
            };
            self.metrics.messages.get_or_create(&Kind { kind }).inc();
            self.transports.deliver(delivery);
        }
        parked.iter().for_each(|mailbox| self.transports.parked(mailbox));
    }

    /// How many promises a request has removed, or would have.
    fn count_purged(&self, request: &Request, reply: &Reply) -> usize {
        let purges = retention::purges(request, reply);
        if purges && !matches!(request, Request::PurgePromise { dry_run: true, .. }) {
            self.metrics.purged_promises.inc();
        }
        usize::from(purges)
    }

    fn count(&self, kind: DueKind, late_millis: Option<u64>) {
        let label = Kind { kind: kind.name() };
        if let Some(millis) = late_millis {
            self.metrics.timer_lateness.get_or_create(&label).observe(Duration::from_millis(millis).as_secs_f64());
        }
        self.metrics.background.get_or_create(&label).inc();
        match kind {
            DueKind::Deadline => drop(self.metrics.timeouts.inc()),
            DueKind::Schedule => drop(self.metrics.schedule_promises.inc()),
            DueKind::Discharge | DueKind::Lease | DueKind::Retry | DueKind::Message => {}
        }
    }

    /// Answers who wants a row that somebody else has. In the background whoever has it may be doing the same.
    pub(super) fn refuse_locked(&mut self, waiter: Waiter) {
        match waiter {
            Waiter::Client(client) => drop(client.send(Err(SubmitError::Unavailable))),
            Waiter::Background(_) | Waiter::Nobody => {}
        }
    }

    /// Leaves a request alone that can only fail.
    pub(super) fn give_up(&mut self, waiter: Option<Waiter>, error: &TxError<Error>) {
        if let TxError::Store(error) = error {
            damage::report(error);
        }
        match (waiter, error) {
            (Some(waiter), TxError::Store(Error::Locked { .. }) | TxError::Conflict) => self.refuse_locked(waiter),
            (Some(Waiter::Client(client)), TxError::Store(_)) => drop(client.send(Err(SubmitError::Damaged))),
            (Some(Waiter::Background(due)), _) => self.skip(&due),
            (Some(Waiter::Nobody) | None, _) => {}
        }
    }

    fn skip(&mut self, due: &Due) {
        if self.background.skip(due) {
            self.metrics.skipped_rows.inc();
            tracing::error!(kind = due.kind.name(), key = ?due.key, "left a due row alone: nothing can be done about it");
        }
    }

    /// Begins the recording anew from what is in the store: what a failed commit has left behind is not known otherwise.
    pub(super) fn record_anew(&mut self, now: Timestamp) -> Result<(), Error> {
        let Some(recorder) = self.recorder.as_mut().filter(|recorder| !recorder.is_over()) else { return Ok(()) };
        match self.store.begin().and_then(|mut tx| tx.snapshot()) {
            Ok(snapshot) => recorder.begin(now, &self.rules, snapshot).unwrap_or_else(|why| recorder.give_up(&why)),
            // A row that stays unreadable: the server must not wait for it.
            Err(error) if error.is_row() => recorder.give_up(&error),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
