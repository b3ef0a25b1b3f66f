//! Licence keys: 100 random bits and a character that catches typing errors.
//!
//! The 21 symbols are read as elements of GF(32) and weighted with 21 different powers of a generator; a key is
//! well formed when the weighted sum is zero. A wrong symbol changes the sum because no weight is zero; two
//! exchanged symbols change it because no two weights are equal. So every single error and every exchange of any
//! two symbols is caught, and the check character stays within the alphabet that people already type.

use core::fmt;
use core::str::FromStr;

use zeroize::{Zeroize, Zeroizing};

use super::{ParseError, symbols};
use crate::secret::Entropy;

const SYMBOLS: usize = 21;

/// x^5 + x^2 + 1, primitive over GF(2): its root has order 31, enough for 21 different weights.
const MODULUS: u8 = 0b10_0101;

/// A licence key, shown as `XXXXX-XXXXX-XXXXX-XXXXX-C`. Never serialised: a record keeps its index only.
#[derive(Clone)]
pub struct LicenceKey([u8; SYMBOLS]);

impl LicenceKey {
    /// A fresh key of 100 random bits.
    pub fn random(entropy: &mut dyn Entropy) -> Self {
        let mut values: Zeroizing<[u8; SYMBOLS]> = symbols::random_values(entropy);
        let [data @ .., check] = &mut *values;
        *check = weighted_sum(data);
        Self(symbols::symbols(&values))
    }

    /// The key as it is handed out.
    pub fn reveal(&self) -> String {
        symbols::grouped(&self.0, &[5, 5, 5, 5, 1])
    }

    /// The one spelling that indexes use: upper case, without dashes, with the check character.
    pub const fn canonical(&self) -> [u8; SYMBOLS] {
        self.0
    }
}

/// The sum of the values, the last weighted with the generator, each one before it with one power more.
fn weighted_sum(values: &[u8]) -> u8 {
    values.iter().fold(0, |sum, value| doubled(sum ^ value))
}

/// The product with the generator in GF(32).
const fn doubled(value: u8) -> u8 {
    let product = value << 1;
    if product & 0b10_0000 == 0 { product } else { product ^ MODULUS }
}

impl FromStr for LicenceKey {
    type Err = ParseError;

    /// Case, dashes and spaces are ignored; O reads as 0, I and L read as 1.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let values: Zeroizing<[u8; SYMBOLS]> = symbols::read_values(text).ok_or_else(|| {
            ParseError::new("licence-key-invalid", "Enter the 21 letters and digits of the licence key.")
        })?;
        let [data @ .., check] = &*values;
        if weighted_sum(data) != *check {
            return Err(ParseError::new(
                "licence-key-mistyped",
                "A character of the licence key is wrong. Compare it with the e-mail, or copy it from there.",
            ));
        }
        Ok(Self(symbols::symbols(&values)))
    }
}

impl fmt::Debug for LicenceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LicenceKey(..)")
    }
}

impl Drop for LicenceKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::testing::Seeded;
    use proptest::prelude::*;

    const ALPHABET: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    fn key(seed: u64) -> LicenceKey {
        LicenceKey::random(&mut Seeded(seed))
    }

    fn reads(symbols: &[u8]) -> bool {
        String::from_utf8_lossy(symbols).parse::<LicenceKey>().is_ok()
    }

    #[test]
    fn shp_6_the_form_of_a_key() {
        // SHP-6
        let text = key(1).reveal();
        let groups: Vec<usize> = text.split('-').map(str::len).collect();
        assert_eq!(groups, [5, 5, 5, 5, 1]);
        assert_eq!(format!("{:?}", key(1)), "LicenceKey(..)");
        let fault = |text: &str| text.parse::<LicenceKey>().map(|key| key.canonical()).map_err(|error| error.code);
        assert_eq!(fault(&text), Ok(key(1).canonical()));
        for wrong in ["", &text[..22], &format!("{text}0"), &text.replacen(|c| c != '-', "U", 1)] {
            assert_eq!(fault(wrong), Err("licence-key-invalid"), "{wrong}");
        }
    }

    #[test]
    fn shp_6_keys_are_read_as_people_type_them() {
        // SHP-6: zeros and ones may be typed as letters.
        let zeros: LicenceKey = "o".repeat(21).parse().expect("all zero is well formed");
        assert_eq!(zeros.canonical(), [b'0'; 21]);
        let text = key(3).reveal();
        for same in [
            text.to_lowercase(),
            text.replace('-', ""),
            text.replace('-', " "),
            text.replace('0', "O").replace('1', "l"),
        ] {
            assert_eq!(same.parse::<LicenceKey>().expect("the same key").canonical(), key(3).canonical(), "{same}");
        }
    }

    #[test]
    fn shp_6_no_weight_is_zero_and_no_two_are_equal() {
        // SHP-6: the sum is linear over GF(32), so these two facts prove that every single error and every exchange
        // of two symbols changes it, for every key.
        let weight = |place: usize, value: u8| {
            let mut values = [0; SYMBOLS];
            *values.get_mut(place).expect("a place") = value;
            let [data @ .., check] = values;
            weighted_sum(&data) ^ check
        };
        for difference in 1..32 {
            for place in 0..SYMBOLS {
                assert_ne!(weight(place, difference), 0, "wrong symbol at {place}");
                for other in 0..place {
                    assert_ne!(weight(place, difference), weight(other, difference), "exchange of {other} and {place}");
                }
            }
        }
    }

    #[test]
    fn shp_6_the_sum_is_linear() {
        // SHP-6: what the proof above relies on.
        for (one, other) in [(key(1), key(2)), (key(3), key(4))] {
            let sum: Vec<u8> = values(&one).iter().zip(values(&other)).map(|(a, b)| a ^ b).collect();
            let [data @ .., check] = sum.as_slice() else { panic!("21 values") };
            assert_eq!(weighted_sum(data), *check);
        }
    }

    fn values(key: &LicenceKey) -> Vec<u8> {
        let place = |symbol: u8| ALPHABET.find(char::from(symbol)).and_then(|place| u8::try_from(place).ok());
        key.canonical().into_iter().filter_map(place).collect()
    }

    proptest! {
        #[test]
        fn keys_survive_their_text(seed: u64) {
            let read: LicenceKey = key(seed).reveal().parse().expect("its own text");
            prop_assert_eq!(read.canonical(), key(seed).canonical());
        }

        #[test]
        fn shp_6_every_wrong_character_is_caught(seed: u64, place in 0..SYMBOLS) {
            // SHP-6
            for symbol in ALPHABET.bytes() {
                let mut typed = key(seed).canonical();
                let wrong = std::mem::replace(typed.get_mut(place).expect("a place"), symbol) != symbol;
                prop_assert_eq!(reads(&typed), !wrong);
            }
        }

        #[test]
        fn shp_6_every_exchange_is_caught(seed: u64, one in 0..SYMBOLS, other in 0..SYMBOLS) {
            // SHP-6: neighbours and any other two.
            let mut typed = key(seed).canonical();
            typed.swap(one, other);
            prop_assert_eq!(reads(&typed), typed == key(seed).canonical());
        }
    }
}
