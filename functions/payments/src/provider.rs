//! The interfaces that take payments by card: what each wants to be told, and what it answers (`docs/payments.md`).

use edge::{
    platform::{Answered, FORM, JSON, Outgoing},
    request::{form_encoded, from_json},
};
use serde::{Deserialize, Serialize};
use shared::{
    config::PaymentProvider,
    order::Bill,
    stripe::Counted,
    values::{ParseError, Timestamp},
};

/// Stripe's version of which this speaks, whatever the account's default is.
const STRIPE_VERSION: &str = "2024-06-20";

/// A page that the provider is to open.
pub(crate) struct Session<'a> {
    pub(crate) bill: &'a Bill,
    /// Where people go who have paid.
    pub(crate) paid: &'a str,
    /// Where people go who leave without paying.
    pub(crate) left: &'a str,
}

/// The document of the generic interface.
#[derive(Serialize)]
struct Generic<'a> {
    order: String,
    reference: &'a str,
    description: &'a str,
    amount_minor: u64,
    currency: String,
    email: &'a str,
    expires_at: Timestamp,
    success_url: &'a str,
    cancel_url: &'a str,
}

/// What both interfaces answer, among other things.
#[derive(Deserialize)]
struct Opened {
    url: String,
}

/// How the provider is asked for its page. It is asked the same for the same order, with the same idempotency key.
///
/// # Errors
/// When it cannot be asked for this amount.
pub(crate) fn outgoing(
    provider: PaymentProvider,
    url: String,
    secret: &str,
    session: &Session<'_>,
) -> Result<Outgoing, String> {
    let mut headers = vec![("authorization", format!("Bearer {secret}"))];
    let (media_type, body) = match provider {
        PaymentProvider::Json => (JSON, generic(session)?),
        PaymentProvider::Stripe => {
            headers.push(("stripe-version", STRIPE_VERSION.to_owned()));
            (FORM, stripe(session).map_err(|error| format!("{}: {error}", session.bill.total))?)
        }
    };
    Ok(Outgoing { url, media_type, idempotency_key: session.bill.order.to_string(), headers, body })
}

fn generic(session: &Session<'_>) -> Result<Vec<u8>, String> {
    let &Session { bill, paid, left } = session;
    let document = Generic {
        order: bill.order.to_string(),
        reference: &bill.reference,
        description: &bill.description,
        amount_minor: bill.total.minor(),
        currency: bill.total.currency().code(),
        email: bill.email.as_str(),
        expires_at: bill.closes_at,
        success_url: paid,
        cancel_url: left,
    };
    serde_json::to_vec(&document).map_err(|error| format!("document: {error}"))
}

/// One line for the whole order: what a promo code takes off belongs to no single product
/// (<https://docs.stripe.com/api/checkout/sessions/create>).
fn stripe(session: &Session<'_>) -> Result<Vec<u8>, ParseError> {
    let &Session { bill, paid, left } = session;
    let amount = Counted::of(bill.total.currency())?.amount(bill.total)?.to_string();
    let (order, currency) = (bill.order.to_string(), bill.total.currency().code().to_ascii_lowercase());
    let (name, expires_at) = (format!("Order {}", bill.reference), bill.closes_at.unix().to_string());
    let fields: [(&str, &str); 15] = [
        ("mode", "payment"),
        ("payment_method_types[0]", "card"),
        ("client_reference_id", &order),
        ("customer_email", bill.email.as_str()),
        ("expires_at", &expires_at),
        ("success_url", paid),
        ("cancel_url", left),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", &currency),
        ("line_items[0][price_data][unit_amount]", &amount),
        ("line_items[0][price_data][product_data][name]", &name),
        ("line_items[0][price_data][product_data][description]", &bill.description),
        ("metadata[order_id]", &order),
        ("payment_intent_data[metadata][order_id]", &order),
        ("payment_intent_data[description]", &name),
    ];
    Ok(form_encoded(&fields).into_bytes())
}

/// Whether the provider will never open its page for this order: it refuses what it is told, as what is asked for too late.
pub(crate) const fn is_final(answered: &Answered) -> bool {
    matches!(answered.status, 400 | 422)
}

/// The page that the provider has opened.
///
/// # Errors
/// When it has not, or would have customers sent to another place than the configuration says.
pub(crate) fn page(answered: &Answered, page_origin: &str) -> Result<String, String> {
    if !matches!(answered.status, 200 | 201) {
        return Err(format!("the payment provider did not open its page: {}", answered.status));
    }
    let opened: Opened =
        from_json(&answered.body).map_err(|bad| format!("the payment provider's answer is {bad:?}"))?;
    let is_theirs = opened.url.strip_prefix(page_origin).is_some_and(|rest| rest.starts_with('/'));
    let is_address = opened.url.bytes().all(|byte| byte.is_ascii_graphic());
    if is_theirs && is_address {
        Ok(opened.url)
    } else {
        Err(format!("the payment provider's page is not at {page_origin}"))
    }
}

