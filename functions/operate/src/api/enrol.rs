//! The enrolment's page and form.

use askama::Template;
use edge::{
    Edge, Failure, Platform,
    form::FormFaults,
    password::Chosen,
    qr::Qr,
    session::{open_text, seal_text},
};
use serde::{Deserialize, Serialize};
use shared::{
    config,
    operator::{Enrolment, seal_seed},
    refusal::Faults,
    secret::{Entropy as _, SealPurpose},
    totp::{Clockwork, Parameters, otpauth_uri, seed_in_groups, verify},
    values::{OtpCode, Seconds, Timestamp},
};

const PLACE: &str = "operate/enrol";
/// How long a QR code may stand on the page.
const OFFER_LIFETIME: Seconds = Seconds::hours(1);
/// What an app calls an account whose holder is not known yet.
const HOLDER: &str = "operator";

/// The query of the page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnrolQuery {
    #[serde(default)]
    pub(crate) token: Option<String>,
}

/// A seed on offer, which travels in the form.
#[derive(Serialize, Deserialize)]
pub(crate) struct Offer {
    seed: [u8; 20],
    at: Timestamp,
}

impl Offer {
    pub(crate) fn fresh<P: Platform>(edge: &Edge<P>) -> Self {
        let mut seed = [0; 20];
        edge.rng().fill(&mut seed);
        Self { seed, at: edge.now }
    }
}

/// The form as it arrives: with `token`, or with `operator` and `secret`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawEnrolment {
    pub(crate) csrf: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) operator: String,
    pub(crate) secret: String,
    offer: String,
    password: String,
    password_repeated: String,
    code: String,
}

impl RawEnrolment {
    /// The seed that was on offer, unless it was that for too long.
    pub(crate) fn offer<P: Platform>(&self, edge: &Edge<P>) -> Option<Offer> {
        let offer: Offer = open_text(&edge.keys, SealPurpose::Draft, PLACE, &self.offer)?;
        (edge.now.since(offer.at) < OFFER_LIFETIME).then_some(offer)
    }

    /// # Errors
    /// [`shared::refusal::Refusal::InvalidInput`] with all faults.
    pub(crate) fn parse<P: Platform>(&self, edge: &Edge<P>, operator: &config::Operator) -> Result<Enrolment, Failure> {
        let mut faults = Faults::default();
        let chosen = Chosen { password: &self.password, repeated: &self.password_repeated };
        let names = [operator.id.as_str(), operator.name.as_str()];
        let password = edge.new_password_of(chosen, &names, &mut faults)?;
        let proved = self.proved(edge, &mut faults);
        let (password, (offer, clockwork)) = faults.finish(password.zip(proved))?;
        let rng = &mut edge.rng();
        Ok(Enrolment {
            password: password.hash(&edge.keys.pepper(), rng),
            seed: seal_seed(&offer.seed, &operator.id, &edge.keys, rng),
            clockwork,
        })
    }

    /// The code must be one of the seed on offer, and is used up.
    fn proved<P: Platform>(&self, edge: &Edge<P>, faults: &mut Faults) -> Option<(Offer, Clockwork)> {
        let code: OtpCode = faults.check("code", self.code.parse())?;
        let Some(offer) = self.offer(edge) else {
            let hint = "The QR code was too old. Remove the account from your app and scan the new one.";
            faults.add("code", "offer-not-valid", hint);
            return None;
        };
        let parameters = Parameters::authenticator_app();
        let Some(clockwork) = verify(&offer.seed, &parameters, &Clockwork::default(), &code, edge.now) else {
            faults.add("code", "code-not-accepted", "Enter the code that your app shows now for this account.");
            return None;
        };
        Some((offer, clockwork))
    }
}

/// The enrolment's page.
#[derive(Serialize, Template)]
#[template(path = "enrol.html")]
pub(crate) struct EnrolPage {
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    faults: FormFaults,
    #[serde(skip)]
    token: Option<String>,
    #[serde(skip)]
    entered: String,
    /// Whom a link names; whoever has the one-time secret says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<String>,
    otpauth_uri: String,
    offer: String,
    password_min_code_points: usize,
    #[serde(skip)]
    key: String,
    #[serde(skip)]
    qr: Option<Qr>,
}

impl EnrolPage {
    pub(crate) fn of<P: Platform>(
        edge: &Edge<P>,
        operator: Option<&config::Operator>,
        token: Option<String>,
        offer: &Offer,
        entered: &str,
        faults: FormFaults,
    ) -> Self {
        let holder = operator.map_or(HOLDER, |operator| operator.id.as_str());
        let uri = otpauth_uri(&edge.gateway.service.name, holder, &offer.seed, &Parameters::authenticator_app());
        Self {
            title: "Enrol as operator",
            faults,
            token,
            entered: entered.to_owned(),
            operator: operator.map(|operator| operator.id.to_string()),
            offer: seal_text(&edge.keys, SealPurpose::Draft, PLACE, offer, &mut edge.rng()).unwrap_or_default(),
            password_min_code_points: edge.gateway.service.password_policy().min_code_points,
            key: seed_in_groups(&offer.seed),
            qr: Qr::of(&uri),
            otpauth_uri: uri,
        }
    }
}
