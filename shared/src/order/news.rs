//! What a webstore tells of its orders (SHP-7).

use super::{Addresses, Bought, End, Issue, Order, Payment, Source, Stage};
use crate::{
    audit::Action,
    checkout::{Cart, Customer},
    config::Gateway,
    decision::Decision,
    event::EventKind,
    refusal::Refusal,
    secret::Keys,
    values::{Line, Money, PartnerId, Timestamp},
};

/// What was bought in a webstore.
#[derive(Debug, Clone)]
pub struct Sale<'a> {
    /// What.
    pub cart: Cart<'a>,
    /// Who bought.
    pub customer: Customer,
    /// For how much, with taxes and discounts.
    pub total: Money,
}

/// What has become of an order.
#[derive(Debug, Clone)]
pub enum News<'a> {
    /// It was placed, and is not paid.
    Created(Sale<'a>),
    /// It is fully paid.
    Paid(Sale<'a>),
    /// It was cancelled, or its payment failed for good.
    Cancelled,
    /// All of its money was given back.
    Refunded,
}

impl<'a> News<'a> {
    /// What was bought, where that is told.
    pub const fn sale(&self) -> Option<&Sale<'a>> {
        match self {
            Self::Created(sale) | Self::Paid(sale) => Some(sale),
            Self::Cancelled | Self::Refunded => None,
        }
    }
}

impl End {
    pub(super) const fn event(self) -> EventKind {
        match self {
            Self::Lapsed => EventKind::OrderLapsed,
            Self::Cancelled => EventKind::OrderCancelled,
            Self::Refunded => EventKind::OrderRefunded,
        }
    }
}

impl Order {
    /// An order of a webstore of which nothing was heard yet. It is never stored as it is.
    pub fn unheard(partner: &PartnerId, order: &Line<80>, keys: &Keys) -> Self {
        Self {
            id: Self::id_of_webstore(partner, order, keys),
            partner: partner.clone(),
            source: Source::Webstore { order: order.clone() },
            bought: None,
            stage: Stage::Unpaid { lapses_at: None },
            confirmation: None,
            reviewed: None,
            shipments: Vec::new(),
        }
    }

    /// Whether licence keys are needed for the news.
    pub fn needs_issue(&self, news: &News<'_>) -> bool {
        matches!(news, News::Paid(_)) && self.can_be_completed()
    }

    /// What follows from the news. `None` when nothing is new: news comes any number of times.
    ///
    /// # Errors
    /// [`Refusal::OrderContradicted`] when another customer, other lines or another sum were heard of before;
    /// [`Refusal::Busy`] when licence keys are needed and there is no `issue`.
    pub fn hear(
        mut self,
        news: &News<'_>,
        issue: Option<&Issue>,
        gateway: &Gateway,
        now: Timestamp,
    ) -> Result<Option<Decision<Self>>, Refusal> {
        let learnt = match news.sale() {
            Some(sale) => self.learn(sale, now)?,
            None => false,
        };
        match news {
            News::Created(_) => Ok(learnt.then(|| Decision::quiet(Action::Order, self))),
            News::Paid(_) => self.pay(issue, true, None, gateway, now),
            News::Cancelled => Ok(self.end(End::Cancelled, gateway, now)),
            News::Refunded => Ok(self.end(End::Refunded, gateway, now)),
        }
    }

    /// Says whether what was bought was unknown.
    fn learn(&mut self, sale: &Sale<'_>, now: Timestamp) -> Result<bool, Refusal> {
        match &self.bought {
            Some(known)
                if self.repeats(&sale.cart, &sale.customer, &Addresses::default()) && known.total == sale.total =>
            {
                Ok(false)
            }
            Some(_) => Err(Refusal::OrderContradicted),
            None => {
                let customer = sale.customer.clone();
                self.bought = Some(Bought::of(&sale.cart, customer, sale.total, Payment::Webstore, None, now));
                Ok(true)
            }
        }
    }
}
