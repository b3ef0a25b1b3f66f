//! Orders: what became of a purchase, in the built-in storefront or in a partner's webstore.
//!
//! An order's id derives from its cause (the checkout form's random id, or the webstore's order id), so that a double
//! click, a retry or a second event meets the same record. Whatever is fought over about a purchase is in that one record:
//! payment against cancellation, refund against activation, and which licence keys count. So one commit decides each.
//!
//! News of an order comes in any order and any number of times. What is known only grows, and an end outweighs a payment:
//! whichever comes first, a cancelled order gives no licence that anybody could still activate (SHP-7).

use serde::{Deserialize, Serialize};

use crate::{
    audit::Action,
    checkout::{Cart, Customer, OrderLine, PlaceOrder},
    config::{Address, Gateway, Partner},
    decision::Decision,
    effect::Effect,
    event::{Event, EventKind, Subject},
    licence::Licence,
    message::{Body, Message},
    promo::PromoUse,
    refusal::Refusal,
    secret::{Entropy, IndexPurpose, Keys, PlainToken, TokenDigest, TokenPurpose, digest256},
    values::{
        AccountId, FormId, LicenceKey, Line, Money, OperatorId, OrderId, PartnerId, ProductId, Seconds, Timestamp,
    },
};

mod card;
mod customer;
mod news;
mod places;
mod serials;
mod shipments;
mod units;

pub use card::Bill;
pub use news::{News, Sale};
pub use serials::{CLAIM_LIFETIME, ShippedSerial};
pub use shipments::{Claims, Correction, Dispatch, Packed, Parcel, RawParcel, RawToken, Shipment, ShippedToken, Taken};
pub use units::{Holder, MAX_WRONG_SERIALS, Unit};

/// How long the customer waits before the licence keys of an order are sent again: each time kills the keys before.
pub const REISSUE_PAUSE: Seconds = Seconds::minutes(5);

/// Where an order came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// The built-in storefront.
    Storefront {
        /// The account of the customer, who was signed in; `None` for a guest.
        account: Option<AccountId>,
    },
    /// A partner's webstore.
    Webstore {
        /// The order's id there.
        order: Line<80>,
    },
}

/// How an order is paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payment {
    /// There is nothing to pay.
    Nothing,
    /// By card, on the payment provider's page.
    Card,
    /// By invoice.
    Invoice {
        /// The customer's purchase-order number.
        purchase_order: Option<Line<40>>,
    },
    /// In the partner's webstore.
    Webstore,
}

/// The wish to pay in one of the storefront's ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayBy {
    /// By card, on the payment provider's page.
    Card,
    /// On an invoice.
    Invoice {
        /// The customer's purchase-order number.
        purchase_order: Option<Line<40>>,
    },
}

impl Payment {
    /// Its name: stable, for programs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Card => "card",
            Self::Invoice { .. } => "invoice",
            Self::Webstore => "webstore",
        }
    }

    /// The customer's purchase-order number, where one stands on an invoice.
    pub const fn purchase_order(&self) -> Option<&Line<40>> {
        match self {
            Self::Invoice { purchase_order } => purchase_order.as_ref(),
            Self::Nothing | Self::Card | Self::Webstore => None,
        }
    }

    /// How the storefront's order is paid, and how long it waits for that; not at all when there is nothing to pay (SHP-5).
    ///
    /// # Errors
    /// [`Refusal::PaymentNotCovered`] where the partner takes promo codes only; a field fault when a way has to be chosen, or
    /// another one.
    pub fn chosen(total: Money, wish: Option<&PayBy>, partner: &Partner) -> Result<(Self, Option<Seconds>), Refusal> {
        if total.is_zero() {
            return Ok((Self::Nothing, None));
        }
        match (wish, partner.card_minutes, partner.invoice_days) {
            (_, None, None) => Err(Refusal::PaymentNotCovered { remaining: total.to_string() }),
            (Some(PayBy::Card), Some(minutes), _) => Ok((Self::Card, Some(card::waits(minutes)))),
            (Some(PayBy::Invoice { purchase_order }), _, Some(days)) => {
                Ok((Self::Invoice { purchase_order: purchase_order.clone() }, Some(Seconds::days(u64::from(days)))))
            }
            _ => Err(Refusal::field("pay_by", "not-chosen", "Choose how you want to pay.")),
        }
    }
}

