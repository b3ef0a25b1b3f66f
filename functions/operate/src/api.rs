//! What comes in and what goes out.

pub(crate) mod audit;
pub(crate) mod enrol;
pub(crate) mod promo;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod samples;
pub(crate) mod staff;

use askama::Template;
use edge::{
    Edge, Failure, Platform,
    form::{FormFaults, LocalPath},
};
use kv_schema::list::Entry;
use serde::{Deserialize, Serialize};
use shared::{
    config::{self, OperatorRole},
    operator::OnDuty,
    organisation::{Glimpse, Profile},
    refusal::{Faults, Refusal},
    registration::{Designation, QueueSummary, Registration, RegistrationState, Way, reference_of},
    values::{ApplicationId, OperatorId, OtpCode, Paragraph, RegistrationId, Seconds, Timestamp},
};

/// Where operators begin.
pub(crate) const QUEUE: &str = "/operate";
const REASON_CHARS_MAX: usize = 1000;

/// The answer of a service that works.
#[derive(Serialize)]
pub(crate) struct Health {
    status: &'static str,
    version: &'static str,
}

impl Health {
    pub(crate) fn ok() -> Self {
        Self { status: "ok", version: env!("CARGO_PKG_VERSION") }
    }
}

/// Where to go on after the sign-in; only paths of this site are followed.
pub(crate) fn target(requested: Option<&str>) -> LocalPath {
    LocalPath::or(requested, QUEUE)
}

/// A try to sign in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSignIn {
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    pub(crate) operator: String,
    password: String,
    code: String,
    #[serde(default, rename = "continue")]
    continue_to: Option<String>,
}

impl RawSignIn {
    pub(crate) fn target(&self) -> LocalPath {
        target(self.continue_to.as_deref())
    }
}

/// What a try to sign in consists of.
pub(crate) struct Credentials<'a> {
    pub(crate) operator: &'a str,
    pub(crate) password: &'a str,
    pub(crate) code: OtpCode,
}

impl<'a> Credentials<'a> {
    /// # Errors
    /// [`Refusal::InvalidInput`] with all faults. Whether the operator exists is none of them.
    pub(crate) fn parse(raw: &'a RawSignIn) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        if raw.operator.trim().is_empty() {
            faults.add("operator", "missing", "Enter your operator id.");
        }
        if raw.password.is_empty() {
            faults.add("password", "missing", "Enter your password.");
        }
        let code = faults.check("code", raw.code.parse());
        let parsed = code.map(|code| Self { operator: raw.operator.trim(), password: &raw.password, code });
        faults.finish(parsed)
    }
}

/// The sign-in page.
#[derive(Serialize, Template)]
#[template(path = "sign-in.html")]
pub(crate) struct SignInPage {
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    faults: FormFaults,
    operator: String,
    #[serde(rename = "continue")]
    target: String,
}

impl SignInPage {
    pub(crate) fn new(target: LocalPath, operator: String, faults: FormFaults) -> Self {
        Self { title: "Operator sign-in", faults, operator, target: target.into_string() }
    }
}

/// Who is signed in now.
#[derive(Serialize)]
pub(crate) struct SignedIn {
    operator: String,
    name: String,
}

impl SignedIn {
    pub(crate) fn of(operator: &config::Operator) -> Self {
        Self { operator: operator.id.to_string(), name: operator.name.clone() }
    }
}

/// The query of the queue.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueQuery {
    #[serde(default)]
    pub(crate) after: Option<String>,
    #[serde(default)]
    application: String,
    #[serde(default)]
    origin: String,
    /// The queue holds what was submitted and is not decided; a program may say so.
    #[serde(default)]
    state: String,
}

