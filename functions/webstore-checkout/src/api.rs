//! What comes in and what goes out.

#[cfg(not(target_family = "wasm"))]
pub(crate) mod samples;

use askama::Template;
use edge::{
    Edge, Failure, Platform, Request,
    customer::PaymentOutcome,
    form::{FormFaults, ticked},
    request::form_encoded,
};
use serde::{Deserialize, Deserializer, Serialize, de};
use shared::{
    account::Account,
    checkout::{OrderLine, PlaceOrder, Quote, RawCheckout, RawCustomer, RawLine, Terms},
    config::{Address, Gateway, Partner, Product},
    journey::Need,
    order::{Bought, Order, Shipment, Stage},
    postal::RawAddress,
    refusal::{Faults, Refusal},
    secret::{Entropy, PlainToken},
    values::{AccountId, Country, FormId, Money, OrderId, Timestamp},
};

const DAYS_OF_A_YEAR: u64 = 365;

/// Product and quantity as they stand in the cart's address. A blank or zero quantity takes the product out.
pub(crate) fn typed_cart(request: &Request) -> Vec<(String, String)> {
    let mut typed = request.query_pairs();
    typed.retain(|(_, quantity)| !matches!(quantity.trim(), "" | "0"));
    typed
}

/// The cart's lines.
pub(crate) fn raw_lines(typed: &[(String, String)]) -> Result<Vec<RawLine>, Refusal> {
    let mut faults = Faults::default();
    let mut lines = Vec::new();
    for (product, quantity) in typed {
        match quantity.trim().parse() {
            Ok(quantity) => lines.push(RawLine { product: product.clone(), quantity }),
            Err(_) => faults.add(product.as_str(), "not-a-number", "Enter a whole number."),
        }
    }
    faults.finish(Some(lines))
}

/// The cart's address with the same lines.
pub(crate) fn cart_address(partner: &Partner, query: &str) -> String {
    format!("/webstore-checkout/{}/cart?{query}", partner.id)
}

/// On a page all faults of the cart's lines stand at one place; JSON keeps their pointers.
pub(crate) fn beside_lines(request: &Request, failure: Failure) -> Failure {
    match failure {
        Failure::Refused(Refusal::InvalidInput(mut faults)) if request.wants_page() => {
            for fault in faults.iter_mut().filter(|fault| fault.field.starts_with("lines.")) {
                "lines".clone_into(&mut fault.field);
            }
            Refusal::InvalidInput(faults).into()
        }
        other => other,
    }
}

/// The buttons of the checkout form, and of the review behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    /// Shows what a promo code does.
    Apply,
    /// Shows everything once more before it is ordered.
    Review,
    /// Leads back from there.
    Edit,
    /// Orders.
    Place,
}

/// The checkout as a form or as JSON.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawForm {
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    form: String,
    #[serde(default)]
    given_name: String,
    #[serde(default)]
    family_name: String,
    #[serde(default)]
    email: String,
    #[serde(default, deserialize_with = "lines")]
    lines: Vec<RawLine>,
    #[serde(default)]
    promo_code: String,
    #[serde(default)]
    pay_by: String,
    #[serde(default)]
    purchase_order: String,
    #[serde(default)]
    shipping: RawAddress,
    #[serde(default)]
    billing: RawAddress,
    /// Whether the bill goes where hardware is shipped.
    #[serde(default, deserialize_with = "ticked")]
    billing_same: bool,
    pub(crate) action: Action,
}

impl RawForm {
    /// A form that nobody filled in yet but with what is known of a signed-in person, with an id of its own.
    pub(crate) fn fresh(lines: Vec<RawLine>, person: Option<&Account>, rng: &mut dyn Entropy) -> Self {
        let known = |text: fn(&Account) -> String| person.map(text).unwrap_or_default();
        Self {
            csrf: None,
            form: FormId::random(rng).to_string(),
            given_name: known(|account| account.name.given.to_string()),
            family_name: known(|account| account.name.family.to_string()),
            email: known(|account| account.email.to_string()),
            lines,
            promo_code: String::new(),
            pay_by: String::new(),
            purchase_order: String::new(),
            shipping: RawAddress::default(),
            billing: RawAddress::default(),
            billing_same: false,
            action: Action::Apply,
        }
    }

