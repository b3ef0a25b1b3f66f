//! Webhooks that go out (MSG-3): one event on its way to a partner's endpoint, and the endpoint itself.
//!
//! A delivery is tried at once and then as the Standard Webhooks specification 1.0.0 recommends. Every try carries the same
//! id and the same payload, so that the receiver can recognise a repetition: what was sent by a request that died before it
//! could note that is sent again.

use serde::{Deserialize, Serialize};

use crate::{
    audit::Action,
    decision::Decision,
    effect::Effect,
    event::Event,
    secret::{IndexPurpose, Keys},
    values::{DeliveryId, PartnerId, Seconds, Timestamp},
};

/// How long after a try that failed the next one follows.
pub const WAITS: [Seconds; 9] = [
    Seconds(5),
    Seconds::minutes(5),
    Seconds::minutes(30),
    Seconds::hours(2),
    Seconds::hours(5),
    Seconds::hours(10),
    Seconds::hours(14),
    Seconds::hours(20),
    Seconds::hours(24),
];

/// The longest wait that a receiver can ask for.
pub const RETRY_AFTER_MAX: Seconds = Seconds::hours(24);
/// How long the first try may take, for which whoever caused the event waits.
const FIRST_PATIENCE: Seconds = Seconds(3);
/// How long every other try may take.
const PATIENCE: Seconds = Seconds(15);
/// Tries that a delivery remembers, the newest ones.
const ATTEMPTS_KEPT: usize = 30;
/// How the ids of webhooks begin.
const ID_PREFIX: &str = "msg_";
/// The receiver wants no more webhooks at all.
const GONE: u16 = 410;

/// An event on its way to its partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The record's id; also what names the event for its receiver.
    pub id: DeliveryId,
    /// To whom.
    pub partner: PartnerId,
    /// What.
    pub event: Event,
    /// When it was caused.
    pub created_at: Timestamp,
    /// The newest tries, oldest first.
    pub attempts: Vec<Attempt>,
    /// How many tries there were since it was created or replayed.
    pub tries: u8,
    /// How it stands.
    pub state: DeliveryState,
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeliveryState {
    /// To be tried.
    Due {
        /// When.
        at: Timestamp,
    },
    /// The receiver has it.
    Delivered,
    /// Every try failed.
    Dead,
    /// The endpoint is disabled, or not configured any more.
    Held,
}

impl DeliveryState {
    /// For programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due { .. } => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "failed",
            Self::Held => "held",
        }
    }
}

/// One try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When.
    pub at: Timestamp,
    /// The receiver's status; `None` when there was no answer in time.
    pub status: Option<u16>,
}

/// What the receiver answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Status; `None` when there was no answer in time.
    pub status: Option<u16>,
    /// What the receiver wants us to wait, if it says so.
    pub retry_after: Option<Seconds>,
}

impl Answer {
    /// Whether the receiver has taken it.
    const fn taken(self) -> bool {
        matches!(self.status, Some(200..=299))
    }

    /// Whether the receiver wants no more webhooks (410 Gone).
    pub const fn disables(self) -> bool {
        matches!(self.status, Some(GONE))
    }
}

impl Delivery {
    /// The delivery that an effect causes, however often it is carried out.
    pub fn id_of(partner: &PartnerId, effect: &[u8; 16], keys: &Keys) -> DeliveryId {
        DeliveryId::from_bytes(keys.index(IndexPurpose::Delivery, &[partner.as_str().as_bytes(), effect]))
    }

    /// A delivery that is to be tried at once.
    pub fn begin(id: DeliveryId, partner: PartnerId, event: Event, now: Timestamp) -> Decision<Self> {
        let listed = Effect::ListDelivery { partner: partner.clone(), delivery: id, created_at: now };
        let state = DeliveryState::Due { at: now };
        let delivery = Self { id, partner, event, created_at: now, attempts: Vec::new(), tries: 0, state };
        Decision::with(Action::Webhook, delivery, vec![listed, Effect::Deliver(id)])
    }

