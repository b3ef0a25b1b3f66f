//! Amounts of money: integer minor units and an ISO 4217 code, never a fraction.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ParseError;

/// A currency of ISO 4217 that has a minor unit (or none, like the yen), not a metal or a test code.
///
/// It is looked up when it is read from text; a stored one was, so that what merely carries money needs no list.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// The code: `USD`.
    pub fn code(self) -> String {
        self.0.iter().copied().map(char::from).collect()
    }

    /// How many decimal places the minor unit takes: 2 for `USD`, 0 for `JPY`, 3 for `BHD`.
    pub fn exponent(self) -> u16 {
        iso_currency::Currency::from_code(&self.code()).and_then(iso_currency::Currency::exponent).unwrap_or_default()
    }
}

fn invalid() -> ParseError {
    ParseError::new("currency-invalid", "Use a three-letter ISO 4217 code, like USD.")
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({self})")
    }
}

impl FromStr for Currency {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        iso_currency::Currency::from_code(text)
            .filter(|currency| currency.exponent().is_some() && !currency.is_special())
            .ok_or_else(invalid)?;
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for Currency {
    type Error = ParseError;

    fn try_from(stored: String) -> Result<Self, ParseError> {
        let letters = <[u8; 3]>::try_from(stored.as_bytes()).map_err(|_| invalid())?;
        if letters.iter().all(u8::is_ascii_uppercase) { Ok(Self(letters)) } else { Err(invalid()) }
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code()
    }
}

/// An amount of one currency that is not negative, in minor units (cents).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    minor: u64,
    currency: Currency,
}