impl QueueQuery {
    /// # Errors
    /// [`Refusal::InvalidInput`] with all faults.
    pub(crate) fn wanted<P: Platform>(&self, edge: &Edge<P>) -> Result<Wanted, Refusal> {
        let mut faults = Faults::default();
        let application = faults.check_optional("application", &self.application, str::parse);
        if let Some(Some(id)) = &application
            && edge.gateway.application(id).is_none()
        {
            faults.add("application", "unknown", "Name an application of the configuration.");
        }
        let way = faults.check_optional("origin", &self.origin, str::parse);
        if !matches!(self.state.as_str(), "" | "submitted") {
            faults.add("state", "state-unknown", "The queue has submitted registrations only.");
        }
        faults.finish(application.zip(way).map(|(application, way)| Wanted { application, way }))
    }
}

/// Which of the queue's registrations are wanted.
#[derive(Default)]
pub(crate) struct Wanted {
    application: Option<ApplicationId>,
    way: Option<Way>,
}

impl Wanted {
    fn includes(&self, summary: &QueueSummary) -> bool {
        self.application.as_ref().is_none_or(|application| *application == summary.application)
            && self.way.is_none_or(|way| way == summary.way)
    }

    /// The query that asks for the same, `after` a cursor.
    fn address(&self, after: &str) -> String {
        let application = self.application.as_ref().map(|id| format!("application={id}&")).unwrap_or_default();
        let way = self.way.map(|way| format!("origin={}&", way.as_str())).unwrap_or_default();
        format!("{QUEUE}?{application}{way}after={after}")
    }
}

/// A registration that waits.
#[derive(Serialize)]
struct Waiting {
    id: RegistrationId,
    reference: String,
    organisation: String,
    country: &'static str,
    application: String,
    origin: &'static str,
    submitted_at: Timestamp,
    age: String,
    due_at: Timestamp,
    overdue: bool,
}

impl Waiting {
    fn new<P: Platform>(edge: &Edge<P>, id: RegistrationId, submitted_at: Timestamp, summary: &QueueSummary) -> Self {
        let due_at = Registration::due_at(submitted_at);
        Self {
            id,
            reference: reference_of(id),
            organisation: summary.organisation.as_str().to_owned(),
            country: summary.country.name(),
            application: application_name(edge, &summary.application),
            origin: summary.way.as_str(),
            submitted_at,
            age: age(edge.now.since(submitted_at)),
            due_at,
            overdue: edge.now > due_at,
        }
    }
}

/// What the registrar's last form has done, on its way to the page behind it.
#[derive(Serialize, Deserialize)]
pub(crate) struct JustDecided {
    by: OperatorId,
    registration: RegistrationId,
    approved: bool,
}

impl JustDecided {
    pub(crate) fn of(duty: OnDuty<'_>, registration: &Registration) -> Self {
        let approved = matches!(registration.state, RegistrationState::Approved { .. });
        Self { by: duty.id().clone(), registration: registration.id, approved }
    }

    /// What whoever decided is told. Somebody else who is on duty in the same browser by now is not.
    pub(crate) fn told_to(self, duty: OnDuty<'_>) -> Option<Told> {
        let reference = reference_of(self.registration);
        (self.by == *duty.id()).then_some(Told { reference, approved: self.approved })
    }
}

/// What was decided.
pub(crate) struct Told {
    reference: String,
    approved: bool,
}

/// The queue (APR-1).
#[derive(Serialize, Template)]
#[template(path = "queue.html")]
pub(crate) struct QueuePage {
    #[serde(skip)]
    title: &'static str,
    registrations: Vec<Waiting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip)]
    goes_on: bool,
    #[serde(skip)]
    notice: Option<Told>,
    #[serde(skip)]
    filter: Filter,
}

/// The form that chooses among what waits.
struct Filter {
    faults: FormFaults,
    application: String,
    origin: &'static str,
    applications: Vec<(String, String)>,
    origins: [(&'static str, &'static str); 2],
}