    /// Everything that was entered, for a form that carries it along.
    fn carried(&self) -> Vec<(String, String)> {
        let lines = self.lines.iter().map(|line| ("lines".to_owned(), format!("{}:{}", line.product, line.quantity)));
        let texts = [
            ("form", &self.form),
            ("given_name", &self.given_name),
            ("family_name", &self.family_name),
            ("email", &self.email),
            ("promo_code", &self.promo_code),
            ("pay_by", &self.pay_by),
            ("purchase_order", &self.purchase_order),
        ];
        let texts = texts.into_iter().map(|(name, text)| (name.to_owned(), text.clone()));
        let texts = texts.chain(entered("shipping", &self.shipping)).chain(entered("billing", &self.billing));
        let same = self.billing_same.then(|| ("billing_same".to_owned(), "yes".to_owned()));
        texts.filter(|(_, text)| !text.is_empty()).chain(same).chain(lines).collect()
    }

    /// The cart's lines as its address has them.
    fn typed(&self) -> Vec<(String, String)> {
        self.lines.iter().map(|line| (line.product.clone(), line.quantity.to_string())).collect()
    }

    /// Whether a promo code was entered.
    pub(crate) fn has_promo_code(&self) -> bool {
        !self.promo_code.trim().is_empty()
    }

    pub(crate) fn checkout(&self) -> RawCheckout {
        RawCheckout {
            form: self.form.clone(),
            customer: RawCustomer {
                given_name: self.given_name.clone(),
                family_name: self.family_name.clone(),
                email: self.email.clone(),
            },
            lines: self.lines.clone(),
            promo_code: self.promo_code.clone(),
            pay_by: self.pay_by.clone(),
            purchase_order: self.purchase_order.clone(),
            shipping: self.shipping.clone(),
            billing: self.billing.clone(),
            billing_same: self.billing_same,
        }
    }
}

/// What was entered of an address, by the names of its form's fields.
fn entered(group: &str, address: &RawAddress) -> impl Iterator<Item = (String, String)> {
    let RawAddress { organisation, street, city, region, postal_code, country } = address.clone();
    let fields = [
        ("organisation", organisation),
        ("street", street),
        ("city", city),
        ("region", region),
        ("postal_code", postal_code),
        ("country", country),
    ];
    fields.into_iter().map(move |(name, text)| (format!("{group}.{name}"), text))
}

/// A line as JSON has it, or as `product:quantity` in a form, whose fields hold one text each.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Field(String),
    Object(RawLine),
}

fn lines<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<RawLine>, D::Error> {
    let lines = Vec::<Line>::deserialize(deserializer)?.into_iter().map(|line| match line {
        Line::Object(line) => Some(line),
        Line::Field(text) => {
            let (product, quantity) = text.split_once(':')?;
            Some(RawLine { product: product.to_owned(), quantity: quantity.parse().ok()? })
        }
    });
    lines.collect::<Option<_>>().ok_or_else(|| de::Error::custom("a line is product:quantity"))
}

#[derive(Serialize)]
struct PartnerView {
    id: String,
    name: String,
    catalogue: String,
}

impl PartnerView {
    fn of(partner: &Partner) -> Self {
        Self {
            id: partner.id.to_string(),
            name: partner.name.clone(),
            catalogue: format!("/webstore-checkout/{}", partner.id),
        }
    }
}

/// The partners that offer something.
#[derive(Serialize, Template)]
#[template(path = "partners.html")]
pub(crate) struct PartnersPage {
    #[serde(skip)]
    title: &'static str,
    partners: Vec<PartnerView>,
}

impl PartnersPage {
    pub(crate) fn of(gateway: &Gateway) -> Self {
        let offering = gateway.partners.iter().filter(|partner| gateway.catalogue(&partner.id).next().is_some());
        Self { title: "Webstore", partners: offering.map(PartnerView::of).collect() }
    }
}

#[derive(Serialize)]
struct ProductView {
    id: String,
    name: String,
    description: String,
    price: Money,
    term_days: u64,
    #[serde(skip)]
    term: String,
    #[serde(skip)]
    quantity: String,
    /// Whether the person who is signed in needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    need: Option<NeedView>,
}