impl Money {
    /// This many minor units.
    pub const fn new(minor: u64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in this currency.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The amount in minor units.
    pub const fn minor(&self) -> u64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// Whether there is nothing to pay.
    pub const fn is_zero(&self) -> bool {
        self.minor == 0
    }

    /// The sum; `None` across currencies or beyond what can be counted.
    pub fn add(&self, other: Self) -> Option<Self> {
        let minor = self.same_currency(other)?.minor.checked_add(other.minor)?;
        Some(Self::new(minor, self.currency))
    }

    /// This amount so many times; `None` beyond what can be counted.
    pub fn times(&self, count: u32) -> Option<Self> {
        Some(Self::new(self.minor.checked_mul(u64::from(count))?, self.currency))
    }

    /// What is left, at least nothing; `None` across currencies.
    pub fn saturating_sub(&self, other: Self) -> Option<Self> {
        let minor = self.same_currency(other)?.minor.saturating_sub(other.minor);
        Some(Self::new(minor, self.currency))
    }

    /// What is left after a reduction by so many percent; the reduction is rounded down to the minor unit, and
    /// more than 100 percent is 100.
    #[must_use]
    pub fn less_percent(&self, percent: u8) -> Self {
        let percent = u64::from(percent.min(100));
        // In two parts, so that nothing overflows.
        let reduction = self.minor / 100 * percent + self.minor % 100 * percent / 100;
        Self::new(self.minor - reduction, self.currency)
    }

    /// Reads major units with at most the currency's decimal places: `12.50`, `12.5` or `12`.
    ///
    /// # Errors
    /// Another notation, too many decimal places, or more than can be counted.
    pub fn parse_decimal(text: &str, currency: Currency) -> Result<Self, ParseError> {
        let places = usize::from(currency.exponent());
        let (major, minor) = match text.trim().split_once('.') {
            Some((major, minor)) if !minor.is_empty() => (major, minor),
            Some(_) => ("", ""),
            None => (text.trim(), ""),
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let shaped = !major.is_empty() && digits(major) && digits(minor) && minor.len() <= places;
        shaped
            .then(|| format!("{major}{minor:0<places$}").parse().ok())
            .flatten()
            .map(|minor| Self::new(minor, currency))
            .ok_or_else(|| {
                ParseError::new("amount-invalid", format!("Write the amount like {}.", Self::sample(currency)))
            })
    }

    /// Twelve and a half, or twelve where there is no minor unit; without the code.
    fn sample(currency: Currency) -> String {
        match usize::from(currency.exponent()) {
            0 => "12".to_owned(),
            places => format!("12.{:0<places$}", 5),
        }
    }

    fn same_currency(&self, other: Self) -> Option<&Self> {
        (self.currency == other.currency).then_some(self)
    }
}

impl FromStr for Money {
    type Err = ParseError;

    /// Reads what `Display` gives: `12.50 USD`.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (amount, code) = text
            .trim()
            .split_once(' ')
            .ok_or_else(|| ParseError::new("amount-invalid", "Write amount and currency like 12.50 USD."))?;
        Self::parse_decimal(amount, code.trim().parse()?)
    }
}

impl fmt::Display for Money {
    /// Major units with the currency's decimal places: `12.50 USD`, `1250 JPY`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = self.currency.exponent();
        let unit = 10_u64.pow(u32::from(exponent));
        let (major, minor) = (self.minor / unit, self.minor % unit);
        match exponent {
            0 => write!(f, "{major} {}", self.currency),
            places => write!(f, "{major}.{minor:0places$} {}", self.currency, places = usize::from(places)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn currency(code: &str) -> Currency {
        code.parse().expect("a currency")
    }

    fn money(text: &str) -> Money {
        text.parse().expect("an amount")
    }

    #[test]
    fn shp_9_amounts_are_minor_units_and_a_code() {
        // SHP-9
        for (minor, code, text) in [
            (0, "USD", "0.00 USD"),
            (5, "USD", "0.05 USD"),
            (1_250, "USD", "12.50 USD"),
            (1_250, "JPY", "1250 JPY"),
            (1_250, "BHD", "1.250 BHD"),
            (u64::MAX, "EUR", "184467440737095516.15 EUR"),
        ] {
            let amount = Money::new(minor, currency(code));
            assert_eq!(amount.to_string(), text);
            assert_eq!(money(text), amount);
        }
    }

    #[test]
    fn shp_9_only_currencies_with_minor_units_count() {
        // SHP-9
        for wrong in ["", "usd", "US", "USDX", "XAU", "XXX", "XTS"] {
            assert!(wrong.parse::<Currency>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn shp_9_nothing_is_added_across_currencies_or_beyond_the_range() {
        // SHP-9
        let (dollar, euro) = (money("1.00 USD"), money("1.00 EUR"));
        assert_eq!(dollar.add(dollar), Some(money("2.00 USD")));
        assert_eq!(dollar.add(euro), None);
        assert_eq!(dollar.saturating_sub(euro), None);
        assert_eq!(dollar.saturating_sub(money("0.40 USD")), Some(money("0.60 USD")));
        assert_eq!(dollar.saturating_sub(money("1.01 USD")), Some(Money::zero(currency("USD"))));
        assert_eq!(dollar.times(3), Some(money("3.00 USD")));
        let most = Money::new(u64::MAX, currency("USD"));
        assert_eq!(most.add(Money::new(1, currency("USD"))), None);
        assert_eq!(most.times(2), None);
        assert!(dollar.times(0).is_some_and(|nothing| nothing.is_zero()));
    }

    #[test]
    fn shp_2_a_percentage_is_rounded_down() {
        // SHP-2: the reduction is rounded down, so what is left is rounded up.
        for (price, percent, left) in [
            ("10.00 USD", 0, "10.00 USD"),
            ("10.00 USD", 25, "7.50 USD"),
            ("0.99 USD", 50, "0.50 USD"),
            ("0.01 USD", 99, "0.01 USD"),
            ("0.01 USD", 100, "0.00 USD"),
            ("10.00 USD", 101, "0.00 USD"),
        ] {
            assert_eq!(money(price).less_percent(percent), money(left), "{price} {percent}");
        }
        assert!(Money::new(u64::MAX, currency("USD")).less_percent(100).is_zero());
    }

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, minor) in [("12.50", 1_250), ("12.5", 1_250), (" 12 ", 1_200), ("0", 0), ("007", 700)] {
            assert_eq!(Money::parse_decimal(text, currency("USD")).map(|money| money.minor()), Ok(minor), "{text}");
        }
        for wrong in ["", ".", ".5", "5.", "-1", "+1", "1,50", "1.505", "1e3", "12 USD", "٣", "184467440737095516.16"]
        {
            assert!(Money::parse_decimal(wrong, currency("USD")).is_err(), "{wrong}");
        }
        let hint = |code| Money::parse_decimal("?", currency(code)).map_err(|error| error.hint);
        assert_eq!(hint("JPY"), Err("Write the amount like 12.".to_owned()));
        assert_eq!(hint("BHD"), Err("Write the amount like 12.500.".to_owned()));
        for wrong in ["", "12.50", "12.50USD", "USD 12.50", "12.50 USD USD"] {
            assert!(wrong.parse::<Money>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn amounts_survive_text_and_record(minor: u64, code in prop::sample::select(vec!["USD", "JPY", "BHD", "EUR"])) {
            let amount = Money::new(minor, currency(code));
            prop_assert_eq!(amount.to_string().parse(), Ok(amount));
            let stored = postcard::to_allocvec(&amount).expect("bytes");
            prop_assert_eq!(postcard::from_bytes(&stored), Ok(amount));
        }

        #[test]
        fn a_percentage_is_exact(minor: u64, percent in 0_u8..=100) {
            let left = Money::new(minor, currency("USD")).less_percent(percent).minor();
            let reduction = u128::from(minor) * u128::from(percent) / 100;
            prop_assert_eq!(u128::from(left), u128::from(minor) - reduction);
        }
    }
}
