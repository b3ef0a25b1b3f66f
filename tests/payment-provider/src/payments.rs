//! The payments: in memory, bounded, the same for both interfaces.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use iso_currency::Currency;
use jiff::Timestamp;

use crate::{
    Clock,
    cards::{Card, Decline},
};

/// How many payments are kept; the oldest makes room.
const LIMIT: usize = 1_000;

/// The interface that a payment was asked for by, and that its webhooks speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interface {
    /// Stripe's checkout sessions.
    Stripe,
    /// The generic JSON interface, with Standard Webhooks.
    Generic,
}

/// What a merchant asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The merchant's own name of the order: `order`, or `metadata[order_id]`.
    pub order: Option<String>,
    /// `reference`, or `client_reference_id`.
    pub reference: Option<String>,
    /// What the person pays for.
    pub description: String,
    /// How much, in the currency's minor unit.
    pub amount_minor: u64,
    /// In which currency.
    pub currency: Currency,
    /// The person's address, if the merchant gave it.
    pub email: Option<String>,
    /// `metadata` of the session.
    pub metadata: BTreeMap<String, String>,
    /// `metadata` of the payment intent and of its charge.
    pub intent_metadata: BTreeMap<String, String>,
    /// `description` of the payment intent and of its charge.
    pub intent_description: Option<String>,
    /// Where the browser goes when it is paid.
    pub success_url: String,
    /// Where the browser goes when it is not.
    pub cancel_url: Option<String>,
    /// Until when it can be paid.
    pub expires_at: Timestamp,
}

/// What has become of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It can be paid.
    Open,
    /// It is paid; some or all may have been given back.
    Paid,
    /// It was not paid in time.
    Expired,
}

/// One payment: Stripe calls it a checkout session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// `cs_test_` and random characters, or `pay_` and the same.
    pub id: String,
    /// Who asked, and in which words.
    pub interface: Interface,
    /// What was asked for.
    pub asked: Asked,
    /// When it was asked for.
    pub created: Timestamp,
    /// What has become of it.
    pub state: State,
    /// The name on the card.
    pub name: Option<String>,
    /// What was given back in all.
    pub refunded_minor: u64,
}

/// What came of an attempt to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charge {
    Taken,
    TakenBefore,
    Declined(Decline),
    Expired,
}

impl Payment {
    /// Whether it can still be paid.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.state == State::Open && now < self.asked.expires_at
    }

    /// The characters that all ids around this payment end with.
    pub(crate) fn suffix(&self) -> &str {
        self.id.rsplit('_').next().unwrap_or_default()
    }

    /// Where the browser goes when it is paid, with the session's id where the merchant wants it.
    pub(crate) fn way_back(&self) -> String {
        self.asked.success_url.replace("{CHECKOUT_SESSION_ID}", &self.id)
    }

    pub(crate) fn charge(&mut self, card: Card, name: Option<String>, now: Timestamp) -> Charge {
        if self.state == State::Paid {
            return Charge::TakenBefore;
        }
        if !self.is_open(now) {
            return Charge::Expired;
        }
        if let Some(decline) = card.decline() {
            return Charge::Declined(decline);
        }
        self.state = State::Paid;
        self.name = name;
        Charge::Taken
    }

    /// Gives back this much, or all that is left: whether there was that much.
    pub(crate) fn refund(&mut self, amount_minor: Option<u64>) -> bool {
        let left = self.left();
        let amount = amount_minor.unwrap_or(left);
        let possible = (1..=left).contains(&amount);
        if possible {
            self.refunded_minor += amount;
        }
        possible
    }

    /// What can still be given back.
    pub(crate) fn left(&self) -> u64 {
        if self.state == State::Paid { self.asked.amount_minor - self.refunded_minor } else { 0 }
    }
}

/// A request that is answered once, however often it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) interface: Interface,
    /// Its `Idempotency-Key`.
    pub(crate) key: Option<String>,
    /// Everything that it says, in one order.
    pub(crate) says: String,
}

struct Entry {
    payment: Payment,
    request: Request,
    answer: String,
}

/// What a request got.
pub(crate) struct Answer {
    pub(crate) body: String,
    pub(crate) replayed: bool,
}

/// Why a request got no payment.
pub(crate) enum NotMade<E> {
    /// Its key was used with another request.
    KeyUsed(String),
    Refused(E),
}

pub(crate) struct Payments {
    clock: Clock,
    entries: Mutex<VecDeque<Entry>>,
}

