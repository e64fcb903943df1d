//! Owns the measures of the core as a WebAssembly module: its size, its speed beside the core as it is and in Node, and how soon a page with
//! it is ready. What has not been built is not measured, but the module itself must be there.

mod node;
mod pairs;
mod size;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::bench::Bench;
use crate::report::{Report, Row};

/// The module without imports.
const PLAIN: &str = "target/wasm/abi.wasm";
/// The folder of the module for JavaScript.
const JS: &str = "target/wasm/js";
/// The folder of the built package.
const PACKAGE: &str = "host-wasm/js/dist";
/// The folder of the built playground.
const PLAYGROUND: &str = "target/playground";

/// A path of the workspace.
fn workspace(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let [plain, js] = [PLAIN, JS].map(workspace);
    for module in [&plain, &js] {
        ensure!(module.exists(), "no module at {}: make wasm", module.display());
    }
    measure_sizes(report)?;
    pairs::measure(bench.options.window(), report)?;
    node::measure(bench.options.window(), report)
}

fn measure_sizes(report: &mut Report) -> Result<()> {
    let plain = size::gzipped(&workspace(PLAIN))?;
    report.push(row("size of the plain module", &plain));
    let js = size::gzipped(&workspace(JS).join("resonate_bg.wasm"))?;
    report.push(row("size of the module for JavaScript", &js));
    report.findings.js_gzipped_bytes = Some(js.gzipped_bytes);
    let playground = workspace(PLAYGROUND);
    if playground.exists() {
        // Not part of the page: it is loaded when somebody asks for a seed.
        let simulation = size::gzipped(&playground.join("wasm/simulation.wasm"))?;
        report.push(row("size of the playground", &size::folder_gzipped(&playground)?.without(simulation)));
        report.push(row("size of the simulation for the playground", &simulation));
    }
    Ok(())
}

fn row(measure: &str, size: &size::Size) -> Row {
    let size::Size { bytes, gzipped_bytes } = size;
    let note = format!("{:.1} KB, {:.1} KB gzipped", *bytes as f64 / 1e3, *gzipped_bytes as f64 / 1e3);
    Row { measure: measure.to_owned(), note, ..Row::default() }
}
