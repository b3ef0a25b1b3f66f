//! Serial numbers of hardware tokens.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ParseError;

const MIN_CHARS: usize = 4;
const MAX_CHARS: usize = 32;
/// How much of it may be shown to whoever has it: too little to name the token to anybody else.
const ENDING_CHARS: usize = 4;

/// The serial number of a hardware token: 4 to 32 letters and digits of ASCII, in capitals.
///
/// It is read off the back of a token and typed, so spaces, hyphens and case do not matter. Whoever can say it is taken to
/// hold the token (SHP-8), so it stands in no message and no log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Serial(String);

impl Serial {
    /// The number.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its last four characters.
    pub fn ending(&self) -> &str {
        self.0.get(self.0.len().saturating_sub(ENDING_CHARS)..).unwrap_or_default()
    }
}

impl FromStr for Serial {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let typed = text.chars().filter(|char| !char.is_whitespace() && !matches!(char, '-' | '\u{2010}'..='\u{2013}'));
        let serial: String = typed.take(MAX_CHARS.saturating_add(1)).map(|char| char.to_ascii_uppercase()).collect();
        if serial.is_empty() {
            return Err(ParseError::new("serial-missing", "Enter the serial number on the back of the token."));
        }
        let fits = (MIN_CHARS..=MAX_CHARS).contains(&serial.len());
        if fits && serial.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            Ok(Self(serial))
        } else {
            Err(ParseError::new(
                "serial-invalid",
                "Enter the serial number as it stands on the back of the token: 4 to 32 letters and digits.",
            ))
        }
    }
}

impl TryFrom<String> for Serial {
    type Error = ParseError;

    fn try_from(stored: String) -> Result<Self, ParseError> {
        stored.parse().and_then(|serial: Self| {
            if serial.0 == stored {
                Ok(serial)
            } else {
                Err(ParseError::new("serial-invalid", "A serial number is stored in capitals, without separators."))
            }
        })
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Serial(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shp_8_a_serial_is_typed_in_any_way_that_reads_the_same() {
        // SHP-8
        let serial: Serial = " galt-1000 0123 ".parse().expect("a serial");
        assert_eq!(serial.as_str(), "GALT10000123");
        assert_eq!(serial.ending(), "0123");
        assert_eq!("0012".parse::<Serial>().map(|serial| serial.as_str().to_owned()), Ok("0012".to_owned()));
        let code = |text: &str| text.parse::<Serial>().map_err(|error| error.code);
        assert_eq!(code(" - "), Err("serial-missing"));
        for wrong in ["123", "12/34", "Ä1234", &"1".repeat(33), &format!("{}\u{202E}", "1234")] {
            assert_eq!(code(wrong), Err("serial-invalid"), "{wrong}");
        }
        assert!("1".repeat(32).parse::<Serial>().is_ok());
    }

    #[test]
    fn shp_8_a_serial_is_not_written_into_a_log() {
        // SHP-8
        let serial: Serial = "GALT10000123".parse().expect("a serial");
        assert!(!format!("{serial:?}").contains("0123"));
    }

    proptest! {
        #[test]
        fn shp_8_a_serial_survives_its_text_and_nothing_else_is_read_from_a_record(text in "[a-zA-Z0-9 -]{0,36}") {
            // SHP-8
            if let Ok(serial) = text.parse::<Serial>() {
                prop_assert_eq!(serial.as_str().parse(), Ok(serial.clone()));
                let stored = postcard::to_allocvec(&serial).expect("text");
                prop_assert_eq!(postcard::from_bytes(&stored), Ok(serial.clone()));
                let as_typed = postcard::to_allocvec(&text).expect("text");
                prop_assert_eq!(postcard::from_bytes::<Serial>(&as_typed).is_ok(), text == serial.as_str());
            }
        }
    }
}
