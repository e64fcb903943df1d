//! Writes the JavaScript and the types around the module for JavaScript: what the `wasm-bindgen` command does, as a tool of this workspace, since
//! the command must be of exactly the version of the library and is not published as a package.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [module, folder] = &arguments[..] else { bail!("usage: resonate-wasm-bindgen MODULE.wasm FOLDER") };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).out_name("resonate");
    // The page or the script that loads the package finds the module beside it.
    bindgen
        .web(true)?
        .typescript(true)
        .omit_default_module_path(false)
        .remove_name_section(true)
        .remove_producers_section(true);
    // A module that has trapped can be begun anew.
    bindgen.reset_state_function(true);
    bindgen.generate(folder).with_context(|| format!("cannot write to {}", folder.display()))
}
