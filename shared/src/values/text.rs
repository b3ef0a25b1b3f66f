//! Free text: one line, or several.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ParseError;
use super::unicode::nfc;

/// One line of 1 to `MAX` characters: trimmed, NFC, without control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Line<const MAX: usize>(String);

/// Text of 1 to `MAX` characters that may have several lines, each ended by `\n` alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Paragraph<const MAX: usize>(String);

impl<const MAX: usize> Line<MAX> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> Paragraph<MAX> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> FromStr for Line<MAX> {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        normalised(text, MAX, is_invisible).map(Self)
    }
}

impl<const MAX: usize> FromStr for Paragraph<MAX> {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        // Forms send CRLF; counted and stored, a line end is one character.
        normalised(&text.replace("\r\n", "\n"), MAX, is_invisible_in_lines).map(Self)
    }
}

/// The trimmed NFC form when it has 1 to `max` characters and none of them is refused.
fn normalised(text: &str, max: usize, refused: impl Fn(char) -> bool) -> Result<String, ParseError> {
    checked(nfc(text.trim().chars()).take(max.saturating_add(1)).collect(), max, refused)
}

/// The text when it has 1 to `max` characters and none of them is refused.
fn checked(text: String, max: usize, refused: impl Fn(char) -> bool) -> Result<String, ParseError> {
    if text.is_empty() {
        return Err(ParseError::new("text-missing", "Fill in this field."));
    }
    if text.chars().count() > max {
        return Err(ParseError::new("text-too-long", format!("Use at most {max} characters.")));
    }
    if text.chars().any(refused) {
        return Err(ParseError::new(
            "text-control-character",
            "Remove line breaks and invisible control characters; typing the text again does that.",
        ));
    }
    Ok(text)
}

/// Text that was normalised when it was accepted (a record), or reviewed (the configuration): checked again, but
/// not normalised again. Most components only read, and the normaliser's tables are large.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Stored(pub(crate) String);

impl<const MAX: usize> TryFrom<Stored> for Line<MAX> {
    type Error = ParseError;

    fn try_from(Stored(text): Stored) -> Result<Self, ParseError> {
        checked(text, MAX, is_invisible).map(Self)
    }
}

impl<const MAX: usize> TryFrom<Stored> for Paragraph<MAX> {
    type Error = ParseError;

    fn try_from(Stored(text): Stored) -> Result<Self, ParseError> {
        checked(text, MAX, is_invisible_in_lines).map(Self)
    }
}

/// Controls, line separators, and the marks that let text read differently from what it is.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

fn is_invisible_in_lines(c: char) -> bool {
    c != '\n' && is_invisible(c)
}

impl<const MAX: usize> fmt::Display for Line<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize> fmt::Display for Paragraph<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_trimmed_and_composed() {
        let line: Line<10> = "  Zoe\u{308} K. ".parse().expect("a line");
        assert_eq!(line.as_str(), "Zoë K.");
    }

    #[test]
    fn length_counts_characters_after_normalisation() {
        assert!("ëëë".parse::<Line<3>>().is_ok());
        assert!("e\u{308}e\u{308}e\u{308}".parse::<Line<3>>().is_ok());
        assert_eq!("abcd".parse::<Line<3>>().map_err(|error| error.code), Err("text-too-long"));
        for empty in ["", " ", "\n\t "] {
            assert_eq!(empty.parse::<Line<3>>().map_err(|error| error.code), Err("text-missing"));
        }
    }

    #[test]
    fn what_reads_differently_from_what_it_is_is_refused() {
        for hidden in ['\0', '\n', '\r', '\t', '\u{7F}', '\u{85}', '\u{2028}', '\u{202E}', '\u{2066}', '\u{FEFF}'] {
            let text = format!("a{hidden}b");
            assert_eq!(
                text.parse::<Line<9>>().map_err(|error| error.code),
                Err("text-control-character"),
                "{hidden:?}"
            );
        }
        let joined = "न\u{200D}य";
        assert!(joined.parse::<Line<9>>().is_ok(), "joiners are part of scripts");
    }

    #[test]
    fn a_paragraph_keeps_its_lines() {
        let paragraph: Paragraph<4> = "a\r\nb\n\n".parse().expect("a paragraph");
        assert_eq!(paragraph.as_str(), "a\nb");
        assert!("a\rb".parse::<Paragraph<4>>().is_err());
        assert!("a\n\n\nb".parse::<Paragraph<4>>().is_err());
    }

    proptest! {
        #[test]
        fn lines_survive_their_text(text in "\\PC{0,30}") {
            if let Ok(line) = text.parse::<Line<20>>() {
                prop_assert_eq!(line.as_str().parse(), Ok(line.clone()));
                let stored = postcard::to_allocvec(&line).expect("text");
                prop_assert_eq!(postcard::from_bytes(&stored), Ok(line));
            }
        }

        #[test]
        fn paragraphs_survive_their_text(text in "[a-c \\r\\n]{0,30}") {
            if let Ok(paragraph) = text.parse::<Paragraph<20>>() {
                prop_assert_eq!(paragraph.as_str().parse(), Ok(paragraph));
            }
        }
    }
}
