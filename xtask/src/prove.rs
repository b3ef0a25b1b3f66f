//! `cargo xtask prove`: the explorations of stores and handlers, and what they went through as a table.
//!
//! The explorations are tests and run in `cargo xtask test` as well. Each prints one line for each case and model,
//! `proved | kind | group | case | model | number | remarks`, and fails when something is not as it should be. They are
//! compiled first and run from copies: the time that is shown is theirs alone, and what is built meanwhile disturbs nothing.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};
use clap::Args;
use serde::Deserialize;

use crate::{
    steps::Steps,
    workspace::{cargo, output, target},
};

const MODELS: [&str; 4] = ["Sqlite", "Redis", "Dynamo", "Cosmos"];
/// What has to be in the table for each model, so that a test that was renamed is missed.
const GROUPS: [&str; 18] = [
    "primitives",
    "pairs of requests",
    "pairs of requests, a death",
    "accept-terms",
    "activate",
    "administer",
    "credentials",
    "fulfilment",
    "invite",
    "launch",
    "operate",
    "payments",
    "promo-batches",
    "register",
    "sign-in",
    "sweep",
    "verify-otp",
    "webstore-checkout",
];
/// Cases of the primitives that have to be among them.
const PRIMITIVES: [&str; 12] = [
    "two creators",
    "two creators, the minute passes",
    "three creators",
    "three insertions",
    "two replacements",
    "three replacements",
    "settle against replace",
    "two appends",
    "one append twice, new list, the minute passes",
    "one end noted twice",
    "condemning against two reopenings",
    "two sweeps",
];
/// Stale reads are those of this model.
const STALE: (&str, &str) = ("pairs of requests, stale reads", "Dynamo");
/// How the lines of the negative controls begin, each of which has to be caught.
const CONTROLS: [&str; 17] = [
    "create by swap alone",
    "create by increment alone",
    "both gates",
    "replace without the trail",
    "deciding again while a write is under way",
    "removing what was not condemned",
    "message before the commit",
    "message apart from the commit, Sqlite",
    "message apart from the commit, nobody comes back",
    "an id of its own in each try",
    "no reminder, nobody comes back",
    "looking and then acting, stale reads",
    "looking and then acting:",
    "an id that is not the one that stands",
    "message apart, a death",
    "told for good what is so for a moment",
    "told for good, a death",
];

/// How far the explorations go.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Also what takes too long for every run: more actors, deaths and switches. Shows each case.
    #[arg(long)]
    full: bool,
}

/// What one line says: a number for a case on a model.
#[derive(Debug, PartialEq, Eq)]
struct Proved {
    kind: String,
    group: String,
    case: String,
    model: String,
    number: u64,
}

/// A compiled test program.
struct Program {
    name: String,
    executable: PathBuf,
    /// Where cargo would run it.
    directory: PathBuf,
}

/// A line of cargo's report; other lines lack one of the members.
#[derive(Deserialize)]
struct Artifact {
    target: Target,
    profile: Profile,
    executable: PathBuf,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// Runs the explorations and prints the table.
///
/// # Errors
/// When something was found that is not as it should be; the tests' words are printed before the table.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let mut steps = Steps::new(3);
    let programs = steps.step("Compiling the explorations", compile)?;
    let (primitives, handlers): (Vec<_>, Vec<_>) = programs.iter().partition(|program| program.name == "kv_schema");
    let (mut proved, mut caught) = (Vec::new(), Vec::new());
    let mut failed = 0;
    for (name, programs, filter) in [
        ("Write primitives, lists, the expiry log and sweeps", primitives, Some("backends::")),
        ("Every handler: crash points and pairs of requests", handlers, None),
    ] {
        ensure!(!programs.is_empty(), "nothing to run for: {name}");
        steps.step(name, || {
            for program in programs {
                let explored = explore(program, filter, options.full)?;
                proved.extend(explored.proved);
                caught.extend(explored.caught);
                failed += explored.failures;
            }
            Ok(())
        })?;
    }
    println!("{}", table(&proved));
    println!("explorations that found a violation: {failed}");
    ensure!(failed == 0, "{failed} explorations found something; their words are above");
    let missing = missing(&proved, &caught);
    ensure!(missing.is_empty(), "nothing was explored of: {}", missing.join("; "));
    Ok(())
}

/// What should have been explored or caught, and was not.
fn missing(proved: &[Proved], caught: &[String]) -> Vec<String> {
    let wanted = GROUPS.into_iter().flat_map(|group| MODELS.map(|model| (group, model))).chain([STALE]);
    let is_there = |(group, model): &(&str, &str)| {
        proved.iter().any(|one| (one.group.as_str(), one.model.as_str()) == (*group, *model) && one.number > 0)
    };
    let groups = wanted.filter(|wanted| !is_there(wanted)).map(|(group, model)| format!("{group} on {model}"));
    let cases = PRIMITIVES.into_iter().filter(|case| !proved.iter().any(|one| one.case.starts_with(case)));
    let groups = groups.chain(cases.map(|case| format!("the case \"{case}\"")));
    let controls = CONTROLS.into_iter().filter(|name| !caught.iter().any(|found| found.starts_with(name)));
    groups.chain(controls.map(|name| format!("the control \"{name}\""))).collect()
}

