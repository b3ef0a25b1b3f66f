//! A forgotten password (SIG-3). `GET,POST /sign-in/reset` asks for a link, `GET /sign-in/reset/sent` says where to look for
//! it, and `GET,POST /sign-in/reset/choose?token=` replaces the password; where the proof is a code to a phone, `POST
//! /sign-in/reset/send` has it sent (CRD-5).
//!
//! Commit point: the account, which gets a link, or a failure more, or the new password. The answer to a question for a
//! link is the same for every name, and comes after the same time ([`ANSWER_MILLIS`]); that to a proof is revealed only
//! after the commit that counts it.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use edge::{
    Change, Edge, Failure, Outcome, Platform, Request, cookies,
    factors::CodeSent,
    form::{FormFaults, TokenQuery},
    link,
    password::advising,
};
use http::StatusCode;
use kv_schema::record::Stored;
use shared::{
    account::{Account, Needed, Proof},
    audit::Actor,
    credential::{
        open_factor,
        phone::{Asker, Way},
    },
    password::AnswerHash,
    quota::Caused,
    refusal::Refusal,
    secret::{PlainToken, TokenPurpose},
    values::AccountId,
};

use crate::{
    account_named,
    api::reset::{ChoosePage, Chosen, Given, LinkAsked, RawChoice, RawReset, RawSend, Replaced, ResetPage, SentPage},
};

/// The answer to a question for a link does not come before. What a known name costs more (a reminder, a message to the mail
/// provider) fits into this time, so the time does not tell whether there is such an account.
const ANSWER_MILLIS: u32 = 2_000;

/// The page behind the link.
const CHOOSE: &str = "/sign-in/reset/choose";

pub(crate) fn show<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    edge.show(request, StatusCode::OK, &ResetPage::new(FormFaults::none(), ""))
}

pub(crate) fn sent<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    edge.show(request, StatusCode::OK, &SentPage::new())
}

pub(crate) async fn ask<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Nothing authenticates: anybody may ask.
    let raw: RawReset = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    // 3. Parse.
    if let Err(refusal) = raw.parse() {
        return edge.refused_in_place(request, refusal.into(), "user", |faults| ResetPage::new(faults, &raw.user));
    }
    // Counted before anybody is looked up, and so for every name.
    if let Err(failure) = edge.limit(Caused::Link).await {
        return edge.refused_in_place(request, failure, "user", |faults| ResetPage::new(faults, &raw.user));
    }
    // 4. Load, 5. decide, 6. commit.
    no_sooner(edge.platform.pause(ANSWER_MILLIS), offer(edge, &raw.user)).await?;
    // 7. Respond.
    edge.done(request, "/sign-in/reset/sent", StatusCode::OK, &LinkAsked { asked: true })
}

/// Mails a link to the account of this name, if there is one that has a use for it.
async fn offer<P: Platform>(edge: &Edge<P>, name: &str) -> Result<(), Failure> {
    let id = account_named(edge, name).await?;
    let mut offered = false;
    let committed = edge
        .transact::<Account, ()>(&id, Refusal::NotFound, |account, rng| {
            let decision = account.offer_link(edge.now, rng);
            offered = decision.is_some();
            Ok(decision.into())
        })
        .await;
    match committed {
        Ok(_) if offered => Ok(()),
        // A contended account must not look different from none; whoever waits for the mail in vain asks again.
        Ok(_) | Err(Failure::Refused(Refusal::NotFound | Refusal::Busy { .. })) => edge.write_for_nobody().await,
        Err(failure) => Err(failure),
    }
}

/// What the work comes to, when the pause is over as well.
async fn no_sooner<T>(pause: impl Future<Output = ()>, work: impl Future<Output = T>) -> T {
    let (mut pause, mut work) = (pin!(pause), pin!(work));
    let (mut waited, mut done) = (false, None);
    poll_fn(|context| {
        if done.is_none()
            && let Poll::Ready(outcome) = work.as_mut().poll(context)
        {
            done = Some(outcome);
        }
        waited = waited || pause.as_mut().poll(context).is_ready();
        if !waited {
            return Poll::Pending;
        }
        done.take().map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

pub(crate) async fn open<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: TokenQuery = request.decode_query()?;
    let (token, stored) = account_of(edge, &query.token).await?;
    let needed = needed(edge, stored.value(), &token)?;
    let page = ChoosePage::of(edge, stored.value(), &needed, &token, FormFaults::none());
    advising(edge.show(request, StatusCode::OK, &page))
}

async fn call<P: Platform>(edge: &Edge<P>, id: AccountId, token: &PlainToken, raw: &RawSend) -> Result<(), Failure> {
    let chosen = raw.phone.credential(raw.credential.as_deref())?;
    edge.limit(Caused::Code).await?;
    let by = token.digest(TokenPurpose::Reset);
    edge.transact::<Account, ()>(&id, Refusal::LinkNotValid, |account, rng| {
        account.present_reset(token, edge.now)?;
        let credential = account.second_factor(chosen, edge.now)?.grant.id;
        let asker = Asker { account: account.id, way: Way::Link, by: &by, keys: &edge.keys };
        Ok(account.call_phone(credential, raw.phone.ordinal, asker, edge.now, rng)?.into())
    })
    .await
    .map(drop)
}

/// Has a code sent to a phone, to be entered beside the new password.
pub(crate) async fn send<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate: the link.
    let raw: RawSend = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let (token, stored) = account_of(edge, &raw.token).await?;
    let asked = needed(edge, stored.value(), &token)?;
    if matches!(asked, Needed::Answers(_)) {
        return Err(Refusal::NotFound.into());
    }
    // 3. Parse. 4. Load, 5. decide and 6. commit.
    let called = call(edge, stored.value().id, &token, &raw).await;
    // 7. Respond.
    match called {
        Ok(()) => {
            edge.done(request, &link::address(CHOOSE, "token", &raw.token), StatusCode::OK, &CodeSent { sent: true })
        }
        Err(failure) => advising(edge.refused_in_place(request, failure, "phone", |faults| {
            ChoosePage::of(edge, stored.value(), &asked, &token, faults)
        })),
    }
}

pub(crate) async fn choose<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate: the link is the first half of it, the proof the second.
    let raw: RawChoice = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let (token, stored) = account_of(edge, &raw.token).await?;
    let account = stored.value();
    let asked = needed(edge, account, &token)?;
    // 3. Parse: a password that the policy refuses costs no try.
    let organisation = account.memberships.first().ok_or(Refusal::LinkNotValid)?.organisation;
    let organisation = edge.organisation_name(&organisation, Refusal::LinkNotValid).await?;
    let chosen = match raw.parse(edge, account, &asked, &organisation) {
        Ok(chosen) => chosen,
        Err(failure) => return refused(edge, request, raw.chosen_credential(), &token, account, failure),
    };
    // 4. Load, 5. decide, 6. commit.
    let (outcome, stored) = replace(edge, account.id, &token, &chosen).await?;
    // 7. Respond.
    match outcome {
        Ok(()) => {
            edge.clear_cookie(cookies::SESSION);
            edge.done(request, "/sign-in", StatusCode::OK, &Replaced { password_changed: true })
        }
        Err(refusal) => refused(edge, request, raw.chosen_credential(), &token, stored.value(), refusal.into()),
    }
}

