//! Owns a run: its folder, the server under measure, and the order of the sections. A section that fails
//! is told of and does not keep the others from running.

use std::path::Path;

use anyhow::{Context, Result};

use crate::child::{Folder, Program};
use crate::cli::{Options, Section};
use crate::machine::Machine;
use crate::report::Report;
use crate::{disk, growth, rates, timers};

/// What all sections share.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) options: Options,
    pub(crate) program: Program,
    root: Folder,
}

impl Bench {
    pub(crate) fn new(options: Options) -> Result<Self> {
        let path = if options.stand_in {
            std::env::current_exe()?
        } else {
            options.server.canonicalize().with_context(|| format!("no server at {}", options.server.display()))?
        };
        let program = Program { path, extra: options.server_arg.clone() };
        let root = Folder::create(&options.dir, &format!("run-{}", std::process::id()), options.keep)?;
        Ok(Bench { options, program, root })
    }

    /// A new folder for one server.
    pub(crate) fn folder(&self, name: &str) -> Result<Folder> {
        Folder::create(self.root.path(), name, self.options.keep)
    }

    /// Runs the sections that were asked for and shows what they found; whether all went well.
    pub(crate) async fn run(&self) -> Result<bool> {
        let mut report = Report::default();
        if self.options.runs(Section::Disk) {
            let row = disk::measure(&self.root).context("disk")?;
            report.findings.fsync = row.latency;
            report.push(row);
        }
        if self.options.runs(Section::Rates)
            && let Err(error) = rates::measure(self, &mut report).await
        {
            report.fail("rates", &error);
        }
        if self.options.runs(Section::Timers)
            && self.options.timers() > 0
            && let Err(error) = timers::measure(self, &mut report).await
        {
            report.fail("timers", &error);
        }
        if self.options.runs(Section::Growth)
            && !self.options.growth().is_empty()
            && let Err(error) = growth::measure(self, &mut report).await
        {
            report.fail("growth", &error);
        }
        let machine = Machine::read(report.findings.fsync);
        println!("{}", report.text(&machine));
        if let Some(path) = &self.options.markdown {
            write(path, &report.markdown(&machine))?;
        }
        Ok(report.is_clean())
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}
