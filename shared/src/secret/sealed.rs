//! Authenticated encryption of what must be read again: XChaCha20-Poly1305 with a random nonce.

use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Entropy;
use crate::values::ParseError;

const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const MIN_BYTES: usize = 1 + NONCE_BYTES + TAG_BYTES;

/// The most that a sealed value in a record may hold.
const MAX_BYTES: usize = 208 * 1024;

/// The most that a sealed value in a cookie, a form field or a link may hold.
const MAX_TEXT_CHARS: usize = 6 * 1024;

/// Sealed bytes: key generation (1 byte), nonce (24), ciphertext and tag (16). At most 208 KiB.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

/// The sealed value was not made by these keys for this purpose and place, or it was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOpened;

impl fmt::Display for NotOpened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sealed value could not be opened; start again from the page or message that gave it")
    }
}

impl core::error::Error for NotOpened {}

impl Sealed {
    /// Base64url without padding, for cookies, form fields and links.
    pub fn to_text(&self) -> String {
        Base64UrlUnpadded::encode_string(&self.0)
    }

    /// Reads [`Sealed::to_text`], at most 6 KiB of it.
    pub fn from_text(text: &str) -> Result<Self, ParseError> {
        Some(text)
            .filter(|text| text.len() <= MAX_TEXT_CHARS)
            .and_then(|text| Base64UrlUnpadded::decode_vec(text).ok())
            .and_then(Self::checked)
            .ok_or_else(|| ParseError::new("sealed-invalid", "Go back to the page before this one and try again."))
    }

    /// Encrypts with this key; the associated data and the generation must be the same again to open it.
    pub(super) fn seal(key: &[u8; 32], generation: u8, aad: &[u8], plain: &[u8], entropy: &mut dyn Entropy) -> Self {
        let mut nonce = [0; NONCE_BYTES];
        entropy.fill(&mut nonce);
        let bound = bound(generation, aad);
        let ciphertext = XChaCha20Poly1305::new(key.into())
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &bound })
            .expect("XChaCha20-Poly1305 fails only beyond 256 GiB, more than memory holds");
        Self([&[generation], nonce.as_slice(), &ciphertext].concat())
    }

    /// The generation of the key that sealed it, as the value claims.
    pub(super) fn generation(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// Decrypts with this key.
    pub(super) fn open(&self, key: &[u8; 32], aad: &[u8]) -> Result<Vec<u8>, NotOpened> {
        let (generation, rest) = self.0.split_first().ok_or(NotOpened)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(NotOpened)?;
        let bound = bound(*generation, aad);
        XChaCha20Poly1305::new(key.into())
            .decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: &bound })
            .map_err(|_| NotOpened)
    }

    fn checked(bytes: Vec<u8>) -> Option<Self> {
        (MIN_BYTES..=MAX_BYTES).contains(&bytes.len()).then_some(Self(bytes))
    }
}

/// The generation is bound too, so that no byte of a sealed value can be changed.
fn bound(generation: u8, aad: &[u8]) -> Vec<u8> {
    [&[generation], aad].concat()
}

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(SealedBytes)
    }
}

struct SealedBytes;

impl de::Visitor<'_> for SealedBytes {
    type Value = Sealed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MIN_BYTES} to {MAX_BYTES} sealed bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Sealed, E> {
        Sealed::checked(bytes.to_vec()).ok_or_else(|| E::invalid_length(bytes.len(), &self))
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::testing::Seeded;

    #[test]
    fn the_smallest_and_the_largest_text_are_read() {
        let text = |bytes: usize| Base64UrlUnpadded::encode_string(&vec![0; bytes]);
        let largest = MAX_TEXT_CHARS / 4 * 3;
        assert!(Sealed::from_text(&text(MIN_BYTES)).is_ok());
        assert!(Sealed::from_text(&text(MIN_BYTES - 1)).is_err());
        assert!(Sealed::from_text(&text(largest)).is_ok());
        assert!(Sealed::from_text(&text(largest + 1)).is_err());
        for wrong in ["", "=", "no spaces", "é", &format!("{}=", text(MIN_BYTES))] {
            assert!(Sealed::from_text(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_stored_value_of_impossible_length_is_refused() {
        let sealed = Sealed::seal(&[1; 32], 0, b"", b"", &mut Seeded(1));
        let bytes = postcard::to_allocvec(&sealed).expect("bytes");
        assert_eq!(postcard::from_bytes::<Sealed>(&bytes), Ok(sealed));
        for length in [0, MIN_BYTES - 1, MAX_BYTES + 1] {
            let bytes = postcard::to_allocvec(&vec![0_u8; length]).expect("bytes");
            assert!(postcard::from_bytes::<Sealed>(&bytes).is_err(), "{length}");
        }
    }
}
