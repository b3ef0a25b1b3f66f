//! What comes in and what goes out.

#[cfg(not(target_family = "wasm"))]
pub(crate) mod samples;

use askama::Template;
use edge::{Edge, Failure, Platform, Request, failure::BadRequest, form::LocalPath, link};
use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use shared::{
    invitation::{InvitationId, InvitationSlot, Outline, Wish},
    refusal::Refusal,
    registration::reference_of,
    secret::PlainToken,
    values::Timestamp,
};

/// Newline-delimited JSON.
pub(crate) const NDJSON: &str = "application/x-ndjson";

/// Requires a body of newline-delimited JSON.
pub(crate) fn require_ndjson(request: &Request) -> Result<(), BadRequest> {
    if request.is_of(NDJSON) { Ok(()) } else { Err(BadRequest::NotNdjson) }
}

/// A body that may be left out.
pub(crate) fn optional<T: DeserializeOwned + Default>(request: &Request) -> Result<T, Failure> {
    if request.body.is_empty() { Ok(T::default()) } else { request.decode() }
}

/// A body that says nothing.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoFields {}

/// The query of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawListing {
    #[serde(default, deserialize_with = "given")]
    pub(crate) application: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub(crate) state: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub(crate) after: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub(crate) limit: Option<String>,
}

/// A parameter that is there is given, also when it is empty.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// An invitation as the partner sees it.
#[derive(Serialize)]
pub(crate) struct InvitationView {
    id: String,
    state: &'static str,
    application: String,
    organisation: String,
    given_name: String,
    family_name: String,
    email: String,
    created_at: Timestamp,
    expires_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
    /// Of the registration that used it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// What the partner hands over itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

impl InvitationView {
    /// One of the slot's invitations, without its link.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when the slot does not know it.
    pub(crate) fn of<P: Platform>(edge: &Edge<P>, slot: &InvitationSlot, generation: u32) -> Result<Self, Refusal> {
        Ok(Self::outlined(slot, &slot.outline(generation, edge.now).ok_or(Refusal::NotFound)?))
    }

    fn outlined(slot: &InvitationSlot, outline: &Outline<'_>) -> Self {
        Self {
            id: outline.id.to_string(),
            state: outline.state.as_str(),
            application: slot.application.to_string(),
            organisation: outline.organisation.as_str().to_owned(),
            given_name: outline.invitee.given.as_str().to_owned(),
            family_name: outline.invitee.family.as_str().to_owned(),
            email: slot.email.as_str().to_owned(),
            created_at: outline.created_at,
            expires_at: outline.expires_at,
            revoked_at: outline.revoked_at,
            reference: outline.registration.map(reference_of),
            link: None,
        }
    }

    /// The answer to a request that made an invitation, as it was then, also for whoever repeats the request (INV-2).
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when the claim made none.
    pub(crate) fn made<P: Platform>(
        edge: &Edge<P>,
        slot: &InvitationSlot,
        wish: &Wish<'_>,
        token: Option<&PlainToken>,
    ) -> Result<Self, Failure> {
        let id = slot.made_by(&wish.claim).ok_or(Refusal::NotFound)?;
        let made = slot.outline_as_made(id.generation, wish.command).ok_or(Refusal::NotFound)?;
        Ok(Self { link: link_of(edge, slot, id, token), ..Self::outlined(slot, &made) })
    }

