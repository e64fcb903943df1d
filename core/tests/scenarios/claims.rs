//! Claims and mailboxes: who may take a message before it is due, and which one is found first.

use resonate_core::address::Mailbox;
use resonate_core::drive::{Store, Tx};
use resonate_core::message::{Message, MessageKey};
use resonate_core::request::{Claim, Request};

use crate::support::id;
use crate::support::parts::{acquire, create, execute, release, targeted};

use crate::story::{NEVER, Story};

fn claim(key: &MessageKey, claim: Claim) -> Request {
    Request::ClaimMessage { key: key.clone(), claim }
}

/// Ids of what is parked for the group that all tasks here are sent to.
fn parked(story: &mut Story, prefix: Option<&str>, limit: usize) -> Vec<String> {
    let group = Mailbox::any("workers");
    let Ok(mut tx) = story.0.store.begin();
    let Ok(keys) = tx.parked(&group, prefix, limit);
    keys.iter().map(|key| key.id().to_string()).collect()
}

#[test]
fn a_claim_is_nobody_elses_until_its_claimer_is_known_to_be_gone() {
    let mut story = Story::new();
    let key = execute(&id("job"));
    let sent = Message::Execute { task: id("job"), version: 0 };
    assert_eq!(story.at(0, &create("job", NEVER, targeted())).1, std::slice::from_ref(&sent));
    for not_yet in [Claim::Due, Claim::Connected] {
        assert_eq!(story.at(29_999, &claim(&key, not_yet)).1, []);
    }
    assert_eq!(story.at(29_999, &claim(&key, Claim::Orphaned)).1, std::slice::from_ref(&sent));
    assert_eq!(story.at(59_998, &claim(&key, Claim::Due)).1, [], "it is claimed anew");
    assert_eq!(story.at(59_999, &claim(&key, Claim::Due)).1, [sent]);
}

#[test]
fn what_is_held_back_or_put_off_is_no_orphan() {
    let mut story = Story::new();
    story.reply(0, &create("job", NEVER, targeted()));
    for version in 0..8 {
        story.reply(0, &acquire("job", version, 60_000));
        story.reply(0, &release("job", version + 1));
    }
    let key = execute(&id("job"));
    let due_at = story.0.state.messages[&key].due_at;
    assert_eq!(story.at(1, &claim(&key, Claim::Orphaned)).1, []);
    assert_eq!(story.0.state.messages[&key].due_at, due_at, "it is still held back");
}

#[test]
fn a_mailbox_gives_out_the_oldest_first_and_within_a_prefix_by_id() {
    let mut story = Story::new();
    for (instant, name) in [(0, "b.1"), (1, "a.2"), (2, "b.0"), (3, "a.1")] {
        story.reply(instant, &create(name, NEVER, targeted()));
        assert_eq!(parked(&mut story, None, 9), Vec::<String>::new(), "a claimed message is not parked");
    }
    for name in ["a.1", "a.2", "b.0", "b.1"] {
        story.reply(4, &Request::MessageUnclaimed { key: execute(&id(name)), version: 0 });
    }
    assert_eq!(parked(&mut story, None, 9), ["b.1", "a.2", "b.0", "a.1"]);
    assert_eq!(parked(&mut story, None, 2), ["b.1", "a.2"]);
    assert_eq!(parked(&mut story, Some("a."), 9), ["a.1", "a.2"]);
    assert_eq!(story.at(5, &claim(&execute(&id("b.1")), Claim::Connected)).1.len(), 1);
    assert_eq!(parked(&mut story, None, 1), ["a.2"]);
    story.reply(6, &acquire("a.2", 0, 60_000));
    assert_eq!(parked(&mut story, None, 1), ["b.0"], "nobody needs to be told of a task that is taken");
}
