//! The form for a person who is invited or entered.

use askama::Template;
use edge::{Edge, Platform, form::FormFaults};
use serde::{Deserialize, Serialize};
use shared::{
    organisation::Organisation,
    team::RawPerson,
    values::{FormId, PersonInvitationId},
};

use super::application_name;

/// The form as it arrives. A page names one application, JSON any number.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawAdd {
    pub(crate) csrf: Option<String>,
    form: String,
    how: String,
    given_name: String,
    family_name: String,
    email: String,
    role: String,
    applications: Vec<String>,
}

impl RawAdd {
    /// What the page begins with.
    pub(crate) fn blank(form: FormId) -> Self {
        Self { form: form.to_string(), how: "invite".to_owned(), role: "user".to_owned(), ..Self::default() }
    }

    pub(crate) fn person(&self) -> RawPerson {
        RawPerson {
            form: self.form.clone(),
            how: self.how.clone(),
            given_name: self.given_name.clone(),
            family_name: self.family_name.clone(),
            email: self.email.clone(),
            role: self.role.clone(),
            // The page's "every application" is blank.
            applications: self.applications.iter().filter(|id| !id.is_empty()).cloned().collect(),
        }
    }
}

/// The page with the form.
#[derive(Serialize, Template)]
#[template(path = "new.html")]
pub(crate) struct NewPage {
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    faults: FormFaults,
    #[serde(skip)]
    raw: RawAdd,
    #[serde(skip)]
    ways: [(&'static str, &'static str, &'static str); 2],
    /// Which application is chosen already.
    #[serde(skip)]
    chosen: String,
    #[serde(skip)]
    roles: [(&'static str, &'static str, &'static str); 3],
    form: String,
    applications: Vec<(String, String)>,
}

impl NewPage {
    pub(crate) fn of<P: Platform>(
        edge: &Edge<P>,
        organisation: &Organisation,
        raw: RawAdd,
        faults: FormFaults,
    ) -> Self {
        let applications = organisation.subscriptions.keys();
        Self {
            title: "Invite a person",
            faults,
            ways: [
                (
                    "invite",
                    "Invite",
                    "E-mails a link. The person completes name and phone, then activates the account.",
                ),
                ("create", "Enter", "The person gets the e-mail with the activation link at once."),
            ],
            roles: [
                ("user", "User", ""),
                ("application-administrator", "Application Administrator", "Of the application below."),
                ("organisation-administrator", "Organization Administrator", "May do everything that you may."),
            ],
            form: raw.form.clone(),
            chosen: raw.applications.first().cloned().unwrap_or_default(),
            raw,
            applications: applications.map(|id| (id.to_string(), application_name(edge, id))).collect(),
        }
    }
}

/// The answer: the same whether the mailbox has an account or not.
#[derive(Serialize)]
pub(crate) struct Added {
    id: String,
    email: String,
    state: &'static str,
}

impl Added {
    pub(crate) fn of(entered: &RawPerson) -> Self {
        let state = if entered.how == "create" { "created" } else { "open" };
        Self { id: entered.form.clone(), email: entered.email.trim().to_owned(), state }
    }
}

/// The answer to taking an invitation back.
#[derive(Serialize)]
pub(crate) struct TakenBack {
    pub(crate) id: PersonInvitationId,
    pub(crate) state: &'static str,
}
