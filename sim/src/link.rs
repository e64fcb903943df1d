//! Worlds as text: the arguments of `resonate sim`, and the link that opens the same world in the playground. Owns both spellings, and what a page may
//! be asked for; what the options mean is the plan's.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

use crate::plan::{Fault, Options};

/// [`Options::seed`]
pub const SEED: &str = "seed";
/// [`Options::steps`]
pub const STEPS: &str = "steps";
/// [`Options::servers`]
pub const SERVERS: &str = "servers";
/// [`Options::workers`]
pub const WORKERS: &str = "workers";
/// [`Options::workflows`]
pub const WORKFLOWS: &str = "workflows";
/// [`Options::without`], once for each fault.
pub const WITHOUT: &str = "without";
/// [`Options::without_strangers`]
pub const WITHOUT_STRANGERS: &str = "without-strangers";
/// [`Options::linearize`]
pub const LINEARIZE: &str = "linearize";

const NAMES: [&str; 8] = [SEED, STEPS, SERVERS, WORKERS, WORKFLOWS, WITHOUT, WITHOUT_STRANGERS, LINEARIZE];

/// What a link may ask for at most: whoever opens it waits, and their page keeps every step.
pub mod limits {
    /// Requests after which faults end.
    pub const STEPS_MAX: u64 = 5_000;
    /// Servers.
    pub const SERVERS_MAX: u64 = 16;
    /// Workers.
    pub const WORKERS_MAX: u64 = 64;
    /// Workflows that are started.
    pub const WORKFLOWS_MAX: u64 = 5_000;
}

impl Options {
    /// What makes this world, by the names of the command line. A flag has no value.
    fn spelled(&self) -> Vec<(&'static str, Option<String>)> {
        let number = |name, number: Option<u64>| number.map(|number| (name, Some(number.to_string())));
        let flag = |name, is_set: bool| is_set.then_some((name, None));
        let without = self.without.iter().map(|fault| Some((WITHOUT, Some(fault.name().to_owned()))));
        let numbers = [
            number(SEED, Some(self.seed)),
            number(STEPS, Some(self.steps)),
            number(SERVERS, self.servers),
            number(WORKERS, self.workers),
            number(WORKFLOWS, self.workflows),
        ];
        let flags = [flag(WITHOUT_STRANGERS, self.without_strangers), flag(LINEARIZE, self.linearize)];
        numbers.into_iter().chain(without).chain(flags).flatten().collect()
    }

    /// The arguments of `resonate sim` that bring this world again.
    #[must_use]
    pub fn arguments(&self) -> String {
        let mut arguments = String::new();
        for (name, value) in self.spelled() {
            let gap = if arguments.is_empty() { "" } else { " " };
            let _ = write!(arguments, "{gap}--{name}");
            if let Some(value) = value {
                let _ = write!(arguments, " {value}");
            }
        }
        arguments
    }

    /// The fragment of the playground's address that opens this world.
    ///
    /// # Errors
    /// When it is more than a page may be asked for: what of it, and the cure.
    pub fn fragment(&self) -> Result<String, String> {
        let spelled = self.spelled();
        let pairs = spelled.iter().map(|(name, value)| ((*name).to_owned(), value.clone().unwrap_or_default()));
        Self::of_fragment(&pairs.collect::<Vec<_>>())?;
        let parts = spelled.into_iter().map(|(name, value)| match value {
            Some(value) => format!("{name}={value}"),
            None => name.to_owned(),
        });
        Ok(format!("#{}", parts.collect::<Vec<String>>().join("&")))
    }

    /// The world that a fragment asks for, of its names and values.
    ///
    /// # Errors
    /// Names the field that does not fit, and the cure.
    pub fn of_fragment(pairs: &[(String, String)]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut given = BTreeSet::new();
        for (name, value) in pairs {
            if !given.insert(name.as_str()) && name != WITHOUT {
                return Err(format!("'{name}' is given twice: leave one of them out"));
            }
            options.take(name, value)?;
        }
        let missing = [(SEED, "an integer"), (STEPS, "a number of requests, such as 1000")];
        match missing.into_iter().find(|(name, _)| !given.contains(name)) {
            Some((name, what)) => Err(format!("'{name}' is missing: give it {what}")),
            None => Ok(options),
        }
    }

    /// Takes a part of a fragment.
    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            SEED => self.seed = integer(SEED, value, 0..=u64::MAX)?,
            STEPS => self.steps = steps(value)?,
            SERVERS => self.servers = Some(integer(SERVERS, value, 0..=limits::SERVERS_MAX)?),
            WORKERS => self.workers = Some(integer(WORKERS, value, 0..=limits::WORKERS_MAX)?),
            WORKFLOWS => self.workflows = Some(integer(WORKFLOWS, value, 0..=limits::WORKFLOWS_MAX)?),
            WITHOUT => {
                for name in value.split(',') {
                    self.without.insert(fault(name)?);
                }
            }
            WITHOUT_STRANGERS => self.without_strangers = flag(WITHOUT_STRANGERS, value)?,
            LINEARIZE => self.linearize = flag(LINEARIZE, value)?,
            #[cfg(feature = "mutants")]
            "mutant" => {
                let mutants = resonate_core::mutant::Mutant::ALL.iter();
                self.mutant = mutants.copied().find(|mutant| format!("{mutant:?}") == value);
            }
            name => return Err(format!("'{name}' is no part of a world: take it out, or give {}", NAMES.join(", "))),
        }
        Ok(())
    }
}

fn integer(name: &str, value: &str, range: RangeInclusive<u64>) -> Result<u64, String> {
    let number = value.parse().ok().filter(|number| range.contains(number));
    number
        .ok_or_else(|| format!("'{name}' must be an integer from {} to {}, not {value:?}", range.start(), range.end()))
}

fn steps(value: &str) -> Result<u64, String> {
    integer(STEPS, value, 1..=limits::STEPS_MAX).map_err(|why| {
        let is_more = value.parse().is_ok_and(|steps: u64| steps > limits::STEPS_MAX);
        let cure = ": for more, run `resonate sim` with `--recording FILE`, and drop the file on the page";
        if is_more { why + cure } else { why }
    })
}

fn fault(name: &str) -> Result<Fault, String> {
    Fault::parse(name).ok_or_else(|| {
        let names = Fault::ALL.map(Fault::name).join(", ");
        format!("'{WITHOUT}' names faults that do not happen, and there is none called {name:?}: take of {names}")
    })
}

/// A flag says yes by being there.
fn flag(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "" | "true" => Ok(true),
        "false" => Ok(false),
        other => Err(format!("'{name}' stands alone, or is true or false, not {other:?}")),
    }
}
