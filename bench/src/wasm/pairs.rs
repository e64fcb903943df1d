//! Owns the comparison of the module with the core as it is: the same requests, bytes in and bytes out, in turns.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use resonate_core::local::Local;
use resonate_core::memory::MemoryStore;
use resonate_core::rules::Rules;
use resonate_core::time::Timestamp;
use resonate_core::wire::envelope::VERSION;
use resonate_wasm_driver::{Instance, Module};

use crate::measure::Window;
use crate::report::{Report, Row, ratio};

/// Pairs of a create and a settle that meet one server.
const PAIRS: usize = 10_000;
const NOW: u64 = 1_000;

fn requests() -> Vec<Vec<u8>> {
    let pair = |number| {
        let head = format!(r#"{{"corrId":"c{number}","version":"{VERSION}"}}"#);
        let create = format!(
            r#"{{"kind":"promise.create","head":{head},"data":{{"id":"promise-{number:08}","timeoutAt":2524608000000,"param":{{"data":"RHVyYWJsZSBQcm9taXNlIENyZWF0ZWQ="}},"tags":{{}}}}}}"#
        );
        let settle = format!(
            r#"{{"kind":"promise.settle","head":{head},"data":{{"id":"promise-{number:08}","state":"resolved","value":{{"data":"RHVyYWJsZSBQcm9taXNlIFJlc29sdmVk"}}}}}}"#
        );
        [create.into_bytes(), settle.into_bytes()]
    };
    (0..PAIRS).flat_map(pair).collect()
}

/// Answers every request with a new server: how long it took, and how many bytes the answers had.
fn beside(requests: &[Vec<u8>]) -> Result<(Duration, usize)> {
    let mut local = Local::new(MemoryStore::new(), Rules::default(), true);
    let (began, mut bytes) = (Instant::now(), 0);
    for request in requests {
        let Ok(answer) = local.envelope(request, Timestamp::saturating(NOW)) else {
            unreachable!("memory does not fail")
        };
        ensure!(answer.status == 200, "{}", answer.body.escape_ascii());
        bytes += answer.body.len();
    }
    Ok((began.elapsed(), bytes))
}

/// The same in the module.
fn inside(instance: &mut Instance, requests: &[Vec<u8>]) -> Result<(Duration, usize)> {
    let server = instance.open(b"")?;
    let (began, mut bytes) = (Instant::now(), 0);
    for request in requests {
        bytes += instance.process(server, request, NOW)?.len();
    }
    let took = began.elapsed();
    ensure!(instance.status(server)? == 200, "the last settle was refused");
    instance.close(server)?;
    Ok((took, bytes))
}

pub(super) fn measure(window: Window, report: &mut Report) -> Result<()> {
    let requests = requests();
    let mut instance = Module::built().instantiate()?;
    let until = Instant::now() + window.warm_up + window.measured;
    let (mut native, mut module) = (Duration::MAX, Duration::MAX);
    // The best of each: whatever else runs on the machine only makes them slower.
    while Instant::now() < until {
        let (beside, inside) = (beside(&requests)?, inside(&mut instance, &requests)?);
        ensure!(beside.1 == inside.1, "the module answers something else");
        native = native.min(beside.0);
        module = module.min(inside.0);
    }
    let per_second = |took: Duration| requests.len() as f64 / took.as_secs_f64();
    let of_native = ratio(per_second(module), per_second(native));
    report.findings.module_of_native = of_native;
    let row = |measure: &str, took| Row { measure: measure.to_owned(), rate: Some(per_second(took)), ..Row::default() };
    report.push(row("create, settle as JSON, native", native));
    let note = of_native.map_or_else(String::new, |ratio| format!("{ratio:.2} of native"));
    report.push(Row { note, ..row("create, settle as JSON, module in wasmtime", module) });
    Ok(())
}