/// What was ordered, by whom, and for how much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bought {
    /// Who buys.
    pub customer: Customer,
    /// What.
    pub lines: Vec<OrderLine>,
    /// What is to be paid for it.
    pub total: Money,
    /// How.
    pub payment: Payment,
    /// The promo code that takes something off.
    pub promo: Option<PromoUse>,
    /// Whose address stands on the bill: that of the partner that pays with its code (SHP-4), or the customer's where an
    /// invoice is sent (SHP-1).
    pub bill_to: Option<Address>,
    /// Digest of what was ordered, to tell a repetition from a contradiction.
    pub content: [u8; 32],
    /// When.
    pub placed_at: Timestamp,
    /// Where hardware is shipped; `None` where there is none, and where a webstore does not say (SHP-1).
    pub ship_to: Option<Address>,
}

/// The addresses that a customer enters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Where hardware is shipped.
    pub shipping: Option<Address>,
    /// What stands on an invoice.
    pub billing: Option<Address>,
}

impl Bought {
    /// What a cart comes to.
    pub fn of(
        cart: &Cart<'_>,
        customer: Customer,
        total: Money,
        payment: Payment,
        promo: Option<PromoUse>,
        now: Timestamp,
    ) -> Self {
        let content = content_digest(cart, &customer, &Addresses::default());
        let lines = cart.order_lines();
        Self { customer, lines, total, payment, promo, bill_to: None, content, placed_at: now, ship_to: None }
    }

    fn mail(&self, body: Body) -> Effect {
        let (to, name) = (self.customer.email.clone(), self.customer.name.full());
        Effect::Send(Box::new(Message { to, name, body }))
    }

    fn named_lines(&self, gateway: &Gateway) -> Vec<(String, u32)> {
        self.lines.iter().map(|line| (gateway.product_name(&line.product), line.quantity)).collect()
    }

    /// The same with this address on the bill (SHP-4).
    #[must_use]
    pub fn billed_to(self, address: Option<Address>) -> Self {
        Self { bill_to: address, ..self }
    }

    /// The same for what the customer has entered besides (SHP-1). Who repeats the order has to enter it again.
    #[must_use]
    pub fn addressed(self, cart: &Cart<'_>, addresses: &Addresses) -> Self {
        let content = content_digest(cart, &self.customer, addresses);
        Self { ship_to: addresses.shipping.clone(), content, ..self }
    }
}

/// How far an order has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// It waits for its payment.
    Unpaid {
        /// Until when; `None` leaves that to the webstore it came from.
        lapses_at: Option<Timestamp>,
    },
    /// It is paid, and its licences count (SHP-6).
    Complete {
        /// When it was paid.
        paid_at: Timestamp,
        /// One a unit.
        units: Vec<Unit>,
        /// When the licence keys were sent again.
        reissued_at: Option<Timestamp>,
    },
    /// It has ended: no licence of it can be activated any more.
    Ended {
        /// Why; of several reasons the weightiest.
        why: End,
        /// When that was first known.
        at: Timestamp,
        /// When it was paid, if it was.
        paid_at: Option<Timestamp>,
        /// What had been issued.
        units: Vec<Unit>,
    },
}

/// Why an order has ended; the later ones outweigh the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum End {
    /// It was not paid in time.
    Lapsed,
    /// It was cancelled.
    Cancelled,
    /// What was paid was given back.
    Refunded,
}

impl End {
    /// Its stable name, for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lapsed => "lapsed",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
        }
    }
}

/// What an order's hold on a promo code comes to, whatever the code's own record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// The order is complete, or was.
    Redeemed,
    /// It waits for its payment, at least until then.
    Until(Timestamp),
    /// It has no claim to the code.
    Over,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The record's id.
    pub id: OrderId,
    /// The partner whose catalogue was ordered from.
    pub partner: PartnerId,
    /// Where it came from.
    pub source: Source,
    /// What was bought; unknown as long as nothing but its end was heard of it.
    pub bought: Option<Bought>,
    /// How far it has come.
    pub stage: Stage,
    /// Digest of the confirmation page's token.
    pub confirmation: Option<TokenDigest>,
    /// Which operator has looked at it after it had ended, and when.
    pub reviewed: Option<(OperatorId, Timestamp)>,
    /// What was shipped, in this order (SHP-8).
    pub shipments: Vec<Shipment>,
}

