//! What must follow a commit.
//!
//! Effects are written, sealed, inside the record whose change causes them, and carried out after the commit by
//! whoever comes first: the same request, a repetition of it, or a sweep. Each is harmless when repeated.

use serde::{Deserialize, Serialize};

use crate::{
    account::Admission,
    audit::Action,
    credential::Grant,
    event::Event,
    invitation::InvitationId,
    message::{Message, PhoneCode},
    organisation::{JoinRequest, Organisation},
    promo::PromoUse,
    registration::{QueueSummary, Registration},
    values::{
        AccountId, ApplicationId, BatchId, DeadLetterId, DeliveryId, Email, InvitationSlotId, OperatorId, OrderId,
        OrganisationId, PartnerId, RegistrationId, Timestamp,
    },
};

/// One thing that must follow a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Deliver a message (MSG-1).
    Send(Box<Message>),
    /// Enter the registration that an invitation was used for (REG-5).
    Register(Box<Entry>),
    /// Put a submitted registration into the operator's queue (APR-1).
    Enqueue {
        /// The registration.
        registration: RegistrationId,
        /// When it was submitted: the queue is oldest first.
        submitted_at: Timestamp,
        /// What the queue shows of it.
        summary: QueueSummary,
    },
    /// Take a decided registration out of the operator's queue (APR-1).
    Dequeue {
        /// The registration.
        registration: RegistrationId,
        /// When it was submitted: where it stands in the queue.
        submitted_at: Timestamp,
    },
    /// Found the organisation of an approved registration (APR-2).
    FoundOrganisation(Box<Organisation>),
    /// Create, or extend, the account of a designated administrator (APR-2).
    Admit(Box<Admission>),
    /// Turn the promo code's reservation into a redemption (SHP-3).
    RedeemPromo {
        /// The promo code.
        promo: PromoUse,
        /// The order that used it.
        order: OrderId,
    },
    /// Put the licensed credential into the account (CRD-1).
    GrantCredential {
        /// The account that activated the licence.
        account: AccountId,
        /// The credential.
        grant: Box<Grant>,
    },
    /// Put an invitation into its application's list (INV-3).
    ListInvitation {
        /// The application that it invites to.
        application: ApplicationId,
        /// The invitation.
        invitation: InvitationId,
        /// When it was created: the list is oldest first.
        created_at: Timestamp,
    },
    /// Make a founded organisation findable for those who register (REG-3).
    IndexOrganisation {
        /// The organisation.
        organisation: OrganisationId,
        /// What it can be found by.
        traits: Vec<[u8; 16]>,
    },
    /// Ask the organisation's administrators to let somebody in (REG-2).
    AskAdministrators {
        /// The organisation.
        organisation: OrganisationId,
        /// Who asks.
        request: Box<JoinRequest>,
    },
    /// Add an application to an organisation that accepted its invitation (INV-7).
    Subscribe {
        /// The organisation.
        organisation: OrganisationId,
        /// The application.
        application: ApplicationId,
        /// Who accepted, and administers the application from now on.
        account: AccountId,
    },
    /// Tell whoever follows a request to be let in what was decided (REG-2, REG-6).
    AnswerRequest {
        /// The registration that became the request.
        registration: RegistrationId,
        /// The organisation that was asked.
        organisation: OrganisationId,
        /// Whether the person is let in.
        let_in: bool,
    },
    /// Create an account for somebody whom an administrator has entered; whoever has one is only offered the membership, of
    /// which the administrator learns nothing (INV-8).
    Enlist {
        /// The wish to let the person in.
        admission: Box<Admission>,
        /// What somebody is told who has an account.
        offer: Box<Message>,
    },
    /// Tell a partner's system of an event (MSG-3).
    Tell {
        /// The partner.
        partner: PartnerId,
        /// The event.
        event: Box<Event>,
    },
    /// Try a delivery that is due, until it has an end (MSG-3).
    Deliver(DeliveryId),
    /// Put a delivery into its partner's list (MSG-3).
    ListDelivery {
        /// The partner.
        partner: PartnerId,
        /// The delivery.
        delivery: DeliveryId,
        /// When it was caused: the list is oldest first.
        created_at: Timestamp,
    },
    /// Tell the organisations of whoever an invitation is addressed to how it stands (INV-7).
    OfferInvitation {
        /// The invitation's slot.
        slot: InvitationSlotId,
        /// To whom it is addressed.
        email: Email,
    },
    /// Send a code to a phone, as long as it is good (CRD-5).
    Call(Box<PhoneCode>),
    /// Keep the promo code for an order for as long as it is unpaid (SHP-2).
    HoldPromo {
        /// The promo code.
        promo: PromoUse,
        /// The order that holds it.
        order: OrderId,
        /// When the order lapses.
        until: Timestamp,
    },
    /// Free the promo code that an order held which will not be paid (SHP-2).
    ReleasePromo {
        /// The promo code.
        promo: PromoUse,
        /// The order that held it.
        order: OrderId,
        /// What it held it for: a later hold is of a payment that came after the order had lapsed.
        held_until: Timestamp,
    },
    /// Put something onto a list that people look at.
    Shelve(Place),
    /// Take it off again.
    Unshelve(Place),
    /// Note that a dead letter was acted upon after all (SHP-7).
    SettleLetter {
        /// The letter.
        letter: DeadLetterId,
        /// Who had it acted upon.
        by: OperatorId,
        /// When.
        at: Timestamp,
    },
    /// Put a batch of promo codes into its partner's list (SHP-2).
    ListBatch {
        /// The partner that pays.
        partner: PartnerId,
        /// The batch.
        batch: BatchId,
        /// When it was ordered: the list is oldest first.
        created_at: Timestamp,
    },
    /// Tell the account of a customer how an order stands (LCH-1).
    TellCustomer {
        /// The account.
        account: AccountId,
        /// The order.
        order: OrderId,
    },
}

