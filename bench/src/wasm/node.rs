//! Owns the measures that JavaScript makes: requests a second in Node, and a page in a browser.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{JS, PACKAGE, PLAYGROUND, workspace};
use crate::measure::Window;
use crate::report::{Report, Row};

/// Navigations to the page, each with a profile of its own.
const NAVIGATIONS: &str = "5";

/// The Node that the tests of clients have installed, else the one of the machine.
fn node() -> PathBuf {
    let installed = workspace("tests/clients/node_modules/.bin/node");
    if installed.exists() { installed } else { PathBuf::from("node") }
}

/// Runs a script and reads the JSON that it ends with.
fn run(script: &str, arguments: &[&Path]) -> Result<Value> {
    let path = workspace("bench/js").join(script);
    let ran = Command::new(node()).arg(path).args(arguments).stderr(Stdio::inherit()).output();
    let ran = ran.with_context(|| format!("run {script} with node"))?;
    ensure!(ran.status.success(), "{script} failed: {}", ran.status);
    serde_json::from_slice(&ran.stdout).with_context(|| format!("{script} printed no JSON"))
}

pub(super) fn measure(window: Window, report: &mut Report) -> Result<()> {
    let seconds = window.measured.as_secs().to_string();
    let found = run("process.mjs", &[&workspace(JS), Path::new(&seconds), &workspace(PACKAGE)])?;
    let version = found["node"].as_str().unwrap_or_default();
    for (name, measure) in [
        ("bytes", "process(bytes) in Node"),
        ("objects", "process(object) in Node"),
        ("packageBytes", "process(bytes) in Node, the package's"),
        ("packageObjects", "process(object) in Node, the package's"),
    ] {
        if let Some(rate) = found[name].as_f64() {
            report.push(Row {
                measure: measure.to_owned(),
                rate: Some(rate),
                note: version.to_owned(),
                ..Row::default()
            });
        }
    }
    report.findings.node_per_second = found["bytes"].as_f64();
    let playground = workspace(PLAYGROUND);
    if !playground.exists() {
        return Ok(());
    }
    let ready = run("ready.mjs", &[&playground, Path::new(NAVIGATIONS)])?;
    let in_ms = |name: &str| ready[name].as_f64().with_context(|| format!("ready.mjs does not tell {name}"));
    let (median, worst) = (in_ms("medianMs")?, in_ms("worstMs")?);
    report.findings.page_ready_ms = Some(median);
    let note =
        format!("{median:.0} ms, at worst {worst:.0} ms, of {NAVIGATIONS} navigations with a profile of their own");
    report.push(Row { measure: "playground ready".to_owned(), note, ..Row::default() });
    Ok(())
}
