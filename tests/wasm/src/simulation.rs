//! The simulation as a module of its own, which only tests build: worlds in a WebAssembly runtime.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use wasmtime::{Engine, Instance, Module, Store, TypedFunc};

/// A run of the module.
pub struct Simulation {
    store: Store<()>,
    digest: TypedFunc<(u64, u64), u64>,
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
        let digest = instance.get_typed_func(&mut store, "simulation_digest")?;
        Ok(Self { store, digest })
    }

    /// What the world of a seed comes to.
    ///
    /// # Errors
    /// When something is wrong in it.
    pub fn digest(&mut self, seed: u64, steps: u64) -> Result<u64> {
        self.digest.call(&mut self.store, (seed, steps)).map_err(|why| anyhow::anyhow!("seed {seed}: {why:#}"))
    }
}