impl Effect {
    /// Whether it follows all others of its record: an account is told how an order stands after it was granted what was
    /// activated of that.
    pub fn comes_last(&self) -> bool {
        matches!(self, Self::TellCustomer { .. })
    }

    /// The account that it grants a credential.
    pub fn grants_to(&self) -> Option<AccountId> {
        match self {
            Self::GrantCredential { account, .. } => Some(*account),
            _ => None,
        }
    }
}

/// What of one record could not be carried out now. Some of what comes after it waits as well.
#[derive(Debug, Default)]
pub struct Postponed {
    something: bool,
    grants_to: Vec<AccountId>,
}

impl Postponed {
    /// One more that [grants](Effect::grants_to) a credential, or none.
    pub fn add(&mut self, grants_to: Option<AccountId>) {
        self.something = true;
        self.grants_to.extend(grants_to);
    }

    /// Whether this one has to wait: what takes something off a list, since what waits may be what puts it there; and what tells
    /// an account that nothing of an order is left to be activated, before it has the credential.
    pub fn holds_back(&self, effect: &Effect) -> bool {
        match effect {
            Effect::Unshelve(_) | Effect::Dequeue { .. } => self.something,
            Effect::TellCustomer { account, .. } => self.grants_to.contains(account),
            _ => false,
        }
    }
}

/// A place on a list that people look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The list.
    pub shelf: Shelf,
    /// What is on it: the id of an order or of a dead letter.
    pub id: [u8; 16],
    /// Since when: the list is oldest first.
    pub at: Timestamp,
}

/// A list that people look at, or work off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shelf {
    /// Orders that wait for their invoice to be paid (SHP-5).
    UnpaidInvoices,
    /// Orders that a person has to look at ([`crate::order::Order::is_flagged`]).
    FlaggedOrders,
    /// Webhooks that could not be acted upon ([`crate::dead_letter`]).
    DeadLetters,
    /// What a signed-in person ordered.
    OrdersOf(AccountId),
    /// Orders of which hardware is to be shipped (SHP-8).
    ToShip,
}

impl Shelf {
    /// Its name: letters, digits, dots and hyphens.
    pub fn name(&self) -> String {
        match self {
            Self::UnpaidInvoices => "orders.unpaid".to_owned(),
            Self::FlaggedOrders => "orders.flagged".to_owned(),
            Self::DeadLetters => "letters.dead".to_owned(),
            Self::OrdersOf(account) => format!("orders-of.{account}"),
            Self::ToShip => "orders.to-ship".to_owned(),
        }
    }
}

/// A registration that another record's commit has decided, with what must follow it.
///
/// A shipped effect is never edited: should [`Registration`] change, this one keeps its form for what waits, and the new form
/// gets a variant of its own. So with the organisation of [`Effect::FoundOrganisation`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The registration.
    pub registration: Registration,
    /// What its audit trail begins with.
    pub action: Action,
    /// What must follow.
    pub effects: Vec<Effect>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        credential::grant,
        testing::*,
        values::{CredentialId, LicenceId},
    };

    #[test]
    fn what_undoes_or_follows_a_postponed_effect_waits_for_it() {
        let gateway = gateway();
        let (account, order) = (AccountId::from_bytes([1; 16]), OrderId::from_bytes([3; 16]));
        let tell = Effect::TellCustomer { account, order };
        let place = Place { shelf: Shelf::ToShip, id: [3; 16], at: NOW };
        let (on, off) = (Effect::Shelve(place.clone()), Effect::Unshelve(place));
        let product = product(&gateway, "cobalt-mobile-id");
        let licence = LicenceId::from_bytes([1; 16]);
        let granted = grant(CredentialId::from_bytes([2; 16]), licence, product, String::new(), NOW);
        let grant = Effect::GrantCredential { account, grant: Box::new(granted) };
        let other = Effect::TellCustomer { account: AccountId::from_bytes([2; 16]), order };
        let held_back = |failed: &[&Effect]| {
            let mut postponed = Postponed::default();
            for effect in failed {
                postponed.add(effect.grants_to());
            }
            [&on, &off, &tell, &other, &grant].map(|effect| postponed.holds_back(effect))
        };
        assert_eq!(held_back(&[]), [false; 5]);
        assert_eq!(held_back(&[&on]), [false, true, false, false, false]);
        assert_eq!(held_back(&[&grant, &on]), [false, true, true, false, false], "the account that was to have it");
        assert_eq!([&on, &off, &tell, &grant].map(Effect::comes_last), [false, false, true, false]);
    }
}
