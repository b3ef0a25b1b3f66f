//! `GET /operate/operators`: who the operators are and who has enrolled. `POST /operate/operators/{id}/invitation`: mails a
//! colleague the link under which they enrol, for the first time, or anew after a phone was lost or a password learnt by
//! somebody else.
//!
//! Commit point: the colleague's record. The link reaches nobody but the mailbox of the configuration, so that asking for
//! one gives nobody a colleague's roles.

use edge::{Edge, Outcome, Platform, Request, duty::record_of, form::RawSignOut};
use http::StatusCode;
use shared::{
    audit::Action, config::OperatorRole, decision::Decision, operator::Operator, refusal::Refusal, values::OperatorId,
};

use crate::{
    api::staff::{InvitationSent, JustInvited, StaffPage},
    on_duty,
};

/// The page.
const STAFF: &str = "/operate/operators";
const NO_MAILBOX: Refusal =
    Refusal::WrongStage { hint: "Give this operator an e-mail address in the configuration first." };

pub(crate) async fn show<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let duty = on_duty(edge, request).await?;
    let ids: Vec<_> = edge.gateway.operators.iter().map(|operator| record_of(edge, &operator.id)).collect();
    let known = edge.get_all::<Operator>(&ids).await?;
    let notice = edge.take_notice::<JustInvited>(request).filter(|notice| notice.by == *duty.id());
    edge.show(request, StatusCode::OK, &StaffPage::of(edge, duty, &known, notice))
}

pub(crate) async fn invite<P: Platform>(edge: &Edge<P>, request: &Request, id: &str) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let raw: RawSignOut = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let duty = on_duty(edge, request).await?.require(OperatorRole::Registrar)?;
    // 3. Parse.
    let id: OperatorId = id.parse().map_err(|_| Refusal::NotFound)?;
    let colleague = edge.gateway.operator(&id).ok_or(Refusal::NotFound)?;
    let email = colleague.email.as_ref().ok_or(NO_MAILBOX)?;
    // 4. Load, 5. decide, 6. commit.
    let record = record_of(edge, &id);
    drop(edge.create(&record, Decision::quiet(Action::OperatorRecord, Operator::new(id.clone()))).await?);
    edge.transact::<Operator, ()>(&record, Refusal::NotFound, |operator, rng| {
        Ok(operator.invite(record, (colleague, email), &duty, edge.now, rng).into())
    })
    .await?;
    // 7. Respond.
    edge.leave_notice(request, STAFF, &JustInvited { by: duty.id().clone(), colleague: id.clone() });
    edge.done(request, STAFF, StatusCode::OK, &InvitationSent { operator: id, invited: true })
}
