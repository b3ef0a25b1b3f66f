//! Whole numbers as JSON writes them.

use core::fmt;

use serde::{Deserializer, de};

/// Decodes a whole number, or none. `30.0` is one too: JSON has one kind of number, and JSON Schema takes each without a
/// fraction for an integer (2020-12, validation, section 6.1.1).
///
/// # Errors
/// For anything else, and beyond 32 bits.
pub(crate) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    deserializer.deserialize_any(Whole)
}

struct Whole;

impl de::Visitor<'_> for Whole {
    type Value = Option<u32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number of at most 32 bits")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Option<u32>, E> {
        let whole = u32::try_from(number).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))?;
        Ok(Some(whole))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Option<u32>, E> {
        if number.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&number) {
            return Err(E::invalid_value(de::Unexpected::Float(number), &self));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number that fits")]
        let whole = number as u32;
        Ok(Some(whole))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Option<u32>, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::{IntoDeserializer as _, value::Error};

    use super::*;

    #[test]
    fn inv_3_a_number_without_a_fraction_is_whole_however_it_is_written() {
        // INV-3
        let written = |number: f64| whole::<de::value::F64Deserializer<Error>>(number.into_deserializer());
        for (number, expected) in [(30.0, 30), (0.0, 0), (-0.0, 0), (4_294_967_295.0, u32::MAX)] {
            assert_eq!(written(number), Ok(Some(expected)), "{number}");
        }
        for number in [30.5, -1.0, 4_294_967_296.0, 1e300, f64::NAN, f64::INFINITY] {
            assert!(written(number).is_err(), "{number}");
        }
        let counted = |number: u64| whole::<de::value::U64Deserializer<Error>>(number.into_deserializer());
        assert_eq!(counted(30), Ok(Some(30)));
        assert!(counted(1 << 32).is_err());
        assert!(whole::<de::value::I64Deserializer<Error>>((-1_i64).into_deserializer()).is_err());
        assert_eq!(whole::<de::value::UnitDeserializer<Error>>(().into_deserializer()), Ok(None));
    }
}
