//! Histories as text: recordings, and their short form, in which answers and kinds are left out, since they follow. One reads as the other does.

use resonate_core::memory::MemoryStore;
use resonate_core::recording::{Corrupt, Difference, Entry, Header, Line, Why, print_entry, print_reset};
use resonate_core::reply::Reply;
use resonate_core::request::Request;
use resonate_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{History, Recorded, Step, What};
use crate::fault::Fault;

/// What a line of the short form begins with.
const SHORT: &[u8] = b"{\"now\"";

/// A line of the short form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShortIn {
    now: Timestamp,
    req: Request,
}

#[derive(Serialize)]
struct ShortOut<'a> {
    now: Timestamp,
    req: &'a Request,
}

/// What was recorded, if the machine answers something else now.
pub(super) fn recorded(steps_before: usize, entry: Entry, reply: &Reply) -> Option<Box<Recorded>> {
    let replayed = serde_json::to_value(reply).expect("a reply has string keys only");
    // The header is the first line.
    let line = steps_before as u64 + 2;
    let difference = Difference::of(line, &entry, &replayed)?.to_string();
    Some(Box::new(Recorded { entry, difference }))
}

impl History {
    /// Reads a history from either text.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Fault> {
        let mut history: Option<Self> = None;
        for (number, line) in (1..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
            take(&mut history, line).map_err(|why| corrupt(number, why))?;
        }
        let mut history = history.ok_or_else(|| corrupt(1, Why::Empty))?;
        history.live = history.last.live();
        Ok(history)
    }

    /// The history as a recording.
    pub(crate) fn recording(&self) -> Vec<u8> {
        let mut world = self.kept[0].clone();
        self.print(|step, request| {
            let decision = world.apply(step.now, &step.what)?;
            Some(print_entry(step.now, request?, &decision.reply))
        })
    }

    /// The history in its short form.
    pub(crate) fn short(&self) -> Vec<u8> {
        self.print(|step, request| {
            let short = ShortOut { now: step.now, req: request? };
            Some(serde_json::to_string(&short).expect("a request has string keys only"))
        })
    }

    /// Prints the lines; `entry` is called for every step in order, and gives the line of one that is a request.
    fn print<'a>(&'a self, mut entry: impl FnMut(&'a Step, Option<&'a Request>) -> Option<String>) -> Vec<u8> {
        let mut text = Header { snapshot: self.kept[0].store().snapshot(), ..self.header.clone() }.print();
        for step in &self.steps {
            text.push('\n');
            let request = if let What::Did(request) = &step.what { Some(&**request) } else { None };
            let line = entry(step, request);
            text.push_str(&match (&step.what, &step.recorded, line) {
                (What::Emptied, _, _) => print_reset(step.now),
                (What::Began(header), _, _) => header.print(),
                (What::Did(_), Some(recorded), _) => recorded.entry.print(),
                (What::Did(_), None, Some(line)) => line,
                (What::Did(_), None, None) => unreachable!("a request has a line"),
            });
        }
        text.push('\n');
        text.into_bytes()
    }
}

fn take(history: &mut Option<History>, line: &[u8]) -> Result<(), Why> {
    let parsed = if line.starts_with(SHORT) {
        let text = std::str::from_utf8(line).map_err(|_| Why::NotUtf8)?;
        let ShortIn { now, req } = serde_json::from_str(text).map_err(|error| Why::Field(error.to_string()))?;
        let history = history.as_mut().ok_or(Why::NoHeader)?;
        history.push(now, What::Did(Box::new(req)), None);
        return Ok(());
    } else {
        Line::parse(line)?
    };
    match (parsed, history) {
        (Line::Header(header), history) => {
            let restored = MemoryStore::restore(&header.rules, &header.snapshot);
            let store = restored.map_err(|invalid| Why::Header(invalid.to_string()))?;
            match history {
                None => *history = Some(History::from(*header, store)),
                Some(history) => history.push(header.now, What::Began(header), None),
            }
        }
        (Line::Entry(_) | Line::Reset { .. }, None) => return Err(Why::NoHeader),
        (Line::Reset { now }, Some(history)) => history.push(now, What::Emptied, None),
        (Line::Entry(entry), Some(history)) => {
            history.push(entry.now, What::Did(Box::new(entry.request.clone())), Some(*entry));
        }
    }
    Ok(())
}

fn corrupt(line: u64, why: Why) -> Fault {
    Fault::bad("recording", Corrupt { line, why })
}
