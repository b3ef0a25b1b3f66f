//! Where the project is, and how its tools are called.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

/// The target that Spin components are built for.
pub(crate) const GUEST_TARGET: &str = "wasm32-wasip2";

/// The project's directory.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Where builds go. It is fixed, because the manifest names the components' files in it.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// A cargo command, run in the project's directory.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // `cargo run` tells this program its package's name; cargo-machete takes that for a sign that it is not run by cargo.
    command.current_dir(root()).env("CARGO_TARGET_DIR", target()).env_remove("CARGO_PKG_NAME").args(arguments);
    command
}

/// The command that installs this package. Cargo builds it in a directory of its own, which it throws away: no other build
/// needs what is in it, a gigabyte for some.
pub(crate) fn cargo_install(package: &str) -> Command {
    let mut command = cargo(&["install", "--locked", package]);
    command.env_remove("CARGO_TARGET_DIR");
    command
}

/// Runs a command with its output passed through.
///
/// # Errors
/// When it cannot be started, or ends with anything but success.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("{program} could not be started"))?;
    ensure!(status.success(), "{program} ended with {status}");
    Ok(())
}

/// Runs a command and hands out what it prints.
///
/// # Errors
/// As [`run`].
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("{program} could not be started"))?;
    ensure!(output.status.success(), "{program} ended with {}", output.status);
    String::from_utf8(output.stdout).with_context(|| format!("{program} printed something that is not text"))
}
