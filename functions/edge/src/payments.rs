//! What the webhooks of the payment provider lead to (SHP-5, SHP-7), when they come and when an operator has one of them acted
//! upon again.

use kv_schema::record::Stored;
use shared::{
    config::PaymentProvider,
    effect::Effect,
    order::{End, Order},
    payment::{self, News, Reading},
    refusal::Refusal,
    values::{Money, OrderId},
    webstore::Review,
};

use crate::{
    edge::Edge,
    failure::Failure,
    platform::Platform,
    webhooks::{Acted, Verified, unable},
};

impl<P: Platform> Edge<P> {
    /// Acts upon the body of a verified webhook of the payment provider, any number of times. Where an order changes by it,
    /// that commit leaves `more` to be done.
    ///
    /// # Errors
    /// [`Refusal::Busy`] and faults: it has to come again.
    pub async fn act_on_payment(
        &self,
        provider: PaymentProvider,
        body: &[u8],
        more: &[Effect],
    ) -> Result<Acted, Failure> {
        let (order, acted) = match payment::read(provider, &Verified(body)) {
            Ok(Reading::Event(order, News::Paid(paid))) => (order, self.take_payment(&order, paid, more).await),
            Ok(Reading::Event(order, News::Refunded)) => (order, self.give_back(&order, more).await),
            Ok(Reading::Review(review)) => return Ok(Acted::to_review(&review)),
            Ok(Reading::Left) => return Ok(Acted::Left),
            Err(failure) => return unable(failure),
        };
        match acted {
            Ok(stored) => Ok(Acted::Upon(Box::new(stored))),
            Err(Failure::Refused(Refusal::NotFound)) => Ok(Acted::to_review(&Review::unknown_order(order))),
            Err(Failure::Refused(Refusal::OrderContradicted)) => Ok(Acted::to_review(&Review::another_sum(order))),
            Err(failure) => unable(failure),
        }
    }

    async fn take_payment(&self, id: &OrderId, paid: Money, more: &[Effect]) -> Result<Stored<Order>, Failure> {
        let stored = self.order_now(id).await?;
        stored.value().require_billed(paid)?;
        self.pay_order(stored, more).await
    }

    async fn give_back(&self, id: &OrderId, more: &[Effect]) -> Result<Stored<Order>, Failure> {
        let ended = self.transact::<Order, ()>(id, Refusal::NotFound, |order, _| {
            let ended = order.end(End::Refunded, &self.gateway, self.now);
            Ok(ended.map(|decision| decision.and(more.to_vec())).into())
        });
        Ok(ended.await?.1)
    }
}
