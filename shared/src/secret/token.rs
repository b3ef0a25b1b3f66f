//! Tokens in links and cookies: the holder has the plain token, the record its digest.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroize;

use super::{Entropy, same};
use crate::values::ParseError;
use crate::values::id::{base32_text, exact_base32};

/// What a token is for. A digest made for one purpose never matches for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenPurpose {
    /// The link in an invitation.
    Invitation,
    /// The link in an activation e-mail.
    Activation,
    /// The link to an order of a guest.
    Order,
    /// A signed-in session.
    Session,
    /// A session after its second factor.
    StepUp,
    /// An `OpenID Connect` authorization code.
    AuthorizationCode,
    /// The link with which a forgotten password is replaced.
    Reset,
    /// The link that confirms a mailbox.
    Mailbox,
    /// The link under which a registration is followed.
    RegistrationStatus,
    /// The link under which an operator enrols.
    OperatorEnrolment,
    /// The link of a person whom an organisation's administrator invites.
    PersonInvitation,
}

impl TokenPurpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Invitation => b"vestibule/v1/token/invitation",
            Self::Activation => b"vestibule/v1/token/activation",
            Self::Order => b"vestibule/v1/token/order",
            Self::Session => b"vestibule/v1/token/session",
            Self::StepUp => b"vestibule/v1/token/step-up",
            Self::AuthorizationCode => b"vestibule/v1/token/authorization-code",
            Self::Reset => b"vestibule/v1/token/reset",
            Self::Mailbox => b"vestibule/v1/token/mailbox",
            Self::RegistrationStatus => b"vestibule/v1/token/registration-status",
            Self::PersonInvitation => b"vestibule/v1/token/person-invitation",
            Self::OperatorEnrolment => b"vestibule/v1/token/operator-enrolment",
        }
    }
}

/// A token as its holder has it: the id of a record and 128 random bits, 52 lower-case base32 characters.
#[derive(Clone)]
pub struct PlainToken {
    record: [u8; 16],
    secret: [u8; 16],
}

impl PlainToken {
    /// A fresh token for this record.
    pub fn new(record: [u8; 16], entropy: &mut dyn Entropy) -> Self {
        let mut secret = [0; 16];
        entropy.fill(&mut secret);
        Self { record, secret }
    }

    /// The token of this record whose secret part follows from what caused it, so that a repetition of the cause has it too.
    /// Whoever can name the cause has the token: `secret` is a keyed index of something that nobody can guess.
    pub const fn of_cause(record: [u8; 16], secret: [u8; 16]) -> Self {
        Self { record, secret }
    }

    /// The record that the token opens, if it is the right one.
    pub const fn record(&self) -> [u8; 16] {
        self.record
    }

    /// The token's text, for the one message or response that carries it.
    pub fn reveal(&self) -> String {
        base32_text([self.record, self.secret].as_flattened())
    }

    /// What the record keeps.
    pub fn digest(&self, purpose: TokenPurpose) -> TokenDigest {
        TokenDigest::of(purpose, [self.record, self.secret].as_flattened())
    }
}

impl FromStr for PlainToken {
    type Err = ParseError;

    /// Strict: exactly what [`PlainToken::reveal`] gives.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let invalid = || ParseError::new("token-invalid", "Open the link from the latest message again.");
        let mut bytes: [u8; 32] = exact_base32(text).ok_or_else(invalid)?;
        let ([record, secret], []) = bytes.as_chunks::<16>() else {
            return Err(invalid());
        };
        let token = Self { record: *record, secret: *secret };
        bytes.zeroize();
        Ok(token)
    }
}

impl fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainToken(..)")
    }
}

impl Drop for PlainToken {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

/// SHA-256 of a token and its purpose: what a record keeps. Tokens are random, so no slow hash is needed.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    fn of(purpose: TokenPurpose, token: &[u8]) -> Self {
        // Both lengths are fixed for a purpose, so no separator is needed between them.
        Self(Sha256::new().chain_update(purpose.label()).chain_update(token).finalize().into())
    }

    /// Whether this is the digest of `token` for `purpose`, in constant time.
    #[must_use]
    pub fn matches(&self, token: &PlainToken, purpose: TokenPurpose) -> bool {
        *self == token.digest(purpose)
    }
}

