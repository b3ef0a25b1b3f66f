//! What stands around the news in a signed event, of the two dialects that say in the body what happened.

use serde::{Deserialize, de::DeserializeOwned};

use crate::webstore::Decode;

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
}

/// An event in the manner of Standard Webhooks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Standard<D> {
    #[serde(rename = "type")]
    _kind: String,
    /// When it happened, RFC 3339; informative, since the signed header carries the time that counts.
    #[serde(rename = "timestamp")]
    _timestamp: String,
    data: D,
}

#[derive(Deserialize)]
struct Stripe<O> {
    data: StripeData<O>,
}

#[derive(Deserialize)]
struct StripeData<O> {
    object: O,
}

/// What happened. Only then is it known what else the event holds.
pub(crate) fn kind<B: Decode>(body: &B) -> Result<String, B::Error> {
    Ok(body.decode::<Kind>()?.kind)
}

/// The data of an event in the manner of Standard Webhooks: strict, since who sends it writes it for us.
pub(crate) fn standard<B: Decode, D: DeserializeOwned>(body: &B) -> Result<D, B::Error> {
    Ok(body.decode::<Standard<D>>()?.data)
}

/// The object that an event of Stripe's is about (<https://docs.stripe.com/api/events/object>).
pub(crate) fn stripe<B: Decode, O: DeserializeOwned>(body: &B) -> Result<O, B::Error> {
    Ok(body.decode::<Stripe<O>>()?.data.object)
}
