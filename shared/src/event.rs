//! What a partner's system is told by webhook (MSG-3): thin events that name things and say how they stand. They hold no
//! personal data; whoever wants to know more asks for it by the id.

use serde::{Deserialize, Serialize};

use crate::{
    config::Gateway,
    effect::Effect,
    invitation::{InvitationId, InvitationSlot},
    registration::{Origin, Registration, RegistrationState, reference_of},
    values::{ApplicationId, OrderId, PartnerId, RegistrationId, Timestamp},
};

/// The kinds of events, as partners subscribe to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// A registration was submitted with the invitation, or an organisation that exists accepted it.
    InvitationAccepted,
    /// The invitation was revoked.
    InvitationRevoked,
    /// A registration waits for the registrar.
    RegistrationSubmitted,
    /// A registration was approved, by the registrar or by the application's policy.
    RegistrationApproved,
    /// A registration was rejected.
    RegistrationRejected,
    /// An order in the partner's catalogue is complete.
    OrderCompleted,
    /// An order in the partner's catalogue was not paid in time.
    OrderLapsed,
    /// An order in the partner's catalogue was cancelled.
    OrderCancelled,
    /// What was paid for an order in the partner's catalogue was given back.
    OrderRefunded,
}

impl EventKind {
    /// Every kind with its name.
    pub const NAMES: [(&'static str, Self); 9] = [
        ("invitation.accepted", Self::InvitationAccepted),
        ("invitation.revoked", Self::InvitationRevoked),
        ("registration.submitted", Self::RegistrationSubmitted),
        ("registration.approved", Self::RegistrationApproved),
        ("registration.rejected", Self::RegistrationRejected),
        ("order.completed", Self::OrderCompleted),
        ("order.lapsed", Self::OrderLapsed),
        ("order.cancelled", Self::OrderCancelled),
        ("order.refunded", Self::OrderRefunded),
    ];

    /// Its name: the `type` of the webhook.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvitationAccepted => "invitation.accepted",
            Self::InvitationRevoked => "invitation.revoked",
            Self::RegistrationSubmitted => "registration.submitted",
            Self::RegistrationApproved => "registration.approved",
            Self::RegistrationRejected => "registration.rejected",
            Self::OrderCompleted => "order.completed",
            Self::OrderLapsed => "order.lapsed",
            Self::OrderCancelled => "order.cancelled",
            Self::OrderRefunded => "order.refunded",
        }
    }

    /// How what the event is about stands after it.
    const fn state(self) -> &'static str {
        match self {
            Self::InvitationAccepted => "accepted",
            Self::InvitationRevoked => "revoked",
            Self::RegistrationSubmitted => "submitted",
            Self::RegistrationApproved => "approved",
            Self::RegistrationRejected => "rejected",
            Self::OrderCompleted => "completed",
            Self::OrderLapsed => "lapsed",
            Self::OrderCancelled => "cancelled",
            Self::OrderRefunded => "refunded",
        }
    }
}

/// Something that happened, for one partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// To what.
    pub subject: Subject,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// An invitation, and the registration that used it.
    Invitation {
        /// The application that it invites to.
        application: ApplicationId,
        /// The invitation.
        invitation: InvitationId,
        /// The registration, if there is one.
        registration: Option<RegistrationId>,
    },
    /// A registration, and the invitation that it came from.
    Registration {
        /// The application that it is for.
        application: ApplicationId,
        /// The registration.
        registration: RegistrationId,
        /// The invitation, if there was one.
        invitation: Option<InvitationId>,
    },
    /// An order.
    Order(OrderId),
}

/// An event as it leaves: the payload that the Standard Webhooks specification 1.0.0 recommends.
#[derive(Debug, Serialize)]
pub struct Payload {
    r#type: &'static str,
    timestamp: Timestamp,
    data: Data,
}

#[derive(Debug, Default, Serialize)]
struct Data {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<ApplicationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invitation: Option<String>,
    /// Of the registration, as people read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<OrderId>,
}

impl Event {
    /// The event as it leaves. Every try sends the same.
    pub fn payload(&self) -> Payload {
        let state = self.kind.state();
        let data = match &self.subject {
            Subject::Invitation { application, invitation, registration } => Data {
                application: Some(application.clone()),
                invitation: Some(invitation.to_string()),
                reference: registration.map(reference_of),
                ..Data::default()
            },
            Subject::Registration { application, registration, invitation } => Data {
                application: Some(application.clone()),
                invitation: invitation.map(|invitation| invitation.to_string()),
                reference: Some(reference_of(*registration)),
                ..Data::default()
            },
            Subject::Order(order) => Data { order: Some(*order), ..Data::default() },
        };
        Payload { r#type: self.kind.as_str(), timestamp: self.at, data: Data { state, ..data } }
    }
}

impl Gateway {
    /// Tells the application's partner, if its endpoint wants to know.
    pub fn tell_partner_of(&self, application: &ApplicationId, event: Event) -> Option<Effect> {
        self.tell(&self.application(application)?.partner, event)
    }

