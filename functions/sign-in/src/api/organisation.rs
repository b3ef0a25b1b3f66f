//! The choice of an organisation.

use askama::Template;
use edge::form::{FormFaults, LocalPath};
use serde::{Deserialize, Serialize};
use shared::{organisation::Organisation, refusal::Refusal, values::OrganisationId};

/// The organisation that was chosen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawOrganisation {
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    #[serde(default)]
    organisation: String,
    #[serde(default, rename = "continue")]
    pub(crate) continue_to: Option<String>,
}

impl RawOrganisation {
    pub(crate) fn parse(&self) -> Result<OrganisationId, Refusal> {
        let missing = |_| Refusal::field("organisation", "missing", "Choose one of your organizations.");
        self.organisation.parse().map_err(missing)
    }
}

/// An organisation of the person.
#[derive(Serialize)]
pub(crate) struct Choice {
    id: String,
    name: String,
    chosen: bool,
}

impl Choice {
    pub(crate) fn of(organisation: &Organisation, chosen: bool) -> Self {
        Self { id: organisation.id.to_string(), name: organisation.profile.legal_name.as_str().to_owned(), chosen }
    }
}

/// The page that asks for whom the person acts.
#[derive(Serialize, Template)]
#[template(path = "organisation.html")]
pub(crate) struct OrganisationPage {
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    faults: FormFaults,
    organisations: Vec<Choice>,
    #[serde(rename = "continue")]
    target: String,
}

impl OrganisationPage {
    pub(crate) fn new(organisations: Vec<Choice>, target: LocalPath, faults: FormFaults) -> Self {
        Self { title: "Choose your organization", faults, organisations, target: target.into_string() }
    }

    fn options(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.organisations.iter().map(|one| (one.id.as_str(), one.name.as_str(), ""))
    }

    fn chosen(&self) -> &str {
        self.organisations.iter().find(|one| one.chosen).map(|one| one.id.as_str()).unwrap_or_default()
    }
}

/// What JSON callers get.
#[derive(Serialize)]
pub(crate) struct Chosen<'a> {
    pub(crate) organisation: OrganisationId,
    pub(crate) name: &'a str,
}
