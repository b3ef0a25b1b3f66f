//! What the webhooks of partners' webstores lead to (SHP-7), when they come and when an operator has one of them acted upon
//! again.

use shared::{
    config::Partner,
    effect::Effect,
    webhook::Dialect,
    webstore::{self, OrderEvent, Reading},
};

use crate::{
    edge::Edge,
    failure::Failure,
    platform::Platform,
    webhooks::{Acted, Verified, unable},
};

impl<P: Platform> Edge<P> {
    /// Acts upon the body of a verified webhook, any number of times. Where an order changes by it, that commit leaves
    /// `more` to be done.
    ///
    /// # Errors
    /// [`Refusal::Busy`](shared::refusal::Refusal::Busy) and faults: it has to come again.
    pub async fn act_on_webhook(
        &self,
        partner: &Partner,
        dialect: Dialect,
        body: &[u8],
        more: &[Effect],
    ) -> Result<Acted, Failure> {
        match webstore::read(dialect, &Verified(body), &partner.id, &self.gateway) {
            Ok(Reading::Event(event)) => self.act_on_event(partner, &event, more).await,
            Ok(Reading::Review(review)) => Ok(Acted::to_review(&review)),
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
