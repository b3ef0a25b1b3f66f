//! Dead letters: webhooks of a webstore, or of the payment provider, that were verified and could not be acted upon.
//!
//! They are kept, so that nothing that was paid for is lost, until an operator has had them acted upon after all, or has
//! dismissed them (SHP-7). The sender is told that they are taken: sending them again would change nothing, and shops switch
//! off receivers that keep refusing.

use serde::{Deserialize, Serialize};

use crate::{
    audit::Action,
    config::{Partner, PaymentProvider},
    decision::Decision,
    effect::{Effect, Place, Shelf},
    operator::OnDuty,
    refusal::Refusal,
    secret::{Entropy, IndexPurpose, Keys, SealPurpose, Sealed},
    values::{DeadLetterId, Line, OperatorId, PartnerId, Seconds, Timestamp},
    webhook::Dialect,
};

/// Faults that are remembered of one webhook.
const FAULTS_MAX: usize = 20;

const CONTRADICTED: &str = "The order is known with another customer, other lines or another sum. What was changed in the \
                            webstore later has to be settled with the customer; then dismiss this.";
/// How long a letter stays once somebody has decided about it: for questions about what became of it.
pub const KEPT_AFTER_SETTLEMENT: Seconds = Seconds::days(31);

/// Why a webhook could not be acted upon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The refusal's stable code.
    pub code: String,
    /// What is wrong with which field (or order, or nothing in particular), and what to do about it; at most 20.
    pub faults: Vec<(String, String)>,
}

impl Reason {
    /// Why this refusal was made.
    pub fn of(refusal: &Refusal) -> Self {
        let faults = match refusal {
            Refusal::InvalidInput(faults) => {
                faults.iter().take(FAULTS_MAX).map(|fault| (fault.field.clone(), fault.hint.clone())).collect()
            }
            Refusal::OrderContradicted => vec![(String::new(), CONTRADICTED.to_owned())],
            _ => Vec::new(),
        };
        Self { code: refusal.code().to_owned(), faults }
    }

    /// Its body is not what the dialect demands.
    pub fn unreadable() -> Self {
        let hint = "It is not JSON with the fields of this event. Look at what the sender sends.";
        Self { code: "unreadable".to_owned(), faults: vec![(String::new(), hint.to_owned())] }
    }

    /// It tells of nothing that this service acts on: not what somebody expects who has it acted upon again.
    pub fn left() -> Self {
        let hint = "It tells of nothing that concerns an order here. Nothing follows from it; dismiss it.";
        Self { code: "left".to_owned(), faults: vec![(String::new(), hint.to_owned())] }
    }

    /// A person has to decide what is to follow.
    pub fn to_review(code: &str, order: Option<&Line<80>>, hint: &str) -> Self {
        let order = order.map(ToString::to_string).unwrap_or_default();
        Self { code: code.to_owned(), faults: vec![(order, hint.to_owned())] }
    }
}

/// Who sent a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sender {
    /// A partner's webstore.
    Webstore {
        /// Whose.
        partner: PartnerId,
        /// What it is written in; the partner's webstore may have another by now.
        dialect: Dialect,
    },
    /// The payment provider, whose interface may be another by now.
    Payments(PaymentProvider),
}

impl Sender {
    /// The webstore of this partner.
    pub fn webstore(partner: &Partner) -> Self {
        Self::Webstore { partner: partner.id.clone(), dialect: partner.webhook_dialect }
    }
}

/// What became of a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// Nobody has decided about it.
    Waiting,
    /// An operator has.
    Settled {
        /// What.
        how: How,
        /// Who.
        by: OperatorId,
        /// When.
        at: Timestamp,
    },
}

/// What an operator decided about a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// It was acted upon after all.
    Replayed,
    /// Nothing is to follow from it.
    Dismissed,
}

impl How {
    /// Its stable name, for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Replayed => "replayed",
            Self::Dismissed => "dismissed",
        }
    }
}

/// A webhook that could not be acted upon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The record's id, derived from the webhook.
    pub id: DeadLetterId,
    /// Who sent it.
    pub sender: Sender,
    /// The bytes that were verified, sealed: they name people.
    pub body: Sealed,
    /// Why it could not be acted upon, the last time that it was tried.
    pub reason: Reason,
    /// When it first came.
    pub came_at: Timestamp,
    /// What became of it.
    pub standing: Standing,
}

impl DeadLetter {
    /// The id of a sender's webhook with this identity: the same, however often it comes.
    pub fn id_of(sender: &Sender, identity: &[u8], keys: &Keys) -> DeadLetterId {
        let partner = match sender {
            Sender::Webstore { partner, .. } => partner.as_str(),
            // No partner's id is empty.
            Sender::Payments(_) => "",
        };
        let parts: [&[u8]; 3] = [b"dead-letter", partner.as_bytes(), identity];
        DeadLetterId::from_bytes(keys.index(IndexPurpose::Order, &parts))
    }

    /// Keeps a webhook, and puts it before the operators.
    pub fn kept(
        id: DeadLetterId,
        sender: Sender,
        body: &[u8],
        reason: Reason,
        keys: &Keys,
        now: Timestamp,
        rng: &mut dyn Entropy,
    ) -> Decision<Self> {
        let letter = Self {
            id,
            sender,
            body: keys.seal(SealPurpose::Message, id.bytes(), body, rng),
            reason,
            came_at: now,
            standing: Standing::Waiting,
        };
        let shelved = Effect::Shelve(letter.place());
        Decision::with(Action::DeadLetter, letter, vec![shelved])
    }

    /// The bytes that were verified.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when they do not open with the current or previous root secret.
    pub fn open(&self, keys: &Keys) -> Result<Vec<u8>, Refusal> {
        keys.open(SealPurpose::Message, self.id.bytes(), &self.body).map_err(|_| Refusal::NotFound)
    }

