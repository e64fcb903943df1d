//! Whoever applies the changes has what the store has.

use std::collections::BTreeMap;

use resonate_core::drive::{self, Reset};
use resonate_core::due::{Due, DueKind};
use resonate_core::memory::MemoryStore;
use resonate_core::request::Request;
use serde_json::{Map, Value};

use super::Journal;

#[path = "../../../core/tests/support/mod.rs"]
mod support;

use support::generator::Generator;
use support::seed;

/// A copy of a store as a keeper of rows has it: by table and key.
#[derive(Debug, Default)]
struct Copy(BTreeMap<(String, String), Value>);

impl Copy {
    /// Applies what has changed, if anything. Whether everything was new.
    fn follow(&mut self, journal: &mut Journal) -> bool {
        let Some(changes) = journal.take() else { return false };
        let changes: Value = serde_json::from_slice(&changes).expect("changes are JSON");
        let reset = changes["reset"] == true;
        if reset {
            self.0.clear();
        }
        let rows: Vec<(String, String, Value)> = serde_json::from_value(changes["rows"].clone()).expect("rows");
        for (table, key, row) in rows {
            if row.is_null() {
                self.0.remove(&(table, key))
            } else {
                self.0.insert((table, key), row)
            };
        }
        reset
    }

    /// The rows of each table, in any order.
    fn tables(&self) -> BTreeMap<&str, Vec<String>> {
        let mut tables: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for ((table, _), row) in &self.0 {
            tables.entry(table).or_default().push(row.to_string());
        }
        tables.values_mut().for_each(|rows| rows.sort());
        tables
    }

    fn check(&self, journal: &Journal) {
        let stored = serde_json::to_value(journal.store.snapshot()).expect("a snapshot is JSON");
        let stored: Map<String, Value> = serde_json::from_value(stored).expect("tables");
        let mut tables: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (table, rows) in &stored {
            let rows = rows.as_array().expect("a table is a list");
            let mut rows: Vec<String> = rows.iter().map(Value::to_string).collect();
            rows.sort();
            if !rows.is_empty() {
                tables.insert(table, rows);
            }
        }
        assert_eq!(self.tables(), tables);
    }
}

/// Runs random requests, and what is due.
fn happen(journal: &mut Journal, generator: &mut Generator) {
    let rules = generator.rules();
    let now = generator.tick();
    let state = journal.store.snapshot();
    let mut requests: Vec<Request> = (0..generator.rng.usize(1..6)).map(|_| generator.request(&state)).collect();
    let Ok(due) = drive::sweep(journal, &DueKind::ALL, now, 100);
    requests.extend(due.iter().map(Due::request));
    let mut done = 0;
    while done < requests.len() {
        let finished = drive::run(journal, &rules, &requests[done..], now).expect("a store in memory does not fail");
        done += finished.outcomes.len();
    }
}

#[test]
fn the_changes_of_a_random_history_make_its_snapshot() {
    let mut generator = Generator::new(seed("the_changes_of_a_random_history"));
    let (mut journal, mut copy) = (Journal::default(), Copy::default());
    journal.begin();
    for round in 1..=400 {
        happen(&mut journal, &mut generator);
        if round % 150 == 0 {
            let Ok(()) = journal.reset();
            happen(&mut journal, &mut generator);
            assert!(copy.follow(&mut journal), "an emptied store is a new one");
        } else if generator.chance(60) {
            assert!(!copy.follow(&mut journal));
        } else {
            continue;
        }
        copy.check(&journal);
        assert_eq!(journal.take(), None, "what has been told is not told again");
    }
}

#[test]
fn a_store_that_has_become_another_one_is_told_as_a_whole() {
    let mut generator = Generator::new(seed("a_store_that_has_become_another_one"));
    let mut before = Journal::default();
    for _ in 0..50 {
        happen(&mut before, &mut generator);
    }
    let snapshot = before.store.snapshot();
    let store = MemoryStore::restore(&generator.rules(), &snapshot).expect("a state of this machine");
    let mut journal = Journal::of(store, true);
    let mut copy = Copy(BTreeMap::from([(("promises".to_owned(), "gone".to_owned()), Value::from(true))]));
    assert!(copy.follow(&mut journal));
    copy.check(&journal);
}

#[test]
fn nothing_is_noted_before_somebody_asks() {
    let mut generator = Generator::new(7);
    let mut journal = Journal::default();
    happen(&mut journal, &mut generator);
    assert_eq!(journal.take(), None);
    assert!(!Journal::of(journal.store, false).is_noting());
}
