//! Organisations that could be the same as one that registers (REG-3): for the registrant and for who reviews.

use shared::{
    organisation::{Alike, Glimpse, Organisation, Profile, shown, traits_to_search},
    values::{Email, OrganisationId},
};

use crate::{edge::Edge, failure::Failure, platform::Platform};

impl<P: Platform> Edge<P> {
    /// The organisations that could be the same: at most three reads at once, one for each trait, and then at most five at
    /// once, one for each organisation that is shown.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn alike(&self, profile: &Profile, email: &Email) -> Result<Vec<Glimpse>, Failure> {
        let public = &self.gateway.public_form.public_mail_domains;
        let traits = traits_to_search(profile, email, public, &self.keys);
        let found = self.get_all::<Alike>(&traits).await?;
        self.glimpses(&shown(found)).await
    }

    /// What is shown of these organisations.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn glimpses(&self, ids: &[OrganisationId]) -> Result<Vec<Glimpse>, Failure> {
        let found = self.get_all::<Organisation>(ids).await?;
        Ok(found.iter().map(Glimpse::of).collect())
    }
}
