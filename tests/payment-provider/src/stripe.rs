//! The interface of Stripe's checkout: <https://docs.stripe.com/api/checkout/sessions>.
//!
//! Parameters that Stripe has and this double does not are refused like those that nobody has.

use std::collections::BTreeMap;

use iso_currency::Currency;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use url::Url;

use crate::{
    cards::Decline,
    payments::{Asked, Payment, State},
};

/// The version of the interface, which events name.
pub(crate) const VERSION: &str = "2026-08-26.dahlia";
const SOONEST_END: SignedDuration = SignedDuration::from_mins(30);
const LATEST_END: SignedDuration = SignedDuration::from_hours(24);
/// Stripe takes amounts of up to eight digits.
const AMOUNT_MAX: u64 = 99_999_999;
const METADATA_ENTRIES_MAX: usize = 50;
const METADATA_KEY_MAX: usize = 40;
const METADATA_VALUE_MAX: usize = 500;
const REFERENCE_MAX: usize = 200;

/// A request that is refused, with what Stripe's error objects say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    kind: &'static str,
    code: Option<&'static str>,
    message: String,
    param: Option<String>,
}

impl Refused {
    fn invalid(param: &str, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            kind: "invalid_request_error",
            code: None,
            message: message.into(),
            param: Some(param.to_owned()),
        }
    }

    fn missing(param: &str) -> Self {
        Self { code: Some("parameter_missing"), ..Self::invalid(param, format!("Missing required param: {param}.")) }
    }

    pub(crate) fn key_used(key: &str) -> Self {
        let message = format!(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. \
             Try using a key other than '{key}' if you meant to execute a different request."
        );
        Self { status: 400, kind: "idempotency_error", code: None, message, param: None }
    }

    pub(crate) fn not_authenticated(given: bool) -> Self {
        let message = if given { "Invalid API Key provided." } else { "You did not provide an API key." };
        Self { status: 401, kind: "invalid_request_error", code: None, message: message.into(), param: None }
    }

    pub(crate) fn no_session(id: &str) -> Self {
        let refused = Self::invalid("session", format!("No such checkout.session: '{id}'"));
        Self { status: 404, code: Some("resource_missing"), ..refused }
    }

    pub(crate) fn no_route(method: &str, path: &str) -> Self {
        let message = format!("Unrecognized request URL ({method}: {path}).");
        Self { status: 404, kind: "invalid_request_error", code: None, message, param: None }
    }

    pub(crate) fn body(&self) -> Value {
        let mut error = json!({ "type": self.kind, "message": self.message });
        if let Some(members) = error.as_object_mut() {
            members.extend(self.code.map(|code| ("code".to_owned(), code.into())));
            members.extend(self.param.clone().map(|param| ("param".to_owned(), param.into())));
        }
        json!({ "error": error })
    }
}

