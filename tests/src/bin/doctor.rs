//! `cargo xtask doctor URL`: proves on a live deployment what everything else relies on (OPS-1), and says what it saw.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use anyhow::{Context, anyhow};
use clap::Parser;
use journeys::doctor;
use shared::secret::Entropy;

/// The environment variable of the machines' secret.
const KEY: &str = "VESTIBULE_MACHINE_KEY";

/// Proves on a live deployment what everything else relies on.
#[derive(Debug, Parser)]
struct Arguments {
    /// The service.
    #[arg(default_value = "http://127.0.0.1:3000")]
    service: String,
    /// Where `cargo xtask up` keeps its generated secrets. Not read if `VESTIBULE_MACHINE_KEY` holds the machines' secret.
    #[arg(long, default_value = ".vestibule/secrets.toml")]
    secrets: PathBuf,
}

/// The system's randomness.
struct System;

impl Entropy for System {
    fn fill(&mut self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the system gives random bytes");
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("The examination could not be finished: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let key = match std::env::var(KEY) {
        Ok(key) => key,
        Err(_) => key_in(&arguments.secrets).with_context(|| format!("{KEY} is not set, and there is no other key"))?,
    };
    let findings = doctor::examine(&arguments.service, &key, &mut System).await?;
    for finding in &findings {
        println!(
            "{}  {}\n        {}",
            if finding.held { "held  " } else { "BROKEN" },
            finding.guarantee,
            finding.evidence
        );
    }
    let held = findings.iter().all(|finding| finding.held);
    println!("{}", if held { "Everything held; what was made is removed." } else { "Do not trust this store." });
    Ok(held)
}

fn key_in(file: &PathBuf) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let secrets: BTreeMap<String, String> =
        toml::from_str(&text).with_context(|| format!("{} is not valid", file.display()))?;
    secrets.get("machine_key").cloned().ok_or_else(|| anyhow!("{} has no machine_key", file.display()))
}
