//! Webhooks, signed as the Standard Webhooks specification 1.0.0 says: those that come in (SHP-7) are verified, those that
//! go out (MSG-3) are signed.
//!
//! The signature covers id, time and the raw bytes of the body. It is checked before anything decodes them, and a
//! [`VerifiedWebhook`] is the only way to the body from there on.

use core::fmt;
use core::str::FromStr;

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    refusal::Refusal,
    secret::same,
    values::{ParseError, Seconds, Timestamp},
};

/// How far a webhook's time may lie from ours, before or after.
pub const TOLERANCE: Seconds = Seconds::minutes(5);
/// Signatures that are looked at: one for each secret that a sender may have live, with room to spare.
const SIGNATURES_MAX: usize = 8;
const ID_BYTES_MAX: usize = 256;
/// Enough digits for every time there is.
const TIMESTAMP_DIGITS_MAX: usize = 12;
const SECRET_PREFIX: &str = "whsec_";
/// What the specification demands of a secret, in bytes.
const SECRET_BYTES: core::ops::RangeInclusive<usize> = 24..=64;

/// A secret that both sides of a webhook know.
pub struct WebhookSecret(Zeroizing<Vec<u8>>);

impl FromStr for WebhookSecret {
    type Err = ParseError;

    /// Reads `whsec_` and the base64 of 24 to 64 bytes.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        text.trim()
            .strip_prefix(SECRET_PREFIX)
            .and_then(|encoded| Base64::decode_vec(encoded).ok())
            .map(Zeroizing::new)
            .filter(|bytes| SECRET_BYTES.contains(&bytes.len()))
            .map(Self)
            .ok_or_else(|| {
                ParseError::new("webhook-secret-invalid", "Give whsec_ and the base64 of 24 to 64 random bytes.")
            })
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(..)")
    }
}

/// A webhook as it arrives; a header that is missing or repeated is `None`.
#[derive(Debug, Clone, Copy)]
pub struct RawWebhook<'a> {
    /// `webhook-id`.
    pub id: Option<&'a str>,
    /// `webhook-timestamp`, Unix seconds.
    pub timestamp: Option<&'a str>,
    /// `webhook-signature`: one or more of `v1,<base64>`, separated by spaces.
    pub signature: Option<&'a str>,
    /// The raw bytes of the body.
    pub body: &'a [u8],
}

/// A webhook whose signature and time were checked.
#[derive(Debug, Clone, Copy)]
pub struct VerifiedWebhook<'a> {
    body: &'a [u8],
}

impl<'a> VerifiedWebhook<'a> {
    /// Checks the signature against every live secret, then the time. How long it takes does not tell which secret or
    /// which byte was right.
    ///
    /// # Errors
    /// [`Refusal::WebhookNotVerified`] when a header is missing or malformed or no signature matches;
    /// [`Refusal::WebhookStale`] when the signature matches but its time is more than [`TOLERANCE`] off.
    pub fn verify(raw: &RawWebhook<'a>, secrets: &[WebhookSecret], now: Timestamp) -> Result<Self, Refusal> {
        let id = raw.id.filter(|id| well_formed_id(id)).ok_or(Refusal::WebhookNotVerified)?;
        let timestamp = raw.timestamp.ok_or(Refusal::WebhookNotVerified)?;
        let sent_at = unix_seconds(timestamp).ok_or(Refusal::WebhookNotVerified)?;
        let presented = signatures(raw.signature.ok_or(Refusal::WebhookNotVerified)?);
        let mut matched = false;
        for secret in secrets {
            let expected = sign(secret, id, timestamp, raw.body);
            for signature in &presented {
                matched |= same(&expected, signature);
            }
        }
        if !matched {
            return Err(Refusal::WebhookNotVerified);
        }
        if now.since(sent_at) > TOLERANCE || sent_at.since(now) > TOLERANCE {
            return Err(Refusal::WebhookStale);
        }
        Ok(Self { body: raw.body })
    }

    /// The bytes that were signed.
    pub fn body(self) -> &'a [u8] {
        self.body
    }
}

/// Visible ASCII without the full stop that separates the signed parts.
fn well_formed_id(id: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.')
}

fn unix_seconds(text: &str) -> Option<Timestamp> {
    let digits = (1..=TIMESTAMP_DIGITS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).map(Timestamp::from_unix)
}

/// The symmetric signatures; those of other schemes are left out, so that a sender can add one.
fn signatures(header: &str) -> Vec<Vec<u8>> {
    header
        .split(' ')
        .filter_map(|one| one.strip_prefix("v1,"))
        .take(SIGNATURES_MAX)
        .filter_map(|encoded| Base64::decode_vec(encoded).ok())
        .collect()
}

/// The `webhook-signature` of a webhook that goes out: one signature for each live secret, so that the receiver can replace
/// its secret at any time (MSG-3).
pub fn signatures_of(secrets: &[WebhookSecret], id: &str, at: Timestamp, body: &[u8]) -> String {
    let timestamp = at.unix().to_string();
    let signed = |secret| format!("v1,{}", Base64::encode_string(&sign(secret, id, &timestamp, body)));
    secrets.iter().map(signed).collect::<Vec<_>>().join(" ")
}

