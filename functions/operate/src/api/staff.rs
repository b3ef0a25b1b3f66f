//! The operators' own page.

use askama::Template;
use edge::{Edge, Platform};
use serde::{Deserialize, Serialize};
use shared::{
    config::{self, OperatorRole},
    operator::{OnDuty, Operator},
    values::{OperatorId, Timestamp},
};

/// An operator as colleagues see them.
#[derive(Serialize)]
pub(crate) struct Colleague {
    pub(crate) id: OperatorId,
    pub(crate) name: String,
    pub(crate) roles: Vec<&'static str>,
    pub(crate) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enrolled_at: Option<Timestamp>,
    /// Tries of others than the operator since the last sign-in.
    pub(crate) misses: u32,
    /// Whether somebody who knows the password entered so many wrong codes that tries pause.
    pub(crate) paused: bool,
    #[serde(skip)]
    pub(crate) may_invite: bool,
}

impl Colleague {
    fn of(operator: &config::Operator, known: Option<&Operator>, may_invite: bool, now: Timestamp) -> Self {
        let enrolled = known.and_then(|known| known.enrolled.as_ref());
        let invited = known.and_then(|known| known.invited.as_ref()).is_some_and(|invited| now < invited.expires_at);
        Self {
            id: operator.id.clone(),
            name: operator.name.clone(),
            roles: operator.roles.iter().map(|role| role_name(*role)).collect(),
            state: match (enrolled, invited) {
                (_, true) => "invited",
                (Some(_), false) => "enrolled",
                (None, false) if operator.password_digest_variable.is_some() => "configured",
                (None, false) => "not-enrolled",
            },
            enrolled_at: enrolled.map(|enrolled| enrolled.at),
            misses: known.map_or(0, |known| known.misses),
            paused: known.is_some_and(|known| known.failures.paused(now)),
            may_invite: may_invite && operator.email.is_some(),
        }
    }
}

/// The role's name as the configuration has it.
fn role_name(role: OperatorRole) -> &'static str {
    match role {
        OperatorRole::Registrar => "registrar",
        OperatorRole::Fulfilment => "fulfilment",
        OperatorRole::Auditor => "auditor",
    }
}

/// Whom the last form has mailed a link, on its way to the page behind it.
#[derive(Serialize, Deserialize)]
pub(crate) struct JustInvited {
    pub(crate) by: OperatorId,
    pub(crate) colleague: OperatorId,
}

/// The operators.
#[derive(Serialize, Template)]
#[template(path = "operators.html")]
pub(crate) struct StaffPage {
    #[serde(skip)]
    pub(crate) title: &'static str,
    #[serde(skip)]
    pub(crate) notice: Option<String>,
    pub(crate) operators: Vec<Colleague>,
}

impl StaffPage {
    pub(crate) fn of<P: Platform>(
        edge: &Edge<P>,
        duty: OnDuty<'_>,
        known: &[Operator],
        notice: Option<JustInvited>,
    ) -> Self {
        let may_invite = duty.require(OperatorRole::Registrar).is_ok();
        let of = |operator: &config::Operator| {
            let record = known.iter().find(|known| known.id == operator.id);
            Colleague::of(operator, record, may_invite, edge.now)
        };
        let invited = notice.and_then(|notice| edge.gateway.operator(&notice.colleague));
        Self {
            title: "Operators",
            notice: invited.map(|operator| operator.name.clone()),
            operators: edge.gateway.operators.iter().map(of).collect(),
        }
    }
}

/// The answer to an invitation.
#[derive(Serialize)]
pub(crate) struct InvitationSent {
    pub(crate) operator: OperatorId,
    pub(crate) invited: bool,
}
