//! Debugging (spec §4, debug) of a server as a value: time is what a request says it is, everything can be seen and emptied.

use super::{Events, Happened, Local, Outcome};
use crate::drive::Reset;
use crate::due::DueKind;
use crate::limits::DEBUG_TICKS_MAX;
use crate::time::{Millis, Timestamp};
use crate::wire::BadInput;
use crate::wire::envelope::{self, Answer, DebugCall, DebugReply};

impl<S: Reset> Local<S> {
    pub(super) fn debug(&mut self, call: DebugCall, kind: &str, corr_id: &str, now: Timestamp) -> Outcome<S, Answer> {
        let reply = match call {
            DebugCall::Start => {
                (self.debug_seen, self.still) = (None, true);
                DebugReply::Done
            }
            DebugCall::Stop => {
                if self.still {
                    self.go_on(now)?;
                }
                DebugReply::Done
            }
            DebugCall::Reset => {
                self.reset()?;
                DebugReply::Done
            }
            DebugCall::Tick { time } => {
                let at = self.debug_time(time);
                for _ in 0..DEBUG_TICKS_MAX {
                    if self.tick_at(at, &DueKind::TIMERS)? {
                        break;
                    }
                }
                DebugReply::Ticked
            }
            DebugCall::Snap => {
                let snapshot = self.snapshot()?;
                return Ok(envelope::print_debug(kind, corr_id, DebugReply::Snapshot(&snapshot)));
            }
        };
        Ok(envelope::print_debug(kind, corr_id, reply))
    }

    /// Does by itself again what was left undone meanwhile.
    fn go_on(&mut self, now: Timestamp) -> Outcome<S, ()> {
        (self.still, self.wake_at) = (false, Timestamp::ZERO);
        self.events.parked.append(&mut self.parked_meanwhile);
        // What became deliverable was claimed and not delivered, perhaps at an instant that is still to come: its claim would end as late.
        let claimed = std::mem::take(&mut self.claimed_meanwhile);
        let behind = self.clamp(now).max(claimed) + Millis::saturating(1);
        self.adopt_orphans_at(behind)
    }

    /// Removes everything, also what is still to be done.
    ///
    /// # Errors
    /// The store's.
    pub fn reset(&mut self) -> Outcome<S, ()> {
        self.debug_seen = None;
        self.events = Events::default();
        self.parked_meanwhile.clear();
        self.claimed_meanwhile = Timestamp::ZERO;
        self.forget_idle();
        self.store.reset()?;
        if let Some(log) = &mut self.log {
            log.push(Happened::Emptied { now: self.seen });
        }
        Ok(())
    }

    /// The instant of a request: the one that it names, where debugging lets it.
    pub(super) fn instant_of(&mut self, at: &Result<Option<Timestamp>, BadInput>, now: Timestamp) -> Timestamp {
        match at {
            Ok(Some(at)) => self.debug_time(*at),
            Ok(None) | Err(_) => self.clamp(now),
        }
    }

    /// An instant earlier than the last seen counts as that one.
    pub(super) fn debug_time(&mut self, at: Timestamp) -> Timestamp {
        let at = self.debug_seen.map_or(at, |seen| seen.max(at));
        self.debug_seen = Some(at);
        at
    }
}
