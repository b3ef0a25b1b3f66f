//! Amounts of money on pages, as the visitor's browser says that they are written at home (SHP-9).
//!
//! What is local has its symbol (`$49.00` in the United States), everything else its ISO 4217 code, so that nobody takes one
//! country's dollar for another's (`CAD 49.00` there, `49,00 USD` in Germany). A visitor who says nothing sees the form that
//! messages and JSON use. How amounts are written where comes from the locales of the GNU C library.

use core::{cmp::Reverse, fmt};

use askama::{Template, filters::HtmlSafe};
use pure_rust_locales::{Locale, locale_match};
use shared::values::Money;

use crate as edge;

/// The longest `Accept-Language` that is looked at, in bytes.
const LANGUAGES_BYTES_MAX: usize = 200;
/// Between a number and its currency, which belong on one line.
const NO_BREAK_SPACE: char = '\u{a0}';
/// Where a language is mostly spoken in a country whose code is not its own.
const COUNTRIES: [(&str, &str); 16] = [
    ("ar", "EG"),
    ("cs", "CZ"),
    ("da", "DK"),
    ("el", "GR"),
    ("en", "US"),
    ("et", "EE"),
    ("fa", "IR"),
    ("he", "IL"),
    ("hi", "IN"),
    ("ja", "JP"),
    ("ko", "KR"),
    ("nb", "NO"),
    ("sl", "SI"),
    ("sv", "SE"),
    ("uk", "UA"),
    ("zh", "CN"),
];

/// An amount on a page.
#[derive(Template)]
#[template(
    source = r#"{% if let Ok(languages) = "languages"|value::<String> %}{{ edge::amounts::local(money, languages) }}{% else %}{{ money }}{% endif %}"#,
    ext = "html"
)]
pub struct Amount {
    money: Money,
}

// Its template has escaped what it was given.
impl HtmlSafe for Amount {}

/// [`Amount`] of this much.
pub const fn amount(money: &Money) -> Amount {
    Amount { money: *money }
}

/// An amount as it is written where the visitor comes from.
pub struct Local {
    money: Money,
    locale: Option<Locale>,
}

/// [`Local`] for a visitor whose browser prefers these languages (`Accept-Language`, RFC 9110, section 12.5.4).
pub fn local(money: &Money, languages: &str) -> Local {
    Local { money: *money, locale: preferred(languages) }
}

/// The first of the languages, in the order of their weights, whose way of writing is known.
fn preferred(languages: &str) -> Option<Locale> {
    let languages = Some(languages).filter(|languages| languages.len() <= LANGUAGES_BYTES_MAX)?;
    let mut ranges: Vec<(u32, &str)> = languages.split(',').map(weighted).collect();
    ranges.sort_by_key(|(weight, _)| Reverse(*weight));
    ranges.into_iter().filter(|(weight, _)| *weight > 0).find_map(|(_, range)| known(range))
}

/// A language range with its weight in thousandths (RFC 9110, section 12.4.2); one that is no weight is nothing.
fn weighted(range: &str) -> (u32, &str) {
    let (range, weight) = range.split_once(';').unwrap_or((range, ""));
    let weight = weight.trim().strip_prefix("q=").map_or(Some(1000), thousandths);
    (weight.unwrap_or_default(), range.trim())
}

fn thousandths(weight: &str) -> Option<u32> {
    let (whole, decimals) = weight.split_once('.').unwrap_or((weight, ""));
    let digits = decimals.len() <= 3 && decimals.bytes().all(|digit| digit.is_ascii_digit());
    let decimals: u32 = format!("{decimals:0<3}").parse().ok().filter(|_| digits)?;
    match whole {
        "0" => Some(decimals),
        "1" if decimals == 0 => Some(1000),
        _ => None,
    }
}

/// The way of writing of a language range: language and country, whatever stands between them.
fn known(range: &str) -> Option<Locale> {
    let mut parts = range.split('-');
    let language = parts.next()?.to_ascii_lowercase();
    let country = match parts.rfind(|part| part.len() == 2) {
        Some(country) => country.to_ascii_uppercase(),
        None => COUNTRIES
            .iter()
            .find(|(known, _)| *known == language)
            .map_or_else(|| language.to_ascii_uppercase(), |(_, country)| (*country).to_owned()),
    };
    Locale::try_from(format!("{language}_{country}").as_str()).ok()
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(locale) = self.locale else {
            return self.money.fmt(f);
        };
        let code = self.money.currency().code();
        let is_local = locale_match!(locale => LC_MONETARY::INT_CURR_SYMBOL).trim() == code;
        let symbol = if is_local { locale_match!(locale => LC_MONETARY::CURRENCY_SYMBOL) } else { code.as_str() };
        let is_apart = !is_local || locale_match!(locale => LC_MONETARY::P_SEP_BY_SPACE) > 0;
        let space = if is_apart { NO_BREAK_SPACE.to_string() } else { String::new() };
        let number = self.number(locale);
        if locale_match!(locale => LC_MONETARY::P_CS_PRECEDES) == 1 {
            write!(f, "{symbol}{space}{number}")
        } else {
            write!(f, "{number}{space}{symbol}")
        }
    }
}