impl Payments {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, entries: Mutex::new(VecDeque::new()) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Makes a payment, or repeats the answer to a request that came before. What is repeated is not checked again: it
    /// may have become too late for it.
    pub(crate) fn make<E>(
        &self,
        request: Request,
        check: impl FnOnce(Timestamp) -> Result<Asked, E>,
        answer: impl FnOnce(&Payment) -> String,
    ) -> Result<Answer, NotMade<E>> {
        let mut entries = self.lock();
        let before = entries.iter().find(|entry| {
            request.key.is_some() && entry.request.key == request.key && entry.request.interface == request.interface
        });
        match (before, &request.key) {
            (Some(entry), _) if entry.request == request => {
                return Ok(Answer { body: entry.answer.clone(), replayed: true });
            }
            (Some(_), Some(key)) => return Err(NotMade::KeyUsed(key.clone())),
            _ => {}
        }
        let created = self.now();
        let asked = check(created).map_err(NotMade::Refused)?;
        let prefix = match request.interface {
            Interface::Stripe => "cs_test_",
            Interface::Generic => "pay_",
        };
        let id = format!("{prefix}{}", random());
        let interface = request.interface;
        let payment = Payment { id, interface, asked, created, state: State::Open, name: None, refunded_minor: 0 };
        let body = answer(&payment);
        if entries.len() >= LIMIT {
            entries.pop_front();
        }
        entries.push_back(Entry { payment, request, answer: body.clone() });
        Ok(Answer { body, replayed: false })
    }

    pub(crate) fn get(&self, id: &str) -> Option<Payment> {
        self.lock().iter().find(|entry| entry.payment.id == id).map(|entry| entry.payment.clone())
    }

    /// All of them, the newest first.
    pub(crate) fn all(&self) -> Vec<Payment> {
        self.lock().iter().rev().map(|entry| entry.payment.clone()).collect()
    }

    /// Changes one, and hands out what it is then.
    pub(crate) fn change<T>(
        &self,
        id: &str,
        change: impl FnOnce(&mut Payment, Timestamp) -> T,
    ) -> Option<(T, Payment)> {
        let mut entries = self.lock();
        let entry = entries.iter_mut().find(|entry| entry.payment.id == id)?;
        let result = change(&mut entry.payment, self.now());
        Some((result, entry.payment.clone()))
    }

    /// Ends those whose time is over: which they are.
    pub(crate) fn expire(&self) -> Vec<Payment> {
        let now = self.now();
        let mut entries = self.lock();
        let due = entries.iter_mut().map(|entry| &mut entry.payment);
        let due = due.filter(|payment| payment.state == State::Open && !payment.is_open(now));
        due.map(|payment| {
            payment.state = State::Expired;
            payment.clone()
        })
        .collect()
    }

    // No method leaves the list half changed, so a panic elsewhere cannot have broken it.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Characters that nobody guesses.
pub(crate) fn random() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(expires_at: Timestamp) -> Asked {
        Asked {
            order: None,
            reference: None,
            description: "a licence".into(),
            amount_minor: 4_900,
            currency: Currency::USD,
            email: None,
            metadata: BTreeMap::new(),
            intent_metadata: BTreeMap::new(),
            intent_description: None,
            success_url: "http://shop.example/paid?session={CHECKOUT_SESSION_ID}".into(),
            cancel_url: None,
            expires_at,
        }
    }

    fn request(key: Option<&str>, says: &str) -> Request {
        Request { interface: Interface::Stripe, key: key.map(str::to_owned), says: says.to_owned() }
    }

    fn make(payments: &Payments, request: Request) -> Option<String> {
        let check = |now| Ok::<_, ()>(asked(now + jiff::SignedDuration::from_hours(1)));
        payments.make(request, check, |payment| payment.id.clone()).ok().map(|answer| answer.body)
    }

    #[test]
    fn the_oldest_makes_room() {
        let payments = Payments::new(Clock::system());
        let ids: Vec<_> = (0..=LIMIT).filter_map(|_| make(&payments, request(None, ""))).collect();
        assert_eq!(ids.len(), LIMIT + 1);
        let kept: Vec<_> = payments.all().into_iter().rev().map(|payment| payment.id).collect();
        assert_eq!(Some(kept.as_slice()), ids.get(1..));
    }

    #[test]
    fn keys_of_one_interface_are_nothing_to_the_other() {
        let payments = Payments::new(Clock::system());
        let first = make(&payments, request(Some("a"), "x"));
        assert!(first.is_some());
        assert_eq!(make(&payments, request(Some("a"), "x")), first);
        assert_eq!(make(&payments, request(Some("a"), "y")), None);
        let generic = Request { interface: Interface::Generic, ..request(Some("a"), "y") };
        assert!(make(&payments, generic).is_some_and(|id| id.starts_with("pay_")));
        assert_eq!(payments.all().len(), 2);
    }

    #[test]
    fn no_more_is_given_back_than_was_paid() {
        let now = Timestamp::UNIX_EPOCH;
        let mut payment = Payment {
            id: "cs_test_1".into(),
            interface: Interface::Stripe,
            asked: asked(now + jiff::SignedDuration::from_hours(1)),
            created: now,
            state: State::Open,
            name: None,
            refunded_minor: 0,
        };
        assert!(!payment.refund(None), "nothing is paid yet");
        assert_eq!(payment.charge(Card::Good, None, payment.asked.expires_at), Charge::Expired);
        assert_eq!(payment.charge(Card::Good, None, now), Charge::Taken);
        assert_eq!(payment.charge(Card::Declined, None, now), Charge::TakenBefore);
        assert_eq!(payment.way_back(), "http://shop.example/paid?session=cs_test_1");
        assert!(payment.refund(Some(900)) && !payment.refund(Some(4_001)) && !payment.refund(Some(0)));
        assert!(payment.refund(None) && payment.refunded_minor == 4_900 && !payment.refund(None));
    }
}