#[cfg(test)]
mod tests {
    use edge::request::form_decoded;
    use shared::values::OrderId;

    use super::*;

    fn bill(total: &str) -> Bill {
        Bill {
            order: OrderId::from_bytes([7; 16]),
            reference: "O-A2B3C4D5E6".to_owned(),
            description: "2 × Mobile ID & more".to_owned(),
            total: total.parse().expect("money"),
            email: "ada@kestrel.example".parse().expect("an e-mail"),
            closes_at: Timestamp::from_unix(1_796_119_200),
        }
    }

    fn asked(provider: PaymentProvider, total: &str) -> Result<Outgoing, String> {
        let bill = bill(total);
        let session = Session { bill: &bill, paid: "https://v.example/p?a=1&b=2", left: "https://v.example/l" };
        outgoing(provider, "https://pay.example/sessions".to_owned(), "sk_1", &session)
    }

    #[test]
    fn shp_5_the_generic_interface_is_told_what_is_to_be_paid() {
        // SHP-5
        let outgoing = asked(PaymentProvider::Json, "98.00 USD").expect("asked");
        let told: serde_json::Value = serde_json::from_slice(&outgoing.body).expect("JSON");
        let order = OrderId::from_bytes([7; 16]).to_string();
        assert_eq!(
            told,
            serde_json::json!({
                "order": order, "reference": "O-A2B3C4D5E6", "description": "2 × Mobile ID & more", "amount_minor": 9800,
                "currency": "USD", "email": "ada@kestrel.example", "expires_at": "2026-12-01T10:00:00Z",
                "success_url": "https://v.example/p?a=1&b=2", "cancel_url": "https://v.example/l",
            })
        );
        assert_eq!((outgoing.idempotency_key, outgoing.media_type), (order, JSON));
        assert_eq!(outgoing.headers, [("authorization", "Bearer sk_1".to_owned())]);
    }

    #[test]
    fn shp_5_stripe_is_told_what_is_to_be_paid_in_its_own_units() {
        // SHP-5, SHP-9
        let outgoing = asked(PaymentProvider::Stripe, "4900 ISK").expect("asked");
        let body = String::from_utf8(outgoing.body).expect("ASCII");
        let field = |name: &str| {
            let name = format!("{}=", form_encoded(&[(name, "")]).trim_end_matches('='));
            body.split('&').find_map(|pair| form_decoded(pair.strip_prefix(&name)?))
        };
        let order = OrderId::from_bytes([7; 16]).to_string();
        for (name, expected) in [
            ("client_reference_id", order.as_str()),
            ("metadata[order_id]", &order),
            ("payment_intent_data[metadata][order_id]", &order),
            ("line_items[0][price_data][unit_amount]", "490000"),
            ("line_items[0][price_data][currency]", "isk"),
            ("line_items[0][price_data][product_data][description]", "2 × Mobile ID & more"),
            ("expires_at", "1796119200"),
            ("success_url", "https://v.example/p?a=1&b=2"),
        ] {
            assert_eq!(field(name).as_deref(), Some(expected), "{name} in {body}");
        }
        assert!(outgoing.headers.contains(&("stripe-version", STRIPE_VERSION.to_owned())));
        assert_eq!(
            asked(PaymentProvider::Stripe, "49.50 MGA").err().map(|error| error.contains("49.50 MGA")),
            Some(true)
        );
    }

    #[test]
    fn shp_5_customers_are_sent_to_the_providers_page_and_nowhere_else() {
        // SHP-5
        let answered = |status, body: &str| Answered { status, body: body.as_bytes().to_vec() };
        let page = |status, body: &str| page(&answered(status, body), "https://pay.example");
        let good = r#"{"id": "cs_1", "url": "https://pay.example/c/1?x#y"}"#;
        assert_eq!(page(200, good), Ok("https://pay.example/c/1?x#y".to_owned()));
        assert!(page(201, good).is_ok());
        assert!(page(402, good).is_err());
        let finals = [200, 400, 401, 403, 409, 422, 429, 500].map(|status| is_final(&answered(status, "")));
        assert_eq!(finals, [false, true, false, false, false, true, false, false]);
        for wrong in [
            "",
            "{}",
            r#"{"url": null}"#,
            r#"{"url": "https://pay.example"}"#,
            r#"{"url": "https://pay.example.evil.example/c/1"}"#,
            r#"{"url": "https://pay.example@evil.example/c/1"}"#,
            r#"{"url": "https://evil.example/https://pay.example/"}"#,
            r#"{"url": "https://pay.example/c\r\nset-cookie: x=1"}"#,
            r#"{"url": "javascript:alert(1)"}"#,
        ] {
            assert!(page(200, wrong).is_err(), "{wrong}");
        }
    }
}
