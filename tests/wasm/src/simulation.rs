//! The simulation as a module of its own, as the playground has it: worlds in a WebAssembly runtime.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use wasmtime::{Engine, Instance, Memory, Module, Store, TypedFunc};

/// A run of the module.
pub struct Simulation {
    store: Store<()>,
    memory: Memory,
    input: TypedFunc<u32, u32>,
    run: TypedFunc<(), u32>,
    output: TypedFunc<(), u32>,
    output_bytes: TypedFunc<(), u32>,
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation").finish_non_exhaustive()
    }
}

impl Simulation {
    /// The module of this workspace, given nothing.
    ///
    /// # Errors
    /// When it has not been built, or needs something.
    pub fn built() -> Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/wasm/simulation.wasm");
        let bytes = std::fs::read(&path).with_context(|| format!("no module at {}: make wasm", path.display()))?;
        Self::of(&bytes).map_err(|why| anyhow::anyhow!("{}: {why:#}", path.display()))
    }

    fn of(bytes: &[u8]) -> wasmtime::Result<Self> {
        let module = Module::new(&Engine::default(), bytes)?;
        let mut store = Store::new(module.engine(), ());
        let instance = Instance::new(&mut store, &module, &[])?;
        let memory = instance.get_memory(&mut store, "memory").ok_or_else(|| wasmtime::Error::msg("no memory"))?;
        let input = instance.get_typed_func(&mut store, "simulation_input")?;
        let run = instance.get_typed_func(&mut store, "simulation_run")?;
        let output = instance.get_typed_func(&mut store, "simulation_output")?;
        let output_bytes = instance.get_typed_func(&mut store, "simulation_output_bytes")?;
        Ok(Self { store, memory, input, run, output, output_bytes })
    }

    /// The world of a link, as a page opens it, or why it cannot be opened.
    ///
    /// # Errors
    /// When the module has trapped: what it said.
    pub fn open(&mut self, link: &[u8]) -> Result<Result<String, String>> {
        let at = self.input.call(&mut self.store, u32::try_from(link.len())?).map_err(|why| self.said(&why))?;
        self.memory.write(&mut self.store, at as usize, link)?;
        let has_run = self.run.call(&mut self.store, ()).map_err(|why| self.said(&why))? == 1;
        let said = self.left()?;
        Ok(if has_run { Ok(said) } else { Err(said) })
    }

    /// What a call has left.
    fn left(&mut self) -> Result<String> {
        let at = self.output.call(&mut self.store, ()).map_err(|why| anyhow::anyhow!("{why:#}"))? as usize;
        let bytes = self.output_bytes.call(&mut self.store, ()).map_err(|why| anyhow::anyhow!("{why:#}"))? as usize;
        let left = self.memory.data(&self.store).get(at..at + bytes).context("what is left lies in memory")?;
        Ok(String::from_utf8(left.to_vec())?)
    }

    fn said(&mut self, trap: &wasmtime::Error) -> anyhow::Error {
        anyhow::anyhow!("{} ({trap:#})", self.left().unwrap_or_default())
    }
}
