//! Promo codes: 65 random bits that a person can type.

use core::fmt;
use core::str::FromStr;

use zeroize::Zeroize;

use super::{ParseError, symbols};
use crate::secret::Entropy;

const SYMBOLS: usize = 13;

/// A promo code, shown as `XXXX-XXXX-XXXXX`. Never serialised: a record is found by the code's index.
#[derive(Clone)]
pub struct PromoCode([u8; SYMBOLS]);

impl PromoCode {
    /// A fresh code of 65 random bits.
    pub fn random(entropy: &mut dyn Entropy) -> Self {
        Self(symbols::symbols(&symbols::random_values(entropy)))
    }

    /// The code as it is handed out.
    pub fn reveal(&self) -> String {
        symbols::grouped(&self.0, &[4, 4, 5])
    }

    /// The one spelling that indexes use: upper case, without dashes.
    pub const fn canonical(&self) -> [u8; SYMBOLS] {
        self.0
    }
}

impl FromStr for PromoCode {
    type Err = ParseError;

    /// Case, dashes and spaces are ignored; O reads as 0, I and L read as 1.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        symbols::read_values(text)
            .map(|values| Self(symbols::symbols(&values)))
            .ok_or_else(|| ParseError::new("promo-code-invalid", "Enter the 13 letters and digits of the promo code."))
    }
}

impl fmt::Debug for PromoCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PromoCode(..)")
    }
}

impl Drop for PromoCode {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::testing::Seeded;
    use proptest::prelude::*;

    #[test]
    fn shp_2_codes_are_read_as_people_type_them() {
        // SHP-2
        let code: PromoCode = "0123-4567-89ABC".parse().expect("a code");
        assert_eq!(&code.canonical(), b"0123456789ABC");
        for same in
            ["0123456789abc", "o123-4567-89abc", "Oi23 4567 89ABC", "0L23-4567-89Abc", " 0-1-2-3-4-5-6-7-8-9-A-B-C "]
        {
            assert_eq!(same.parse::<PromoCode>().expect("a code").canonical(), code.canonical(), "{same}");
        }
        for wrong in
            ["", "0123-4567-89AB", "0123-4567-89ABCD", "0123-4567-89ABU", "0123_4567_89ABC", "0123-4567-89AB\u{410}"]
        {
            assert!(wrong.parse::<PromoCode>().is_err(), "{wrong}");
        }
        assert_eq!(format!("{code:?}"), "PromoCode(..)");
    }

    #[test]
    fn shp_2_every_symbol_is_random() {
        // SHP-2: 13 symbols of 5 bits are 65 bits; each must take all its values.
        let mut seen = [0_u32; SYMBOLS];
        let mut entropy = Seeded(1);
        for _ in 0..2_000 {
            for (seen, symbol) in seen.iter_mut().zip(PromoCode::random(&mut entropy).canonical()) {
                let letter = char::from(symbol);
                *seen |= 1 << "0123456789ABCDEFGHJKMNPQRSTVWXYZ".find(letter).expect("one of the symbols");
            }
        }
        assert!(seen.iter().all(|seen| *seen == u32::MAX));
    }

    proptest! {
        #[test]
        fn codes_survive_their_text(seed: u64) {
            let code = PromoCode::random(&mut Seeded(seed));
            let read: PromoCode = code.reveal().to_lowercase().parse().expect("its own text");
            prop_assert_eq!(read.canonical(), code.canonical());
            prop_assert_eq!(read.reveal(), code.reveal());
        }
    }
}
