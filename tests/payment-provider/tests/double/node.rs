//! Programs for Node.js, with their packages. Needs `node` and `npm`: README, "Run it".

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use anyhow::{Context as _, anyhow, ensure};
use serde_json::Value;

use crate::{
    place::{STANDARD_SECRET, STRIPE_SECRET},
    shop::Heard,
};

/// Has `libraries/pay.mjs` do something: what came of it.
pub(crate) fn pay(wish: &Value) -> anyhow::Result<Value> {
    static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
    let said = run("libraries", &INSTALLED, &["pay.mjs"], &wish.to_string())?;
    Ok(serde_json::from_str(&said)?)
}

/// Has Stripe's library, or that of Standard Webhooks, verify a webhook: what it reads.
pub(crate) fn verify(dialect: &str, heard: &Heard) -> anyhow::Result<Value> {
    let secret = if dialect == "stripe" { STRIPE_SECRET } else { STANDARD_SECRET };
    let Heard { headers, body } = heard;
    let wish = serde_json::json!({
        "wish": "verify", "dialect": dialect, "secret": secret, "headers": headers, "body": body,
    });
    pay(&wish)
}

/// Has `gallery/browser/payments.js` look at pages.
pub(crate) fn look(wish: &Value) -> anyhow::Result<String> {
    static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
    run("gallery", &INSTALLED, &["browser/payments.js"], &wish.to_string())
}

/// Installs a directory's packages, once a process, since installing begins by removing what is there; then runs.
fn run(
    directory: &str,
    installed: &OnceLock<Result<(), String>>,
    arguments: &[&str],
    input: &str,
) -> anyhow::Result<String> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(directory);
    let packages = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
    let install = || call("npm", &place, &packages, "").map(drop).map_err(|error| format!("{error:#}"));
    installed.get_or_init(install).clone().map_err(|error| anyhow!(error))?;
    call("node", &place, arguments, input)
}

fn call(program: &str, place: &PathBuf, arguments: &[&str], input: &str) -> anyhow::Result<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(place)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{program} (Debian: apt-get install nodejs npm chromium)"))?;
    child.stdin.take().context("it was asked for")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    let (said, complained) = (String::from_utf8(output.stdout)?, String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{program} {arguments:?}: {}\n{said}{complained}", output.status);
    Ok(said)
}
