//! A credential's phones, as they come in and go out.

use askama::Template;
use edge::{Edge, Platform, form::FormFaults};
use serde::{Deserialize, Serialize};
use shared::{
    account::SignedIn,
    config::ProductKind,
    credential::{
        Credential,
        phone::{Channel, MAX_PHONES, NewPhone, RECOMMENDED_PHONES, RegisteredPhone, ending},
    },
    refusal::{Faults, Refusal},
    values::{Country, CredentialId, Phone, Timestamp},
};

use super::{CredentialView, phones_address};

const CHANNELS: [(&str, &str, &str); 2] =
    [("sms", "Text message", ""), ("voice", "Call", "A voice says the code. For landlines, too.")];

/// A phone that is to be registered.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPhone {
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    /// ISO 3166 alpha-2; may be left out before a number with + and its country code.
    #[serde(default)]
    country: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    number_repeated: String,
    #[serde(default)]
    channel: String,
}

impl RawPhone {
    /// A phone as it is entered again.
    fn of(phone: &NewPhone) -> Self {
        let number = phone.number.as_str().to_owned();
        let channel = phone.channel.as_str().to_owned();
        Self { number_repeated: number.clone(), number, channel, ..Self::default() }
    }

    fn is_blank(&self) -> bool {
        self.country.is_empty() && self.number.is_empty() && self.number_repeated.is_empty()
    }

    /// Parses every field and collects every fault.
    pub(crate) fn parse(&self) -> Result<NewPhone, Refusal> {
        let mut faults = Faults::default();
        let country = faults.check_optional("country", &self.country, str::parse::<Country>);
        let number = country.and_then(|country| {
            let number = |text: &str| country.map_or_else(|| text.parse(), |country| Phone::of_country(text, country));
            let (first, repeated) = (faults.check("number", number(&self.number)), number(&self.number_repeated));
            if first.is_some() && repeated.ok() != first {
                faults.add("number_repeated", "number-differs", "Enter the same number again.");
            }
            first
        });
        let channel = faults.check("channel", self.channel.parse::<Channel>());
        let phone = number.zip(channel).map(|(number, channel)| NewPhone { number, channel });
        faults.finish(phone)
    }
}

/// A phone that is to be removed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRemoval {
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    pub(crate) phone: u16,
}

/// A registered phone. Its number stays unsaid: whoever knows the password learns nothing of it.
#[derive(Serialize)]
pub(crate) struct PhoneView {
    phone: u16,
    ending: String,
    channel: &'static str,
    added_at: Timestamp,
    #[serde(skip)]
    way: &'static str,
    #[serde(skip)]
    added: String,
}

#[cfg(not(target_family = "wasm"))]
impl PhoneView {
    /// The n-th phone of a sample.
    pub(super) fn sample(n: u16, now: Timestamp) -> Self {
        let (channel, way) = if n == 1 { ("sms", "by text message") } else { ("voice", "by call") };
        Self { phone: n, ending: format!("012{n}"), channel, added_at: now, way, added: now.human() }
    }
}

impl From<&RegisteredPhone> for PhoneView {
    fn from(phone: &RegisteredPhone) -> Self {
        Self {
            phone: phone.ordinal,
            ending: ending(&phone.number),
            channel: phone.channel.as_str(),
            added_at: phone.added_at,
            way: match phone.channel {
                Channel::Sms => "by text message",
                Channel::Voice => "by call",
            },
            added: phone.added_at.human(),
        }
    }
}

/// A product for an authenticator app.
pub(crate) struct Safer {
    pub(super) name: String,
    pub(super) store: String,
}

fn safer_product<P: Platform>(edge: &Edge<P>, credential: &Credential) -> Option<Safer> {
    let partner = &edge.gateway.product(&credential.grant.product)?.partner;
    let app = edge.gateway.catalogue(partner).find(|product| product.kind == ProductKind::AuthenticatorApp)?;
    Some(Safer { name: app.name.clone(), store: format!("/webstore-checkout/{partner}") })
}