/// The fields of a form with brackets. What is not taken out is unknown.
pub(crate) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads a form; of a field that is repeated the last one counts.
    pub(crate) fn read(form: &[u8]) -> Self {
        Self(form_urlencoded::parse(form).into_owned().collect())
    }

    /// Everything that they say, in one order.
    pub(crate) fn canonical(&self) -> String {
        json!(self.0).to_string()
    }

    fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|value| !value.is_empty())
    }

    fn demand(&mut self, name: &str) -> Result<String, Refused> {
        self.take(name).ok_or_else(|| Refused::missing(name))
    }

    fn number(&mut self, name: &str) -> Result<Option<u64>, Refused> {
        let number = |text: String| {
            text.parse().map_err(|_| Refused::invalid(name, format!("Invalid integer: {}", truncated(&text))))
        };
        self.take(name).map(number).transpose()
    }

    /// `name[key]=value` for every key.
    fn map(&mut self, name: &str) -> Result<BTreeMap<String, String>, Refused> {
        let prefix = format!("{name}[");
        let inner = |field: &str| field.strip_prefix(&prefix)?.strip_suffix(']').map(str::to_owned);
        let fields: Vec<(String, String)> =
            self.0.keys().filter_map(|field| Some((field.clone(), inner(field)?))).collect();
        let map: BTreeMap<String, String> =
            fields.into_iter().filter_map(|(field, key)| Some((key, self.take(&field)?))).collect();
        let fits = |(key, value): (&String, &String)| {
            !key.is_empty()
                && !key.contains(['[', ']'])
                && key.chars().count() <= METADATA_KEY_MAX
                && value.chars().count() <= METADATA_VALUE_MAX
        };
        if map.len() > METADATA_ENTRIES_MAX || !map.iter().all(fits) {
            let message = "Metadata can have up to 50 keys of up to 40 characters, and values of up to 500 characters.";
            return Err(Refused::invalid(name, message));
        }
        Ok(map)
    }

    fn address(&mut self, name: &str) -> Result<Option<String>, Refused> {
        let is_address = |text: &str| Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        match self.take(name) {
            Some(text) if !is_address(&text) => {
                Err(Refused { code: Some("url_invalid"), ..Refused::invalid(name, "Not a valid URL") })
            }
            address => Ok(address),
        }
    }

    /// One of the lines: what it is, and its amount.
    fn line(&mut self, index: usize) -> Result<Option<Line>, Refused> {
        let line = format!("line_items[{index}]");
        if !self.0.keys().any(|field| field.starts_with(&format!("{line}["))) {
            return Ok(None);
        }
        let price = format!("{line}[price_data]");
        let code = self.demand(&format!("{price}[currency]"))?;
        let currency = Currency::from_code(&code.to_uppercase()).ok_or_else(|| {
            Refused::invalid(&format!("{price}[currency]"), format!("Invalid currency: {}", truncated(&code)))
        })?;
        let name = self.demand(&format!("{price}[product_data][name]"))?;
        let unit_field = format!("{price}[unit_amount]");
        let unit = self.number(&unit_field)?.ok_or_else(|| Refused::missing(&unit_field))?;
        let quantity_field = format!("{line}[quantity]");
        let quantity = self.number(&quantity_field)?.ok_or_else(|| Refused::missing(&quantity_field))?;
        if quantity == 0 {
            return Err(Refused::invalid(&quantity_field, "This value must be greater than or equal to 1."));
        }
        let amount = unit.checked_mul(quantity).filter(|amount| *amount <= AMOUNT_MAX);
        let amount = amount.ok_or_else(|| too_much(&unit_field))?;
        let name = if quantity == 1 { name } else { format!("{quantity} x {name}") };
        let description = self.take(&format!("{price}[product_data][description]"));
        let name = description.map(|description| format!("{name}: {description}")).unwrap_or(name);
        Ok(Some(Line { name, amount, currency }))
    }

    /// What the session is about.
    pub(crate) fn into_asked(mut self, now: Timestamp) -> Result<Asked, Refused> {
        let mode = self.take("mode");
        let method = self.take("payment_method_types[0]");
        let total = self.lines()?;
        let success_url = self.address("success_url")?;
        let cancel_url = self.address("cancel_url")?;
        let expires_at = self.number("expires_at")?;
        let reference = self.take("client_reference_id");
        let email = self.take("customer_email");
        let metadata = self.map("metadata")?;
        let intent_metadata = self.map("payment_intent_data[metadata]")?;
        let intent_description = self.take("payment_intent_data[description]");
        if let Some(unknown) = self.0.keys().next() {
            let refused = Refused::invalid(unknown, format!("Received unknown parameter: {}", truncated(unknown)));
            return Err(Refused { code: Some("parameter_unknown"), ..refused });
        }
        match mode.as_deref() {
            Some("payment") => {}
            Some(_) => return Err(Refused::invalid("mode", "Invalid mode: must be payment")),
            None => return Err(Refused::missing("mode")),
        }
        if method.is_some_and(|method| method != "card") {
            return Err(Refused::invalid("payment_method_types[0]", "Invalid payment_method_types[0]: must be card"));
        }
        let total = total.ok_or_else(|| Refused::missing("line_items"))?;
        if total.amount < least(total.currency) {
            let message = "The Checkout Session's total amount due is less than the least that can be charged";
            let refused = Refused::invalid("line_items", message);
            return Err(Refused { code: Some("amount_too_small"), ..refused });
        }
        if reference.as_ref().is_some_and(|reference| reference.chars().count() > REFERENCE_MAX) {
            return Err(Refused::invalid("client_reference_id", "Invalid string: must be at most 200 characters"));
        }
        if email.as_ref().is_some_and(|email| !email.contains('@')) {
            let refused = Refused::invalid("customer_email", "Invalid email address");
            return Err(Refused { code: Some("email_invalid"), ..refused });
        }
        Ok(Asked {
            order: metadata.get("order_id").cloned(),
            reference,
            description: total.name,
            amount_minor: Unit::of(total.currency)
                .minor(total.amount)
                .ok_or_else(|| Refused::invalid("line_items", "Amounts of this currency must be divisible by 100."))?,
            currency: total.currency,
            email,
            metadata,
            intent_metadata,
            intent_description,
            success_url: success_url.ok_or_else(|| Refused::missing("success_url"))?,
            cancel_url,
            expires_at: end(expires_at, now)?,
        })
    }

    fn lines(&mut self) -> Result<Option<Line>, Refused> {
        let Some(mut total) = self.line(0)? else {
            return Ok(None);
        };
        let mut index = 1;
        while let Some(next) = self.line(index)? {
            if next.currency != total.currency {
                let param = format!("line_items[{index}][price_data][currency]");
                return Err(Refused::invalid(&param, "All lines must have the same currency."));
            }
            total.amount += next.amount;
            if total.amount > AMOUNT_MAX {
                return Err(too_much("line_items"));
            }
            total.name = format!("{}, {}", total.name, next.name);
            index += 1;
        }
        Ok(Some(total))
    }
}

