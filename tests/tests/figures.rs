//! What the journeys cost, exactly: storage operations and instructions for each route and outcome.
//!
//! The tables are snapshots: a change that costs more, or less, is a visible difference to be reviewed. After a change
//! that is meant, `INSTA_UPDATE=always cargo test -p journeys --test figures` writes the storage table anew, and
//! `VESTIBULE_FIGURES=write` the instructions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use anyhow::{Context, ensure};
use journeys::{
    story::Story,
    world::{Wishes, World, root},
};
use vestibule_host::{Measured, Options};

/// How far the instructions of a route may move before the test asks for a review.
const TOLERANCE: f64 = 0.02;
const INSTRUCTIONS: &str = "docs/instructions.tsv";

/// Both journeys, measured.
async fn measured() -> anyhow::Result<Vec<Measured>> {
    let world = World::with(Wishes { metering: true, ..Wishes::default() }).await?;
    let mut ignore = |_| {};
    Story::new(&world.place, "ada@kestrel.example", &mut ignore).by_invitation().await?;
    world.host.clock().advance(std::time::Duration::from_mins(1));
    Story::new(&world.place, "bea@heron.example", &mut ignore).by_self_registration().await?;
    let measured = world.host.ledger().take_measured();
    world.stop().await?;
    Ok(measured)
}

/// The route with every id and slug that is state replaced by a word.
fn route(measured: &Measured) -> String {
    let template = |segment: &str| match segment {
        _ if segment.len() == 26 && segment.bytes().all(|byte| byte.is_ascii_alphanumeric()) => "{id}".to_owned(),
        "supply-platform" | "business-network" => "{application}".to_owned(),
        "anvil" | "cobalt" => "{partner}".to_owned(),
        other => other.to_owned(),
    };
    let path: Vec<String> = measured.path.split('?').next().unwrap_or_default().split('/').map(template).collect();
    format!("{} {} {}", measured.method, path.join("/"), measured.status)
}

fn grouped(all: &[Measured]) -> BTreeMap<String, Vec<&Measured>> {
    let mut rows: BTreeMap<String, Vec<&Measured>> = BTreeMap::new();
    for one in all {
        rows.entry(route(one)).or_default().push(one);
    }
    rows
}

// Storage operations are the limit and the bill on a hosted platform: none may be added unseen.
#[tokio::test(flavor = "multi_thread")]
async fn storage_operations_of_both_journeys() -> anyhow::Result<()> {
    let all = measured().await?;
    let mut table = vec!["route and status: reads, writes, rounds (each combination that occurred)".to_owned()];
    for (route, group) in grouped(&all) {
        let seen: BTreeSet<(u64, u64, u64)> = group.iter().map(|one| (one.reads, one.writes, one.rounds)).collect();
        let seen: Vec<String> =
            seen.iter().map(|(reads, writes, rounds)| format!("{reads}, {writes}, {rounds}")).collect();
        table.push(format!("{route}: {}", seen.join(" | ")));
    }
    let budget = |route: &str, reads: u64, writes: u64, rounds: u64| {
        let found = all.iter().filter(|one| self::route(one) == route);
        let over: Vec<&Measured> =
            found.filter(|one| one.reads > reads || one.writes > writes || one.rounds > rounds).collect();
        ensure!(over.is_empty(), "{route} is over its budget: {over:?}");
        Ok(())
    };
    budget("GET /dashboard 200", 5, 0, 2)?;
    budget("POST /sign-in 303", 2, 1, 3)?;
    budget("POST /verify-otp 303", 2, 1, 3)?;
    budget("GET /launch/authorize 303", 5, 1, 4)?;
    budget("POST /launch/token 200", 1, 1, 2)?;
    insta::assert_snapshot!(table.join("\n"));
    Ok(())
}

/// What the empty component costs on the same host: the unit of the table.
async fn unit() -> anyhow::Result<u64> {
    let directory = root().join("tests/components/empty");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--target", "wasm32-wasip2", "--target-dir"])
        .arg(root().join("target"))
        .arg("--manifest-path")
        .arg(directory.join("Cargo.toml"))
        .status()?;
    ensure!(built.success(), "the empty component does not build");
    let manifest = tempfile::NamedTempFile::with_suffix(".toml")?;
    let wasm = root().join("target/wasm32-wasip2/release/vestibule_test_empty.wasm");
    fs::write(manifest.path(), empty_manifest(&wasm))?;
    let mut options = Options::new(manifest.path());
    options.cache_dir = root().join("target/vestibule-cache");
    options.metering = true;
    let host = vestibule_host::start(options).await?;
    reqwest::get(format!("http://{}/", host.address())).await?;
    let fuel = host.ledger().take_measured().first().context("one request was measured")?.fuel;
    host.shutdown().await?;
    Ok(fuel)
}

fn empty_manifest(wasm: &Path) -> String {
    format!(
        "spin_manifest_version = 2\n[application]\nname = \"empty\"\nversion = \"0.0.0\"\n[[trigger.http]]\nroute = \
         \"/...\"\ncomponent = \"empty\"\n[component.empty]\nsource = {:?}\n",
        wasm.display().to_string()
    )
}

// Instructions by route, as a multiple of the empty component's on the same host, within 2 % of what is written down.
#[tokio::test(flavor = "multi_thread")]
async fn instructions_of_both_journeys() -> anyhow::Result<()> {
    let (all, unit) = (measured().await?, unit().await?);
    let mut table = BTreeMap::new();
    for (route, group) in grouped(&all) {
        let most = group.iter().map(|one| one.fuel).max().unwrap_or_default();
        table.insert(route, (most / unit.max(1), most));
    }
    let path = root().join(INSTRUCTIONS);
    if std::env::var("VESTIBULE_FIGURES").as_deref() == Ok("write") {
        let lines = table.iter().map(|(route, (multiple, fuel))| format!("{route}\t{multiple}\t{fuel}"));
        let text: Vec<String> = lines.collect();
        fs::write(
            &path,
            format!("route and status\tmultiple of the empty component\tinstructions\n{}\n", text.join("\n")),
        )?;
        return Ok(());
    }
    let written =
        fs::read_to_string(&path).with_context(|| format!("{INSTRUCTIONS}: write it with VESTIBULE_FIGURES=write"))?;
    let mut off = Vec::new();
    for line in written.lines().skip(1) {
        let mut cells = line.split('\t');
        let (route, fuel) = (cells.next().context("route")?, cells.nth(1).context("instructions")?);
        let (expected, found) = (fuel.parse::<u64>()?, table.remove(route).map_or(0, |(_, fuel)| fuel));
        #[expect(clippy::cast_precision_loss, reason = "a ratio of counts below 2^52")]
        let ratio = found as f64 / expected as f64;
        if (ratio - 1.0).abs() > TOLERANCE {
            off.push(format!("{route}: {expected} written, {found} found"));
        }
    }
    off.extend(table.keys().map(|route| format!("{route}: not written down")));
    ensure!(off.is_empty(), "{INSTRUCTIONS} differs; review, then VESTIBULE_FIGURES=write:\n{}", off.join("\n"));
    Ok(())
}
