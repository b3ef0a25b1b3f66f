//! Webhooks that come: with what they are verified, what came of them, and how they are answered (SHP-7).
//!
//! Whoever sent one is told that it is taken only when everything that follows from it is durable.

use http::StatusCode;
use kv_schema::record::Stored;
use serde::{Serialize, de::DeserializeOwned};
use shared::{
    dead_letter::{DeadLetter, Reason, Sender},
    order::Order,
    refusal::Refusal,
    webhook::{Dialect, RawWebhook, VerifiedWebhook},
    webstore::{Decode, Review},
};

use crate::{
    edge::{Edge, NowStands},
    failure::{BadRequest, Failure, Outcome},
    platform::Platform,
    request::{Request, from_json},
    view,
};

/// What came of a webhook.
#[must_use]
pub enum Acted {
    /// It was acted upon; everything is durable.
    Upon(Box<Stored<Order>>),
    /// It tells of nothing that this service acts on.
    Left,
    /// It cannot be acted upon, unless a person does something first.
    Unable(Reason),
}

impl Acted {
    /// A person has to decide what is to follow.
    pub(crate) fn to_review(review: &Review) -> Self {
        Self::Unable(Reason::to_review(review.code, review.order.as_ref(), review.hint))
    }
}

/// The body of a webhook whose signature was verified.
pub(crate) struct Verified<'a>(pub(crate) &'a [u8]);

impl Decode for Verified<'_> {
    type Error = Failure;

    fn decode<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        Ok(from_json(self.0)?)
    }
}

/// What no repetition would mend is for a person to look at.
pub(crate) fn unable(failure: Failure) -> Result<Acted, Failure> {
    match failure {
        Failure::Refused(refusal @ (Refusal::InvalidInput(_) | Refusal::OrderContradicted)) => {
            Ok(Acted::Unable(Reason::of(&refusal)))
        }
        Failure::BadRequest(BadRequest::Truncated | BadRequest::NotUtf8 | BadRequest::Malformed) => {
            Ok(Acted::Unable(Reason::unreadable()))
        }
        other => Err(other),
    }
}

/// The answer to whoever sent a webhook.
#[derive(Serialize)]
#[serde(untagged)]
enum Accepted<'a> {
    /// It was acted upon.
    Order {
        handled: bool,
        order: String,
        state: &'static str,
        /// Licences that can be activated.
        licences: usize,
    },
    /// An event that this service does not act on.
    Left { handled: bool },
    /// It was kept for an operator.
    Kept { handled: bool, kept: String, code: &'a str, faults: Vec<KeptFault<'a>> },
}

#[derive(Serialize)]
struct KeptFault<'a> {
    field: &'a str,
    hint: &'a str,
}

impl<'a> Accepted<'a> {
    fn order(order: &Order) -> Self {
        let licences = order.unactivated().count();
        Self::Order { handled: true, order: order.reference(), state: order.state(), licences }
    }

    fn kept(letter: &'a DeadLetter) -> Self {
        let faults = letter.reason.faults.iter().map(|(field, hint)| KeptFault { field, hint });
        Self::Kept { handled: false, kept: letter.id.to_string(), code: &letter.reason.code, faults: faults.collect() }
    }
}

impl<P: Platform> Edge<P> {
    /// The webhook that the request is, if its raw bytes are signed in this dialect with a secret that one of these variables
    /// holds. An empty variable holds none.
    ///
    /// # Errors
    /// As [`VerifiedWebhook::verify`]; a fault that names the variable.
    pub async fn verified_webhook<'a>(
        &self,
        request: &'a Request,
        dialect: Dialect,
        variables: &[String],
    ) -> Result<VerifiedWebhook<'a>, Failure> {
        let mut secrets = Vec::new();
        for variable in variables {
            if let Some(text) = self.platform.variable(variable).await? {
                let secret = dialect.secret(&text);
                secrets.push(secret.map_err(|error| Failure::Fault(format!("variable {variable}: {error}")))?);
            }
        }
        let raw = RawWebhook::read(dialect, |name| request.header(name), &request.body);
        Ok(VerifiedWebhook::verify(&raw, &secrets, self.now)?)
    }

    /// Answers a webhook. What cannot be acted upon is kept for an operator first.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn answer_webhook(&self, sender: Sender, webhook: &VerifiedWebhook<'_>, acted: Acted) -> Outcome {
        match acted {
            Acted::Upon(stored) => view::document(StatusCode::OK, &Accepted::order(stored.value())),
            Acted::Left => view::document(StatusCode::ACCEPTED, &Accepted::Left { handled: false }),
            Acted::Unable(reason) => {
                let id = DeadLetter::id_of(&sender, &webhook.event_id(), &self.keys);
                let kept = DeadLetter::kept(id, sender, webhook.body(), reason, &self.keys, self.now, &mut self.rng());
                let (NowStands::Ours(stored) | NowStands::Another(stored)) = self.create(&id, kept).await?;
                view::document(StatusCode::ACCEPTED, &Accepted::kept(stored.value()))
            }
        }
    }
}
