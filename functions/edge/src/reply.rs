//! The reply, before the edge adds what every reply carries.

use http::StatusCode;

/// A whole reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Status.
    pub status: StatusCode,
    /// Headers besides those that every reply carries.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// Scripts that the page runs.
    pub scripts: Scripts,
}

/// Which scripts a page runs. Never inline ones, and no page needs any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scripts {
    /// None.
    #[default]
    None,
    /// Our own, from `/assets/`; they may fetch from us.
    Ours,
    /// A provider's, with what they load: sources of a content security policy.
    From(&'static str),
}

impl Reply {
    /// A reply without body.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), scripts: Scripts::None }
    }

    /// A reply with a body.
    pub fn with(status: StatusCode, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        Self { status, headers, body: body.into(), scripts: Scripts::None }
    }

    /// `303 See Other`: what a successful form answers.
    pub fn see_other(location: impl Into<String>) -> Self {
        Self::empty(StatusCode::SEE_OTHER).header("location", location)
    }

    /// Lets the page run these scripts.
    #[must_use]
    pub fn running(self, scripts: Scripts) -> Self {
        Self { scripts, ..self }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
