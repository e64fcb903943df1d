//! The schedule: a recipe that creates a promise at every occurrence of a cron expression. Owns its record and the template of its promises' ids.

use serde::{Deserialize, Serialize};

use crate::id::{Id, InvalidId};
use crate::promise::{Tags, tag};
use crate::time::{Millis, Timestamp};
use crate::value::{Value, map_weight};

/// A schedule as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its address among all schedules.
    pub id: Id,
    /// The cron expression, as given.
    pub cron: String,
    /// Template of the ids of its promises: `{{.id}}` and `{{.timestamp}}` are replaced.
    pub promise_id: String,
    /// Time from an occurrence to the deadline of its promise.
    pub promise_timeout: Millis,
    /// What its promises are created with.
    pub promise_param: Value,
    /// Tags of its promises, before those that the server sets.
    pub promise_tags: Tags,
    /// When it was created.
    pub created_at: Timestamp,
    /// The next occurrence to fire; [`Timestamp::MAX`] when there is none.
    pub next_run_at: Timestamp,
    /// The last occurrence fired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run_at: Option<Timestamp>,
}

impl Schedule {
    /// Bytes that the record occupies, roughly: the sum of its strings.
    #[must_use]
    pub fn weight(&self) -> usize {
        let texts = self.id.len() + self.cron.len() + self.promise_id.len();
        texts + self.promise_param.weight() + map_weight(&self.promise_tags)
    }

    /// The id of the promise of an occurrence.
    ///
    /// # Errors
    /// [`InvalidId`] when the expanded template is no id.
    pub fn promise_id_at(&self, occurrence: Timestamp) -> Result<Id, InvalidId> {
        expand(&self.promise_id, &self.id, occurrence)
    }

    /// The tags of the promise with this id: the schedule's, overridden by the ones that the server sets (spec §4, schedules).
    #[must_use]
    pub fn promise_tags_of(&self, promise: &Id) -> Tags {
        let mut tags = self.promise_tags.clone();
        tags.insert(tag::SCHEDULE.to_owned(), self.id.to_string());
        for name in [tag::ORIGIN, tag::BRANCH, tag::PARENT, tag::PREFIX] {
            tags.insert(name.to_owned(), promise.to_string());
        }
        tags
    }
}

/// Replaces `{{.id}}` and `{{.timestamp}}` (blanks inside the braces are allowed) in a template of promise ids.
///
/// # Errors
/// [`InvalidId`] when the result is no id.
pub fn expand(template: &str, schedule: &Id, occurrence: Timestamp) -> Result<Id, InvalidId> {
    let mut expanded = String::with_capacity(template.len() + schedule.len());
    let mut rest = template;
    while let Some(start) = rest.find("{{") {
        let Some(length) = rest[start..].find("}}") else { break };
        expanded.push_str(&rest[..start]);
        match rest[start + 2..start + length].trim() {
            ".id" => expanded.push_str(schedule),
            ".timestamp" => expanded.push_str(&occurrence.to_string()),
            _ => expanded.push_str(&rest[start..start + length + 2]),
        }
        rest = &rest[start + length + 2..];
    }
    expanded.push_str(rest);
    Id::parse(&expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_expand_the_known_names_only() {
        let id = Id::parse("nightly").expect("an id");
        let at = Timestamp::saturating(42);
        let expanded = |template| expand(template, &id, at).map(|id| id.to_string());
        assert_eq!(expanded("{{.id}}-{{.timestamp}}"), Ok("nightly-42".into()));
        assert_eq!(expanded("{{ .id }}/{{.other}}/{{"), Ok("nightly/{{.other}}/{{".into()));
        assert_eq!(expanded(""), Err(InvalidId::Empty));
    }
}
