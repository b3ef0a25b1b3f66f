//! Reading TOML tables key by key, so that every fault can name its key.

use core::fmt::Display;
use core::ops::RangeInclusive;
use core::str::FromStr;

use toml::{Table, Value};

use super::ConfigFault;
use crate::values::{Line, Paragraph, ParseError};

/// A file larger than this is not a configuration.
const MAX_FILE_BYTES: usize = 1024 * 1024;

/// Entries of any list or group of tables.
const MAX_ENTRIES: usize = 200;

/// A table and where it stands. What was read is taken out; what is left at the end is unknown.
pub(super) struct Reader {
    path: String,
    table: Table,
}

impl Reader {
    /// The whole file.
    pub(super) fn file(text: &str) -> Result<Self, ConfigFault> {
        if text.len() > MAX_FILE_BYTES {
            return Err(fault("file", format!("larger than {MAX_FILE_BYTES} bytes")));
        }
        let table = text.parse().map_err(|error: toml::de::Error| {
            let before = error
                .span()
                .and_then(|span| text.get(..span.start))
                .unwrap_or_default();
            fault(
                format!("line {}", before.matches('\n').count() + 1),
                error.message().trim(),
            )
        })?;
        Ok(Self {
            path: String::new(),
            table,
        })
    }

    /// A fault of this key of the table.
    pub(super) fn fault(&self, name: &str, reason: impl Display) -> ConfigFault {
        fault(self.key(name), reason)
    }

    /// Refuses what nobody asked for.
    pub(super) fn finish(self) -> Result<(), ConfigFault> {
        match self.table.keys().next() {
            Some(name) => Err(self.fault(name, "unknown key; remove it or correct its spelling")),
            None => Ok(()),
        }
    }

    /// A value with a parser of its own; `None` when it is absent.
    pub(super) fn optional<T: FromStr<Err = ParseError>>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, ConfigFault> {
        self.table
            .remove(name)
            .map(|value| parsed(&self.key(name), value))
            .transpose()
    }

    /// A value with a parser of its own.
    pub(super) fn required<T: FromStr<Err = ParseError>>(
        &mut self,
        name: &str,
    ) -> Result<T, ConfigFault> {
        self.optional(name)?.ok_or_else(|| self.missing(name))
    }

    /// A name that people see, one line of at most 120 characters.
    pub(super) fn name(&mut self, name: &str) -> Result<String, ConfigFault> {
        self.required::<Line<120>>(name)
            .map(|line| line.as_str().to_owned())
    }

    /// Text of several lines, at most 40,000 characters; `None` when it is absent.
    pub(super) fn optional_text(&mut self, name: &str) -> Result<Option<String>, ConfigFault> {
        let text = self.optional::<Paragraph<40_000>>(name)?;
        Ok(text.map(|text| text.as_str().to_owned()))
    }

    /// Text of several lines, at most 40,000 characters.
    pub(super) fn text(&mut self, name: &str) -> Result<String, ConfigFault> {
        self.optional_text(name)?.ok_or_else(|| self.missing(name))
    }

