//! Postal addresses: what a country's post wants of one, and how it stands on a parcel (SHP-1).
//!
//! The table has the countries whose formats are settled: what stands where, and what a postal code looks like, as the
//! Universal Postal Union publishes it. No maintained crate offers both in a size that a component bears, so it is our own.
//! Every other country takes whatever its people enter.

use serde::{Deserialize, Serialize};

use crate::{
    config::Address,
    refusal::Faults,
    values::{Country, Line, ParseError},
};

/// An address as it is entered. The telephone belongs to no address that a customer enters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawAddress {
    /// Organisation; optional.
    pub organisation: String,
    /// Street and number.
    pub street: String,
    /// City.
    pub city: String,
    /// State or region, where the country has them.
    pub region: String,
    /// Postal code, where the country has them.
    pub postal_code: String,
    /// Country: its code of ISO 3166-1, or its name.
    pub country: String,
}

impl RawAddress {
    /// Whether nothing was entered.
    pub fn is_blank(&self) -> bool {
        let Self { organisation, street, city, region, postal_code, country } = self;
        [organisation, street, city, region, postal_code, country].iter().all(|field| field.trim().is_empty())
    }
}

/// How one country writes addresses.
struct Format {
    country: &'static str,
    /// The lines below the street: `C` is the city, `S` the region, `Z` the postal code, `/` begins a line.
    lines: &'static str,
    /// What must be there besides street and city: `S`, `Z`, both or nothing.
    needs: &'static str,
    /// What a postal code looks like, `|` between several: `#` is a digit, `@` a letter, `*` either of them. Spaces,
    /// hyphens and the country's sign are put where they belong. Empty where there is no rule.
    codes: &'static str,
}

const fn format(country: &'static str, lines: &'static str, needs: &'static str, codes: &'static str) -> Format {
    Format { country, lines, needs, codes }
}

/// Of every country that the table does not have.
const ELSEWHERE: Format = format("", "C, S Z", "", "");
const BRITISH: &str = "@# #@@|@## #@@|@@# #@@|@@## #@@|@#@ #@@|@@#@ #@@";

/// Sorted by code.
static FORMATS: [Format; 61] = [
    format("AE", "C, S", "", ""),
    format("AR", "Z C/S", "", "####|@####@@@"),
    format("AT", "Z C", "Z", "####"),
    format("AU", "C S Z", "SZ", "####"),
    format("BE", "Z C", "Z", "####"),
    format("BG", "Z C", "Z", "####"),
    format("BR", "C - S/Z", "SZ", "#####-###"),
    format("CA", "C S Z", "SZ", "@#@ #@#"),
    format("CH", "Z C", "Z", "####"),
    format("CL", "Z C/S", "", "#######"),
    format("CN", "C, S Z", "SZ", "######"),
    format("CO", "C, S Z", "S", "######"),
    format("CY", "Z C", "Z", "####"),
    format("CZ", "Z C", "Z", "### ##"),
    format("DE", "Z C", "Z", "#####"),
    format("DK", "Z C", "Z", "####"),
    format("EE", "Z C", "Z", "#####"),
    format("EG", "C/S/Z", "", "#####"),
    format("ES", "Z C S", "Z", "#####"),
    format("FI", "Z C", "Z", "#####"),
    format("FR", "Z C", "Z", "#####"),
    format("GB", "C/Z", "Z", BRITISH),
    format("GR", "Z C", "Z", "### ##"),
    format("HK", "C/S", "", ""),
    format("HR", "Z C", "Z", "#####"),
    format("HU", "Z C", "Z", "####"),
    format("ID", "C/S Z", "", "#####"),
    format("IE", "C/S/Z", "", "@## ****|@#@ ****"),
    format("IL", "C Z", "", "#######|#####"),
    format("IN", "C Z/S", "SZ", "######"),
    format("IS", "Z C", "Z", "###"),
    format("IT", "Z C S", "Z", "#####"),
    format("JP", "C, S Z", "SZ", "###-####"),
    format("KR", "C, S Z", "Z", "#####"),
    format("LI", "Z C", "Z", "####"),
    format("LT", "Z C", "Z", "LT-#####"),
    format("LU", "Z C", "Z", "####"),
    format("LV", "C/Z", "Z", "LV-####"),
    format("MT", "C Z", "Z", "@@@ ####"),
    format("MX", "Z C, S", "SZ", "#####"),
    format("MY", "Z C/S", "Z", "#####"),
    format("NL", "Z C", "Z", "#### @@"),
    format("NO", "Z C", "Z", "####"),
    format("NZ", "C Z", "Z", "####"),
    format("PH", "Z C/S", "", "####"),
    format("PL", "Z C", "Z", "##-###"),
    format("PT", "Z C", "Z", "####-###"),
    format("RO", "Z C", "Z", "######"),
    format("RS", "Z C", "Z", "#####|######"),
    format("SA", "C Z", "", "#####|#####-####"),
    format("SE", "Z C", "Z", "### ##"),
    format("SG", "C Z", "Z", "######"),
    format("SI", "Z C", "Z", "####"),
    format("SK", "Z C", "Z", "### ##"),
    format("TH", "C/S Z", "", "#####"),
    format("TR", "Z C/S", "Z", "#####"),
    format("TW", "C, S Z", "Z", "###|#####|######"),
    format("UA", "C/S/Z", "Z", "#####"),
    format("US", "C, S Z", "SZ", "#####|#####-####"),
    format("VN", "C/S Z", "", "#####|######"),
    format("ZA", "C/Z", "Z", "####"),
];

