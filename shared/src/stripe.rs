//! What Stripe counts money in (<https://docs.stripe.com/currencies>).

use crate::{
    refusal::Faults,
    values::{Currency, Money, ParseError},
};

/// A currency with the unit that Stripe counts it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    currency: Currency,
    unit: Unit,
}

/// How Stripe's smallest unit of a currency relates to the minor unit of ISO 4217, in which we count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// They are the same.
    Minor,
    /// Stripe counts hundredths of what has no minor unit.
    HundredthOfMinor,
    /// Stripe counts whole units of what has hundredths.
    HundredMinor,
}

/// Currencies without a minor unit, or with thousandths, that Stripe counts as ISO 4217 does.
const WITHOUT_HUNDREDTHS: [&str; 19] = [
    "BHD", "BIF", "CLP", "DJF", "GNF", "JOD", "JPY", "KMF", "KRW", "KWD", "OMR", "PYG", "RWF", "TND", "VND", "VUV",
    "XAF", "XOF", "XPF",
];

fn amount_invalid() -> ParseError {
    ParseError::new("amount-invalid", "This amount of the currency cannot be paid.")
}

impl Counted {
    /// Reads an ISO 4217 code in capital or small letters.
    ///
    /// # Errors
    /// `currency-invalid`; `currency-not-handled` for one of which it is not known what Stripe counts it in: it could be off
    /// by a hundred.
    pub fn parse(code: &str) -> Result<Self, ParseError> {
        Self::of(code.to_ascii_uppercase().parse()?)
    }

    /// The currency as Stripe counts it.
    ///
    /// # Errors
    /// `currency-not-handled`, as [`Counted::parse`].
    pub fn of(currency: Currency) -> Result<Self, ParseError> {
        let unit = match (currency.code().as_str(), currency.exponent()) {
            ("ISK" | "UGX", _) => Unit::HundredthOfMinor,
            ("MGA", _) => Unit::HundredMinor,
            (code, exponent) if exponent == 2 || WITHOUT_HUNDREDTHS.contains(&code) => Unit::Minor,
            _ => {
                let hint = "What Stripe counts this currency in is not known.";
                return Err(ParseError::new("currency-not-handled", hint));
            }
        };
        Ok(Self { currency, unit })
    }

    /// What so many of Stripe's units are.
    ///
    /// # Errors
    /// `amount-invalid`, when it is no whole number of minor units or beyond what can be counted.
    pub fn money(self, amount: u64) -> Result<Money, ParseError> {
        let minor = match self.unit {
            Unit::Minor => Some(amount),
            Unit::HundredthOfMinor => Some(amount / 100).filter(|_| amount.is_multiple_of(100)),
            Unit::HundredMinor => amount.checked_mul(100),
        };
        minor.map(|minor| Money::new(minor, self.currency)).ok_or_else(amount_invalid)
    }

    /// How many of Stripe's units an amount of this currency is.
    ///
    /// # Errors
    /// `amount-invalid`, when Stripe cannot count it.
    pub fn amount(self, money: Money) -> Result<u64, ParseError> {
        let minor = Some(money.minor()).filter(|_| money.currency() == self.currency);
        let amount = minor.and_then(|minor| match self.unit {
            Unit::Minor => Some(minor),
            Unit::HundredthOfMinor => minor.checked_mul(100),
            Unit::HundredMinor => Some(minor / 100).filter(|_| minor.is_multiple_of(100)),
        });
        amount.ok_or_else(amount_invalid)
    }
}

/// What a Checkout Session comes to, `amount` in Stripe's units
/// (<https://docs.stripe.com/api/checkout/sessions/object>).
pub(crate) fn session_total(amount: Option<u64>, currency: &str, faults: &mut Faults) -> Option<Money> {
    let currency = faults.check("data.object.currency", Counted::parse(currency));
    let Some(amount) = amount else {
        faults.add("data.object.amount_total", "missing", "Say what was paid.");
        return None;
    };
    faults.check("data.object.amount_total", currency?.money(amount))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shp_7_stripes_units_become_minor_units_and_back_or_are_refused() {
        // SHP-7, SHP-9
        for (amount, code, expected) in [
            (4_900, "usd", Ok("49.00 USD")),
            (4_900, "USD", Ok("49.00 USD")),
            (4_900, "jpy", Ok("4900 JPY")),
            (4_900, "kwd", Ok("4.900 KWD")),
            (4_900, "huf", Ok("49.00 HUF")),
            (4_900, "twd", Ok("49.00 TWD")),
            (4_900, "isk", Ok("49 ISK")),
            (4_900, "ugx", Ok("49 UGX")),
            (4_950, "ugx", Err("amount-invalid")),
            (4_900, "mga", Ok("4900.00 MGA")),
            (u64::MAX, "mga", Err("amount-invalid")),
            (4_900, "iqd", Err("currency-not-handled")),
            (4_900, "clf", Err("currency-not-handled")),
            (4_900, "xxx", Err("currency-invalid")),
            (4_900, "", Err("currency-invalid")),
        ] {
            let read = Counted::parse(code).and_then(|counted| counted.money(amount));
            if let Ok(money) = read {
                assert_eq!(Counted::of(money.currency()).and_then(|counted| counted.amount(money)), Ok(amount));
            }
            let read = read.map(|money| money.to_string()).map_err(|fault| fault.code);
            assert_eq!(read, expected.map(str::to_owned), "{amount} {code}");
        }
    }

    #[test]
    fn shp_9_what_stripe_cannot_count_is_not_asked_for() {
        // SHP-9
        for (money, expected) in [("49.50 MGA", Err("amount-invalid")), ("4900.00 MGA", Ok(4_900))] {
            let money: Money = money.parse().expect("money");
            let counted = Counted::of(money.currency()).expect("handled");
            assert_eq!(counted.amount(money).map_err(|fault| fault.code), expected, "{money}");
        }
        let dollars = Counted::parse("usd").expect("handled");
        assert_eq!(dollars.amount("4 JPY".parse().expect("money")).map_err(|fault| fault.code), Err("amount-invalid"));
    }
}
