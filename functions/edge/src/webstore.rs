//! What the webhooks of partners' webstores lead to (SHP-7), when they come and when an operator has one of them acted upon
//! again.

use kv_schema::record::Stored;
use serde::de::DeserializeOwned;
use shared::{
    config::Partner,
    dead_letter::Reason,
    effect::Effect,
    order::Order,
    refusal::Refusal,
    webhook::Dialect,
    webstore::{self, Decode, OrderEvent, Reading},
};

use crate::{
    edge::Edge,
    failure::{BadRequest, Failure},
    platform::Platform,
    request::from_json,
};

/// What came of a webhook.
#[must_use]
pub enum Acted {
    /// It was acted upon; everything is durable.
    Upon(Box<Stored<Order>>),
    /// It tells of nothing that this service acts on.
    Left,
    /// It cannot be acted upon, unless a person does something first.
    Unable(Reason),
}

/// The body of a webhook whose signature was verified.
struct Verified<'a>(&'a [u8]);

impl Decode for Verified<'_> {
    type Error = Failure;

    fn decode<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        Ok(from_json(self.0)?)
    }
}

impl<P: Platform> Edge<P> {
    /// Acts upon the body of a verified webhook, any number of times. Where an order changes by it, that commit leaves
    /// `more` to be done.
    ///
    /// # Errors
    /// [`Refusal::Busy`] and faults: it has to come again.
    pub async fn act_on_webhook(
        &self,
        partner: &Partner,
        dialect: Dialect,
        body: &[u8],
        more: &[Effect],
    ) -> Result<Acted, Failure> {
        match webstore::read(dialect, &Verified(body), &partner.id, &self.gateway) {
            Ok(Reading::Event(event)) => self.act_on_event(partner, &event, more).await,
            Ok(Reading::Review(review)) => {
                Ok(Acted::Unable(Reason::to_review(review.code, review.order.as_ref(), review.hint)))
            }
            Ok(Reading::Left) => Ok(Acted::Left),
            Err(failure) => unable(failure),
        }
    }

    async fn act_on_event(&self, partner: &Partner, event: &OrderEvent<'_>, more: &[Effect]) -> Result<Acted, Failure> {
        match self.hear(&partner.id, &event.order, &event.news, more).await {
            Ok(stored) => Ok(Acted::Upon(Box::new(stored))),
            Err(failure) => unable(failure),
        }
    }
}

/// What no repetition would mend is for a person to look at.
fn unable(failure: Failure) -> Result<Acted, Failure> {
    match failure {
        Failure::Refused(refusal @ (Refusal::InvalidInput(_) | Refusal::OrderContradicted)) => {
            Ok(Acted::Unable(Reason::of(&refusal)))
        }
        Failure::BadRequest(BadRequest::Truncated | BadRequest::NotUtf8 | BadRequest::Malformed) => {
            Ok(Acted::Unable(Reason::unreadable()))
        }
        other => Err(other),
    }
}
