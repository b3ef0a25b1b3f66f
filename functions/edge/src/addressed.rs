//! Invitations that wait for an organisation, as its administrators' pages list them (INV-7).

use serde::Serialize;
use shared::{
    account::SignedIn,
    organisation::{Offer, Organisation},
    values::Timestamp,
};

use crate::{edge::Edge, platform::Platform};

/// An invitation as a page lists it.
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
    /// The invitations that wait for this person to accept them for the organisation; none for anybody who may not.
    pub fn invitations_to(&self, person: &SignedIn<'_>, organisation: &Organisation) -> Vec<Addressed> {
        organisation.offers_to(person, self.now).filter_map(|offer| self.addressed(offer)).collect()
    }

    fn addressed(&self, offer: &Offer) -> Option<Addressed> {
        let application = self.gateway.application(&offer.application)?;
        Some(Addressed {
            application: application.name.clone(),
            company: self.gateway.partner(&application.partner)?.name.clone(),
            expires_at: offer.expires_at,
            href: format!("/invite/accept?invitation={}", offer.invitation),
        })
    }
}
