//! Owns the targets of servers over Postgres, which are relative to what pgbench reaches on the same cluster in the same run.

use super::{Bound, Target, judge};
use crate::report::{Latency, ratio};

/// Connections at which two servers are compared with one.
pub(crate) const COUNTS_OF_PAIRS: [usize; 2] = [64, 256];

const OF_SINGLE_INSERTS: f64 = 0.7;
const ONE_TIMES: f64 = 1.5;
const ONE_MORE_MS: f64 = 0.5;
const PAIR_OF_ONE: f64 = 0.9;
const WORKERS_P50_MS: f64 = 10.0;

/// What was reached at so many clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reached {
    pub(crate) clients: usize,
    pub(crate) per_second: f64,
    pub(crate) latency: Latency,
}

/// Two servers beside one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) connections: usize,
    /// Whether commits were synced before they were acknowledged.
    pub(crate) synced: bool,
    pub(crate) of_one: f64,
}

/// What the targets are judged by.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) single_inserts: Vec<Reached>,
    pub(crate) creates: Vec<Reached>,
    /// From the sending of a create to its message.
    pub(crate) dispatch: Option<Latency>,
    /// Of whole tasks, with so many under way.
    pub(crate) cycles: Vec<(usize, Latency)>,
    pub(crate) pairs: Vec<Pair>,
}

impl Findings {
    pub(super) fn targets(&self) -> Vec<Target> {
        let inserts = |clients| at(&self.single_inserts, clients);
        let creates = |clients| at(&self.creates, clients);
        let of_inserts = |clients| ratio(creates(clients)?.per_second, inserts(64)?.per_second);
        let insert_ms = inserts(1).map(|one| one.latency.p50_ms);
        let one_most = insert_ms.map_or(0.0, |ms| (ONE_TIMES * ms).max(ms + ONE_MORE_MS));
        let workers_most = WORKERS_P50_MS + 2.0 * insert_ms.unwrap_or(0.0);
        let mut targets = vec![
            judge("Postgres: create@64 of pgbench@64", &Bound::Least(OF_SINGLE_INSERTS), "", of_inserts(64)),
            judge("Postgres: create@256 of pgbench@64", &Bound::Above(1.0), "", of_inserts(256)),
            judge(
                "Postgres: create@1 p50, 1.5 pgbench@1 or + 0.5 ms",
                &Bound::Most(one_most),
                " ms",
                creates(1).filter(|_| insert_ms.is_some()).map(|one| one.latency.p50_ms),
            ),
            judge(
                "Postgres: dispatch p50, 10 ms + 2 commits",
                &Bound::Most(workers_most),
                " ms",
                self.dispatch.map(|dispatch| dispatch.p50_ms),
            ),
        ];
        for lanes in [1, 64] {
            let cycle = self.cycles.iter().find(|(count, _)| *count == lanes);
            targets.push(judge(
                &format!("Postgres: task cycle@{lanes} p50, 10 ms + 2 commits"),
                &Bound::Most(workers_most),
                " ms",
                cycle.map(|(_, latency)| latency.p50_ms),
            ));
        }
        for synced in [true, false] {
            targets.extend(COUNTS_OF_PAIRS.map(|connections| self.pair(connections, synced)));
        }
        targets
    }

    fn pair(&self, connections: usize, synced: bool) -> Target {
        let how = if synced { "" } else { ", not synced" };
        let pair = self.pairs.iter().find(|pair| pair.connections == connections && pair.synced == synced);
        let measure = format!("Postgres: create@{connections} on two servers, of one{how}");
        judge(&measure, &Bound::Least(PAIR_OF_ONE), "", pair.map(|pair| pair.of_one))
    }
}

fn at(reached: &[Reached], clients: usize) -> Option<&Reached> {
    reached.iter().find(|reached| reached.clients == clients)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::Verdict;

    fn reached(clients: usize, per_second: f64, p50_ms: f64) -> Reached {
        Reached { clients, per_second, latency: Latency { p50_ms, ..Latency::default() } }
    }

    fn verdicts(create: Reached) -> Vec<Verdict> {
        let single_inserts = vec![reached(1, 1_000.0, 0.4), reached(64, 10_000.0, 6.0)];
        let findings = Findings { single_inserts, creates: vec![create], ..Findings::default() };
        findings.targets().iter().take(3).map(|target| target.verdict).collect()
    }

    #[test]
    fn creates_are_judged_by_single_inserts_at_64_clients() {
        use Verdict::{Met, Missed, NotMeasured};
        assert_eq!(verdicts(reached(64, 7_000.0, 9.0)), [Met, NotMeasured, NotMeasured]);
        assert_eq!(verdicts(reached(64, 6_900.0, 9.0)), [Missed, NotMeasured, NotMeasured]);
        assert_eq!(verdicts(reached(256, 10_001.0, 25.0)), [NotMeasured, Met, NotMeasured]);
        assert_eq!(verdicts(reached(256, 10_000.0, 25.0)), [NotMeasured, Missed, NotMeasured]);
    }

    #[test]
    fn one_connection_may_take_half_a_millisecond_more_than_a_quick_insert() {
        assert_eq!(verdicts(reached(1, 1_100.0, 0.89))[2], Verdict::Met);
        assert_eq!(verdicts(reached(1, 1_100.0, 0.91))[2], Verdict::Missed);
    }
}
