//! What comes in and what goes out.

#[cfg(not(target_family = "wasm"))]
pub(crate) mod samples;

use askama::Template;
use edge::form::{FormFaults, paragraphs, ticked};
use serde::{Deserialize, Serialize};
use shared::{
    account::SignedIn,
    config::Application,
    organisation::{AcceptTerms, Acceptance, Organisation, TermsStanding, whom_to_ask},
    values::Timestamp,
};

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawAcceptance {
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    #[serde(default, deserialize_with = "ticked")]
    agreed: bool,
    #[serde(default)]
    digest: String,
}

impl RawAcceptance {
    /// The command.
    pub(crate) fn command(self) -> AcceptTerms {
        AcceptTerms { digest: self.digest, agreed: self.agreed }
    }
}

/// The application's terms, and who accepted which version (TRM-3).
#[derive(Serialize, Template)]
#[template(path = "terms.html")]
pub(crate) struct TermsPage {
    #[serde(skip)]
    title: String,
    application: String,
    name: String,
    standing: Standing,
    may_accept: bool,
    /// Whom to ask, for those who may not accept.
    #[serde(skip_serializing_if = "Option::is_none")]
    ask: Option<String>,
    current: Current,
    acceptances: Vec<Accepted>,
    #[serde(skip)]
    faults: FormFaults,
}

/// Where the organisation stands with the current version.
#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Standing {
    Accepted,
    Grace,
    Pending,
}

/// The terms in force.
#[derive(Serialize)]
struct Current {
    version: String,
    effective: Timestamp,
    digest: String,
    paragraphs: Vec<String>,
    /// Until when those who accepted an earlier version may still launch (TRM-2).
    #[serde(skip_serializing_if = "Option::is_none")]
    grace_ends: Option<Timestamp>,
}

/// One acceptance as both sides can export it.
#[derive(Serialize)]
struct Accepted {
    version: String,
    digest: String,
    by: String,
    by_name: String,
    at: Timestamp,
}

impl Accepted {
    fn of(acceptance: &Acceptance) -> Self {
        Self {
            version: acceptance.version.clone(),
            digest: acceptance.digest.clone(),
            by: acceptance.by.as_str().to_owned(),
            by_name: acceptance.by_name.clone(),
            at: acceptance.at,
        }
    }
}

impl TermsPage {
    /// `None` when the organisation was not let into the application.
    pub(crate) fn of(
        person: &SignedIn<'_>,
        organisation: &Organisation,
        application: &Application,
        now: Timestamp,
        faults: FormFaults,
    ) -> Option<Self> {
        let subscription = organisation.subscriptions.get(&application.id)?;
        let (standing, grace_ends) = match organisation.terms_standing(application, now)? {
            TermsStanding::Accepted => (Standing::Accepted, None),
            TermsStanding::Grace(until) => (Standing::Grace, Some(until)),
            TermsStanding::Pending => (Standing::Pending, None),
        };
        let may_accept = Organisation::may_accept_terms(person, &application.id);
        let acceptances = subscription.acceptances.iter().map(Accepted::of).collect();
        Some(Self::standing(application, now, (standing, grace_ends), may_accept, acceptances).with(faults))
    }

    fn standing(
        application: &Application,
        now: Timestamp,
        (standing, grace_ends): (Standing, Option<Timestamp>),
        may_accept: bool,
        acceptances: Vec<Accepted>,
    ) -> Self {
        let current = application.current_terms(now);
        Self {
            title: title(standing, may_accept, &application.name),
            application: application.id.to_string(),
            name: application.name.clone(),
            standing,
            may_accept,
            ask: (!may_accept).then(|| whom_to_ask(application)),
            current: Current {
                version: current.version.as_str().to_owned(),
                effective: current.effective,
                digest: current.digest().to_owned(),
                paragraphs: paragraphs(current.text.as_str()),
                grace_ends,
            },
            acceptances,
            faults: FormFaults::none(),
        }
    }

    /// The page with what was refused.
    pub(crate) fn with(mut self, faults: FormFaults) -> Self {
        self.faults = faults;
        self
    }
}

fn title(standing: Standing, may_accept: bool, name: &str) -> String {
    match (standing, may_accept) {
        (Standing::Accepted, _) => format!("Terms and conditions of {name}"),
        (_, true) => format!("Agree to the terms of {name}"),
        (_, false) => format!("Pending Terms: {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trm_1_only_those_who_may_accept_are_asked_to() {
        // TRM-1
        assert_eq!(title(Standing::Pending, true, "X"), "Agree to the terms of X");
        assert_eq!(title(Standing::Grace, false, "X"), "Pending Terms: X");
        assert_eq!(title(Standing::Accepted, false, "X"), "Terms and conditions of X");
    }
}
