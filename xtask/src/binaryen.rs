//! Binaryen's optimiser for WebAssembly, built once by cargo at a version that is fixed here: another version would give
//! other bytes and other figures.

use std::process::Command;

use crate::workspace::{cargo_install, run as run_command, target};

/// The package on crates.io and its version.
pub(crate) const PACKAGE: &str = "wasm-opt@0.116.1";

/// The optimiser, built first where it is missing, which takes minutes.
///
/// # Errors
/// Cargo's, when it cannot be built.
pub(crate) fn wasm_opt() -> anyhow::Result<Command> {
    let root = target().join("tools").join(PACKAGE);
    let program = root.join("bin/wasm-opt");
    if !program.is_file() {
        eprintln!("Building {PACKAGE}, once: this takes some minutes.");
        run_command(cargo_install(PACKAGE).args(["--quiet", "--no-default-features", "--root"]).arg(&root))?;
    }
    Ok(Command::new(program))
}
