//! Licences: what a complete order gives, one a unit, and their activation.
//!
//! A licence's record is written before its order is committed, under a key that only its holder can name. It counts
//! only when its order exists and names it, so that a crash between the two leaves nothing that anybody could use.

use serde::{Deserialize, Serialize};

use crate::{
    audit::Action,
    checkout::Order,
    config::Product,
    credential::grant,
    decision::Decision,
    effect::Effect,
    refusal::Refusal,
    secret::{IndexPurpose, Keys},
    values::{AccountId, CredentialId, LicenceId, LicenceKey, OrderId, ProductId, Timestamp},
};

/// What became of a licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LicenceState {
    /// Nobody activated it.
    Issued,
    /// An account activated it.
    Activated {
        /// The account.
        account: AccountId,
        /// When.
        at: Timestamp,
    },
}

/// A licence for one unit of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licence {
    /// The record's id: a keyed index of the licence key, which is stored nowhere else (SHP-6).
    pub id: LicenceId,
    /// The product.
    pub product: ProductId,
    /// The order that must name it.
    pub order: OrderId,
    /// What became of it.
    pub state: LicenceState,
}

/// The record of a licence key.
pub fn licence_id(key: &LicenceKey, keys: &Keys) -> LicenceId {
    LicenceId::from_bytes(keys.index(IndexPurpose::Licence, &[&key.canonical()]))
}

/// The credential that the licence grants: always the same one, so that a repeated activation meets it.
pub fn credential_id(licence: LicenceId, keys: &Keys) -> CredentialId {
    CredentialId::from_bytes(keys.index(IndexPurpose::Credential, &[licence.bytes()]))
}

/// The wish to activate a licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivateLicence {
    /// SHA-256 of the service agreement that the person was shown, hexadecimal.
    pub agreement: String,
    /// Whether the service agreement was accepted.
    pub agreed: bool,
}

impl Licence {
    /// A licence that nobody activated.
    pub fn issued(key: &LicenceKey, product: &ProductId, order: OrderId, keys: &Keys) -> Self {
        Self { id: licence_id(key, keys), product: product.clone(), order, state: LicenceState::Issued }
    }

    /// Whether this account can activate the licence, or did; one answer for every "no" (CRD-1).
    ///
    /// # Errors
    /// [`Refusal::LicenceNotUsable`] when the order does not name it or another account has it.
    pub fn usable_by(&self, order: Option<&Order>, account: AccountId) -> Result<(), Refusal> {
        let named = order.is_some_and(|order| order.id == self.order && order.licences.contains(&self.id));
        let free = match self.state {
            LicenceState::Issued => true,
            LicenceState::Activated { account: holder, .. } => holder == account,
        };
        if named && free { Ok(()) } else { Err(Refusal::LicenceNotUsable) }
    }

    /// Activates the licence for the account (CRD-1). Its own repetition changes nothing and grants again, which is
    /// harmless.
    ///
    /// # Errors
    /// [`Refusal::LicenceNotUsable`], [`Refusal::TermsChanged`], or a field fault when the box is not ticked.
    pub fn activate(
        mut self,
        order: Option<&Order>,
        account: AccountId,
        product: &Product,
        command: &ActivateLicence,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<Decision<Self>, Refusal> {
        self.usable_by(order, account)?;
        if command.agreement != product.agreement_digest() {
            return Err(Refusal::TermsChanged);
        }
        if !command.agreed {
            return Err(Refusal::field("agreed", "not-agreed", "Tick the box if you accept the service agreement."));
        }
        let at = match self.state {
            LicenceState::Issued => now,
            LicenceState::Activated { at, .. } => at,
        };
        let granted = grant(credential_id(self.id, keys), self.id, product, command.agreement.clone(), at);
        self.state = LicenceState::Activated { account, at };
        Ok(Decision::with(
            Action::LicenceActivation,
            self,
            vec![Effect::GrantCredential { account, grant: Box::new(granted) }],
        ))
    }
}

#[cfg(test)]
mod tests;
