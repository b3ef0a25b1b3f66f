//! Orders: from the built-in storefront or from a partner's webstore by webhook.
//!
//! An order's id derives from its cause (the checkout form's random id, or the webstore's order id), so that a
//! double click, a retry or a second event meets the same record.

use serde::{Deserialize, Serialize};

use crate::{
    audit::Action,
    config::{Gateway, Product},
    decision::Decision,
    effect::Effect,
    licence::Licence,
    message::{Body, Message},
    promo::{Presented, Promo, PromoUse},
    refusal::{Faults, Refusal},
    secret::{Entropy, IndexPurpose, Keys, PlainToken, TokenDigest, TokenPurpose, digest256},
    values::{
        Email, FormId, LicenceId, LicenceKey, Line, Money, OrderId, PartnerId, PersonName, ProductId, PromoCode,
        Timestamp,
    },
};

/// Units that one order can hold.
pub const MAX_UNITS: u32 = 20;

/// One line of a cart as it arrives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawLine {
    /// The product's id.
    pub product: String,
    /// How many units.
    pub quantity: u32,
}

/// The purchaser as entered: guest checkout (SHP-1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCustomer {
    /// First name.
    pub given_name: String,
    /// Last name.
    pub family_name: String,
    /// E-mail for receipt and licence keys.
    pub email: String,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// The product.
    pub product: ProductId,
    /// Units, 1 to [`MAX_UNITS`].
    pub quantity: u32,
}

/// Where an order came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// The built-in storefront.
    Storefront {
        /// The promo code that paid.
        promo: Option<PromoUse>,
    },
    /// A partner's webstore.
    Webstore {
        /// The order's id there.
        order: Line<80>,
    },
}

/// Products and quantities that one partner offers.
#[derive(Debug, Clone)]
pub struct Cart<'a> {
    partner: PartnerId,
    lines: Vec<(&'a Product, u32)>,
}

impl<'a> Cart<'a> {
    /// Checks every line against the partner's catalogue (SHP-1).
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`] with all faults.
    pub fn parse(partner: &PartnerId, raw: &[RawLine], gateway: &'a Gateway) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        let mut lines: Vec<(&Product, u32)> = Vec::new();
        for (n, line) in raw.iter().take(MAX_UNITS as usize).enumerate() {
            let id = line.product.parse::<ProductId>().ok();
            let known = id.and_then(|id| gateway.product(&id)).filter(|product| product.partner == *partner);
            match known {
                Some(product) if lines.iter().all(|(other, _)| other.id != product.id) => {
                    lines.push((product, line.quantity));
                }
                Some(_) => faults.add(format!("lines.{n}.product"), "repeated", "Name each product once."),
                None => faults.add(format!("lines.{n}.product"), "unknown", "Choose a product from the catalogue."),
            }
        }
        let units = raw.iter().map(|line| u64::from(line.quantity)).sum::<u64>();
        if units == 0 || units > u64::from(MAX_UNITS) || raw.iter().any(|line| line.quantity == 0) {
            faults.add("lines", "out-of-range", "Order at least 1 and at most 20 units in all.");
        }
        let currencies_differ = lines
            .windows(2)
            .any(|pair| matches!(pair, [(one, _), (other, _)] if one.price.currency() != other.price.currency()));
        if currencies_differ {
            faults.add("lines", "mixed-currencies", "Order products of different currencies separately.");
        }
        faults.finish(Some(Self { partner: partner.clone(), lines }))
    }

    /// The partner whose catalogue it is.
    pub fn partner(&self) -> &PartnerId {
        &self.partner
    }

    /// Products and quantities.
    pub fn lines(&self) -> &[(&'a Product, u32)] {
        &self.lines
    }

    /// The sum before any promo code.
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`] when the sum exceeds what can be counted.
    pub fn subtotal(&self) -> Result<Money, Refusal> {
        let too_much = || Refusal::field("lines", "out-of-range", "Order fewer units.");
        let mut lines = self.lines.iter();
        let price = |&(product, quantity): &(&Product, u32)| product.price.times(quantity).ok_or_else(too_much);
        let first = price(lines.next().ok_or_else(too_much)?)?;
        lines.try_fold(first, |sum, line| sum.add(price(line)?).ok_or_else(too_much))
    }

    /// What is left to pay when the code takes its share off one unit of the first product that it works for
    /// (SHP-2).
    ///
    /// # Errors
    /// [`Refusal::PromoNotUsable`] when it works for none of them.
    pub fn total_with(&self, promo: &Promo<'_>, order: OrderId, now: Timestamp) -> Result<Money, Refusal> {
        let subtotal = self.subtotal()?;
        self.lines
            .iter()
            .find_map(|(product, _)| {
                let left = promo.quote(&self.partner, &product.id, product.price, order, now).ok()?;
                subtotal.saturating_sub(product.price.saturating_sub(left)?)
            })
            .ok_or(Refusal::PromoNotUsable)
    }
}

