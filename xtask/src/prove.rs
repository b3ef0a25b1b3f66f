//! `cargo xtask prove`: the explorations of stores and handlers, and what they went through as a table.
//!
//! The explorations are tests and run in `cargo xtask test` as well. Each prints one line for each case and model,
//! `proved | kind | group | case | model | number | remarks`, and fails when something is not as it should be.

use std::{collections::BTreeMap, fmt::Write as _, process::Stdio};

use anyhow::{Context as _, ensure};
use clap::Args;

use crate::{steps::Steps, workspace::cargo};

const MODELS: [&str; 4] = ["Sqlite", "Redis", "Dynamo", "Cosmos"];

/// How far the explorations go.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Also what takes too long for every run: more actors, deaths and switches.
    #[arg(long)]
    full: bool,
}

/// What one line says: a number for a case on a model.
#[derive(Debug, PartialEq, Eq)]
struct Proved {
    kind: String,
    group: String,
    model: String,
    number: u64,
}

/// Runs the explorations and prints the table.
///
/// # Errors
/// When something was found that is not as it should be; the tests' words are printed before the table.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let mut steps = Steps::new(2);
    let mut proved = Vec::new();
    let mut failed = 0;
    for (name, arguments) in [
        ("Write primitives, lists and the expiry log", ["test", "--package", "kv-schema", "--lib", "races"]),
        (
            "Every handler: crash points and pairs of requests",
            ["test", "--package", "proofs", "--tests", "--no-fail-fast"],
        ),
    ] {
        steps.step(name, || {
            let (lines, failures) = explore(&arguments, options.full)?;
            proved.extend(lines);
            failed += failures;
            Ok(())
        })?;
    }
    println!("{}", table(&proved));
    println!("violations: {failed}");
    ensure!(failed == 0, "{failed} explorations found something; their words are above");
    Ok(())
}

/// Runs tests; what they proved, and how many failed.
fn explore(arguments: &[&str], full: bool) -> anyhow::Result<(Vec<Proved>, usize)> {
    let mut command = cargo(arguments);
    command.args(["--", "--nocapture"]).stderr(Stdio::inherit());
    if full {
        command.env("PROOFS", "full");
    }
    let output = command.output().context("cargo could not be started")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let failures = text.lines().filter(|line| line.starts_with("test ") && line.ends_with("FAILED")).count();
    ensure!(output.status.success() || failures > 0, "the explorations did not run: {}\n{text}", output.status);
    Ok((text.lines().filter_map(parse).collect(), failures))
}

fn parse(line: &str) -> Option<Proved> {
    // Tests that run at the same time may share a line's beginning.
    let (_, line) = line.split_once("proved | ")?;
    let mut parts = line.split(" | ").map(str::to_owned);
    let (kind, group, _, model) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some(Proved { kind, group, model, number: parts.next()?.parse().ok()? })
}

/// One block a kind, one row a group and one for all of them, one column a model.
fn table(proved: &[Proved]) -> String {
    let mut kinds: BTreeMap<&str, BTreeMap<&str, BTreeMap<&str, u64>>> = BTreeMap::new();
    for Proved { kind, group, model, number } in proved {
        *kinds.entry(kind).or_default().entry(group).or_default().entry(model).or_default() += number;
    }
    let mut text = String::new();
    for (kind, groups) in &kinds {
        let models = MODELS.map(|model| format!("{model:>12}")).concat();
        let _ = write!(text, "\n{kind:<34}{models}{:>12}\n", "all");
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for (group, numbers) in groups {
            text.push_str(&line(group, numbers));
            for (model, number) in numbers {
                *sums.entry(model).or_default() += number;
            }
        }
        text.push_str(&line("in all", &sums));
    }
    text
}

fn line(name: &str, numbers: &BTreeMap<&str, u64>) -> String {
    let columns = MODELS.map(|model| format!("{:>12}", numbers.get(model).copied().unwrap_or_default())).concat();
    format!("  {name:<32}{columns}{:>12}\n", numbers.values().sum::<u64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_a_table() {
        let lines = "running 1 test\n\
            proved | schedules | pairs | two orders | Redis | 40 | 3 checked\n\
            test a ... proved | schedules | pairs | two webhooks | Redis | 2 | 1 checked\n\
            proved | schedules | primitives | create | Sqlite | 5 | \n";
        let proved: Vec<Proved> = lines.lines().filter_map(parse).collect();
        assert_eq!(proved.iter().map(|one| one.number).collect::<Vec<_>>(), [40, 2, 5]);
        let table = table(&proved);
        let row = |name: &str| {
            let line = table.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_default();
            line.split_whitespace().filter_map(|word| word.parse::<u64>().ok()).collect::<Vec<_>>()
        };
        assert_eq!(row("pairs"), [0, 42, 0, 0, 42]);
        assert_eq!(row("in all"), [5, 42, 0, 0, 47]);
    }
}