/// Licence keys that count once the order names them, with what must be written before it.
#[derive(Debug)]
pub struct Issue {
    /// The keys' records, to be inserted before the order is committed.
    pub licences: Vec<Licence>,
    keys: Vec<LicenceKey>,
}

impl Issue {
    /// One key for each of these units.
    pub fn of<'a>(
        order: OrderId,
        units: impl IntoIterator<Item = &'a ProductId>,
        keys: &Keys,
        rng: &mut dyn Entropy,
    ) -> Self {
        let (mut licences, mut plain) = (Vec::new(), Vec::new());
        for product in units {
            let key = LicenceKey::random(rng);
            licences.push(Licence::issued(&key, product, order, keys));
            plain.push(key);
        }
        Self { licences, keys: plain }
    }
}

impl Order {
    /// The id of the order that a checkout form leads to.
    pub fn id_of_form(form: FormId, keys: &Keys) -> OrderId {
        id_of_cause(&[b"form", form.bytes()], keys)
    }

    /// The id of the order that a partner's webstore speaks of.
    pub fn id_of_webstore(partner: &PartnerId, order: &Line<80>, keys: &Keys) -> OrderId {
        id_of_cause(&[b"webstore", partner.as_str().as_bytes(), order.as_str().as_bytes()], keys)
    }

    /// The token of the page of the order that a checkout form leads to. A form that is sent again has it again.
    pub fn token_of_form(form: FormId, keys: &Keys) -> PlainToken {
        let secret = keys.index(IndexPurpose::Confirmation, &[form.bytes()]);
        PlainToken::of_cause(*Self::id_of_form(form, keys).bytes(), secret)
    }

    /// An order of the storefront that waits for its payment; `token` opens its page. Nothing is committed of it yet.
    pub fn placed(
        id: OrderId,
        partner: &PartnerId,
        account: Option<AccountId>,
        bought: Bought,
        lapses_at: Option<Timestamp>,
        token: &PlainToken,
    ) -> Self {
        Self {
            id,
            partner: partner.clone(),
            source: Source::Storefront { account },
            bought: Some(bought),
            stage: Stage::Unpaid { lapses_at },
            confirmation: Some(token.digest(TokenPurpose::Order)),
            reviewed: None,
            shipments: Vec::new(),
        }
    }

    /// The commit of an order that waits for its payment: what its customer is told.
    pub fn awaited(self, token: &PlainToken, gateway: &Gateway) -> Decision<Self> {
        let effects = self.bought.iter().flat_map(|bought| {
            let hold = bought.promo.zip(self.lapses_at());
            let hold = hold.map(|(promo, until)| Effect::HoldPromo { promo, order: self.id, until });
            let body = Body::OrderReceived {
                order: self.reference(),
                token: token.reveal(),
                total: bought.total,
                invoice: matches!(bought.payment, Payment::Invoice { .. }),
                pay_until: self.pay_until(),
                lines: bought.named_lines(gateway),
            };
            hold.into_iter().chain([bought.mail(body)])
        });
        let listed = self.invoiced().map(Effect::Shelve);
        let effects = effects.chain(listed).chain(self.kept_by_account()).chain(self.tell_customer()).collect();
        Decision::with(Action::Order, self, effects)
    }

