//! The units of an order and their activation (SHP-6, CRD-1).

use serde::{Deserialize, Serialize};

use super::{Issue, Order, Stage};
use crate::{
    audit::Action,
    config::{Gateway, Product},
    credential::grant,
    decision::Decision,
    effect::Effect,
    licence::{ActivateLicence, credential_id},
    refusal::Refusal,
    secret::Keys,
    values::{AccountId, LicenceId, LicenceKey, ProductId, Timestamp},
};

/// One unit of a complete order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// The product.
    pub product: ProductId,
    /// The licence that counts for it.
    pub licence: LicenceId,
    /// Who has activated it.
    pub holder: Option<Holder>,
}

/// Who has activated a licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The account.
    pub account: AccountId,
    /// When.
    pub at: Timestamp,
}

impl Unit {
    /// A unit that nobody has activated.
    pub const fn issued(product: ProductId, licence: LicenceId) -> Self {
        Self { product, licence, holder: None }
    }
}

impl Order {
    /// The product of a licence that this account can activate, or did; one answer for every "no" (CRD-1).
    ///
    /// # Errors
    /// [`Refusal::LicenceNotUsable`] when the order does not name the licence, has ended, or another account has it.
    pub fn usable_by(&self, licence: LicenceId, account: AccountId) -> Result<&ProductId, Refusal> {
        let unit = self.units().iter().find(|unit| unit.licence == licence).ok_or(Refusal::LicenceNotUsable)?;
        let complete = matches!(self.stage, Stage::Complete { .. });
        let usable = unit.holder.map_or(complete, |holder| holder.account == account);
        if usable { Ok(&unit.product) } else { Err(Refusal::LicenceNotUsable) }
    }

    /// Activates one of its licences for the account (CRD-1). Its own repetition changes nothing and grants again, which
    /// is harmless.
    ///
    /// # Errors
    /// [`Refusal::LicenceNotUsable`], [`Refusal::TermsChanged`], or a field fault when the box is not ticked.
    pub fn activate(
        mut self,
        licence: LicenceId,
        account: AccountId,
        product: &Product,
        command: &ActivateLicence,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<Decision<Self>, Refusal> {
        if *self.usable_by(licence, account)? != product.id {
            return Err(Refusal::LicenceNotUsable);
        }
        if command.agreement != product.agreement_digest() {
            return Err(Refusal::TermsChanged);
        }
        if !command.agreed {
            return Err(Refusal::field("agreed", "not-agreed", "Tick the box if you accept the service agreement."));
        }
        let (Stage::Complete { units, .. } | Stage::Ended { units, .. }) = &mut self.stage else {
            return Err(Refusal::LicenceNotUsable);
        };
        let unit = units.iter_mut().find(|unit| unit.licence == licence).ok_or(Refusal::LicenceNotUsable)?;
        let at = unit.holder.get_or_insert(Holder { account, at: now }).at;
        let granted = grant(credential_id(licence, keys), licence, product, command.agreement.clone(), at);
        Ok(Decision::with(
            Action::LicenceActivation,
            self,
            vec![Effect::GrantCredential { account, grant: Box::new(granted) }],
        ))
    }
}

impl Issue {
    /// Product names and keys, for the customer's mail.
    pub(super) fn revealed(&self, gateway: &Gateway) -> Vec<(String, String)> {
        let names = self.licences.iter().map(|licence| gateway.product_name(&licence.product));
        names.zip(self.keys.iter().map(LicenceKey::reveal)).collect()
    }
}