/// Compiles the test programs of the primitives (those inside the library) and of the handlers.
fn compile() -> anyhow::Result<Vec<Program>> {
    let report = output(
        cargo(&["test", "--no-run", "--message-format", "json-render-diagnostics"])
            .args(["--package", "kv-schema", "--package", "proofs", "--lib", "--tests"])
            .stderr(Stdio::inherit()),
    )?;
    let copies = target().join("prove");
    if copies.is_dir() {
        fs::remove_dir_all(&copies)?;
    }
    fs::create_dir_all(&copies)?;
    let mut programs = Vec::new();
    for line in report.lines() {
        let Ok(artifact) = serde_json::from_str::<Artifact>(line) else { continue };
        let (Some(directory), Some(file)) = (artifact.manifest_path.parent(), artifact.executable.file_name()) else {
            continue;
        };
        // Of the primitives' tests those inside the library.
        if artifact.profile.test && (artifact.target.name == "kv_schema" || !directory.ends_with("kv-schema")) {
            let executable = copies.join(file);
            fs::copy(&artifact.executable, &executable)?;
            programs.push(Program { name: artifact.target.name, executable, directory: directory.to_owned() });
        }
    }
    Ok(programs)
}

/// What the tests of one program came to.
#[derive(Default)]
struct Explored {
    proved: Vec<Proved>,
    /// How naive variants fail.
    caught: Vec<String>,
    /// Tests that failed.
    failures: usize,
}

/// Runs tests. With `full` each case is shown when it is through.
fn explore(program: &Program, filter: Option<&str>, full: bool) -> anyhow::Result<Explored> {
    let mut command = Command::new(&program.executable);
    command.current_dir(&program.directory).args(filter).arg("--nocapture").stdout(Stdio::piped());
    if full {
        command.env("PROOFS", "full");
    }
    let mut running = command.spawn().with_context(|| format!("{} could not be started", program.name))?;
    let said = running.stdout.take().context("its output is read here")?;
    let (mut explored, mut text) = (Explored::default(), String::new());
    for line in BufReader::new(said).lines() {
        let line = line.with_context(|| format!("{} printed something that is not text", program.name))?;
        explored.failures += usize::from(line.starts_with("test ") && line.ends_with("FAILED"));
        // How naive variants fail: that the explorations can find something.
        if let Some((_, found)) = line.split_once("control, ") {
            eprintln!("      a naive variant is caught: {found}");
            explored.caught.push(found.to_owned());
        }
        if let Some(one) = parse(&line) {
            if full {
                eprintln!("      {}, {}, {}: {}", one.group, one.case, one.model, one.number);
            }
            explored.proved.push(one);
        }
        text.push_str(&line);
        text.push('\n');
    }
    let status = running.wait()?;
    ensure!(status.success() || explored.failures > 0, "{} did not come to its end: {status}\n{text}", program.name);
    Ok(explored)
}

fn parse(line: &str) -> Option<Proved> {
    // Tests that run at the same time may share a line's beginning.
    let (_, line) = line.split_once("proved | ")?;
    let mut parts = line.split(" | ").map(str::to_owned);
    let (kind, group, case, model) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some(Proved { kind, group, case, model, number: parts.next()?.parse().ok()? })
}

/// One block a kind, one row a group and one for all of them, one column a model.
fn table(proved: &[Proved]) -> String {
    let mut kinds: BTreeMap<&str, BTreeMap<&str, BTreeMap<&str, u64>>> = BTreeMap::new();
    for Proved { kind, group, model, number, .. } in proved {
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
    fn a_group_a_model_or_a_control_that_is_not_there_is_missed() {
        let of = |group: &str, model: &str| Proved {
            kind: "schedules".to_owned(),
            group: group.to_owned(),
            case: "case".to_owned(),
            model: model.to_owned(),
            number: 1,
        };
        let groups = GROUPS.iter().flat_map(|group| MODELS.map(|model| of(group, model)));
        let cases = PRIMITIVES.iter().map(|case| Proved { case: (*case).to_owned(), ..of("primitives", "Sqlite") });
        let mut proved: Vec<Proved> = groups.chain([of(STALE.0, STALE.1)]).chain(cases).collect();
        let mut caught: Vec<String> = CONTROLS.iter().map(|name| format!("{name}: [..]")).collect();
        assert_eq!(missing(&proved, &caught), Vec::<String>::new());
        proved.retain(|one| (one.group.as_str(), one.model.as_str()) != ("sweep", "Redis"));
        proved.retain(|one| one.case != "two appends");
        caught.retain(|found| !found.starts_with("both gates"));
        let expected = ["sweep on Redis", "the case \"two appends\"", "the control \"both gates\""];
        assert_eq!(missing(&proved, &caught), expected);
    }

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