    /// The order is paid: its licences count from now on, and its customer gets receipt, licence keys and confirmation
    /// (SHP-5, SHP-6). `None` when nothing is new. `token` is there when the confirmation's link was not mailed before.
    ///
    /// A payment of an order that has ended gives nothing: the order remembers it, so that it can be given back. But one
    /// that was only late, and whose promo code nobody took meanwhile, is as good as any: whoever calls this has `held` the
    /// code again for it.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when licence keys are needed and there is no `issue`.
    pub fn pay(
        mut self,
        issue: Option<&Issue>,
        held: bool,
        token: Option<&PlainToken>,
        gateway: &Gateway,
        now: Timestamp,
    ) -> Result<Option<Decision<Self>>, Refusal> {
        let Some(bought) = self.bought.clone() else {
            return Ok(None);
        };
        match &mut self.stage {
            Stage::Complete { .. } | Stage::Ended { paid_at: Some(_), .. } => return Ok(None),
            Stage::Ended { why, paid_at, .. } if *why > End::Lapsed || (bought.promo.is_some() && !held) => {
                *paid_at = Some(now);
                let flagged = self.flag().map(Effect::Shelve);
                let ours = matches!(self.source, Source::Storefront { .. });
                let body = Body::PaidInVain { order: self.reference(), total: bought.total };
                let mail = ours.then(|| bought.mail(body));
                let effects = flagged.into_iter().chain(mail).collect();
                return Ok(Some(Decision::with(Action::PaymentInVain, self, effects)));
            }
            Stage::Unpaid { .. } | Stage::Ended { .. } => {}
        }
        let issue = issue.ok_or(Refusal::Busy { retry_after: Seconds(2) })?;
        let listed = match token {
            // It is committed for the first time.
            Some(_) => self.kept_by_account(),
            None => self.invoiced().map(Effect::Unshelve),
        };
        let units = issue.licences.iter().map(|licence| Unit::issued(licence.product.clone(), licence.id));
        self.stage = Stage::Complete { paid_at: now, units: units.collect(), reissued_at: None };
        let order = self.reference();
        let lines = bought.named_lines(gateway);
        let bodies = [
            Body::Receipt { order: order.clone(), total: bought.total, lines: lines.clone() },
            units::keys_mail(order.clone(), issue.revealed(), true, gateway),
            Body::OrderPlaced { order, token: token.map(PlainToken::reveal), lines },
        ];
        let redeem = bought.promo.map(|promo| Effect::RedeemPromo { promo, order: self.id });
        let mails = bodies.into_iter().map(|body| bought.mail(body));
        let told = self.tell(EventKind::OrderCompleted, gateway, now);
        let to_ship = self.to_ship(gateway).map(Effect::Shelve);
        let told = told.into_iter().chain(self.tell_customer());
        let effects = redeem.into_iter().chain(mails).chain(listed).chain(to_ship).chain(told).collect();
        Ok(Some(Decision::with(Action::Order, self, effects)))
    }

    /// The order ends (SHP-7): licences that nobody has activated are no good any more; those that somebody has stay, and
    /// are flagged ([`Order::is_flagged`]). `None` when nothing is new.
    pub fn end(mut self, why: End, gateway: &Gateway, now: Timestamp) -> Option<Decision<Self>> {
        let held_until = self.lapses_at();
        let not_shipped = self.to_ship(gateway).map(Effect::Unshelve);
        let (paid_at, units) = match &mut self.stage {
            Stage::Ended { why: known, .. } if *known >= why => return None,
            // One more reason for the same end: the customer is not told again.
            Stage::Ended { .. } => return Some(self.outweighed(why, gateway, now)),
            Stage::Unpaid { .. } => (None, Vec::new()),
            Stage::Complete { paid_at, units, .. } => (Some(*paid_at), core::mem::take(units)),
        };
        let held = held_until.zip(self.bought.as_ref().and_then(|bought| bought.promo));
        let release = held.map(|(held_until, promo)| Effect::ReleasePromo { promo, order: self.id, held_until });
        let off = self.invoiced().filter(|_| paid_at.is_none()).map(Effect::Unshelve);
        let keys_revoked = units.iter().any(|unit| unit.holder.is_none());
        // A webstore tells its customers itself, but of licence keys it knows nothing.
        let concerned = keys_revoked || matches!(self.source, Source::Storefront { .. });
        let body = Body::OrderEnded { order: self.reference(), why, keys_revoked };
        let mail = self.bought.as_ref().filter(|_| concerned).map(|bought| bought.mail(body));
        let told = self.tell(why.event(), gateway, now);
        self.stage = Stage::Ended { why, at: now, paid_at, units };
        let flagged = self.flag().map(Effect::Shelve);
        let off = off.into_iter().chain(not_shipped);
        let told = told.into_iter().chain(self.tell_customer());
        let effects = release.into_iter().chain(mail).chain(off).chain(flagged).chain(told).collect();
        Some(Decision::with(Action::OrderEnd, self, effects))
    }

    /// Its customer does not want it any more, and has not paid (SHP-1). `None` when it was cancelled before.
    ///
    /// # Errors
    /// [`Refusal::WrongStage`] when it is paid or has ended otherwise.
    pub fn cancelled_by_customer(self, gateway: &Gateway, now: Timestamp) -> Result<Option<Decision<Self>>, Refusal> {
        match &self.stage {
            Stage::Unpaid { .. } | Stage::Ended { why: End::Cancelled, paid_at: None, .. } => {
                Ok(self.end(End::Cancelled, gateway, now))
            }
            Stage::Complete { .. } => {
                Err(Refusal::WrongStage { hint: "It is paid. Write to support to give it back." })
            }
            Stage::Ended { .. } => Err(Refusal::WrongStage { hint: "It has ended. Nothing is left to do." }),
        }
    }

