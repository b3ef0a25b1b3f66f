//! `cargo xtask doctor`: the guarantees of the store under a live deployment.

use crate::workspace::{cargo, run as run_command};

/// Runs the examination with its own arguments.
///
/// # Errors
/// When a guarantee is broken, or the examination could not be finished.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    run_command(cargo(&["run", "--quiet", "--package", "journeys", "--bin", "doctor", "--"]).args(arguments))
}