struct Line {
    name: String,
    /// In Stripe's units.
    amount: u64,
    currency: Currency,
}

/// What Stripe counts a currency in: its minor unit, but for a few, where Stripe's past decides:
/// <https://docs.stripe.com/currencies#special-cases>.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Minor,
    HundredthOfMinor,
    HundredMinor,
}

impl Unit {
    fn of(currency: Currency) -> Self {
        match currency {
            Currency::ISK | Currency::UGX => Self::HundredthOfMinor,
            Currency::MGA => Self::HundredMinor,
            _ => Self::Minor,
        }
    }

    fn minor(self, amount: u64) -> Option<u64> {
        match self {
            Self::Minor => Some(amount),
            Self::HundredthOfMinor => Some(amount / 100).filter(|_| amount.is_multiple_of(100)),
            Self::HundredMinor => amount.checked_mul(100),
        }
    }

    fn amount(self, minor: u64) -> u64 {
        match self {
            Self::Minor => minor,
            Self::HundredthOfMinor => minor * 100,
            Self::HundredMinor => minor / 100,
        }
    }
}

fn too_much(param: &str) -> Refused {
    let message = "Invalid integer: the amount can have at most eight digits";
    Refused { code: Some("amount_too_large"), ..Refused::invalid(param, message) }
}

/// The least that Stripe charges: <https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>.
fn least(currency: Currency) -> u64 {
    match currency {
        Currency::USD | Currency::EUR | Currency::JPY => 50,
        Currency::GBP => 30,
        _ => 1,
    }
}

fn end(given: Option<u64>, now: Timestamp) -> Result<Timestamp, Refused> {
    let Some(given) = given else {
        return Ok(now + LATEST_END);
    };
    let end = i64::try_from(given).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    // The time is told in whole seconds, so ours is compared in them.
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    end.filter(|end| (SOONEST_END..=LATEST_END).contains(&end.duration_since(now))).ok_or_else(|| {
        let message =
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.";
        Refused::invalid("expires_at", message)
    })
}

