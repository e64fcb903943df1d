//! That what is held to a store is not satisfied by just any: a store that was sound is damaged in one way after the other, and each shows.

use std::sync::Arc;

use resonate_core::id::Id;
use resonate_core::promise::{Promise, PromiseState};
use resonate_core::snapshot::Snapshot;
use resonate_core::task::{Task, TaskState};
use resonate_core::time::{Millis, Timestamp};
use resonate_core::value::Value;
use resonate_torture::book::{Asked, Book, Event, Hold, Op, Said, Settlement};

const NOW: u64 = 1_000_000;
const FAR: u64 = 4_000_000_000_000;

fn id(text: &str) -> Id {
    Id::parse(text).expect("an id")
}

fn promise(asked: &Asked) -> Promise {
    Promise {
        id: id(&asked.id),
        state: PromiseState::Pending,
        param: asked.param.clone(),
        value: Value::default(),
        tags: asked.tags.clone(),
        timeout_at: Timestamp::saturating(asked.timeout_at),
        created_at: Timestamp::saturating(NOW),
        settled_at: None,
        create_key: asked.key.clone(),
        complete_key: None,
        has_waiters: false,
    }
}

/// What clients know, and the store that they know it of.
#[derive(Clone, Default)]
struct World {
    book: Book,
    store: Snapshot,
    requests: u64,
}

impl World {
    /// A request that was answered, or was not.
    fn ask(&mut self, op: Op, said: Said) {
        self.requests += 1;
        self.book.note(Event::Begun(self.requests, op));
        self.book.note(Event::Ended(self.requests, said));
    }

    fn store(&mut self, promise: &Promise) {
        self.store.promises.insert(promise.id.clone(), Arc::new(promise.clone()));
    }

    /// A pending promise, a settled one, one that may or may not be settled, a task that is held and one that waits, and somebody who listens.
    fn new() -> Self {
        let mut world = Self::default();
        for name in ["pending", "settled", "unsure", "awaited", "held", "waiting"] {
            let target = [("resonate:target".to_owned(), "poll://any@workers".to_owned())];
            let tags = if matches!(name, "held" | "waiting") { target.into() } else { [].into() };
            let param = Value { headers: None, data: Some(name.to_owned()) };
            let asked = Asked { id: name.to_owned(), param, tags, timeout_at: FAR, key: None };
            let promise = promise(&asked);
            world.ask(Op::Create(asked, None), Said::Done(Some(Box::new(promise.clone()))));
            world.store(&promise);
        }
        for (name, is_answered) in [("settled", true), ("unsure", false)] {
            let settlement = Self::settlement(name);
            let settled = Self::settled(&world.store.promises[&id(name)]);
            let said = if is_answered { Said::Done(Some(Box::new(settled.clone()))) } else { Said::Unknown };
            world.ask(Op::Settle(settlement), said);
            if is_answered {
                world.store(&settled);
            }
        }
        for name in ["held", "waiting"] {
            let hold = Hold { version: 1, pid: "w".to_owned(), until: FAR };
            let shown = world.store.promises[&id(name)].clone();
            world.ask(Op::Acquire(name.to_owned(), hold), Said::Done(Some(Box::new((*shown).clone()))));
            let free = Task::new(id(name), TaskState::Pending).pending(Timestamp::saturating(NOW));
            let held = free.acquired(&Arc::from("w"), Millis::saturating(1_000), Timestamp::saturating(NOW));
            world.store.tasks.insert(id(name), Arc::new(held));
        }
        let awaited = vec!["awaited".to_owned()];
        world.ask(Op::Suspend { id: "waiting".to_owned(), version: 1, awaited }, Said::Done(None));
        let suspended = world.store.tasks[&id("waiting")].suspended();
        world.store.tasks.insert(id("waiting"), Arc::new(suspended));
        world.store.callbacks.insert((id("awaited"), id("waiting")));
        let address = "poll://uni@listeners/l";
        let shown = world.store.promises[&id("pending")].clone();
        world.ask(
            Op::Listen { id: "pending".to_owned(), address: address.to_owned() },
            Said::Done(Some(Box::new((*shown).clone()))),
        );
        let address = resonate_core::address::Address::parse(address).expect("an address");
        world.store.listeners.insert((id("pending"), address));
        world
    }

    fn settlement(name: &str) -> Settlement {
        let value = Value { headers: None, data: Some("done".to_owned()) };
        Settlement { id: name.to_owned(), state: PromiseState::Resolved, value, key: None }
    }

    fn settled(pending: &Promise) -> Promise {
        let Settlement { state, value, .. } = Self::settlement("");
        Promise { state, value, settled_at: Some(Timestamp::saturating(NOW + 1)), ..pending.clone() }
    }

    fn check(&self) -> Vec<String> {
        self.book.check(&self.store, NOW + 10)
    }

    /// Damages the store; what it says then.
    #[track_caller]
    fn hurt(&self, how: impl Fn(&mut Snapshot), expected: &str) {
        let mut hurt = self.clone();
        how(&mut hurt.store);
        let found = hurt.check();
        assert!(found.iter().any(|why| why.contains(expected)), "no {expected:?} in {found:#?}");
    }
}

fn change(store: &mut Snapshot, name: &str, how: impl Fn(&mut Promise)) {
    how(Arc::make_mut(store.promises.get_mut(&id(name)).expect("a promise")));
}