    /// An operator's decision. `None` when it was decided before: whoever comes second changes nothing.
    pub fn settle(self, how: How, operator: &OnDuty<'_>, now: Timestamp) -> Option<Decision<Self>> {
        if self.is_settled() { None } else { self.settled(how, operator.id().clone(), now) }
    }

    /// Whether somebody has decided about it: then it is not acted upon any more.
    pub fn is_settled(&self) -> bool {
        self.standing != Standing::Waiting
    }

    /// What is to follow when an operator has the letter acted upon: it is put away.
    pub fn put_away(&self, operator: &OnDuty<'_>, now: Timestamp) -> Effect {
        Effect::SettleLetter { letter: self.id, by: operator.id().clone(), at: now }
    }

    /// The same as [`DeadLetter::settle`], as what follows from another commit: what was acted upon was not dismissed, whoever
    /// said so at the same moment.
    pub fn settled(mut self, how: How, by: OperatorId, at: Timestamp) -> Option<Decision<Self>> {
        let outweighs = match &self.standing {
            Standing::Waiting => true,
            // It was acted upon while somebody dismissed it.
            Standing::Settled { how: known, .. } => *known == How::Dismissed && how == How::Replayed,
        };
        if !outweighs {
            return None;
        }
        self.standing = Standing::Settled { how, by, at };
        let off = Effect::Unshelve(self.place());
        Some(Decision::with(Action::DeadLetterSettlement, self, vec![off]))
    }

    /// From when on nobody needs it (OPS-3).
    pub fn ends_at(&self) -> Option<Timestamp> {
        match &self.standing {
            Standing::Waiting => None,
            Standing::Settled { at, .. } => Some(at.plus(KEPT_AFTER_SETTLEMENT)),
        }
    }

    /// It was tried again, in vain. `None` when that says nothing new.
    pub fn tried(mut self, reason: Reason) -> Option<Decision<Self>> {
        if self.standing != Standing::Waiting || self.reason == reason {
            return None;
        }
        self.reason = reason;
        Some(Decision::quiet(Action::DeadLetter, self))
    }

    fn place(&self) -> Place {
        Place { shelf: Shelf::DeadLetters, id: *self.id.bytes(), at: self.came_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{refusal::Faults, testing::*};

    fn unknown_product() -> Refusal {
        Refusal::field("data.lines.0.product", "unknown", "Choose a product from the catalogue.")
    }

    fn sender(partner: &str) -> Sender {
        Sender::Webstore { partner: read(partner), dialect: Dialect::Standard }
    }

    fn letter() -> DeadLetter {
        let id = DeadLetter::id_of(&sender("anvil"), b"msg_1", &keys());
        let reason = Reason::of(&unknown_product());
        DeadLetter::kept(id, sender("anvil"), b"{\"ada\": 1}", reason, &keys(), NOW, &mut Seeded(1)).next
    }

    #[test]
    fn shp_7_what_cannot_be_acted_upon_is_kept_and_shown_to_operators() {
        // SHP-7
        let id = |partner: &str, identity: &[u8]| DeadLetter::id_of(&sender(partner), identity, &keys());
        assert_eq!(id("anvil", b"msg_1"), letter().id, "however often it comes");
        let of_payments = DeadLetter::id_of(&Sender::Payments(PaymentProvider::Stripe), b"msg_1", &keys());
        assert!(of_payments != letter().id);
        assert!(id("cobalt", b"msg_1") != letter().id && id("anvil", b"msg_2") != letter().id);
        assert_eq!(letter().open(&keys()), Ok(b"{\"ada\": 1}".to_vec()));
        assert_eq!(letter().reason.code, "invalid-input");
        let fault = ("data.lines.0.product".to_owned(), "Choose a product from the catalogue.".to_owned());
        assert_eq!(letter().reason.faults, [fault]);
        let mut many = Faults::default();
        (0..100).for_each(|n| many.add(format!("field.{n}"), "unknown", "?"));
        assert_eq!(Reason::of(&many.refuse()).faults.len(), 20);
    }

    #[test]
    fn shp_7_a_dead_letter_is_decided_once() {
        // SHP-7
        let gateway = gateway();
        let duty = on_duty(&gateway, "registrar");
        let settled = letter().settle(How::Replayed, &duty, after(5)).expect("it waits");
        let place = Place { shelf: Shelf::DeadLetters, id: *letter().id.bytes(), at: NOW };
        assert_eq!(settled.effects, [Effect::Unshelve(place)]);
        let Effect::SettleLetter { letter: id, by, at } = letter().put_away(&duty, after(5)) else {
            panic!("put away")
        };
        let followed = letter().settled(How::Replayed, by, at).map(|decision| decision.next);
        assert_eq!((id, followed), (letter().id, Some(settled.next.clone())));
        assert!(settled.next.clone().settle(How::Dismissed, &duty, after(6)).is_none());
        assert!(settled.next.is_settled() && settled.next.tried(Reason::unreadable()).is_none());
        let dismissed = letter().settle(How::Dismissed, &duty, after(5)).expect("it waits").next;
        assert!(dismissed.clone().settle(How::Replayed, &duty, after(6)).is_none());
        let acted_upon = dismissed.settled(How::Replayed, read("registrar"), after(6)).expect("it outweighs").next;
        assert!(acted_upon.settled(How::Dismissed, read("registrar"), after(7)).is_none());
        assert!(letter().tried(Reason::of(&unknown_product())).is_none(), "that is known");
        let tried = letter().tried(Reason::of(&Refusal::OrderContradicted)).expect("another reason").next;
        assert_eq!(tried.reason, Reason::of(&Refusal::OrderContradicted));
        assert_eq!(letter().ends_at(), None);
    }
}
