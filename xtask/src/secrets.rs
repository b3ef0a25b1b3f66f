//! The demonstration's secrets: generated once, kept in a file that only its owner can read.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use anyhow::{Context as _, anyhow};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use shared::{
    config::Gateway,
    secret::{Keys, digest256_hex},
};

use crate::gateway::{self, Kind};

const FILE: &str = "secrets.toml";
const ROOT_SECRET: &str = "root_secret";
/// What the operator's machines present: the timer that calls the sweep.
pub(crate) const MACHINE_KEY: &str = "machine_key_digest";
/// What the service presents to the payment provider.
pub(crate) const PAYMENT_SECRET: &str = "payment_secret";
/// What the payment provider signs its webhooks with.
pub(crate) const PAYMENT_WEBHOOK_SECRET: &str = "payment_webhook_secret";
/// The secrets that are wanted whatever the configuration names.
const ALWAYS: [(&str, Kind); 4] = [
    (ROOT_SECRET, Kind::Key),
    (MACHINE_KEY, Kind::Key),
    (PAYMENT_SECRET, Kind::Key),
    (PAYMENT_WEBHOOK_SECRET, Kind::Webhook),
];
const HEADER: &str =
    "# Generated for this machine's demonstration. Whoever reads it can do everything there: keep it here.\n";
/// A variable that ends so holds the digest of a secret, not the secret.
const DIGEST: &str = "_digest";

/// Every secret by its name: the variable's name without `_digest`.
pub(crate) struct Secrets(BTreeMap<String, String>);

impl Secrets {
    /// Reads the secrets in `directory`, and generates those that the configuration wants and that are not there yet.
    ///
    /// # Errors
    /// When the directory or the file cannot be made, read or written.
    pub(crate) fn complete(directory: &Path, gateway: &Gateway) -> anyhow::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .with_context(|| format!("{} cannot be made", directory.display()))?;
        let path = directory.join(FILE);
        let mut secrets = Self::read(&path)?;
        let known = secrets.0.len();
        let wanted = gateway::variables(gateway).into_iter().chain(ALWAYS);
        for (name, kind) in wanted.map(|(variable, kind)| (name(variable), kind)) {
            if !secrets.0.contains_key(name) {
                let secret = if name == ROOT_SECRET { STANDARD.encode(random::<32>()?) } else { generate(kind)? };
                secrets.0.insert(name.to_owned(), secret);
            }
        }
        if secrets.0.len() > known {
            secrets.write(&path)?;
        }
        Ok(secrets)
    }

    /// The secret behind a variable.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn behind(&self, variable: &str) -> anyhow::Result<&str> {
        let secret = self.0.get(name(variable));
        secret.map(String::as_str).with_context(|| format!("there is no secret for the variable {variable}"))
    }

    /// What each variable of the application is set to: the secret, or its SHA-256 in hexadecimal.
    ///
    /// # Errors
    /// When a secret is missing.
    pub(crate) fn values(&self, gateway: &Gateway) -> anyhow::Result<BTreeMap<String, String>> {
        let variables = gateway::variables(gateway).into_iter().chain(ALWAYS);
        variables
            .map(|(variable, _)| {
                let secret = self.behind(variable)?;
                let digested = variable.ends_with(DIGEST);
                let value = if digested { digest256_hex(secret.as_bytes()) } else { secret.to_owned() };
                Ok((variable.to_owned(), value))
            })
            .collect()
    }

    /// The keys that the application derives from its root secret.
    ///
    /// # Errors
    /// When the file holds another root secret than this program generates.
    pub(crate) fn keys(&self) -> anyhow::Result<Keys> {
        let root = STANDARD.decode(self.behind(ROOT_SECRET)?).context("root_secret is not base64")?;
        Keys::new(&root, None).map_err(|error| anyhow!("root_secret: {error}"))
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        if !path.exists() {
            return Ok(Self(BTreeMap::new()));
        }
        let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let secrets = toml::from_str(&text).with_context(|| format!("{} is not valid", path.display()))?;
        Ok(Self(secrets))
    }

    /// Written beside and renamed, so that a crash leaves the old file or the new one.
    fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = format!("{HEADER}{}", toml::to_string(&self.0)?);
        let beside = path.with_extension("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)
            .with_context(|| format!("{} cannot be written", beside.display()))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path).with_context(|| format!("{} cannot be written", path.display()))
    }
}

fn name(variable: &str) -> &str {
    variable.strip_suffix(DIGEST).unwrap_or(variable)
}

fn generate(kind: Kind) -> anyhow::Result<String> {
    Ok(match kind {
        Kind::Key => URL_SAFE_NO_PAD.encode(random::<32>()?),
        Kind::Webhook => format!("whsec_{}", STANDARD.encode(random::<32>()?)),
        Kind::Password => password(random::<20>()?),
    })
}

/// Twenty characters of five bits each, in groups that can be typed; no character looks like another.
fn password(bytes: [u8; 20]) -> String {
    const ALPHABET: [char; 32] = [
        'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm', 'n', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y',
        'z', '2', '3', '4', '5', '6', '7', '8', '9', '0',
    ];
    let mut text = String::new();
    for (position, byte) in bytes.into_iter().enumerate() {
        if position > 0 && position % 5 == 0 {
            text.push('-');
        }
        text.extend(ALPHABET.get(usize::from(byte % 32)));
    }
    text
}

fn random<const LENGTH: usize>() -> anyhow::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("the system gives no random bytes: {error}"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn secrets_are_generated_once_and_private() -> anyhow::Result<()> {
        let place = tempfile::tempdir()?;
        let directory = place.path().join("state");
        let gateway = gateway::parse(&gateway::text()?)?;
        let first = Secrets::complete(&directory, &gateway)?;
        let second = Secrets::complete(&directory, &gateway)?;
        assert_eq!(first.0, second.0);
        let mode = |path: &Path| anyhow::Ok(fs::metadata(path)?.permissions().mode() & 0o777);
        assert_eq!(mode(&directory)?, 0o700);
        assert_eq!(mode(&directory.join(FILE))?, 0o600);
        first.keys()?;
        Ok(())
    }

    #[test]
    fn the_application_sees_digests_where_it_asks_for_them() -> anyhow::Result<()> {
        let place = tempfile::tempdir()?;
        let gateway = gateway::parse(&gateway::text()?)?;
        let secrets = Secrets::complete(place.path(), &gateway)?;
        let values = secrets.values(&gateway)?;
        let key = secrets.behind("anvil_api_key_digest")?;
        assert_eq!(values.get("anvil_api_key_digest"), Some(&digest256_hex(key.as_bytes())));
        let webhook = secrets.behind("anvil_webhook_secret")?;
        assert_eq!(values.get("anvil_webhook_secret").map(String::as_str), Some(webhook));
        let bytes = STANDARD.decode(webhook.trim_start_matches("whsec_"))?;
        assert!((24..=64).contains(&bytes.len()));
        for variable in [PAYMENT_SECRET, PAYMENT_WEBHOOK_SECRET] {
            let secret = secrets.behind(variable)?;
            assert_eq!(values.get(variable).map(String::as_str), Some(secret));
            assert_eq!(secret.starts_with("whsec_"), variable == PAYMENT_WEBHOOK_SECRET, "{variable}");
        }
        Ok(())
    }

    #[test]
    fn passwords_can_be_typed() {
        let password = password([255; 20]);
        assert_eq!(password, "00000-00000-00000-00000");
    }
}
