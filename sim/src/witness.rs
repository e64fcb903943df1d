//! What the senders of requests see: each transmission that arrives is an operation of its own, since each may take effect. It begins when it is sent;
//! it ends when its answer is heard, or, where that is lost, when its server is done with it. Owns the numbers of moments; changes nothing in the
//! world that it watches.

use resonate_core::reply::Reply;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::time::Timestamp;

use crate::linear::{Answer, History, Moment, Operation};
use crate::server::Origin;

/// Transmissions that servers are done with, after which nobody watches any more. What was seen until then is a history too.
const OPERATIONS_MAX: usize = 20_000;

/// A transmission of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The call that it belongs to.
    pub(crate) call: u64,
    /// Its number, where somebody watches.
    seen: Option<usize>,
}

/// Who watches, or nobody.
#[derive(Debug)]
pub(crate) struct Witness {
    watches: bool,
    moments: u64,
    done: usize,
    seen: Vec<Seen>,
}

#[derive(Debug)]
struct Seen {
    operation: Operation,
    /// What its server has said, heard or not.
    said: Option<Reply>,
    /// Whether it is likely to have taken effect.
    committed: bool,
}

impl Witness {
    pub(crate) fn new(watches: bool) -> Self {
        Self { watches, moments: 0, done: 0, seen: Vec::new() }
    }

    fn moment(&mut self, at: Timestamp) -> Moment {
        self.moments += 1;
        Moment { order: self.moments, at }
    }

    /// A request sets out.
    pub(crate) fn sent(&mut self, call: u64, client: u64, request: &Request, at: Timestamp) -> Sent {
        if !self.watches {
            return Sent { call, seen: None };
        }
        let invoked = self.moment(at);
        let operation = Operation {
            client,
            request: request.clone(),
            invoked,
            returned: None,
            answer: None,
            now: None,
            latest: Timestamp::MAX,
            rank: u64::MAX,
        };
        self.seen.push(Seen { operation, said: None, committed: false });
        Sent { call, seen: Some(self.seen.len() - 1) }
    }

    fn of(&mut self, sent: Sent) -> Option<&mut Seen> {
        self.seen.get_mut(sent.seen.filter(|_| self.watches)?)
    }

    /// A server has tried it, at this instant.
    pub(crate) fn tried(&mut self, origins: &[Origin], now: Timestamp, committed: bool) {
        for origin in origins {
            if let Origin::Call(sent) = origin
                && let Some(seen) = self.of(*sent)
            {
                seen.operation.now = Some(now);
                seen.committed = committed;
            }
        }
    }

    /// A server is done with it, and no server has gone by a later instant so far.
    pub(crate) fn done(&mut self, sent: Sent, said: Option<(&Reply, Timestamp)>, at: Timestamp, latest: Timestamp) {
        if sent.seen.is_none() {
            return;
        }
        let moment = self.moment(at);
        let Some(seen) = self.of(sent) else { return };
        if let Some((reply, now)) = said {
            seen.said = Some(reply.clone());
            seen.operation.now = Some(now);
            seen.committed = true;
        }
        seen.operation.returned = Some(moment);
        seen.operation.latest = latest.max(seen.operation.now.unwrap_or_default());
        if seen.committed {
            seen.operation.rank = moment.order;
        }
        self.done += 1;
        self.watches = self.done < OPERATIONS_MAX;
    }

    /// Whatever its server has said is heard.
    pub(crate) fn heard(&mut self, sent: Sent, at: Timestamp) {
        if sent.seen.is_none() {
            return;
        }
        let moment = self.moment(at);
        if let Some(seen) = self.of(sent)
            && let Some(reply) = seen.said.take()
        {
            seen.operation.answer = Some(Answer::Machine(reply));
            seen.operation.returned = Some(moment);
        }
    }

    /// Everything that was seen. What no server has tried is nothing.
    pub(crate) fn into_history(self, rules: Rules, purges: bool) -> History {
        let tried = self.seen.into_iter().map(|seen| seen.operation).filter(|operation| operation.now.is_some());
        History { operations: tried.collect(), rules, tolerance: None, purges }
    }
}
