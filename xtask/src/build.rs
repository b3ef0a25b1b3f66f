//! `cargo xtask build`: the components for WebAssembly, then what runs them here.

use std::path::PathBuf;

use crate::{
    blocklist, components,
    components::Size,
    gateway,
    manifest::Manifest,
    steps::Steps,
    workspace::{GUEST_TARGET, cargo, output, run as run_command, target},
};

/// How many steps [`everything`] takes.
pub(crate) const STEPS: usize = 4;

/// Builds everything.
pub(crate) fn run() -> anyhow::Result<()> {
    everything(&mut Steps::new(STEPS), &Manifest::read()?, Size::Optimised)
}

/// One component, as `spin build` asks for it, the configuration and the blocklist.
pub(crate) fn component(package: &str) -> anyhow::Result<()> {
    guest_target()?;
    components::place_configuration()?;
    blocklist::place()?;
    components::compile([&package.to_owned()])?;
    components::place(package, Size::Optimised)
}

/// The guest target, the components, the host, the demonstration application and the payment provider.
pub(crate) fn everything(steps: &mut Steps, manifest: &Manifest, size: Size) -> anyhow::Result<()> {
    guests(steps, manifest, size)?;
    steps.step("Building the host, the demonstration application and the payment provider", || {
        let programs = ["--package", "vestibule-host", "--package", "relying-party", "--package", "payment-provider"];
        run_command(cargo(&["build"]).args(programs))
    })
}

/// How many steps [`guests`] takes.
pub(crate) const GUEST_STEPS: usize = 3;

/// The configuration, the blocklist, the guest target and the components.
pub(crate) fn guests(steps: &mut Steps, manifest: &Manifest, size: Size) -> anyhow::Result<()> {
    steps.step(&format!("Compiling {}, and looking for the {GUEST_TARGET} target", gateway::FILE), || {
        components::place_configuration()?;
        blocklist::place()?;
        guest_target()
    })?;
    let packages = manifest.packages()?;
    steps.step(&format!("Building the components ({})", packages.len()), || components::compile(&packages))?;
    let placing = match size {
        Size::AsCompiled => "Placing the components",
        Size::Optimised => "Making the components smaller",
    };
    steps.step(placing, || packages.iter().try_for_each(|package| components::place(package, size)))
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