impl Local {
    fn number(&self, locale: Locale) -> String {
        let places = usize::from(self.money.currency().exponent());
        let digits = format!("{:0>width$}", self.money.minor(), width = places.saturating_add(1));
        let (major, minor) = digits.split_at(digits.len().saturating_sub(places));
        let separator = locale_match!(locale => LC_MONETARY::MON_THOUSANDS_SEP);
        let major = grouped(major, locale_match!(locale => LC_MONETARY::MON_GROUPING), separator);
        match locale_match!(locale => LC_MONETARY::MON_DECIMAL_POINT) {
            point if places > 0 => format!("{major}{point}{minor}"),
            _ => major,
        }
    }
}

/// Puts the separator between groups of digits, whose sizes are counted from the right; the last size repeats, and one that is
/// not positive takes what is left.
fn grouped(digits: &str, sizes: &[i64], separator: &str) -> String {
    let mut groups = Vec::new();
    let mut rest = digits;
    let mut sizes = sizes.iter();
    let mut size = usize::MAX;
    while !rest.is_empty() {
        if let Some(next) = sizes.next() {
            size = usize::try_from(*next).ok().filter(|size| *size > 0).unwrap_or(usize::MAX);
        }
        let (left, group) = rest.split_at(rest.len().saturating_sub(size));
        groups.push(group);
        rest = left;
    }
    groups.reverse();
    groups.join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Frame;

    fn shown(money: &str, languages: &str) -> String {
        local(&money.parse().expect("an amount"), languages).to_string().replace(NO_BREAK_SPACE, "_")
    }

    #[test]
    fn shp_9_amounts_are_written_as_the_visitor_is_used_to() {
        // SHP-9
        for (languages, money, expected) in [
            ("en-US", "1234567.50 USD", "$1,234,567.50"),
            ("en", "49.00 USD", "$49.00"),
            ("en-GB", "1234.50 USD", "USD_1,234.50"),
            ("en-CA", "49.00 CAD", "$49.00"),
            ("en-CA", "49.00 USD", "USD_49.00"),
            ("de-DE", "1234567.50 EUR", "1.234.567,50_€"),
            ("de", "1234.50 USD", "1.234,50_USD"),
            ("de-CH", "1234.50 CHF", "CHF_1’234.50"),
            ("fr-FR", "1234.50 EUR", "1\u{202f}234,50_€"),
            ("hi-IN", "1234567.50 USD", "USD_12,34,567.50"),
            ("ja", "1234567 JPY", "￥1,234,567"),
            ("ja", "0.05 USD", "USD_0.05"),
            ("de", "1.250 BHD", "1,250_BHD"),
            ("zh-Hant-TW", "1234.50 USD", "USD_1,234.50"),
        ] {
            assert_eq!(shown(money, languages), expected, "{money} in {languages}");
        }
    }

    #[test]
    fn shp_9_the_weightiest_known_language_counts() {
        // SHP-9
        for (languages, expected) in [
            ("de-DE,en-US;q=0.9", "49,00_USD"),
            ("en-US;q=0.5, de;q=0.8", "49,00_USD"),
            ("tlh, de;q=0.1", "49,00_USD"),
            ("de;q=0, en-US;q=0.1", "$49.00"),
            ("de;q=2, en-US;q=x, fr;q=-1", "49.00 USD"),
            ("de;q=1.001, fr;q=0.1234, ja;q=0.+1, hi;q=.5, nb;q=", "49.00 USD"),
            ("en-US;q=0.09, de;q=0.1", "49,00_USD"),
            ("en-US;q=0.999, de;q=1.000", "49,00_USD"),
            ("*", "49.00 USD"),
            ("", "49.00 USD"),
            (",;q=,-,--", "49.00 USD"),
            ("POSIX", "49.00 USD"),
        ] {
            assert_eq!(shown("49.00 USD", languages), expected, "{languages}");
        }
        assert_eq!(shown("49.00 USD", &"de,".repeat(101)), "49.00 USD", "nobody prefers that many");
    }

    #[test]
    fn shp_9_a_page_knows_whom_it_is_for() {
        // SHP-9
        let amount = || amount(&"49.00 USD".parse().expect("an amount"));
        let mut frame = Frame::default();
        assert_eq!(amount().render_with_values(&frame).ok().as_deref(), Some("49.00 USD"));
        frame.set("languages", "de-DE");
        assert_eq!(amount().render_with_values(&frame).ok().as_deref(), Some("49,00\u{a0}USD"));
    }
}