    /// A whole number within the range.
    pub(super) fn number(
        &mut self,
        name: &str,
        range: &RangeInclusive<u64>,
    ) -> Result<u64, ConfigFault> {
        let value = self.table.remove(name).ok_or_else(|| self.missing(name))?;
        value
            .as_integer()
            .and_then(|number| u64::try_from(number).ok())
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                self.fault(
                    name,
                    format!(
                        "must be a whole number from {} to {}",
                        range.start(),
                        range.end()
                    ),
                )
            })
    }

    /// The one of these that the text names; `None` when it is absent.
    pub(super) fn optional_choice<T: Copy>(
        &mut self,
        name: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, ConfigFault> {
        let key = self.key(name);
        self.table
            .remove(name)
            .map(|value| chosen(&key, &value, choices))
            .transpose()
    }

    /// The one of these that the text names.
    pub(super) fn choice<T: Copy>(
        &mut self,
        name: &str,
        choices: &[(&str, T)],
    ) -> Result<T, ConfigFault> {
        self.optional_choice(name, choices)?
            .ok_or_else(|| self.missing(name))
    }

    /// A list of different texts, each one of these.
    pub(super) fn choices<T: Copy>(
        &mut self,
        name: &str,
        choices: &[(&str, T)],
    ) -> Result<Vec<T>, ConfigFault> {
        self.entries(name)?
            .iter()
            .map(|(key, value)| chosen(key, value, choices))
            .collect()
    }

    /// A list of different values with a parser of their own, so many of them; absent is empty.
    pub(super) fn list<T: FromStr<Err = ParseError>>(
        &mut self,
        name: &str,
        count: &RangeInclusive<usize>,
    ) -> Result<Vec<T>, ConfigFault> {
        let entries = self.entries(name)?;
        if !count.contains(&entries.len()) {
            let reason = format!(
                "must have {} to {} entries, has {}",
                count.start(),
                count.end(),
                entries.len()
            );
            return Err(self.fault(name, reason));
        }
        entries
            .into_iter()
            .map(|(key, value)| parsed(&key, value))
            .collect()
    }

    /// Whether the table has this key.
    pub(super) fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    /// A table; `None` when it is absent.
    pub(super) fn optional_table(&mut self, name: &str) -> Result<Option<Self>, ConfigFault> {
        self.table
            .remove(name)
            .map(|value| self.inner(name, value))
            .transpose()
    }

    /// A table.
    pub(super) fn table(&mut self, name: &str) -> Result<Self, ConfigFault> {
        self.optional_table(name)?.ok_or_else(|| self.missing(name))
    }

    /// The tables of a table, each with its name, at least one.
    pub(super) fn named_tables<I: FromStr<Err = ParseError>>(
        &mut self,
        name: &str,
    ) -> Result<Vec<(I, Self)>, ConfigFault> {
        let group = self.table(name)?;
        if group.table.is_empty() || group.table.len() > MAX_ENTRIES {
            return Err(self.fault(name, format!("must have 1 to {MAX_ENTRIES} entries")));
        }
        let Self { path, table } = group;
        let outer = Self {
            path,
            table: Table::new(),
        };
        table
            .into_iter()
            .map(|(id, value)| {
                let parsed = id.parse().map_err(|error| outer.fault(&id, error))?;
                Ok((parsed, outer.inner(&id, value)?))
            })
            .collect()
    }

    /// A list of tables; absent is empty.
    pub(super) fn tables(&mut self, name: &str) -> Result<Vec<Self>, ConfigFault> {
        let place = Self {
            path: String::new(),
            table: Table::new(),
        };
        self.entries(name)?
            .into_iter()
            .map(|(key, value)| place.inner(&key, value))
            .collect()
    }

    /// The entries of a list, each with its key; the same entry twice is a fault.
    fn entries(&mut self, name: &str) -> Result<Vec<(String, Value)>, ConfigFault> {
        let entries = match self.table.remove(name) {
            None => Vec::new(),
            Some(Value::Array(entries)) if entries.len() <= MAX_ENTRIES => entries,
            Some(_) => {
                return Err(self.fault(
                    name,
                    format!("must be a list of at most {MAX_ENTRIES} entries"),
                ));
            }
        };
        for (place, entry) in entries.iter().enumerate() {
            if entries.iter().take(place).any(|earlier| earlier == entry) {
                return Err(self.fault(&format!("{name}[{place}]"), "repeats an earlier entry"));
            }
        }
        let key = self.key(name);
        Ok(entries
            .into_iter()
            .enumerate()
            .map(|(place, entry)| (format!("{key}[{place}]"), entry))
            .collect())
    }

    fn inner(&self, name: &str, value: Value) -> Result<Self, ConfigFault> {
        match value {
            Value::Table(table) => Ok(Self {
                path: self.key(name),
                table,
            }),
            _ => Err(self.fault(name, "must be a table")),
        }
    }

    fn missing(&self, name: &str) -> ConfigFault {
        self.fault(name, "is missing")
    }

    fn key(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }
}

fn fault(key: impl Into<String>, reason: impl Display) -> ConfigFault {
    ConfigFault {
        key: key.into(),
        reason: reason.to_string(),
    }
}

fn parsed<T: FromStr<Err = ParseError>>(key: &str, value: Value) -> Result<T, ConfigFault> {
    let text = match value {
        Value::String(text) => text,
        Value::Datetime(time) => time.to_string(),
        _ => return Err(fault(key, "must be text in quotation marks")),
    };
    text.parse().map_err(|error| fault(key, error))
}

fn chosen<T: Copy>(key: &str, value: &Value, choices: &[(&str, T)]) -> Result<T, ConfigFault> {
    let found = choices
        .iter()
        .find(|(name, _)| value.as_str() == Some(name));
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<String> = choices
            .iter()
            .map(|(name, _)| format!("\"{name}\""))
            .collect();
        fault(key, format!("must be one of {}", names.join(", ")))
    })
}
