//! The checkout: its form, the review, and what became of it.

use askama::Template;
use edge::form::{FormFaults, ticked};
use serde::{Deserialize, Deserializer, Serialize, de};
use shared::{
    account::Account,
    checkout::{OrderLine, PlaceOrder, Quote, RawCheckout, RawCustomer, RawLine, Terms},
    config::{Address, Gateway, Partner},
    order::Order,
    postal::RawAddress,
    secret::Entropy,
    values::{AccountId, Country, FormId, Money, Timestamp},
};

use super::shop::{CartLine, PartnerView, query, ships, sum};

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
    pub(super) form: String,
    #[serde(default)]
    pub(super) given_name: String,
    #[serde(default)]
    pub(super) family_name: String,
    #[serde(default)]
    pub(super) email: String,
    #[serde(default, deserialize_with = "lines")]
    pub(super) lines: Vec<RawLine>,
    #[serde(default)]
    pub(super) promo_code: String,
    #[serde(default)]
    pub(super) pay_by: String,
    #[serde(default)]
    pub(super) purchase_order: String,
    #[serde(default)]
    pub(super) shipping: RawAddress,
    #[serde(default)]
    pub(super) billing: RawAddress,
    /// Whether the bill goes where hardware is shipped.
    #[serde(default, deserialize_with = "ticked")]
    pub(super) billing_same: bool,
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

#[cfg(test)]
mod tests {
    use super::*;
    use edge::Request;
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
}
