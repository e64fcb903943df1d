//! Owns the targets: what each is, what was measured for it, and whether it is met. A target is judged
//! only on the size it is stated for.

pub(crate) mod postgres;

use std::time::Duration;

use crate::ids::IdOrder;
use crate::report::Latency;

/// The connections at which rates are judged.
pub(crate) const CONNECTIONS: usize = 256;
const STORED: u64 = 10_000_000;
const TIMERS: u64 = 1_000_000;
const P99_LEAST_MS: f64 = 30.0;
const DISPATCH_P50_MS: f64 = 3.0;
const DISPATCH_P99_MS: f64 = 25.0;

/// Whether a target is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    Missed,
    NotMeasured,
}

impl Verdict {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Verdict::Met => "met",
            Verdict::Missed => "missed",
            Verdict::NotMeasured => "not measured",
        }
    }
}

/// A target with its outcome, ready to be shown.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) measure: String,
    pub(crate) bound: String,
    pub(crate) measured: String,
    pub(crate) verdict: Verdict,
}

/// How a server fares on so many stored promises.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grown {
    pub(crate) order: IdOrder,
    pub(crate) stored: u64,
    pub(crate) create_of_empty: Option<f64>,
    pub(crate) started_in: Duration,
}

/// How promises that fall due at once were settled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settled {
    pub(crate) timers: u64,
    pub(crate) within: Duration,
    pub(crate) foreground: Latency,
}

/// How late single timers are while so many wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Late {
    pub(crate) timers: u64,
    pub(crate) latency: Latency,
}

/// A server with many connected workers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    pub(crate) peak_kib: u64,
    /// Of dispatch, relative to the same with one worker alone.
    pub(crate) p99_of_alone: Option<f64>,
}

/// What the targets are judged by.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) fsync: Option<Latency>,
    pub(crate) create_rate_of_one: Option<f64>,
    pub(crate) create_rate: Option<f64>,
    pub(crate) create_of_floor: Option<f64>,
    pub(crate) create_p99_ms: Option<f64>,
    pub(crate) get_of_floor: Option<f64>,
    pub(crate) grown: Vec<Grown>,
    pub(crate) settled: Option<Settled>,
    pub(crate) late: Option<Late>,
    /// From the acknowledgement of a create to its message.
    pub(crate) dispatch: Option<Latency>,
    pub(crate) burst_of_created: Option<f64>,
    pub(crate) cycles_of_create: Option<f64>,
    pub(crate) crowd: Option<Crowd>,
    pub(crate) idle_kib: Option<u64>,
    pub(crate) js_gzipped_bytes: Option<u64>,
    /// The module's rate in another runtime than a browser's, relative to the core as it is.
    pub(crate) module_of_native: Option<f64>,
    pub(crate) node_per_second: Option<f64>,
    pub(crate) page_ready_ms: Option<f64>,
    pub(crate) postgres: postgres::Findings,
    peak_kib: Option<u64>,
}

enum Bound {
    Least(f64),
    Above(f64),
    Most(f64),
    Below(f64),
}

impl Bound {
    fn allows(&self, value: f64) -> bool {
        match *self {
            Bound::Least(least) => value >= least,
            Bound::Above(least) => value > least,
            Bound::Most(most) => value <= most,
            Bound::Below(most) => value < most,
        }
    }

    fn text(&self, unit: &str) -> String {
        match *self {
            Bound::Least(least) => format!(">= {least}{unit}"),
            Bound::Above(least) => format!("> {least}{unit}"),
            Bound::Most(most) => format!("<= {most:.2}{unit}"),
            Bound::Below(most) => format!("< {most}{unit}"),
        }
    }
}

fn judge(measure: &str, bound: &Bound, unit: &str, measured: Option<f64>) -> Target {
    let verdict = match measured {
        None => Verdict::NotMeasured,
        Some(value) if bound.allows(value) => Verdict::Met,
        Some(_) => Verdict::Missed,
    };
    Target {
        measure: measure.to_owned(),
        bound: bound.text(unit),
        measured: measured.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}{unit}")),
        verdict,
    }
}

fn megabytes(kib: u64) -> f64 {
    kib as f64 * 1024.0 / 1e6
}

impl Findings {
    /// Takes the peak of one measure; the highest of a run is judged.
    pub(crate) fn saw_peak(&mut self, kib: u64) {
        self.peak_kib = self.peak_kib.max(Some(kib));
    }

    /// Every target, in the order in which they are shown.
    pub(crate) fn targets(&self) -> Vec<Target> {
        [self.of_the_store(), self.of_workers(), self.postgres.targets(), self.of_memory(), self.of_the_module()]
            .concat()
    }

    fn of_the_store(&self) -> Vec<Target> {
        let p99_most = self.fsync.map_or(P99_LEAST_MS, |fsync| P99_LEAST_MS.max((10.0 * fsync.p50_ms).round()));
        let over_one = self.create_rate.zip(self.create_rate_of_one).map(|(many, one)| many / one);
        let grown = |order| self.grown.iter().filter(move |grown| grown.order == order && grown.stored >= STORED);
        let of_empty = |order| grown(order).find_map(|grown| grown.create_of_empty);
        let all_grown = || grown(IdOrder::Time).chain(grown(IdOrder::Random));
        let started_in = all_grown().map(|grown| grown.started_in).max();
        let settled = self.settled.filter(|settled| settled.timers >= TIMERS);
        vec![
            judge("create@256 of floor", &Bound::Least(0.45), "", self.create_of_floor),
            judge("create@256 p99, or 10 fdatasync", &Bound::Below(p99_most), " ms", self.create_p99_ms),
            judge("create@256 over create@1", &Bound::Least(12.0), "", over_one),
            judge("get@256 of floor", &Bound::Least(0.6), "", self.get_of_floor),
            judge("create on 10M in time order, of empty", &Bound::Least(0.8), "", of_empty(IdOrder::Time)),
            judge("create on 10M random ids, of empty", &Bound::Least(0.45), "", of_empty(IdOrder::Random)),
            judge("start-up on 10M", &Bound::Below(2.0), " s", started_in.map(|took| took.as_secs_f64())),
            judge("1M timers settled", &Bound::Below(60.0), " s", settled.map(|settled| settled.within.as_secs_f64())),
            judge(
                "foreground p99 meanwhile",
                &Bound::Below(100.0),
                " ms",
                settled.map(|settled| settled.foreground.p99_ms),
            ),
        ]
    }

