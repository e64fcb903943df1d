//! Owns a run: its folder, the server under measure, and the order of the sections. A section that fails
//! is told of and does not keep the others from running.

use std::path::Path;

use anyhow::{Context, Result};
use clap::ValueEnum as _;

use crate::child::{Folder, Program};
use crate::cli::{Options, Section};
use crate::machine::Machine;
use crate::report::Report;
use crate::workers::{burst, connections, cycles, dead_group, dispatch};
use crate::{disk, growth, overload, postgres, rates, soak, timers, wasm};

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
        for section in Section::value_variants() {
            if !self.options.runs(*section) {
                continue;
            }
            if let Err(error) = self.measure(*section, &mut report).await {
                report.fail(section.name(), &error);
            }
        }
        let machine = Machine::read(report.findings.fsync);
        println!("{}", report.text(&machine));
        if let Some(path) = &self.options.markdown {
            write(path, &report.markdown(&machine))?;
        }
        Ok(report.is_clean())
    }

    async fn measure(&self, section: Section, report: &mut Report) -> Result<()> {
        match section {
            Section::Disk => disk::measure(&self.root, report),
            Section::Rates => rates::measure(self, report).await,
            Section::Timers if self.options.timers() == 0 => Ok(()),
            Section::Timers => timers::measure(self, report).await,
            Section::Dispatch => dispatch::measure(self, report).await,
            Section::Burst => burst::measure(self, report).await,
            Section::Cycles => cycles::measure(self, report).await,
            Section::Connections => connections::measure(self, report).await,
            Section::DeadGroup => dead_group::measure(self, report).await,
            Section::Growth => growth::measure(self, report).await,
            Section::Postgres => postgres::measure(self, report).await,
            Section::PostgresGrowth => postgres::measure_growth(self, report).await,
            Section::Wasm => wasm::measure(self, report),
            Section::Overload => overload::measure(self, report).await,
            Section::Soak => soak::measure(self, report).await,
        }
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}