/// What a signed-in person has already, or has ordered (SHP-1, CRD-7).
#[derive(Default, Serialize)]
struct NeedView {
    /// `to-buy`, `had`, `saved` or `ordered`.
    is: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// The order's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<String>,
}

impl NeedView {
    fn of(need: Need<'_>) -> Self {
        match need {
            Need::ToBuy => Self { is: "to-buy", ..Self::default() },
            Need::Had { until } => Self { is: "had", until: Some(until), ..Self::default() },
            Need::Saved { by, until } => {
                Self { is: "saved", by: Some(by.name.clone()), until: Some(until), ..Self::default() }
            }
            Need::Ordered { order } => Self { is: "ordered", order: Some(order.to_string()), ..Self::default() },
        }
    }
}

impl ProductView {
    fn of(product: &Product, typed: &[(String, String)], need: Option<Need<'_>>) -> Self {
        let in_cart = typed.iter().find(|(id, _)| *id == product.id.as_str()).map(|(_, quantity)| quantity.clone());
        Self {
            id: product.id.to_string(),
            name: product.name.clone(),
            description: product.description.clone(),
            price: product.price,
            term_days: product.term_days,
            term: term(product.term_days),
            quantity: in_cart.unwrap_or_else(|| "1".to_owned()),
            need: need.map(NeedView::of),
        }
    }
}

fn term(days: u64) -> String {
    match (days / DAYS_OF_A_YEAR, days % DAYS_OF_A_YEAR) {
        (1, 0) => "1 year".to_owned(),
        (years, 0) => format!("{years} years"),
        _ if days == 1 => "1 day".to_owned(),
        _ => format!("{days} days"),
    }
}

/// What one partner's suppliers can buy (SHP-1).
#[derive(Serialize, Template)]
#[template(path = "catalogue.html")]
pub(crate) struct CataloguePage {
    #[serde(skip)]
    title: String,
    partner: PartnerView,
    products: Vec<ProductView>,
    #[serde(skip)]
    cart: Vec<CartLine>,
    #[serde(skip)]
    cart_address: String,
    #[serde(skip)]
    faults: FormFaults,
}

impl CataloguePage {
    pub(crate) fn of<P: Platform>(
        edge: &Edge<P>,
        partner: &Partner,
        typed: &[(String, String)],
        person: Option<&Account>,
    ) -> Self {
        let gateway = &edge.gateway;
        let cart = CartLine::all(gateway, partner, typed);
        let view = |product| {
            let need = person.map(|account| Need::of(product, account, gateway, edge.now));
            ProductView::of(product, typed, need)
        };
        Self {
            title: format!("{} Webstore", partner.name),
            partner: PartnerView::of(partner),
            products: gateway.catalogue(&partner.id).map(view).collect(),
            cart_address: cart_address(partner, &query(&cart)),
            cart,
            faults: FormFaults::none(),
        }
    }
}

#[derive(Serialize)]
struct CartLine {
    product: String,
    name: String,
    price: Money,
    quantity: String,
    amount: Option<Money>,
}

impl CartLine {
    /// The lines whose products the partner offers.
    fn all(gateway: &Gateway, partner: &Partner, typed: &[(String, String)]) -> Vec<Self> {
        let mut lines: Vec<Self> = Vec::new();
        for (id, quantity) in typed {
            let offered = gateway.catalogue(&partner.id).find(|product| product.id.as_str() == id);
            let Some(product) = offered.filter(|_| lines.iter().all(|line| line.product != *id)) else {
                continue;
            };
            let units: Option<u32> = quantity.trim().parse().ok();
            lines.push(Self {
                product: id.clone(),
                name: product.name.clone(),
                price: product.price,
                quantity: quantity.clone(),
                amount: units.and_then(|units| product.price.times(units)),
            });
        }
        lines
    }
}

/// The sum of the lines; `None` when one has no amount or the currencies differ.
fn sum(lines: &[CartLine]) -> Option<Money> {
    let mut amounts = lines.iter().map(|line| line.amount);
    let first = amounts.next()??;
    amounts.try_fold(first, |sum, amount| sum.add(amount?))
}