    fn of_workers(&self) -> Vec<Target> {
        let fsync_ms = self.fsync.map_or(0.0, |fsync| fsync.p50_ms);
        let (p50_most, p99_most) = (DISPATCH_P50_MS + fsync_ms, DISPATCH_P99_MS + 2.0 * fsync_ms);
        let late = self.late.filter(|late| late.timers >= TIMERS);
        let crowd_bytes = self.crowd.map(|crowd| megabytes(crowd.peak_kib));
        let crowd_p99 = self.crowd.and_then(|crowd| crowd.p99_of_alone);
        vec![
            judge("lateness p99, 1M pending", &Bound::Most(20.0), " ms", late.map(|late| late.latency.p99_ms)),
            judge("dispatch p50", &Bound::Most(p50_most), " ms", self.dispatch.map(|dispatch| dispatch.p50_ms)),
            judge("dispatch p99", &Bound::Most(p99_most), " ms", self.dispatch.map(|dispatch| dispatch.p99_ms)),
            judge("burst delivered, of created", &Bound::Least(0.8), "", self.burst_of_created),
            judge("task cycles, of create", &Bound::Least(0.2), "", self.cycles_of_create),
            judge("RSS peak, 5000 workers", &Bound::Below(200.0), " MB", crowd_bytes),
            judge("dispatch p99, 5000 workers, of alone", &Bound::Most(2.0), "", crowd_p99),
        ]
    }

    fn of_the_module(&self) -> Vec<Target> {
        let kilobytes = self.js_gzipped_bytes.map(|bytes| bytes as f64 / 1e3);
        vec![
            judge("module for JavaScript, gzipped", &Bound::Most(250.0), " KB", kilobytes),
            judge("module in wasmtime, of native", &Bound::Least(0.4), "", self.module_of_native),
            judge("process(bytes) in Node", &Bound::Least(100_000.0), "/s", self.node_per_second),
            judge("playground ready", &Bound::Most(1_000.0), " ms", self.page_ready_ms),
        ]
    }

    fn of_memory(&self) -> Vec<Target> {
        vec![
            judge("RSS idle", &Bound::Below(60.0), " MB", self.idle_kib.map(megabytes)),
            judge("RSS peak", &Bound::Below(250.0), " MB", self.peak_kib.map(megabytes)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict_of(findings: &Findings, measure: &str) -> Verdict {
        let targets = findings.targets();
        targets.iter().find(|target| target.measure == measure).expect("a known target").verdict
    }

    #[test]
    fn nothing_measured_is_nothing_judged() {
        let targets = Findings::default().targets();
        assert!(targets.iter().all(|target| target.verdict == Verdict::NotMeasured && target.measured == "-"));
    }

    #[test]
    fn a_bound_belongs_to_its_better_side() {
        let at = |ratio| Findings { create_of_floor: Some(ratio), ..Findings::default() };
        assert_eq!(verdict_of(&at(0.45), "create@256 of floor"), Verdict::Met);
        assert_eq!(verdict_of(&at(0.44), "create@256 of floor"), Verdict::Missed);
    }

    #[test]
    fn a_slow_disk_allows_a_later_p99() {
        let at = |fsync_ms| Findings {
            fsync: Some(Latency { p50_ms: fsync_ms, ..Latency::default() }),
            create_p99_ms: Some(40.0),
            ..Findings::default()
        };
        assert_eq!(verdict_of(&at(1.0), "create@256 p99, or 10 fdatasync"), Verdict::Missed);
        assert_eq!(verdict_of(&at(5.0), "create@256 p99, or 10 fdatasync"), Verdict::Met);
    }

    #[test]
    fn a_slow_disk_allows_a_later_message() {
        let dispatch = |fsync_ms| Findings {
            fsync: Some(Latency { p50_ms: fsync_ms, ..Latency::default() }),
            dispatch: Some(Latency { p50_ms: 4.0, p99_ms: 26.0, ..Latency::default() }),
            ..Findings::default()
        };
        assert_eq!(verdict_of(&dispatch(0.4), "dispatch p50"), Verdict::Missed);
        assert_eq!(verdict_of(&dispatch(0.4), "dispatch p99"), Verdict::Missed);
        assert_eq!(verdict_of(&dispatch(1.0), "dispatch p50"), Verdict::Met);
        assert_eq!(verdict_of(&dispatch(1.0), "dispatch p99"), Verdict::Met);
    }

    #[test]
    fn fewer_timers_than_stated_judge_nothing() {
        let of = |timers| Findings {
            settled: Some(Settled { timers, within: Duration::from_secs(1), foreground: Latency::default() }),
            ..Findings::default()
        };
        assert_eq!(verdict_of(&of(100_000), "1M timers settled"), Verdict::NotMeasured);
        assert_eq!(verdict_of(&of(1_000_000), "1M timers settled"), Verdict::Met);
    }
}
