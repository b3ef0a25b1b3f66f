//! The partner's API as its description has it, for every request that schemathesis can think of: allowed ones, ones that
//! break a schema, and sequences of them. All of its checks are on (`tests/openapi/schemathesis.toml` argues the exceptions).
//!
//! Needs `python3` with `venv`; schemathesis comes from `PyPI` at fixed versions into `target/`, once.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use anyhow::{Context, ensure};
use journeys::world::{Wishes, World, root};
use serde_json::{Value, json};

const REQUIREMENTS: &str = include_str!("../openapi/requirements.txt");
const CONFIGURATION: &str = include_str!("../openapi/schemathesis.toml");
const HOOKS: &str = include_str!("../openapi/hooks.py");
/// The same requests every time.
const SEED: &str = "20261122";
/// For each operation, in each way of testing it.
const EXAMPLES: &str = "100";

// INV-1 INV-2 INV-3 INV-9: what is described is what is done.
#[tokio::test(flavor = "multi_thread")]
async fn inv_3_no_request_is_answered_other_than_described() -> anyhow::Result<()> {
    answered_as_described(&invitations()?).await
}

// INV-1 SHP-2: what is described is what is done.
#[tokio::test(flavor = "multi_thread")]
async fn shp_2_no_request_about_promo_codes_is_answered_other_than_described() -> anyhow::Result<()> {
    answered_as_described(&promo_codes()?).await
}

async fn answered_as_described(description: &Value) -> anyhow::Result<()> {
    // Allowances have tests of their own.
    let quotas =
        "[partners.anvil.quotas]\nreads_per_minute = 60000\nchanges_per_minute = 60000\nbulk_per_minute = 60000\n";
    let partner = "[partners.anvil]".to_owned();
    let gateway = vec![(partner.clone(), format!("{quotas}\n{partner}"))];
    let world = World::with(Wishes { gateway, ..Wishes::default() }).await?;
    let directory = tempfile::tempdir()?;
    for (file, text) in [("schemathesis.toml", CONFIGURATION), ("hooks.py", HOOKS)] {
        std::fs::write(directory.path().join(file), text)?;
    }
    std::fs::write(directory.path().join("openapi.json"), description.to_string())?;
    let (service, key) = (world.place.service.clone(), world.place.secrets.anvil_api_key.clone());
    let said = tokio::task::spawn_blocking(move || run(directory.path(), &service, &key)).await??;
    println!("{said}");
    world.stop().await
}

/// The description with what this partner knows besides: which application is its own, and that a bulk request's lines are
/// invitations, which `OpenAPI` has no words for.
fn invitations() -> anyhow::Result<Value> {
    let lines = json!({
        "type": "array", "minItems": 1, "maxItems": 10, "items": { "$ref": "#/components/schemas/NewInvitation" },
    });
    told(
        "functions/invite/openapi.json",
        [
            ("/components/schemas/ApplicationId", json!({ "type": "string", "enum": ["supply-platform"] })),
            ("/paths/~1invite~1bulk/post/requestBody/content/application~1x-ndjson/schema", lines),
        ],
    )
}

/// The description with what this partner knows besides: which products are its own, and what discounts look like.
fn promo_codes() -> anyhow::Result<Value> {
    let discounts = json!({ "type": "string", "enum": ["free", "25%", "12.50"] });
    let start = json!({ "type": ["string", "null"], "enum": [null, "2026-12-31", "2027-01-01T12:00:00Z"] });
    let new_batch = "/components/schemas/NewBatch/properties";
    told(
        "functions/promo-batches/openapi.json",
        [
            ("/components/schemas/ProductId", json!({ "type": "string", "enum": ["anvil-mobile-id"] })),
            (&format!("{new_batch}/discount"), discounts),
            (&format!("{new_batch}/valid_from"), start),
        ],
    )
}

/// A description in which these schemas are narrower.
fn told<const N: usize>(file: &str, narrower: [(&str, Value); N]) -> anyhow::Result<Value> {
    let mut description: Value = serde_json::from_str(&std::fs::read_to_string(root().join(file))?)?;
    for (place, schema) in narrower {
        *description.pointer_mut(place).with_context(|| format!("the description has no {place}"))? = schema;
    }
    Ok(description)
}

/// What it says when it finds nothing.
fn run(directory: &Path, service: &str, key: &str) -> anyhow::Result<String> {
    let mut command = Command::new(installed()?);
    command.args(["--no-color", "--config-file", "schemathesis.toml", "run", "openapi.json", "--url", service]);
    command.args(["--header", &format!("Authorization: Bearer {key}"), "--seed", SEED]);
    command.args(["--max-examples", EXAMPLES, "--continue-on-failure", "--output-truncate", "false"]);
    outcome(command.current_dir(directory).env("PYTHONDONTWRITEBYTECODE", "1"))
}

/// The program; of tests that run beside each other one installs it.
fn installed() -> anyhow::Result<PathBuf> {
    static INSTALLED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| install().map_err(|error| format!("{error:#}")));
    installed.clone().map_err(anyhow::Error::msg)
}

/// Into an environment that is made once for these versions.
fn install() -> anyhow::Result<PathBuf> {
    let environment = root().join("target/tools/schemathesis");
    let (program, known) = (environment.join("bin/st"), environment.join("requirements.txt"));
    if std::fs::read_to_string(&known).is_ok_and(|known| known == REQUIREMENTS) {
        return Ok(program);
    }
    outcome(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))
        .context("python3 with venv is needed (Debian: apt-get install python3-venv)")?;
    let requirements = root().join("tests/openapi/requirements.txt");
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    outcome(Command::new(environment.join("bin/python")).args(install).arg(requirements))
        .context("schemathesis comes from PyPI, which has to be within reach once")?;
    // Last, so that what breaks off is begun anew.
    std::fs::write(known, REQUIREMENTS)?;
    Ok(program)
}

fn outcome(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("{} does not start", command.get_program().display()))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let program = command.get_program().display();
    ensure!(output.status.success(), "{program}: {}\n{said}{}", output.status, String::from_utf8_lossy(&output.stderr));
    Ok(said)
}
