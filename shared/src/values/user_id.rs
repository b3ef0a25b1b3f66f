//! User IDs: `lastnamefirstinitial_NNNN`.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use super::unicode::{nfd, spelt_out};
use super::{ParseError, PersonName};

/// Letters before the underscore, so that the whole has at most 40 characters.
const MAX_LETTERS: usize = 35;

/// A User ID like `lovelacea_0042`: lower-case letters, an underscore and four digits; at most 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct UserId(String);

impl UserId {
    /// The User ID that this person gets when it is free. Of `number` the last four decimal digits count.
    ///
    /// Diacritics are folded; a name that leaves no Latin letter gives `user_NNNN`.
    pub fn candidate(name: &PersonName, number: u16) -> Self {
        let mut letters: String = latin(name.family.as_str()).take(MAX_LETTERS - 1).collect();
        letters.extend(latin(name.given.as_str()).take(1));
        if letters.is_empty() {
            letters.push_str("user");
        }
        Self(format!("{letters}_{:04}", number % 10_000))
    }

    /// The User ID in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The lower-case ASCII letters of a name: diacritics dropped, ligatures and barred letters spelt out.
fn latin(name: &str) -> impl Iterator<Item = char> {
    nfd(name).flat_map(char::to_lowercase).flat_map(|c| spelt_out(c).chars().chain(c.is_ascii_lowercase().then_some(c)))
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for UserId {
    type Err = ParseError;

    /// Any case is accepted.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let text = text.trim();
        let shaped = text.split_once('_').is_some_and(|(letters, number)| {
            (1..=MAX_LETTERS).contains(&letters.len())
                && letters.bytes().all(|byte| byte.is_ascii_alphabetic())
                && number.len() == 4
                && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        if shaped {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err(ParseError::new("user-id-invalid", "Enter the User ID from your activation e-mail, like lovelacea_0042."))
    }
}

impl TryFrom<String> for UserId {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn person(given: &str, family: &str) -> PersonName {
        PersonName { given: given.parse().expect("a line"), family: family.parse().expect("a line") }
    }

    #[test]
    fn apr_2_last_name_first_initial_number() {
        // APR-2
        for (given, family, number, expected) in [
            ("Ada", "Lovelace", 42, "lovelacea_0042"),
            ("Zoë", "Ångström", 9_999, "angstromz_9999"),
            ("Øyvind", "Łukasz-Weiß", 0, "lukaszweisso_0000"),
            ("Þór", "O'Brien Smith", 7, "obriensmitht_0007"),
            ("明", "王", 1, "user_0001"),
            ("明", "Wang", 1, "wang_0001"),
            ("Ada", "王", 10_001, "a_0001"),
        ] {
            assert_eq!(UserId::candidate(&person(given, family), number).as_str(), expected);
        }
    }

    #[test]
    fn apr_2_at_most_40_characters() {
        // APR-2
        let longest = UserId::candidate(&person("Ada", &"b".repeat(80)), 1);
        assert_eq!(longest.as_str().len(), 40);
        assert_eq!(longest.as_str().parse(), Ok(longest.clone()));
        assert!(format!("b{longest}").parse::<UserId>().is_err());
    }

    #[test]
    fn user_ids_are_read_in_any_case() {
        assert_eq!(" LovelaceA_0042 ".parse::<UserId>().expect("a User ID").as_str(), "lovelacea_0042");
        for wrong in
            ["", "_0042", "ada", "ada_042", "ada_00042", "ada_oo42", "ad1_0042", "ada__0042", "ad a_0042", "ädä_0042"]
        {
            assert!(wrong.parse::<UserId>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_candidate_is_a_user_id(given in "\\PC{1,30}", family in "\\PC{1,60}", number: u16) {
            if let (Ok(given), Ok(family)) = (given.parse(), family.parse()) {
                let id = UserId::candidate(&PersonName { given, family }, number);
                prop_assert_eq!(id.as_str().parse(), Ok(id.clone()));
                let stored = postcard::to_allocvec(&id).expect("text");
                prop_assert_eq!(postcard::from_bytes(&stored), Ok(id));
            }
        }
    }
}
