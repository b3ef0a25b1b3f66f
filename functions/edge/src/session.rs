//! What the session cookies carry, sealed: the session check needs no write, and one read.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared::{
    secret::{Entropy, Keys, SealPurpose, Sealed, SessionSecret},
    values::{AccountId, OperatorId, Seconds, Timestamp},
};

/// How old the cookie's time may be before it is written anew.
pub const REFRESH_AFTER: Seconds = Seconds(60);

/// A person's session cookie.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SessionCookie {
    /// Whose record holds the session.
    pub account: AccountId,
    secret: [u8; 16],
    /// When the person was last seen: the idle time counts from here.
    pub seen_at: Timestamp,
}

impl SessionCookie {
    /// A cookie for a session that begins or goes on now.
    pub fn new(account: AccountId, secret: &SessionSecret, now: Timestamp) -> Self {
        Self { account, secret: *secret.expose(), seen_at: now }
    }

    /// The session's secret.
    pub fn secret(&self) -> SessionSecret {
        SessionSecret::from_bytes(self.secret)
    }
}

/// An operator's session cookie.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OperatorCookie {
    /// Whose record holds the session.
    pub operator: OperatorId,
    secret: [u8; 16],
    /// When the operator was last seen: the idle time counts from here.
    pub seen_at: Timestamp,
}

impl OperatorCookie {
    /// A cookie for a session that begins or goes on now.
    pub fn new(operator: OperatorId, secret: &SessionSecret, now: Timestamp) -> Self {
        Self { operator, secret: *secret.expose(), seen_at: now }
    }

    /// The session's secret.
    pub fn secret(&self) -> SessionSecret {
        SessionSecret::from_bytes(self.secret)
    }
}

/// Seals a value into text, bound to the place it is for.
///
/// `None` when it cannot be encoded or is too long for a cookie or a form field.
pub fn seal_text<T: Serialize>(
    keys: &Keys,
    purpose: SealPurpose,
    place: &str,
    value: &T,
    rng: &mut dyn Entropy,
) -> Option<String> {
    let bytes = postcard::to_allocvec(value).ok()?;
    Some(keys.seal(purpose, place.as_bytes(), &bytes, rng).to_text())
}

/// Opens what [`seal_text`] sealed for the same place; `None` for anything else.
pub fn open_text<T: DeserializeOwned>(keys: &Keys, purpose: SealPurpose, place: &str, text: &str) -> Option<T> {
    let sealed = Sealed::from_text(text).ok()?;
    let bytes = keys.open(purpose, place.as_bytes(), &sealed).ok()?;
    postcard::from_bytes(&bytes).ok()
}
