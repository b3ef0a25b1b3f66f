//! Hardware on its way: which serial numbers were shipped for an order, and how (SHP-8).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Order, Stage};
use crate::{
    audit::Action,
    checkout::MAX_UNITS,
    config::{Gateway, Product},
    decision::Decision,
    effect::Effect,
    message::Body,
    operator::OnDuty,
    refusal::{Faults, Refusal},
    values::{LicenceId, Line, OperatorId, ProductId, Seconds, Serial, Timestamp},
};

const NOT_PAID: &str = "It is not fully paid, so nothing of it is shipped.";
const ENDED: &str = "It has ended, so nothing of it is shipped any more.";

/// A parcel that was handed over to a carrier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// When.
    pub at: Timestamp,
    /// By which operator.
    pub by: OperatorId,
    /// Which carrier has it.
    pub carrier: Option<Line<60>>,
    /// Under which number the carrier shows where it is.
    pub tracking: Option<Line<60>>,
    /// What is in it, at least one.
    pub tokens: Vec<ShippedToken>,
}

/// A hardware token that was shipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippedToken {
    /// The product.
    pub product: ProductId,
    /// Its serial number.
    pub serial: Serial,
    /// The licence that was activated with it.
    pub activates: Option<LicenceId>,
}

impl ShippedToken {
    fn of(token: &Packed) -> Self {
        Self { product: token.product.clone(), serial: token.serial.clone(), activates: None }
    }
}

/// A parcel as it is entered.
#[derive(Debug, Clone, Default)]
pub struct RawParcel {
    /// What is in it.
    pub tokens: Vec<RawToken>,
    /// The carrier; blank when it is not said.
    pub carrier: String,
    /// The tracking number; blank when there is none.
    pub tracking: String,
}

/// A token as it is entered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawToken {
    /// The product's id.
    pub product: String,
    /// The serial number; blank when this unit is not in the parcel.
    #[serde(default)]
    pub serial: String,
}

/// The wish to note that a parcel was shipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// The carrier.
    pub carrier: Option<Line<60>>,
    /// The tracking number.
    pub tracking: Option<Line<60>>,
    /// What is in it.
    pub tokens: Vec<Packed>,
}

/// A token in a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Where it stands in what was entered, for the faults.
    pub place: usize,
    /// The product.
    pub product: ProductId,
    /// The serial number.
    pub serial: Serial,
}

impl Parcel {
    /// Parses every field and collects every fault. Serial numbers that are left blank stay for another parcel.
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`] with all faults.
    pub fn parse(raw: &RawParcel) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        let carrier = faults.check_optional("carrier", &raw.carrier, str::parse);
        let tracking = faults.check_optional("tracking", &raw.tracking, str::parse);
        let mut tokens: Vec<Packed> = Vec::new();
        for (place, token) in raw.tokens.iter().enumerate().take(MAX_UNITS as usize) {
            let product = faults.check(format!("tokens.{place}.product"), token.product.parse());
            let serial = faults.check_optional(format!("tokens.{place}.serial"), &token.serial, str::parse);
            if let (Some(product), Some(Some(serial))) = (product, serial) {
                if tokens.iter().any(|other| other.serial == serial) {
                    faults.add(format!("tokens.{place}.serial"), "repeated", "Enter each serial number once.");
                } else {
                    tokens.push(Packed { place, product, serial });
                }
            }
        }
        if raw.tokens.len() > MAX_UNITS as usize {
            faults.add("tokens", "out-of-range", "Ship at most 20 tokens at once.");
        } else if faults.is_empty() && tokens.is_empty() {
            faults.add("tokens", "serial-missing", "Enter the serial number of at least one token.");
        }
        faults.finish(Some(Self { carrier: carrier.flatten(), tracking: tracking.flatten(), tokens }))
    }
}

/// Which serial numbers are this order's, should it name them, and why the others are not ([`super::ShippedSerial`]).
pub type Claims = BTreeMap<Serial, Result<(), Refusal>>;

/// What came of one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It was noted.
    Shipped,
    /// It had been noted before.
    Unchanged,
}

/// What came of a parcel.
#[derive(Debug)]
pub struct Dispatch {
    /// The change, if there is one.
    pub decision: Option<Decision<Order>>,
    /// What came of each token, in their order.
    pub outcomes: Vec<Result<Taken, Refusal>>,
}

impl Dispatch {
    /// All of it or nothing.
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`] with the fault of every token, or what stands against the whole parcel.
    pub fn whole(self, parcel: &Parcel) -> Result<Option<Decision<Order>>, Refusal> {
        let mut faults = Faults::default();
        for (token, outcome) in parcel.tokens.iter().zip(self.outcomes) {
            if let Err(refusal) = outcome {
                faults.adopt::<()>(&format!("tokens.{}.", token.place), Err(refusal))?;
            }
        }
        faults.finish(Some(self.decision))
    }
}

