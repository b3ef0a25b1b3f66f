//! Countries of ISO 3166-1.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{ParseError, unicode::folded};

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

    /// The country that people call so: by its listed name, whatever the case, accents and punctuation, by another name that is
    /// common, or by its code.
    pub fn named(text: &str) -> Option<Self> {
        let wanted = comparable(text);
        let listed = || ALL.iter().find(|country| comparable(listed_name(country)) == wanted);
        let also = || CALLED.iter().find(|(_, names)| names.split(", ").any(|name| name == wanted));
        text.parse().ok().or_else(|| listed().map(|country| Self(country.alpha2))).or_else(|| also()?.0.parse().ok())
    }

    /// Every country with its name, sorted by name.
    pub fn all() -> impl Iterator<Item = (Self, &'static str)> {
        let mut all: Vec<_> = ALL.iter().map(|country| (Self(country.alpha2), listed_name(country))).collect();
        all.sort_by_cached_key(|(_, name)| place_in_list(name));
        all.into_iter()
    }
}

/// Short names of ISO 3166-1 where the library writes them in another way.
const SPELT: [(&str, &str); 42] = [
    ("AG", "Antigua and Barbuda"),
    ("AX", "Åland Islands"),
    ("BA", "Bosnia and Herzegovina"),
    ("BL", "Saint Barthélemy"),
    ("BQ", "Bonaire, Sint Eustatius and Saba"),
    ("CC", "Cocos (Keeling) Islands"),
    ("CD", "Congo (Democratic Republic of the)"),
    ("CI", "Côte d'Ivoire"),
    ("CW", "Curaçao"),
    ("FK", "Falkland Islands (Malvinas)"),
    ("FM", "Micronesia (Federated States of)"),
    ("GB", "United Kingdom of Great Britain and Northern Ireland"),
    ("GS", "South Georgia and the South Sandwich Islands"),
    ("GW", "Guinea-Bissau"),
    ("HM", "Heard Island and McDonald Islands"),
    ("IM", "Isle of Man"),
    ("IR", "Iran (Islamic Republic of)"),
    ("KN", "Saint Kitts and Nevis"),
    ("KP", "Korea (Democratic People's Republic of)"),
    ("KR", "Korea (Republic of)"),
    ("LA", "Lao People's Democratic Republic"),
    ("MD", "Moldova (Republic of)"),
    ("MF", "Saint Martin (French part)"),
    ("MK", "North Macedonia"),
    ("PM", "Saint Pierre and Miquelon"),
    ("PS", "Palestine, State of"),
    ("RE", "Réunion"),
    ("SH", "Saint Helena, Ascension and Tristan da Cunha"),
    ("SJ", "Svalbard and Jan Mayen"),
    ("ST", "Sao Tome and Principe"),
    ("SX", "Sint Maarten (Dutch part)"),
    ("TC", "Turks and Caicos Islands"),
    ("TL", "Timor-Leste"),
    ("TT", "Trinidad and Tobago"),
    ("TW", "Taiwan (Province of China)"),
    ("TZ", "Tanzania (United Republic of)"),
    ("US", "United States of America"),
    ("VC", "Saint Vincent and the Grenadines"),
    ("VE", "Venezuela (Bolivarian Republic of)"),
    ("VG", "Virgin Islands (British)"),
    ("VI", "Virgin Islands (U.S.)"),
    ("WF", "Wallis and Futuna"),
];

/// What countries are called besides, as [`comparable`] has it.
const CALLED: [(&str, &str); 25] = [
    ("BN", "brunei"),
    ("CD", "democratic republic of the congo, dr congo"),
    ("CI", "ivory coast"),
    ("CV", "cape verde"),
    ("CZ", "czech republic"),
    ("FK", "falkland islands"),
    ("FM", "micronesia"),
    ("GB", "united kingdom, great britain, britain, uk, england, scotland, wales, northern ireland"),
    ("IR", "iran"),
    ("KP", "north korea"),
    ("KR", "south korea, korea, republic of korea"),
    ("LA", "laos"),
    ("MD", "moldova"),
    ("MK", "macedonia"),
    ("MM", "burma"),
    ("NL", "holland, the netherlands"),
    ("PS", "palestine"),
    ("RU", "russia"),
    ("SY", "syria"),
    ("SZ", "swaziland"),
    ("TR", "turkey"),
    ("TW", "taiwan"),
    ("TZ", "tanzania"),
    ("US", "united states, usa, america"),
    ("VE", "venezuela"),
];

