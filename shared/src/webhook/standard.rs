//! Standard Webhooks 1.0.0: the signature covers id, time and body.

use base64ct::{Base64, Encoding as _};

use super::{Claim, RawWebhook, SIGNATURES_MAX, WebhookSecret, unix_seconds};
use crate::values::{ParseError, Timestamp};

const ID_BYTES_MAX: usize = 256;
const SECRET_PREFIX: &str = "whsec_";
/// What the specification demands of a secret, in bytes.
const SECRET_BYTES: core::ops::RangeInclusive<usize> = 24..=64;

/// The key of a secret: `whsec_` and the base64 of 24 to 64 bytes.
pub(super) fn key(text: &str) -> Result<Vec<u8>, ParseError> {
    text.strip_prefix(SECRET_PREFIX)
        .and_then(|encoded| Base64::decode_vec(encoded).ok())
        .filter(|bytes| SECRET_BYTES.contains(&bytes.len()))
        .ok_or_else(|| {
            ParseError::new("webhook-secret-invalid", "Give whsec_ and the base64 of 24 to 64 random bytes.")
        })
}

pub(super) fn claim<'a>(raw: &RawWebhook<'a>) -> Option<Claim<'a>> {
    let id = raw.id.filter(|id| well_formed_id(id))?;
    let timestamp = raw.timestamp?;
    Some(Claim {
        signed: signed(id, timestamp, raw.body).to_vec(),
        sent_at: Some(unix_seconds(timestamp)?),
        signatures: signatures(raw.signature?),
    })
}

/// The `webhook-signature` of a webhook that goes out: one signature for each live secret, so that the receiver can replace
/// its secret at any time (MSG-3).
pub fn signatures_of(secrets: &[WebhookSecret], id: &str, at: Timestamp, body: &[u8]) -> String {
    let timestamp = at.unix().to_string();
    let parts = signed(id, &timestamp, body);
    let signature = |secret: &WebhookSecret| format!("v1,{}", Base64::encode_string(&secret.sign(&parts)));
    secrets.iter().map(signature).collect::<Vec<_>>().join(" ")
}

fn signed<'a>(id: &'a str, timestamp: &'a str, body: &'a [u8]) -> [&'a [u8]; 5] {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body]
}

/// Visible ASCII without the full stop that separates the signed parts.
fn well_formed_id(id: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.')
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
