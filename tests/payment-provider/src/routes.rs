//! The routes: the two interfaces, the payment page, and the page of what was told.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
        header::{
            AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use url::Url;

use crate::{
    cards::Entered,
    generic, money, pages,
    payments::{Interface, NotMade, Payment, Request, State as PaymentState},
    provider::{Outcome, Provider},
    stripe,
};

/// Far more than any request has.
const BODY_LIMIT: usize = 64 * 1_024;
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

type App = State<Arc<Provider>>;

pub(crate) fn router(provider: Arc<Provider>) -> Router {
    Router::new()
        .route("/v1/checkout/sessions", post(make_stripe_session))
        .route("/v1/checkout/sessions/{id}", get(stripe_session))
        .route("/sessions", post(make_generic_session))
        .route("/pay/{id}", get(payment_page).post(pay))
        .route("/pay/{id}/cancel", post(cancel))
        .route("/", get(overview))
        .route("/style.css", get(style))
        .route("/icon.svg", get(icon))
        .route("/payments/{id}/refund", post(refund))
        .route("/payments/{id}/expire", post(expire))
        .route("/deliveries/{number}/again", post(again))
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(axum::middleware::map_response(with_security_headers))
        .with_state(provider)
}

async fn make_stripe_session(State(provider): App, headers: HeaderMap, body: Bytes) -> Response {
    if let Err(given) = authenticated(&headers, &provider.api_secret) {
        return stripe_refused(&stripe::Refused::not_authenticated(given));
    }
    let parameters = stripe::Parameters::read(&body);
    let says = parameters.canonical();
    let request = Request { interface: Interface::Stripe, key: idempotency_key(&headers), says };
    let answer = |payment: &Payment| stripe::session(payment, &provider.page(payment)).to_string();
    match provider.payments.make(request, |now| parameters.into_asked(now), answer) {
        Ok(answer) => json(StatusCode::OK, answer.body, answer.replayed),
        Err(NotMade::KeyUsed(key)) => stripe_refused(&stripe::Refused::key_used(&key)),
        Err(NotMade::Refused(refused)) => stripe_refused(&refused),
    }
}

async fn stripe_session(State(provider): App, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if let Err(given) = authenticated(&headers, &provider.api_secret) {
        return stripe_refused(&stripe::Refused::not_authenticated(given));
    }
    match provider.payments.get(&id).filter(|payment| payment.interface == Interface::Stripe) {
        Some(payment) => json(StatusCode::OK, stripe::session(&payment, &provider.page(&payment)).to_string(), false),
        None => stripe_refused(&stripe::Refused::no_session(&id)),
    }
}

async fn make_generic_session(State(provider): App, headers: HeaderMap, body: Bytes) -> Response {
    if authenticated(&headers, &provider.api_secret).is_err() {
        return generic_refused(&generic::Refused::not_authenticated());
    }
    let body = match generic::read(&body) {
        Ok(body) => body,
        Err(refused) => return generic_refused(&refused),
    };
    let request = Request { interface: Interface::Generic, key: idempotency_key(&headers), says: body.to_string() };
    let answer = |payment: &Payment| json!({ "id": payment.id, "url": provider.page(payment) }).to_string();
    match provider.payments.make(request, |now| generic::asked(body, now), answer) {
        Ok(answer) => json(StatusCode::CREATED, answer.body, answer.replayed),
        Err(NotMade::KeyUsed(_)) => generic_refused(&generic::Refused::key_used()),
        Err(NotMade::Refused(refused)) => generic_refused(&refused),
    }
}

async fn payment_page(State(provider): App, Path(id): Path<String>) -> Response {
    let Some(payment) = provider.payments.get(&id) else {
        return no_page();
    };
    if payment.state == PaymentState::Paid {
        return see_other(&payment.way_back());
    }
    if !payment.is_open(provider.payments.now()) {
        return pages::expired(&payment);
    }
    form(StatusCode::OK, &payment, &Entered::default(), pages::Trouble::None)
}

async fn pay(State(provider): App, Path(id): Path<String>, body: Bytes) -> Response {
    let Some(payment) = provider.payments.get(&id) else {
        return no_page();
    };
    let now = provider.payments.now();
    if payment.state == PaymentState::Paid {
        return see_other(&payment.way_back());
    }
    if !payment.is_open(now) {
        return pages::expired(&payment);
    }
    let field = |name| field(&body, name);
    let entered = Entered { number: field("number"), expiry: field("expiry"), cvc: field("cvc"), name: field("name") };
    let today = now.to_zoned(jiff::tz::TimeZone::UTC);
    let month = i32::from(today.year()) * 12 + i32::from(today.month());
    let card = match entered.card(month) {
        Ok(card) => card,
        Err(faults) => {
            return form(StatusCode::UNPROCESSABLE_ENTITY, &payment, &entered, pages::Trouble::Faults(&faults));
        }
    };
    let name = Some(entered.name.trim().to_owned()).filter(|name| !name.is_empty());
    match provider.pay(&id, card, name) {
        Some(Outcome::Paid(back)) => see_other(&back),
        Some(Outcome::Declined(message)) => {
            form(StatusCode::PAYMENT_REQUIRED, &payment, &entered, pages::Trouble::Declined(message))
        }
        Some(Outcome::Expired) => pages::expired(&payment),
        None => no_page(),
    }
}

async fn cancel(State(provider): App, Path(id): Path<String>) -> Response {
    let payment = provider.payments.get(&id);
    let back = payment.and_then(|payment| match payment.state {
        PaymentState::Paid => Some(payment.way_back()),
        PaymentState::Open | PaymentState::Expired => payment.asked.cancel_url,
    });
    back.map_or_else(no_page, |back| see_other(&back))
}

async fn overview(State(provider): App) -> Response {
    pages::overview(&provider.payments.all(), &provider.deliveries.all(), provider.payments.now())
}

async fn style() -> Response {
    let sheet = include_str!("../assets/style.css");
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], sheet).into_response()
}

