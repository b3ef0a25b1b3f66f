//! What comes in and what goes out.

pub(crate) mod phones;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod samples;

use askama::Template;
use edge::{
    Edge, Failure, Platform,
    form::{FormFaults, ticked},
    qr::Qr,
    session::{open_text, seal_text},
};
use serde::{Deserialize, Serialize};
use shared::{
    account::{Account, SignedIn},
    config::{Gateway, Product, ProductKind},
    credential::{Authenticator, Credential, open_seed},
    licence::ActivateLicence,
    refusal::{Faults, Refusal},
    secret::{Entropy, Keys, SealPurpose, Secret},
    totp::{Parameters, otpauth_uri, seed_in_groups},
    values::{AccountId, CredentialId, LicenceKey, OtpCode, Timestamp},
};

/// The steps of the licence form. JSON leaves it out and does both in one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    Check,
    #[default]
    Activate,
}

/// A licence key as a form or as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawLicence {
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    #[serde(default)]
    pub(crate) step: Step,
    #[serde(default)]
    pub(crate) licence_key: Option<String>,
    #[serde(default)]
    sealed: Option<String>,
    #[serde(default)]
    agreement: Option<String>,
    #[serde(default, deserialize_with = "ticked")]
    agreed: bool,
    /// Of the token, which only a hardware product has (SHP-8).
    #[serde(default)]
    serial: Option<String>,
}

