//! After the storm: no more faults, no new work. Everything that must converge does, within a time that all leases, retries and pauses fit into.

use resonate_core::address::Mailbox;
use resonate_core::due::MakesDue;
use resonate_core::id::Id;
use resonate_core::message::MessageKey;
use resonate_core::promise::PromiseState;
use resonate_core::request::Request;
use resonate_core::task::TaskState;
use resonate_core::time::Timestamp;

use crate::call::Who;
use crate::workflow::{self, GROUP};
use crate::world::World;

/// How long it may take, in milliseconds: an execute that was given up by the retry clock comes again within the hour.
const PATIENCE: u64 = 6 * 3_600_000;
/// How long what is due may still be there.
const SLACK: u64 = 60_000;
/// Events between two looks.
const EVENTS_PER_LOOK: u32 = 64;

impl World {
    /// Ends faults and new work, and waits until every workflow has ended and nothing that is due is left.
    pub(crate) fn converge(&mut self) {
        self.clear_up();
        for id in self.reference.state().schedules.keys().cloned().collect::<Vec<Id>>() {
            self.call(Who::Nobody, Request::DeleteSchedule { id });
        }
        let until = self.now + PATIENCE;
        while self.reference.violation().is_none() {
            for _ in 0..EVENTS_PER_LOOK {
                self.step();
            }
            let left = self.left();
            if left.is_none() {
                break;
            }
            if self.now > until {
                let (property, detail) = left.expect("something is");
                self.reference.fault(property, || detail);
            }
        }
        self.judge_workflows();
    }

    /// What has not converged yet.
    fn left(&self) -> Option<(&'static str, String)> {
        let state = self.reference.state();
        let open = (0..self.roots).map(workflow::root).find(|root| self.reference.ending(root).is_none());
        if let Some(root) = open {
            return Some(("simulation_every_workflow_ends", self.story_of(&root)));
        }
        let now = Timestamp::saturating(self.now.saturating_sub(SLACK));
        let dues = state.promises.values().filter_map(|row| row.due());
        let dues = dues.chain(state.tasks.values().filter_map(|row| row.due()));
        let dues = dues.chain(state.schedules.values().filter_map(|row| row.due()));
        let mut dues = dues.chain(state.messages.values().filter_map(|row| row.due()));
        if let Some(due) = dues.find(|due| due.at < now) {
            return Some(("simulation_nothing_due_is_left", format!("{due:?}")));
        }
        let workers = Mailbox::any(GROUP);
        let mut parked = state.messages.values().filter(|entry| entry.parked);
        if let Some(entry) = parked.find(|entry| entry.address.route().mailbox() == workers && entry.created_at < now) {
            return Some(("simulation_no_message_is_left", format!("{entry:?}")));
        }
        let mut waiters = state.callbacks.iter().map(|(awaited, _)| awaited);
        let is_settled =
            |id: &&Id| state.promises.get(*id).is_some_and(|row| row.settled_at.is_some_and(|at| at < now));
        if let Some(awaited) = waiters.find(is_settled) {
            return Some(("simulation_no_task_is_suspended_for_ever", format!("callbacks of {awaited} are left")));
        }
        let mut listened_to = state.listeners.iter().map(|(awaited, _)| awaited);
        if let Some(awaited) = listened_to.find(is_settled) {
            return Some(("simulation_no_listener_waits_for_ever", format!("listeners of {awaited} are left")));
        }
        None
    }

    /// Each workflow has the result that follows from its id.
    fn judge_workflows(&mut self) {
        for root in (0..self.roots).map(workflow::root) {
            let Some(promise) = self.reference.ending(&root).cloned() else { continue };
            let expected = workflow::expected(&root);
            let holds = promise.state == PromiseState::Resolved && promise.value.data.as_deref() == Some(&*expected);
            if holds {
                self.counts.workflows += 1;
            } else {
                self.reference
                    .fault("simulation_a_workflow_ends_with_its_result", || format!("{promise:?}: {expected}"));
            }
        }
    }

    /// Where a workflow hangs: down to the first thing that it waits for.
    fn story_of(&self, root: &Id) -> String {
        let state = self.reference.state();
        let mut story = String::new();
        let mut at = Some(root.clone());
        while let Some(id) = at.take() {
            let task = state.tasks.get(&id);
            let message = state.messages.get(&MessageKey::Execute { task: id.clone() });
            story.push_str(&format!("{:?}, {task:?}, {message:?}; ", state.promises.get(&id)));
            if task.is_some_and(|task| task.state == TaskState::Suspended) {
                let awaited = self
                    .reference
                    .awaited_by(&id)
                    .find(|id| state.promises.get(*id).is_some_and(|promise| promise.state == PromiseState::Pending));
                at = awaited.cloned();
            }
        }
        story
    }
}