impl Filter {
    fn of<P: Platform>(edge: &Edge<P>, wanted: &Wanted) -> Self {
        let applications = edge.gateway.applications.iter();
        Self {
            faults: FormFaults::none(),
            application: wanted.application.as_ref().map(ToString::to_string).unwrap_or_default(),
            origin: wanted.way.map(Way::as_str).unwrap_or_default(),
            applications: applications.map(|one| (one.id.to_string(), one.name.clone())).collect(),
            origins: [("invited", "By invitation"), ("public", "By the public form")],
        }
    }

    fn is_set(&self) -> bool {
        !self.application.is_empty() || !self.origin.is_empty()
    }
}

impl QueuePage {
    /// # Errors
    /// A fault when an entry cannot be read.
    pub(crate) fn of<P: Platform>(
        edge: &Edge<P>,
        entries: &[Entry],
        wanted: &Wanted,
        next: Option<String>,
        goes_on: bool,
        notice: Option<Told>,
    ) -> Result<Self, Failure> {
        let waiting = entries.iter().filter_map(|entry| {
            let summary: QueueSummary = match postcard::from_bytes(&entry.payload) {
                Ok(summary) => summary,
                Err(error) => return Some(Err(Failure::Fault(format!("entry of the queue: {error}")))),
            };
            let submitted_at = Timestamp::from_unix(i64::try_from(entry.at_unix_seconds).unwrap_or(i64::MAX));
            let id = RegistrationId::from_bytes(entry.id.0);
            wanted.includes(&summary).then(|| Ok(Waiting::new(edge, id, submitted_at, &summary)))
        });
        let registrations = waiting.collect::<Result<_, Failure>>()?;
        let next = next.map(|cursor| wanted.address(&cursor));
        let filter = Filter::of(edge, wanted);
        Ok(Self { title: "Registrations to review", registrations, next, goes_on, notice, filter })
    }
}

/// The application's name, or its id when the configuration no longer has it.
fn application_name<P: Platform>(edge: &Edge<P>, id: &ApplicationId) -> String {
    edge.gateway.application(id).map_or_else(|| id.to_string(), |application| application.name.clone())
}

/// How long ago, in the largest whole unit.
fn age(Seconds(seconds): Seconds) -> String {
    let unit = |count: u64, name: &str| if count == 1 { format!("1 {name}") } else { format!("{count} {name}s") };
    match seconds {
        0..60 => "less than a minute".to_owned(),
        60..3_600 => unit(seconds / 60, "minute"),
        3_600..86_400 => unit(seconds / 3_600, "hour"),
        _ => unit(seconds / 86_400, "day"),
    }
}

/// A registrar's decision as it arrives.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawDecision {
    pub(crate) csrf: Option<String>,
    decision: String,
    reason: String,
}

/// A registrar's decision.
#[derive(Debug)]
pub(crate) enum Verdict {
    Approve,
    Reject(Paragraph<REASON_CHARS_MAX>),
}

impl Verdict {
    /// # Errors
    /// [`Refusal::InvalidInput`] when it is none, or rejects without a reason.
    pub(crate) fn parse(raw: &RawDecision) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        let verdict = match raw.decision.as_str() {
            "approve" => Some(Self::Approve),
            "reject" if raw.reason.trim().is_empty() => {
                faults.add("reason", "missing", "Give the reason: it is e-mailed to the registrant.");
                None
            }
            "reject" => faults.check("reason", raw.reason.parse()).map(Self::Reject),
            _ => {
                faults.add("decision", "unknown", "Choose to approve or to reject.");
                None
            }
        };
        faults.finish(verdict)
    }
}

