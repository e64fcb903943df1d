//! A whole copy, from one location to another: what must hold before, filling, comparing, and the end of the note in the target.

use super::{Copied, Error, Event, Manner, compare, fill};
use crate::store;
use crate::store::bulk::Beside;
use crate::store::location::Location;

/// What is to be copied.
#[derive(Clone, Debug)]
pub struct Job {
    /// The source.
    pub from: Location,
    /// The target, which is created if need be.
    pub to: Location,
    /// How.
    pub manner: Manner,
}

/// Copies everything, and makes sure that it is the same.
///
/// # Errors
/// [`Error`]: the next run goes on where this one has stopped.
pub fn run(job: &Job, watch: &mut dyn FnMut(&Event<'_>)) -> Result<Vec<Copied>, Error> {
    let Job { from, to, manner } = job;
    check_versions(from, to)?;
    let name = from.real_name();
    if name == to.real_name() {
        return Err(Error::Refused(format!("{from} is both source and target")));
    }
    let beside = if manner.live { Beside::Servers } else { Beside::Nobody };
    let mut source = from.source(beside).map_err(|error| match error {
        store::Error::InUse(why) => Error::SourceInUse(why),
        other => Error::Store(other),
    })?;
    let mut sink = to.sink()?;
    let name = if manner.live { format!("{name} while it was in use") } else { name };
    fill(&mut *source, &mut *sink, &name, *manner, watch)?;
    // Over a view of its own, which begins behind the last record.
    let copied = compare(&mut *source, &mut *to.source(Beside::Sink)?, watch)?;
    sink.end()?;
    Ok(copied)
}

/// Copies are made between tables of this version.
fn check_versions(from: &Location, to: &Location) -> Result<(), Error> {
    let Some(found) = from.standing()? else {
        return Err(Error::Refused(format!("there is no file {}", from.place())));
    };
    if !found.pending.is_empty() {
        let (found, known) = (found.found, found.known);
        return Err(Error::Refused(format!(
            "{from} has schema {found}, and this version of resonate reads {known}: bring it there first (resonate migrate up)"
        )));
    }
    // Somebody else's tables are not changed before it is known whether there is room in them.
    match to.standing()? {
        Some(standing) if standing.found > 0 && !standing.pending.is_empty() => Err(Error::Refused(format!(
            "{to} has schema {}, and this version of resonate writes {}: bring it there first (resonate migrate up), or choose an empty database",
            standing.found, standing.known
        ))),
        Some(_) | None => Ok(()),
    }
}
