//! What comes in and what goes out.

use askama::Template;
use edge::{Edge, Platform, Request};
use serde::{Deserialize, Serialize};
use shared::{invitation::InvitationSlot, refusal::Refusal, secret::PlainToken, values::Timestamp};

const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;

/// The bearer token of the `Authorization` header (RFC 6750, 2.1).
pub(crate) fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.header("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The `Idempotency-Key` header: 1 to 128 visible ASCII characters (INV-2).
pub(crate) fn idempotency_key(request: &Request) -> Result<&str, Refusal> {
    request
        .header("idempotency-key")
        .filter(|key| (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len()))
        .filter(|key| key.bytes().all(|byte| byte.is_ascii_graphic()))
        .ok_or(Refusal::IdempotencyKeyMissing)
}

/// An invitation as the partner sees it.
#[derive(Serialize, Template)]
#[template(path = "created.html")]
pub(crate) struct Created {
    #[serde(skip)]
    title: &'static str,
    id: String,
    state: &'static str,
    application: String,
    email: String,
    expires_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

impl Created {
    /// The answer to a request that made the slot's current invitation, or that repeats one which did. `token` is known
    /// only to the request that made it; a link that the partner hands over itself is kept sealed for repetitions.
    pub(crate) fn of<P: Platform>(edge: &Edge<P>, slot: &InvitationSlot, token: Option<&PlainToken>) -> Self {
        let handed_over = slot.current.handed_over.is_some();
        let token = match token {
            Some(token) if handed_over => Some(token.reveal()),
            Some(_) => None,
            None => slot.handed_over_token(&edge.keys),
        };
        Self {
            title: "Invitation created",
            id: slot.invitation_id(),
            state: slot.current.state(edge.now).as_str(),
            application: slot.application.to_string(),
            email: slot.email.as_str().to_owned(),
            expires_at: slot.current.expires_at,
            link: token.map(|token| format!("{}/invite/accept?token={token}", edge.public_url)),
        }
    }
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
    register_at: String,
    #[serde(skip)]
    sign_in_at: String,
    #[serde(skip)]
    token: String,
    /// The organisation of whoever is signed in, and whether that person may accept for it (INV-7).
    #[serde(skip_serializing_if = "Option::is_none")]
    standing: Option<Standing>,
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
    pub(crate) token: String,
}

/// The organisation has the application now.
#[derive(Serialize)]
pub(crate) struct Accepted {
    pub(crate) application: String,
    pub(crate) organization: String,
}

impl AcceptPage {
    /// `None` when the configuration no longer has the application.
    pub(crate) fn of<P: Platform>(
        edge: &Edge<P>,
        slot: &InvitationSlot,
        token: &str,
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
            register_at: format!("/register?token={token}"),
            // A token is base32, so that the address needs no escapes but these.
            sign_in_at: format!("/sign-in?continue=%2Finvite%2Faccept%3Ftoken%3D{token}"),
            token: token.to_owned(),
            standing,
        })
    }
}
