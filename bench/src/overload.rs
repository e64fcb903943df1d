//! Owns overload: many times as many bytes in flight as may wait for the writer. What is too much is refused at once, what is taken is taken as fast
//! as before, and when it is over it is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use tokio::task::JoinSet;

use crate::bench::Bench;
use crate::child::Server;
use crate::client::{Call, Fault, Link, PAYLOAD, fetch, tomorrow_ms};
use crate::ids::{IdOrder, Ids};
use crate::load::{Operation, Tally};
use crate::measure::Measurement;
use crate::report::{Report, Row, ratio};

/// A param of 32 KiB: some 2,000 of them are all that may wait for the writer.
const PARAM_BYTES: usize = 32 << 10;
/// Connections that are enough for all that a server can do, and ten times as many. Who is refused comes back at once.
const WITHIN: usize = 512;
const BEYOND: usize = 5_120;
const LOOK: Duration = Duration::from_millis(50);
const ACCEPTED_OF_CAPACITY_MIN: f64 = 0.5;
const REFUSED_P99_MAX: Duration = Duration::from_secs(2);

/// What became of creates.
#[derive(Debug)]
struct Came {
    taken: Tally,
    refused: Tally,
}

pub(crate) async fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let folder = bench.folder("overload")?;
    let server = Server::start(&bench.program, &folder, false).await?;
    let ids = Arc::new(Ids::new(IdOrder::Time));
    let window = bench.options.window();
    let create = Call::Create(large_body());
    let within = async |name: &str, report: &mut Report| -> Result<f64> {
        let measured = Measurement::take(&server, &ids, Operation::Create(create.clone()), WITHIN, window).await?;
        report.push(measured.row(name, WITHIN));
        Ok(measured.per_second)
    };
    let before = within("create of 32 KiB, within capacity", report).await?;

    let stop = Arc::new(AtomicBool::new(false));
    let looks = tokio::spawn(look(server.address, Arc::clone(&stop)));
    let began = Instant::now();
    let came = overload(&server, &ids, &create, began + window.measured).await;
    let took = began.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    let (ready, unready) = looks.await?;
    let Came { taken, refused } = came?;
    let accepted = taken.completed as f64 / took;
    let after = within("create of 32 KiB, right afterwards", report).await?;
    server.stop().await?;
    // Disks are not equally fast from one minute to the next: what was taken is held to both sides of it.
    let capacity = f64::midpoint(before, after);
    report.push(Row {
        measure: "create of 32 KiB, taken, ten times too many".to_owned(),
        connections: Some(BEYOND),
        rate: Some(accepted),
        latency: Some((&taken.latency).into()),
        errors: Some(taken.errors),
        first_error: taken.first_error,
        note: format!("{:.2} of capacity", ratio(accepted, capacity).unwrap_or(0.0)),
        ..Row::default()
    });
    report.push(Row {
        measure: "the same, refused with 503".to_owned(),
        connections: Some(BEYOND),
        rate: Some(refused.completed as f64 / took),
        latency: Some((&refused.latency).into()),
        note: format!("ready {ready} of {} times", ready + unready),
        ..Row::default()
    });

    ensure!(refused.completed > 0, "nothing was too much: this was no overload");
    ensure!(unready == 0, "it was not ready {unready} times");
    ensure!(accepted >= capacity * ACCEPTED_OF_CAPACITY_MIN, "it took {accepted:.0}/s instead of {capacity:.0}/s");
    ensure!(after >= before * ACCEPTED_OF_CAPACITY_MIN, "afterwards it took {after:.0}/s instead of {before:.0}/s");
    let p99 = Duration::from_nanos(refused.latency.value_at_quantile(0.99));
    ensure!(p99 <= REFUSED_P99_MAX, "a refusal took {p99:?} (p99)");
    Ok(())
}

fn large_body() -> Bytes {
    let data = PAYLOAD.repeat(PARAM_BYTES / PAYLOAD.len());
    format!(r#"{{"param":{{"data":"{data}"}},"timeout":{}}}"#, tomorrow_ms()).into()
}

/// Creates over very many connections until `end`, each again as soon as it is answered.
async fn overload(server: &Server, ids: &Arc<Ids>, create: &Call, end: Instant) -> Result<Came> {
    let mut connections = JoinSet::new();
    let errors = Arc::new(AtomicU64::new(0));
    for _ in 0..BEYOND {
        let (ids, create, errors) = (Arc::clone(ids), create.clone(), Arc::clone(&errors));
        let address = server.address;
        connections.spawn(async move {
            let mut came = Came { taken: Tally::new(), refused: Tally::new() };
            let mut link = None;
            while Instant::now() < end && errors.load(Ordering::Relaxed) < 1_000 {
                let open = match &mut link {
                    Some(open) => open,
                    None => link.insert(Link::open(address).await?),
                };
                let began = Instant::now();
                match open.call(&create, &ids, ids.take()).await {
                    Ok(()) => {
                        came.taken.record(began.elapsed());
                        came.taken.completed += 1;
                    }
                    Err(Fault::Refused(why)) if why.starts_with("503") => {
                        came.refused.record(began.elapsed());
                        came.refused.completed += 1;
                    }
                    Err(fault) => {
                        errors.fetch_add(1, Ordering::Relaxed);
                        came.taken.fail(&fault);
                        link = None;
                    }
                }
            }
            anyhow::Ok(came)
        });
    }
    let mut whole = Came { taken: Tally::new(), refused: Tally::new() };
    while let Some(came) = connections.join_next().await {
        let Came { taken, refused } = came??;
        whole.taken.add(taken);
        whole.refused.add(refused);
    }
    Ok(whole)
}

/// Asks whether the server is ready, again and again: how often it was and was not.
async fn look(address: std::net::SocketAddr, stop: Arc<AtomicBool>) -> (u64, u64) {
    let (mut ready, mut unready) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        match fetch(address, "/ready").await {
            Ok((status, _)) if status.is_success() => ready += 1,
            Ok(_) | Err(_) => unready += 1,
        }
        tokio::time::sleep(LOOK).await;
    }
    (ready, unready)
}
