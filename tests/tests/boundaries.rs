//! The house's walls: who may depend on whom, who may name the platform, and what each component is granted.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use anyhow::{Context, ensure};
use cargo_metadata::{Metadata, MetadataCommand, Package};
use journeys::world::root;

const COMPONENTS: [&str; 18] = [
    "invite",
    "promo-batches",
    "register",
    "activate",
    "sign-in",
    "accept-terms",
    "webstore-checkout",
    "payments",
    "credentials",
    "verify-otp",
    "launch",
    "operate",
    "fulfilment",
    "effects",
    "sweep",
    "self-check",
    "dashboard",
    "administer",
];

fn metadata() -> anyhow::Result<Metadata> {
    Ok(MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec()?)
}

fn package<'a>(metadata: &'a Metadata, name: &str) -> anyhow::Result<&'a Package> {
    let found = metadata.packages.iter().find(|package| package.name.as_str() == name);
    found.with_context(|| format!("no package {name}"))
}

fn dependencies(package: &Package) -> BTreeSet<&str> {
    let normal =
        package.dependencies.iter().filter(|dependency| dependency.kind == cargo_metadata::DependencyKind::Normal);
    normal.map(|dependency| dependency.name.as_str()).collect()
}

#[test]
fn dependencies_point_one_way() -> anyhow::Result<()> {
    let metadata = metadata()?;
    let shared = dependencies(package(&metadata, "shared")?);
    for banned in ["tokio", "http", "spin-sdk", "serde_json", "getrandom", "kv-schema", "edge"] {
        ensure!(!shared.contains(banned), "shared depends on {banned}");
    }
    let schema = dependencies(package(&metadata, "kv-schema")?);
    for banned in ["tokio", "http", "spin-sdk", "edge"] {
        ensure!(!schema.contains(banned), "kv-schema depends on {banned}");
    }
    let edge = dependencies(package(&metadata, "edge")?);
    let host = dependencies(package(&metadata, "vestibule-host")?);
    for component in COMPONENTS {
        ensure!(!edge.contains(component), "edge depends on {component}");
        let own = dependencies(package(&metadata, component)?);
        ensure!(!own.contains("spin-sdk"), "{component} depends on spin-sdk");
        ensure!(COMPONENTS.iter().all(|other| !own.contains(other)), "{component} depends on another component");
    }
    for ours in ["shared", "kv-schema", "edge"] {
        ensure!(!host.contains(ours), "the host depends on {ours}");
    }
    Ok(())
}

/// The features with which cargo compiles the workspace's own libraries when it compiles these packages: for components as
/// `cargo xtask build` asks for them.
fn features(packages: &[&str], target: &[&str]) -> anyhow::Result<BTreeSet<String>> {
    let mut tree = Command::new(env!("CARGO"));
    tree.current_dir(root()).args(["tree", "--locked", "--edges", "features,no-dev", "--prefix", "none"]);
    tree.args(target);
    for package in packages {
        tree.args(["--package", package]);
    }
    let output = tree.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    let named =
        text.lines().filter(|line| ["shared ", "kv-schema ", "edge "].iter().any(|name| line.starts_with(name)));
    let features =
        named.filter_map(|line| line.split_once(" feature \"").map(|(name, rest)| (name, rest.split('"').next())));
    Ok(features.map(|(name, feature)| format!("{name}/{}", feature.unwrap_or_default())).collect())
}

// Remembered hashes, and what else is for tests, are compiled into no component.
#[test]
fn components_are_compiled_without_what_is_for_tests() -> anyhow::Result<()> {
    let built = features(&COMPONENTS, &["--target", "wasm32-wasip2"])?;
    ensure!(built.iter().all(|feature| feature.ends_with("/default")), "{built:?}");
    let proofs = features(&["proofs"], &[])?;
    ensure!(proofs.contains("shared/testing"), "the look for features finds them: {proofs:?}");
    let metadata = metadata()?;
    let remembering: Vec<&str> = metadata
        .packages
        .iter()
        .filter(|package| {
            package
                .dependencies
                .iter()
                .any(|one| one.name == "shared" && one.features.iter().any(|name| name == "testing"))
        })
        .map(|package| package.name.as_str())
        .collect();
    ensure!(remembering == ["proofs"], "only the proofs remember hashes: {remembering:?}");
    Ok(())
}

