//! The compiled module, once a process: compiling takes seconds, running an instance of it microseconds.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result};
use wasmtime::Engine;

use crate::instance::Instance;

/// What the module exports, sorted: its memory, its functions, and two numbers of the linker.
pub const EXPORTS: [&str; 26] = [
    "__data_end",
    "__heap_base",
    "memory",
    "resonate_changes",
    "resonate_close",
    "resonate_connected",
    "resonate_events",
    "resonate_has_events",
    "resonate_input",
    "resonate_is_due",
    "resonate_mailboxes",
    "resonate_next_wakeup",
    "resonate_note_changes",
    "resonate_open",
    "resonate_output",
    "resonate_panic",
    "resonate_panic_bytes",
    "resonate_process",
    "resonate_report",
    "resonate_rest",
    "resonate_restore",
    "resonate_snapshot",
    "resonate_status",
    "resonate_submit",
    "resonate_supply",
    "resonate_tick",
];

/// A compiled module.
#[derive(Debug)]
pub struct Module(wasmtime::Module);

impl Module {
    /// Compiles a file.
    ///
    /// # Errors
    /// When it cannot be read, or is no module.
    pub fn compile(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("no module at {}: make wasm", path.display()))?;
        let module = wasmtime::Module::new(&Engine::default(), bytes);
        Ok(Self(module.map_err(|why| anyhow::anyhow!("{}: {why:#}", path.display()))?))
    }

    /// The module of this workspace, compiled when it is first asked for.
    ///
    /// # Panics
    /// When it has not been built: `make wasm`.
    #[must_use]
    pub fn built() -> &'static Self {
        static BUILT: OnceLock<Module> = OnceLock::new();
        BUILT.get_or_init(|| Self::compile(&Self::path()).unwrap_or_else(|why| panic!("{why:#}")))
    }

    /// Where the module of this workspace is built.
    #[must_use]
    pub fn path() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/wasm/abi.wasm")
    }

    /// What it needs, as `module.name`.
    #[must_use]
    pub fn imports(&self) -> Vec<String> {
        self.0.imports().map(|import| format!("{}.{}", import.module(), import.name())).collect()
    }

    /// What it has, sorted.
    #[must_use]
    pub fn exports(&self) -> Vec<String> {
        let mut names: Vec<String> = self.0.exports().map(|export| export.name().to_owned()).collect();
        names.sort();
        names
    }

    /// A new instance, which is given nothing.
    ///
    /// # Errors
    /// When the module needs something, or lacks a function.
    pub fn instantiate(&self) -> Result<Instance> {
        Instance::of(&self.0).map_err(|why| anyhow::anyhow!("{why:#}"))
    }
}
