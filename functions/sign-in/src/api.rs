//! What comes in and what goes out.

#[cfg(not(target_family = "wasm"))]
pub(crate) mod samples;

use askama::Template;
use edge::form::{FormFaults, LocalPath};
use serde::{Deserialize, Serialize};

/// A try to sign in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSignIn {
    pub(crate) user: String,
    pub(crate) password: String,
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    #[serde(default, rename = "continue")]
    pub(crate) continue_to: Option<String>,
}

/// The sign-in page.
#[derive(Serialize, Template)]
#[template(path = "sign-in.html")]
pub(crate) struct SignInPage {
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    faults: FormFaults,
    #[serde(skip)]
    user: String,
    #[serde(rename = "continue")]
    target: String,
}

impl SignInPage {
    pub(crate) fn new(faults: FormFaults, user: &str, target: LocalPath) -> Self {
        Self { title: "Sign in", faults, user: user.to_owned(), target: target.into_string() }
    }
}

/// What JSON callers get.
#[derive(Serialize)]
pub(crate) struct SignedInView {
    pub(crate) user_id: String,
    pub(crate) name: String,
}
