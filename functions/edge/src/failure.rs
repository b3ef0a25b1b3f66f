//! The two ways in which a request is not served: a refusal, which tells the caller, and a fault, which tells the log.

use kv_schema::kv;
use shared::refusal::Refusal;

use crate::{platform::PlatformFault, reply::Reply};

/// What a handler answers.
pub type Outcome = Result<Reply, Failure>;

/// Why a request is not served.
#[derive(Debug)]
pub enum Failure {
    /// A business "no".
    Refused(Refusal),
    /// A defect of the request itself, before any rule is asked.
    BadRequest(BadRequest),
    /// The store, the configuration or a provider failed. The text is for the log only.
    Fault(String),
}

/// A request that no rule is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadRequest {
    /// No route of this component.
    NoSuchRoute,
    /// The route exists for other methods.
    MethodNotAllowed(&'static str),
    /// The body is larger than the limit, in bytes.
    TooLarge(usize),
    /// The body ended before it was complete.
    Truncated,
    /// The body is not UTF-8.
    NotUtf8,
    /// The content type is neither JSON nor a form.
    UnsupportedMediaType,
    /// The content type is not newline-delimited JSON, which this route takes.
    NotNdjson,
    /// The body or query has a field that is unknown, repeated, missing or of the wrong type.
    Malformed,
    /// The request comes from another site.
    CrossSite,
    /// The page belongs to a link that the browser no longer knows.
    LinkForgotten,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<BadRequest> for Failure {
    fn from(bad: BadRequest) -> Self {
        Self::BadRequest(bad)
    }
}

impl From<kv::Fault> for Failure {
    fn from(fault: kv::Fault) -> Self {
        match &fault {
            kv::Fault::Store(store) => Self::Fault(format!("{fault}: {}", store.cause())),
            _ => Self::Fault(fault.to_string()),
        }
    }
}

impl From<PlatformFault> for Failure {
    fn from(fault: PlatformFault) -> Self {
        Self::Fault(fault.to_string())
    }
}
