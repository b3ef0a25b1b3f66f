//! `cargo xtask check`: what a change has to satisfy besides its tests. Every check runs, so that one round shows
//! everything there is to repair.

use anyhow::bail;

use crate::{
    build,
    manifest::Manifest,
    steps::Steps,
    workspace::{GUEST_TARGET, cargo, cargo_install, output, run as run_command},
};

/// Tools that cargo does not bring along: subcommand, package and version.
const CARGO_DENY: Tool = Tool { subcommand: "deny", package: "cargo-deny@0.20.2" };
const CARGO_MACHETE: Tool = Tool { subcommand: "machete", package: "cargo-machete@0.9.2" };

struct Tool {
    subcommand: &'static str,
    package: &'static str,
}

type Check = (&'static str, fn() -> anyhow::Result<()>);

const CHECKS: [Check; 6] = [
    ("Formatting", || run_command(&mut cargo(&["fmt", "--all", "--", "--check"]))),
    ("Lints, for this machine", || {
        run_command(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    }),
    ("Lints, for the components' target", guest_lints),
    ("Documentation", || run_command(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))),
    ("Licences, bans and sources of the dependencies", || {
        CARGO_DENY.run(&["check", "--hide-inclusion-graph", "licenses", "bans", "sources"])
    }),
    ("Unused dependencies", || CARGO_MACHETE.run(&[])),
];

/// Runs every check.
///
/// # Errors
/// When at least one failed; the message names all that did.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut steps = Steps::new(CHECKS.len());
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        if let Err(error) = steps.step(name, check) {
            eprintln!("{error:#}");
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join("; "));
    }
    Ok(())
}

fn guest_lints() -> anyhow::Result<()> {
    build::guest_target()?;
    let mut clippy = cargo(&["clippy", "--target", GUEST_TARGET]);
    for package in Manifest::read()?.packages()? {
        clippy.args(["--package", &package]);
    }
    run_command(clippy.args(["--", "-D", "warnings"]))
}

impl Tool {
    /// Runs the tool, installed first where it is missing.
    fn run(&self, arguments: &[&str]) -> anyhow::Result<()> {
        if output(&mut cargo(&[self.subcommand, "--version"])).is_err() {
            run_command(&mut cargo_install(self.package))?;
        }
        run_command(cargo(&[self.subcommand]).args(arguments))
    }
}
