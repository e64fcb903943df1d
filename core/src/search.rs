//! Searches: what they ask for and what matches, the one definition that every store is tested against. Cursors belong to the wire.

use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::limits::SEARCH_BYTES_MAX;
use crate::promise::{Promise, PromiseState, Tags};
use crate::task::TaskState;
use crate::time::Timestamp;

/// An id pattern in which `*` matches any run of characters and nothing else is special (2023 API, search).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IdPattern(String);

impl IdPattern {
    /// Takes a pattern; every text is one.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an id matches, in time proportional to the product of the lengths at worst.
    #[must_use]
    pub fn matches(&self, id: &str) -> bool {
        let (pattern, id) = (self.0.as_bytes(), id.as_bytes());
        let (mut at, mut seen) = (0, 0);
        // Where to go on when the run after the last star turns out to be too short.
        let mut retry: Option<(usize, usize)> = None;
        while seen < id.len() {
            if pattern.get(at) == Some(&b'*') {
                retry = Some((at + 1, seen));
                at += 1;
            } else if pattern.get(at) == Some(&id[seen]) {
                at += 1;
                seen += 1;
            } else if let Some((after_star, run)) = retry {
                retry = Some((after_star, run + 1));
                at = after_star;
                seen = run + 1;
            } else {
                return false;
            }
        }
        pattern[at..].iter().all(|byte| *byte == b'*')
    }
}

/// Which states a search of promises wants, as they are at `now`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateFilter {
    /// Exactly this state (today's protocol).
    Only(PromiseState),
    /// Rejected in any of the three ways (2023 API).
    AnyRejected,
}

impl StateFilter {
    /// Whether a state is wanted.
    #[must_use]
    pub fn wants(self, state: PromiseState) -> bool {
        match self {
            Self::Only(only) => state == only,
            Self::AnyRejected => match state {
                PromiseState::Rejected | PromiseState::RejectedCanceled | PromiseState::RejectedTimedout => true,
                PromiseState::Pending | PromiseState::Resolved => false,
            },
        }
    }
}

/// The order of a search of promises, with where to go on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromiseOrder {
    /// By id ascending, after this one (today's protocol).
    ById {
        /// The last id of the page before.
        after: Option<Id>,
    },
    /// By creation and id, both descending, after this pair (2023 API).
    Newest {
        /// The last promise of the page before.
        after: Option<(Timestamp, Id)>,
    },
}

/// A search of promises.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SearchPromises {
    /// Only these ids.
    #[serde(default)]
    pub pattern: Option<IdPattern>,
    /// Only ids with this prefix (the scope of a token).
    #[serde(default)]
    pub prefix: Option<String>,
    /// Only these states, as of now.
    #[serde(default)]
    pub state: Option<StateFilter>,
    /// Only promises with all of these tags.
    #[serde(default)]
    pub tags: Tags,
    /// Order and place.
    pub order: PromiseOrder,
    /// Promises on a page, at least 1.
    pub limit: usize,
}

impl SearchPromises {
    /// Whether a promise matches as of `now`. Place and limit are not looked at.
    #[must_use]
    pub fn matches(&self, promise: &Promise, now: Timestamp) -> bool {
        self.matches_id(&promise.id)
            && self.state.is_none_or(|wanted| wanted.wants(promise.state_as_of(now)))
            && has_all(&promise.tags, &self.tags)
    }

    /// Whether an id matches pattern and prefix.
    #[must_use]
    pub fn matches_id(&self, id: &str) -> bool {
        self.prefix.as_ref().is_none_or(|prefix| id.starts_with(prefix.as_str()))
            && self.pattern.as_ref().is_none_or(|pattern| pattern.matches(id))
    }

    /// Whether a promise lies behind the place where this page starts.
    #[must_use]
    pub fn is_after_cursor(&self, promise: &Promise) -> bool {
        match &self.order {
            PromiseOrder::ById { after } => after.as_ref().is_none_or(|after| promise.id > *after),
            PromiseOrder::Newest { after } => {
                after.as_ref().is_none_or(|(created_at, id)| (promise.created_at, &promise.id) < (*created_at, id))
            }
        }
    }
}

/// A search of tasks, ordered by id ascending.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SearchTasks {
    /// Only ids with this prefix (the scope of a token).
    #[serde(default)]
    pub prefix: Option<String>,
    /// Only this state, as of now.
    #[serde(default)]
    pub state: Option<TaskState>,
    /// The last id of the page before.
    #[serde(default)]
    pub after: Option<Id>,
    /// Tasks on a page, at least 1.
    pub limit: usize,
}

/// A search of schedules, ordered by id ascending.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SearchSchedules {
    /// Only ids with this prefix (the scope of a token).
    #[serde(default)]
    pub prefix: Option<String>,
    /// Only schedules whose promises have all of these tags.
    #[serde(default)]
    pub tags: Tags,
    /// The last id of the page before.
    #[serde(default)]
    pub after: Option<Id>,
    /// Schedules on a page, at least 1.
    pub limit: usize,
}

/// The room on a page of a search, one record more than its limit so that the end is seen, and bounded in bytes.
#[derive(Clone, Copy, Debug)]
pub struct PageRoom {
    records_left: usize,
    taken: usize,
    bytes: usize,
}

impl PageRoom {
    /// Room for `limit` records and one more.
    #[must_use]
    pub const fn of(limit: usize) -> Self {
        Self { records_left: limit.saturating_add(1), taken: 0, bytes: 0 }
    }

    /// Takes the room of a record of about `bytes`, and says whether another may follow. At least two may: one for the page, one to tell that
    /// there are more.
    pub fn take(&mut self, bytes: usize) -> bool {
        self.records_left = self.records_left.saturating_sub(1);
        self.taken += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.records_left > 0 && (self.taken < 2 || self.bytes <= SEARCH_BYTES_MAX)
    }
}

/// How many of the loaded records go onto the page: the limit, fewer where their bytes add up to too much, at least one.
pub(crate) fn page_length(limit: usize, weights: impl Iterator<Item = usize>) -> usize {
    let mut bytes = 0_usize;
    let fitting = weights.take(limit).take_while(|weight| {
        bytes = bytes.saturating_add(*weight);
        bytes <= SEARCH_BYTES_MAX
    });
    fitting.count().max(1)
}

/// Whether `tags` holds every pair of `wanted`.
#[must_use]
pub fn has_all(tags: &Tags, wanted: &Tags) -> bool {
    wanted.iter().all(|(name, text)| tags.get(name) == Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_star_is_special() {
        for (pattern, id, expected) in [
            ("*", "", true),
            ("*", "anything", true),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "abd", false),
            ("a*b*c", "aXbYbZc", true),
            ("*b", "ab", true),
            ("*b", "ba", false),
            ("a_c", "abc", false),
            ("a%", "abc", false),
            ("A", "a", false),
            ("[a]", "a", false),
            ("é*", "éa", true),
            ("**a**", "a", true),
            ("", "a", false),
        ] {
            assert_eq!(IdPattern::new(pattern).matches(id), expected, "{pattern} {id}");
        }
    }
}
