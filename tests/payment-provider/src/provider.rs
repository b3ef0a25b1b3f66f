//! What the interfaces, the pages and the tests' handle have in common.

use std::{iter::once, net::SocketAddr, sync::Arc, time::Duration};

use crate::{
    Config,
    cards::Card,
    deliveries::{Courses, Deliveries, Plan},
    events::{Event, Happened},
    payments::{Charge, Payment, Payments, State},
};

/// How many attempts of [`Card::FirstLost`] get lost.
const LOST: usize = 2;

/// What came of an attempt to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is paid, by this attempt or by one before; the browser goes back to this address.
    Paid(String),
    /// The bank refused, with these words. Another card may do.
    Declined(&'static str),
    /// Its time is over.
    Expired,
}

pub(crate) struct Provider {
    pub(crate) origin: String,
    pub(crate) api_secret: String,
    pub(crate) payments: Payments,
    pub(crate) deliveries: Arc<Deliveries>,
    late: Duration,
}

impl Provider {
    pub(crate) fn new(config: Config, address: SocketAddr) -> anyhow::Result<(Self, Courses)> {
        let Config { listen: _, api_secret, webhook, retry, late, clock } = config;
        let (deliveries, courses) = Deliveries::new(clock.clone(), retry, webhook)?;
        let payments = Payments::new(clock);
        let origin = format!("http://{address}");
        Ok((Self { origin, api_secret, payments, deliveries: Arc::new(deliveries), late }, courses))
    }

    /// The address of the payment's page.
    pub(crate) fn page(&self, payment: &Payment) -> String {
        format!("{}/pay/{}", self.origin, payment.id)
    }

    /// Pays with a card, and tells what has to be told: nothing where there is no such payment.
    pub(crate) fn pay(&self, id: &str, card: Card, name: Option<String>) -> Option<Outcome> {
        let (charge, payment) = self.payments.change(id, |payment, now| payment.charge(card, name, now))?;
        Some(match charge {
            Charge::TakenBefore => Outcome::Paid(payment.way_back()),
            Charge::Expired => Outcome::Expired,
            Charge::Declined(decline) => {
                self.tell(Happened::Declined(decline), &payment);
                Outcome::Declined(decline.message)
            }
            Charge::Taken => {
                let back = payment.way_back();
                self.tell_paid(card, &payment);
                Outcome::Paid(back)
            }
        })
    }

    /// Gives back this much, or all that is left: whether there was that much.
    pub(crate) fn refund(&self, id: &str, amount_minor: Option<u64>) -> Option<bool> {
        let (possible, payment) = self.payments.change(id, |payment, _| payment.refund(amount_minor))?;
        if possible {
            self.tell(Happened::Refunded, &payment);
        }
        Some(possible)
    }

    /// Ends a payment before its time: whether it could still have been paid.
    pub(crate) fn end(&self, id: &str) -> Option<bool> {
        let (ended, payment) = self.payments.change(id, |payment, now| {
            let open = payment.is_open(now);
            if open {
                payment.state = State::Expired;
            }
            open
        })?;
        if ended {
            self.tell(Happened::Expired, &payment);
        }
        Some(ended)
    }

    /// Ends payments whose time is over, and looks again and again.
    pub(crate) async fn expire(&self, interval: Duration) {
        loop {
            for payment in self.payments.expire() {
                self.tell(Happened::Expired, &payment);
            }
            tokio::time::sleep(interval).await;
        }
    }

    fn event(&self, happened: Happened, payment: &Payment) -> Option<Event> {
        Event::of(happened, payment, self.payments.now())
    }

    fn tell(&self, happened: Happened, payment: &Payment) {
        if let Some(event) = self.event(happened, payment) {
            self.deliveries.begin(Plan::at_once(once(event)));
        }
    }

    fn tell_paid(&self, card: Card, payment: &Payment) {
        let Some(paid) = self.event(Happened::Paid, payment) else {
            return;
        };
        let plan = |event: Event| Plan::at_once(once(event));
        match card {
            Card::ToldTwice => {
                self.deliveries.begin(plan(paid.clone()));
                self.deliveries.begin(plan(paid));
            }
            Card::ToldLate => self.deliveries.begin(Plan { delay: self.late, ..plan(paid) }),
            Card::FirstLost => self.deliveries.begin(Plan { lost: LOST, ..plan(paid) }),
            Card::RefundFirst => {
                let refund = self.payments.change(&payment.id, |payment, _| payment.refund(None));
                let refunded = refund.and_then(|(_, payment)| self.event(Happened::Refunded, &payment));
                self.deliveries.begin(Plan::at_once(refunded.into_iter().chain(once(paid))));
            }
            Card::Good | Card::Declined | Card::InsufficientFunds => self.deliveries.begin(plan(paid)),
        }
    }
}
