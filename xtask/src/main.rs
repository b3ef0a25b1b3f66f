//! The project's commands. `cargo xtask up` builds and starts everything on this machine; `cargo xtask test` and
//! `cargo xtask check` are what a change has to pass.

mod binaryen;
mod blocklist;
mod build;
mod check;
mod components;
mod demo;
mod doctor;
mod gateway;
mod manifest;
mod processes;
mod prove;
mod secrets;
mod steps;
mod test;
mod up;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Builds everything and runs it on this machine until Ctrl-C.
    Up(up::Options),
    /// Runs every test, those on the compiled components included.
    Test,
    /// Explores stores and handlers in every order and with every crash, and prints how much that was.
    Prove(prove::Options),
    /// Walks both journeys on the host that `up` runs, and tells each step.
    Demo {
        /// Passed on: `--service URL`, `--mailbox URL`, `--secrets FILE`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Proves on a running deployment what everything else relies on: `cargo xtask doctor URL`.
    Doctor {
        /// Passed on: the service's address, `--secrets FILE`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Formatting, lints, documentation, licences and unused dependencies.
    Check,
    /// Builds the components, the host, the demonstration application and the payment provider.
    Build,
    /// Builds one component and the configuration, for `spin build`.
    Component {
        /// The component's package.
        package: String,
    },
    /// Validates `gateway.toml` and compiles it for the components.
    Gateway,
    /// Makes the filter of refused passwords, with those of `blocklist.txt` if there is one, and says how large it is.
    Blocklist,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Up(options) => up::run(&options),
        Command::Test => test::run(),
        Command::Prove(options) => prove::run(&options),
        Command::Demo { arguments } => demo::run(&arguments),
        Command::Doctor { arguments } => doctor::run(&arguments),
        Command::Check => check::run(),
        Command::Build => build::run(),
        Command::Component { package } => build::component(&package),
        Command::Gateway => components::place_configuration(),
        Command::Blocklist => blocklist::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