/// Whether one of them is shipped.
fn ships(gateway: &Gateway, lines: &[CartLine]) -> bool {
    let hardware = || gateway.products.iter().filter(|product| product.is_hardware());
    lines.iter().any(|line| hardware().any(|product| product.id.as_str() == line.product))
}

/// The cart as a query. Products are known ones, and quantities that are no numbers are left out, so nothing in it
/// needs an escape.
fn query(lines: &[CartLine]) -> String {
    let counted = lines.iter().filter(|line| line.amount.is_some());
    counted.map(|line| format!("{}={}", line.product, line.quantity.trim())).collect::<Vec<_>>().join("&")
}

/// The cart (SHP-1).
#[derive(Serialize, Template)]
#[template(path = "cart.html")]
pub(crate) struct CartPage {
    #[serde(skip)]
    title: &'static str,
    partner: PartnerView,
    lines: Vec<CartLine>,
    subtotal: Option<Money>,
    #[serde(skip)]
    query: String,
    /// Where a guest signs in, and comes back; `None` for who is signed in.
    #[serde(skip)]
    sign_in: Option<String>,
    #[serde(skip)]
    faults: FormFaults,
}

impl CartPage {
    pub(crate) fn of(gateway: &Gateway, partner: &Partner, typed: &[(String, String)], is_guest: bool) -> Self {
        let lines = CartLine::all(gateway, partner, typed);
        let query = query(&lines);
        let here = cart_address(partner, &query);
        Self {
            title: "Your cart",
            partner: PartnerView::of(partner),
            subtotal: sum(&lines),
            sign_in: is_guest.then(|| format!("/sign-in?{}", form_encoded(&[("continue", &here)]))),
            query,
            lines,
            faults: FormFaults::none(),
        }
    }

    /// The same page with what is wrong.
    pub(crate) fn with(self, faults: FormFaults) -> Self {
        Self { faults, ..self }
    }
}

/// The fields of one address: those of every country, since nothing here depends on scripts. What is missing is said by the
/// rules of the country that was chosen.
struct AddressForm {
    /// `shipping` or `billing`: where its fields stand, and what a browser fills in.
    group: &'static str,
    is_required: bool,
    /// Whether it is the other one.
    is_same: bool,
    entered: RawAddress,
}

/// A field of one line.
struct Entry<'a> {
    name: String,
    label: &'static str,
    hint: &'static str,
    value: &'a str,
    autocomplete: String,
    width: &'static str,
    required: bool,
}

impl Entry<'_> {
    /// For macros, which take a value that is made for them.
    const fn required(&self) -> bool {
        self.required
    }
}

impl AddressForm {
    /// Every field but the country's.
    fn entries(&self) -> Vec<Entry<'_>> {
        const IF_ANY: &str = "Where the country has them.";
        let RawAddress { organisation, street, city, region, postal_code, country: _ } = &self.entered;
        let (half, required) = ("half", self.is_required);
        [
            ("organisation", "Organization", "", organisation, "organization", "", false),
            ("street", "Street and number", "", street, "street-address", "", required),
            ("city", "City", "", city, "address-level2", half, required),
            ("region", "State, province or region", IF_ANY, region, "address-level1", half, false),
            ("postal_code", "Postal code", IF_ANY, postal_code, "postal-code", "short", false),
        ]
        .map(|(field, label, hint, value, autocomplete, width, required)| Entry {
            name: format!("{}.{field}", self.group),
            label,
            hint,
            value,
            autocomplete: format!("{} {autocomplete}", self.group),
            width,
            required,
        })
        .into()
    }

    /// The country's field: by its name, as people find it in a list.
    fn country(&self) -> Entry<'_> {
        let entered = &self.entered.country;
        Entry {
            name: format!("{}.country", self.group),
            label: "Country",
            hint: "Type how its name begins, and choose.",
            value: Country::named(entered).map_or(entered.as_str(), |country| country.name()),
            autocomplete: format!("{} country-name", self.group),
            width: "",
            required: self.is_required,
        }
    }
}

