//! What comes in and what goes out.

pub(crate) mod account;
pub(crate) mod organisation;
pub(crate) mod reset;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod samples;

use askama::Template;
use edge::{
    form::{FormFaults, LocalPath},
    serve::CHOOSE_ORGANISATION,
};
use serde::{Deserialize, Serialize};
use shared::account::Account;

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
    user_id: String,
    name: String,
    /// Where one of several organisations is chosen, which comes before anything else (ACC-4).
    #[serde(skip_serializing_if = "Option::is_none")]
    choose_organisation: Option<&'static str>,
}

impl SignedInView {
    pub(crate) fn of(account: &Account) -> Self {
        Self {
            user_id: account.user_id.as_str().to_owned(),
            name: account.name.full(),
            choose_organisation: (account.memberships.len() > 1).then_some(CHOOSE_ORGANISATION),
        }
    }
}
