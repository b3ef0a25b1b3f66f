//! Carts, quotes, and the wish to order: what is there before an [`crate::order::Order`].

use serde::{Deserialize, Serialize};

use crate::{
    config::{Address, Gateway, Partner, Product},
    order::{Addresses, Order, PayBy, Payment},
    postal::RawAddress,
    promo::{Presented, Promo},
    refusal::{Faults, Refusal},
    secret::{Keys, PlainToken},
    values::{
        Email, FormId, Money, OrderId, ParseError, PartnerId, PersonName, ProductId, PromoCode, Seconds, Timestamp,
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

    /// The address of the partner that pays with its code, where its batch says so (SHP-4).
    pub fn billed_partner(self, partner: &Partner) -> Option<&Address> {
        partner.billing_address.as_ref().filter(|_| self.bills_partner)
    }
}

/// What an order comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// What it costs.
    pub quote: Quote,
    /// How it is paid.
    pub payment: Payment,
    /// How long it waits for that; `None` when there is nothing to pay.
    pub waits: Option<Seconds>,
    /// Whose address stands on the bill.
    pub bill_to: Option<Address>,
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
    /// How it is paid: `card` or `invoice`; blank when nothing is chosen.
    pub pay_by: String,
    /// The customer's purchase-order number; blank when there is none.
    pub purchase_order: String,
    /// Where hardware is shipped.
    pub shipping: RawAddress,
    /// What stands on an invoice; blank when none is sent.
    pub billing: RawAddress,
    /// Whether that is where hardware is shipped.
    pub billing_same: bool,
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

/// The wish to order, as a guest or signed in (SHP-1).
#[derive(Debug)]
pub struct PlaceOrder<'a> {
    /// The order that the form leads to.
    pub order: OrderId,
    /// What opens its page.
    pub confirmation: PlainToken,
    /// Who buys.
    pub customer: Customer,
    /// What.
    pub cart: Cart<'a>,
    /// The promo code that pays.
    pub promo: Option<Presented>,
    /// How the rest is paid.
    pub pay_by: Option<PayBy>,
    /// What was entered of addresses.
    pub addresses: Addresses,
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
        let purchase_order = faults.check_optional("purchase_order", &raw.purchase_order, str::parse);
        let pay_by = faults.check_optional("pay_by", &raw.pay_by, |name| match name.trim() {
            "card" => Ok(PayBy::Card),
            "invoice" => Ok(PayBy::Invoice { purchase_order: purchase_order.flatten() }),
            _ => Err(ParseError::new("unknown", "Choose how you want to pay.")),
        });
        let invoiced = matches!(pay_by, Some(Some(PayBy::Invoice { .. })));
        let addresses = addresses(raw, cart.as_ref(), invoiced, &mut faults);
        let parsed = (|| {
            let customer = customer?;
            let promo = code?.map(|code| Presented::of(&code, Some(&customer.email), keys));
            let (order, confirmation) = (Order::id_of_form(form?, keys), Order::token_of_form(form?, keys));
            Some(Self { order, confirmation, customer, cart: cart?, promo, pay_by: pay_by?, addresses })
        })();
        faults.finish(parsed)
    }

    /// What the order comes to, for a review as for the order itself.
    ///
    /// # Errors
    /// What [`Payment::chosen`] refuses; [`Refusal::InvalidInput`] when a billing address has to be entered.
    pub fn terms(&self, quote: Quote, partner: &Partner) -> Result<Terms, Refusal> {
        let (payment, waits) = Payment::chosen(quote.total, self.pay_by.as_ref(), partner)?;
        let bill_to = self.bill_to(&payment, quote.billed_partner(partner))?;
        Ok(Terms { quote, payment, waits, bill_to })
    }

    /// Whose address stands on the bill: that of the `partner` that pays with its code (SHP-4), or the customer's where an
    /// invoice is sent and nothing else says who is billed (SHP-1).
    fn bill_to(&self, payment: &Payment, partner: Option<&Address>) -> Result<Option<Address>, Refusal> {
        match (partner, payment) {
            (Some(partner), _) => Ok(Some(partner.clone())),
            (None, Payment::Invoice { .. }) => {
                let mut faults = Faults::default();
                let entered = self.addresses.billing.clone();
                let address = entered.or_else(|| Address::parse(&RawAddress::default(), "billing.", &mut faults));
                faults.finish(address).map(Some)
            }
            (None, Payment::Nothing | Payment::Card | Payment::Webstore) => Ok(None),
        }
    }
}

/// The addresses that the order needs: where hardware is shipped, and what stands on an invoice, if that was entered. What
/// was entered and is no address is among the faults.
fn addresses(raw: &RawCheckout, cart: Option<&Cart<'_>>, invoiced: bool, faults: &mut Faults) -> Addresses {
    let ships = cart.is_some_and(Cart::has_hardware);
    let shipping = ships.then(|| Address::parse(&raw.shipping, "shipping.", faults));
    let billing = match &shipping {
        _ if !invoiced => None,
        Some(shipping) if raw.billing_same => Some(shipping.clone()),
        _ if raw.billing.is_blank() => None,
        _ => Some(Address::parse(&raw.billing, "billing.", faults)),
    };
    Addresses { shipping: shipping.flatten(), billing: billing.flatten() }
}

impl Cart<'_> {
    /// Whether something in it is shipped.
    pub fn has_hardware(&self) -> bool {
        self.lines.iter().any(|(product, _)| product.is_hardware())
    }

    /// The product of each unit.
    pub fn products(&self) -> impl Iterator<Item = &ProductId> {
        self.lines.iter().flat_map(|(product, quantity)| (0..*quantity).map(|_| &product.id))
    }

    /// The lines as an order keeps them.
    pub fn order_lines(&self) -> Vec<OrderLine> {
        self.lines
            .iter()
            .map(|(product, quantity)| OrderLine { product: product.id.clone(), quantity: *quantity })
            .collect()
    }
}

#[cfg(test)]
mod tests;
