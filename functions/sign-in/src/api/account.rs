//! The account's page and the change of its password.

use askama::Template;
use edge::{Edge, Failure, Platform, form::FormFaults, password::Chosen};
use serde::{Deserialize, Serialize};
use shared::{
    account::{Account, Session},
    password::NewPassword,
    refusal::Faults,
    values::Timestamp,
};

/// A change of the password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPasswordChange {
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    pub(crate) present_password: String,
    password: String,
    password_repeated: String,
}

impl RawPasswordChange {
    /// Judges the new password by the policy (ACT-1); whether the present one is right is another question.
    pub(crate) fn parse<P: Platform>(
        &self,
        edge: &Edge<P>,
        account: &Account,
        organisation: &str,
    ) -> Result<NewPassword, Failure> {
        let mut faults = Faults::default();
        if self.present_password.is_empty() {
            faults.add("present_password", "missing", "Enter the password that you sign in with now.");
        }
        let chosen = Chosen { password: &self.password, repeated: &self.password_repeated };
        let password = edge.new_password(chosen, account, organisation, &mut faults)?;
        Ok(faults.finish(password)?)
    }
}

/// A session, without anything about place or device.
#[derive(Serialize)]
struct SessionView {
    began_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    second_factor_at: Option<Timestamp>,
    this_one: bool,
}

/// The account's page.
#[derive(Serialize, Template)]
#[template(path = "account.html")]
pub(crate) struct AccountPage {
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    faults: FormFaults,
    user_id: String,
    sessions: Vec<SessionView>,
    password_min_code_points: usize,
}

impl AccountPage {
    pub(crate) fn of<P: Platform>(edge: &Edge<P>, account: &Account, this: &Session, faults: FormFaults) -> Self {
        let view = |session: &Session| SessionView {
            began_at: session.created_at,
            second_factor_at: session.raised.as_ref().map(|raised| raised.at),
            this_one: session.digest == this.digest,
        };
        Self {
            title: "Your account",
            faults,
            user_id: account.user_id.as_str().to_owned(),
            sessions: account.open_sessions(edge.now).map(view).collect(),
            password_min_code_points: edge.gateway.service.password_min_code_points,
        }
    }
}

/// What JSON callers get.
#[derive(Serialize)]
pub(crate) struct PasswordChanged {
    pub(crate) password_changed: bool,
}
