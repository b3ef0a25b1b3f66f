//! Webhooks as webstores sign them: by the libraries that Stripe, Shopify and the authors of Standard Webhooks publish, so that
//! what the service takes for a signature is not what we believe one to be.
//!
//! Needs `node` and `npm`: README, "Run it".

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

use anyhow::{Context, anyhow, ensure};
use serde_json::{Map, Value, json};
use shared::webhook::Dialect;

use crate::world::root;

/// The libraries, installed.
#[derive(Debug, Clone, Copy)]
pub struct Signer(());

/// What is to be signed.
#[derive(Debug, Clone, Copy)]
pub struct Unsigned<'a> {
    /// The webhook's id, which Standard Webhooks signs.
    pub id: &'a str,
    /// Its time, which all but Shopify sign.
    pub unix_seconds: u64,
    /// Its body.
    pub body: &'a str,
}

impl Signer {
    /// Installs the libraries, once a process: installing begins by removing what is there.
    ///
    /// # Errors
    /// When `npm` does not run, or cannot install them.
    pub fn install() -> anyhow::Result<Self> {
        static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
        let install = || {
            let packages = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
            run(Command::new("npm").args(packages), "").map(drop).map_err(|error| format!("{error:#}"))
        };
        INSTALLED.get_or_init(install).clone().map(|()| Self(())).map_err(|error| anyhow!(error))
    }

    /// The headers with which the dialect's own library signs the webhook.
    ///
    /// # Errors
    /// When `node` does not run, or the library takes no such secret.
    pub fn sign(self, dialect: Dialect, secret: &str, unsigned: Unsigned<'_>) -> anyhow::Result<Vec<(String, String)>> {
        let (name, _) = Dialect::NAMES.into_iter().find(|(_, known)| *known == dialect).context("a dialect's name")?;
        let Unsigned { id, unix_seconds, body } = unsigned;
        let wish = json!({ "dialect": name, "secret": secret, "id": id, "timestamp": unix_seconds, "body": body });
        let said = run(Command::new("node").arg("sign.mjs"), &wish.to_string())?;
        let headers: Map<String, Value> = serde_json::from_str(&said).context("no headers")?;
        let header = |(name, value): (String, Value)| Some((name, value.as_str()?.to_owned()));
        headers.into_iter().map(header).collect::<Option<_>>().context("a header is a text")
    }
}

fn run(command: &mut Command, input: &str) -> anyhow::Result<String> {
    let place: PathBuf = root().join("tests/libraries");
    let mut child = command
        .current_dir(place)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{command:?} (Debian: apt-get install nodejs npm)"))?;
    child.stdin.take().context("it was asked for")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
