//! Telephone numbers.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ParseError;

/// A number in ITU-T E.164 form: `+`, then 8 to 15 digits that do not begin with 0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Phone(String);

impl Phone {
    /// The number with its `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Phone {
    type Err = ParseError;

    /// Spaces, dashes, dots and parentheses are dropped.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let invalid =
            || ParseError::new("phone-invalid", "Enter the number with + and its country code, like +1 212 555 0100.");
        let digits = text.trim().strip_prefix('+').ok_or_else(invalid)?;
        let digits: String = digits.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).take(16).collect();
        let shaped = (8..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if shaped { Ok(Self(format!("+{digits}"))) } else { Err(invalid()) }
    }
}

impl TryFrom<String> for Phone {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_reduced_to_e_164() {
        for text in ["+12125550100", " +1 212 555 0100 ", "+1 (212) 555-0100", "+1.212.555.0100"] {
            assert_eq!(text.parse::<Phone>().expect("a number").as_str(), "+12125550100");
        }
    }

    #[test]
    fn eight_to_fifteen_digits() {
        for good in ["+12345678", "+123456789012345"] {
            assert!(good.parse::<Phone>().is_ok(), "{good}");
        }
        for wrong in [
            "",
            "+",
            "+1234567",
            "+1234567890123456",
            "12125550100",
            "+02125550100",
            "+1212555O100",
            "++12125550100",
            "+1212555٠100",
        ] {
            assert!(wrong.parse::<Phone>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn numbers_survive_their_text(text in "\\+[0-9 ().-]{7,20}") {
            if let Ok(phone) = text.parse::<Phone>() {
                prop_assert_eq!(phone.as_str().parse(), Ok(phone.clone()));
                let stored = postcard::to_allocvec(&phone).expect("text");
                prop_assert_eq!(postcard::from_bytes(&stored), Ok(phone));
            }
        }
    }
}
