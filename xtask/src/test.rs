//! `cargo xtask test`: every test there is.

use crate::{
    build,
    components::Size,
    manifest::Manifest,
    steps::Steps,
    workspace::{cargo, run as run_command},
};

/// Builds the components first: the journeys run on them.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut steps = Steps::new(build::GUEST_STEPS + 1);
    build::guests(&mut steps, &Manifest::read()?, Size::Optimised)?;
    steps.step("Running the tests", || run_command(&mut cargo(&["test", "--workspace"])))
}
