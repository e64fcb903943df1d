//! Random requests over a small world: few ids, workers and addresses, so that they meet; instants close to each other, so that deadlines,
//! leases, delays and retries happen between them. Looks at the state to name what exists most of the time.

mod background;

use std::sync::Arc;

use fastrand::Rng;
use resonate_core::address::Address;
use resonate_core::id::Id;
use resonate_core::promise::{PromiseState, Tags, tag};
use resonate_core::request::{CreatePromise, CreateSchedule, FencedAction, Request, SettlePromise, TaskRef, Verdict};
use resonate_core::rules::Rules;
use resonate_core::search::{IdPattern, PromiseOrder, SearchPromises, SearchSchedules, SearchTasks, StateFilter};
use resonate_core::snapshot::Snapshot;
use resonate_core::task::TaskState;
use resonate_core::time::{Millis, Timestamp};
use resonate_core::value::Value;

const PROMISES: [&str; 6] = ["p.0", "p.1", "p.2", "p.3", "q", "r"];
const SCHEDULES: [&str; 2] = ["s.0", "s.1"];
const WORKERS: [&str; 3] = ["w1", "w2", "w3"];
const ADDRESSES: [&str; 4] = ["poll://any@g", "poll://any@g/w1", "poll://uni@g/w2", "http://push.test/hook"];
const CRONS: [&str; 4] = ["* * * * * *", "*/7 * * * * *", "* * * * *", "0 0 0 1 1 * 2026-2027"];

/// 2026-01-01T00:00:00Z.
pub const NEW_YEAR: u64 = 1_767_225_600_000;

fn id(text: &str) -> Id {
    Id::parse(text).expect("an id")
}

fn at(millis: u64) -> Timestamp {
    Timestamp::saturating(millis)
}

fn ms(millis: u64) -> Millis {
    Millis::saturating(millis)
}