/// The checkout form, with a quote once a promo code was applied.
#[derive(Serialize, Template)]
#[template(path = "checkout.html")]
pub(crate) struct CheckoutPage {
    #[serde(skip)]
    title: &'static str,
    partner: PartnerView,
    form: String,
    lines: Vec<CartLine>,
    subtotal: Option<Money>,
    total: Option<Money>,
    billing_address: Option<Vec<String>>,
    #[serde(skip)]
    applied: bool,
    #[serde(skip)]
    query: String,
    #[serde(skip)]
    customer: RawCustomer,
    #[serde(skip)]
    promo_code: String,
    /// In which ways it can be paid; none when nothing is to be paid.
    pay_by: Vec<&'static str>,
    #[serde(skip)]
    ways: Vec<(&'static str, &'static str, String)>,
    #[serde(skip)]
    chosen: String,
    #[serde(skip)]
    purchase_order: String,
    /// Whether something in the cart is shipped: then it has to be said where to.
    needs_shipping: bool,
    #[serde(skip)]
    shipping: AddressForm,
    #[serde(skip)]
    billing: AddressForm,
    /// The names of all countries, where an address may be entered.
    #[serde(skip)]
    countries: Vec<&'static str>,
    #[serde(skip)]
    is_guest: bool,
    #[serde(skip)]
    faults: FormFaults,
}

impl CheckoutPage {
    pub(crate) fn of(
        gateway: &Gateway,
        partner: &Partner,
        raw: &RawForm,
        quote: Option<Quote>,
        account: Option<AccountId>,
    ) -> Self {
        let lines = CartLine::all(gateway, partner, &raw.typed());
        let subtotal = quote.map_or_else(|| sum(&lines), |quote| Some(quote.subtotal));
        let total = quote.map_or(subtotal, |quote| Some(quote.total));
        let to_pay = total.is_none_or(|total| !total.is_zero());
        let ways = if to_pay { ways_to_pay(partner) } else { Vec::new() };
        // The partner pays with its code, so its address is the bill's (SHP-4).
        let billing = quote.and_then(|quote| quote.billed_partner(partner));
        let needs_shipping = ships(gateway, &lines);
        let asks_billing = billing.is_none() && ways.iter().any(|(name, ..)| *name == "invoice");
        let asks_address = needs_shipping || asks_billing;
        let must_bill = asks_billing && ways.len() == 1 && !(needs_shipping && raw.billing_same);
        let countries = if asks_address { Country::all().map(|(_, name)| name).collect() } else { Vec::new() };
        Self {
            title: "Checkout",
            partner: PartnerView::of(partner),
            form: raw.form.clone(),
            subtotal,
            total,
            pay_by: ways.iter().map(|(name, ..)| *name).collect(),
            chosen: match ways.as_slice() {
                [(only, ..)] => (*only).to_owned(),
                _ => raw.pay_by.clone(),
            },
            ways,
            needs_shipping,
            shipping: AddressForm {
                group: "shipping",
                is_required: true,
                is_same: false,
                entered: raw.shipping.clone(),
            },
            billing: AddressForm {
                group: "billing",
                is_required: must_bill,
                is_same: raw.billing_same,
                entered: raw.billing.clone(),
            },
            countries,
            purchase_order: raw.purchase_order.clone(),
            is_guest: account.is_none(),
            billing_address: billing.map(Address::lines),
            applied: quote.is_some(),
            query: query(&lines),
            lines,
            customer: raw.checkout().customer,
            promo_code: raw.promo_code.clone(),
            faults: FormFaults::none(),
        }
    }

    /// The same page with what is wrong.
    pub(crate) fn with(self, faults: FormFaults) -> Self {
        Self { faults, ..self }
    }

    /// Whether promo codes are all that is taken.
    fn takes_codes_only(&self) -> bool {
        self.ways.is_empty() && self.total.is_none_or(|total| !total.is_zero())
    }
}

/// Name, label and hint of each.
fn ways_to_pay(partner: &Partner) -> Vec<(&'static str, &'static str, String)> {
    let card = partner.card_minutes.map(|_| {
        let hint = "You pay on the page of our payment provider. The licence keys are sent at once.";
        ("card", "Card", hint.to_owned())
    });
    let invoice = partner.invoice_days.map(|days| {
        let hint = format!("You pay within {days} days. The licence keys are sent as soon as it is fully paid.");
        ("invoice", "Invoice", hint)
    });
    card.into_iter().chain(invoice).collect()
}