/// Judges the proof and replaces the password. The outcome is known only after the commit that counts it.
async fn replace<P: Platform>(
    edge: &Edge<P>,
    id: AccountId,
    token: &PlainToken,
    chosen: &Chosen,
) -> Result<(Result<(), Refusal>, Stored<Account>), Failure> {
    let password = chosen.password.hash(&edge.keys.pepper(), &mut edge.rng());
    let questions = questions_are_asked(edge);
    let mut compared: Option<(Vec<(String, AnswerHash)>, bool)> = None;
    edge.transact::<Account, Result<(), Refusal>>(&id, Refusal::LinkNotValid, |account, _| {
        let counted = match &chosen.given {
            Given::Code { credential, code } => {
                account.present_reset(token, edge.now)?;
                let credential = account.second_factor(*credential, edge.now)?;
                let asker = Asker {
                    account: account.id,
                    way: Way::Link,
                    by: &token.digest(TokenPurpose::Reset),
                    keys: &edge.keys,
                };
                let opened = open_factor(credential, code, asker, edge.now)?;
                let proof = Proof::Code { credential: credential.grant.id, opened: &opened, code };
                account.reset_password(token, proof, questions, &password, edge.now)?
            }
            Given::Answers(given) => {
                let Needed::Answers(kept) = needed(edge, &account, token)? else {
                    return Err(Refusal::LinkNotValid);
                };
                // Decided anew after a lost race, hashed anew only if the answers changed meanwhile.
                let right = match &compared {
                    Some((judged, right)) if judged == kept => *right,
                    _ => compared.insert((kept.to_vec(), all_right(edge, kept, given))).1,
                };
                account.reset_password(token, Proof::Answers(right), questions, &password, edge.now)?
            }
        };
        Ok(Change::Commit(counted))
    })
    .await
}

/// Every answer is compared, so that the time does not tell which one is wrong.
fn all_right<P: Platform>(edge: &Edge<P>, kept: &[(String, AnswerHash)], given: &[String]) -> bool {
    let pepper = edge.keys.pepper();
    let right = kept.iter().zip(given).filter(|((_, hash), answer)| hash.verify(answer, &pepper)).count();
    right == kept.len()
}

/// What is wrong, in place while the link works; nothing that was entered is repeated.
fn refused<P: Platform>(
    edge: &Edge<P>,
    request: &Request,
    chosen: &str,
    token: &PlainToken,
    account: &Account,
    failure: Failure,
) -> Outcome {
    let Ok(needed) = needed(edge, account, token) else {
        return Err(failure);
    };
    let field = match needed {
        Needed::Code(_) => "code",
        Needed::Answers(_) => "answer_1",
    };
    advising(edge.refused_in_place(request, failure, field, |faults| {
        ChoosePage::of(edge, account, &needed, token, faults).with_credential(chosen)
    }))
}

fn questions_are_asked<P: Platform>(edge: &Edge<P>) -> bool {
    edge.gateway.service.security_questions.is_some()
}

fn needed<'a, P: Platform>(edge: &Edge<P>, account: &'a Account, token: &PlainToken) -> Result<Needed<'a>, Refusal> {
    account.present_reset(token, edge.now)?.needed(questions_are_asked(edge), edge.now)
}

/// The account that a link names. Every "no" is the same.
async fn account_of<P: Platform>(edge: &Edge<P>, token: &str) -> Result<(PlainToken, Stored<Account>), Failure> {
    let token: PlainToken = token.parse().map_err(|_| Refusal::LinkNotValid)?;
    let id = AccountId::from_bytes(token.record());
    let stored = edge.kv().get::<Account>(&id).await?.ok_or(Refusal::LinkNotValid)?;
    stored.value().present_reset(&token, edge.now)?;
    edge.acts(Actor::LinkHolder);
    Ok((token, stored))
}