/// A source of requests and instants.
#[derive(Debug)]
pub struct Generator {
    pub rng: Rng,
    now: Timestamp,
    /// A promise that more requests name than others.
    focus: Option<Id>,
    /// How often the promises have made way for others of their kind.
    series: u64,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed), now: at(NEW_YEAR), focus: None, series: 0 }
    }

    pub fn rules(&mut self) -> Rules {
        Rules {
            retry_timeout: ms(self.one_of(&[1, 100, 5_000])),
            unblock_retention: ms(self.one_of(&[500, 60_000, 604_800_000])),
            strict: self.chance(30),
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }

    /// Goes on from an instant that somebody else has chosen.
    pub fn go_on_from(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// The next instant: often the same one, seldom much later.
    pub fn tick(&mut self) -> Timestamp {
        let step = match self.rng.u32(..100) {
            0..40 => 0,
            40..80 => self.rng.u64(1..60),
            80..95 => self.rng.u64(60..1_500),
            95..99 => self.rng.u64(1_500..8_000),
            _ => self.rng.u64(8_000..60_000),
        };
        self.now = self.now + ms(step);
        self.now
    }

    pub fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(..100) < percent
    }

    pub fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.rng.u64(..choices.len() as u64) as usize].clone()
    }

    /// From now on most requests are about this promise, or about any.
    pub fn focus(&mut self, on: Option<Id>) {
        self.focus = on;
    }

    /// One of the promises that requests are about.
    pub fn any_promise(&mut self) -> Id {
        let name = self.one_of(&PROMISES);
        id(&self.name(name))
    }

    /// A promise that a task can wait for.
    fn pending(&mut self, state: &Snapshot, awaiter: &Id) -> Option<Id> {
        let ids = PROMISES.map(|name| id(&self.name(name)));
        let is_pending = |id: &&Id| state.promises.get(*id).is_some_and(|row| row.state == PromiseState::Pending);
        let pending: Vec<&Id> = ids.iter().filter(|id| *id != awaiter).filter(is_pending).collect();
        if pending.is_empty() { None } else { Some(self.one_of(&pending).clone()) }
    }

    /// From now on requests are about other promises: those before are settled by and by, and little happens to them any more.
    pub fn turn_over(&mut self) {
        self.series += 1;
    }

    fn name(&self, name: &str) -> String {
        let is_of_series = self.series > 0 && PROMISES.contains(&name);
        if is_of_series { format!("{name}-{}", self.series) } else { name.to_owned() }
    }

    fn promise_id(&mut self, state: &Snapshot) -> Id {
        if let Some(focus) = self.focus.clone()
            && self.chance(60)
        {
            return focus;
        }
        if self.chance(10) && !state.promises.is_empty() {
            let place = self.rng.u64(..state.promises.len() as u64) as usize;
            return state.promises.keys().nth(place).expect("a promise").clone();
        }
        if self.chance(2) { id("absent") } else { self.any_promise() }
    }

    fn task_ref(&mut self, state: &Snapshot, wanted: TaskState) -> TaskRef {
        let fits: Vec<_> = state.tasks.values().filter(|task| task.state == wanted).collect();
        if fits.is_empty() || self.chance(20) {
            return TaskRef { id: self.promise_id(state), version: self.rng.u64(..4) };
        }
        let task = self.one_of(&fits);
        let version = if self.chance(90) { task.version } else { self.rng.u64(..4) };
        TaskRef { id: task.id.clone(), version }
    }

    fn pid(&mut self) -> Arc<str> {
        self.one_of(&WORKERS).into()
    }

    fn ttl(&mut self) -> Millis {
        ms(self.one_of(&[1, 50, 500, 5_000, 60_000, u64::MAX]))
    }

    fn address(&mut self) -> Address {
        Address::parse(self.one_of(&ADDRESSES)).expect("an address")
    }

    fn key(&mut self) -> Option<String> {
        self.chance(40).then(|| self.one_of(&["k1", "k2"]).to_owned())
    }

    fn value(&mut self) -> Value {
        let data = self.chance(60).then(|| self.one_of(&["", "x", "a longer payload"]).to_owned());
        let headers = self.chance(20).then(|| Tags::from([("h".to_owned(), "v".to_owned())]));
        Value { headers, data }
    }

    fn tags(&mut self) -> Tags {
        let mut tags = Tags::new();
        let mut put = |name: &str, text: &str| {
            tags.insert(name.to_owned(), text.to_owned());
        };
        let targeted = self.chance(60);
        if targeted {
            let target = if self.chance(97) { self.one_of(&ADDRESSES) } else { self.one_of(&["", "gcps://x"]) };
            put(tag::TARGET, target);
        }
        if self.chance(if targeted { 2 } else { 30 }) {
            put(tag::TIMER, self.one_of(&["true", "true", "true", "false"]));
        }
        if self.chance(if targeted { 20 } else { 2 }) {
            let longest = self.one_of(&[2_000, 60_000]);
            let instant = self.now.as_millis() + self.rng.u64(..longest);
            put(tag::DELAY, &if self.chance(95) { instant.to_string() } else { "soon".to_owned() });
        }
        if self.chance(25) {
            put(tag::SCOPE, self.one_of(&["local", "global"]));
        }
        if self.chance(20) {
            put(tag::EXTERNAL, self.one_of(&["true", "true", "yes"]));
        }
        if self.chance(60) {
            let name = self.one_of(&["p.0", "p.1"]);
            put(tag::BRANCH, &self.name(name));
        }
        for name in [tag::PARENT, tag::ORIGIN, tag::PREFIX] {
            if self.chance(15) {
                let of = self.one_of(&["p.0", "p.1", "p.2", "q", "absent", ""]);
                put(name, &self.name(of));
            }
        }
        tags
    }

    fn timeout_at(&mut self) -> Timestamp {
        let now = self.now.as_millis();
        if self.chance(30) {
            // Many at one instant.
            return at((now / 1_000 + self.rng.u64(1..5)) * 1_000);
        }
        at(match self.rng.u32(..10) {
            0 => now - self.rng.u64(..3_000),
            1..4 => now + self.rng.u64(..200),
            4..6 => now + self.rng.u64(..5_000),
            6..9 => now + 86_400_000,
            _ => u64::MAX,
        })
    }

    fn creation(&mut self, state: &Snapshot) -> CreatePromise {
        CreatePromise {
            id: self.promise_id(state),
            timeout_at: self.timeout_at(),
            param: self.value(),
            tags: self.tags(),
            key: self.key(),
        }
    }

    fn settlement(&mut self, of: Id) -> SettlePromise {
        let verdict = self.one_of(&[Verdict::Resolved, Verdict::Rejected, Verdict::RejectedCanceled]);
        SettlePromise { id: of, verdict, value: self.value(), key: self.key() }
    }

    /// A request of any kind that clients send.
    pub fn client_request(&mut self, state: &Snapshot) -> Request {
        // Who looks at one promise mostly settles it or waits for it.
        let settles_or_waits = self.focus.is_some() && self.chance(40);
        match if settles_or_waits { self.rng.u32(17..36) } else { self.rng.u32(..100) } {
            0..3 => Request::GetPromise { id: self.promise_id(state) },
            3..17 => Request::CreatePromise(self.creation(state)),
            17..22 => {
                let of = self.promise_id(state);
                Request::SettlePromise(self.settlement(of))
            }
            22..29 => Request::RegisterCallback { awaited: self.promise_id(state), awaiter: self.promise_id(state) },
            29..36 => Request::RegisterListener { awaited: self.promise_id(state), address: self.address() },
            36..93 => self.task_request(state),
            _ => self.search_or_schedule(state),
        }
    }

    fn task_request(&mut self, state: &Snapshot) -> Request {
        use TaskState::{Acquired, Halted, Pending};
        match self.rng.u32(..58) {
            0..3 => Request::GetTask { id: self.promise_id(state) },
            3..10 => Request::CreateTask { pid: self.pid(), ttl: self.ttl(), promise: self.creation(state) },
            10..24 => Request::AcquireTask { task: self.task_ref(state, Pending), pid: self.pid(), ttl: self.ttl() },
            24..30 => {
                let create = self.chance(50);
                let action = if create {
                    FencedAction::Create(self.creation(state))
                } else {
                    let of = self.promise_id(state);
                    FencedAction::Settle(self.settlement(of))
                };
                Request::FenceTask { task: self.task_ref(state, Acquired), action }
            }
            30..34 => {
                let named = self.rng.u64(..3);
                let tasks = (0..named).map(|_| self.task_ref(state, Acquired)).collect();
                let prefix = self.chance(20).then(|| "p".to_owned());
                Request::HeartbeatTasks { pid: self.pid(), tasks, prefix }
            }
            34..44 => {
                let named = self.rng.u64(..4);
                let task = self.task_ref(state, Acquired);
                let pending = self.pending(state, &task.id).filter(|_| self.chance(70));
                let awaited = (0..named).map(|_| self.promise_id(state)).collect();
                Request::SuspendTask { task, awaited: pending.map_or(awaited, |pending| vec![pending]) }
            }
            44..48 => {
                let task = self.task_ref(state, Acquired);
                let of = if self.chance(95) { task.id.clone() } else { self.promise_id(state) };
                Request::FulfillTask { task, settle: self.settlement(of) }
            }
            48..53 => Request::ReleaseTask { task: self.task_ref(state, Acquired) },
            53..55 => {
                let waits = self.chance(50);
                let of = if waits { self.task_ref(state, Pending).id } else { self.promise_id(state) };
                Request::HaltTask { id: of }
            }
            _ => Request::ContinueTask { id: self.task_ref(state, Halted).id },
        }
    }

    fn search_or_schedule(&mut self, state: &Snapshot) -> Request {
        let limit = self.rng.u64(1..5) as usize;
        let after = self.chance(30).then(|| self.promise_id(state));
        let prefix = self.chance(20).then(|| self.one_of(&["p", "s", "p.1"]).to_owned());
        let schedule = id(self.one_of(&SCHEDULES));
        match self.rng.u32(..9) {
            0..2 => {
                let order = match after {
                    Some(id) if self.chance(50) => PromiseOrder::Newest { after: Some((self.now, id)) },
                    after => PromiseOrder::ById { after },
                };
                Request::SearchPromises(SearchPromises {
                    pattern: self.chance(20).then(|| IdPattern::new("p*")),
                    prefix,
                    state: self.state_filter(),
                    tags: if self.chance(20) { self.tags() } else { Tags::new() },
                    order,
                    limit,
                })
            }
            2..4 => {
                let wanted = self.one_of(&TaskState::ALL);
                let state = self.chance(60).then_some(wanted);
                Request::SearchTasks(SearchTasks { prefix, state, after, limit })
            }
            4 => Request::SearchSchedules(SearchSchedules { prefix, tags: Tags::new(), after, limit }),
            5 => Request::GetSchedule { id: schedule },
            6..8 => Request::CreateSchedule(self.schedule(schedule)),
            _ => Request::DeleteSchedule { id: schedule },
        }
    }

    fn state_filter(&mut self) -> Option<StateFilter> {
        let wanted = self.one_of(&PromiseState::ALL);
        match self.rng.u32(..3) {
            0 => None,
            1 => Some(StateFilter::Only(wanted)),
            _ => Some(StateFilter::AnyRejected),
        }
    }

    fn schedule(&mut self, of: Id) -> CreateSchedule {
        let mut promise_tags = self.tags();
        if self.chance(90) {
            promise_tags.remove(tag::DELAY);
        }
        let cron = if self.chance(97) { self.one_of(&CRONS) } else { "every day" };
        CreateSchedule {
            id: of,
            cron: cron.to_owned(),
            promise_id: self.one_of(&["{{.id}}.{{.timestamp}}", "p.3", "{{.id}}"]).to_owned(),
            promise_timeout: ms(self.one_of(&[0, 500, 10_000, u64::MAX])),
            promise_param: self.value(),
            promise_tags,
        }
    }

    /// Any request.
    pub fn request(&mut self, state: &Snapshot) -> Request {
        if self.chance(75) { self.client_request(state) } else { self.background_request(state) }
    }
}
