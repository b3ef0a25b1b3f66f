//! Countries of ISO 3166-1.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ParseError;

static ALL: [celes::Country; 250] = celes::Country::get_countries();

/// A country of ISO 3166-1, or Kosovo (`XK`), named by its alpha-2 code.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country(&'static celes::Country);

impl Country {
    /// The alpha-2 code: `US`.
    pub fn as_str(&self) -> &'static str {
        self.0.alpha2
    }

    /// The English name for lists, without a leading "The".
    pub fn name(&self) -> &'static str {
        let name = self.0.long_name;
        name.strip_prefix("The ").unwrap_or(name)
    }

    /// Every country, sorted by name.
    pub fn all() -> impl Iterator<Item = Self> {
        let mut all: Vec<Self> = ALL.iter().map(Self).collect();
        all.sort_by_key(Self::name);
        all.into_iter()
    }
}

impl FromStr for Country {
    type Err = ParseError;

    /// Any case is accepted.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let text = text.trim();
        ALL.iter()
            .find(|country| country.alpha2.eq_ignore_ascii_case(text))
            .map(Self)
            .ok_or_else(|| ParseError::new("country-invalid", "Choose a country from the list."))
    }
}

impl TryFrom<String> for Country {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.as_str().to_owned()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Country({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_iso_3166() {
        // REG-1: the headquarters country comes from ISO 3166.
        let country: Country = " us ".parse().expect("a country");
        assert_eq!(
            (country.as_str(), country.name()),
            ("US", "United States Of America")
        );
        for wrong in ["", "U", "USA", "XX", "United States", "\u{FF35}\u{FF33}"] {
            assert!(wrong.parse::<Country>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn all_are_listed_once_by_name_and_survive_their_code() {
        let all: Vec<Country> = Country::all().collect();
        assert_eq!(all.len(), 250);
        assert!(all.is_sorted_by(|one, next| one.name() < next.name()));
        for country in all {
            assert_eq!(country.to_string().parse(), Ok(country));
            let stored = postcard::to_allocvec(&country).expect("text");
            assert_eq!(postcard::from_bytes(&stored), Ok(country));
        }
    }
}