async fn icon() -> Response {
    ([(CONTENT_TYPE, "image/svg+xml")], include_str!("../assets/icon.svg")).into_response()
}

async fn refund(State(provider): App, Path(id): Path<String>, body: Bytes) -> Response {
    let Some(payment) = provider.payments.get(&id) else {
        return no_page();
    };
    let text = field(&body, "amount");
    let amount = money::minor(&text, payment.asked.currency);
    let makes_sense = amount.is_some() || text.trim().is_empty();
    if makes_sense && provider.refund(&id, amount) == Some(true) {
        return see_other(&format!("/#{id}"));
    }
    let left = money::shown(payment.left(), payment.asked.currency);
    pages::problem(
        StatusCode::UNPROCESSABLE_ENTITY,
        "Nothing was refunded",
        &format!("Write an amount with a point, such as 10.00. Up to {left} can be refunded."),
    )
}

async fn expire(State(provider): App, Path(id): Path<String>) -> Response {
    match provider.end(&id) {
        Some(true) => see_other(&format!("/#{id}")),
        Some(false) => {
            pages::problem(StatusCode::CONFLICT, "Nothing to expire", "The payment is paid or expired already.")
        }
        None => no_page(),
    }
}

async fn again(State(provider): App, Path(number): Path<String>) -> Response {
    let Ok(number) = number.parse() else {
        return no_page();
    };
    match provider.deliveries.attempt(number).await {
        Ok(_) => see_other(&format!("/#delivery-{number}")),
        Err(error) => pages::problem(StatusCode::NOT_FOUND, "Nothing was delivered", &format!("The reason: {error}.")),
    }
}

async fn unknown(method: Method, uri: Uri) -> Response {
    if uri.path().starts_with("/v1/") {
        return stripe_refused(&stripe::Refused::no_route(method.as_str(), uri.path()));
    }
    no_page()
}

fn no_page() -> Response {
    pages::problem(StatusCode::NOT_FOUND, "Page not found", "There is no such page or payment here.")
}

/// Browsers apply `form-action` to the redirects after a form too, so the shop has to be named.
fn form(status: StatusCode, payment: &Payment, entered: &Entered, trouble: pages::Trouble<'_>) -> Response {
    let mut response = (status, pages::pay(payment, entered, trouble)).into_response();
    let addresses = [Some(&payment.asked.success_url), payment.asked.cancel_url.as_ref()];
    let shops = addresses.into_iter().flatten().filter_map(|address| Url::parse(address).ok());
    let mut shops: Vec<String> = shops.map(|shop| shop.origin().ascii_serialization()).collect();
    shops.dedup();
    if let Ok(policy) = HeaderValue::from_str(&policy(&shops.join(" "))) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn policy(form_targets: &str) -> String {
    let rest = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";
    format!("{rest}; form-action 'self' {form_targets}")
}

async fn with_security_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    if let (false, Ok(policy)) =
        (headers.contains_key(CONTENT_SECURITY_POLICY), HeaderValue::from_str(policy("").trim_end()))
    {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Otherwise, whether a secret was given at all.
fn authenticated(headers: &HeaderMap, secret: &str) -> Result<(), bool> {
    let Some(given) = headers.get(AUTHORIZATION) else {
        return Err(false);
    };
    let bearer = given.to_str().ok().and_then(|given| given.strip_prefix("Bearer "));
    if bearer == Some(secret) { Ok(()) } else { Err(true) }
}

fn idempotency_key(headers: &HeaderMap) -> Option<String> {
    headers.get(IDEMPOTENCY_KEY)?.to_str().ok().filter(|key| !key.is_empty()).map(str::to_owned)
}

/// A field of a form; empty where there is none.
fn field(form: &[u8], name: &str) -> String {
    let found = form_urlencoded::parse(form).find(|(field, _)| field == name);
    found.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// Addresses of others are written as headers can carry them.
fn see_other(address: &str) -> Response {
    let address = Url::parse(address).map_or_else(|_| address.to_owned(), String::from);
    (StatusCode::SEE_OTHER, [(LOCATION, address)]).into_response()
}

fn json(status: StatusCode, body: String, replayed: bool) -> Response {
    let mut response = (status, [(CONTENT_TYPE, "application/json")], body).into_response();
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

fn stripe_refused(refused: &stripe::Refused) -> Response {
    refusal(refused.status, &refused.body())
}

fn generic_refused(refused: &generic::Refused) -> Response {
    refusal(refused.status, &refused.body())
}

fn refusal(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json(status, body.to_string(), false)
}
