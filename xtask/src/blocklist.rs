//! The filter of passwords that are refused (ACT-1), made of published lists and of what a deployment adds.
//!
//! `blocklist.txt` in the project's directory, one password a line, is added to every build if it is there: a deployment
//! that has a larger list (of breached passwords, say) puts it there. It is not needed where the components run.

use std::{fs, io::Read as _, path::PathBuf, time::Instant};

use anyhow::{Context as _, anyhow};
use flate2::read::GzDecoder;
use shared::password::Blocklist;

use crate::{components, workspace::root};

/// The deployment's own list in the project's directory.
const OWN: &str = "blocklist.txt";

/// Where `spin.toml` looks for the filter.
const COMPILED: &str = "blocklist.bin";

/// Passwords and words by frequency, see `xtask/data/README.md`.
static WORDS: &[u8] = include_bytes!("../data/words.txt.gz");

/// Phrases and patterns that those lists do not have.
const PHRASES: &str = include_str!("../data/phrases.txt");

/// What a filter was made of.
struct Made {
    filter: Vec<u8>,
    lines: usize,
    own: usize,
}

/// `cargo xtask blocklist`.
pub(crate) fn run() -> anyhow::Result<()> {
    let started = Instant::now();
    let Made { filter, lines, own } = made(own()?.as_deref())?;
    let path = path();
    fs::create_dir_all(components::directory())?;
    components::write(&path, &filter)?;
    println!(
        "{}: {lines} entries, {own} of them from {OWN}, in {} bytes, made in {} ms",
        path.display(),
        filter.len(),
        started.elapsed().as_millis()
    );
    Ok(())
}

/// Puts the filter where the manifest looks for it.
///
/// # Errors
/// When the deployment's list cannot be read, or the filter cannot be made or written.
pub(crate) fn place() -> anyhow::Result<()> {
    let filter = made(own()?.as_deref())?.filter;
    fs::create_dir_all(components::directory())?;
    components::write(&path(), &filter)
}

fn path() -> PathBuf {
    components::directory().join(COMPILED)
}

/// The deployment's list, if it has one. Lists of breached passwords are not always UTF-8: what is not is replaced, and
/// matches nothing.
fn own() -> anyhow::Result<Option<String>> {
    let path = root().join(OWN);
    if !path.exists() {
        return Ok(None);
    }
    let bytes = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn made(own: Option<&str>) -> anyhow::Result<Made> {
    let mut words = String::new();
    GzDecoder::new(WORDS).read_to_string(&mut words).context("the list of words cannot be unpacked")?;
    let own = own.unwrap_or_default();
    let lines = || words.lines().chain(PHRASES.lines()).chain(own.lines());
    let filter = Blocklist::of(lines()).map_err(|fault| anyhow!("{}", fault.hint))?;
    Ok(Made { filter: filter.encode(), lines: lines().count(), own: own.lines().count() })
}

#[cfg(test)]
mod tests {
    use shared::password::{NewPassword, PasswordPolicy};

    use super::*;

    fn refused(filter: &Blocklist, password: &str) -> Option<&'static str> {
        let parsed = NewPassword::parse(password, &PasswordPolicy::default(), filter, &[]);
        parsed.err().map(|fault| fault.code)
    }

    #[test]
    fn act_1_the_built_filter_refuses_what_others_try_first() -> anyhow::Result<()> {
        // ACT-1
        let made = made(None)?;
        assert!(made.lines > 90_000 && made.own == 0, "{} entries", made.lines);
        assert!(made.filter.len() < 300_000, "{} bytes", made.filter.len());
        let filter = Blocklist::decode(&made.filter).map_err(|fault| anyhow!("{}", fault.hint))?;
        for bad in [
            "passwordpassword",
            "Baseball 1234 5678",
            "internationalization",
            "1234567890qwerty!",
            "CorrectHorseBatteryStaple",
            "May the force be with you",
            "superman-superman-superman",
        ] {
            assert!(matches!(refused(&filter, bad), Some("password-common" | "password-simple")), "{bad}");
        }
        for good in ["seven green kettles sing at dawn", "tent clay ride moss", "xq7 vbw9 kz3 mdp1", "9471 8530 2269 1"]
        {
            assert_eq!(refused(&filter, good), None, "{good}");
        }
        Ok(())
    }

    #[test]
    fn act_1_a_deployment_adds_its_own_list() -> anyhow::Result<()> {
        // ACT-1
        let made = made(Some("Seven Green Kettles Sing At Dawn\r\n\nnothing else here\n"))?;
        assert_eq!(made.own, 3);
        let filter = Blocklist::decode(&made.filter).map_err(|fault| anyhow!("{}", fault.hint))?;
        assert_eq!(refused(&filter, "seven green kettles sing at dawn"), Some("password-common"));
        assert_eq!(refused(&filter, "tent clay ride moss"), None);
        Ok(())
    }
}