/// The phones of a credential, and the next step with them.
#[derive(Serialize, Template)]
#[template(path = "phones.html")]
pub(crate) struct PhonesPage {
    #[serde(skip)]
    pub(super) title: &'static str,
    #[serde(skip)]
    pub(super) address: String,
    pub(super) credential: CredentialView,
    pub(super) phones: Vec<PhoneView>,
    /// The end of the number whose code is to be entered.
    pub(super) awaited: Option<String>,
    /// Whether one more can be registered.
    pub(super) room: bool,
    /// Whether the session may change anything here (CRD-9).
    pub(super) may_change: bool,
    /// The product of the same store that is safer, if there is one (NIST SP 800-63B-4, 3.2.9).
    #[serde(skip)]
    pub(super) safer: Option<Safer>,
    #[serde(skip)]
    pub(super) entered: RawPhone,
    #[serde(skip)]
    pub(super) faults: FormFaults,
}

impl PhonesPage {
    pub(crate) fn of<P: Platform>(
        edge: &Edge<P>,
        person: &SignedIn<'_>,
        id: CredentialId,
        entered: &RawPhone,
    ) -> Result<Self, Refusal> {
        let credential = person.account.credential(id)?;
        let phones = credential.phones();
        let usable = !credential.expired(edge.now) && !credential.locked();
        let awaited = phones.and_then(|phones| phones.awaited(&person.session.digest, edge.now)).filter(|_| usable);
        let entered = match &awaited {
            Some(phone) if entered.is_blank() => RawPhone::of(phone),
            _ => entered.clone(),
        };
        Ok(Self {
            title: "Your phones",
            address: phones_address(id),
            credential: CredentialView::of(&edge.gateway, credential, edge.now),
            phones: phones.map(|phones| phones.registered().iter().map(PhoneView::from).collect()).unwrap_or_default(),
            faults: FormFaults::none(),
            awaited: awaited.map(|phone| ending(&phone.number)),
            room: usable && phones.is_none_or(shared::credential::phone::Phones::has_room),
            may_change: person.may_add_authenticator(edge.now).is_ok(),
            safer: safer_product(edge, credential),
            entered,
        })
    }

    /// The same page with what is wrong. A code has no field where none is awaited.
    pub(crate) fn with(self, faults: FormFaults) -> Self {
        let faults = if self.awaited.is_some() { faults } else { faults.moved("code", "number") };
        Self { faults, ..self }
    }

    fn countries() -> impl Iterator<Item = (&'static str, &'static str)> {
        Country::all().map(|(country, name)| (country.as_str(), name))
    }

    fn channels() -> [(&'static str, &'static str, &'static str); 2] {
        CHANNELS
    }

    fn chosen_channel(&self) -> &str {
        if self.entered.channel.is_empty() { "sms" } else { &self.entered.channel }
    }

    fn is_last(&self) -> bool {
        self.phones.len() == 1
    }

    fn more_advised(&self) -> bool {
        self.phones.len() < RECOMMENDED_PHONES
    }

    fn most() -> usize {
        MAX_PHONES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(country: &str, number: &str, repeated: &str, channel: &str) -> RawPhone {
        let owned = str::to_owned;
        RawPhone {
            csrf: None,
            country: owned(country),
            number: owned(number),
            number_repeated: owned(repeated),
            channel: owned(channel),
        }
    }

    fn faulty(raw: &RawPhone) -> Vec<String> {
        match raw.parse() {
            Err(Refusal::InvalidInput(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn crd_5_a_number_is_entered_twice_as_its_country_dials_it() {
        // CRD-5
        for (country, number, repeated) in [
            ("US", "(419) 555-0123", "1 419 555 0123"),
            ("US", "419 555 0123", "+1 419 555 0123"),
            ("", "+1 419 555 0123", "+14195550123"),
            ("DE", "+1 419 555 0123", "001 419 555 0123"),
        ] {
            let phone = raw(country, number, repeated, "voice").parse().expect("the same number twice");
            assert_eq!((phone.number.as_str(), phone.channel), ("+14195550123", Channel::Voice), "{country} {number}");
        }
    }

    #[test]
    fn crd_5_every_fault_is_said_at_once() {
        // CRD-5
        assert_eq!(faulty(&raw("", "", "", "")), ["number", "channel"]);
        assert_eq!(faulty(&raw("Atlantis", "419 555 0123", "", "sms")), ["country"]);
        assert_eq!(faulty(&raw("US", "419 555 0123", "419 555 0124", "pigeon")), ["number_repeated", "channel"]);
        assert_eq!(faulty(&raw("US", "12", "12", "sms")), ["number"]);
    }
}
