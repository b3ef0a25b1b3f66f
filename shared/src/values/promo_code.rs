//! Promo codes: the tag of their batch, and 65 random bits that a person can type.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroize;

use super::{ParseError, symbols};

const TAG_SYMBOLS: usize = 5;
/// Five bits each: 65.
const RANDOM_SYMBOLS: usize = 13;
const SYMBOLS: usize = TAG_SYMBOLS + RANDOM_SYMBOLS;

/// What all codes of a batch begin with: five symbols, of which there are 33 million. It names the batch and is no secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BatchTag([u8; TAG_SYMBOLS]);

impl BatchTag {
    /// The tag that the bytes lead to: five bits of each.
    pub fn of_bytes(bytes: &[u8; TAG_SYMBOLS]) -> Self {
        Self(symbols::symbols(&bytes.map(|byte| byte & 31)))
    }

    /// The symbols, in upper case.
    pub const fn symbols(&self) -> &[u8; TAG_SYMBOLS] {
        &self.0
    }
}

impl fmt::Display for BatchTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|symbol| write!(f, "{}", char::from(*symbol)))
    }
}

impl fmt::Debug for BatchTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BatchTag({self})")
    }
}

impl Serialize for BatchTag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for BatchTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let symbols = <[u8; TAG_SYMBOLS]>::deserialize(deserializer)?;
        if symbols.iter().all(|symbol| symbols::is_symbol(*symbol)) {
            return Ok(Self(symbols));
        }
        Err(de::Error::custom("no tag of a batch"))
    }
}

/// A promo code, shown as `TTTTT-XXXX-XXXX-XXXXX`. Never serialised: a record is found by the code's index.
#[derive(Clone)]
pub struct PromoCode([u8; SYMBOLS]);

impl PromoCode {
    /// The code of this batch that the random bytes lead to: five bits of each.
    pub fn new(tag: BatchTag, random: &[u8; RANDOM_SYMBOLS]) -> Self {
        let mut code = [0; SYMBOLS];
        let mut rest = symbols::symbols(&random.map(|byte| byte & 31));
        code.iter_mut().zip(tag.0.iter().chain(&rest)).for_each(|(to, from)| *to = *from);
        rest.zeroize();
        Self(code)
    }

    /// What names its batch.
    pub fn tag(&self) -> BatchTag {
        BatchTag(self.0.first_chunk().copied().unwrap_or_default())
    }

    /// The code as it is handed out.
    pub fn reveal(&self) -> String {
        symbols::grouped(&self.0, &[TAG_SYMBOLS, 4, 4, 5])
    }

    /// The one spelling that indexes use: upper case, without dashes.
    pub const fn canonical(&self) -> &[u8; SYMBOLS] {
        &self.0
    }
}

impl FromStr for PromoCode {
    type Err = ParseError;

    /// Case, dashes and spaces are ignored; O reads as 0, I and L read as 1.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        symbols::read_values(text)
            .map(|values| Self(symbols::symbols(&values)))
            .ok_or_else(|| ParseError::new("promo-code-invalid", "Enter the 18 letters and digits of the promo code."))
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
    use proptest::prelude::*;

    #[test]
    fn shp_2_codes_are_read_as_people_type_them() {
        // SHP-2
        let code: PromoCode = "7K2QD-0123-4567-89ABC".parse().expect("a code");
        assert_eq!(code.canonical(), b"7K2QD0123456789ABC");
        assert_eq!((code.tag().to_string().as_str(), code.tag().symbols()), ("7K2QD", b"7K2QD"));
        for same in [
            "7k2qd0123456789abc",
            "7k2qd-o123-4567-89abc",
            "7K2QD Oi23 4567 89ABC",
            "7K2QD-0L23-4567-89Abc",
            " 7-K-2-Q-D-0-1-2-3-4-5-6-7-8-9-A-B-C ",
        ] {
            assert_eq!(same.parse::<PromoCode>().expect("a code").canonical(), code.canonical(), "{same}");
        }
        for wrong in [
            "",
            "0123-4567-89ABC",
            "7K2QD-0123-4567-89AB",
            "7K2QD-0123-4567-89ABCD",
            "7K2QD-0123-4567-89ABU",
            "7K2QD_0123_4567_89ABC",
            "7K2QD-0123-4567-89AB\u{410}",
        ] {
            assert!(wrong.parse::<PromoCode>().is_err(), "{wrong}");
        }
        assert_eq!(format!("{code:?}"), "PromoCode(..)");
    }

    #[test]
    fn shp_2_a_stored_tag_has_symbols_only() {
        // SHP-2
        let tag = BatchTag::of_bytes(&[7, 19, 34, 255, 13]);
        assert_eq!(format!("{tag:?}"), "BatchTag(7K2ZD)");
        let bytes = postcard::to_allocvec(&tag).expect("five bytes");
        assert_eq!(bytes, b"7K2ZD");
        assert_eq!(postcard::from_bytes::<BatchTag>(&bytes), Ok(tag));
        assert!(
            postcard::from_bytes::<BatchTag>(b"7K2UD").is_err() && postcard::from_bytes::<BatchTag>(b"7K2zD").is_err()
        );
    }

    proptest! {
        #[test]
        fn shp_2_every_symbol_says_five_of_the_bits(tag: [u8; 5], random: [u8; 13], place in 0..13_usize, bit in 0..5_u8) {
            // SHP-2: 13 symbols of 5 bits are 65 bits.
            let code = PromoCode::new(BatchTag::of_bytes(&tag), &random);
            let read: PromoCode = code.reveal().to_lowercase().parse().expect("its own text");
            prop_assert_eq!(read.canonical(), code.canonical());
            prop_assert_eq!((read.reveal(), read.tag()), (code.reveal(), BatchTag::of_bytes(&tag)));
            let mut other = random;
            other.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1 << bit);
            let other = PromoCode::new(BatchTag::of_bytes(&tag), &other);
            prop_assert_ne!(other.canonical(), code.canonical());
        }
    }
}
