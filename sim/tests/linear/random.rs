//! Random histories: what a machine has answered passes, and an answer that was given at another time does not.

use std::collections::BTreeSet;

use resonate_core::drive;
use resonate_core::due::{Due, DueKind};
use resonate_core::memory::MemoryStore;
use resonate_core::rules::Rules;
use resonate_core::time::{Millis, Timestamp};
use resonate_sim::generator::Generator;
use resonate_sim::linear::{Answer, History, Moment, Operation, check};

/// Clients whose calls overlap, a machine that does what is due in between when it likes, and answers that get lost.
fn overlapping(seed: u64, requests: u64) -> History {
    let mut generator = Generator::new(seed);
    let rules = Rules { strict: false, ..generator.rules() };
    let mut store = MemoryStore::new();
    let mut history =
        History { operations: Vec::new(), rules: rules.clone(), tolerance: Some(Millis::saturating(0)), purges: false };
    let mut free_at: Vec<u64> = Vec::new();
    for number in 0..requests {
        let now = generator.tick();
        if generator.chance(30) {
            let due = drive::sweep(&mut store, &DueKind::ALL, now, 3).unwrap_or_default();
            due.iter().map(Due::request).for_each(|request| drop(store.apply(&rules, &request, now)));
        }
        let request = generator.client_request(&store.snapshot());
        // It takes effect in the middle of its call, which others overlap.
        let middle = 1_000 * (number + 1);
        let client = free_at.iter().position(|free| *free < middle).unwrap_or_else(|| {
            free_at.push(0);
            free_at.len() - 1
        });
        let from = generator.rng.u64(free_at[client].max(middle.saturating_sub(4_000))..middle) + 1;
        let until = middle + generator.rng.u64(1..4_000);
        free_at[client] = until;
        let client = client as u64;
        let moment = |order: u64| Moment { order: order * 16 + client, at: now };
        let (is_lost, is_ignored) = (generator.chance(10), generator.chance(3));
        let answer = (!is_ignored).then(|| store.apply(&rules, &request, now).reply);
        let is_known = !is_lost && !is_ignored;
        let latest = Timestamp::saturating(now.as_millis() + 100_000);
        history.operations.push(Operation {
            client,
            request,
            invoked: moment(from),
            returned: is_known.then(|| moment(until)),
            answer: answer.filter(|_| is_known).map(Answer::Machine),
            now: is_known.then_some(now),
            latest: if is_known { now } else { latest },
            rank: now.as_millis(),
        });
    }
    history
}

#[test]
fn whatever_a_machine_answers_passes() {
    let mut kinds = BTreeSet::new();
    let (mut gave_up, mut states, mut operations) = (0, 0, 0);
    for seed in 0..300 {
        let history = overlapping(seed, 60);
        kinds.extend(history.operations.iter().map(|operation| operation.request.kind()));
        let checked = check(&history);
        if let Some(contradiction) = checked.contradiction {
            panic!("seed {seed}: {}", contradiction.shrunk());
        }
        gave_up += checked.gave_up;
        states += checked.states;
        operations += checked.operations;
    }
    println!("{operations} operations, {states} states, {gave_up} given up");
    assert!(gave_up <= 3, "{gave_up} of 300 histories were given up");
    assert!(kinds.len() >= 20, "{kinds:?}");
}

#[test]
fn an_answer_of_another_time_is_caught() {
    let (mut caught, mut tried) = (0, 0);
    for seed in 0..300 {
        let mut history = overlapping(seed, 60);
        let mut generator = Generator::new(seed);
        // Of the first half, so that much follows; of a request whose answer tells something.
        let other = |history: &History, at: usize| {
            let (asked, told) = (&history.operations[at].request, &history.operations[at].answer);
            let mut others = history.operations.iter().filter(|other| other.request.kind() == asked.kind());
            let other = others.find(|other| other.answer.is_some() && other.answer != *told);
            other.filter(|_| told.is_some() && !asked.is_search()).and_then(|other| other.answer.clone())
        };
        let at = generator.rng.u64(..history.operations.len() as u64) as usize;
        let Some(answer) = other(&history, at) else { continue };
        history.operations[at].answer = Some(answer);
        tried += 1;
        caught += usize::from(check(&history).contradiction.is_some());
    }
    println!("{caught} of {tried} were caught");
    // Some answers are right at another time too: that something cannot be found, or that a task waits.
    assert!(tried > 150 && caught * 100 > tried * 95, "{caught} of {tried}");
}