/// What an order costs, before it is placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// The sum before any promo code.
    pub subtotal: Money,
    /// What is left to pay.
    pub total: Money,
    /// Whether the bill goes to the partner, which pays with its code (SHP-4).
    pub bills_partner: bool,
}

impl Quote {
    /// The quote for a cart, with a promo code or without (SHP-2).
    ///
    /// # Errors
    /// [`Refusal::PromoNotUsable`]; [`Refusal::InvalidInput`] when the sum exceeds what can be counted.
    pub fn of(cart: &Cart<'_>, promo: Option<&Promo<'_>>, order: OrderId, now: Timestamp) -> Result<Self, Refusal> {
        let subtotal = cart.subtotal()?;
        let total = promo.map_or(Ok(subtotal), |promo| cart.total_with(promo, order, now))?;
        Ok(Self { subtotal, total, bills_partner: promo.is_some_and(|promo| promo.offer().bills_partner) })
    }

    /// What is paid when the order is placed here: nothing, since the storefront takes promo codes only (SHP-5).
    ///
    /// # Errors
    /// [`Refusal::PaymentNotCovered`].
    pub fn settled(&self) -> Result<Money, Refusal> {
        if self.total.is_zero() {
            return Ok(self.total);
        }
        Err(Refusal::PaymentNotCovered { remaining: self.total.to_string() })
    }
}

/// Who buys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Name.
    pub name: PersonName,
    /// E-mail for receipt and licence keys.
    pub email: Email,
}

impl Customer {
    /// Parses every field and notes every fault.
    pub fn parse(raw: &RawCustomer, prefix: &str, faults: &mut Faults) -> Option<Self> {
        let given = faults.check(format!("{prefix}given_name"), raw.given_name.parse());
        let family = faults.check(format!("{prefix}family_name"), raw.family_name.parse());
        let email = faults.check(format!("{prefix}email"), raw.email.parse());
        Some(Self { name: PersonName { given: given?, family: family? }, email: email? })
    }
}

/// A checkout form as it arrives.
#[derive(Debug, Clone, Default)]
pub struct RawCheckout {
    /// The form's random id.
    pub form: String,
    /// Who buys.
    pub customer: RawCustomer,
    /// What.
    pub lines: Vec<RawLine>,
    /// The promo code; blank when there is none.
    pub promo_code: String,
}

/// The wish to know what an order costs with a promo code.
#[derive(Debug)]
pub struct AskQuote<'a> {
    /// The order that the form would lead to.
    pub order: OrderId,
    /// What.
    pub cart: Cart<'a>,
    /// The promo code.
    pub promo: Presented,
}

impl<'a> AskQuote<'a> {
    /// Parses what the quote needs and collects every fault; who buys is not asked yet (SHP-2), but if it is known, the quote
    /// is for that customer.
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`] with all faults.
    pub fn parse(raw: &RawCheckout, partner: &PartnerId, gateway: &'a Gateway, keys: &Keys) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        let form = faults.check("form", raw.form.parse::<FormId>());
        let cart = faults.adopt("", Cart::parse(partner, &raw.lines, gateway))?;
        let code = faults.check("promo_code", raw.promo_code.parse::<PromoCode>());
        let parsed = (|| {
            let order = Order::id_of_form(form?, keys);
            let customer = raw.customer.email.parse::<Email>().ok();
            Some(Self { order, cart: cart?, promo: Presented::of(&code?, customer.as_ref(), keys) })
        })();
        faults.finish(parsed)
    }
}

/// The wish to order as a guest (SHP-1).
#[derive(Debug)]
pub struct PlaceOrder<'a> {
    /// The order that the form leads to.
    pub order: OrderId,
    /// Who buys.
    pub customer: Customer,
    /// What.
    pub cart: Cart<'a>,
    /// The promo code that pays.
    pub promo: Option<Presented>,
}

impl<'a> PlaceOrder<'a> {
    /// Parses every field and collects every fault.
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`] with all faults.
    pub fn parse(raw: &RawCheckout, partner: &PartnerId, gateway: &'a Gateway, keys: &Keys) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        let form = faults.check("form", raw.form.parse::<FormId>());
        let customer = Customer::parse(&raw.customer, "", &mut faults);
        let cart = faults.adopt("", Cart::parse(partner, &raw.lines, gateway))?;
        let code = faults.check_optional("promo_code", &raw.promo_code, str::parse::<PromoCode>);
        let parsed = (|| {
            let customer = customer?;
            let promo = code?.map(|code| Presented::of(&code, Some(&customer.email), keys));
            Some(Self { order: Order::id_of_form(form?, keys), customer, cart: cart?, promo })
        })();
        faults.finish(parsed)
    }
}