    /// The order ends as an operator says: only what was paid can be given back. `None` when nothing is new.
    ///
    /// # Errors
    /// [`Refusal::WrongStage`].
    pub fn ended_by_operator(
        self,
        why: End,
        gateway: &Gateway,
        now: Timestamp,
    ) -> Result<Option<Decision<Self>>, Refusal> {
        let paid = match &self.stage {
            Stage::Unpaid { .. } => false,
            Stage::Complete { .. } => true,
            Stage::Ended { paid_at, .. } => paid_at.is_some(),
        };
        if why == End::Refunded && !paid {
            return Err(Refusal::WrongStage { hint: "It was not paid. Cancel it instead." });
        }
        Ok(self.end(why, gateway, now))
    }

    fn outweighed(mut self, why: End, gateway: &Gateway, now: Timestamp) -> Decision<Self> {
        let flagged = self.flag();
        if let Stage::Ended { why: known, .. } = &mut self.stage {
            *known = why;
        }
        let off = flagged.filter(|_| !self.is_flagged()).map(Effect::Unshelve);
        let told = self.tell(why.event(), gateway, now);
        Decision::with(Action::OrderEnd, self, off.into_iter().chain(told).collect())
    }

    /// The order lapses if its time is over (SHP-2). Only this commit frees its promo code: as long as nobody has made it,
    /// a payment is in time.
    pub fn lapse(self, gateway: &Gateway, now: Timestamp) -> Option<Decision<Self>> {
        match self.stage {
            Stage::Unpaid { lapses_at: Some(lapses_at) } if lapses_at <= now => self.end(End::Lapsed, gateway, now),
            _ => None,
        }
    }

    /// Sends new licence keys for the units that nobody has activated; the keys before are no good any more (SHP-6). `None`
    /// within [`REISSUE_PAUSE`] of the last time: they are on their way.
    ///
    /// # Errors
    /// [`Refusal::WrongStage`] when there is nothing to send; [`Refusal::Busy`] when the issue holds too few keys.
    pub fn reissue(
        mut self,
        issue: &Issue,
        gateway: &Gateway,
        now: Timestamp,
    ) -> Result<Option<Decision<Self>>, Refusal> {
        let nothing = Refusal::WrongStage { hint: "No licence key of this order is unused." };
        let sent_at = self.keys_sent_at().ok_or_else(|| nothing.clone())?;
        if now < sent_at.plus(REISSUE_PAUSE) {
            return Ok(None);
        }
        let (Stage::Complete { units, reissued_at, .. }, Some(bought)) = (&mut self.stage, self.bought.clone()) else {
            return Err(nothing);
        };
        let mut fresh = issue.licences.iter().zip(&issue.keys);
        let mut keys = Vec::new();
        for unit in units.iter_mut().filter(|unit| unit.holder.is_none()) {
            let next = fresh.find(|(licence, _)| licence.product == unit.product);
            let (licence, key) = next.ok_or(Refusal::Busy { retry_after: Seconds(2) })?;
            unit.licence = licence.id;
            unit.wrong_serials = 0;
            keys.push((&licence.product, key.reveal()));
        }
        *reissued_at = Some(now);
        let to_ship = !self.to_be_shipped(gateway).is_empty();
        let mail = bought.mail(units::keys_mail(self.reference(), keys, to_ship, gateway));
        Ok(Some(Decision::with(Action::LicenceReissue, self, vec![mail])))
    }

    /// When licence keys that can still be used were last sent.
    pub fn keys_sent_at(&self) -> Option<Timestamp> {
        match &self.stage {
            Stage::Complete { paid_at, reissued_at, units } if units.iter().any(|unit| unit.holder.is_none()) => {
                Some(reissued_at.unwrap_or(*paid_at))
            }
            Stage::Unpaid { .. } | Stage::Complete { .. } | Stage::Ended { .. } => None,
        }
    }

    /// The units that nobody has activated.
    pub fn unactivated(&self) -> impl Iterator<Item = &Unit> {
        let units: &[Unit] = match &self.stage {
            Stage::Complete { units, .. } => units,
            Stage::Unpaid { .. } | Stage::Ended { .. } => &[],
        };
        units.iter().filter(|unit| unit.holder.is_none())
    }

