//! What comes in and what goes out.

#[cfg(not(target_family = "wasm"))]
pub(crate) mod samples;

use askama::Template;
use serde::{Deserialize, Serialize};
use shared::{
    order::Bill,
    values::{Money, Timestamp},
};

/// The wish to pay for an order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawHandOff {
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    /// Of the order's link.
    #[serde(default)]
    pub(crate) token: Option<String>,
    /// Or the order's id, from who ordered it signed in.
    #[serde(default)]
    pub(crate) order: Option<String>,
}

/// The answer to a program: where a person pays.
#[derive(Serialize)]
pub(crate) struct PayHere<'a> {
    order: &'a str,
    pay_at: &'a str,
    total: Money,
    pay_until: Timestamp,
}

impl<'a> PayHere<'a> {
    pub(crate) fn of(bill: &'a Bill, url: &'a str) -> Self {
        Self { order: &bill.reference, pay_at: url, total: bill.total, pay_until: bill.pay_until }
    }
}

/// Where somebody came from who went to pay.
#[derive(Serialize, Deserialize)]
pub(crate) struct WayBack {
    /// The order's reference.
    pub(crate) order: String,
    /// Its page, up to the parameter that says how the payment ended.
    pub(crate) page: String,
}

/// How somebody left the provider's page, as the address says to which the provider sends them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// By paying.
    Made,
    /// Without paying.
    Left,
}

impl Outcome {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Left => "left",
        }
    }
}

/// The query of the address to which the provider sends people.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReturnQuery {
    pub(crate) order: String,
    pub(crate) payment: Outcome,
}

/// Back from the provider's page in a browser that does not know the order's page.
#[derive(Serialize, Template)]
#[template(path = "returned.html")]
pub(crate) struct ReturnedPage {
    #[serde(skip)]
    title: &'static str,
    payment: &'static str,
}

impl ReturnedPage {
    pub(crate) const fn after(payment: Outcome) -> Self {
        Self { title: "Back from the payment page", payment: payment.as_str() }
    }
}