impl PartialEq for TokenDigest {
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl Eq for TokenDigest {}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(..)")
    }
}

/// The secret of one session: 128 random bits inside the sealed cookie; the account keeps its digest.
#[derive(Clone)]
pub struct SessionSecret([u8; 16]);

impl SessionSecret {
    /// A fresh secret, for each sign-in and each step-up.
    pub fn random(entropy: &mut dyn Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// The secret from an opened cookie.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be sealed into the cookie.
    pub const fn expose(&self) -> &[u8; 16] {
        &self.0
    }

    /// What the account keeps.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(TokenPurpose::Session, &self.0)
    }

    /// Whether `digest` is this secret's, in constant time.
    #[must_use]
    pub fn matches(&self, digest: &TokenDigest) -> bool {
        self.digest() == *digest
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(..)")
    }
}

impl Drop for SessionSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::testing::Seeded;
    use proptest::prelude::*;

    const PURPOSES: [TokenPurpose; 9] = [
        TokenPurpose::Invitation,
        TokenPurpose::Activation,
        TokenPurpose::Order,
        TokenPurpose::Session,
        TokenPurpose::StepUp,
        TokenPurpose::AuthorizationCode,
        TokenPurpose::Reset,
        TokenPurpose::Mailbox,
        TokenPurpose::RegistrationStatus,
    ];

    #[test]
    fn inv_5_a_token_matches_its_own_digest_only() {
        // INV-5, ACT-3: the record keeps a digest, bound to its purpose.
        let token = PlainToken::new([1; 16], &mut Seeded(1));
        let other_secret = PlainToken::new([1; 16], &mut Seeded(2));
        let other_record = PlainToken { record: [2; 16], secret: token.secret };
        for kept in PURPOSES {
            for asked in PURPOSES {
                assert_eq!(token.digest(kept).matches(&token, asked), kept == asked, "{kept:?} {asked:?}");
            }
            assert!(!token.digest(kept).matches(&other_secret, kept));
            assert!(!token.digest(kept).matches(&other_record, kept));
        }
    }

    #[test]
    fn garbled_tokens_are_not_tokens() {
        let text = PlainToken::new([1; 16], &mut Seeded(1)).reveal();
        assert_eq!(text.len(), 52);
        let last = text.chars().last().expect("52 characters");
        let spare_bit_set = char::from(u8::try_from(last).expect("ASCII") + 1);
        for wrong in [
            String::new(),
            text.to_uppercase(),
            format!("{text}="),
            format!(" {text}"),
            text.replacen(|c: char| c.is_ascii_lowercase(), "1", 1),
            text.chars().take(51).collect(),
            text.chars().take(51).chain([spare_bit_set]).collect(),
            "é".repeat(26),
        ] {
            assert!(wrong.parse::<PlainToken>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn sig_2_a_session_is_known_by_its_digest_only() {
        // SIG-2
        let secret = SessionSecret::random(&mut Seeded(1));
        let reopened = SessionSecret::from_bytes(*secret.expose());
        assert!(reopened.matches(&secret.digest()));
        assert!(!SessionSecret::random(&mut Seeded(2)).matches(&secret.digest()));
        // A link token is never a session: both lengths and labels differ.
        let token = PlainToken { record: [0; 16], secret: *secret.expose() };
        assert!(!secret.matches(&token.digest(TokenPurpose::Session)));
    }

    proptest! {
        #[test]
        fn tokens_survive_their_text(record: [u8; 16], seed: u64) {
            let token = PlainToken::new(record, &mut Seeded(seed));
            let read: PlainToken = token.reveal().parse().expect("its own text");
            prop_assert_eq!(read.record(), record);
            prop_assert_eq!(read.reveal(), token.reveal());
            prop_assert!(token.digest(TokenPurpose::Invitation).matches(&read, TokenPurpose::Invitation));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
            let _ = text.parse::<PlainToken>();
        }
    }
}
