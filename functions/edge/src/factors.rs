//! The second factors of a person, as the pages show them that ask for a code.

use serde::Serialize;
use shared::{
    config::Gateway,
    credential::{
        Credential,
        phone::{Channel, RegisteredPhone, ending},
    },
    secret::TokenDigest,
    values::Timestamp,
};

/// A credential whose codes can be judged.
#[derive(Debug, Serialize)]
pub struct Factor {
    /// The credential's id.
    pub id: String,
    /// Its product's name.
    pub name: String,
    /// Where it has its codes sent; none for an authenticator app.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phones: Vec<PhoneToCall>,
    /// The end of the number that a code was sent to which can still be entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_to: Option<String>,
}

/// A phone that a code can be sent to. The rest of its number stays unsaid: who only has the password, or the link, learns
/// nothing of it.
#[derive(Debug, Serialize)]
pub struct PhoneToCall {
    /// Its ordinal.
    pub phone: u8,
    /// The last digits of its number.
    pub ending: String,
    /// How codes reach it, as the API calls it.
    pub channel: &'static str,
    /// What is done with it, for a button.
    #[serde(skip)]
    pub verb: &'static str,
}

impl From<&RegisteredPhone> for PhoneToCall {
    fn from(phone: &RegisteredPhone) -> Self {
        let verb = match phone.channel {
            Channel::Sms => "Text",
            Channel::Voice => "Call",
        };
        Self { phone: phone.ordinal, ending: ending(&phone.number), channel: phone.channel.as_str(), verb }
    }
}

impl Factor {
    /// A credential as whoever asks from this session or link sees it.
    pub fn of(credential: &Credential, gateway: &Gateway, asker: &TokenDigest, now: Timestamp) -> Self {
        let product = gateway.product(&credential.grant.product);
        let phones = credential.phones();
        Self {
            id: credential.grant.id.to_string(),
            name: product.map_or_else(|| credential.grant.product.to_string(), |product| product.name.clone()),
            phones: phones.map(|phones| phones.registered().iter().map(Into::into).collect()).unwrap_or_default(),
            sent_to: phones.and_then(|phones| phones.called(asker, now)).map(|phone| ending(&phone.number)),
        }
    }
}

/// The factors among which a code's is to be found, and where codes can be sent.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Factors(Vec<Factor>);

impl FromIterator<Factor> for Factors {
    fn from_iter<I: IntoIterator<Item = Factor>>(factors: I) -> Self {
        Self(factors.into_iter().collect())
    }
}

impl Factors {
    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Factor> {
        self.0.iter()
    }

    /// Whether there is more than one.
    pub fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// Whether a code can be entered now: of an app, or one that was sent.
    pub fn has_code(&self) -> bool {
        self.0.iter().any(|factor| factor.phones.is_empty() || factor.sent_to.is_some())
    }

    /// Whether codes of an app or a token can be entered.
    pub fn has_app(&self) -> bool {
        self.0.iter().any(|factor| factor.phones.is_empty())
    }

    /// The credential that was chosen, else the one whose code was sent.
    pub fn chosen<'a>(&'a self, chosen: &'a str) -> &'a str {
        let called = self.0.iter().find(|factor| factor.sent_to.is_some()).map(|factor| factor.id.as_str());
        if chosen.is_empty() { called.unwrap_or_default() } else { chosen }
    }

    /// What a person with several chooses from: id and name.
    pub fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|factor| (factor.id.as_str(), factor.name.as_str()))
    }

    /// Those that have phones.
    pub fn with_phones(&self) -> impl Iterator<Item = &Factor> {
        self.0.iter().filter(|factor| !factor.phones.is_empty())
    }
}

impl<'a> IntoIterator for &'a Factors {
    type Item = &'a Factor;
    type IntoIter = std::slice::Iter<'a, Factor>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