impl RawLicence {
    /// The wish to activate. Without a digest the current agreement is meant; the page always sends the one it showed.
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`] for what cannot be a serial number.
    pub(crate) fn command(&self, product: &Product) -> Result<ActivateLicence, Refusal> {
        let agreement = self.agreement.clone().unwrap_or_else(|| product.agreement_digest().to_owned());
        let mut faults = Faults::default();
        let serial = faults.check_optional("serial", self.serial(), str::parse);
        faults.finish(serial.map(|serial| ActivateLicence { agreement, agreed: self.agreed, serial }))
    }

    pub(crate) fn serial(&self) -> &str {
        self.serial.as_deref().unwrap_or_default()
    }
}

/// The licence key that was typed, or that the page carries sealed.
pub(crate) fn licence_key(raw: &RawLicence, account: AccountId, keys: &Keys) -> Result<LicenceKey, Refusal> {
    let text = match raw.sealed.as_deref() {
        Some(sealed) => {
            let opened = open_text::<String>(keys, SealPurpose::LicenceKey, &place(account), sealed);
            Secret::new(opened.ok_or(Refusal::LicenceNotUsable)?)
        }
        None => Secret::new(raw.licence_key.clone().unwrap_or_default()),
    };
    text.expose()
        .parse()
        .map_err(|error: shared::values::ParseError| Refusal::field("licence_key", error.code, error.hint))
}

/// Seals the licence key for the hidden field between the two steps.
pub(crate) fn seal_licence_key(
    key: &LicenceKey,
    account: AccountId,
    keys: &Keys,
    rng: &mut dyn Entropy,
) -> Result<String, Failure> {
    let text = Secret::new(key.reveal());
    seal_text(keys, SealPurpose::LicenceKey, &place(account), text.expose(), rng)
        .ok_or_else(|| Failure::Fault("the licence key was not sealed".to_owned()))
}

/// Only the account that typed the key can go on with it.
fn place(account: AccountId) -> String {
    format!("credentials/licence/{account}")
}

/// What the account holds, and what comes next for each.
pub(crate) const CREDENTIALS: &str = "/credentials";

/// Where a credential's authenticator is registered.
pub(crate) fn authenticator_address(credential: CredentialId) -> String {
    format!("/credentials/{credential}/authenticator")
}

/// Where a credential's phones are registered.
pub(crate) fn phones_address(credential: CredentialId) -> String {
    format!("/credentials/{credential}/phones")
}

/// Where the authenticator of a credential of this product is registered.
fn address_for(product: Option<&Product>, credential: CredentialId) -> String {
    match product.map(|product| product.kind) {
        Some(ProductKind::Phone) => phones_address(credential),
        Some(ProductKind::HardwareToken) => CREDENTIALS.to_owned(),
        Some(ProductKind::AuthenticatorApp) | None => authenticator_address(credential),
    }
}

/// What can be registered for a credential.
///
/// # Errors
/// [`Refusal::WrongStage`] when the configuration no longer has its product.
pub(crate) fn kind(gateway: &Gateway, credential: &Credential) -> Result<ProductKind, Refusal> {
    let product = gateway.product(&credential.grant.product);
    product
        .map(|product| product.kind)
        .ok_or(Refusal::WrongStage { hint: "This kind of credential is not offered any more. Write to support." })
}

/// The request to begin an enrolment.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawBegin {
    #[serde(default)]
    pub(crate) csrf: Option<String>,
}

/// The code that proves an authenticator.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCode {
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    #[serde(default)]
    code: String,
}

/// The code, parsed.
pub(crate) fn code(raw: &RawCode) -> Result<OtpCode, Refusal> {
    raw.code.parse().map_err(|error: shared::values::ParseError| Refusal::field("code", error.code, error.hint))
}

/// Where a credential stands, for people and programs.
#[derive(Serialize)]
struct CredentialView {
    id: CredentialId,
    product: String,
    name: String,
    level: u8,
    state: &'static str,
    activated_at: Timestamp,
    expires_at: Timestamp,
    #[serde(skip)]
    label: &'static str,
    #[serde(skip)]
    tone: &'static str,
    #[serde(skip)]
    advice: &'static str,
    #[serde(skip)]
    expires: String,
    /// The last characters of its token's serial number.
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_ending: Option<String>,
    /// Where the next step is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

#[derive(Serialize)]
struct Next {
    label: &'static str,
    href: String,
}

/// What comes next for a hardware token, as long as none can be registered with its codes (CRD-2).
const TOKEN_WAITS: &str = "The token is yours. Its codes cannot be registered here yet, so it opens no application so far: \
                           keep it safe, and write to support if you need a credential now.";

impl CredentialView {
    fn of(gateway: &Gateway, credential: &Credential, now: Timestamp) -> Self {
        let grant = &credential.grant;
        let product = gateway.product(&grant.product);
        let register = |label| Some(Next { label, href: address_for(product, grant.id) });
        let (state, label, tone, advice, next) = if credential.expired(now) {
            let next = Some(Next { label: "Enter a licence key", href: "/credentials/licence".to_owned() });
            ("expired", "Expired", "stop", "Get a new licence key to renew it.", next)
        } else if credential.locked() && credential.registered() {
            ("locked", "Locked", "stop", "Write to support: only they can help with a locked credential.", None)
        } else {
            match &credential.authenticator {
                Authenticator::App { .. } => ("active", "Active", "good", "Use its codes when you launch.", None),
                Authenticator::Enrolling { .. } => {
                    let next = register("Continue");
                    ("enrolling", "Not registered", "wait", "Finish the registration of your app.", next)
                }
                Authenticator::Phones(phones) if !phones.registered().is_empty() => {
                    let next = Some(Next { label: "Phones", href: phones_address(grant.id) });
                    ("active", "Active", "good", "Have a code sent when you launch.", next)
                }
                Authenticator::Phones(_) => {
                    let next = Some(Next { label: "Continue", href: phones_address(grant.id) });
                    ("enrolling", "Not registered", "wait", "Finish the registration of your phone.", next)
                }
                Authenticator::Missing => match product.map(|product| product.kind) {
                    Some(ProductKind::HardwareToken) => ("not-registered", "Not registered", "wait", TOKEN_WAITS, None),
                    Some(ProductKind::Phone) => {
                        ("not-registered", "Not registered", "todo", "Register your phones.", register("Activate"))
                    }
                    Some(ProductKind::AuthenticatorApp) | None => {
                        let advice = "Register your authenticator app.";
                        ("not-registered", "Not registered", "todo", advice, register("Activate"))
                    }
                },
            }
        };
        Self {
            id: grant.id,
            product: grant.product.to_string(),
            name: gateway.product_name(&grant.product),
            level: grant.level.number(),
            state,
            activated_at: grant.activated_at,
            expires_at: grant.expires_at,
            label,
            tone,
            advice,
            expires: grant.expires_at.human(),
            serial_ending: grant.serial.as_ref().map(|serial| serial.ending().to_owned()),
            next,
        }
    }
}

/// What the account holds.
#[derive(Serialize, Template)]
#[template(path = "list.html")]
pub(crate) struct ListPage {
    #[serde(skip)]
    title: &'static str,
    credentials: Vec<CredentialView>,
}

impl ListPage {
    pub(crate) fn of(gateway: &Gateway, account: &Account, now: Timestamp) -> Self {
        let views = account.credentials.iter().map(|credential| CredentialView::of(gateway, credential, now));
        Self { title: "My 2FA Credentials", credentials: views.collect() }
    }
}

/// The form for a licence key.
#[derive(Serialize, Template)]
#[template(path = "licence.html")]
pub(crate) struct LicencePage {
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    licence_key: String,
    #[serde(skip)]
    faults: FormFaults,
}

impl LicencePage {
    pub(crate) fn of(licence_key: &str, faults: FormFaults) -> Self {
        Self { title: "Enter your licence key", licence_key: licence_key.to_owned(), faults }
    }
}

/// The service agreement of the product that a licence is for.
#[derive(Serialize, Template)]
#[template(path = "agreement.html")]
pub(crate) struct AgreementPage {
    #[serde(skip)]
    title: &'static str,
    product: String,
    name: String,
    agreement_version: String,
    agreement: String,
    agreement_text: String,
    /// Whether the serial number of a token is needed.
    needs_serial: bool,
    #[serde(skip)]
    serial: String,
    #[serde(skip)]
    sealed: String,
    #[serde(skip)]
    faults: FormFaults,
}

impl AgreementPage {
    pub(crate) fn of(product: &Product, sealed: String, serial: &str, faults: FormFaults) -> Self {
        Self {
            title: "Accept the Service Agreement",
            product: product.id.to_string(),
            name: product.name.clone(),
            agreement_version: product.service_agreement.version.as_str().to_owned(),
            agreement: product.agreement_digest().to_owned(),
            agreement_text: product.service_agreement.text.as_str().trim().to_owned(),
            needs_serial: product.is_hardware(),
            serial: serial.to_owned(),
            sealed,
            faults,
        }
    }
}

/// The answer to a program that activated a licence.
#[derive(Serialize)]
pub(crate) struct ActivatedView {
    credential: CredentialId,
    product: String,
    pub(crate) authenticator: String,
}

impl ActivatedView {
    pub(crate) fn of(credential: CredentialId, product: &Product) -> Self {
        Self { credential, product: product.id.to_string(), authenticator: address_for(Some(product), credential) }
    }
}

/// The answer to a program that proved an authenticator.
#[derive(Serialize)]
pub(crate) struct VerifiedView {
    credential: CredentialId,
    level: u8,
    state: &'static str,
}

impl VerifiedView {
    pub(crate) fn of(credential: &Credential) -> Self {
        Self { credential: credential.grant.id, level: credential.grant.level.number(), state: "active" }
    }
}

/// A seed on offer, as the authenticator app takes it.
#[derive(Serialize)]
pub(crate) struct Offer {
    otpauth_uri: String,
    #[serde(skip)]
    key: String,
    #[serde(skip)]
    qr: Option<Qr>,
}

/// The registration of an authenticator app, wherever it stands.
#[derive(Serialize, Template)]
#[template(path = "authenticator.html")]
pub(crate) struct AuthenticatorPage {
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    address: String,
    credential: CredentialView,
    /// Only while an app is being registered: after that, nobody can read it back.
    #[serde(flatten)]
    offer: Option<Offer>,
    #[serde(skip)]
    faults: FormFaults,
}

impl AuthenticatorPage {
    pub(crate) fn of<P: Platform>(
        edge: &Edge<P>,
        person: &SignedIn<'_>,
        id: CredentialId,
        faults: FormFaults,
    ) -> Result<Self, Refusal> {
        let account = person.account;
        let credential = account.credential(id)?;
        let enrolling = matches!(credential.authenticator, Authenticator::Enrolling { .. });
        let on_offer = enrolling && !credential.expired(edge.now) && credential.sealed_seed(edge.now).is_some();
        let offer = if on_offer {
            // Whoever sees the seed holds the second factor: it is shown only to a session that may add one (CRD-9).
            person.may_add_authenticator(edge.now)?;
            let seed = open_seed(credential, account.id, &edge.keys, edge.now)?;
            let holder =
                format!("{} ({})", account.user_id.as_str(), edge.gateway.product_name(&credential.grant.product));
            let issuer = &edge.gateway.service.name;
            let uri = otpauth_uri(issuer, &holder, seed.expose(), &Parameters::authenticator_app());
            Some(Offer { qr: Qr::of(&uri), key: seed_in_groups(seed.expose()), otpauth_uri: uri })
        } else {
            None
        };
        Ok(Self {
            title: if credential.registered() {
                "Your authenticator app is registered"
            } else {
                "Register your authenticator app"
            },
            address: authenticator_address(id),
            credential: CredentialView::of(&edge.gateway, credential, edge.now),
            offer,
            faults,
        })
    }

    /// The same page with what is wrong.
    pub(crate) fn with(self, faults: FormFaults) -> Self {
        Self { faults, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    struct Counting(u8);

    impl Entropy for Counting {
        fn fill(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                self.0 = self.0.wrapping_add(7);
                *byte = self.0;
            }
        }
    }

    fn keys() -> Keys {
        Keys::new(&[7; 32], None).expect("32 bytes are enough")
    }

    fn raw(content_type: &'static str, body: &str) -> Option<RawLicence> {
        let headers = [("content-type", content_type)].into_iter().collect();
        edge::Request::new(Method::POST, "/credentials/licence", headers, body.into()).decode().ok()
    }

    #[test]
    fn crd_1_the_key_survives_between_the_steps_for_its_own_account_only() {
        // CRD-1
        let (own, other) = (AccountId::from_bytes([1; 16]), AccountId::from_bytes([2; 16]));
        let key = LicenceKey::random(&mut Counting(1));
        let sealed = seal_licence_key(&key, own, &keys(), &mut Counting(2)).expect("short enough");
        let form = raw("application/x-www-form-urlencoded", &format!("step=activate&sealed={sealed}&agreed=yes"))
            .expect("it fits");
        assert!(licence_key(&form, own, &keys()).is_ok_and(|opened| opened.canonical() == key.canonical()));
        assert_eq!(licence_key(&form, other, &keys()).err(), Some(Refusal::LicenceNotUsable));
    }

    #[test]
    fn crd_1_json_does_both_steps_in_one_and_a_mistyped_key_says_so() {
        // CRD-1
        let json = raw("application/json", r#"{"licence_key":"AAAAA-AAAAA-AAAAA-AAAAA-B","agreed":true}"#);
        let json = json.expect("it fits");
        assert_eq!((json.step, json.agreed), (Step::Activate, true));
        let refused = licence_key(&json, AccountId::from_bytes([1; 16]), &keys()).err();
        let Some(Refusal::InvalidInput(faults)) = refused else { panic!("the check character is wrong") };
        assert_eq!(faults.first().map(|fault| fault.code), Some("licence-key-mistyped"));
        assert!(faults.iter().all(|fault| !fault.hint.contains("AAAAA")));
        assert!(raw("application/json", r#"{"licence_key":"x","agreed":true,"unknown":1}"#).is_none());
    }
}
