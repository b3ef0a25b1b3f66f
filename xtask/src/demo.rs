//! `cargo xtask demo`: both journeys on a running host, as the real actors walk them.

use crate::workspace::{cargo, run as run_command};

/// Runs the walker with its own arguments.
///
/// # Errors
/// When a step of a journey misbehaved.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    run_command(cargo(&["run", "--quiet", "--package", "journeys", "--bin", "demo", "--"]).args(arguments))
}
