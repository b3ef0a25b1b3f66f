//! The checkout: what an order costs, and placing it once (SHP-2, SHP-3, SHP-5).

use edge::{Edge, Failure, Outcome, Platform, Request, edge::NowStands};
use http::StatusCode;
use kv_schema::record::Stored;
use shared::{
    batch::Batch,
    checkout::{AskQuote, Cart, PlaceOrder, Quote},
    config::Partner,
    decision::Decision,
    order::{Bought, Issue, Order, Payment},
    promo::{Presented, Promo, Sheet},
    quota::Caused,
    refusal::Refusal,
    secret::PlainToken,
    values::{AccountId, OrderId, Seconds},
};

use crate::{
    api::{self, Action, CheckoutPage, OrderPlaced, RawForm, ReviewPage, Terms},
    cart, known, signed_in,
};

/// Somebody else changes the promo code or the order right now.
const BUSY: Refusal = Refusal::Busy { retry_after: Seconds(2) };

pub(crate) async fn checkout<P: Platform>(edge: &Edge<P>, request: &Request, partner: &str) -> Outcome {
    // 1. The request is bounded by the edge. 2. Anybody may order, as a guest or signed in, from this site's form.
    let raw: RawForm = request.decode_nested()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let partner = known(&edge.gateway, partner)?;
    let person = signed_in(edge, request).await?;
    let account = person.as_ref().map(|account| account.id);
    let outcome = match raw.action {
        Action::Apply => apply(edge, request, partner, &raw, account).await,
        Action::Edit if raw.has_promo_code() => apply(edge, request, partner, &raw, account).await,
        Action::Edit => {
            edge.show(request, StatusCode::OK, &CheckoutPage::of(&edge.gateway, partner, &raw, None, account))
        }
        Action::Review => review(edge, request, partner, &raw).await,
        Action::Place => place(edge, request, partner, &raw, account).await,
    };
    match outcome {
        Ok(reply) => Ok(reply),
        Err(failure) => edge.refused_in_place(request, api::beside_lines(request, failure), "promo_code", |faults| {
            CheckoutPage::of(&edge.gateway, partner, &raw, None, account).with(faults)
        }),
    }
}

/// The effect of a promo code, before ordering. Writes nothing (SHP-2).
async fn apply<P: Platform>(
    edge: &Edge<P>,
    request: &Request,
    partner: &Partner,
    raw: &RawForm,
    account: Option<AccountId>,
) -> Outcome {
    let wish = AskQuote::parse(&raw.checkout(), &partner.id, &edge.gateway, &edge.keys)?;
    let quote = quoted(edge, Some(wish.promo), &wish.cart, wish.order).await?;
    edge.show(request, StatusCode::OK, &CheckoutPage::of(&edge.gateway, partner, raw, Some(quote), account))
}

/// Everything once more, before it is ordered. Writes nothing (SHP-1).
async fn review<P: Platform>(edge: &Edge<P>, request: &Request, partner: &Partner, raw: &RawForm) -> Outcome {
    let command = PlaceOrder::parse(&raw.checkout(), &partner.id, &edge.gateway, &edge.keys)?;
    let quote = quoted(edge, command.promo, &command.cart, command.order).await?;
    let (payment, _) = Payment::chosen(quote.total, command.pay_by.as_ref(), partner)?;
    let bill_to = command.bill_to(&payment, partner.billing_address.as_ref().filter(|_| quote.bills_partner))?;
    let terms = Terms { quote, payment, bill_to };
    let page = ReviewPage::of(&edge.gateway, partner, raw, &command, &terms);
    edge.show(request, StatusCode::OK, &page)
}

async fn quoted<P: Platform>(
    edge: &Edge<P>,
    promo: Option<Presented>,
    cart: &Cart<'_>,
    order: OrderId,
) -> Result<Quote, Failure> {
    let Some(presented) = promo else {
        return Ok(Quote::of(cart, None, order, edge.now)?);
    };
    let batch = edge.kv().get::<Batch>(&presented.batch).await?.map(Stored::into_value);
    let sheet = edge.kv().get::<Sheet>(&presented.sheet(batch.as_ref())).await?.map(Stored::into_value);
    let promo = Promo::met(presented, batch.as_ref(), sheet.as_ref())?;
    Ok(Quote::of(cart, Some(&promo), order, edge.now)?)
}

