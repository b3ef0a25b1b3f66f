//! What comes in and what goes out.

pub(crate) mod join;
pub(crate) mod people;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod samples;

use askama::Template;
use edge::{Edge, Platform, addressed::Addressed};
use serde::{Deserialize, Serialize};
use shared::{
    account::SignedIn,
    organisation::{JoinRequest, Organisation},
    refusal::{Refusal, Settled},
    registration::reference_of,
    team::{How, PersonInvitation, RawPerson, Team},
    values::{AccountId, ApplicationId, PersonInvitationId, RegistrationId, Timestamp},
};

/// An administrator's decision as it arrives.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawDecision {
    pub(crate) csrf: Option<String>,
    decision: String,
}

impl RawDecision {
    /// # Errors
    /// [`Refusal::InvalidInput`] when it is none.
    pub(crate) fn let_in(&self) -> Result<bool, Refusal> {
        match self.decision.as_str() {
            "let-in" => Ok(true),
            "decline" => Ok(false),
            _ => Err(Refusal::field("decision", "unknown", "Choose to let the person in or to decline.")),
        }
    }
}

/// The answer to a decision.
#[derive(Serialize)]
pub(crate) struct Decided {
    reference: String,
    state: &'static str,
}

impl Decided {
    pub(crate) fn of(id: RegistrationId, let_in: bool) -> Self {
        Self { reference: reference_of(id), state: if let_in { "let-in" } else { "declined" } }
    }
}

/// What the administrator's last form has done, on its way to the page behind it.
#[derive(Serialize, Deserialize)]
pub(crate) struct JustDone {
    by: AccountId,
    what: String,
}

impl JustDone {
    fn new(person: &SignedIn<'_>, what: String) -> Self {
        Self { by: person.account.id, what }
    }

    pub(crate) fn let_in(person: &SignedIn<'_>, name: &str) -> Self {
        Self::new(person, format!("You let {name} in. An e-mail says what to do next."))
    }

    pub(crate) fn declined(person: &SignedIn<'_>, name: &str) -> Self {
        Self::new(person, format!("You did not let {name} in. An e-mail says so, without reasons."))
    }

    pub(crate) fn added(person: &SignedIn<'_>, entered: &RawPerson) -> Self {
        let what = if entered.how == "create" { "entered" } else { "invited" };
        Self::new(person, format!("You {what} {}. An e-mail says what to do next.", entered.email.trim()))
    }

    pub(crate) fn taken_back(person: &SignedIn<'_>) -> Self {
        Self::new(person, "You took the invitation back: its link does not work any more.".to_owned())
    }

    /// Somebody else who is signed in in the same browser by now is not told.
    pub(crate) fn is_for(&self, person: &SignedIn<'_>) -> bool {
        self.by == person.account.id
    }
}

/// Somebody who asks, or asked, to be let in.
#[derive(Serialize)]
struct Asking {
    id: RegistrationId,
    reference: String,
    name: String,
    email: String,
    application: String,
    at: Timestamp,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<Timestamp>,
}

impl Asking {
    fn of(request: &JoinRequest) -> Self {
        let answer = request.answer.as_ref();
        Self {
            id: request.registration,
            reference: reference_of(request.registration),
            name: request.name.full(),
            email: request.email.as_str().to_owned(),
            application: request.application_name.clone(),
            at: request.at,
            state: answer.map_or("open", shared::organisation::Answer::as_str),
            decided_by: answer.map(|answer| answer.by_name.clone()),
            decided_at: answer.map(|answer| answer.at),
        }
    }
}

/// Somebody who was invited or entered.
#[derive(Serialize)]
struct Person {
    id: PersonInvitationId,
    name: String,
    email: String,
    role: &'static str,
    applications: Vec<String>,
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    state: &'static str,
}

impl Person {
    fn of<P: Platform>(edge: &Edge<P>, invitation: &PersonInvitation) -> Self {
        let membership = &invitation.membership;
        let role = match (membership.organisation_administrator, membership.application_administrator.is_empty()) {
            (true, _) => "organisation-administrator",
            (false, false) => "application-administrator",
            (false, true) => "user",
        };
        Self {
            id: invitation.id,
            name: invitation.name.full(),
            email: invitation.email.as_str().to_owned(),
            role,
            applications: membership.access.iter().map(|id| application_name(edge, id)).collect(),
            at: invitation.at,
            expires_at: (invitation.how == How::Invited).then_some(invitation.expires_at),
            state: invitation.as_str(edge.now),
        }
    }
}

/// The application's name, or its id when the configuration no longer has it.
fn application_name<P: Platform>(edge: &Edge<P>, id: &ApplicationId) -> String {
    edge.gateway.application(id).map_or_else(|| id.to_string(), |application| application.name.clone())
}

/// Where administrators begin.
#[derive(Serialize, Template)]
#[template(path = "overview.html")]
pub(crate) struct Overview {
    #[serde(skip)]
    title: String,
    #[serde(skip)]
    notice: Option<String>,
    #[serde(skip)]
    overtaken: Option<String>,
    organization: String,
    /// Invitations of partners that wait to be accepted for the organisation.
    invitations: Vec<Addressed>,
    /// Newest first.
    requests: Vec<Asking>,
    /// Newest first.
    people: Vec<Person>,
}

impl Overview {
    pub(crate) fn of<P: Platform>(
        edge: &Edge<P>,
        organisation: &Organisation,
        team: Option<&Team>,
        invitations: Vec<Addressed>,
    ) -> Self {
        let name = organisation.profile.legal_name.as_str();
        let people = team.map(|team| team.invitations.as_slice()).unwrap_or_default();
        Self {
            title: format!("Administer {name}"),
            notice: None,
            overtaken: None,
            organization: name.to_owned(),
            invitations,
            requests: organisation.join_requests.iter().rev().map(Asking::of).collect(),
            people: people.iter().rev().map(|one| Person::of(edge, one)).collect(),
        }
    }

    pub(crate) fn with_notice(self, done: Option<JustDone>) -> Self {
        Self { notice: done.map(|done| done.what), ..self }
    }

    /// Somebody's decision came too late.
    pub(crate) fn overtaken(self, settled: Settled) -> Self {
        let by = settled.by.unwrap_or_else(|| "somebody".to_owned());
        let what = if settled.what == "let-in" { "let the person in" } else { "declined" };
        let told = format!("Your decision was not taken: {by} {what} on {}.", settled.at.human());
        Self { overtaken: Some(told), ..self }
    }
}