/// How a registration was decided.
#[derive(Serialize)]
struct Past {
    /// `None` for the application's automatic policy.
    by: Option<String>,
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// A registration with everything in it.
#[derive(Serialize, Template)]
#[template(path = "registration.html")]
pub(crate) struct DetailPage {
    #[serde(skip)]
    title: String,
    #[serde(skip)]
    faults: FormFaults,
    #[serde(skip)]
    raw: RawDecision,
    #[serde(skip)]
    may_decide: bool,
    #[serde(skip)]
    choices: [(&'static str, &'static str, &'static str); 2],
    #[serde(skip)]
    overtaken: bool,
    age: String,
    due_at: Timestamp,
    overdue: bool,
    id: RegistrationId,
    reference: String,
    application: String,
    origin: &'static str,
    submitted_at: Timestamp,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided: Option<Past>,
    phone: String,
    profile: Profile,
    designations: Vec<Designation>,
    /// Organisations that could be the same (REG-3); `None` once it is decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    alike: Option<Vec<Glimpse>>,
}

impl DetailPage {
    pub(crate) fn of<P: Platform>(
        edge: &Edge<P>,
        duty: OnDuty<'_>,
        registration: Registration,
        alike: Option<Vec<Glimpse>>,
        raw: RawDecision,
        faults: FormFaults,
    ) -> Self {
        let open = registration.state == RegistrationState::Submitted;
        let due_at = Registration::due_at(registration.submitted_at);
        Self {
            title: format!("Registration of {}", registration.profile.legal_name.as_str()),
            faults,
            raw,
            may_decide: open && duty.require(OperatorRole::Registrar).is_ok(),
            choices: [
                ("approve", "Approve", "Creates the organization and e-mails its administrators."),
                ("reject", "Reject", "E-mails the reason to the registrant."),
            ],
            overtaken: false,
            age: age(edge.now.since(registration.submitted_at)),
            due_at,
            overdue: open && edge.now > due_at,
            id: registration.id,
            reference: registration.reference(),
            application: application_name(edge, &registration.application),
            origin: registration.origin.way().as_str(),
            submitted_at: registration.submitted_at,
            state: registration.state.as_str(),
            decided: past(&registration.state),
            phone: registration.phone.map(|phone| phone.as_str().to_owned()).unwrap_or_default(),
            profile: registration.profile,
            designations: registration.designations,
            alike,
        }
    }

    /// The same for somebody who has just tried to decide, too late (APR-3).
    pub(crate) fn overtaken(self) -> Self {
        Self { overtaken: true, ..self }
    }
}

fn past(state: &RegistrationState) -> Option<Past> {
    match state {
        RegistrationState::Submitted
        | RegistrationState::Asked { .. }
        | RegistrationState::Joined { .. }
        | RegistrationState::Answered { .. } => None,
        RegistrationState::Approved { by, at } => {
            Some(Past { by: by.as_ref().map(ToString::to_string), at: *at, reason: None })
        }
        RegistrationState::Rejected { by, at, reason } => {
            Some(Past { by: Some(by.to_string()), at: *at, reason: Some(reason.as_str().to_owned()) })
        }
    }
}

/// The answer to a decision.
#[derive(Serialize)]
pub(crate) struct Decided {
    reference: String,
    state: &'static str,
}

impl Decided {
    pub(crate) fn of(registration: &Registration) -> Self {
        Self { reference: registration.reference(), state: registration.state.as_str() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(decision: &str, reason: &str) -> Result<Verdict, Refusal> {
        Verdict::parse(&RawDecision {
            decision: decision.to_owned(),
            reason: reason.to_owned(),
            ..RawDecision::default()
        })
    }

    #[test]
    fn apr_1_who_rejects_gives_a_reason() {
        // APR-1
        assert!(matches!(verdict("approve", ""), Ok(Verdict::Approve)));
        assert!(matches!(verdict("reject", "No contract."), Ok(Verdict::Reject(_))));
        for (decision, reason) in [("reject", " \n"), ("", "Because"), ("Approve", "")] {
            assert!(matches!(verdict(decision, reason), Err(Refusal::InvalidInput(_))), "{decision}");
        }
    }

    #[test]
    fn ages_are_told_in_whole_units() {
        let told: Vec<String> = [0, 60, 3_599, 3_600, 86_399, 86_400, 200_000].map(|n| age(Seconds(n))).to_vec();
        let expected = ["less than a minute", "1 minute", "59 minutes", "1 hour", "23 hours", "1 day", "2 days"];
        assert_eq!(told, expected);
    }
}
