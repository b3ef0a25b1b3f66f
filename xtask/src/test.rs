//! `cargo xtask test`: every test there is.

use crate::{
    build,
    manifest::Manifest,
    steps::Steps,
    workspace::{cargo, run as run_command},
};

/// Builds the components first: the journeys run on them.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut steps = Steps::new(3);
    build::components(&mut steps, &Manifest::read()?)?;
    steps.step("Running the tests", || run_command(&mut cargo(&["test", "--workspace"])))
}
