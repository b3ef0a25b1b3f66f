//! The one exhaustive mapping from "no" to what a caller sees: status, fixed text, next step (RFC 9457).
//!
//! What a stranger must not learn is masked here: one text for every link that does not work, one for every failed
//! sign-in, nothing of a fault's cause.

use http::StatusCode;
use serde::Serialize;
use shared::{
    config::Gateway,
    journey::Blocker,
    refusal::{Refusal, Settled},
    values::{ApplicationId, Seconds},
};

use crate::{
    edge::BUSY_RETRY_AFTER,
    failure::{BadRequest, Failure},
};

/// A problem as it is shown.
#[derive(Debug, Clone)]
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// Stable code.
    pub code: &'static str,
    /// What this is about.
    pub title: &'static str,
    /// What happened.
    pub detail: String,
    /// What to do next.
    pub next: String,
    /// Fields that cannot be accepted.
    pub errors: Vec<FieldError>,
    /// What blocks a launch.
    pub blockers: Vec<BlockerView>,
    /// The id of what exists already.
    pub existing: Option<String>,
    /// Seconds to wait.
    pub retry_after: Option<u64>,
}

/// A field's fault in `errors[]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// JSON pointer to the field (RFC 6901).
    pub pointer: String,
    /// Stable code.
    pub code: &'static str,
    /// What to do next.
    pub detail: String,
}

/// A blocker in `blockers[]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlockerView {
    /// Stable code.
    pub code: &'static str,
    /// What to do next.
    pub detail: &'static str,
    /// Where it is resolved, when this person can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub href: Option<String>,
}

impl BlockerView {
    /// The blocker with its link.
    pub fn of(blocker: &Blocker, application: Option<&shared::config::Application>) -> Self {
        Self {
            code: blocker.code(),
            detail: blocker.advice(),
            href: application.and_then(|application| blocker.path(application)),
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    next: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    blockers: &'a [BlockerView],
    #[serde(skip_serializing_if = "Option::is_none")]
    existing: Option<&'a str>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: &str, next: &str) -> Self {
        Self {
            status,
            code,
            title,
            detail: detail.to_owned(),
            next: next.to_owned(),
            errors: Vec::new(),
            blockers: Vec::new(),
            existing: None,
            retry_after: None,
        }
    }

    /// The problem of a request that is not served.
    pub fn of(failure: &Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::of_refusal(refusal),
            Failure::BadRequest(bad) => Self::of_bad_request(*bad),
            Failure::Fault(_) => Self::of_fault(),
        }
    }

    /// The problem document, as a part of another one.
    pub fn part<'a>(&'a self, request_id: &'a str) -> impl Serialize + 'a {
        Document {
            r#type: format!("urn:vestibule:problem:{}", self.code),
            title: self.title,
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            next: &self.next,
            request_id,
            errors: &self.errors,
            blockers: &self.blockers,
            existing: self.existing.as_deref(),
        }
    }

    /// The problem document.
    pub fn document(&self, request_id: &str) -> Vec<u8> {
        // A document of strings and numbers always serialises; an empty body keeps the status all the same.
        serde_json::to_vec(&self.part(request_id)).unwrap_or_default()
    }