    /// What names the event for its receiver, at every try.
    pub fn webhook_id(&self) -> String {
        format!("{ID_PREFIX}{}", self.id)
    }

    /// The delivery that this names; `None` when it cannot name one.
    pub fn parse_webhook_id(text: &str) -> Option<DeliveryId> {
        text.strip_prefix(ID_PREFIX)?.parse().ok()
    }

    /// When it is to be tried; `None` when it is not any more.
    pub const fn due_at(&self) -> Option<Timestamp> {
        match self.state {
            DeliveryState::Due { at } => Some(at),
            DeliveryState::Delivered | DeliveryState::Dead | DeliveryState::Held => None,
        }
    }

    /// How long the next try may take.
    pub const fn patience(&self) -> Seconds {
        if self.attempts.is_empty() { FIRST_PATIENCE } else { PATIENCE }
    }

    /// How long to wait if the next try fails; `None` when it is the last one.
    pub fn wait(&self) -> Option<Seconds> {
        WAITS.get(usize::from(self.tries)).copied()
    }

    /// After a try.
    #[must_use]
    pub fn tried(mut self, answer: Answer, now: Timestamp) -> Self {
        self.state = if answer.taken() {
            DeliveryState::Delivered
        } else if answer.disables() {
            DeliveryState::Held
        } else if let Some(wait) = self.wait() {
            let asked = answer.retry_after.unwrap_or(Seconds(0)).min(RETRY_AFTER_MAX);
            DeliveryState::Due { at: now.plus(wait.max(asked)) }
        } else {
            DeliveryState::Dead
        };
        self.tries = self.tries.saturating_add(1);
        self.attempts.push(Attempt { at: now, status: answer.status });
        let forgotten = self.attempts.len().saturating_sub(ATTEMPTS_KEPT);
        self.attempts.drain(..forgotten);
        self
    }

    /// When there is nobody to send it to.
    #[must_use]
    pub fn held(self) -> Self {
        Self { state: DeliveryState::Held, ..self }
    }

    /// Begins anew, under the same id. `None` when it is to be tried anyway.
    pub fn replay(self, now: Timestamp) -> Option<Decision<Self>> {
        if self.due_at().is_some() {
            return None;
        }
        let id = self.id;
        let replayed = Self { state: DeliveryState::Due { at: now }, tries: 0, ..self };
        Some(Decision::with(Action::WebhookReplay, replayed, vec![Effect::Deliver(id)]))
    }
}

/// Whether a partner's endpoint wants webhooks. It is there once the receiver has said that it does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointStanding {
    /// The record's id: another address is another endpoint.
    pub id: [u8; 16],
    /// Since when it is disabled; `None` when the partner has enabled it again.
    pub disabled_at: Option<Timestamp>,
}

impl EndpointStanding {
    /// The record of this partner's endpoint at this address.
    pub fn id_of(partner: &PartnerId, url: &str, keys: &Keys) -> [u8; 16] {
        keys.index(IndexPurpose::Endpoint, &[partner.as_str().as_bytes(), url.as_bytes()])
    }

    /// Disabled, because the receiver said so.
    pub const fn disabled(id: [u8; 16], now: Timestamp) -> Self {
        Self { id, disabled_at: Some(now) }
    }

    /// Disabled once more. `None` when it is.
    pub fn disable(self, now: Timestamp) -> Option<Decision<Self>> {
        self.disabled_at
            .is_none()
            .then(|| Decision::quiet(Action::EndpointDisabling, Self { disabled_at: Some(now), ..self }))
    }

