//! Countries of ISO 3166-1.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::ParseError;

/// Names only; so that what merely checks a code does not carry every name.
static ALL: [celes::Country; 250] = celes::Country::get_countries();

/// The codes in the order of `ALL`.
static CODES: [&str; 250] = codes();

/// A country of ISO 3166-1, or Kosovo (`XK`), named by its alpha-2 code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Country(&'static str);

impl Country {
    /// The alpha-2 code: `US`.
    pub const fn as_str(&self) -> &'static str {
        self.0
    }

    /// The English name for lists, without a leading "The".
    pub fn name(&self) -> &'static str {
        ALL.iter().find(|country| country.alpha2 == self.0).map_or(self.0, listed_name)
    }

    /// Every country with its name, sorted by name.
    pub fn all() -> impl Iterator<Item = (Self, &'static str)> {
        let mut all: Vec<_> = ALL.iter().map(|country| (Self(country.alpha2), listed_name(country))).collect();
        all.sort_unstable_by_key(|(_, name)| *name);
        all.into_iter()
    }
}

fn listed_name(country: &celes::Country) -> &'static str {
    country.long_name.strip_prefix("The ").unwrap_or(country.long_name)
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, where a wrong place is a build error")]
const fn codes() -> [&'static str; 250] {
    let countries = celes::Country::get_countries();
    let mut codes = [""; 250];
    let mut place = 0;
    while place < codes.len() {
        codes[place] = countries[place].alpha2;
        place += 1;
    }
    codes
}

impl FromStr for Country {
    type Err = ParseError;

    /// Any case is accepted.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let text = text.trim();
        CODES
            .iter()
            .copied()
            .find(|code| code.eq_ignore_ascii_case(text))
            .map(Self)
            .ok_or_else(|| ParseError::new("country-invalid", "Choose a country from the list."))
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
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
        assert_eq!((country.as_str(), country.name()), ("US", "United States Of America"));
        for wrong in ["", "U", "USA", "XX", "United States", "\u{FF35}\u{FF33}"] {
            assert!(wrong.parse::<Country>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn all_are_listed_once_by_name_and_survive_their_code() {
        let all: Vec<(Country, &str)> = Country::all().collect();
        assert_eq!(all.len(), 250);
        assert!(all.is_sorted_by(|(_, one), (_, next)| one < next));
        for (country, name) in all {
            assert_eq!(country.name(), name);
            assert_eq!(country.to_string().parse(), Ok(country));
            let stored = postcard::to_allocvec(&country).expect("text");
            assert_eq!(postcard::from_bytes(&stored), Ok(country));
        }
    }
}