    /// Tells the partner, if its endpoint wants to know.
    pub fn tell(&self, partner: &PartnerId, event: Event) -> Option<Effect> {
        let endpoint = self.partner(partner)?.endpoint.as_ref()?;
        let wanted = endpoint.events.contains(&event.kind);
        wanted.then(|| Effect::Tell { partner: partner.clone(), event: Box::new(event) })
    }

    /// Tells the application's partner that the slot's current invitation leads to this registration from now on.
    pub fn tell_of_acceptance(
        &self,
        slot: &InvitationSlot,
        registration: RegistrationId,
        now: Timestamp,
    ) -> Option<Effect> {
        let application = slot.application.clone();
        let invitation = InvitationId { slot: slot.id, generation: slot.current.generation };
        let subject =
            Subject::Invitation { application: application.clone(), invitation, registration: Some(registration) };
        self.tell_partner_of(&application, Event { kind: EventKind::InvitationAccepted, at: now, subject })
    }

    /// Tells the application's partner how a registration stands that was just submitted or decided. One that the policy
    /// approves was submitted as well; one that was passed on to an organisation's administrators is none of the partner's.
    pub fn tell_of_registration(&self, registration: &Registration, submitted: bool) -> Vec<Effect> {
        let decided = match registration.state {
            RegistrationState::Submitted => None,
            RegistrationState::Approved { at, .. } => Some((EventKind::RegistrationApproved, at)),
            RegistrationState::Rejected { at, .. } => Some((EventKind::RegistrationRejected, at)),
            RegistrationState::Asked { .. } | RegistrationState::Answered { .. } | RegistrationState::Joined { .. } => {
                return Vec::new();
            }
        };
        let submitted = submitted.then_some((EventKind::RegistrationSubmitted, registration.submitted_at));
        let events = submitted.into_iter().chain(decided).map(|(kind, at)| Event {
            kind,
            at,
            subject: Subject::Registration {
                application: registration.application.clone(),
                registration: registration.id,
                invitation: match registration.origin {
                    Origin::Invited { slot, generation } => Some(InvitationId { slot, generation }),
                    Origin::Public => None,
                },
            },
        });
        events.filter_map(|event| self.tell_partner_of(&registration.application, event)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, NOW};

    fn event(kind: EventKind) -> Event {
        let invitation = InvitationId { slot: crate::values::InvitationSlotId::from_bytes([1; 16]), generation: 7 };
        let application = testing::read("supply-platform");
        let subject = Subject::Invitation { application, invitation, registration: None };
        Event { kind, at: NOW, subject }
    }

    #[test]
    fn msg_3_every_kind_has_its_name() {
        // MSG-3
        for (name, kind) in EventKind::NAMES {
            assert_eq!(kind.as_str(), name);
            assert!(name.starts_with(|first: char| first.is_ascii_lowercase()) && name.contains('.'), "{name}");
        }
    }

    #[test]
    fn msg_3_only_an_endpoint_that_wants_to_know_is_told() {
        // MSG-3
        let mut gateway = testing::gateway();
        let partner = testing::read("anvil");
        assert_eq!(gateway.tell(&partner, event(EventKind::InvitationRevoked)), None, "there is no endpoint");
        let anvil = gateway.partners.iter_mut().find(|known| known.id == partner).expect("configured");
        anvil.endpoint = Some(crate::config::Endpoint {
            url: "https://hooks.anvil.example/".to_owned(),
            secret_variables: vec!["anvil_events_secret".to_owned()],
            events: vec![EventKind::InvitationRevoked],
        });
        assert_eq!(gateway.tell(&partner, event(EventKind::InvitationAccepted)), None);
        let told = event(EventKind::InvitationRevoked);
        let effect = Effect::Tell { partner: partner.clone(), event: Box::new(told.clone()) };
        assert_eq!(gateway.tell(&partner, told.clone()), Some(effect));
        assert_eq!(gateway.tell(&testing::read("cobalt"), told.clone()), None, "it is nothing to another partner");
        assert_eq!(gateway.tell_partner_of(&testing::read("business-network"), told), None);
    }
}