    /// A fault of ours: constant text, whatever the cause.
    pub fn of_fault() -> Self {
        let mut problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "Something went wrong on our side",
            "Your request could not be completed.",
            "Nothing was lost. Try again in a moment; if it happens again, write to support with the reference below.",
        );
        problem.retry_after = Some(5);
        problem
    }

    /// A launch that is blocked, with the link for each blocker (LCH-1).
    pub fn of_blocked(blockers: &[Blocker], application: &ApplicationId, gateway: &Gateway) -> Self {
        let application = gateway.application(application);
        let mut problem = Self::of_refusal(&Refusal::Blocked(Vec::new()));
        problem.blockers = blockers.iter().map(|blocker| BlockerView::of(blocker, application)).collect();
        problem
    }

    /// A request that no rule was asked about.
    pub fn of_bad_request(bad: BadRequest) -> Self {
        use StatusCode as S;
        match bad {
            BadRequest::NoSuchRoute => Self::of_refusal(&Refusal::NotFound),
            BadRequest::MethodNotAllowed(_) => Self::new(
                S::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "Not possible this way",
                "This address does not take that method.",
                "Use the method that the Allow header names.",
            ),
            BadRequest::TooLarge(_) => Self::new(
                S::PAYLOAD_TOO_LARGE,
                "too-large",
                "Too large",
                "The request is larger than this address accepts.",
                "Send less at once.",
            ),
            BadRequest::Truncated => Self::new(
                S::BAD_REQUEST,
                "truncated",
                "Incomplete request",
                "The request's body ended too early.",
                "Send it again, whole.",
            ),
            BadRequest::NotUtf8 => Self::new(
                S::BAD_REQUEST,
                "not-utf8",
                "Unreadable request",
                "The request's body is not UTF-8 text.",
                "Send it as UTF-8.",
            ),
            BadRequest::UnsupportedMediaType => Self::new(
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "Unreadable request",
                "The request's body is neither JSON nor a form.",
                "Send application/json, or use the form on the page.",
            ),
            BadRequest::NotNdjson => Self::new(
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "Unreadable request",
                "The request's body is not newline-delimited JSON.",
                "Send application/x-ndjson: one JSON document a line.",
            ),
            BadRequest::Malformed => Self::new(
                S::BAD_REQUEST,
                "malformed",
                "Unreadable request",
                "The request has a field that is unknown, repeated, missing or of the wrong type.",
                "Compare it with the documentation, or use the form on the page.",
            ),
            BadRequest::CrossSite => Self::of_refusal(&Refusal::FormNotOurs),
            BadRequest::LinkForgotten => Self::new(
                S::BAD_REQUEST,
                "link-forgotten",
                "Open the link in your e-mail again",
                "This page belongs to a link in an e-mail, and your browser no longer knows which one.",
                "Go back to the e-mail and open its link once more. Nothing was lost. If this page comes again, allow cookies \
                 for this site.",
            ),
        }
    }

    /// The one exhaustive table of refusals.
    #[expect(clippy::too_many_lines, reason = "a table: one row a refusal, and the compiler keeps it complete")]
    pub fn of_refusal(refusal: &Refusal) -> Self {
        use StatusCode as S;
        let (status, title, detail, next): (S, &'static str, &str, &str) = match refusal {
            Refusal::InvalidInput(_) => (
                S::UNPROCESSABLE_ENTITY,
                "Some entries need another look",
                "Not everything that was entered can be accepted.",
                "Correct the fields that are marked and send it again.",
            ),
            Refusal::LinkNotValid => (
                S::NOT_FOUND,
                "This link does not work",
                "The link has expired, was used already, or is not complete.",
                "Open the newest e-mail and use its link, or ask the sender for a new one.",
            ),
            Refusal::NotFound => (
                S::NOT_FOUND,
                "Not found",
                "There is nothing at this address that you can see.",
                "Check the address, or go back to your dashboard.",
            ),
            Refusal::ApiKeyNotValid => (
                S::UNAUTHORIZED,
                "API key needed",
                "The request has no valid API key.",
                "Send your key as Authorization: Bearer, or ask the operator for a new one.",
            ),
            Refusal::IdempotencyKeyMissing => (
                S::BAD_REQUEST,
                "Idempotency-Key needed",
                "The request has no Idempotency-Key header of 1 to 128 visible characters.",
                "Add one that is unique to this request, and use it again if you repeat the request.",
            ),
            Refusal::IdempotencyKeyReused => (
                S::UNPROCESSABLE_ENTITY,
                "Idempotency-Key used before",
                "This Idempotency-Key came with another request before.",
                "Use a new key for a new request.",
            ),
            Refusal::StillRunning => (
                S::CONFLICT,
                "Still running",
                "The same request is being worked on.",
                "Wait a moment and repeat it with the same Idempotency-Key.",
            ),
            Refusal::InvitationPending { .. } => (
                S::CONFLICT,
                "Already invited",
                "A pending invitation for this application and e-mail exists.",
                "Send that one again or revoke it, or wait until it is accepted or has expired.",
            ),
            Refusal::InvitationAccepted => (
                S::CONFLICT,
                "Accepted already",
                "A registration was submitted with this invitation.",
                "Look at the invitation: it has the registration's reference number.",
            ),
            Refusal::InvitationEnded => (
                S::CONFLICT,
                "Invitation ended",
                "This invitation was revoked, or another one took its place.",
                "Invite again, unless there is a newer invitation.",
            ),
            Refusal::ResentTooOften => (
                S::CONFLICT,
                "Sent again too often",
                "This invitation was sent again as often as one can be.",
                "Revoke it and invite again, after making sure that the address is right.",
            ),
            Refusal::NotProcessed => (
                S::SERVICE_UNAVAILABLE,
                "Not processed yet",
                "There was no time left for this line.",
                "Repeat the whole request with the same Idempotency-Key: it goes on where it stopped.",
            ),
            Refusal::TooManyRequests { .. } => (
                S::TOO_MANY_REQUESTS,
                "Too many requests",
                "This was asked for too often in a short time.",
                "Wait until then and try again.",
            ),
            Refusal::InvitationNeeded { .. } => (
                S::FORBIDDEN,
                "Invitation needed",
                "This application takes suppliers by invitation only.",
                "Ask your contact at the partner company to invite you.",
            ),
            Refusal::AlreadyDecided(_) => (
                S::CONFLICT,
                "Already decided",
                "This was decided before; that decision stands.",
                "Go back to the list.",
            ),
            Refusal::NotSignedIn => (
                S::UNAUTHORIZED,
                "Please sign in",
                "You are not signed in, or your session has ended.",
                "Sign in and try again.",
            ),
            Refusal::SignInFailed => (
                S::UNAUTHORIZED,
                "Sign-in failed",
                "What was entered does not match an account, or there were too many tries.",
                "Check it and try again; after many tries, wait a while first.",
            ),
            Refusal::FormNotOurs => (
                S::FORBIDDEN,
                "This form has expired",
                "The form was opened too long ago, or was not sent from this site.",
                "Go back, reload the page and send it again.",
            ),
            Refusal::RoleMissing { .. } => {
                (S::FORBIDDEN, "Not permitted", "Your role does not permit this.", "Ask somebody who may.")
            }
            Refusal::TermsChanged => (
                S::CONFLICT,
                "The text has changed",
                "A newer version was published while you were reading.",
                "Reload the page and read the current version.",
            ),
            Refusal::PromoNotUsable => (
                S::UNPROCESSABLE_ENTITY,
                "Promo code not accepted",
                "This promo code cannot be used for this order.",
                "Check it for typing errors, or ask whoever gave it to you.",
            ),
            Refusal::PaymentPageUnavailable { .. } => (
                S::SERVICE_UNAVAILABLE,
                "The payment page cannot be opened",
                "The payment provider does not answer right now. Nothing was charged, and your order waits.",
                "Go back to the order's page and try again in a minute.",
            ),
            Refusal::PaymentNotCovered { .. } => (
                S::UNPROCESSABLE_ENTITY,
                "Payment needed",
                "The promo code does not cover the whole order, and this store takes no other payment.",
                "Use a promo code that covers it, or buy from the partner's own webstore.",
            ),
            Refusal::OrderFormReused => (
                S::CONFLICT,
                "Order placed already",
                "This order form was used for another order.",
                "Go back to the catalogue and start a new order.",
            ),
            Refusal::LicenceNotUsable => (
                S::UNPROCESSABLE_ENTITY,
                "Licence key not accepted",
                "This licence key cannot be activated.",
                "Check it for typing errors; each key works once, for one person.",
            ),
            Refusal::ShipmentPending => (
                S::CONFLICT,
                "Wait for your token",
                "The licence key is good, but the token that it is for was not shipped yet.",
                "Wait until the token has arrived, then enter the licence key again: you need the serial number on its back.",
            ),
            Refusal::SerialNotUsable => (
                S::UNPROCESSABLE_ENTITY,
                "Serial number not accepted",
                "The licence key cannot be activated with this serial number.",
                "Enter the number on the back of the token that came for this order; each token works for one licence key. If it \
                 is the right one, write to support.",
            ),
            Refusal::WrongStage { hint } => (S::CONFLICT, "Not possible now", "This step is not possible now.", hint),
            Refusal::CodeNotAccepted { .. } => (
                S::UNPROCESSABLE_ENTITY,
                "Code not accepted",
                "This code is wrong, too old, or was used already.",
                "Enter the next code of your authenticator app, or the last one that was sent to your phone.",
            ),
            Refusal::AnswersNotAccepted { .. } => (
                S::UNPROCESSABLE_ENTITY,
                "Answers not accepted",
                "Not all answers are right.",
                "Answer as you did when you activated your account; capitals and spaces do not matter.",
            ),
            Refusal::OrganisationNotChosen => (
                S::FORBIDDEN,
                "Choose an organization",
                "You belong to several organizations and have not chosen one yet.",
                "Choose the organization that you act for and try again.",
            ),
            Refusal::CredentialLocked => (
                S::TOO_MANY_REQUESTS,
                "Credential locked",
                "There were ten wrong codes in a row, so the credential is locked.",
                "Write to support: only they can help with a locked credential.",
            ),
            Refusal::Blocked(_) => (
                S::FORBIDDEN,
                "Not ready to launch yet",
                "Something has to be done before this application can be launched.",
                "Do what is listed, in this order.",
            ),
            Refusal::OtpRequired => {
                (S::UNAUTHORIZED, "Second factor needed", "This needs a one-time code.", "Enter a code and try again.")
            }
            Refusal::WebhookNotVerified => (
                S::UNAUTHORIZED,
                "Signature not accepted",
                "The webhook's signature is missing or wrong.",
                "Sign the raw body with the current secret, in the dialect that was agreed.",
            ),
            Refusal::WebhookStale => (
                S::BAD_REQUEST,
                "Webhook too old",
                "The webhook's timestamp is more than five minutes off.",
                "Check the clock and sign again when sending again.",
            ),
            Refusal::OrderContradicted => (
                S::CONFLICT,
                "Order known with other content",
                "This order was reported before with another customer or other lines.",
                "Use a new order id for a new order.",
            ),
            Refusal::Busy { .. } => (
                S::SERVICE_UNAVAILABLE,
                "Busy",
                "Somebody else is changing the same thing right now.",
                "Nothing was lost. Try again in a moment.",
            ),
        };
        Self::new(status, refusal.code(), title, detail, next).with_particulars(refusal)
    }

    /// What one refusal knows and its fixed text does not.
    fn with_particulars(mut self, refusal: &Refusal) -> Self {
        match refusal {
            Refusal::InvalidInput(faults) => {
                self.errors = faults
                    .iter()
                    .map(|fault| FieldError {
                        pointer: format!("/{}", fault.field.replace('.', "/")),
                        code: fault.code,
                        detail: fault.hint.clone(),
                    })
                    .collect();
            }
            Refusal::InvitationPending { existing } => {
                self.detail = format!("{} Its id is {existing}.", self.detail);
                self.existing = Some(existing.clone());
            }
            Refusal::InvitationNeeded { application, .. } => {
                self.detail = format!("{application} takes suppliers by invitation only.");
            }
            Refusal::RoleMissing { ask } => self.next = format!("Ask {ask}."),
            Refusal::AlreadyDecided(Settled { what, by, at }) => {
                let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
                let what = what.replace('-', " ");
                self.detail = format!("{} It was {what}{by} on {}.", self.detail, at.human());
            }
            Refusal::PaymentNotCovered { remaining } => {
                self.detail = format!("{remaining} is left to pay, and this store takes promo codes only.");
            }
            Refusal::CodeNotAccepted { tries_left } | Refusal::AnswersNotAccepted { tries_left } => {
                self.detail = format!("{} Tries left: {tries_left}.", self.detail);
            }
            Refusal::Blocked(blockers) => {
                self.blockers = blockers.iter().map(|blocker| BlockerView::of(blocker, None)).collect();
            }
            Refusal::Busy { retry_after } | Refusal::PaymentPageUnavailable { retry_after } => {
                self.retry_after = Some(retry_after.0);
            }
            Refusal::TooManyRequests { retry_after } => {
                self.detail = format!("{} It is possible again in {}.", self.detail, in_words(*retry_after));
                self.retry_after = Some(retry_after.0);
            }
            Refusal::StillRunning => self.retry_after = Some(BUSY_RETRY_AFTER.0),
            _ => {}
        }
        self
    }
}

/// A time to wait, as people say it: never shorter than it is.
fn in_words(Seconds(seconds): Seconds) -> String {
    match seconds {
        1 => "1 second".to_owned(),
        0..=119 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}