fn truncated(text: &str) -> String {
    text.chars().take(100).collect()
}

/// The session, as it is answered and told. Who can still pay is given `url` to go to.
pub(crate) fn session(payment: &Payment, url: &str) -> Value {
    let asked = &payment.asked;
    let (status, payment_status) = match payment.state {
        State::Open => ("open", "unpaid"),
        State::Paid => ("complete", "paid"),
        State::Expired => ("expired", "unpaid"),
    };
    let paid = payment.state == State::Paid;
    let total = Unit::of(asked.currency).amount(asked.amount_minor);
    json!({
        "id": payment.id,
        "object": "checkout.session",
        "amount_subtotal": total,
        "amount_total": total,
        "cancel_url": asked.cancel_url,
        "client_reference_id": asked.reference,
        "created": payment.created.as_second(),
        "currency": currency(payment),
        "customer": null,
        "customer_details": paid.then(|| json!({ "name": payment.name, "email": asked.email })),
        "customer_email": asked.email,
        "expires_at": asked.expires_at.as_second(),
        "livemode": false,
        "metadata": asked.metadata,
        "mode": "payment",
        "payment_intent": paid.then(|| intent_id(payment)),
        "payment_method_types": ["card"],
        "payment_status": payment_status,
        "status": status,
        "success_url": asked.success_url,
        "url": (payment.state == State::Open).then_some(url),
    })
}

/// The charge of a paid session, with what was given back.
pub(crate) fn charge(payment: &Payment) -> Value {
    let asked = &payment.asked;
    let unit = Unit::of(asked.currency);
    json!({
        "id": format!("ch_{}", payment.suffix()),
        "object": "charge",
        "amount": unit.amount(asked.amount_minor),
        "amount_captured": unit.amount(asked.amount_minor),
        "amount_refunded": unit.amount(payment.refunded_minor),
        "billing_details": { "name": payment.name, "email": asked.email },
        "captured": true,
        "created": payment.created.as_second(),
        "currency": currency(payment),
        "description": asked.intent_description,
        "livemode": false,
        "metadata": asked.intent_metadata,
        "paid": true,
        "payment_intent": intent_id(payment),
        "refunded": payment.refunded_minor == asked.amount_minor,
        "status": "succeeded",
    })
}

/// The payment intent of a session whose card was declined.
pub(crate) fn failed_intent(payment: &Payment, decline: Decline) -> Value {
    json!({
        "id": intent_id(payment),
        "object": "payment_intent",
        "amount": Unit::of(payment.asked.currency).amount(payment.asked.amount_minor),
        "amount_received": 0,
        "created": payment.created.as_second(),
        "currency": currency(payment),
        "description": payment.asked.intent_description,
        "last_payment_error": {
            "type": "card_error",
            "code": "card_declined",
            "decline_code": decline.code,
            "message": decline.message,
        },
        "livemode": false,
        "metadata": payment.asked.intent_metadata,
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
    })
}

fn intent_id(payment: &Payment) -> String {
    format!("pi_{}", payment.suffix())
}