impl Format {
    fn of(country: Country) -> &'static Self {
        let place = FORMATS.binary_search_by(|format| format.country.cmp(country.as_str()));
        place.ok().and_then(|place| FORMATS.get(place)).unwrap_or(&ELSEWHERE)
    }

    /// The code as the country writes it, whatever separators were entered.
    fn code(&self, entered: &str) -> Result<Line<20>, ParseError> {
        if self.codes.is_empty() {
            return entered.parse();
        }
        let mut typed: Vec<char> = entered.chars().map(narrow).filter(|char| is_told(*char)).collect();
        // Before a number stands the country at times: `D-89073`, `LV-1010`.
        if !self.codes.contains(['@', '*']) {
            let prefix = typed.iter().take_while(|char| char.is_ascii_alphabetic()).count();
            typed.drain(..if prefix <= COUNTRY_PREFIX_MAX { prefix } else { 0 });
        }
        let written = self.codes.split('|').find_map(|pattern| filled(pattern, &typed));
        written.ok_or_else(|| self.malformed())?.parse()
    }

    fn malformed(&self) -> ParseError {
        let examples: Vec<String> = self.codes.split('|').map(example).collect();
        let examples = match examples.as_slice() {
            [one] => one.clone(),
            [one, .., last] => format!("{one} or {last}"),
            [] => String::new(),
        };
        ParseError::new("postal-code-invalid", format!("Enter a postal code such as {examples}."))
    }
}

/// The longest country sign before a postal code.
const COUNTRY_PREFIX_MAX: usize = 3;

/// A character of the full-width forms as everybody else writes it, in capitals.
fn narrow(char: char) -> char {
    let ascii = match char {
        '\u{ff01}'..='\u{ff5e}' => u32::from(char).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(char),
        other => other,
    };
    ascii.to_ascii_uppercase()
}

/// Whether the character says something: not spaces, hyphens and dashes, nor Japan's sign for a postal code.
fn is_told(char: char) -> bool {
    !char.is_whitespace() && !matches!(char, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '〒')
}

/// The characters in the places of the pattern, if they fit.
fn filled(pattern: &str, typed: &[char]) -> Option<String> {
    let mut rest = typed.iter().copied();
    let mut written = String::new();
    for place in pattern.chars() {
        let char = match place {
            '#' => rest.next().filter(char::is_ascii_digit)?,
            '@' => rest.next().filter(char::is_ascii_alphabetic)?,
            '*' => rest.next().filter(char::is_ascii_alphanumeric)?,
            separator => separator,
        };
        written.push(char);
    }
    rest.next().is_none().then_some(written)
}

/// A code that could be one.
fn example(pattern: &str) -> String {
    let (mut digits, mut letters) = ("109991234".chars().cycle(), "KABEHT".chars().cycle());
    let fill = |place| match place {
        '#' | '*' => digits.next().unwrap_or(place),
        '@' => letters.next().unwrap_or(place),
        separator => separator,
    };
    pattern.chars().map(fill).collect()
}

impl Address {
    /// Parses every field by the rules of the country and notes every fault; the fields stand under `prefix`.
    pub fn parse(raw: &RawAddress, prefix: &str, faults: &mut Faults) -> Option<Self> {
        let name = |field: &str| format!("{prefix}{field}");
        let organisation = faults.check_optional(name("organisation"), &raw.organisation, str::parse);
        let street = faults.check(name("street"), raw.street.parse());
        let city = faults.check(name("city"), raw.city.parse());
        let country = faults.check(name("country"), country(&raw.country));
        let format = country.map_or(&ELSEWHERE, Format::of);
        let missing = |part| country.is_some() && format.needs.contains(part);
        let region = if missing('S') && raw.region.trim().is_empty() {
            faults.add(name("region"), "text-missing", "Enter the state or region.");
            None
        } else {
            faults.check_optional(name("region"), &raw.region, str::parse)
        };
        let postal_code = if missing('Z') && raw.postal_code.trim().is_empty() {
            let ParseError { hint, .. } = format.malformed();
            faults.add(name("postal_code"), "text-missing", hint);
            None
        } else {
            faults.check_optional(name("postal_code"), &raw.postal_code, |text| format.code(text))
        };
        Some(Self {
            street: street?,
            city: city?,
            region: region?,
            postal_code: postal_code?,
            country: country?,
            telephone: None,
            organisation: organisation?,
        })
    }

    /// The lines as they stand on a parcel below the person's name, in the order that the country's post reads. The country is
    /// the last one, as another country's post needs it.
    pub fn lines(&self) -> Vec<String> {
        let written = |field: Option<&str>| field.map(str::to_owned);
        let mut lines: Vec<String> = written(self.organisation.as_ref().map(Line::as_str)).into_iter().collect();
        lines.push(self.street.as_str().to_owned());
        lines.extend(Format::of(self.country).lines.split('/').filter_map(|line| self.line(line)));
        lines.push(self.country.name().to_owned());
        lines
    }

    /// One line of the template; `None` when nothing of it is known. What stands behind something that is missing goes too.
    fn line(&self, template: &str) -> Option<String> {
        let (mut line, mut between, mut missing) = (String::new(), String::new(), false);
        for place in template.chars() {
            let part = match place {
                'C' => Some(self.city.as_str()),
                'S' => self.region.as_ref().map(Line::as_str),
                'Z' => self.postal_code.as_ref().map(Line::as_str),
                separator => {
                    if !missing {
                        between.push(separator);
                    }
                    continue;
                }
            };
            missing = part.is_none();
            if let Some(part) = part {
                if !line.is_empty() {
                    line.push_str(&between);
                }
                line.push_str(part);
                between.clear();
            }
        }
        (!line.is_empty()).then_some(line)
    }
}

fn country(entered: &str) -> Result<Country, ParseError> {
    Country::named(entered).ok_or_else(|| ParseError::new("country-unknown", "Choose the country from the list."))
}

#[cfg(test)]
mod tests;
