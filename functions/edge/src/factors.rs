//! The second factors of a person, as the pages show them that ask for a code.

use core::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Visitor},
};
use shared::{
    config::Gateway,
    credential::{
        Credential,
        phone::{Channel, RegisteredPhone, Way, ending},
    },
    refusal::{Faults, Refusal},
    secret::TokenDigest,
    values::{CredentialId, Timestamp},
};

use crate::form::FormFaults;

/// What a program is told that had a code sent.
#[derive(Debug, Serialize)]
pub struct CodeSent {
    /// Always true.
    pub sent: bool,
}

/// A phone that a code is to be sent to, as it comes in: a program names its ordinal, a page's form the credential as well,
/// with a dot between them. What is neither is none of the person's phones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PhoneNamed {
    credential: Option<CredentialId>,
    /// Its ordinal.
    pub ordinal: u16,
}

impl PhoneNamed {
    /// The credential whose phone it is: as the form says, or a program's field `credential`. `None` when the account has one
    /// authenticator only.
    ///
    /// # Errors
    /// A fault of the field `credential`.
    pub fn credential(&self, named: Option<&str>) -> Result<Option<CredentialId>, Refusal> {
        let mut faults = Faults::default();
        let named = faults.check_optional("credential", named.unwrap_or_default(), str::parse::<CredentialId>);
        Ok(self.credential.or(faults.finish(named)?))
    }

    fn parse(text: &str) -> Option<Self> {
        let (credential, ordinal) = match text.split_once('.') {
            Some((credential, ordinal)) => (Some(credential.parse().ok()?), ordinal),
            None => (None, text),
        };
        Some(Self { credential, ordinal: ordinal.parse().ok()? })
    }
}

impl<'de> Deserialize<'de> for PhoneNamed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Named;

        impl Visitor<'_> for Named {
            type Value = PhoneNamed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the number of a phone")
            }

            fn visit_u64<E: de::Error>(self, ordinal: u64) -> Result<PhoneNamed, E> {
                let ordinal = u16::try_from(ordinal).unwrap_or_default();
                Ok(PhoneNamed { credential: None, ordinal })
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<PhoneNamed, E> {
                Ok(PhoneNamed::parse(text).unwrap_or_default())
            }
        }

        deserializer.deserialize_any(Named)
    }
}

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
    pub phone: u16,
    /// The last digits of its number.
    pub ending: String,
    /// How codes reach it, as the API calls it.
    pub channel: &'static str,
    /// What is sent to it, for people.
    #[serde(skip)]
    pub way: &'static str,
}

impl From<&RegisteredPhone> for PhoneToCall {
    fn from(phone: &RegisteredPhone) -> Self {
        let way = match phone.channel {
            Channel::Sms => "Text message to",
            Channel::Voice => "Call to",
        };
        Self { phone: phone.ordinal, ending: ending(&phone.number), channel: phone.channel.as_str(), way }
    }
}

impl Factor {
    /// A credential as whoever asks from this session or link sees it.
    pub fn of(credential: &Credential, gateway: &Gateway, way: Way, by: &TokenDigest, now: Timestamp) -> Self {
        let phones = credential.phones();
        Self {
            id: credential.grant.id.to_string(),
            name: gateway.product_name(&credential.grant.product),
            phones: phones.map(|phones| phones.registered().iter().map(Into::into).collect()).unwrap_or_default(),
            sent_to: phones.and_then(|phones| phones.called(way, by, now)).map(|phone| ending(&phone.number)),
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

    /// The faults where the page shows them: it has no field for a code when none can be entered.
    pub fn placed(&self, faults: FormFaults) -> FormFaults {
        if self.has_code() { faults } else { faults.moved("code", "phone") }
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

    /// The ends of the numbers that codes are on their way to.
    pub fn called(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|factor| factor.sent_to.as_deref())
    }

    /// Whether codes can be sent.
    pub fn have_phones(&self) -> bool {
        self.0.iter().any(|factor| !factor.phones.is_empty())
    }

    /// Where a code can be sent: value ([`PhoneNamed`]), text, and the credential where there are several.
    pub fn phones(&self) -> impl Iterator<Item = (String, String, &str)> {
        self.0.iter().flat_map(|factor| {
            factor.phones.iter().map(|phone| {
                let name = if self.are_several() { factor.name.as_str() } else { "" };
                let text = format!("{} the phone whose number ends in {}", phone.way, phone.ending);
                (format!("{}.{}", factor.id, phone.phone), text, name)
            })
        })
    }

    /// The phone that is proposed.
    pub fn first_phone(&self) -> String {
        self.phones().next().map(|(value, ..)| value).unwrap_or_default()
    }
}

impl<'a> IntoIterator for &'a Factors {
    type Item = &'a Factor;
    type IntoIter = std::slice::Iter<'a, Factor>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crd_5_a_phone_is_named_by_its_number_and_in_a_form_with_its_credential() {
        // CRD-5
        let id = CredentialId::from_bytes([7; 16]);
        let named = PhoneNamed::parse(&format!("{id}.2")).expect("both");
        assert_eq!((named.ordinal, named.credential(None)), (2, Ok(Some(id))));
        assert_eq!(named.credential(Some(&CredentialId::from_bytes([8; 16]).to_string())), Ok(Some(id)));
        let alone = PhoneNamed::parse("2").expect("its number");
        assert_eq!((alone.ordinal, alone.credential(None)), (2, Ok(None)));
        assert_eq!(alone.credential(Some(&id.to_string())), Ok(Some(id)));
        assert!(alone.credential(Some("nobody")).is_err());
        for none in ["", "65536", "-1", "x.1", ".1", &format!("{id}."), &format!("{id}.1.1")] {
            assert_eq!(PhoneNamed::parse(none), None, "{none}");
        }
    }
}