async fn place<P: Platform>(
    edge: &Edge<P>,
    request: &Request,
    partner: &Partner,
    raw: &RawForm,
    account: Option<AccountId>,
) -> Outcome {
    // 3. Parse.
    let command = PlaceOrder::parse(&raw.checkout(), &partner.id, &edge.gateway, &edge.keys)?;
    // 4. Load: a form that led to an order meets it again.
    if let Some(stored) = edge.kv().get::<Order>(&command.order).await? {
        edge.drain(stored.envelope()).await;
        return placed_before(edge, request, stored.value(), &command);
    }
    // 5. Decide.
    let (decision, token) = decide(edge, partner, &command, account).await?;
    // 6. Commit. 7. Respond.
    match edge.create(&command.order, decision).await? {
        NowStands::Ours(stored) => {
            cart::forget(edge, request, partner);
            let address = format!("/webstore-checkout/orders?token={}", token.reveal());
            let link = format!("{}{address}", edge.public_url);
            edge.done(request, &address, StatusCode::CREATED, &OrderPlaced::of(stored.value(), Some(link)))
        }
        NowStands::Another(stored) => placed_before(edge, request, stored.value(), &command),
    }
}

/// What costs nothing is complete at once; everything else waits for its payment. The promo code is held before either is
/// committed.
async fn decide<P: Platform>(
    edge: &Edge<P>,
    partner: &Partner,
    command: &PlaceOrder<'_>,
    account: Option<AccountId>,
) -> Result<(Decision<Order>, PlainToken), Failure> {
    let chosen = |quote: Quote| {
        let (payment, waits) = Payment::chosen(quote.total, command.pay_by.as_ref(), partner)?;
        let address = command.bill_to(&payment, partner.billing_address.as_ref().filter(|_| quote.bills_partner))?;
        Ok((quote.total, payment, waits, address))
    };
    let ((total, payment, waits, address), promo) = match command.promo {
        Some(presented) => {
            let (chosen, promo) = edge.reserve_promo(presented, command.order, &command.cart, chosen).await?;
            (chosen, Some(promo))
        }
        None => (chosen(Quote::of(&command.cart, None, command.order, edge.now)?)?, None),
    };
    let customer = command.customer.clone();
    let bought = Bought::of(&command.cart, customer, total, payment, promo, edge.now)
        .addressed(&command.cart, &command.addresses)
        .billed_to(address);
    let lapses_at = waits.map(|waits| edge.now.plus(waits));
    let (order, token) = Order::placed(command.order, &partner.id, account, bought, lapses_at, &mut edge.rng());
    if lapses_at.is_some() {
        if account.is_none() {
            // Its mail goes to an address that anybody can have entered.
            edge.limit(Caused::Link).await?;
        }
        return Ok((order.awaited(&token, &edge.gateway), token));
    }
    let issue = Issue::of(order.id, order.products(), &edge.keys, &mut edge.rng());
    edge.write_licences(&command.order, &issue, &[]).await?;
    let paid = order.pay(Some(&issue), true, Some(&token), &edge.gateway, edge.now)?;
    Ok((paid.ok_or(BUSY)?, token))
}

/// The answer to a repeated form. The confirmation's link is known only to its e-mail by now.
fn placed_before<P: Platform>(edge: &Edge<P>, request: &Request, order: &Order, command: &PlaceOrder<'_>) -> Outcome {
    if !order.repeats(&command.cart, &command.customer, &command.addresses) {
        return Err(Refusal::OrderFormReused.into());
    }
    let address = format!("/webstore-checkout/orders/placed?reference={}", order.reference());
    edge.done(request, &address, StatusCode::OK, &OrderPlaced::of(order, None))
}