fn sign(secret: &WebhookSecret, id: &str, timestamp: &str, body: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).expect("HMAC takes keys of any length");
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector that the reference libraries of the specification share.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const SENT_AT: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const FOREIGN: &str = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";

    const VECTOR: RawWebhook<'static> =
        RawWebhook { id: Some(ID), timestamp: Some("1614265330"), signature: Some(SIGNATURE), body: BODY };

    fn secret(text: &str) -> WebhookSecret {
        text.parse().expect("a secret")
    }

    fn verify(raw: &RawWebhook<'_>, secrets: &[WebhookSecret], at: i64) -> Result<Vec<u8>, Refusal> {
        VerifiedWebhook::verify(raw, secrets, Timestamp::from_unix(at)).map(|webhook| webhook.body().to_vec())
    }

    #[test]
    fn shp_7_the_specifications_vector() {
        // SHP-7
        assert_eq!(verify(&VECTOR, &[secret(SECRET)], SENT_AT), Ok(BODY.to_vec()));
    }

    #[test]
    fn shp_7_one_of_several_signatures_and_one_of_several_secrets_are_enough() {
        // SHP-7: two secrets are live during rotation.
        let other = secret("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
        let several = format!("{FOREIGN} v2,{FOREIGN} v1a,AAAA {SIGNATURE} {FOREIGN}");
        let raw = RawWebhook { signature: Some(&several), ..VECTOR };
        assert!(verify(&raw, &[other, secret(SECRET)], SENT_AT).is_ok());
    }

    #[test]
    fn shp_7_everything_that_was_signed_counts() {
        // SHP-7
        let foreign = secret("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
        let bare = SIGNATURE.trim_start_matches("v1,");
        let shortened = SIGNATURE.get(..20).expect("longer than that");
        for raw in [
            RawWebhook { body: br#"{"test":2432232314}"#, ..VECTOR },
            RawWebhook { body: b"", ..VECTOR },
            RawWebhook { id: Some("msg_p5jXN8AQM9LWM0D4loKWxJeK"), ..VECTOR },
            RawWebhook { id: Some("msg.p5jXN8AQM9LWM0D4loKWxJek"), ..VECTOR },
            RawWebhook { id: Some(""), ..VECTOR },
            RawWebhook { id: None, ..VECTOR },
            RawWebhook { timestamp: Some("1614265331"), ..VECTOR },
            RawWebhook { timestamp: Some("+1614265330"), ..VECTOR },
            RawWebhook { timestamp: Some("01614265330"), ..VECTOR },
            RawWebhook { timestamp: Some("1614265330.0"), ..VECTOR },
            RawWebhook { timestamp: Some(""), ..VECTOR },
            RawWebhook { timestamp: None, ..VECTOR },
            RawWebhook { signature: Some(FOREIGN), ..VECTOR },
            RawWebhook { signature: Some(bare), ..VECTOR },
            RawWebhook { signature: Some(shortened), ..VECTOR },
            RawWebhook { signature: Some("v1,"), ..VECTOR },
            RawWebhook { signature: Some(""), ..VECTOR },
            RawWebhook { signature: None, ..VECTOR },
        ] {
            assert_eq!(verify(&raw, &[secret(SECRET)], SENT_AT), Err(Refusal::WebhookNotVerified), "{raw:?}");
        }
        assert_eq!(verify(&VECTOR, &[foreign], SENT_AT), Err(Refusal::WebhookNotVerified));
        assert_eq!(verify(&VECTOR, &[], SENT_AT), Err(Refusal::WebhookNotVerified), "an unknown partner");
    }

    #[test]
    fn shp_7_five_minutes_either_way() {
        // SHP-7
        for (off, stale) in [(0, false), (300, false), (-300, false), (301, true), (-301, true), (1_000_000, true)] {
            let outcome = verify(&VECTOR, &[secret(SECRET)], SENT_AT + off);
            assert_eq!(outcome.is_err_and(|refusal| refusal == Refusal::WebhookStale), stale, "{off}");
        }
        let wrong = RawWebhook { signature: Some(FOREIGN), ..VECTOR };
        let outcome = verify(&wrong, &[secret(SECRET)], SENT_AT + 301);
        assert_eq!(outcome, Err(Refusal::WebhookNotVerified), "a stranger learns nothing about the time");
    }

    #[test]
    fn msg_3_what_goes_out_is_signed_with_every_live_secret() {
        // MSG-3
        let other = secret("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
        let sent_at = Timestamp::from_unix(SENT_AT);
        assert_eq!(signatures_of(&[secret(SECRET)], ID, sent_at, BODY), SIGNATURE);
        let both = signatures_of(&[other, secret(SECRET)], ID, sent_at, BODY);
        assert!(both.ends_with(&format!(" {SIGNATURE}")) && both.split(' ').count() == 2, "{both}");
        let raw = RawWebhook { signature: Some(&both), ..VECTOR };
        for known in [SECRET, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"] {
            assert!(verify(&raw, &[secret(known)], SENT_AT).is_ok(), "whichever of them the receiver knows");
        }
    }

    #[test]
    fn only_a_long_enough_secret_is_one() {
        for wrong in
            ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAA", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!"]
        {
            assert!(wrong.parse::<WebhookSecret>().is_err(), "{wrong}");
        }
        assert_eq!(format!("{:?}", secret(SECRET)), "WebhookSecret(..)");
    }
}
