//! The checkout: what an order costs, and placing it once (SHP-2, SHP-3, SHP-5).

use edge::{Edge, Failure, Outcome, Platform, Request, edge::NowStands};
use http::StatusCode;
use kv_schema::record::Stored;
use shared::{
    batch::Batch,
    checkout::{AskQuote, Cart, PlaceOrder, Quote, Terms},
    config::Partner,
    decision::Decision,
    order::{Bought, Issue, Order},
    promo::{Presented, Promo, Sheet},
    quota::Caused,
    refusal::Refusal,
    values::{AccountId, OrderId, Seconds},
};

use crate::{
    api::{self, Action, CheckoutPage, OrderPlaced, RawForm, ReviewPage},
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
    let terms = command.terms(quote, partner)?;
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
        return answer(edge, request, partner, &command, NowStands::Another(stored));
    }
    // 5. Decide. 6. Commit.
    let decision = decide(edge, partner, &command, account).await?;
    let placed = edge.create(&command.order, decision).await?;
    // 7. Respond.
    answer(edge, request, partner, &command, placed)
}

/// What costs nothing is complete at once; everything else waits for its payment. The promo code is held before either is
/// committed.
async fn decide<P: Platform>(
    edge: &Edge<P>,
    partner: &Partner,
    command: &PlaceOrder<'_>,
    account: Option<AccountId>,
) -> Result<Decision<Order>, Failure> {
    let terms = |quote: Quote| command.terms(quote, partner);
    let (Terms { quote, payment, waits, bill_to }, promo) = match command.promo {
        Some(presented) => {
            let (terms, promo) = edge.reserve_promo(presented, command.order, &command.cart, terms).await?;
            (terms, Some(promo))
        }
        None => (terms(Quote::of(&command.cart, None, command.order, edge.now)?)?, None),
    };
    let customer = command.customer.clone();
    let bought = Bought::of(&command.cart, customer, quote.total, payment, promo, edge.now)
        .addressed(&command.cart, &command.addresses)
        .billed_to(bill_to);
    let lapses_at = waits.map(|waits| edge.now.plus(waits));
    let token = &command.confirmation;
    let order = Order::placed(command.order, &partner.id, account, bought, lapses_at, token);
    if lapses_at.is_some() {
        if account.is_none() {
            // Its mail goes to an address that anybody can have entered.
            edge.limit(Caused::Link).await?;
        }
        return Ok(order.awaited(token, &edge.gateway));
    }
    let issue = Issue::of(order.id, order.products(), &edge.keys, &mut edge.rng());
    edge.write_licences(&command.order, &issue, &[]).await?;
    let paid = order.pay(Some(&issue), true, Some(token), &edge.gateway, edge.now)?;
    Ok(paid.ok_or(BUSY)?)
}

/// The way to the order's page, for whoever has placed it, now or before with the same form.
fn answer<P: Platform>(
    edge: &Edge<P>,
    request: &Request,
    partner: &Partner,
    command: &PlaceOrder<'_>,
    placed: NowStands<Order>,
) -> Outcome {
    let (status, stored) = match placed {
        NowStands::Ours(stored) => (StatusCode::CREATED, stored),
        NowStands::Another(stored) => (StatusCode::OK, stored),
    };
    if !stored.value().is_repeated_by(command) {
        return Err(Refusal::OrderFormReused.into());
    }
    cart::forget(edge, request, partner);
    let address = format!("/webstore-checkout/orders?token={}", command.confirmation.reveal());
    let link = format!("{}{address}", edge.public_url);
    edge.done(request, &address, status, &OrderPlaced::of(stored.value(), link))
}
