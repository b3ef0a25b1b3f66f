//! Shopify's signatures: they cover the body and nothing else
//! (<https://shopify.dev/docs/apps/build/webhooks/subscribe/https>).
//!
//! Neither the topic nor the shop nor a time is signed. Whoever has got hold of a signed body can send it again at any time,
//! and under another topic: so what happened is read from the body alone (`webstore/shopify.rs`), and a replay says again what
//! the order's record knows.

use base64ct::{Base64, Encoding as _};

use super::{Claim, RawWebhook};

pub(super) fn claim<'a>(raw: &RawWebhook<'a>) -> Option<Claim<'a>> {
    let signature = Base64::decode_vec(raw.signature?).ok()?;
    Some(Claim { signed: vec![raw.body], sent_at: None, signatures: vec![signature] })
}