    /// Every unit that was ever issued and is still named.
    pub fn units(&self) -> &[Unit] {
        match &self.stage {
            Stage::Complete { units, .. } | Stage::Ended { units, .. } => units,
            Stage::Unpaid { .. } => &[],
        }
    }

    /// The products of which the order has one licence each once it is paid.
    pub fn products(&self) -> impl Iterator<Item = &ProductId> {
        let lines = self.bought.iter().flat_map(|bought| &bought.lines);
        lines.flat_map(|line| (0..line.quantity).map(move |_| &line.product))
    }

    /// Whether a payment would still make it complete.
    pub fn can_be_completed(&self) -> bool {
        matches!(&self.stage, Stage::Unpaid { .. } | Stage::Ended { why: End::Lapsed, paid_at: None, .. })
    }

    /// The promo code that a payment needs to hold again, since the order has lapsed.
    pub fn promo_to_hold_again(&self) -> Option<PromoUse> {
        let lapsed = matches!(self.stage, Stage::Ended { why: End::Lapsed, paid_at: None, .. });
        self.bought.as_ref().filter(|_| lapsed)?.promo
    }

    /// Its claim to a promo code (SHP-3): a form can be sent again with another code than the one it reserved first, which
    /// must not be burnt.
    pub fn hold_on(&self, promo: PromoUse) -> Hold {
        if self.bought.as_ref().and_then(|bought| bought.promo) != Some(promo) {
            return Hold::Over;
        }
        match &self.stage {
            Stage::Unpaid { lapses_at } => lapses_at.map_or(Hold::Over, Hold::Until),
            Stage::Ended { units, .. } if units.is_empty() => Hold::Over,
            Stage::Complete { .. } | Stage::Ended { .. } => Hold::Redeemed,
        }
    }

    /// When it lapses if it is not paid by then.
    pub const fn lapses_at(&self) -> Option<Timestamp> {
        match self.stage {
            Stage::Unpaid { lapses_at } => lapses_at,
            Stage::Complete { .. } | Stage::Ended { .. } => None,
        }
    }

    /// Until when its customer is asked to pay. Only what is begun by then is waited for any longer.
    pub fn pay_until(&self) -> Option<Timestamp> {
        let begun = if self.awaits_card() { card::PAGE_LIFETIME } else { Seconds(0) };
        self.lapses_at().map(|lapses_at| lapses_at.minus(begun))
    }

    /// Whether it was paid although it had ended, or would have: nothing was given for it.
    pub const fn is_paid_in_vain(&self) -> bool {
        match &self.stage {
            Stage::Ended { paid_at: Some(_), units, .. } => units.is_empty(),
            Stage::Unpaid { .. } | Stage::Complete { .. } | Stage::Ended { .. } => false,
        }
    }

    /// How it stands, as a stable name for programs.
    pub const fn state(&self) -> &'static str {
        match &self.stage {
            Stage::Unpaid { .. } => "awaiting-payment",
            Stage::Complete { .. } => "complete",
            Stage::Ended { why, .. } => why.as_str(),
        }
    }

    /// The number under which people speak of the order.
    pub fn reference(&self) -> String {
        reference_of(self.id)
    }

    /// Whether the checkout form that led to it says the same again: a repetition, not a contradiction (SHP-6). Where nothing is
    /// left to pay, it does not matter how it would have been paid.
    pub fn is_repeated_by(&self, command: &PlaceOrder<'_>) -> bool {
        let Some(bought) = &self.bought else { return false };
        let pays_alike = match (&bought.payment, &command.pay_by) {
            (Payment::Nothing, _) | (Payment::Card, Some(PayBy::Card)) => true,
            (Payment::Invoice { purchase_order }, Some(PayBy::Invoice { purchase_order: again })) => {
                purchase_order == again
            }
            _ => false,
        };
        let coupon = bought.promo.map(|promo| promo.coupon);
        let presents_alike = coupon == command.promo.map(|promo| promo.coupon);
        pays_alike && presents_alike && self.repeats(&command.cart, &command.customer, &command.addresses)
    }

    /// Whether the same was ordered by the same customer: a repetition, not a contradiction (SHP-7).
    pub fn repeats(&self, cart: &Cart<'_>, customer: &Customer, addresses: &Addresses) -> bool {
        self.bought.as_ref().is_some_and(|bought| bought.content == content_digest(cart, customer, addresses))
    }

    /// Checks a presented confirmation link (SHP-1).
    ///
    /// # Errors
    /// [`Refusal::LinkNotValid`].
    pub fn present(&self, token: &PlainToken) -> Result<&Self, Refusal> {
        let matches = self.confirmation.is_some_and(|digest| digest.matches(token, TokenPurpose::Order));
        if matches { Ok(self) } else { Err(Refusal::LinkNotValid) }
    }

    /// Whether it was ordered by this account.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for everybody else (ACC-5).
    pub fn of_account(&self, account: AccountId) -> Result<(), Refusal> {
        let own = self.source == Source::Storefront { account: Some(account) };
        if own { Ok(()) } else { Err(Refusal::NotFound) }
    }

    fn tell(&self, kind: EventKind, gateway: &Gateway, now: Timestamp) -> Option<Effect> {
        gateway.tell(&self.partner, Event { kind, at: now, subject: Subject::Order(self.id) })
    }
}

