//! Digests, and comparison that takes the same time whatever differs.

use core::fmt;
use core::str::FromStr;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::values::ParseError;

/// SHA-256.
pub fn digest256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Whether both are equal, in time that depends on their lengths only.
#[must_use]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// SHA-256 in lower-case hexadecimal: how the digest of a text is shown and recorded.
pub fn digest256_hex(bytes: &[u8]) -> String {
    hex(&digest256(bytes))
}

/// Base64url without padding (RFC 4648 5).
pub fn base64url(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// Lower-case hexadecimal of the bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// SHA-256 of a secret that nobody can guess (an API key, a client secret), as 64 hexadecimal characters.
///
/// Unkeyed and fast on purpose: only for secrets of 112 random bits or more, never for what a person chose.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct SecretDigest(String);

impl SecretDigest {
    /// The digest to put into the configuration for this secret.
    pub fn of(secret: &str) -> Self {
        Self(digest256_hex(secret.as_bytes()))
    }

    /// The digest in lower-case hexadecimal.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the digest of `secret`, in constant time.
    #[must_use]
    pub fn matches(&self, secret: &str) -> bool {
        same(self.0.as_bytes(), Self::of(secret).0.as_bytes())
    }
}

impl FromStr for SecretDigest {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err(ParseError::new("digest-invalid", "Give the SHA-256 of the secret as 64 hexadecimal characters."))
    }
}

impl TryFrom<String> for SecretDigest {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4, example "abc".
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn digests_are_plain_sha_256() {
        assert_eq!(digest256_hex(b"abc"), ABC);
        assert_eq!(base64url(&[0xFB, 0xFF]), "-_8");
    }

    #[test]
    fn inv_1_a_key_is_known_by_its_digest_only() {
        // INV-1
        let digest: SecretDigest = ABC.to_ascii_uppercase().parse().expect("64 hexadecimal characters");
        assert!(digest.matches("abc"));
        for wrong in ["abd", "ab", "abc ", "", ABC] {
            assert!(!digest.matches(wrong), "{wrong}");
        }
        assert_eq!(SecretDigest::of("abc").as_str(), ABC);
    }

    #[test]
    fn only_64_hexadecimal_characters_are_a_digest() {
        for wrong in ["", "abc", &ABC[..63], &format!("{ABC}0"), &ABC.replace('b', "g"), &format!(" {}", &ABC[..63])] {
            assert!(wrong.parse::<SecretDigest>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn comparison_needs_equal_lengths_and_bytes() {
        assert!(same(b"", b"") && same(b"ab", b"ab"));
        assert!(!same(b"ab", b"abc") && !same(b"ab", b"aB") && !same(b"", b"a"));
    }
}
