//! Reading TOML tables key by key, so that every fault can name its key.
//!
//! Every component reads the configuration, so this stays on `toml`'s parser without its serde support, which
//! would take a sixth of a component's size.

use core::fmt::Display;
use core::ops::RangeInclusive;
use core::str::FromStr;

use toml::de::{DeTable, DeValue};

use super::ConfigFault;
use crate::values::text::Stored;
use crate::values::{Line, Paragraph, ParseError};

/// A file larger than this is not a configuration.
const MAX_FILE_BYTES: usize = 1024 * 1024;

/// Entries of any list or group of tables.
const MAX_ENTRIES: usize = 200;

/// A table and where it stands. What was read is taken out; what is left at the end is unknown.
pub(super) struct Reader<'i> {
    path: String,
    table: DeTable<'i>,
}

impl<'i> Reader<'i> {
    /// The whole file.
    pub(super) fn file(text: &'i str) -> Result<Self, ConfigFault> {
        if text.len() > MAX_FILE_BYTES {
            return Err(fault("file".to_owned(), format!("larger than {MAX_FILE_BYTES} bytes")));
        }
        let table = DeTable::parse(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            fault(format!("line {}", before.matches('\n').count() + 1), error.message().trim())
        })?;
        Ok(Self { path: String::new(), table: table.into_inner() })
    }

    /// A fault of this key of the table.
    pub(super) fn fault(&self, name: &str, reason: impl Display) -> ConfigFault {
        fault(self.key(name), reason)
    }

    /// Refuses what nobody asked for.
    pub(super) fn finish(self) -> Result<(), ConfigFault> {
        match self.table.keys().next() {
            Some(name) => Err(self.fault(name.get_ref(), "unknown key; remove it or correct its spelling")),
            None => Ok(()),
        }
    }

    /// Whether the table has this key.
    pub(super) fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    /// A value with a parser of its own; `None` when it is absent.
    pub(super) fn optional<T: FromStr<Err = ParseError>>(&mut self, name: &str) -> Result<Option<T>, ConfigFault> {
        let text = self.raw(name)?;
        text.map(|text| text.parse().map_err(|error| self.fault(name, error))).transpose()
    }

    /// A value with a parser of its own.
    pub(super) fn required<T: FromStr<Err = ParseError>>(&mut self, name: &str) -> Result<T, ConfigFault> {
        self.optional(name)?.ok_or_else(|| self.missing(name))
    }

    /// One line of text; `None` when it is absent.
    pub(super) fn optional_line<const MAX: usize>(&mut self, name: &str) -> Result<Option<Line<MAX>>, ConfigFault> {
        let text = self.raw(name)?;
        text.map(|text| Line::try_from(stored(&text)).map_err(|error| self.fault(name, error))).transpose()
    }

    /// One line of text.
    pub(super) fn line<const MAX: usize>(&mut self, name: &str) -> Result<Line<MAX>, ConfigFault> {
        self.optional_line(name)?.ok_or_else(|| self.missing(name))
    }

    /// A name that people see, one line of at most 120 characters.
    pub(super) fn name(&mut self, name: &str) -> Result<String, ConfigFault> {
        self.line::<120>(name).map(|line| line.as_str().to_owned())
    }

    /// Text of several lines, at most 40,000 characters; `None` when it is absent.
    pub(super) fn optional_text(&mut self, name: &str) -> Result<Option<String>, ConfigFault> {
        let text = self.raw(name)?;
        text.map(|text| {
            let text = Paragraph::<40_000>::try_from(stored(&text)).map_err(|error| self.fault(name, error))?;
            Ok(text.as_str().to_owned())
        })
        .transpose()
    }

    /// Text of several lines, at most 40,000 characters.
    pub(super) fn text(&mut self, name: &str) -> Result<String, ConfigFault> {
        self.optional_text(name)?.ok_or_else(|| self.missing(name))
    }

    /// A whole number within the range.
    pub(super) fn number(&mut self, name: &str, range: &RangeInclusive<u64>) -> Result<u64, ConfigFault> {
        let value = self.take(name).ok_or_else(|| self.missing(name))?;
        value
            .as_integer()
            .and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok())
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                self.fault(name, format!("must be a whole number from {} to {}", range.start(), range.end()))
            })
    }

    /// The one of these that the text names; `None` when it is absent.
    pub(super) fn optional_choice<T: Copy>(
        &mut self,
        name: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, ConfigFault> {
        let text = self.raw(name)?;
        text.map(|text| chosen(&text, choices).map_err(|error| self.fault(name, error))).transpose()
    }

    /// The one of these that the text names.
    pub(super) fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Result<T, ConfigFault> {
        self.optional_choice(name, choices)?.ok_or_else(|| self.missing(name))
    }

    /// A list of different texts, each one of these.
    pub(super) fn choices<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Result<Vec<T>, ConfigFault> {
        let texts = self.texts(name, &(1..=choices.len()))?;
        let chosen =
            |(place, text)| chosen(text, choices).map_err(|error| self.fault(&format!("{name}[{place}]"), error));
        texts.iter().map(String::as_str).enumerate().map(chosen).collect()
    }

    /// A list of different values with a parser of their own, so many of them; absent is empty.
    pub(super) fn list<T: FromStr<Err = ParseError>>(
        &mut self,
        name: &str,
        count: &RangeInclusive<usize>,
    ) -> Result<Vec<T>, ConfigFault> {
        let texts = self.texts(name, count)?;
        let parsed = |(place, text): (usize, &String)| {
            text.parse().map_err(|error| self.fault(&format!("{name}[{place}]"), error))
        };
        texts.iter().enumerate().map(parsed).collect()
    }

    /// A list of different texts, so many of them; absent is empty.
    pub(super) fn texts(&mut self, name: &str, count: &RangeInclusive<usize>) -> Result<Vec<String>, ConfigFault> {
        let entries = self.entries(name)?;
        if !count.contains(&entries.len()) {
            let reason = format!("must have {} to {} entries, has {}", count.start(), count.end(), entries.len());
            return Err(self.fault(name, reason));
        }
        let mut texts: Vec<String> = Vec::with_capacity(entries.len());
        for (place, entry) in entries.into_iter().enumerate() {
            let key = format!("{name}[{place}]");
            let text = scalar(entry).ok_or_else(|| self.fault(&key, "must be text in quotation marks"))?;
            if texts.contains(&text) {
                return Err(self.fault(&key, "repeats an earlier entry"));
            }
            texts.push(text);
        }
        Ok(texts)
    }

    /// A table; `None` when it is absent.
    pub(super) fn optional_table(&mut self, name: &str) -> Result<Option<Self>, ConfigFault> {
        self.take(name).map(|value| self.inner(name, value)).transpose()
    }

    /// A table.
    pub(super) fn table(&mut self, name: &str) -> Result<Self, ConfigFault> {
        self.optional_table(name)?.ok_or_else(|| self.missing(name))
    }

    /// The tables of a table, each with its name, at least one.
    pub(super) fn named_tables(&mut self, name: &str) -> Result<Vec<(String, Self)>, ConfigFault> {
        let mut group = self.table(name)?;
        let table = core::mem::take(&mut group.table);
        if table.is_empty() || table.len() > MAX_ENTRIES {
            return Err(self.fault(name, format!("must have 1 to {MAX_ENTRIES} entries")));
        }
        let mut named = Vec::with_capacity(table.len());
        for (name, value) in table {
            let name = name.into_inner().into_owned();
            let inner = group.inner(&name, value.into_inner())?;
            named.push((name, inner));
        }
        Ok(named)
    }

    /// What the name of this table is, as an id.
    pub(super) fn id<T: FromStr<Err = ParseError>>(&self, name: &str) -> Result<T, ConfigFault> {
        name.parse().map_err(|error| fault(self.path.clone(), error))
    }

    /// A list of tables; absent is empty.
    pub(super) fn tables(&mut self, name: &str) -> Result<Vec<Self>, ConfigFault> {
        let entries = self.entries(name)?;
        let mut tables = Vec::with_capacity(entries.len());
        for (place, entry) in entries.into_iter().enumerate() {
            tables.push(self.inner(&format!("{name}[{place}]"), entry)?);
        }
        Ok(tables)
    }

    fn entries(&mut self, name: &str) -> Result<Vec<DeValue<'i>>, ConfigFault> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(DeValue::Array(entries)) if entries.len() <= MAX_ENTRIES => {
                Ok(entries.into_iter().map(toml::Spanned::into_inner).collect())
            }
            Some(_) => Err(self.fault(name, format!("must be a list of at most {MAX_ENTRIES} entries"))),
        }
    }

    fn raw(&mut self, name: &str) -> Result<Option<String>, ConfigFault> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        scalar(value).map(Some).ok_or_else(|| self.fault(name, "must be text in quotation marks"))
    }

    fn take(&mut self, name: &str) -> Option<DeValue<'i>> {
        self.table.remove(name).map(toml::Spanned::into_inner)
    }

    fn inner(&self, name: &str, value: DeValue<'i>) -> Result<Self, ConfigFault> {
        match value {
            DeValue::Table(table) => Ok(Self { path: self.key(name), table }),
            _ => Err(self.fault(name, "must be a table")),
        }
    }

    fn missing(&self, name: &str) -> ConfigFault {
        self.fault(name, "is missing")
    }

    fn key(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

fn fault(key: String, reason: impl Display) -> ConfigFault {
    ConfigFault { key, reason: reason.to_string() }
}

/// Text, or a time as text: TOML writes times without quotation marks.
fn scalar(value: DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.into_owned()),
        DeValue::Datetime(time) => Some(time.to_string()),
        _ => None,
    }
}

/// Line ends at either side belong to TOML's notation, not to the text.
fn stored(text: &str) -> Stored {
    Stored(text.trim().to_owned())
}

fn chosen<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, ParseError> {
    let found = choices.iter().find(|(name, _)| *name == text);
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        ParseError::new("choice-invalid", format!("must be one of \"{}\"", names.join("\", \"")))
    })
}
