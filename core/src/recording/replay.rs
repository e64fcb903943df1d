//! Replaying: each line through the machine, over the reference store. Compares answers; nothing of it is sent anywhere.

use super::{Corrupt, Difference, Entry, Header, Line, Why};
use crate::decide::Decision;
use crate::memory::MemoryStore;
use crate::rules::Rules;
use crate::time::Timestamp;

/// A recording that is being replayed, a line at a time.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// What the last header began.
    running: Option<(Rules, MemoryStore)>,
    /// Lines so far.
    lines: u64,
}

/// What a line came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A header: the store is in the state of its snapshot.
    Began(Box<Header>),
    /// An entry: the store has seen its request.
    Applied(Box<Applied>),
    /// The store is empty now.
    Reset {
        /// When it was emptied.
        now: Timestamp,
    },
}

/// An entry that was replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The entry.
    pub entry: Entry,
    /// What its request comes to now: answer, writes and effects. Its follow-ups are lines of their own.
    pub decision: Decision,
    /// How the answer differs from the recorded one, if it does. Lines behind it can be replayed all the same, over a state that may be another
    /// one than the server's.
    pub difference: Option<Difference>,
}

impl Replay {
    /// A replay before its first line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Replays the next line: its bytes up to and with its line feed, which only the last one may lack.
    ///
    /// # Errors
    /// [`Corrupt`] names the line and what is wrong with it. It is counted, and nothing else has changed.
    pub fn line(&mut self, bytes: &[u8]) -> Result<Step, Corrupt> {
        self.lines += 1;
        let line = self.lines;
        self.step(bytes).map_err(|why| Corrupt { line, why })
    }

    fn step(&mut self, bytes: &[u8]) -> Result<Step, Why> {
        match (Line::parse(bytes)?, &mut self.running) {
            (Line::Header(header), running) => {
                let store = MemoryStore::restore(&header.rules, &header.snapshot);
                let store = store.map_err(|invalid| Why::Header(invalid.to_string()))?;
                *running = Some((header.rules.clone(), store));
                Ok(Step::Began(header))
            }
            (Line::Entry(_) | Line::Reset { .. }, None) => Err(Why::NoHeader),
            (Line::Reset { now }, Some((_, store))) => {
                *store = MemoryStore::new();
                Ok(Step::Reset { now })
            }
            (Line::Entry(entry), Some((rules, store))) => {
                let decision = store.apply(rules, &entry.request, entry.now);
                let replayed = serde_json::to_value(&decision.reply).expect("a reply has string keys only");
                let difference = Difference::of(self.lines, &entry, &replayed);
                Ok(Step::Applied(Box::new(Applied { entry: *entry, decision, difference })))
            }
        }
    }

    /// Says that there are no more lines.
    ///
    /// # Errors
    /// [`Corrupt`] when there was none.
    pub fn end(&self) -> Result<(), Corrupt> {
        if self.lines == 0 { Err(Corrupt { line: 1, why: Why::Empty }) } else { Ok(()) }
    }

    /// Lines so far.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The store as the lines so far have left it; none before the first header.
    #[must_use]
    pub fn store(&self) -> Option<&MemoryStore> {
        self.running.as_ref().map(|(_, store)| store)
    }

    /// The dials of the last header; none before the first one.
    #[must_use]
    pub fn rules(&self) -> Option<&Rules> {
        self.running.as_ref().map(|(rules, _)| rules)
    }
}