/// Lower case without accents, and with nothing but single spaces between words.
fn comparable(text: &str) -> String {
    let plain: String = folded(text)
        .filter(|c| !matches!(c, '\'' | '’' | '.'))
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Å and ô stand where people look for A and o.
fn place_in_list(name: &str) -> String {
    name.replace('Å', "A").replace('ô', "o")
}

fn listed_name(country: &celes::Country) -> &'static str {
    if let Some((_, name)) = SPELT.iter().find(|(code, _)| *code == country.alpha2) {
        return name;
    }
    without_the(country)
}

fn without_the(country: &celes::Country) -> &'static str {
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
        assert_eq!((country.as_str(), country.name()), ("US", "United States of America"));
        let name = |code: &str| code.parse::<Country>().expect("a country").name();
        assert_eq!((name("CI"), name("NL"), name("KR")), ("Côte d'Ivoire", "Netherlands", "Korea (Republic of)"));
        for (code, spelt) in SPELT {
            assert!(ALL.iter().any(|country| country.alpha2 == code && without_the(country) != spelt), "{code}");
        }
        for (_, listed) in Country::all() {
            let odd = [" And ", " Of ", " The ", " Da "].iter().any(|word| listed.contains(word));
            assert!(!odd, "{listed}");
        }
        for wrong in ["", "U", "USA", "XX", "United States", "\u{FF35}\u{FF33}"] {
            assert!(wrong.parse::<Country>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn reg_1_a_country_is_found_by_what_people_call_it() {
        // REG-1: the list can be searched by typing.
        let found = |text: &str| Country::named(text).map(|country| country.as_str());
        for (country, name) in Country::all() {
            assert_eq!(Country::named(name), Some(country), "{name}");
            assert_eq!(Country::named(&name.to_uppercase()), Some(country), "{name}");
        }
        let listed: Vec<String> = ALL.iter().map(|country| comparable(listed_name(country))).collect();
        let needless =
            CALLED.iter().flat_map(|(_, names)| names.split(", ")).filter(|name| listed.contains(&(*name).to_owned()));
        assert_eq!(needless.collect::<Vec<_>>(), Vec::<&str>::new(), "these are listed");
        for (code, names) in CALLED {
            for name in names.split(", ") {
                assert_eq!((found(name), comparable(name).as_str()), (Some(code), name));
            }
        }
        assert_eq!(["U.S.A.", " cote  d'ivoire", "Aland Islands", "de"].map(found), ["US", "CI", "AX", "DE"].map(Some));
        for wrong in ["", " ", "Germ", "XX", "Atlantis", "Korea, somewhere", "..."] {
            assert_eq!(found(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn all_are_listed_once_by_name_and_survive_their_code() {
        let all: Vec<(Country, &str)> = Country::all().collect();
        assert_eq!(all.len(), 250);
        assert!(all.is_sorted_by(|(_, one), (_, next)| place_in_list(one) < place_in_list(next)));
        let names: Vec<&str> = all.iter().map(|(_, name)| *name).collect();
        assert!(matches!(names.as_slice(), ["Afghanistan", "Åland Islands", "Albania", ..]), "{names:?}");
        for (country, name) in all {
            assert_eq!(country.name(), name);
            assert_eq!(country.to_string().parse(), Ok(country));
            let stored = postcard::to_allocvec(&country).expect("text");
            assert_eq!(postcard::from_bytes(&stored), Ok(country));
        }
    }
}
