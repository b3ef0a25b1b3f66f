//! Webhooks: those that come in are verified (SHP-7), in the dialect of the partner's webstore; those that go out are signed
//! as Standard Webhooks 1.0.0 has it (MSG-3).
//!
//! A signature covers the raw bytes of the body. It is checked before anything decodes them, and a [`VerifiedWebhook`] is the
//! only way to the body from there on. What a header says counts only where the dialect signs that header too.

mod shopify;
mod standard;
mod stripe;

use core::fmt;
use core::str::FromStr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

pub use standard::signatures_of;

use crate::{
    refusal::Refusal,
    secret::{digest256, same},
    values::{ParseError, Seconds, Timestamp},
};

/// How far a webhook's time may lie from ours, before or after, in the dialects that sign a time.
pub const TOLERANCE: Seconds = Seconds::minutes(5);
/// Signatures that are looked at: one for each secret that a sender may have live, with room to spare.
const SIGNATURES_MAX: usize = 8;
/// Enough digits for every time there is.
const TIMESTAMP_DIGITS_MAX: usize = 12;
/// What a secret may have whose characters are the key: fewer are guessed, and nobody generates more.
const SECRET_CHARACTERS: core::ops::RangeInclusive<usize> = 24..=256;

/// How a partner's webstore signs (SHP-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Dialect {
    /// Standard Webhooks 1.0.0: id, time and body are signed.
    #[default]
    Standard,
    /// Stripe's: time and body are signed.
    Stripe,
    /// Shopify's: the body alone is signed.
    Shopify,
}

impl Dialect {
    /// Every dialect with the name that the configuration has for it.
    pub const NAMES: [(&'static str, Self); 3] =
        [("standard", Self::Standard), ("stripe", Self::Stripe), ("shopify", Self::Shopify)];

    /// Reads a secret of this dialect. The dialect has to be known first: a secret of Stripe's begins with `whsec_` too, and
    /// can be read as base64, but is a key as it stands.
    ///
    /// # Errors
    /// `webhook-secret-invalid`. Standard Webhooks demands `whsec_` and the base64 of 24 to 64 bytes, the others 24 to 256
    /// visible ASCII characters.
    pub fn secret(self, text: &str) -> Result<WebhookSecret, ParseError> {
        let key = match self {
            Self::Standard => standard::key(text.trim())?,
            Self::Stripe | Self::Shopify => verbatim(text.trim())?,
        };
        Ok(WebhookSecret { dialect: self, key: Zeroizing::new(key) })
    }
}

fn verbatim(text: &str) -> Result<Vec<u8>, ParseError> {
    let usable = SECRET_CHARACTERS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    let invalid = || ParseError::new("webhook-secret-invalid", "Give the secret as the webstore shows it.");
    usable.then(|| text.as_bytes().to_vec()).ok_or_else(invalid)
}

/// A secret that both sides of a webhook know. It knows its dialect, so that no key is ever used in two.
pub struct WebhookSecret {
    dialect: Dialect,
    key: Zeroizing<Vec<u8>>,
}

impl WebhookSecret {
    fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    fn claim<'a>(&self, raw: &RawWebhook<'a>) -> Option<Claim<'a>> {
        match self.dialect {
            Dialect::Standard => standard::claim(raw),
            Dialect::Stripe => stripe::claim(raw),
            Dialect::Shopify => shopify::claim(raw),
        }
    }
}

impl FromStr for WebhookSecret {
    type Err = ParseError;

    /// Reads a secret of Standard Webhooks: `whsec_` and the base64 of 24 to 64 bytes.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Dialect::Standard.secret(text)
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(..)")
    }
}

/// A webhook as it arrives; a header that is missing or repeated, or that the dialect does not have, is `None`.
#[derive(Debug, Clone, Copy)]
pub struct RawWebhook<'a> {
    /// `webhook-id`, of Standard Webhooks.
    pub id: Option<&'a str>,
    /// `webhook-timestamp`, Unix seconds, of Standard Webhooks.
    pub timestamp: Option<&'a str>,
    /// `webhook-signature` (one or more of `v1,<base64>`, separated by spaces), `stripe-signature` (`t=<Unix seconds>` and one
    /// or more of `v1=<hexadecimal>`, separated by commas) or `x-shopify-hmac-sha256` (base64).
    pub signature: Option<&'a str>,
    /// The raw bytes of the body.
    pub body: &'a [u8],
}

impl<'a> RawWebhook<'a> {
    /// Asks for the headers of this dialect, and for no other: what is not signed must not decide anything. `header` answers
    /// `None` for one that is missing or repeated.
    pub fn read(dialect: Dialect, header: impl Fn(&'static str) -> Option<&'a str>, body: &'a [u8]) -> Self {
        let signed_alone = |signature| Self { id: None, timestamp: None, signature: header(signature), body };
        match dialect {
            Dialect::Standard => Self {
                id: header("webhook-id"),
                timestamp: header("webhook-timestamp"),
                signature: header("webhook-signature"),
                body,
            },
            Dialect::Stripe => signed_alone("stripe-signature"),
            Dialect::Shopify => signed_alone("x-shopify-hmac-sha256"),
        }
    }
}

/// What a sender claims: that it signed these parts, when, and with which results.
struct Claim<'a> {
    signed: Vec<&'a [u8]>,
    /// `None` where the dialect signs no time.
    sent_at: Option<Timestamp>,
    signatures: Vec<Vec<u8>>,
}

/// A webhook whose signature and time were checked.
#[derive(Debug, Clone, Copy)]
pub struct VerifiedWebhook<'a> {
    body: &'a [u8],
}

impl<'a> VerifiedWebhook<'a> {
    /// Checks the signature against every live secret, then the time where the dialect signs one. How long it takes does not
    /// tell which secret or which byte was right.
    ///
    /// # Errors
    /// [`Refusal::WebhookNotVerified`] when a header is missing or malformed or no signature matches;
    /// [`Refusal::WebhookStale`] when the signature matches but its time is more than [`TOLERANCE`] off.
    pub fn verify(raw: &RawWebhook<'a>, secrets: &[WebhookSecret], now: Timestamp) -> Result<Self, Refusal> {
        let mut genuine = None;
        for secret in secrets {
            let Some(claim) = secret.claim(raw) else {
                continue;
            };
            let expected = secret.sign(&claim.signed);
            let mut matched = false;
            for signature in &claim.signatures {
                matched |= same(&expected, signature);
            }
            if matched {
                genuine = Some(claim.sent_at);
            }
        }
        match genuine {
            None => Err(Refusal::WebhookNotVerified),
            Some(Some(sent_at)) if now.since(sent_at) > TOLERANCE || sent_at.since(now) > TOLERANCE => {
                Err(Refusal::WebhookStale)
            }
            Some(_) => Ok(Self { body: raw.body }),
        }
    }

    /// The bytes that were signed.
    pub fn body(self) -> &'a [u8] {
        self.body
    }

    /// What tells the event from others: the SHA-256 of the signed body. A webstore that sends the same bytes again speaks of
    /// the same event, whatever its headers say; one that changes them in between (Stripe counts deliveries in them) is
    /// taken for another, which costs nothing, since an order's facts are idempotent.
    pub fn event_id(self) -> [u8; 32] {
        digest256(self.body)
    }
}

fn unix_seconds(text: &str) -> Option<Timestamp> {
    let digits = (1..=TIMESTAMP_DIGITS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).map(Timestamp::from_unix)
}

#[cfg(test)]
mod tests;
