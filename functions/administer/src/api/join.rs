//! The page of somebody who was invited into an organisation.

use askama::Template;
use edge::form::FormFaults;
use serde::{Deserialize, Serialize};
use shared::{
    organisation::Organisation,
    refusal::Refusal,
    team::{Completed, PersonInvitation},
    values::{Country, Timestamp},
};

/// The form as it arrives.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawJoin {
    pub(crate) csrf: Option<String>,
    pub(crate) token: String,
    given_name: String,
    family_name: String,
    phone: String,
}

impl RawJoin {
    /// What the page begins with: the name as the administrator wrote it.
    pub(crate) fn prefilled(token: &str, invitation: &PersonInvitation) -> Self {
        Self {
            token: token.to_owned(),
            given_name: invitation.name.given.as_str().to_owned(),
            family_name: invitation.name.family.as_str().to_owned(),
            ..Self::default()
        }
    }

    /// # Errors
    /// [`Refusal::InvalidInput`] with all faults.
    pub(crate) fn completed(&self, has_account: bool, country: Country) -> Result<Completed, Refusal> {
        if has_account {
            return Ok(Completed::HasAccount);
        }
        Completed::parse(&self.given_name, &self.family_name, &self.phone, country)
    }
}

/// What somebody is invited to.
#[derive(Serialize, Template)]
#[template(path = "join.html")]
pub(crate) struct JoinPage {
    #[serde(skip)]
    title: String,
    #[serde(skip)]
    faults: FormFaults,
    #[serde(skip)]
    raw: RawJoin,
    organization: String,
    email: String,
    has_account: bool,
    expires_at: Timestamp,
}

impl JoinPage {
    pub(crate) fn of(
        organisation: &Organisation,
        invitation: &PersonInvitation,
        has_account: bool,
        raw: RawJoin,
        faults: FormFaults,
    ) -> Self {
        let name = organisation.profile.legal_name.as_str();
        Self {
            title: format!("Join {name}"),
            faults,
            raw,
            organization: name.to_owned(),
            email: invitation.email.as_str().to_owned(),
            has_account,
            expires_at: invitation.expires_at,
        }
    }
}

/// The answer to an acceptance.
#[derive(Serialize)]
pub(crate) struct Joined {
    pub(crate) accepted: bool,
}

/// What comes next.
#[derive(Serialize, Template)]
#[template(path = "joined.html")]
pub(crate) struct JoinedPage {
    #[serde(skip)]
    title: &'static str,
}

impl JoinedPage {
    pub(crate) fn new() -> Self {
        Self { title: "You accepted the invitation" }
    }
}