    /// Enabled by the partner. `None` when it is.
    pub fn enable(self) -> Option<Decision<Self>> {
        self.disabled_at
            .is_some()
            .then(|| Decision::quiet(Action::EndpointEnabling, Self { disabled_at: None, ..self }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{EventKind, Subject},
        testing::{NOW, after, read},
        values::OrderId,
    };

    const FAILED: Answer = Answer { status: Some(500), retry_after: None };
    const SILENT: Answer = Answer { status: None, retry_after: None };

    fn delivery() -> Delivery {
        let subject = Subject::Order(OrderId::from_bytes([2; 16]));
        let event = Event { kind: EventKind::OrderCompleted, at: NOW, subject };
        Delivery::begin(DeliveryId::from_bytes([1; 16]), read("anvil"), event, NOW).next
    }

    #[test]
    fn msg_3_the_published_schedule() {
        // MSG-3: at once, after 5 s, 5 and 30 minutes, 2, 5, 10, 14, 20 and 24 hours; then it is dead.
        let (mut delivery, mut now, mut waits) = (delivery(), NOW, Vec::new());
        while let Some(at) = delivery.due_at() {
            waits.push(at.since(now).0);
            now = at;
            delivery = delivery.tried(if waits.len() % 2 == 0 { SILENT } else { FAILED }, now);
        }
        assert_eq!(waits, [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
        assert_eq!((delivery.state, delivery.attempts.len()), (DeliveryState::Dead, 10));
    }

    #[test]
    fn msg_3_any_2xx_is_enough_and_nothing_else() {
        // MSG-3: a redirect is not followed.
        for status in [200, 201, 202, 204, 299] {
            let tried = delivery().tried(Answer { status: Some(status), retry_after: None }, NOW);
            assert_eq!(tried.state, DeliveryState::Delivered, "{status}");
        }
        for status in [199, 300, 301, 307, 400, 401, 404, 429, 500, 503] {
            let tried = delivery().tried(Answer { status: Some(status), retry_after: None }, NOW);
            assert_eq!(tried.state, DeliveryState::Due { at: after(5) }, "{status}");
        }
        let gone = Answer { status: Some(410), retry_after: None };
        assert!(gone.disables() && delivery().tried(gone, NOW).state == DeliveryState::Held);
    }

    #[test]
    fn msg_3_a_receiver_can_ask_for_more_time_but_not_for_ever() {
        // MSG-3
        for (asked, waited) in [(0, 5), (4, 5), (90, 90), (86_400, 86_400), (u64::MAX, 86_400)] {
            let busy = Answer { status: Some(429), retry_after: Some(Seconds(asked)) };
            assert_eq!(delivery().tried(busy, NOW).due_at(), Some(after(waited)), "{asked}");
        }
    }

    #[test]
    fn msg_3_a_replay_begins_anew_under_the_same_id() {
        // MSG-3
        assert!(delivery().replay(NOW).is_none(), "it is on its way");
        let ends = [delivery().tried(Answer { status: Some(204), retry_after: None }, NOW), delivery().held()];
        for ended in ends {
            let (id, attempts) = (ended.webhook_id(), ended.attempts.len());
            let Decision { next, effects, .. } = ended.replay(after(60)).expect("it has ended");
            assert_eq!((next.due_at(), next.tries, next.attempts.len()), (Some(after(60)), 0, attempts));
            assert_eq!(next.webhook_id(), id);
            assert_eq!(Delivery::parse_webhook_id(&id), Some(next.id));
            assert_eq!(effects, [Effect::Deliver(next.id)]);
        }
    }

    #[test]
    fn msg_3_what_is_remembered_is_bounded() {
        // MSG-3
        let mut delivery = delivery();
        for _ in 0..100 {
            delivery = delivery.tried(FAILED, NOW);
            delivery = delivery.clone().replay(NOW).map_or(delivery, |replayed| replayed.next);
        }
        assert_eq!(delivery.attempts.len(), ATTEMPTS_KEPT);
    }

    #[test]
    fn msg_3_the_first_try_is_short_since_somebody_waits_for_it() {
        // MSG-3
        assert_eq!(delivery().patience(), Seconds(3));
        assert_eq!(delivery().tried(FAILED, NOW).patience(), Seconds(15));
    }
}
