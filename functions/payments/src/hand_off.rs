//! To the payment provider's page, and back.

use edge::{
    Edge, Failure, Outcome, Platform, Reply, Request, cookies,
    customer::{PaymentOutcome, RawProof},
    request::form_encoded,
};
use http::StatusCode;
use shared::{order::Bill, refusal::Refusal, secret::SealPurpose, values::Seconds};

use crate::{
    api::{PayHere, ReturnQuery, ReturnedPage, WayBack},
    provider,
};

/// How long the provider may take: whoever pressed the button waits for it.
const PATIENCE: Seconds = Seconds(10);
/// When somebody should try again whom the provider did not answer.
const RETRY_AFTER: Seconds = Seconds(60);
const NOT_ANY_MORE: &str = "The payment provider does not take this payment (any more). Nothing was charged. Place a new order, or \
                            choose another way to pay.";

pub(crate) async fn to_provider<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate: whoever has the link, or ordered signed in.
    let raw: RawProof = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    // 3. Parse and 4. load.
    let proven = edge.proven_order(request, &raw).await?;
    // 5. Decide. Nothing is committed here.
    let bill = proven.order.value().bill(&edge.gateway, edge.now)?;
    let url = match open(edge, &bill).await {
        Ok(url) => url,
        Err(failure @ Failure::Refused(_)) => return Err(failure),
        Err(failure) => {
            edge.log_failure("payment page", &failure);
            return Err(Refusal::PaymentPageUnavailable { retry_after: RETRY_AFTER }.into());
        }
    };
    // 7. Respond.
    let way_back = WayBack { order: bill.reference.clone(), page: proven.address_before_parameter() };
    let lifetime = bill.closes_at.since(edge.now);
    edge.set_sealed_cookie_for(cookies::PAYMENT, SealPurpose::Link, &way_back, lifetime);
    edge.done(request, &url, StatusCode::OK, &PayHere::of(&bill, &url))
}

/// Has the provider open its page for the order, or asks for the one that it opened before.
async fn open<P: Platform>(edge: &Edge<P>, bill: &Bill) -> Result<String, Failure> {
    let missing = || Failure::Fault("gateway.toml says no more who takes cards".to_owned());
    let payments = edge.gateway.payments.as_ref().ok_or_else(missing)?;
    let back = |payment: PaymentOutcome| {
        let query = form_encoded(&[("order", &bill.reference), ("payment", payment.as_str())]);
        format!("{}/payments/return?{query}", edge.public_url)
    };
    let session = provider::Session { bill, paid: &back(PaymentOutcome::Made), left: &back(PaymentOutcome::Left) };
    let endpoint = edge.required_variable("payment_endpoint").await?;
    let secret = edge.required_variable("payment_secret").await?;
    let outgoing = provider::outgoing(payments.provider, endpoint, &secret, &session).map_err(Failure::Fault)?;
    let answered = edge.platform.post(outgoing, Some(PATIENCE)).await?;
    if provider::is_final(&answered) {
        let fault = format!("{} of {}", answered.status, bill.reference);
        edge.log_failure("payment page refused", &Failure::Fault(fault));
        return Err(Refusal::WrongStage { hint: NOT_ANY_MORE }.into());
    }
    provider::page(&answered, &payments.page_origin).map_err(Failure::Fault)
}

/// The provider knows no more than the order's number; where its page is, only the browser does that went to pay.
pub(crate) fn back<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: ReturnQuery = request.decode_query()?;
    let way_back: Option<WayBack> = edge.sealed_cookie(request, cookies::PAYMENT, SealPurpose::Link);
    match way_back.filter(|way_back| way_back.order == query.order) {
        Some(WayBack { page, .. }) => Ok(Reply::see_other(format!("{page}payment={}", query.payment.as_str()))),
        None => edge.show(request, StatusCode::OK, &ReturnedPage::after(query.payment)),
    }
}
