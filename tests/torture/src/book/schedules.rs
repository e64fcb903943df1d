//! What is known of schedules, all of which fire every second: what they fired is there up to the last run, each occurrence once.

use resonate_core::id::Id;
use resonate_core::schedule::Schedule;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;

use super::Book;

/// The time between two occurrences, in milliseconds.
const PERIOD: u64 = 1_000;

/// What is known of a schedule.
#[derive(Clone, Debug, Default)]
pub(super) struct Cron {
    /// How it was shown.
    pub(super) shown: Option<Schedule>,
    /// It may have been created.
    pub(super) doubted: bool,
    /// It may have been deleted.
    pub(super) maybe_gone: bool,
    /// It was deleted.
    pub(super) gone: bool,
}

impl Cron {
    fn check(&self, found: Option<&Schedule>, snapshot: &Snapshot) -> Option<String> {
        let Some(found) = found else {
            let lost = self.shown.is_some() && !self.maybe_gone;
            return lost.then(|| "it was acknowledged and is gone".to_owned());
        };
        if self.gone {
            return Some("it was deleted and is there".to_owned());
        }
        let Schedule { next_run_at, last_run_at, .. } = found.clone();
        match &self.shown {
            Some(shown) if (Schedule { next_run_at, last_run_at, ..shown.clone() }) != *found => {
                return Some(format!("it was acknowledged as {shown:?} and is {found:?}"));
            }
            None if !self.doubted => return Some("nobody has asked for it".to_owned()),
            Some(_) | None => {}
        }
        let last = last_run_at.map_or(0, Timestamp::as_millis);
        let first = found.created_at.as_millis() / PERIOD * PERIOD + PERIOD;
        let mut occurrences =
            (first..=last).step_by(1_000).map(|at| found.promise_id_at(Timestamp::saturating(at)).expect("an id"));
        if let Some(missing) = occurrences.find(|id| !snapshot.promises.contains_key(id)) {
            return Some(format!("it has run until {last}, and {missing} is not there"));
        }
        let early = found.promise_id_at(next_run_at).expect("an id");
        snapshot.promises.contains_key(&early).then(|| format!("{early} is there, and was not yet to run"))
    }
}

impl Book {
    pub(super) fn check_schedules(&self, found: &Snapshot) -> Vec<String> {
        let wrong = self.schedules.iter().filter_map(|(name, cron)| {
            let schedule = found.schedules.get(&Id::parse(name).expect("an id"));
            cron.check(schedule.map(|schedule| &**schedule), found).map(|why| format!("the schedule {name}: {why}"))
        });
        wrong.collect()
    }
}