/// The number under which people speak of the order with this id.
pub fn reference_of(id: OrderId) -> String {
    let text = id.to_string().to_ascii_uppercase();
    format!("O-{}", text.get(..REFERENCE_CHARS).unwrap_or(&text))
}

/// Characters of a reference behind its `O-`, each of 5 bits.
const REFERENCE_CHARS: usize = 10;
/// The bits of an id that its reference shows.
const HEAD: [u8; 16] = [255, 255, 255, 255, 255, 255, 0b1100_0000, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// The id of the order that this cause leads to: 50 bits that follow from the cause, and the others from those.
///
/// So its reference leads to the order itself, for one read: an index would cost every order five writes, for what operators
/// seldom need. Two causes lead to one order once in a quadrillion pairs. The second one is refused then, since it says
/// something else ([`Order::repeats`]).
fn id_of_cause(cause: &[&[u8]], keys: &Keys) -> OrderId {
    completed(keys.index(IndexPurpose::Order, cause), keys)
}

fn completed(cause: [u8; 16], keys: &Keys) -> OrderId {
    let head = core::array::from_fn::<u8, 16, _>(|place| {
        let (byte, mask) = (cause.get(place).copied(), HEAD.get(place).copied());
        byte.unwrap_or_default() & mask.unwrap_or_default()
    });
    let mut id = keys.index(IndexPurpose::Reference, &[&head]);
    for ((to, from), mask) in id.iter_mut().zip(head).zip(HEAD) {
        *to = (*to & !mask) | from;
    }
    OrderId::from_bytes(id)
}

/// The id of the order that a person means: by its reference, in whatever way that is written, or by the id itself.
pub fn id_named(text: &str, keys: &Keys) -> Option<OrderId> {
    text.trim().parse().ok().or_else(|| id_of_reference(text, keys))
}

/// The id of the order of which people speak under this number, in whatever way they write it; `None` when it is no such
/// number.
pub fn id_of_reference(text: &str, keys: &Keys) -> Option<OrderId> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.strip_prefix("o-").unwrap_or(&text);
    if digits.len() != REFERENCE_CHARS {
        return None;
    }
    // Sixteen characters more, so that it can be read as an id.
    let id: OrderId = format!("{digits}{}", "a".repeat(16)).parse().ok()?;
    Some(completed(*id.bytes(), keys))
}

fn content_digest(cart: &Cart<'_>, customer: &Customer, addresses: &Addresses) -> [u8; 32] {
    let lines = cart.lines().iter().map(|(product, quantity)| format!("{}\n{quantity}", product.id));
    let mut lines: Vec<String> = lines.collect();
    lines.sort_unstable();
    let who = [cart.partner().to_string(), customer.email.normalised()];
    let address = |name: &str, address: &Address| {
        let lines = address.lines().into_iter();
        core::iter::once(name.to_owned()).chain(lines).collect::<Vec<_>>().join("\n")
    };
    let shipping = addresses.shipping.as_ref().map(|to| address("ship to", to));
    let billing = addresses.billing.as_ref().map(|to| address("bill to", to));
    let text: Vec<String> = who.into_iter().chain(lines).chain(shipping).chain(billing).collect();
    digest256(text.join("\n").as_bytes())
}

#[cfg(test)]
mod tests;