/// A complete order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The record's id.
    pub id: OrderId,
    /// The partner whose catalogue was ordered from.
    pub partner: PartnerId,
    /// Where it came from.
    pub source: Source,
    /// Who bought.
    pub customer: Customer,
    /// What.
    pub lines: Vec<OrderLine>,
    /// What was paid.
    pub total: Money,
    /// Digest of what was ordered, to tell a repetition from a contradiction.
    pub content: [u8; 32],
    /// When it was completed.
    pub completed_at: Timestamp,
    /// The licences that count, one a unit (SHP-6).
    pub licences: Vec<LicenceId>,
    /// Digest of the confirmation page's token.
    pub confirmation: Option<TokenDigest>,
}

/// A complete order that is not committed yet, with what must be written before it.
#[derive(Debug)]
pub struct Fulfilment {
    /// The licences, to be inserted before the order is created.
    pub licences: Vec<Licence>,
    /// The order, whose creation is the commit point.
    pub order: Decision<Order>,
    /// The confirmation page's token, for the storefront.
    pub token: Option<PlainToken>,
}

/// What is known of a paid purchase.
#[derive(Debug)]
pub struct Purchase<'a> {
    /// What was bought.
    pub cart: &'a Cart<'a>,
    /// Who bought.
    pub customer: Customer,
    /// Where.
    pub source: Source,
    /// What was paid.
    pub total: Money,
}

impl Order {
    /// The id of the order that a checkout form leads to.
    pub fn id_of_form(form: FormId, keys: &Keys) -> OrderId {
        OrderId::from_bytes(keys.index(IndexPurpose::Order, &[b"form", form.bytes()]))
    }

    /// The id of the order that a partner's webstore speaks of.
    pub fn id_of_webstore(partner: &PartnerId, order: &Line<80>, keys: &Keys) -> OrderId {
        let parts: [&[u8]; 3] = [b"webstore", partner.as_str().as_bytes(), order.as_str().as_bytes()];
        OrderId::from_bytes(keys.index(IndexPurpose::Order, &parts))
    }

    /// Completes a paid purchase: issues one licence key a unit and writes the receipt, the licence e-mail and the
    /// order e-mail (SHP-5, SHP-6).
    pub fn complete(
        id: OrderId,
        purchase: Purchase<'_>,
        keys: &Keys,
        now: Timestamp,
        rng: &mut dyn Entropy,
    ) -> Fulfilment {
        let cart = purchase.cart;
        let units = cart.lines.iter().flat_map(|(product, quantity)| (0..*quantity).map(move |_| *product));
        let issued: Vec<(&Product, LicenceKey)> = units.map(|product| (product, LicenceKey::random(rng))).collect();
        let licences: Vec<Licence> =
            issued.iter().map(|(product, key)| Licence::issued(key, &product.id, id, keys)).collect();
        let from_storefront = matches!(purchase.source, Source::Storefront { .. });
        let token = from_storefront.then(|| PlainToken::new(*id.bytes(), rng));
        let content = content_digest(cart, &purchase.customer);
        let order = Self {
            id,
            partner: cart.partner.clone(),
            source: purchase.source,
            customer: purchase.customer,
            lines: cart.order_lines(),
            total: purchase.total,
            content,
            completed_at: now,
            licences: licences.iter().map(|licence| licence.id).collect(),
            confirmation: token.as_ref().map(|token| token.digest(TokenPurpose::Order)),
        };
        let effects = order.effects(cart, &issued, token.as_ref());
        Fulfilment { licences, order: Decision::with(Action::Order, order, effects), token }
    }

    fn effects(&self, cart: &Cart<'_>, issued: &[(&Product, LicenceKey)], token: Option<&PlainToken>) -> Vec<Effect> {
        let redeem = match &self.source {
            Source::Storefront { promo: Some(promo) } => Some(Effect::RedeemPromo { promo: *promo, order: self.id }),
            Source::Storefront { promo: None } | Source::Webstore { .. } => None,
        };
        let named: Vec<(String, u32)> =
            cart.lines.iter().map(|(product, quantity)| (product.name.clone(), *quantity)).collect();
        let keys = issued.iter().map(|(product, key)| (product.name.clone(), key.reveal())).collect();
        let order = self.reference();
        let bodies = [
            Body::Receipt { order: order.clone(), total: self.total, lines: named.clone() },
            Body::Licences { order: order.clone(), keys },
            Body::OrderPlaced { order, token: token.map(PlainToken::reveal), lines: named },
        ];
        let messages = bodies.into_iter().map(|body| {
            let (to, name) = (self.customer.email.clone(), self.customer.name.full());
            Effect::Send(Box::new(Message { to, name, body }))
        });
        redeem.into_iter().chain(messages).collect()
    }