fn sources(directory: &Path, found: &mut Vec<(String, String)>) -> anyhow::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push((path.display().to_string(), fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

#[test]
fn one_file_names_the_platform() -> anyhow::Result<()> {
    let mut files = Vec::new();
    for directory in ["shared/src", "kv-schema/src", "functions"] {
        sources(&root().join(directory), &mut files)?;
    }
    let naming: Vec<&str> =
        files.iter().filter(|(_, text)| text.contains("spin_sdk")).map(|(path, _)| path.as_str()).collect();
    ensure!(naming.len() == 1 && naming.iter().all(|path| path.ends_with("edge/src/spin.rs")), "{naming:?}");
    Ok(())
}

#[test]
fn functions_stay_short() -> anyhow::Result<()> {
    let mut files = Vec::new();
    for directory in ["shared/src", "kv-schema/src", "functions", "host/src", "xtask/src", "tests/src"] {
        sources(&root().join(directory), &mut files)?;
    }
    for (path, text) in &files {
        let mut begun: Option<(usize, usize)> = None;
        for (number, line) in text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let declares = line.trim_start().split("fn ").count() > 1 && line.trim_end().ends_with('{');
            match begun {
                None if declares && !line.trim_start().starts_with("//") => begun = Some((number, indent)),
                Some((start, at)) if indent == at && line.trim() == "}" => {
                    // The table of refusals is one exhaustive match by design: a refusal is a row, not a branch.
                    let table = path.ends_with("edge/src/problem.rs") || path.ends_with("effects/src/mail.rs");
                    ensure!(table || number - start < 70, "{path}:{} has {} lines", start + 1, number - start);
                    begun = None;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

// What each component may reach. A component that is granted more shows up here as a change to be reviewed.
#[test]
fn each_component_is_granted_what_it_needs() -> anyhow::Result<()> {
    let manifest: toml::Table = fs::read_to_string(root().join("spin.toml"))?.parse()?;
    let components = manifest.get("component").and_then(toml::Value::as_table).context("components")?;
    let mut lines = Vec::new();
    for (name, component) in components {
        let variables = component.get("variables").and_then(toml::Value::as_table).context("variables")?;
        let names: Vec<&str> = variables.keys().map(String::as_str).collect();
        let hosts = component.get("allowed_outbound_hosts").map(ToString::to_string).unwrap_or_default();
        let stores = component.get("key_value_stores").map(ToString::to_string).unwrap_or_default();
        lines.push(format!("{name}: stores {stores}; hosts {hosts}; variables {}", names.join(" ")));
    }
    lines.sort_unstable();
    insta::assert_snapshot!(lines.join("\n"));
    Ok(())
}

/// The most bytes that each component may have. The budget is 450 kB, and 600 kB with password hashing or signatures;
/// what is above it has its own size, rounded up, and `docs/figures.md` says what is in the way. A ceiling goes up only with
/// something new: that its component does, that a record holds which it reads, or that every request needs.
const CEILINGS: [(&str, u64); 18] = [
    ("accept-terms", 492_000),
    ("activate", 645_000),
    ("administer", 699_000),
    ("credentials", 728_000),
    ("dashboard", 450_000),
    ("effects", 894_000),
    ("fulfilment", 988_000),
    ("invite", 806_000),
    ("launch", 638_000),
    ("operate", 1_046_000),
    ("payments", 722_000),
    ("promo-batches", 699_000),
    ("register", 851_000),
    ("self-check", 450_000),
    ("sign-in", 798_000),
    ("sweep", 924_000),
    ("verify-otp", 584_000),
    ("webstore-checkout", 1_042_000),
];

#[test]
fn components_do_not_grow() -> anyhow::Result<()> {
    for (component, ceiling) in CEILINGS {
        let file = format!("target/components/{component}.wasm");
        let size = fs::metadata(root().join(&file)).with_context(|| format!("{file}: run cargo xtask build"))?.len();
        ensure!(size <= ceiling, "{component} has {size} bytes, more than {ceiling}");
    }
    Ok(())
}

// A rule without a test does not count as built: every id in docs/rules.md is named where tests are.
#[test]
fn every_rule_is_named_by_a_test() -> anyhow::Result<()> {
    let rules = fs::read_to_string(root().join("docs/rules.md"))?;
    let is_id = |word: &str| {
        let (group, number) = word.split_once('-').unwrap_or_default();
        group.len() == 3
            && group.bytes().all(|byte| byte.is_ascii_uppercase())
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    let words = |text: &str| -> BTreeSet<String> {
        let split = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '-');
        split.filter(|word| is_id(word)).map(str::to_owned).collect()
    };
    let mut files = Vec::new();
    for directory in ["shared/src", "kv-schema", "functions", "tests"] {
        sources(&root().join(directory), &mut files)?;
    }
    let tests = files.iter().filter(|(path, text)| path.contains("tests") || text.contains("#[test]"));
    let named: BTreeSet<String> = tests.flat_map(|(_, text)| words(text)).collect();
    let unproved: Vec<String> = words(&rules).into_iter().filter(|id| !named.contains(id)).collect();
    ensure!(unproved.is_empty(), "no test names {unproved:?}");
    Ok(())
}