fn currency(payment: &Payment) -> String {
    payment.asked.currency.code().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;
    const FORM: &[(&str, &str)] = &[
        ("mode", "payment"),
        ("success_url", "http://shop.example/paid"),
        ("line_items[0][quantity]", "2"),
        ("line_items[0][price_data][currency]", "usd"),
        ("line_items[0][price_data][unit_amount]", "4900"),
        ("line_items[0][price_data][product_data][name]", "Licence"),
        ("line_items[1][quantity]", "1"),
        ("line_items[1][price_data][currency]", "USD"),
        ("line_items[1][price_data][unit_amount]", "50"),
        ("line_items[1][price_data][product_data][name]", "Postage"),
        ("line_items[1][price_data][product_data][description]", "by air"),
        ("metadata[order_id]", "order-1"),
        ("payment_intent_data[metadata][order_id]", "order-1"),
    ];

    /// The form with these fields changed; an empty value takes one away.
    fn asked(changes: &[(&str, &str)]) -> Result<Asked, (Option<&'static str>, String)> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(FORM).extend_pairs(changes);
        let now = Timestamp::from_second(NOW).unwrap_or_default();
        let asked = Parameters::read(form.finish().as_bytes()).into_asked(now);
        asked.map_err(|refused| (refused.code, refused.param.unwrap_or_default()))
    }

    #[test]
    fn lines_are_added_up() {
        let asked = asked(&[]).ok();
        let told = asked.map(|asked| (asked.amount_minor, asked.description, asked.order, asked.currency));
        assert_eq!(told, Some((9_850, "2 x Licence, Postage: by air".into(), Some("order-1".into()), Currency::USD)));
    }

    #[test]
    fn what_stripe_refuses_is_refused() {
        let price = "line_items[0][price_data]";
        let (unit, currency) = (format!("{price}[unit_amount]"), format!("{price}[currency]"));
        let cases = [
            ("mode", "", Some("parameter_missing")),
            ("mode", "subscription", None),
            ("success_url", "", Some("parameter_missing")),
            ("success_url", "javascript:alert(1)", Some("url_invalid")),
            ("cancel_url", "nowhere", Some("url_invalid")),
            ("locale", "de", Some("parameter_unknown")),
            ("metadata[a][b]", "c", None),
            ("payment_method_types[0]", "sepa_debit", None),
            ("customer_email", "nobody", Some("email_invalid")),
            (&unit, "", Some("parameter_missing")),
            (&unit, "-1", None),
            (&unit, "49.00", None),
            (&unit, "99999999", Some("amount_too_large")),
            (&currency, "xyz", None),
            ("line_items[0][quantity]", "0", None),
            ("line_items[1][price_data][currency]", "eur", None),
        ];
        for (param, value, code) in cases {
            let told = asked(&[(param, value)]).map_err(|(code, told)| (code, param.starts_with(&told)));
            assert_eq!(told, Err((code, true)), "{param}={value}");
        }
    }

    #[test]
    fn some_currencies_are_counted_otherwise() {
        for (currency, amount, minor) in
            [("jpy", 4_900, Some(4_900)), ("isk", 4_900, Some(49)), ("ugx", 4_950, None), ("mga", 4_900, Some(490_000))]
        {
            let codes = [0, 1].map(|line| format!("line_items[{line}][price_data][currency]"));
            let amounts = [0, 1].map(|line| format!("line_items[{line}][price_data][unit_amount]"));
            let quantity = ("line_items[0][quantity]", "1");
            let [first, second] = &codes;
            let [one, two] = &amounts;
            let amount = amount.to_string();
            let told = asked(&[(first, currency), (second, currency), (one, &amount), (two, "0"), quantity]);
            let told = told.ok().map(|asked| (asked.amount_minor, Unit::of(asked.currency).amount(asked.amount_minor)));
            assert_eq!(told, minor.map(|minor| (minor, amount.parse().unwrap_or_default())), "{currency}");
        }
    }

    #[test]
    fn little_money_is_not_worth_it() {
        let (one, two) = ("line_items[0][price_data][unit_amount]", "line_items[1][price_data][unit_amount]");
        let told = |amount| asked(&[(one, "0"), (two, amount)]);
        assert_eq!(told("49").map_err(|(code, _)| code), Err(Some("amount_too_small")));
        assert_eq!(told("50").map(|asked| asked.amount_minor), Ok(50));
    }

    #[test]
    fn a_session_lives_between_half_an_hour_and_a_day() {
        for (after, accepted) in [(1_799, false), (1_800, true), (86_400, true), (86_401, false), (-1, false)] {
            let end = (NOW + after).to_string();
            let told = asked(&[("expires_at", &end)]).map(|asked| asked.expires_at.as_second());
            assert_eq!(told.ok(), accepted.then_some(NOW + after), "{after}");
        }
    }
}
