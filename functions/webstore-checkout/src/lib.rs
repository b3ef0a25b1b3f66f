//! The built-in webstore and the webhooks of partners' own webstores.
//!
//! `GET /webstore-checkout`: choose the partner. `GET /webstore-checkout/{partner}`: catalogue (SHP-1).
//! `GET /webstore-checkout/{partner}/cart?<product>=<quantity>&..`: the cart, which lives in its address.
//! `GET,POST /webstore-checkout/{partner}/checkout`: guest checkout, `action=apply` for a quote and `action=place` for
//! the order (SHP-2, SHP-5). `GET /webstore-checkout/orders?token=`: confirmation. `GET
//! /webstore-checkout/orders/placed?reference=`: what a repeated form is answered. `POST
//! /webstore-checkout/webhooks/{partner}`: a paid order of a partner's webstore (SHP-7).
//!
//! Commit point: the creation of the order, whose id derives from its cause. The promo code's hold, which
//! lapses, and the licences, which count only once the order names them, are written before it; a crash in between
//! burns nothing and issues nothing (SHP-3, SHP-6).

mod api;
mod promo;

use edge::{
    Edge, Failure, Outcome, Platform, Request,
    edge::NowStands,
    failure::BadRequest,
    reply::Reply,
    request::{Encoding, from_json},
};
use http::{Method, StatusCode};
use kv_schema::record::Record;
use shared::{
    audit::{self, Actor},
    checkout::{AskQuote, Cart, Order, PaidOrder, PlaceOrder, Purchase, RawEventKind, RawOrderEvent, Source},
    config::{Gateway, Partner},
    decision::Decision,
    event::{Event, EventKind, Subject},
    refusal::Refusal,
    secret::PlainToken,
    values::OrderId,
    webhook::{RawWebhook, VerifiedWebhook, WebhookSecret},
};

use crate::api::{
    Accepted, Action, CartPage, CataloguePage, CheckoutPage, OrderPage, OrderPlaced, PartnersPage, PlacedPage, RawForm,
    ReferenceQuery,
};

#[cfg(not(target_family = "wasm"))]
pub use api::samples::samples;

edge::component!(crate::handle, leaves effects);

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let segments = request.segments();
    let ["webstore-checkout", path @ ..] = segments.as_slice() else {
        return Err(BadRequest::NoSuchRoute.into());
    };
    match (&request.method, path) {
        (&Method::GET, []) => edge.show(request, StatusCode::OK, &PartnersPage::of(&edge.gateway)),
        (&Method::GET, ["orders"]) => confirmation(edge, request).await,
        (&Method::GET, ["orders", "placed"]) => placed(edge, request),
        (&Method::POST, ["webhooks", partner]) => webhook(edge, request, partner).await,
        (&Method::GET, [partner]) => catalogue(edge, request, partner),
        (&Method::GET, [partner, "cart"]) => cart(edge, request, partner),
        (&Method::GET, [partner, "checkout"]) => checkout_form(edge, request, partner),
        (&Method::POST, [partner, "checkout"]) => checkout(edge, request, partner).await,
        (_, ["webhooks", _]) => Err(BadRequest::MethodNotAllowed("POST").into()),
        (_, [_, "checkout"]) => Err(BadRequest::MethodNotAllowed("GET, HEAD, POST").into()),
        (_, [] | [_] | [_, "cart"] | ["orders", "placed"]) => Err(BadRequest::MethodNotAllowed("GET, HEAD").into()),
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

fn known<'a>(gateway: &'a Gateway, partner: &str) -> Result<&'a Partner, Refusal> {
    gateway.partners.iter().find(|known| known.id.as_str() == partner).ok_or(Refusal::NotFound)
}

fn catalogue<P: Platform>(edge: &Edge<P>, request: &Request, partner: &str) -> Outcome {
    let partner = known(&edge.gateway, partner)?;
    let typed = api::typed_cart(request);
    edge.show(request, StatusCode::OK, &CataloguePage::of(&edge.gateway, partner, &typed))
}