    /// The answer to a request that sent an invitation again, as it was then, also for whoever repeats the request (INV-2).
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when the slot does not know the invitation.
    pub(crate) fn sent_again<P: Platform>(
        edge: &Edge<P>,
        slot: &InvitationSlot,
        id: InvitationId,
        token: Option<&PlainToken>,
    ) -> Result<Self, Refusal> {
        let sent = slot.outline_as_sent_again(id.generation).ok_or(Refusal::NotFound)?;
        Ok(Self { link: link_of(edge, slot, id, token), ..Self::outlined(slot, &sent) })
    }
}

/// The link, when the partner hands it over itself. `token` is known only to the request that drew it; for repetitions the
/// slot keeps it sealed, as long as the invitation is its current one.
fn link_of<P: Platform>(
    edge: &Edge<P>,
    slot: &InvitationSlot,
    id: InvitationId,
    token: Option<&PlainToken>,
) -> Option<String> {
    let handed_over = slot.current_id() == id && slot.current.handed_over.is_some();
    let token = match token {
        _ if !handed_over => None,
        Some(token) => Some(token.reveal()),
        None => slot.handed_over_token(&edge.keys),
    };
    token.map(|token| format!("{}/invite/accept?token={token}", edge.public_url))
}

/// A page of the list.
#[derive(Serialize, Default)]
pub(crate) struct ListView {
    pub(crate) invitations: Vec<InvitationView>,
    /// What `after` of the next page is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// The answer to one line of a bulk request.
///
/// # Errors
/// A fault when it cannot be serialised.
pub(crate) fn line(
    number: u32,
    status: StatusCode,
    invitation: Option<&InvitationView>,
    problem: Option<impl Serialize>,
) -> Result<Vec<u8>, Failure> {
    #[derive(Serialize)]
    struct Answer<'a, T> {
        line: u32,
        status: u16,
        #[serde(skip_serializing_if = "Option::is_none")]
        invitation: Option<&'a InvitationView>,
        #[serde(skip_serializing_if = "Option::is_none")]
        problem: Option<T>,
    }
    edge::view::json(&Answer { line: number, status: status.as_u16(), invitation, problem })
}

/// The invitation's page (INV-4).
#[derive(Serialize, Template)]
#[template(path = "accept.html")]
pub(crate) struct AcceptPage {
    #[serde(skip)]
    title: String,
    company: String,
    application: String,
    description: String,
    organisation: String,
    invitee: String,
    expires: String,
    expires_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    register_at: Option<String>,
    #[serde(skip)]
    sign_in_at: String,
    #[serde(skip)]
    way: Way,
    /// The organisation of whoever is signed in, and whether that person may accept for it (INV-7).
    #[serde(skip_serializing_if = "Option::is_none")]
    standing: Option<Standing>,
}

/// The query of the page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptQuery {
    #[serde(default)]
    pub(crate) token: Option<String>,
    #[serde(default)]
    pub(crate) invitation: Option<String>,
}

/// How somebody came to an invitation.
pub(crate) enum Way {
    /// By its link, with this token.
    Link(String),
    /// From the dashboard, as whoever it is addressed to (INV-7).
    Dashboard(InvitationId),
}

impl Way {
    /// The form's field that says so.
    pub(crate) fn field(&self) -> (&'static str, String) {
        match self {
            Self::Link(token) => ("token", token.clone()),
            Self::Dashboard(id) => ("invitation", id.to_string()),
        }
    }
}

/// For which organisation a signed-in person could accept.
#[derive(Serialize)]
pub(crate) struct Standing {
    pub(crate) organization: String,
    pub(crate) may_accept: bool,
}

/// An Organisation Administrator accepts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawAcceptance {
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    #[serde(default)]
    pub(crate) token: Option<String>,
    #[serde(default)]
    pub(crate) invitation: Option<String>,
}

/// The organisation has the application now.
#[derive(Serialize)]
pub(crate) struct Accepted {
    pub(crate) application: String,
    pub(crate) organization: String,
}

/// The page of an invitation.
const ACCEPT: &str = "/invite/accept";

/// The sign-in that leads back to this address.
pub(crate) fn sign_in_and_return(address: &str) -> String {
    LocalPath::or(Some(address), "/dashboard").after("/sign-in")
}

impl AcceptPage {
    /// `None` when the configuration no longer has the application.
    pub(crate) fn of<P: Platform>(
        edge: &Edge<P>,
        slot: &InvitationSlot,
        way: Way,
        standing: Option<Standing>,
    ) -> Option<Self> {
        let application = edge.gateway.application(&slot.application)?;
        let partner = edge.gateway.partner(&application.partner)?;
        Some(Self {
            title: format!("{} invites you", partner.name),
            company: partner.name.clone(),
            application: application.name.clone(),
            description: application.description.clone(),
            organisation: slot.current.organisation.as_str().to_owned(),
            invitee: slot.current.invitee.full(),
            expires: slot.current.expires_at.human(),
            expires_at: slot.current.expires_at,
            register_at: match &way {
                Way::Link(token) => Some(format!("/register?token={token}")),
                Way::Dashboard(_) => None,
            },
            sign_in_at: sign_in_and_return(&match &way {
                Way::Link(token) => link::address(ACCEPT, "token", token),
                Way::Dashboard(id) => format!("{ACCEPT}?invitation={id}"),
            }),
            way,
            standing,
        })
    }
}
