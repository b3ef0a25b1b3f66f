//! Samples of this component's pages.

use edge::{
    Platform,
    customer::PaymentOutcome,
    gallery::{Album, Visitor},
};
use http::StatusCode;
use shared::{refusal::Refusal, values::Seconds};

use super::ReturnedPage;

/// Every page, in every state that looks different.
pub fn samples<P: Platform>(album: &mut Album<'_, P>) {
    album
        .visit(Visitor::Stranger, "/payments/return")
        .page("paid", StatusCode::OK, &ReturnedPage::after(PaymentOutcome::Made))
        .page("not-paid", StatusCode::OK, &ReturnedPage::after(PaymentOutcome::Left))
        .visit(Visitor::Stranger, "/payments")
        .problem("provider-silent", &Refusal::PaymentPageUnavailable { retry_after: Seconds(60) }.into());
}
