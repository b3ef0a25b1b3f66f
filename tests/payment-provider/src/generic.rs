//! The generic interface: JSON in, JSON out.

use std::collections::BTreeMap;

use iso_currency::Currency;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::payments::Asked;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    order: String,
    reference: String,
    description: String,
    amount_minor: u64,
    currency: String,
    email: String,
    expires_at: String,
    success_url: String,
    cancel_url: String,
}

/// A request that is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    code: &'static str,
    message: String,
}

impl Refused {
    fn invalid(message: impl Into<String>) -> Self {
        Self { status: 422, code: "invalid", message: message.into() }
    }

    fn not_json() -> Self {
        Self { status: 400, code: "not-json", message: "The body is not JSON.".into() }
    }

    pub(crate) fn key_used() -> Self {
        let message = "This Idempotency-Key was used with another request.".into();
        Self { status: 422, code: "idempotency-key-used", message }
    }

    pub(crate) fn not_authenticated() -> Self {
        let message = "Send the secret as Authorization: Bearer.".into();
        Self { status: 401, code: "not-authenticated", message }
    }

    pub(crate) fn body(&self) -> Value {
        json!({ "error": { "code": self.code, "message": self.message } })
    }
}

/// The body as a value, of which the same content always reads the same.
pub(crate) fn read(body: &[u8]) -> Result<Value, Refused> {
    serde_json::from_slice(body).map_err(|_| Refused::not_json())
}

/// What the payment is about.
pub(crate) fn asked(body: Value, now: Timestamp) -> Result<Asked, Refused> {
    let body: Body = serde_json::from_value(body).map_err(|fault| Refused::invalid(fault.to_string()))?;
    let currency = Currency::from_code(&body.currency).ok_or_else(|| Refused::invalid("currency: there is no such"))?;
    if body.amount_minor == 0 {
        return Err(Refused::invalid("amount_minor: there is nothing to pay"));
    }
    if !body.email.contains('@') {
        return Err(Refused::invalid("email: not an address"));
    }
    let expires_at = body.expires_at.parse::<Timestamp>().map_err(|_| Refused::invalid("expires_at: not RFC 3339"))?;
    if expires_at <= now {
        return Err(Refused::invalid("expires_at: is over"));
    }
    Ok(Asked {
        order: Some(body.order),
        reference: Some(body.reference),
        description: body.description,
        amount_minor: body.amount_minor,
        currency,
        email: Some(body.email),
        metadata: BTreeMap::new(),
        intent_metadata: BTreeMap::new(),
        intent_description: None,
        success_url: address("success_url", body.success_url)?,
        cancel_url: Some(address("cancel_url", body.cancel_url)?),
        expires_at,
    })
}

fn address(field: &str, text: String) -> Result<String, Refused> {
    let valid = Url::parse(&text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    valid.then_some(text).ok_or_else(|| Refused::invalid(format!("{field}: not an address")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> Option<u16> {
        let mut body = json!({
            "order": "o", "reference": "r", "description": "d", "amount_minor": 1, "currency": "USD", "email": "a@b.example",
            "expires_at": "2030-01-01T00:00:00Z", "success_url": "http://s.example/", "cancel_url": "http://c.example/",
        });
        body.as_object_mut().map(change);
        asked(body, Timestamp::UNIX_EPOCH).err().map(|refused| refused.status)
    }

    #[test]
    fn only_what_is_valid_and_known_is_taken() {
        assert_eq!(status(|_| {}), None);
        for (field, value) in [
            ("colour", json!("red")),
            ("amount_minor", json!(0)),
            ("amount_minor", json!("1")),
            ("amount_minor", json!(-1)),
            ("currency", json!("usd")),
            ("email", json!("nobody")),
            ("expires_at", json!(1_900_000_000)),
            ("expires_at", json!("1960-01-01T00:00:00Z")),
            ("success_url", json!("javascript:alert(1)")),
        ] {
            let told = status(|body| {
                body.insert(field.into(), value.clone());
            });
            assert_eq!(told, Some(422), "{field}: {value}");
        }
        let without = status(|body| {
            body.remove("cancel_url");
        });
        assert_eq!(without, Some(422));
        assert_eq!(read(b"{").err().map(|refused| refused.status), Some(400));
    }
}
