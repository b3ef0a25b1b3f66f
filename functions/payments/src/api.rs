//! What comes in and what goes out.

#[cfg(not(target_family = "wasm"))]
pub(crate) mod samples;

use askama::Template;
use edge::customer::PaymentOutcome;
use serde::{Deserialize, Serialize};
use shared::{
    order::Bill,
    values::{Money, Timestamp},
};

/// The answer to a program: where a person pays.
#[derive(Serialize)]
pub(crate) struct PayHere<'a> {
    order: &'a str,
    pay_at: &'a str,
    total: Money,
    closes_at: Timestamp,
}

impl<'a> PayHere<'a> {
    pub(crate) fn of(bill: &'a Bill, url: &'a str) -> Self {
        Self { order: &bill.reference, pay_at: url, total: bill.total, closes_at: bill.closes_at }
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

/// The query of the address to which the provider sends people, and to which it may add what it likes.
#[derive(Deserialize)]
pub(crate) struct ReturnQuery {
    pub(crate) order: String,
    pub(crate) payment: PaymentOutcome,
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
    pub(crate) const fn after(payment: PaymentOutcome) -> Self {
        Self { title: "Back from the payment page", payment: payment.as_str() }
    }
}
