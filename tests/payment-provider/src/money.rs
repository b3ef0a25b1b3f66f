//! Amounts as people write them.

use iso_currency::Currency;

fn digits(currency: Currency) -> u32 {
    currency.exponent().map_or(0, u32::from)
}

/// `4900` of USD as `49.00 USD`.
pub(crate) fn shown(minor: u64, currency: Currency) -> String {
    let digits = digits(currency);
    let unit = 10_u64.pow(digits);
    let (whole, rest) = (minor / unit, minor % unit);
    if digits == 0 {
        format!("{whole} {}", currency.code())
    } else {
        format!("{whole}.{rest:0width$} {}", currency.code(), width = digits as usize)
    }
}

/// `49`, `49.0` and `49.00` as `4900`, if that is an amount of this currency.
pub(crate) fn minor(text: &str, currency: Currency) -> Option<u64> {
    let digits = digits(currency) as usize;
    let (whole, rest) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || rest.len() > digits || !only_digits(whole) || !only_digits(rest) {
        return None;
    }
    format!("{whole}{rest:0<digits$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_and_read() {
        for (amount, currency, text) in
            [(4_905, Currency::USD, "49.05"), (7, Currency::EUR, "0.07"), (500, Currency::JPY, "500")]
        {
            assert_eq!(shown(amount, currency), format!("{text} {}", currency.code()));
            assert_eq!(minor(text, currency), Some(amount));
        }
        assert_eq!(minor(" 49.5 ", Currency::USD), Some(4_950));
        for wrong in ["", ".5", "1.234", "-1", "1,5", "1e3", "99999999999999999999"] {
            assert_eq!(minor(wrong, Currency::USD), None, "{wrong}");
        }
    }
}
