//! Finds keys by what someone wrote: the key itself, or the one that was probably meant.

use super::key::Key;
use super::keys::{all, live};

/// The key for a dotted path; an ignored family answers for everything below it.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    all().find(|key| match key.family() {
        None => key.path == path,
        Some(section) => path.strip_prefix(section).is_some_and(|rest| rest.starts_with('.')),
    })
}

/// Whether some key lies below the dotted path.
pub(super) fn is_section(path: &str) -> bool {
    all().any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

/// The live key that someone who wrote `path` most likely meant.
pub(super) fn nearest(path: &str) -> Option<&'static str> {
    nearest_of(live().map(|key| key.path), path)
}

/// The section that someone who wrote `path` most likely meant.
pub(super) fn nearest_section(path: &str) -> Option<&'static str> {
    let parents = |key: &'static Key| key.path.match_indices('.').map(|(end, _)| &key.path[..end]);
    nearest_of(live().flat_map(parents), path)
}

fn nearest_of(candidates: impl Iterator<Item = &'static str>, path: &str) -> Option<&'static str> {
    /// Below this, a suggestion confuses more than it helps.
    const LIKENESS_MIN: f64 = 0.6;
    /// The right name in the wrong section is a strong sign, even where the sections look nothing
    /// alike.
    const SAME_NAME: f64 = 0.5;
    let path = path.to_lowercase();
    let score = |candidate: &str| {
        let likeness = strsim::normalized_damerau_levenshtein(candidate, &path);
        let same_name = last_part(candidate) == last_part(&path);
        if same_name { likeness + SAME_NAME } else { likeness }
    };
    candidates
        .map(|candidate| (score(candidate), candidate))
        .filter(|(score, _)| *score >= LIKENESS_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

fn last_part(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, last)| last)
}
