//! A batch whose records lie with the caller: it is told what to load, supplies it, and is told what to write. Nothing is kept beyond the batch:
//! a caller whose store fails simply begins again.

use resonate_core::batch::{Batch, Finished, Outcome, Step};
use resonate_core::effect::Effect;
use resonate_core::read::Read;
use resonate_core::reply::Reply;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::time::Timestamp;
use resonate_core::write::Write;
use serde::Serialize;

use crate::fault::{Fault, parse};
use crate::supply::supply;

/// A batch under way.
#[derive(Debug)]
pub(crate) struct Session {
    batch: Batch<'static>,
    /// What was asked for last.
    reads: Vec<Read>,
}

/// What the caller has to do next.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum NextOut<'a> {
    Load(&'a [Read]),
    Commit { writes: &'a [Write], outcomes: Vec<OutcomeOut<'a>>, follow_ups: Vec<FollowUpOut<'a>> },
}

#[derive(Serialize)]
struct OutcomeOut<'a> {
    reply: &'a Reply,
    effects: &'a [Effect],
}

#[derive(Serialize)]
struct FollowUpOut<'a> {
    request: &'a Request,
    #[serde(flatten)]
    outcome: OutcomeOut<'a>,
}

impl<'a> OutcomeOut<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        Self { reply: &outcome.reply, effects: &outcome.effects }
    }
}

/// What a step came to.
pub(crate) enum Stepped {
    /// The caller has to load; the session goes on.
    Load(Box<Session>, Vec<u8>),
    /// The caller has to write and to commit; the session is over.
    Commit(Vec<u8>),
}

impl Session {
    /// Begins a batch of the requests in a JSON list.
    pub(crate) fn begin(rules: &Rules, requests: &[u8], now: Timestamp) -> Result<Stepped, Fault> {
        let requests: Vec<Request> = parse("requests", requests)?;
        let batch = Batch::owned(rules.clone(), requests, now);
        Ok(Self { batch, reads: Vec::new() }.step())
    }

    /// Goes on with the answers to the reads, a JSON list.
    pub(crate) fn supply(mut self, answers: &[u8]) -> Result<Stepped, Fault> {
        supply(self.batch.records(), &self.reads, answers)?;
        Ok(self.step())
    }

    fn step(mut self) -> Stepped {
        match self.batch.step() {
            Step::Load(reads) => {
                let shown = to_json(&NextOut::Load(&reads));
                self.reads = reads;
                Stepped::Load(Box::new(self), shown)
            }
            Step::Commit => {
                let writes = self.batch.writes().to_vec();
                let Finished { outcomes, follow_ups, writes: _, now: _ } = self.batch.finish();
                let follow_ups = follow_ups
                    .iter()
                    .map(|(request, outcome)| FollowUpOut { request, outcome: OutcomeOut::of(outcome) })
                    .collect();
                let outcomes = outcomes.iter().map(OutcomeOut::of).collect();
                Stepped::Commit(to_json(&NextOut::Commit { writes: &writes, outcomes, follow_ups }))
            }
        }
    }
}

fn to_json<T: Serialize>(json: &T) -> Vec<u8> {
    serde_json::to_vec(json).expect("what is printed is plain JSON")
}
