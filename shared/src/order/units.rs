//! The units of an order and their activation (SHP-6, SHP-8, CRD-1).

use serde::{Deserialize, Serialize};

use super::{Issue, Order, Stage, shipments::is_hardware};
use crate::{
    audit::{Action, Denial},
    config::{Gateway, Product, ProductKind},
    credential::grant,
    decision::{Counted, Decision},
    effect::Effect,
    licence::{ActivateLicence, credential_id},
    message::{Body, IssuedKey},
    refusal::Refusal,
    secret::Keys,
    values::{AccountId, LicenceId, LicenceKey, ProductId, Serial, Timestamp},
};

/// Wrong serial numbers after which a licence key takes no more: whoever holds the token does not need as many, and numbers
/// follow each other, so that they could be guessed. New licence keys begin anew.
pub const MAX_WRONG_SERIALS: u8 = 10;

/// One unit of a complete order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// The product.
    pub product: ProductId,
    /// The licence that counts for it.
    pub licence: LicenceId,
    /// Who has activated it.
    pub holder: Option<Holder>,
    /// Serial numbers that were entered for it and were none (SHP-8).
    pub wrong_serials: u8,
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
        Self { product, licence, holder: None, wrong_serials: 0 }
    }

    /// Whether so many wrong serial numbers were entered for it that it takes none any more; new licence keys begin anew.
    pub const fn takes_no_serial(&self) -> bool {
        self.wrong_serials >= MAX_WRONG_SERIALS
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

    /// As [`Order::usable_by`], for who wants to activate it now: of hardware a token has to be shipped that no other licence
    /// has taken (SHP-8).
    ///
    /// # Errors
    /// [`Refusal::LicenceNotUsable`]; [`Refusal::ShipmentPending`].
    pub fn ready_for<'a>(
        &self,
        licence: LicenceId,
        account: AccountId,
        gateway: &'a Gateway,
    ) -> Result<&'a Product, Refusal> {
        let product = gateway.product(self.usable_by(licence, account)?).ok_or(Refusal::LicenceNotUsable)?;
        self.require_shipped(licence, product)?;
        Ok(product)
    }

    fn require_shipped(&self, licence: LicenceId, product: &Product) -> Result<(), Refusal> {
        let ready = !product.is_hardware() || self.has_token_for(licence, &product.id);
        if ready { Ok(()) } else { Err(Refusal::ShipmentPending) }
    }

    /// Activates one of its licences for the account (CRD-1), of hardware with the serial number of a shipped token, which is
    /// bound to it (SHP-8). Its own repetition changes nothing and grants again, which is harmless.
    ///
    /// # Errors
    /// [`Refusal::LicenceNotUsable`], [`Refusal::ShipmentPending`], [`Refusal::TermsChanged`], [`Refusal::SerialNotUsable`], or
    /// a field fault when the box is not ticked or a serial number is missing.
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
        self.require_shipped(licence, product)?;
        if command.agreement != product.agreement_digest() {
            return Err(Refusal::TermsChanged);
        }
        if !command.agreed {
            return Err(Refusal::field("agreed", "not-agreed", "Tick the box if you accept the service agreement."));
        }
        let serial = match product.kind {
            ProductKind::HardwareToken => Some(self.bind(licence, product, command.serial.as_ref())?),
            ProductKind::AuthenticatorApp | ProductKind::Phone => None,
        };
        let unit = self.unit_mut(licence).ok_or(Refusal::LicenceNotUsable)?;
        let repeated = unit.holder.is_some();
        let at = unit.holder.get_or_insert(Holder { account, at: now }).at;
        let granted = grant(credential_id(licence, keys), licence, product, command.agreement.clone(), at);
        let granted = crate::credential::Grant { serial, ..granted };
        let told = self.tell_customer().filter(|_| !repeated);
        let grant = Effect::GrantCredential { account, grant: Box::new(granted) };
        let effects = core::iter::once(grant).chain(told).collect();
        Ok(Decision::with(Action::LicenceActivation, self, effects))
    }

    /// As [`Order::activate`], where a wrong serial number is counted before it is told: numbers follow each other, so that
    /// whoever has got hold of a licence key alone could try some.
    ///
    /// # Errors
    /// What is refused without having been judged.
    pub fn try_activate(
        self,
        licence: LicenceId,
        account: AccountId,
        product: &Product,
        command: &ActivateLicence,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<Counted<Self, Result<(), Refusal>>, Refusal> {
        let mut counting = self.clone();
        match self.activate(licence, account, product, command, keys, now) {
            Ok(activated) => Ok(Counted::new(activated, Ok(()))),
            Err(Refusal::SerialNotUsable) => {
                let unit = counting.unit_mut(licence).ok_or(Refusal::LicenceNotUsable)?;
                if unit.holder.is_some() || unit.takes_no_serial() {
                    return Err(Refusal::SerialNotUsable);
                }
                unit.wrong_serials = unit.wrong_serials.saturating_add(1);
                let counted = Decision::quiet(Action::LicenceActivation, counting).refused(Denial::WrongSerial);
                Ok(Counted::new(counted, Err(Refusal::SerialNotUsable)))
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// Binds the shipped token with this serial number to the licence: one token, one licence.
    fn bind(&mut self, licence: LicenceId, product: &Product, entered: Option<&Serial>) -> Result<Serial, Refusal> {
        let missing =
            || Refusal::field("serial", "serial-missing", "Enter the serial number on the back of the token.");
        let entered = entered.ok_or_else(missing)?;
        let unit = self.unit_mut(licence).ok_or(Refusal::LicenceNotUsable)?;
        if unit.takes_no_serial() {
            return Err(Refusal::SerialNotUsable);
        }
        let bound = unit.holder.is_some();
        let mut tokens = self.shipments.iter_mut().flat_map(|shipment| &mut shipment.tokens);
        let token = tokens.find(|token| token.serial == *entered && token.product == product.id);
        match token {
            Some(token) if token.activates == Some(licence) => Ok(token.serial.clone()),
            Some(token) if token.activates.is_none() && !bound => {
                token.activates = Some(licence);
                Ok(token.serial.clone())
            }
            _ => Err(Refusal::SerialNotUsable),
        }
    }

    fn unit_mut(&mut self, licence: LicenceId) -> Option<&mut Unit> {
        match &mut self.stage {
            Stage::Complete { units, .. } | Stage::Ended { units, .. } => {
                units.iter_mut().find(|unit| unit.licence == licence)
            }
            Stage::Unpaid { .. } => None,
        }
    }
}

impl Issue {
    /// Products and keys, for the customer's mail.
    pub(super) fn revealed(&self) -> Vec<(&ProductId, String)> {
        let products = self.licences.iter().map(|licence| &licence.product);
        products.zip(self.keys.iter().map(LicenceKey::reveal)).collect()
    }
}

/// The mail with these licence keys; those of hardware are no good without it, and wait for what is still `to_ship` (SHP-8).
pub(super) fn keys_mail(order: String, keys: Vec<(&ProductId, String)>, to_ship: bool, gateway: &Gateway) -> Body {
    let named = |product: &ProductId| gateway.product_name(product);
    if keys.iter().any(|(product, _)| is_hardware(product, gateway)) {
        let issued =
            |(product, key)| IssuedKey { product: named(product), key, of_token: is_hardware(product, gateway) };
        return Body::LicencesOfHardware { order, keys: keys.into_iter().map(issued).collect(), to_ship };
    }
    Body::Licences { order, keys: keys.into_iter().map(|(product, key)| (named(product), key)).collect() }
}