/// The wish to replace a serial number that was mistyped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// What stands there.
    pub wrong: Serial,
    /// What stands on the token.
    pub right: Serial,
}

impl Correction {
    /// Parses both fields and collects every fault.
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`] with all faults.
    pub fn parse(wrong: &str, right: &str) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        let wrong = faults.check("wrong", wrong.parse());
        let right = faults.check("right", right.parse());
        let parsed = wrong.zip(right).map(|(wrong, right)| Self { wrong, right });
        faults.finish(parsed)
    }
}

impl Order {
    /// The parcel was shipped (SHP-8). Each token is judged by itself; what was noted before changes nothing. The customer is
    /// told of the parcel, never of the numbers in it.
    ///
    /// `claims` has the serial numbers that are to be named: what it lacks is refused with [`Refusal::Busy`].
    pub fn ship(
        mut self,
        parcel: &Parcel,
        claims: &Claims,
        by: &OnDuty<'_>,
        gateway: &Gateway,
        now: Timestamp,
    ) -> Dispatch {
        let waited = self.to_ship(gateway);
        let mut tokens: Vec<ShippedToken> = Vec::new();
        let judge = |token: &Packed| {
            let outcome = self.judge(token, &tokens, claims, gateway);
            if outcome == Ok(Taken::Shipped) {
                tokens.push(ShippedToken::of(token));
            }
            outcome
        };
        let outcomes = parcel.tokens.iter().map(judge).collect();
        if tokens.is_empty() {
            return Dispatch { decision: None, outcomes };
        }
        let mail = self.bought.as_ref().map(|bought| {
            let text = |line: &Option<Line<60>>| line.as_ref().map(ToString::to_string);
            bought.mail(Body::TokenShipped {
                order: self.reference(),
                lines: counted(&tokens, gateway),
                carrier: text(&parcel.carrier),
                tracking: text(&parcel.tracking),
            })
        });
        let (carrier, tracking) = (parcel.carrier.clone(), parcel.tracking.clone());
        self.shipments.push(Shipment { at: now, by: by.id().clone(), carrier, tracking, tokens });
        let off = waited.filter(|_| self.to_ship(gateway).is_none()).map(Effect::Unshelve);
        let effects = mail.into_iter().chain(off).chain(self.tell_customer()).collect();
        Dispatch { decision: Some(Decision::with(Action::Shipment, self, effects)), outcomes }
    }

    fn judge(
        &self,
        token: &Packed,
        packed: &[ShippedToken],
        claims: &Claims,
        gateway: &Gateway,
    ) -> Result<Taken, Refusal> {
        match &self.stage {
            Stage::Complete { .. } => {}
            Stage::Unpaid { .. } => return Err(Refusal::WrongStage { hint: NOT_PAID }),
            Stage::Ended { .. } => return Err(Refusal::WrongStage { hint: ENDED }),
        }
        if let Some(known) = self.token(&token.serial) {
            let hint =
                "This serial number was shipped with this order as another product. Check the number on the token.";
            return if known.product == token.product {
                Ok(Taken::Unchanged)
            } else {
                Err(Refusal::field("serial", "serial-shipped", hint))
            };
        }
        if packed.iter().any(|other| other.serial == token.serial) {
            return Ok(Taken::Unchanged);
        }
        let in_parcel = packed.iter().filter(|other| other.product == token.product).count();
        if self.unshipped(&token.product, gateway) <= in_parcel {
            let hint = "No unit of this product is left to be shipped. To replace a wrong number, correct it.";
            return Err(Refusal::field("serial", "no-unit-left", hint));
        }
        match claims.get(&token.serial) {
            Some(Ok(())) => Ok(Taken::Shipped),
            Some(Err(refusal)) => Err(refusal.clone()),
            None => Err(Refusal::Busy { retry_after: Seconds(2) }),
        }
    }

    /// The serial numbers of the parcel that it would name next and that nobody has tried to claim for it: as many as units
    /// wait at most. Once they are among the `claims`, there may be more, in place of those that are not to be had.
    pub fn to_claim<'a>(&self, parcel: &'a Parcel, claims: &Claims, gateway: &Gateway) -> Vec<&'a Serial> {
        let unknown = |token: &&Packed| !claims.contains_key(&token.serial);
        let hoped: Claims = parcel.tokens.iter().filter(unknown).map(|token| (token.serial.clone(), Ok(()))).collect();
        let hoped: Claims = hoped.into_iter().chain(claims.clone()).collect();
        let mut packed: Vec<ShippedToken> = Vec::new();
        let fits = |token: &&Packed| {
            let fits = self.judge(token, &packed, &hoped, gateway) == Ok(Taken::Shipped);
            if fits {
                packed.push(ShippedToken::of(token));
            }
            fits
        };
        parcel.tokens.iter().filter(fits).filter(unknown).map(|token| &token.serial).collect()
    }

    /// Replaces a serial number that was mistyped, as long as nobody has activated a licence with it (SHP-8). `None` when it
    /// was replaced before.
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`], [`Refusal::WrongStage`]; [`Refusal::Busy`] when the right one is not `claimed` yet.
    pub fn correct(mut self, correction: &Correction, claimed: bool) -> Result<Option<Decision<Self>>, Refusal> {
        let Correction { wrong, right } = correction;
        if matches!(self.stage, Stage::Ended { .. }) {
            return Err(Refusal::WrongStage { hint: "It has ended, so its serial numbers do not matter any more." });
        }
        if self.tokens().next().is_none() {
            return Err(Refusal::WrongStage { hint: "Nothing of it was shipped yet." });
        }
        match (self.token(wrong).is_some(), self.token(right).is_some()) {
            (_, true) if wrong == right => return Ok(None),
            (false, true) => return Ok(None),
            (true, true) => {
                let hint = "This serial number was shipped with this order as well. Check the number on the token.";
                return Err(Refusal::field("right", "serial-shipped", hint));
            }
            (false, false) => {
                return Err(Refusal::field(
                    "wrong",
                    "unknown",
                    "Enter a serial number that was shipped with this order.",
                ));
            }
            (true, false) => {}
        }
        let mut tokens = self.shipments.iter_mut().flat_map(|shipment| &mut shipment.tokens);
        let token = tokens.find(|token| token.serial == *wrong).ok_or(Refusal::NotFound)?;
        if token.activates.is_some() {
            return Err(Refusal::WrongStage {
                hint: "A licence was activated with this token, so its number is right.",
            });
        }
        if !claimed {
            return Err(Refusal::Busy { retry_after: Seconds(2) });
        }
        token.serial = right.clone();
        Ok(Some(Decision::quiet(Action::ShipmentCorrection, self)))
    }

    /// Everything that was shipped.
    pub fn tokens(&self) -> impl Iterator<Item = &ShippedToken> {
        self.shipments.iter().flat_map(|shipment| &shipment.tokens)
    }

    /// The shipped token with this serial number.
    pub fn token(&self, serial: &Serial) -> Option<&ShippedToken> {
        self.tokens().find(|token| token.serial == *serial)
    }

    /// Whether a token of this product was shipped that no other licence has taken.
    pub(super) fn has_token_for(&self, licence: LicenceId, product: &ProductId) -> bool {
        let free = |token: &ShippedToken| token.activates.is_none_or(|taken| taken == licence);
        self.tokens().any(|token| token.product == *product && free(token))
    }

    /// Whether it was shipped with this token, and somebody can activate a licence with it or has.
    pub(super) fn needs_token(&self, serial: &Serial) -> bool {
        let is_alive = matches!(self.stage, Stage::Complete { .. });
        self.token(serial).is_some_and(|token| is_alive || token.activates.is_some())
    }

    /// Units of a hardware product that are still to be shipped.
    fn unshipped(&self, product: &ProductId, gateway: &Gateway) -> usize {
        if !is_hardware(product, gateway) {
            return 0;
        }
        let ordered = self.units().iter().filter(|unit| unit.product == *product).count();
        ordered.saturating_sub(self.tokens().filter(|token| token.product == *product).count())
    }

    /// The product of every unit that is to be shipped; nothing before it is paid, or after it has ended (SHP-5).
    pub fn to_be_shipped(&self, gateway: &Gateway) -> Vec<ProductId> {
        if !matches!(self.stage, Stage::Complete { .. }) {
            return Vec::new();
        }
        let mut products: Vec<&ProductId> = Vec::new();
        for unit in self.units() {
            if !products.contains(&&unit.product) {
                products.push(&unit.product);
            }
        }
        let left = |product: &ProductId| core::iter::repeat_n(product.clone(), self.unshipped(product, gateway));
        products.into_iter().flat_map(left).collect()
    }
}

/// Whether a product is shipped.
pub(super) fn is_hardware(product: &ProductId, gateway: &Gateway) -> bool {
    gateway.product(product).is_some_and(Product::is_hardware)
}

/// Product names and quantities.
fn counted(tokens: &[ShippedToken], gateway: &Gateway) -> Vec<(String, u32)> {
    let mut lines: Vec<(String, u32)> = Vec::new();
    for token in tokens {
        let name = gateway.product_name(&token.product);
        match lines.iter_mut().find(|(known, _)| *known == name) {
            Some((_, quantity)) => *quantity = quantity.saturating_add(1),
            None => lines.push((name, 1)),
        }
    }
    lines
}

impl Shipment {
    /// What is in it: product names and quantities.
    pub fn lines(&self, gateway: &Gateway) -> Vec<(String, u32)> {
        counted(&self.tokens, gateway)
    }
}
