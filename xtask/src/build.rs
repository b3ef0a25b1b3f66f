//! `cargo xtask build`: the components for WebAssembly, then what runs them here.

use std::path::PathBuf;

use crate::{
    manifest::Manifest,
    steps::Steps,
    workspace::{GUEST_TARGET, cargo, output, run as run_command, target},
};

/// How many steps [`everything`] takes.
pub(crate) const STEPS: usize = 3;

/// Builds everything.
pub(crate) fn run() -> anyhow::Result<()> {
    everything(&mut Steps::new(STEPS), &Manifest::read()?)
}

/// The guest target, the components, the host and the demonstration application.
pub(crate) fn everything(steps: &mut Steps, manifest: &Manifest) -> anyhow::Result<()> {
    components(steps, manifest)?;
    steps.step("Building the host and the demonstration application", || {
        run_command(&mut cargo(&["build", "--package", "vestibule-host", "--package", "relying-party"]))
    })
}

/// The guest target and the components: two steps.
pub(crate) fn components(steps: &mut Steps, manifest: &Manifest) -> anyhow::Result<()> {
    steps.step(&format!("Looking for the {GUEST_TARGET} target"), guest_target)?;
    let packages = manifest.packages()?;
    steps.step(&format!("Building the components ({})", packages.len()), || {
        let mut build = cargo(&["build", "--release", "--target", GUEST_TARGET]);
        for package in &packages {
            build.args(["--package", package]);
        }
        run_command(&mut build)
    })
}

/// Adds the guest target to the toolchain unless it is there.
pub(crate) fn guest_target() -> anyhow::Result<()> {
    let sysroot =
        output(std::process::Command::new("rustc").current_dir(crate::workspace::root()).args(["--print", "sysroot"]))?;
    let library: PathBuf = [sysroot.trim(), "lib", "rustlib", GUEST_TARGET, "lib"].iter().collect();
    if library.is_dir() {
        return Ok(());
    }
    run_command(std::process::Command::new("rustup").current_dir(crate::workspace::root()).args([
        "target",
        "add",
        GUEST_TARGET,
    ]))
}

/// A program of this project, as [`everything`] builds it.
pub(crate) fn program(name: &str) -> PathBuf {
    target().join("debug").join(name)
}
