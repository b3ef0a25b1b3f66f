//! A double with a shop that listens.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use payment_provider::{Clock, Config, Retry, Running, Webhook};
use reqwest::{Client, RequestBuilder, StatusCode, redirect::Policy};
use serde_json::{Value, json};

use crate::shop::Shop;

pub(crate) const API_SECRET: &str = "sk_test_the_shops_own";
pub(crate) const STRIPE_SECRET: &str = "whsec_a_secret_used_as_it_stands";
pub(crate) const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// How long the card that is told late waits here.
pub(crate) const LATE: Duration = Duration::from_millis(400);
/// Attempts until a webhook is given up.
pub(crate) const ATTEMPTS: usize = 4;

pub(crate) struct Place {
    pub(crate) double: Running,
    pub(crate) shop: Shop,
    pub(crate) http: Client,
    shift: Arc<AtomicI64>,
}

impl Place {
    pub(crate) async fn new() -> anyhow::Result<Self> {
        let shop = Shop::open().await?;
        let shift = Arc::new(AtomicI64::new(0));
        let shifted = Arc::clone(&shift);
        let now = move || Timestamp::now() + SignedDuration::from_secs(shifted.load(Ordering::Relaxed));
        let double = payment_provider::start(Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            api_secret: API_SECRET.into(),
            webhook: None,
            retry: Retry { first_pause: Duration::from_millis(10), attempts: ATTEMPTS },
            late: LATE,
            clock: Clock::new(now),
        })
        .await?;
        double.set_webhook(Webhook {
            target: shop.webhook(),
            stripe_secret: STRIPE_SECRET.into(),
            standard_secret: STANDARD_SECRET.into(),
        })?;
        let http = Client::builder().redirect(Policy::none()).no_proxy().build()?;
        Ok(Self { double, shop, http, shift })
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, seconds: i64) {
        self.shift.fetch_add(seconds, Ordering::Relaxed);
    }

    /// The form of a session that costs 49.00 USD, ending in an hour.
    pub(crate) fn stripe_form(&self) -> Vec<(&'static str, String)> {
        let end = Timestamp::now().as_second() + self.shift.load(Ordering::Relaxed) + 3_600;
        let place = self.shop.origin();
        vec![
            ("mode", "payment".into()),
            ("client_reference_id", "10001".into()),
            ("customer_email", "ada@northwind.example".into()),
            ("success_url", format!("{place}/paid?session={{CHECKOUT_SESSION_ID}}")),
            ("cancel_url", format!("{place}/basket")),
            ("expires_at", end.to_string()),
            ("payment_method_types[0]", "card".into()),
            ("line_items[0][quantity]", "1".into()),
            ("line_items[0][price_data][currency]", "usd".into()),
            ("line_items[0][price_data][unit_amount]", "4900".into()),
            ("line_items[0][price_data][product_data][name]", "Order <10001>".into()),
            ("line_items[0][price_data][product_data][description]", "2 × Licence".into()),
            ("payment_intent_data[description]", "Order 10001".into()),
            ("metadata[order_id]", "order-1".into()),
            ("payment_intent_data[metadata][order_id]", "order-1".into()),
        ]
    }

    pub(crate) fn make_stripe(&self, form: &[(&str, String)]) -> RequestBuilder {
        let encoded: String = {
            let mut encoder = form_urlencoded::Serializer::new(String::new());
            encoder.extend_pairs(form);
            encoder.finish()
        };
        let request = self.http.post(self.double.stripe_endpoint()).bearer_auth(API_SECRET);
        request.header("content-type", "application/x-www-form-urlencoded").body(encoded)
    }

    /// The body of a payment of 49.00 USD, ending in an hour.
    pub(crate) fn generic_body(&self) -> Value {
        let place = self.shop.origin();
        json!({
            "order": "order-2",
            "reference": "10002",
            "description": "Order <10002>",
            "amount_minor": 4_900,
            "currency": "USD",
            "email": "ada@northwind.example",
            "expires_at": (Timestamp::now() + SignedDuration::from_hours(1)).to_string(),
            "success_url": format!("{place}/paid"),
            "cancel_url": format!("{place}/basket"),
        })
    }

    pub(crate) fn make_generic(&self, body: &Value) -> RequestBuilder {
        self.http.post(self.double.generic_endpoint()).bearer_auth(API_SECRET).json(body)
    }

    /// A session that somebody can pay: the address of its page.
    pub(crate) async fn stripe_session(&self) -> anyhow::Result<String> {
        url(self.make_stripe(&self.stripe_form()), StatusCode::OK).await
    }

    /// The same by the generic interface.
    pub(crate) async fn generic_session(&self) -> anyhow::Result<String> {
        url(self.make_generic(&self.generic_body()), StatusCode::CREATED).await
    }
}

async fn url(request: RequestBuilder, expected: StatusCode) -> anyhow::Result<String> {
    let (status, answer) = answer(request).await?;
    anyhow::ensure!(status == expected, "{status}: {answer}");
    answer["url"].as_str().map(str::to_owned).ok_or_else(|| anyhow::anyhow!("no address: {answer}"))
}

/// Status and JSON.
pub(crate) async fn answer(request: RequestBuilder) -> anyhow::Result<(StatusCode, Value)> {
    let response = request.send().await?;
    Ok((response.status(), response.json().await?))
}