    /// Whether this promo code paid for the order: a form can be sent again with another code than the one it reserved
    /// first, which must not be burnt (SHP-3).
    pub fn paid_with(&self, promo: PromoUse) -> bool {
        matches!(self.source, Source::Storefront { promo: Some(paid) } if paid == promo)
    }

    /// The number under which people speak of the order.
    pub fn reference(&self) -> String {
        reference_of(self.id)
    }

    /// Whether the same was ordered by the same customer: a repetition, not a contradiction (SHP-6).
    pub fn repeats(&self, cart: &Cart<'_>, customer: &Customer) -> bool {
        self.content == content_digest(cart, customer)
    }

    /// Whether a webstore's event tells of this very order: customer, lines in whatever order, sum and currency (SHP-7).
    pub fn agrees_with(&self, event: &PaidOrder<'_>) -> bool {
        self.repeats(&event.cart, &event.customer) && self.total == event.total
    }

    /// Checks a presented confirmation link (SHP-1).
    ///
    /// # Errors
    /// [`Refusal::LinkNotValid`].
    pub fn present(&self, token: &PlainToken) -> Result<&Self, Refusal> {
        let matches = self.confirmation.is_some_and(|digest| digest.matches(token, TokenPurpose::Order));
        if matches { Ok(self) } else { Err(Refusal::LinkNotValid) }
    }
}

/// The number under which people speak of the order with this id.
pub fn reference_of(id: OrderId) -> String {
    let text = id.to_string().to_ascii_uppercase();
    format!("O-{}", text.get(..10).unwrap_or(&text))
}

impl Cart<'_> {
    fn order_lines(&self) -> Vec<OrderLine> {
        self.lines
            .iter()
            .map(|(product, quantity)| OrderLine { product: product.id.clone(), quantity: *quantity })
            .collect()
    }
}

fn content_digest(cart: &Cart<'_>, customer: &Customer) -> [u8; 32] {
    let lines = cart.lines.iter().map(|(product, quantity)| format!("{}\n{quantity}", product.id));
    let mut lines: Vec<String> = lines.collect();
    lines.sort_unstable();
    let who = [cart.partner.to_string(), customer.email.normalised()];
    let text: Vec<String> = who.into_iter().chain(lines).collect();
    digest256(text.join("\n").as_bytes())
}

/// What every event of a webstore says first: only then is it known what else it holds (Standard Webhooks 1.0.0).
#[derive(Debug, Clone, Deserialize)]
pub struct RawEventKind {
    /// The event's type.
    #[serde(rename = "type")]
    kind: String,
}

impl RawEventKind {
    /// Whether this service acts on the event. A webstore may send every event that it has; others are taken and left.
    pub fn is_handled(&self) -> bool {
        self.kind == ORDER_PAID
    }
}

const ORDER_PAID: &str = "order.paid";

/// A webstore's event as it arrives, after its signature was verified (SHP-7).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawOrderEvent {
    /// `order.paid` is the one event that this service acts on.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened, RFC 3339; informative, since the signed header carries the time that counts.
    pub timestamp: String,
    /// The order.
    pub data: RawPaidOrder,
}

/// A paid order of a webstore.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPaidOrder {
    /// The order's id in the webstore, at most 80 characters.
    pub order_id: String,
    /// Who bought.
    pub customer: RawCustomer,
    /// What was bought.
    pub lines: Vec<RawLine>,
    /// What was paid, in minor units.
    pub total_minor: u64,
    /// ISO 4217 code.
    pub currency: String,
}

/// A checked event about a paid order.
#[derive(Debug)]
pub struct PaidOrder<'a> {
    /// The order's id in the webstore.
    pub order: Line<80>,
    /// Who bought.
    pub customer: Customer,
    /// What.
    pub cart: Cart<'a>,
    /// What was paid.
    pub total: Money,
}

impl<'a> PaidOrder<'a> {
    /// Parses every field and collects every fault.
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`] with all faults; an event of another type is one of them.
    pub fn parse(raw: &RawOrderEvent, partner: &PartnerId, gateway: &'a Gateway) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        if raw.kind != ORDER_PAID {
            faults.add("type", "not-handled", "This event is not about a paid order.");
        }
        let order = faults.check("data.order_id", raw.data.order_id.parse());
        let customer = Customer::parse(&raw.data.customer, "data.customer.", &mut faults);
        let currency = faults.check("data.currency", raw.data.currency.parse());
        let cart = faults.adopt("data.", Cart::parse(partner, &raw.data.lines, gateway))?;
        let parsed = (|| {
            Some(Self {
                order: order?,
                customer: customer?,
                cart: cart?,
                total: Money::new(raw.data.total_minor, currency?),
            })
        })();
        faults.finish(parsed)
    }
}

#[cfg(test)]
mod tests;
