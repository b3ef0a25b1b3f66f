//! One-time codes as people type them.

use core::fmt;
use core::str::FromStr;

use zeroize::Zeroize;

use super::ParseError;

/// A one-time code of 6 or 8 decimal digits. Never serialised: no record keeps a code.
#[derive(Clone)]
pub struct OtpCode {
    digits: u8,
    value: u32,
}

impl OtpCode {
    /// How many digits it has: 6 or 8.
    pub const fn digits(&self) -> u8 {
        self.digits
    }

    /// The digits as a number.
    pub const fn value(&self) -> u32 {
        self.value
    }
}

impl FromStr for OtpCode {
    type Err = ParseError;

    /// Spaces are dropped: apps show a code in groups.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let invalid = || ParseError::new("otp-invalid", "Enter the 6 or 8 digits that your authenticator shows now.");
        let (mut digits, mut value) = (0_u8, 0_u32);
        for c in text.chars().filter(|c| !c.is_whitespace()) {
            let digit = c.to_digit(10).filter(|_| digits < 8).ok_or_else(invalid)?;
            digits += 1;
            value = value * 10 + digit;
        }
        if matches!(digits, 6 | 8) { Ok(Self { digits, value }) } else { Err(invalid()) }
    }
}

impl fmt::Debug for OtpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtpCode(..)")
    }
}

impl Drop for OtpCode {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn six_or_eight_digits() {
        for (text, digits, value) in
            [("000000", 6, 0), ("123 456", 6, 123_456), (" 9999 9999 ", 8, 99_999_999), ("012345", 6, 12_345)]
        {
            let code: OtpCode = text.parse().expect("a code");
            assert_eq!((code.digits(), code.value()), (digits, value));
        }
        for wrong in ["", "12345", "1234567", "123456789", "12345a", "-12345", "１２３４５６", &"1".repeat(1_000)]
        {
            assert!(wrong.parse::<OtpCode>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_code_is_not_shown() {
        let code: OtpCode = "123456".parse().expect("a code");
        assert_eq!(format!("{code:?}"), "OtpCode(..)");
    }

    proptest! {
        #[test]
        fn every_value_is_read(value in 0_u32..1_000_000, wide in 0_u32..100_000_000) {
            let code: OtpCode = format!("{value:06}").parse().expect("six digits");
            prop_assert_eq!((code.digits(), code.value()), (6, value));
            let code: OtpCode = format!("{wide:08}").parse().expect("eight digits");
            prop_assert_eq!((code.digits(), code.value()), (8, wide));
        }
    }
}