/// Everything that was entered, before it is ordered (SHP-1).
#[derive(Serialize, Template)]
#[template(path = "review.html")]
pub(crate) struct ReviewPage {
    #[serde(skip)]
    title: &'static str,
    partner: PartnerView,
    form: String,
    lines: Vec<CartLine>,
    subtotal: Money,
    total: Money,
    customer: String,
    email: String,
    /// `nothing`, `card` or `invoice`.
    payment: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_order: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping_address: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_address: Option<Vec<String>>,
    #[serde(skip)]
    promo_code: String,
    #[serde(skip)]
    carried: Vec<(String, String)>,
}

impl ReviewPage {
    pub(crate) fn of(
        gateway: &Gateway,
        partner: &Partner,
        raw: &RawForm,
        command: &PlaceOrder<'_>,
        terms: &Terms,
    ) -> Self {
        let quote = terms.quote;
        Self {
            title: "Review your order",
            partner: PartnerView::of(partner),
            form: raw.form.clone(),
            lines: CartLine::all(gateway, partner, &raw.typed()),
            subtotal: quote.subtotal,
            total: quote.total,
            customer: command.customer.name.full(),
            email: command.customer.email.to_string(),
            payment: terms.payment.as_str(),
            purchase_order: terms.payment.purchase_order().map(ToString::to_string),
            shipping_address: command.addresses.shipping.as_ref().map(Address::lines),
            billing_address: terms.bill_to.as_ref().map(Address::lines),
            promo_code: raw.promo_code.trim().to_owned(),
            carried: raw.carried(),
        }
    }
}

/// The answer to a program that placed an order.
#[derive(Serialize)]
pub(crate) struct OrderPlaced<'a> {
    order: String,
    state: &'static str,
    total: Option<Money>,
    lines: &'a [OrderLine],
    #[serde(skip_serializing_if = "Option::is_none")]
    pay_until: Option<Timestamp>,
    /// The link to its page.
    confirmation: String,
}

impl<'a> OrderPlaced<'a> {
    pub(crate) fn of(order: &'a Order, confirmation: String) -> Self {
        let bought = order.bought.as_ref();
        Self {
            order: order.reference(),
            state: order.state(),
            total: bought.map(|bought| bought.total),
            lines: bought.map(|bought| bought.lines.as_slice()).unwrap_or_default(),
            pay_until: order.pay_until(),
            confirmation,
        }
    }
}

/// The query of an order's page, by its link.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkQuery {
    pub(crate) token: String,
    #[serde(default)]
    pub(crate) payment: Option<PaymentOutcome>,
}

/// The query of the page of one's own order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnQuery {
    #[serde(default)]
    pub(crate) payment: Option<PaymentOutcome>,
}

/// Licence keys were sent again, or are on their way since the last time.
#[derive(Serialize, Deserialize)]
pub(crate) struct Reissued {
    order: String,
    keys_sent_at: Option<Timestamp>,
    /// Whether they were sent now; otherwise they are on their way since a moment ago.
    sent: bool,
}

impl Reissued {
    pub(crate) fn of(order: &Order, sent: bool) -> Self {
        Self { order: order.reference(), keys_sent_at: order.keys_sent_at(), sent }
    }
}

/// What became of an order, for who has just cancelled it.
#[derive(Serialize)]
pub(crate) struct Cancelled {
    order: String,
    state: &'static str,
}

impl Cancelled {
    pub(crate) fn of(order: &Order) -> Self {
        Self { order: order.reference(), state: order.state() }
    }
}

#[derive(Serialize)]
struct OrderedView {
    product: String,
    name: String,
    quantity: u32,
}

impl OrderedView {
    fn all(gateway: &Gateway, bought: &Bought) -> Vec<Self> {
        let view = |line: &OrderLine| Self {
            product: line.product.to_string(),
            name: gateway.product_name(&line.product),
            quantity: line.quantity,
        };
        bought.lines.iter().map(view).collect()
    }
}

/// A parcel, for whom it is sent to.
#[derive(Serialize)]
struct ShippedView {
    shipped_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking: Option<String>,
    lines: Vec<ShippedLine>,
}

