//! Invitations that wait for an organisation, for its administrator to whom they are addressed (INV-7).

use serde::Serialize;
use shared::{
    account::SignedIn,
    invitation::{InvitationId, InvitationSlot, slots_to_look_at},
    values::Timestamp,
};

use crate::{edge::Edge, failure::Failure, platform::Platform};

/// Invitations that are looked for at the same time.
const AT_ONCE: usize = 20;

/// An invitation as its addressee's pages list it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Addressed {
    /// The application's name.
    pub application: String,
    /// The inviting company.
    pub company: String,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
    /// Where it is accepted.
    pub href: String,
}

impl<P: Platform> Edge<P> {
    /// The invitations that wait for this person to accept them for the organisation, of the first `at_most` applications
    /// that the person does not use: one read each, twenty at the same time. No read for anybody who may not accept.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn invitations_to(&self, person: &SignedIn<'_>, at_most: usize) -> Result<Vec<Addressed>, Failure> {
        let slots = slots_to_look_at(person, &self.gateway.applications, &self.keys).take(at_most);
        let mut found = Vec::new();
        for some in slots.collect::<Vec<_>>().chunks(AT_ONCE) {
            found.extend(self.get_all::<InvitationSlot>(some).await?);
        }
        Ok(found.iter().filter_map(|slot| self.addressed(slot, person)).collect())
    }

    fn addressed(&self, slot: &InvitationSlot, person: &SignedIn<'_>) -> Option<Addressed> {
        slot.addressed_to(person, self.now).ok()?;
        let application = self.gateway.application(&slot.application)?;
        let id = InvitationId { slot: slot.id, generation: slot.current.generation };
        Some(Addressed {
            application: application.name.clone(),
            company: self.gateway.partner(&application.partner)?.name.clone(),
            expires_at: slot.current.expires_at,
            href: format!("/invite/accept?invitation={id}"),
        })
    }
}