fn cart<P: Platform>(edge: &Edge<P>, request: &Request, partner: &str) -> Outcome {
    let partner = known(&edge.gateway, partner)?;
    let typed = api::typed_cart(request);
    let checked = api::raw_lines(&typed).and_then(|lines| {
        if lines.is_empty() { Ok(()) } else { Cart::parse(&partner.id, &lines, &edge.gateway).map(drop) }
    });
    match checked {
        Ok(()) => edge.show(request, StatusCode::OK, &CartPage::of(&edge.gateway, partner, &typed)),
        Err(refusal) => edge.refused_in_place(request, api::beside_lines(request, refusal.into()), "lines", |faults| {
            CartPage::of(&edge.gateway, partner, &typed).with(faults)
        }),
    }
}

fn checkout_form<P: Platform>(edge: &Edge<P>, request: &Request, partner: &str) -> Outcome {
    let partner = known(&edge.gateway, partner)?;
    let typed = api::typed_cart(request);
    let lines = api::raw_lines(&typed);
    match lines.and_then(|lines| Cart::parse(&partner.id, &lines, &edge.gateway).map(|_| lines)) {
        Ok(lines) => {
            let raw = RawForm::fresh(lines, &mut edge.rng());
            edge.show(request, StatusCode::OK, &CheckoutPage::of(&edge.gateway, partner, &raw, None))
        }
        // The cart's page shows what is wrong with it.
        Err(_) if request.wants_page() => Ok(Reply::see_other(api::cart_address(partner, &request.query))),
        Err(refusal) => Err(refusal.into()),
    }
}

async fn checkout<P: Platform>(edge: &Edge<P>, request: &Request, partner: &str) -> Outcome {
    // 1. The request is bounded by the edge. 2. Anybody may order as a guest, from this site's form.
    let raw: RawForm = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let partner = known(&edge.gateway, partner)?;
    let outcome = match raw.action {
        Action::Apply => apply(edge, request, partner, &raw).await,
        Action::Place => place(edge, request, partner, &raw).await,
    };
    match outcome {
        Ok(reply) => Ok(reply),
        Err(failure) => edge.refused_in_place(request, api::beside_lines(request, failure), "promo_code", |faults| {
            CheckoutPage::of(&edge.gateway, partner, &raw, None).with(faults)
        }),
    }
}

/// The effect of a promo code, before ordering. Writes nothing (SHP-2).
async fn apply<P: Platform>(edge: &Edge<P>, request: &Request, partner: &Partner, raw: &RawForm) -> Outcome {
    let command = AskQuote::parse(&raw.checkout(), &partner.id, &edge.gateway, &edge.keys)?;
    let quote = promo::quote(edge, &command).await?;
    edge.show(request, StatusCode::OK, &CheckoutPage::of(&edge.gateway, partner, raw, Some(quote)))
}

async fn place<P: Platform>(edge: &Edge<P>, request: &Request, partner: &Partner, raw: &RawForm) -> Outcome {
    // 3. Parse.
    let command = PlaceOrder::parse(&raw.checkout(), &partner.id, &edge.gateway, &edge.keys)?;
    // 4. Load: a form that led to an order meets it again.
    if let Some(stored) = edge.kv().get::<Order>(&command.order).await? {
        edge.drain(stored.envelope()).await;
        return placed_before(edge, request, stored.value(), &command);
    }
    // 5. Decide: the code has to cover everything, and is held until the order is complete.
    let (total, promo) = promo::pay(edge, &command).await?;
    let purchase = Purchase {
        cart: &command.cart,
        customer: command.customer.clone(),
        source: Source::Storefront { promo },
        total,
    };
    // 6. Commit. 7. Respond.
    match fulfil(edge, command.order, purchase).await? {
        (NowStands::Ours(stored), Some(token)) => {
            let address = format!("/webstore-checkout/orders?token={}", token.reveal());
            let link = format!("{}{address}", edge.public_url);
            edge.done(request, &address, StatusCode::CREATED, &OrderPlaced::of(stored.value(), Some(link)))
        }
        (NowStands::Ours(stored) | NowStands::Another(stored), _) => {
            placed_before(edge, request, stored.value(), &command)
        }
    }
}

/// Writes the licences and then the order that makes them count (SHP-6).
async fn fulfil<P: Platform>(
    edge: &Edge<P>,
    id: OrderId,
    purchase: Purchase<'_>,
) -> Result<(NowStands<Order>, Option<PlainToken>), Failure> {
    let complete = Order::complete(id, purchase, &edge.keys, edge.now, &mut edge.rng());
    // Should this request die before the order is there, a sweep removes the licences.
    let prepared: Vec<[u8; 16]> = complete.licences.iter().map(|licence| *licence.id.bytes()).collect();
    edge.note::<Order>(&[Order::key(&id)], &prepared).await?;
    for licence in complete.licences {
        edge.insert(&licence.id.clone(), Decision::quiet(audit::Action::LicenceIssue, licence)).await?;
    }
    let event = Event { kind: EventKind::OrderCompleted, at: edge.now, subject: Subject::Order(id) };
    let told = edge.gateway.tell(&complete.order.next.partner, event);
    Ok((edge.create(&id, complete.order.and(told)).await?, complete.token))
}

