//! Invitations that wait for an organisation's administrators (INV-7).

use serde::{Deserialize, Serialize};

use super::Organisation;
use crate::{
    account::SignedIn,
    audit::Action,
    decision::Decision,
    invitation::{InvitationId, InvitationSlot, InvitationState},
    values::{ApplicationId, Timestamp},
};

/// Invitations that an organisation remembers; the one that ends first gives way. Its link works all the same.
pub const MAX_OFFERS: usize = 20;

/// An invitation of one of the organisation's people, which its administrators may accept for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The invitation.
    pub invitation: InvitationId,
    /// The application that it invites to.
    pub application: ApplicationId,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

impl Organisation {
    /// Brings what the organisation remembers of a slot's invitation up to date: it is on offer while it is pending and the
    /// organisation does not have the application.
    pub fn offered(mut self, slot: &InvitationSlot, now: Timestamp) -> Decision<Self> {
        let wanted = (slot.current.state(now) == InvitationState::Pending
            && !self.subscriptions.contains_key(&slot.application))
        .then(|| Offer {
            invitation: slot.current_id(),
            application: slot.application.clone(),
            expires_at: slot.current.expires_at,
        });
        let known = self.offers.iter().find(|offer| offer.invitation.slot == slot.id);
        if known != wanted.as_ref() {
            self.offers.retain(|offer| offer.invitation.slot != slot.id && now < offer.expires_at);
            self.offers.extend(wanted);
        }
        if self.offers.len() > MAX_OFFERS {
            let ends_first = self.offers.iter().enumerate().min_by_key(|(_, offer)| offer.expires_at);
            if let Some((position, _)) = ends_first {
                self.offers.remove(position);
            }
        }
        Decision::quiet(Action::InvitationOffer, self)
    }

    /// The invitations that this person may accept for the organisation: its administrators may, whoever of its people they
    /// are addressed to.
    pub fn offers_to<'a>(&'a self, person: &SignedIn<'_>, now: Timestamp) -> impl Iterator<Item = &'a Offer> {
        let administers = person.membership.organisation == self.id && person.membership.organisation_administrator;
        self.offers.iter().filter(move |offer| administers && now < offer.expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        account::{Account, Membership},
        config::Gateway,
        invitation::{CreateInvitation, RawInvitation, Wish},
        testing::*,
    };

    /// A pending invitation of the n-th person to the public application, until so many seconds from now.
    fn slot(gateway: &Gateway, n: u64, seconds: u64) -> InvitationSlot {
        let raw = RawInvitation {
            application: "business-network".to_owned(),
            organisation: "Birch Machining GmbH".to_owned(),
            given_name: "Bea".to_owned(),
            family_name: "Birch".to_owned(),
            email: format!("person{n}@birch.example"),
            profile: None,
            lifetime_days: None,
            send_email: None,
        };
        let command = CreateInvitation::parse(raw).expect("a checked request");
        let application = application(gateway, "business-network");
        let partner = gateway.partner(&application.partner).expect("configured");
        let wish = Wish { command: &command, claim: [1; 16], partner, application };
        let mut slot = InvitationSlot::open(&wish, &keys(), NOW, &mut Seeded(n)).decision.next;
        slot.current.expires_at = after(seconds);
        slot
    }

    fn offered(known: &Organisation, slot: &InvitationSlot) -> Organisation {
        known.clone().offered(slot, NOW).next
    }

    fn administrator() -> Account {
        let membership = Membership { organisation_administrator: true, ..membership() };
        Account { memberships: vec![membership], ..account() }
    }

    #[test]
    fn inv_7_an_organisation_remembers_which_invitations_of_its_people_are_pending() {
        // INV-7
        let gateway = gateway();
        let mut known = organisation(&gateway);
        assert_eq!(offered(&known, &slot(&gateway, 1, 1000)), known, "it has the application");
        known.subscriptions.clear();
        for n in 0..25 {
            let slot = slot(&gateway, n, 1000 + n);
            known = offered(&known, &slot);
            assert!(known.offers.iter().any(|offer| offer.invitation.slot == slot.id), "a new one");
            assert_eq!(offered(&known, &slot), known, "told again");
        }
        assert_eq!(known.offers.len(), MAX_OFFERS);
        assert!(known.offers.iter().all(|offer| offer.expires_at > after(1004)), "those that end first give way");
        let longer = offered(&known, &slot(&gateway, 24, 9000));
        assert!(longer.offers.iter().any(|offer| offer.expires_at == after(9000)), "sent again");
        assert_eq!(longer.offers.len(), MAX_OFFERS);
        let ended = offered(&longer, &slot(&gateway, 24, 0));
        assert_eq!(ended.offers.len(), MAX_OFFERS - 1, "it is not pending any more");
        let has_it = ended.subscribe(&slot(&gateway, 1, 1000).application, NOW).expect("new to it").next;
        assert_eq!(has_it.offers, []);
    }

    #[test]
    fn inv_7_only_the_organisations_administrators_find_what_is_pending() {
        // INV-7, ACC-5
        let gateway = gateway();
        let mut known = organisation(&gateway);
        known.subscriptions.clear();
        let slot = slot(&gateway, 1, 1000);
        let known = offered(&known, &slot);
        let found = |known: &Organisation, account: &Account, now| {
            let person = signed_in(account);
            let seen = known.offers_to(&person, now).count();
            let accepts = slot.offered_to(slot.current_id(), known, &person, now).is_ok();
            assert_eq!(seen == 1, accepts);
            accepts
        };
        assert!(found(&known, &administrator(), NOW) && found(&known, &administrator(), after(999)));
        assert!(!found(&known, &administrator(), after(1000)), "its time is over");
        assert!(!found(&known, &account(), NOW), "an ordinary user");
        let other = Organisation { id: crate::values::OrganisationId::from_bytes([9; 16]), ..known };
        assert!(!found(&other, &administrator(), NOW), "another organisation");
    }
}
