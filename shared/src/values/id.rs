//! Identifiers: 16 bytes for what the system makes, slugs for what configuration names.

use core::fmt;
use core::str::FromStr;

use base32::Alphabet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::ParseError;
use crate::secret::Entropy;

/// RFC 4648 base32 in lower case, unpadded: survives mail programs and is read aloud without case.
const LOWER: Alphabet = Alphabet::Rfc4648Lower { padding: false };

const SLUG_MAX_CHARS: usize = 40;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        ///
        /// 16 bytes, shown as 26 lower-case base32 characters; text where people read it, bytes in records.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The identifier with these bytes: an index, or what a record's key holds.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            pub const fn bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// A fresh identifier that nobody can guess.
            pub fn random(entropy: &mut dyn Entropy) -> Self {
                let mut bytes = [0; 16];
                entropy.fill(&mut bytes);
                Self(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&base32_text(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = ParseError;

            /// Strict: exactly what `Display` gives.
            fn from_str(text: &str) -> Result<Self, ParseError> {
                exact_base32(text)
                    .map(Self)
                    .ok_or_else(|| ParseError::new("id-invalid", "Use the identifier exactly as you were given it."))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    return String::deserialize(deserializer)?.parse().map_err(de::Error::custom);
                }
                <[u8; 16]>::deserialize(deserializer).map(Self)
            }
        }
    )+};
}

ids! {
    /// Where the invitations of one e-mail address to one application live.
    InvitationSlotId,
    /// One registration of an organisation.
    RegistrationId,
    /// One organisation.
    OrganisationId,
    /// One person's account.
    AccountId,
    /// One credential of an account.
    CredentialId,
    /// One order in the webstore.
    OrderId,
    /// One licence, found by its key.
    LicenceId,
    /// The serial number of one hardware token, found by the number.
    SerialId,
    /// One batch of promo codes, found by the tag that they begin with.
    BatchId,
    /// Some of the promo codes of a batch.
    SheetId,
    /// One promo code within its sheet, found by the code.
    CouponId,
    /// One `OpenID Connect` authorization code.
    CodeId,
    /// One invitation of a person into an organisation.
    PersonInvitationId,
    /// One event on its way to a partner's endpoint.
    DeliveryId,
    /// One webhook of a webstore that was kept, since it could not be acted upon.
    DeadLetterId,
    /// One opened form; makes sending it twice harmless.
    FormId,
    /// One write to the store; tells a repeated write from a new one.
    WriteId,
    /// One message to a person.
    MessageId,
}

/// Bytes from lower-case unpadded base32, only when they encode to exactly this text.
pub(crate) fn exact_base32<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != (N * 8).div_ceil(5) {
        return None;
    }
    let bytes: [u8; N] = base32::decode(LOWER, text)?.try_into().ok()?;
    // The last character carries spare bits: two texts must not name one thing.
    (base32::encode(LOWER, &bytes) == text).then_some(bytes)
}

/// Lower-case unpadded base32 of the bytes.
pub(crate) fn base32_text(bytes: &[u8]) -> String {
    base32::encode(LOWER, bytes)
}

macro_rules! slugs {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        ///
        /// 1 to 40 of `a-z`, `0-9` and `-`, beginning with a letter.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The slug.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                slug(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseError;

            fn try_from(text: String) -> Result<Self, ParseError> {
                text.parse()
            }
        }
    )+};
}

slugs! {
    /// A partner, as configuration names it.
    PartnerId,
    /// An application, as configuration names it.
    ApplicationId,
    /// A product, as configuration names it.
    ProductId,
    /// An operator, as configuration names it.
    OperatorId,
}

fn slug(text: &str) -> Result<String, ParseError> {
    let shaped = text.len() <= SLUG_MAX_CHARS
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if shaped {
        return Ok(text.to_owned());
    }
    Err(ParseError::new(
        "name-invalid",
        format!("Use 1 to {SLUG_MAX_CHARS} lower-case letters, digits and dashes, beginning with a letter."),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::testing::Seeded;
    use proptest::prelude::*;

    #[test]
    fn an_id_has_one_text() {
        let id = AccountId::from_bytes([0xFF; 16]);
        let text = id.to_string();
        assert_eq!(text, "77777777777777777777777774");
        for wrong in ["", "7", &format!("{text}7"), "77777777777777777777777775", "7777777777777777777777777 "] {
            assert!(wrong.parse::<AccountId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_id_in_capitals_is_not_one() {
        assert!("a".repeat(26).parse::<AccountId>().is_ok());
        assert!("A".repeat(26).parse::<AccountId>().is_err());
    }

    #[test]
    fn random_ids_differ_and_debug_names_their_kind() {
        let mut entropy = Seeded(1);
        assert_ne!(OrderId::random(&mut entropy), OrderId::random(&mut entropy));
        assert!(format!("{:?}", FormId::from_bytes([0; 16])).starts_with("FormId(aaaa"));
    }

    #[test]
    fn slugs_at_both_sides_of_every_limit() {
        for good in ["a", "a-b", "z9-", &"a".repeat(40)] {
            let slug: PartnerId = good.parse().expect("a slug");
            assert_eq!(slug.as_str(), good);
            assert_eq!(slug.to_string(), good);
        }
        for wrong in ["", "9a", "-a", "A", "a b", "a_b", "ä", " a", &"a".repeat(41)] {
            assert!(wrong.parse::<ApplicationId>().is_err(), "{wrong}");
            let stored = postcard::to_allocvec(wrong).expect("text");
            assert!(postcard::from_bytes::<ProductId>(&stored).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn ids_survive_text_and_record(bytes: [u8; 16]) {
            let id = RegistrationId::from_bytes(bytes);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            let stored = postcard::to_allocvec(&id).expect("bytes");
            prop_assert_eq!(stored.as_slice(), bytes.as_slice());
            prop_assert_eq!(postcard::from_bytes(&stored), Ok(id));
        }

        #[test]
        fn a_text_that_parses_is_the_ids_own(text in "[a-z2-7]{26}") {
            if let Ok(id) = text.parse::<CodeId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
