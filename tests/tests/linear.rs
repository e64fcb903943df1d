//! Clients at the same time, over HTTP, with few ids between them: some order of their requests explains every answer. Servers report the instant of
//! each answer, which must lie within its call.

mod clients;
mod postgres;
mod sqlite;
mod wishes;

use std::path::PathBuf;

use resonate_sim::linear::{Contradiction, History, check};

/// Histories of a run, and what they came to.
#[derive(Debug, Default)]
struct Tally {
    histories: usize,
    operations: usize,
    unanswered: usize,
    /// Sent before something that had been sent earlier was over.
    overlapping: usize,
    largest: usize,
    states: u64,
    gave_up: usize,
}

impl Tally {
    /// Checks one more.
    #[track_caller]
    fn add(&mut self, name: &str, history: &History) {
        let checked = check(history);
        if let Some(contradiction) = checked.contradiction {
            let contradiction = contradiction.shrunk();
            let page = write_page(name, &contradiction);
            panic!("{name}: {contradiction}drawn in {}", page.display());
        }
        self.histories += 1;
        self.operations += checked.operations;
        self.unanswered += history.operations.iter().filter(|operation| operation.answer.is_none()).count();
        self.overlapping += overlapping(history);
        self.largest = self.largest.max(checked.largest);
        self.states += checked.states;
        self.gave_up += checked.gave_up;
    }

    /// What was not checked must be rare, and clients must have met.
    #[track_caller]
    fn end(&self) {
        println!("{self:?}");
        assert!(self.gave_up * 50 <= self.histories, "{} of {} given up", self.gave_up, self.histories);
        assert!(self.overlapping * 2 >= self.operations, "{} of {} overlapped", self.overlapping, self.operations);
    }
}

fn overlapping(history: &History) -> usize {
    let mut operations: Vec<_> = history.operations.iter().collect();
    operations.sort_by_key(|operation| operation.invoked);
    let mut over = None;
    let overlaps = operations.into_iter().filter(|operation| {
        let overlaps = over.is_some_and(|over| operation.invoked < over);
        over = over.max(operation.returned);
        overlaps
    });
    overlaps.count()
}

/// Draws a contradiction where builds go.
fn write_page(name: &str, contradiction: &Contradiction) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/linear");
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(format!("{name}.html"));
    std::fs::write(&path, contradiction.page(name)).expect("a page");
    path.canonicalize().unwrap_or(path)
}
