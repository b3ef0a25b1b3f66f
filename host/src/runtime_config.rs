//! Spin's runtime-config file, strictly: which backend keeps the keys.
//!
//! ```toml
//! [key_value_store.default]
//! type = "redis"                      # or "spin": SQLite
//! url = "redis://127.0.0.1:6379"      # with "spin": path = "store.db"
//! ```
//!
//! The same file works with `spin up --runtime-config-file`. What this host has no use for it refuses, instead of
//! ignoring what Spin would obey.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

/// What the file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuntimeConfig {
    key_value_store: Stores,
}

/// All stores of this host are one, so one is all that can be chosen.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stores {
    default: Backend,
}

/// Where the keys are.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Backend {
    /// A file of SQLite. A relative path starts in the state directory, as in Spin; without one nothing is kept.
    Spin {
        /// The file.
        path: Option<PathBuf>,
    },
    /// A Redis server.
    Redis {
        /// Its address, perhaps with a password.
        url: String,
    },
}

/// The backend that the file chooses.
///
/// # Errors
/// If the file cannot be read, or has a key or a type of store that this host does not know. The error never shows a
/// value of the file, which may be a password.
pub(crate) fn read(file: &Path) -> anyhow::Result<Backend> {
    let shown = file.display();
    let text = fs::read_to_string(file).with_context(|| format!("{shown} cannot be read"))?;
    parse(&text).with_context(|| shown.to_string())
}

fn parse(text: &str) -> anyhow::Result<Backend> {
    // Not the error itself, whose text quotes the line.
    let parsed: Result<RuntimeConfig, _> = toml::from_str(text);
    parsed.map(|config| config.key_value_store.default).map_err(|error| {
        let line = error.span().map(|span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
        let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        anyhow::anyhow!("{place}{}", error.message())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_backends_are_understood() {
        let redis = "[key_value_store.default]\ntype = \"redis\"\nurl = \"redis://h:1\"\n";
        assert_eq!(parse(redis).ok(), Some(Backend::Redis { url: "redis://h:1".to_owned() }));
        assert_eq!(parse("[key_value_store.default]\ntype = \"spin\"").ok(), Some(Backend::Spin { path: None }));
        let placed = parse("key_value_store.default = { type = \"spin\", path = \"a.db\" }");
        assert_eq!(placed.ok(), Some(Backend::Spin { path: Some("a.db".into()) }));
    }

    #[test]
    fn what_is_not_known_is_refused_without_its_value() {
        let store = "[key_value_store.default]\n";
        let cases = [
            (format!("{store}type = \"azure_cosmos\"\nkey = \"s3cret\""), "unknown variant `azure_cosmos`"),
            (format!("{store}type = \"redis\"\nurl = \"redis://:s3cret@h\"\nport = 1"), "unknown field `port`"),
            (format!("{store}type = \"redis\""), "missing field `url`"),
            (format!("{store}url = \"redis://:s3cret@h\""), "missing field `type`"),
            ("[key_value_store.other]\ntype = \"spin\"".to_owned(), "unknown field `other`"),
            ("[sqlite_database.default]\ntype = \"spin\"".to_owned(), "unknown field `sqlite_database`"),
            (format!("{store}type = \"redis\"\nurl = 's3cret"), "line 3"),
            (String::new(), "missing field `key_value_store`"),
        ];
        for (text, expected) in cases {
            let error = parse(&text).expect_err("is refused");
            let error = format!("{error:#}");
            assert!(error.contains(expected) && !error.contains("s3cret"), "{error}\ndoes not say: {expected}");
        }
    }
}
