//! `GET /operate/dead-letters`: webhooks that were verified and could not be acted upon, oldest first. `GET
//! /operate/dead-letters/{id}`: one of them, with its body; `POST /operate/dead-letters/{id}/replay`: acts upon it after all,
//! once the configuration knows the product, say; `POST /operate/dead-letters/{id}/dismiss`: nothing is to follow from it
//! (SHP-7).
//!
//! Commit point: the order, as when the webhook came, which leaves it to be done that the letter is put away; where no order
//! changes by it, and for a letter that is dismissed, the letter.

use edge::{
    Edge, Failure, Outcome, Platform, Request, duty::on_duty, form::RawSignOut, shelves::AfterQuery, webhooks::Acted,
};
use http::StatusCode;
use kv_schema::record::Stored;
use shared::{
    config::OperatorRole,
    dead_letter::{DeadLetter, How, Reason, Sender},
    effect::{Effect, Shelf},
    operator::OnDuty,
    refusal::Refusal,
    values::DeadLetterId,
};

use crate::{
    api::{
        Further,
        letters::{JustTried, LetterPage, LetterView, LettersPage},
    },
    may_look,
};

pub(crate) async fn list<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    may_look(on_duty(edge, request).await?)?;
    let query: AfterQuery = request.decode_query()?;
    let page = edge.shelf_page(&Shelf::DeadLetters, query.after.as_deref()).await?;
    let ids: Vec<DeadLetterId> = page.ids.into_iter().map(DeadLetterId::from_bytes).collect();
    let letters = edge.get_many::<DeadLetter>(&ids).await?;
    let further = Further { next: page.next, goes_on: query.after.is_some() };
    edge.show(request, StatusCode::OK, &LettersPage::of(edge, &letters, further))
}

pub(crate) async fn show<P: Platform>(edge: &Edge<P>, request: &Request, id: &str) -> Outcome {
    let duty = may_look(on_duty(edge, request).await?)?;
    let stored = known(edge, id).await?;
    let notice = edge.take_notice::<JustTried>(request).filter(|notice| notice.by == *duty.id());
    let may_act = duty.require(OperatorRole::Fulfilment).is_ok();
    edge.show(request, StatusCode::OK, &LetterPage::of(edge, stored.value(), may_act, notice))
}

async fn known<P: Platform>(edge: &Edge<P>, id: &str) -> Result<Stored<DeadLetter>, Failure> {
    let id: DeadLetterId = id.parse().map_err(|_| Refusal::NotFound)?;
    Ok(edge.kv().get::<DeadLetter>(&id).await?.ok_or(Refusal::NotFound)?)
}

pub(crate) async fn replay<P: Platform>(edge: &Edge<P>, request: &Request, id: &str) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let raw: RawSignOut = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let duty = on_duty(edge, request).await?.require(OperatorRole::Fulfilment)?;
    // 3. Parse and 4. load.
    let stored = known(edge, id).await?;
    let letter = stored.value();
    if letter.is_settled() {
        edge.drain(stored.envelope()).await;
        return answer(edge, request, duty, letter, true);
    }
    // 5. Decide and 6. commit.
    let (stored, done) = match act(edge, letter, &[letter.put_away(&duty, edge.now)]).await? {
        Acted::Upon(_) => (settle(edge, &letter.id, How::Replayed, duty).await?, true),
        other => {
            let reason = match other {
                Acted::Unable(reason) => reason,
                Acted::Upon(_) | Acted::Left => Reason::left(),
            };
            let tried = edge.transact::<DeadLetter, ()>(&letter.id, Refusal::NotFound, |letter, _| {
                Ok(letter.tried(reason.clone()).into())
            });
            (tried.await?.1, false)
        }
    };
    // 7. Respond.
    answer(edge, request, duty, stored.value(), done)
}

async fn act<P: Platform>(edge: &Edge<P>, letter: &DeadLetter, more: &[Effect]) -> Result<Acted, Failure> {
    let body = letter.open(&edge.keys)?;
    match &letter.sender {
        Sender::Webstore { partner, dialect } => {
            let partner = edge.gateway.partner(partner).ok_or(Refusal::NotFound)?;
            edge.act_on_webhook(partner, *dialect, &body, more).await
        }
        Sender::Payments(provider) => edge.act_on_payment(*provider, &body, more).await,
    }
}

pub(crate) async fn dismiss<P: Platform>(edge: &Edge<P>, request: &Request, id: &str) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let raw: RawSignOut = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let duty = on_duty(edge, request).await?.require(OperatorRole::Fulfilment)?;
    // 3. Parse.
    let id: DeadLetterId = id.parse().map_err(|_| Refusal::NotFound)?;
    // 4. Load, 5. decide and 6. commit.
    let stored = settle(edge, &id, How::Dismissed, duty).await?;
    // 7. Respond.
    answer(edge, request, duty, stored.value(), true)
}

async fn settle<P: Platform>(
    edge: &Edge<P>,
    id: &DeadLetterId,
    how: How,
    duty: OnDuty<'_>,
) -> Result<Stored<DeadLetter>, Failure> {
    let settled = edge
        .transact::<DeadLetter, ()>(id, Refusal::NotFound, |letter, _| Ok(letter.settle(how, &duty, edge.now).into()));
    Ok(settled.await?.1)
}

fn answer<P: Platform>(
    edge: &Edge<P>,
    request: &Request,
    duty: OnDuty<'_>,
    letter: &DeadLetter,
    done: bool,
) -> Outcome {
    let page = format!("/operate/dead-letters/{}", letter.id);
    edge.leave_notice(request, &page, &JustTried { by: duty.id().clone(), done });
    edge.done(request, &page, StatusCode::OK, &LetterView::of(edge, letter))
}
