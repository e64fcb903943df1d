//! How far the tables of a database are, whatever the database: versions, and the steps between them. Versions only go up.

/// A step from one version of the tables to the next. It never changes once it has been released.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// What it does, in a few words.
    pub summary: &'static str,
    /// Its statements.
    pub(super) sql: &'static str,
}

impl Migration {
    pub(super) const fn new(summary: &'static str, sql: &'static str) -> Self {
        Self { summary, sql }
    }

    /// The statements, with an end to the last one.
    pub(super) fn statements(&self) -> String {
        format!("{};\n", self.sql.trim_end().trim_end_matches(';'))
    }
}

/// How far the tables of a database are.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The version that was found; 0 where there are no tables yet.
    pub found: i64,
    /// The version that this server writes.
    pub known: i64,
    /// What leads from the one to the other, in order.
    pub pending: &'static [Migration],
    /// The statements of all that, which somebody else may run instead; empty when there is nothing to do.
    pub script: String,
}

/// The steps behind a version.
pub(super) fn pending(migrations: &'static [Migration], version: i64) -> &'static [Migration] {
    usize::try_from(version).ok().and_then(|done| migrations.get(done..)).unwrap_or_default()
}
