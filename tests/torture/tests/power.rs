//! A power cut at many moments of a short log.

use resonate_process::seed;
use resonate_torture::power::{FailingSync, Lie, Outage};

fn outage(synchronous: &'static str) -> Outage {
    let (writes, one_point_in, subsets) = (60, 2, 10);
    Outage {
        binary: None,
        seed: seed(),
        synchronous,
        writes,
        with_checkpoint: false,
        failing_sync: None,
        one_point_in,
        subsets,
    }
}

#[test]
fn what_was_acknowledged_survives_a_power_cut_and_a_disk_that_lies_is_found_out() {
    let recorded = outage("full").record();
    let cuts = recorded.cut(&|_, _| {});
    println!("{cuts}");
    assert!(cuts.violations.is_empty() && cuts.prefixes > 50 && cuts.subsets > 50, "{cuts}");
    for lie in Lie::ALL {
        let lying = recorded.cut_lying(lie);
        assert!(
            !lying.violations.is_empty(),
            "nothing is gone on a disk that lies about syncs {}: {lying}",
            lie.name()
        );
        println!("a disk that lies about syncs {}: {}", lie.name(), lying.violations[0]);
    }
}

#[test]
fn below_full_a_power_cut_loses_acknowledged_writes_which_shows() {
    let cuts = outage("off").record().cut(&|_, _| {});
    assert!(cuts.violations.iter().any(|why| why.contains("is gone")), "{cuts}");
}

#[test]
fn a_commit_whose_sync_has_failed_takes_nothing_acknowledged_with_it() {
    let outage = Outage { failing_sync: Some(FailingSync::Log(20)), ..outage("full") };
    let cuts = outage.record().cut(&|_, _| {});
    println!("{cuts}");
    assert!(cuts.violations.is_empty() && cuts.prefixes > 50 && cuts.subsets > 50, "{cuts}");
}

#[test]
fn a_checkpoint_whose_sync_has_failed_takes_nothing_acknowledged_with_it() {
    let outage = Outage {
        failing_sync: Some(FailingSync::Database(2)),
        with_checkpoint: true,
        one_point_in: 50,
        subsets: 1,
        ..outage("full")
    };
    let cuts = outage.record().cut(&|_, _| {});
    println!("{cuts}");
    assert!(cuts.violations.is_empty() && cuts.prefixes > 50 && cuts.subsets > 50, "{cuts}");
}
