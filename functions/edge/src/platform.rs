//! What a component stands on, besides the store: configuration, variables and one way out.

use std::{future::Future, sync::Arc};

use kv_schema::store::{Ambient, Store};
use shared::{config::Gateway, delivery::Answer, password::Blocklist, values::Seconds};

/// Everything that the edge asks of the platform it runs on.
pub trait Platform: Store + Ambient {
    /// The configuration: `gateway.toml`, validated as a whole and compiled when the project was built.
    ///
    /// # Errors
    /// A [`PlatformFault`] that names the file and the reason.
    fn gateway(&self) -> Result<Arc<Gateway>, PlatformFault>;

    /// The passwords that the deployment refuses (ACT-1), made when the project was built.
    ///
    /// # Errors
    /// A [`PlatformFault`] that names the file and the reason, also when the manifest does not grant the file.
    fn blocklist(&self) -> Result<Arc<Blocklist>, PlatformFault>;

    /// A variable that the manifest grants to this component; `None` when it is empty.
    ///
    /// # Errors
    /// When the variable is not granted, or the provider fails.
    fn variable(&self, name: &str) -> impl Future<Output = Result<Option<String>, PlatformFault>>;

    /// Posts a document to a granted host and reads the answer; a body of more than [`ANSWER_BYTES_MAX`] bytes, or one
    /// that breaks off, counts as empty: what was done there is done. Without a limit to the patience it waits as long as the
    /// request may live.
    ///
    /// # Errors
    /// When the host is not granted, or does not answer in time.
    fn post(
        &self,
        message: Outgoing,
        patience: Option<Seconds>,
    ) -> impl Future<Output = Result<Answered, PlatformFault>>;

    /// Posts a document to a granted host and takes in how that was answered, not what. No answer within `patience`, or
    /// none at all, is an [`Answer`] as well; a redirect is not followed.
    fn notify(&self, message: Outgoing, patience: Seconds) -> impl Future<Output = Answer>;

    /// Posts a form to a granted host and reads the answer, at most [`ANSWER_BYTES_MAX`] bytes of it.
    ///
    /// # Errors
    /// When the host is not granted, does not answer in time, or answers more.
    fn ask(&self, question: Question, patience: Seconds) -> impl Future<Output = Result<Answered, PlatformFault>>;

    /// Writes one line to the component's log.
    fn log(&self, line: &str);
}

/// The media type of JSON.
pub const JSON: &str = "application/json";
/// The media type of a form.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// A document that leaves. It cannot be printed: its headers may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where it goes.
    pub url: String,
    /// [`JSON`] or [`FORM`].
    pub media_type: &'static str,
    /// The same for every try of one cause, so that the receiver can recognise a repetition.
    pub idempotency_key: String,
    /// What the receiver wants besides: by whom it is sent, for example.
    pub headers: Vec<(&'static str, String)>,
    /// The document.
    pub body: Vec<u8>,
}

/// The longest answer that is read, in bytes.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A form that leaves, and whose answer counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Where it goes.
    pub url: String,
    /// The form, as `application/x-www-form-urlencoded`.
    pub form: String,
}

/// What somebody outside answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Status.
    pub status: u16,
    /// Body.
    pub body: Vec<u8>,
}

/// The platform did not do what was asked. The cause is for the log, never for a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformFault(String);

impl PlatformFault {
    /// A fault with its cause.
    pub fn new(cause: impl Into<String>) -> Self {
        Self(cause.into())
    }
}

impl std::fmt::Display for PlatformFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