fn change_task(store: &mut Snapshot, name: &str, how: impl Fn(&mut Task)) {
    how(Arc::make_mut(store.tasks.get_mut(&id(name)).expect("a task")));
}

#[test]
fn a_sound_store_is_as_it_was_acknowledged_with_what_is_in_doubt_or_without() {
    let mut world = World::new();
    assert_eq!(world.check(), Vec::<String>::new());
    let settled = World::settled(&world.store.promises[&id("unsure")]);
    world.store(&settled);
    assert_eq!(world.check(), Vec::<String>::new());
    assert_eq!(world.book.take_violations(), Vec::<String>::new());
}

#[test]
fn whatever_is_lost_or_there_by_halves_shows() {
    let world = World::new();
    world.hurt(|store| drop(store.promises.remove(&id("pending"))), "pending is gone");
    world.hurt(|store| change(store, "pending", |promise| promise.param = Value::default()), "was acknowledged as");
    world.hurt(|store| change(store, "settled", |promise| promise.value = Value::default()), "was acknowledged as");
    let unsettled = |promise: &mut Promise| {
        (promise.state, promise.value, promise.settled_at) = (PromiseState::Pending, Value::default(), None);
    };
    world.hurt(|store| change(store, "settled", unsettled), "was acknowledged as");
    // Settled as nobody has asked for.
    world.hurt(|store| change(store, "pending", |promise| *promise = World::settled(promise)), "was acknowledged as");
    let half = |promise: &mut Promise| *promise = Promise { value: Value::default(), ..World::settled(promise) };
    world.hurt(|store| change(store, "unsure", half), "was acknowledged as");
    world.hurt(|store| store.listeners.clear(), "waits for pending, and nobody knows");
    world.hurt(|store| store.callbacks.clear(), "the task waiting");
    world.hurt(|store| drop(store.tasks.remove(&id("held"))), "the task held: it is gone");
    world.hurt(|store| change_task(store, "held", |task| task.version = 0), "version 1 was acknowledged");
    world.hurt(|store| change_task(store, "held", |task| task.version = 2), "nobody has asked for version 2");
    let other = |task: &mut Task| task.lease.as_mut().expect("a lease").pid = Arc::from("another");
    world.hurt(|store| change_task(store, "held", other), "was acknowledged as Held");
    let woken = |task: &mut Task| *task = task.pending(Timestamp::saturating(NOW));
    world.hurt(|store| change_task(store, "waiting", woken), "was acknowledged as Suspended");
    let stranger = |store: &mut Snapshot| {
        let promise = Promise { id: id("stranger"), ..(*store.promises[&id("pending")]).clone() };
        store.promises.insert(promise.id.clone(), Arc::new(promise));
    };
    world.hurt(stranger, "nobody has asked for");
}

#[test]
fn a_message_that_the_store_could_not_have_given_out_shows() {
    let execute = |version, started| {
        let mut world = World::new();
        world.book.note(Event::Execute { id: "held".to_owned(), version, started });
        world.book.take_violations()
    };
    let now = World::new().book.events();
    // By a server that has run all the time, which may have sent it before.
    assert_eq!(execute(0, 0), Vec::<String>::new());
    assert!(execute(0, now)[0].contains("version 1 was acknowledged to w"));
    assert!(execute(2, now)[0].contains("nobody has asked for a version above 1"));
    let mut world = World::new();
    let acquire = Op::Acquire("held".to_owned(), Hold { version: 1, pid: "another".to_owned(), until: FAR });
    world.ask(acquire, Said::Done(None));
    assert!(world.book.take_violations()[0].contains("was acquired by w and by another"));
}

#[test]
fn a_halted_task_stays_so_until_somebody_lets_it_go_on() {
    let (halt, go_on) = (Op::Halt("held".to_owned()), Op::Continue("held".to_owned()));
    let halted = |task: &mut Task| *task = task.halted();
    let pending = |task: &mut Task| *task = task.pending(Timestamp::saturating(NOW));
    let fits = |world: &World, how: &dyn Fn(&mut Task)| {
        let mut changed = world.clone();
        change_task(&mut changed.store, "held", how);
        changed.check().is_empty()
    };
    let mut world = World::new();
    world.hurt(|store| change_task(store, "held", halted), "was acknowledged as Held");

    world.ask(halt.clone(), Said::Unknown);
    assert!(fits(&world, &|_| {}) && fits(&world, &halted));

    world.ask(halt, Said::Done(None));
    assert!(fits(&world, &halted));
    world.hurt(|_| {}, "was acknowledged as Held");
    world.hurt(|store| change_task(store, "held", pending), "was acknowledged as Held");

    world.ask(go_on.clone(), Said::Unknown);
    assert!(fits(&world, &halted) && fits(&world, &pending));

    world.ask(go_on, Said::Done(None));
    assert!(fits(&world, &pending));
    world.hurt(|store| change_task(store, "held", halted), "was acknowledged as Held");

    // Whoever takes it then holds it.
    let hold = Hold { version: 2, pid: "w".to_owned(), until: FAR };
    world.ask(Op::Acquire("held".to_owned(), hold), Said::Done(None));
    assert!(fits(&world, &|task| task.version = 2));
    let given_back = |task: &mut Task| *task = Task { version: 2, ..task.pending(Timestamp::saturating(NOW)) };
    world.hurt(|store| change_task(store, "held", given_back), "was acknowledged as Held");
}
