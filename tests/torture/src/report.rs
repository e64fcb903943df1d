//! What a run came to, as a table.

use std::fmt;
use std::time::Duration;

use comfy_table::{Table, presets};

use crate::book::Counts;

/// Violations of each kind of run that are shown.
const SHOWN_MAX: usize = 20;

/// What the kills over one kind of store came to.
#[derive(Clone, Debug, Default)]
pub struct Killed {
    /// Servers that were killed.
    pub kills: u64,
    /// Databases that were ended at once.
    pub database_kills: u64,
    /// Times that the whole store was held to what was known.
    pub looks: u64,
    /// What was written.
    pub counts: Counts,
    /// From the start of a process to its being ready.
    pub ready: Vec<Duration>,
    /// What was wrong.
    pub violations: Vec<String>,
}

/// What the power cuts came to.
#[derive(Clone, Debug, Default)]
pub struct Cuts {
    /// Writes, cuts, creations and removals in the log.
    pub changes: u64,
    /// Times that the server waited for its disk.
    pub syncs: u64,
    /// Disks that were opened with everything written up to a point.
    pub prefixes: u64,
    /// Disks that were opened with some of what was not synced yet.
    pub subsets: u64,
    /// Writes that were acknowledged in the log.
    pub acknowledged: u64,
    /// What was wrong.
    pub violations: Vec<String>,
}

impl Killed {
    /// Adds what another database has come to.
    pub fn add(&mut self, other: Self) {
        let Self { kills, database_kills, looks, counts, ready, violations } = other;
        self.kills += kills;
        self.database_kills += database_kills;
        self.looks += looks;
        self.counts.acknowledged += counts.acknowledged;
        self.counts.unknown += counts.unknown;
        self.counts.took_effect += counts.took_effect;
        self.counts.messages += counts.messages;
        self.ready.extend(ready);
        self.violations.extend(violations);
    }

    /// The wait for a server at a rank: the middle one, the longest.
    fn ready_at(&self, rank: impl Fn(usize) -> usize) -> String {
        let mut sorted = self.ready.clone();
        sorted.sort();
        let found = sorted.get(rank(sorted.len().saturating_sub(1)));
        found.map_or_else(|| "–".to_owned(), |took| format!("{} ms", took.as_millis()))
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let Counts { acknowledged, unknown, took_effect, messages } = self.counts;
        vec![
            ("servers killed", self.kills.to_string()),
            ("databases killed", self.database_kills.to_string()),
            ("looks at the whole store", self.looks.to_string()),
            ("acknowledged writes checked", acknowledged.to_string()),
            ("writes without an answer", unknown.to_string()),
            ("… that took effect", took_effect.to_string()),
            ("messages delivered", messages.to_string()),
            ("time to ready, middle", self.ready_at(|last| last / 2)),
            ("time to ready, longest", self.ready_at(|last| last)),
            ("violations", self.violations.len().to_string()),
        ]
    }
}

impl Cuts {
    /// Adds what another part of the same log has come to.
    pub fn add(&mut self, other: Self) {
        let Self { changes, syncs, prefixes, subsets, acknowledged, violations } = other;
        self.changes += changes;
        self.syncs += syncs;
        self.prefixes += prefixes;
        self.subsets += subsets;
        self.acknowledged = self.acknowledged.max(acknowledged);
        self.violations.extend(violations);
    }
}

impl fmt::Display for Killed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.rows(), &self.violations)
    }
}

impl fmt::Display for Cuts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = vec![
            ("changes of the disk", self.changes.to_string()),
            ("syncs", self.syncs.to_string()),
            ("acknowledged writes", self.acknowledged.to_string()),
            ("disks up to a point", self.prefixes.to_string()),
            ("disks with some of the rest", self.subsets.to_string()),
            ("violations", self.violations.len().to_string()),
        ];
        show(f, rows, &self.violations)
    }
}

fn show(f: &mut fmt::Formatter<'_>, rows: Vec<(&'static str, String)>, violations: &[String]) -> fmt::Result {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (name, text) in rows {
        table.add_row([name, &text]);
    }
    writeln!(f, "{table}")?;
    violations.iter().take(SHOWN_MAX).try_for_each(|violation| writeln!(f, "  {violation}"))
}