#[derive(Serialize)]
struct ShippedLine {
    name: String,
    quantity: u32,
}

impl ShippedView {
    fn of(gateway: &Gateway, shipment: &Shipment) -> Self {
        let lines = shipment.lines(gateway).into_iter();
        Self {
            shipped_at: shipment.at,
            carrier: shipment.carrier.as_ref().map(ToString::to_string),
            tracking: shipment.tracking.as_ref().map(ToString::to_string),
            lines: lines.map(|(name, quantity)| ShippedLine { name, quantity }).collect(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it skips by reference")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// An order, for whoever has its link, or ordered it signed in.
#[derive(Serialize, Template)]
#[template(path = "order.html")]
pub(crate) struct OrderPage {
    #[serde(skip)]
    title: &'static str,
    order: String,
    state: &'static str,
    partner: String,
    customer: String,
    email: String,
    lines: Vec<OrderedView>,
    total: Money,
    placed_at: Timestamp,
    #[serde(skip)]
    placed: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_order: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pay_until: Option<Timestamp>,
    #[serde(skip)]
    pay_until_text: String,
    /// Whether it waits for its payment by card.
    awaits_card: bool,
    /// Whether licence keys were issued.
    #[serde(skip)]
    had_licences: bool,
    /// How the customer left the payment page just now.
    #[serde(skip)]
    payment: Option<PaymentOutcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys_sent_at: Option<Timestamp>,
    #[serde(skip)]
    keys_sent: String,
    /// How many of its licences are in use.
    activated: usize,
    /// Whether it was paid after it had ended: the money is given back.
    paid_in_vain: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_address: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping_address: Option<Vec<String>>,
    /// What was shipped; the serial numbers stand on the tokens alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shipments: Vec<ShippedView>,
    /// How many tokens are still to be shipped.
    #[serde(skip_serializing_if = "is_zero")]
    to_ship: usize,
    #[serde(skip)]
    catalogue: String,
    /// What the form about it carries: the link's token, or the order's id.
    #[serde(skip)]
    proof: (&'static str, String),
    #[serde(skip)]
    asked: Option<Reissued>,
}

impl OrderPage {
    /// `None` for an order of which only its end is known: it has no page.
    pub(crate) fn of(gateway: &Gateway, order: &Order, token: Option<&PlainToken>) -> Option<Self> {
        let bought = order.bought.as_ref()?;
        let partner = gateway.partner(&order.partner).map(|partner| partner.name.clone());
        let human = |at: Option<Timestamp>| at.map(Timestamp::human).unwrap_or_default();
        let (pay_until, keys_sent_at) = (order.pay_until(), order.keys_sent_at());
        Some(Self {
            title: match &order.stage {
                Stage::Unpaid { .. } => "Your order waits for payment",
                Stage::Complete { .. } => "Thank you for your order",
                Stage::Ended { .. } => "Your order has ended",
            },
            order: order.reference(),
            state: order.state(),
            partner: partner.unwrap_or_else(|| order.partner.to_string()),
            customer: bought.customer.name.full(),
            email: bought.customer.email.as_str().to_owned(),
            lines: OrderedView::all(gateway, bought),
            total: bought.total,
            placed_at: bought.placed_at,
            placed: bought.placed_at.human(),
            purchase_order: bought.payment.purchase_order().map(ToString::to_string),
            pay_until,
            pay_until_text: human(pay_until),
            awaits_card: order.awaits_card(),
            had_licences: !order.units().is_empty(),
            payment: None,
            keys_sent_at,
            keys_sent: human(keys_sent_at),
            activated: order.units().iter().filter(|unit| unit.holder.is_some()).count(),
            paid_in_vain: order.is_paid_in_vain(),
            catalogue: format!("/webstore-checkout/{}", order.partner),
            billing_address: bought.bill_to.as_ref().map(Address::lines),
            shipping_address: bought.ship_to.as_ref().map(Address::lines),
            shipments: order.shipments.iter().map(|shipment| ShippedView::of(gateway, shipment)).collect(),
            to_ship: order.to_be_shipped(gateway).len(),
            proof: token.map_or_else(|| ("order", order.id.to_string()), |token| ("token", token.reveal())),
            asked: None,
        })
    }

    /// The same page for somebody who comes from the payment page.
    pub(crate) fn after_paying(self, payment: Option<PaymentOutcome>) -> Self {
        Self { payment, ..self }
    }

    /// The same page after licence keys were asked for again.
    pub(crate) fn after_asking(self, asked: Option<Reissued>) -> Self {
        Self { asked, ..self }
    }
}

/// One of a person's orders.
#[derive(Serialize)]
struct PastView {
    id: OrderId,
    order: String,
    state: &'static str,
    partner: String,
    lines: Vec<OrderedView>,
    total: Money,
    placed_at: Timestamp,
}

/// What a signed-in person ordered.
#[derive(Serialize, Template)]
#[template(path = "history.html")]
pub(crate) struct HistoryPage {
    #[serde(skip)]
    title: &'static str,
    orders: Vec<PastView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip)]
    goes_on: bool,
}

impl HistoryPage {
    pub(crate) fn of(gateway: &Gateway, orders: &[Order], next: Option<String>, goes_on: bool) -> Self {
        let view = |order: &Order| {
            let bought = order.bought.as_ref()?;
            let partner = gateway.partner(&order.partner).map(|partner| partner.name.clone());
            Some(PastView {
                id: order.id,
                order: order.reference(),
                state: order.state(),
                partner: partner.unwrap_or_else(|| order.partner.to_string()),
                lines: OrderedView::all(gateway, bought),
                total: bought.total,
                placed_at: bought.placed_at,
            })
        };
        Self { title: "Your orders", orders: orders.iter().filter_map(view).collect(), next, goes_on }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    fn request(content_type: &'static str, query: &str, body: &str) -> Request {
        let headers = [("content-type", content_type)].into_iter().collect();
        Request::new(Method::POST, &format!("/checkout?{query}"), headers, body.into())
    }

    #[test]
    fn shp_1_a_form_and_json_are_the_same_checkout() {
        // SHP-1
        let form = request(
            "application/x-www-form-urlencoded",
            "",
            "csrf=x&form=f&given_name=Ada&family_name=L&email=a%40b.example&lines=one%3A2&lines=two%3A1\
             &promo_code=&action=place",
        );
        let json = request(
            "application/json",
            "",
            r#"{"form":"f","given_name":"Ada","family_name":"L","email":"a@b.example","promo_code":"","action":"place",
                "lines":[{"product":"one","quantity":2},{"product":"two","quantity":1}]}"#,
        );
        let [form, json] = [form, json].map(|request| request.decode::<RawForm>().expect("it fits"));
        assert_eq!(form.lines, json.lines);
        assert_eq!(form.checkout().customer, json.checkout().customer);
        assert_eq!((form.action, json.action), (Action::Place, Action::Place));
    }

    #[test]
    fn shp_1_one_line_is_a_list_too_and_a_malformed_one_is_a_fault() {
        // SHP-1
        let decode = |lines: &str| {
            let body = format!("form=f&action=apply{lines}");
            request("application/x-www-form-urlencoded", "", &body).decode::<RawForm>().map(|raw| raw.lines.len()).ok()
        };
        assert_eq!(decode("&lines=one%3A2"), Some(1));
        assert_eq!(decode(""), Some(0));
        assert_eq!(decode("&lines=one"), None);
        assert_eq!(decode("&lines=one%3Amany"), None);
        assert_eq!(decode("&unknown=1"), None);
    }

    #[test]
    fn shp_1_the_cart_lives_in_its_address() {
        // SHP-1
        let typed = typed_cart(&request("", "one=2&two=0&three=&four=x", ""));
        assert_eq!(typed, [("one".to_owned(), "2".to_owned()), ("four".to_owned(), "x".to_owned())]);
        let Err(Refusal::InvalidInput(faults)) = raw_lines(&typed) else { panic!("x is no number") };
        assert_eq!(faults.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), ["four"]);
        assert!(raw_lines(&[]).is_ok_and(|lines| lines.is_empty()));
    }

    #[test]
    fn terms_are_said_as_people_say_them() {
        assert_eq!([1, 30, 365, 730, 400].map(term), ["1 day", "30 days", "1 year", "2 years", "400 days"]);
    }
}
