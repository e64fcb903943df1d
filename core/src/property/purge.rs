//! Step properties of what is removed.

use super::Check::Step as EveryStep;
use super::{Details, Property, Step, is_live};
use crate::promise::Promise;

pub(super) const PROPERTIES: &[Property] =
    &[Property { name: "consistent_purge_leaves_no_reference", check: EveryStep(leaves_no_reference) }];

fn leaves_no_reference(step: &Step<'_>, details: &mut Details) {
    let gone = step.before.promises.iter().filter(|(id, _)| !step.after.promises.contains_key(*id));
    for (_, gone) in gone {
        details.expect(!is_needed(step, gone) && !is_referred_to(step, gone), gone);
    }
}

/// Whether something that is pending may ask for it again, or something that was created with it or after it names it.
fn is_needed(step: &Step<'_>, gone: &Promise) -> bool {
    let promises = &step.after.promises;
    let lineage = gone.lineage();
    let runs = |promise: &Promise| is_live(promise, step.now) && lineage.contains(&promise.id);
    let names_it = |promise: &Promise| gone.callers().contains(&promise.id);
    let is_younger = |promise: &Promise| promise.created_at > gone.created_at;
    let is_twin = |promise: &Promise| promise.created_at == gone.created_at && !names_it(promise);
    let follows = |promise: &Promise| is_live(promise, step.now) || is_younger(promise) || is_twin(promise);
    let is_child = |promise: &Promise| follows(promise) && promise.callers().contains(&gone.id);
    promises.values().any(|promise| runs(promise) || is_child(promise))
}

/// Whether an obligation, a message or a task still names it.
fn is_referred_to(step: &Step<'_>, gone: &Promise) -> bool {
    let (id, after) = (&gone.id, step.after);
    after.callbacks.iter().any(|(awaited, awaiter)| awaited == id || awaiter == id)
        || after.listeners.iter().any(|(awaited, _)| awaited == id)
        || after.messages.keys().any(|key| key.id() == id)
        || after.tasks.values().any(|task| task.id == *id || task.resumes.contains(id))
}