/// The answer to a repeated form. The confirmation's link is known only to its e-mail by now.
fn placed_before<P: Platform>(edge: &Edge<P>, request: &Request, order: &Order, command: &PlaceOrder<'_>) -> Outcome {
    if !order.repeats(&command.cart, &command.customer) {
        return Err(Refusal::OrderFormReused.into());
    }
    let address = format!("/webstore-checkout/orders/placed?reference={}", order.reference());
    edge.done(request, &address, StatusCode::OK, &OrderPlaced::of(order, None))
}

async fn confirmation<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: edge::form::TokenQuery = request.decode_query()?;
    let token: PlainToken = query.token.parse().map_err(|_| Refusal::LinkNotValid)?;
    let id = OrderId::from_bytes(token.record());
    let stored = edge.kv().get::<Order>(&id).await?.ok_or(Refusal::LinkNotValid)?;
    let order = stored.value().present(&token)?;
    edge.show(request, StatusCode::OK, &OrderPage::of(&edge.gateway, order))
}

fn placed<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: ReferenceQuery = request.decode_query()?;
    let page = PlacedPage::of(query.reference).ok_or(Refusal::NotFound)?;
    edge.show(request, StatusCode::OK, &page)
}

async fn webhook<P: Platform>(edge: &Edge<P>, request: &Request, partner: &str) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate the raw bytes. A partner that does not exist has no
    // secrets, so its webhooks are answered like those with a wrong signature.
    let partner = known(&edge.gateway, partner).ok();
    let raw = RawWebhook {
        id: request.header("webhook-id"),
        timestamp: request.header("webhook-timestamp"),
        signature: request.header("webhook-signature"),
        body: &request.body,
    };
    let webhook = VerifiedWebhook::verify(&raw, &secrets(edge, partner).await?, edge.now)?;
    let partner = partner.ok_or(Refusal::WebhookNotVerified)?;
    edge.acts(Actor::Webstore(partner.id.clone()));
    // 3. Parse.
    if request.encoding()? != Encoding::Json {
        return Err(BadRequest::UnsupportedMediaType.into());
    }
    if !from_json::<RawEventKind>(webhook.body())?.is_handled() {
        return edge::view::document(StatusCode::ACCEPTED, &Accepted::left());
    }
    let event: RawOrderEvent = from_json(webhook.body())?;
    let event = PaidOrder::parse(&event, &partner.id, &edge.gateway)?;
    let id = Order::id_of_webstore(&partner.id, &event.order, &edge.keys);
    // 4. Load: the same order, however often and in whatever event it comes, is fulfilled once.
    let known = edge.kv().get::<Order>(&id).await?;
    let stored = if let Some(stored) = known {
        edge.drain(stored.envelope()).await;
        stored
    } else {
        // 5. Decide and 6. commit.
        let source = Source::Webstore { order: event.order.clone() };
        let purchase = Purchase { cart: &event.cart, customer: event.customer.clone(), source, total: event.total };
        let (NowStands::Ours(stored) | NowStands::Another(stored), _) = fulfil(edge, id, purchase).await?;
        stored
    };
    if !stored.value().agrees_with(&event) {
        return Err(Refusal::OrderContradicted.into());
    }
    // 7. Respond: everything is durable.
    edge::view::document(StatusCode::OK, &Accepted::of(stored.value()))
}

async fn secrets<P: Platform>(edge: &Edge<P>, partner: Option<&Partner>) -> Result<Vec<WebhookSecret>, Failure> {
    let mut secrets = Vec::new();
    for variable in partner.iter().flat_map(|partner| &partner.webhook_secret_variables) {
        let Some(text) = edge.platform.variable(variable).await? else {
            continue;
        };
        let secret = text.parse().map_err(|error| Failure::Fault(format!("variable {variable}: {error}")))?;
        secrets.push(secret);
    }
    Ok(secrets)
}
