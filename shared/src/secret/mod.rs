//! Secrets: what must not be shown, kept or compared carelessly.
//!
//! Randomness is handed in as [`Entropy`]; keys come from one root secret ([`Keys`]); what links and cookies carry
//! is kept as a digest only ([`TokenDigest`]); what must be read again is sealed ([`Sealed`]).

mod digest;
mod keys;
mod sealed;
#[cfg(test)]
pub(crate) mod testing;
mod token;

pub(crate) use digest::hex;
pub use digest::{SecretDigest, base64url, digest256, digest256_hex, same};
pub use keys::{IndexPurpose, Keys, MacPurpose, SealPurpose};
pub use sealed::{NotOpened, Sealed};
pub use token::{PlainToken, SessionSecret, TokenDigest, TokenPurpose};

use core::fmt;

use zeroize::Zeroize;

/// A source of bytes that nobody can predict. The core draws no randomness of its own.
pub trait Entropy {
    /// Fills all of `bytes`. A source that cannot do that must stop the program: weak secrets are worse than none.
    fn fill(&mut self, bytes: &mut [u8]);
}

impl<E: Entropy + ?Sized> Entropy for &mut E {
    fn fill(&mut self, bytes: &mut [u8]) {
        (**self).fill(bytes);
    }
}

/// A secret value: never shown, never serialised, never compared with `==`, wiped when dropped.
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the value in.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one call that needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::testing::Seeded;
    use super::*;

    #[test]
    fn nothing_secret_is_shown() {
        // Invariant 6: a secret in a log or an error is a breach.
        let token = PlainToken::new([1; 16], &mut Seeded(1));
        let session = SessionSecret::random(&mut Seeded(2));
        let keys = Keys::new(&[7; 32], None).expect("32 bytes are enough");
        let shown = [
            format!("{:?}", Secret::new(vec![42_u8])),
            format!("{token:?}"),
            format!("{:?}", token.digest(TokenPurpose::Order)),
            format!("{session:?}"),
            format!("{keys:?}"),
            format!("{:?}", keys.seal(SealPurpose::Draft, b"", b"plain", &mut Seeded(3))),
            format!("{:?}", SecretDigest::of("key")),
        ];
        for text in shown {
            assert!(text.contains("(..)") || text.starts_with("Sealed(") || text.contains("Root(..)"), "{text}");
            assert!(!text.contains("42") && !text.contains(&token.reveal()), "{text}");
        }
    }

    #[test]
    fn a_borrowed_source_is_a_source() {
        let mut source = Seeded(1);
        let mut borrowed: &mut dyn Entropy = &mut source;
        let (mut first, mut second) = ([0; 8], [0; 8]);
        borrowed.fill(&mut first);
        Entropy::fill(&mut borrowed, &mut second);
        assert_ne!(first, second);
    }
}
