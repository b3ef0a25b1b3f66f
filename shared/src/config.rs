//! What is configured, not stored: partners, applications, terms, products and operators (`gateway.toml`).
//!
//! The file is reviewed code without secrets: it names the Spin variables that hold secrets or their digests. It is
//! validated as a whole; a fault names the key and the reason. Unknown keys are faults, so a typing error cannot
//! silently switch a rule off.
//!
//! Reading and validating happen once, when the project is built (feature `toml`); components are given the
//! [compiled form](Gateway::compile), which they only [decode](Gateway::decode): reading the text would cost every
//! component 105 kB and the first request of every instance 2.6 million instructions.

#[cfg(feature = "toml")]
mod endpoint;
#[cfg(feature = "toml")]
mod parse;
#[cfg(feature = "toml")]
mod read;

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::event::EventKind;
use crate::password::PasswordPolicy;
use crate::secret::digest256_hex;
use crate::values::{
    ApplicationId, Country, Email, Line, Money, OperatorId, PartnerId, Phone, ProductId, Seconds, Timestamp,
};
use crate::webhook::Dialect;

/// Why the configuration was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// Where: `partners.anvil.name`, or `line 7` where the file is not TOML.
    pub key: String,
    /// What is wrong and what is expected.
    pub reason: String,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.reason)
    }
}

impl core::error::Error for ConfigFault {}

/// A text that people accept. What they accepted is recorded by its digest, so it is never edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedText {
    text: String,
    /// Computed when the configuration is compiled: hashing a page of text costs more than reading a record.
    digest: String,
}

impl PublishedText {
    /// The text with its digest.
    pub fn new(text: String) -> Self {
        Self { digest: digest256_hex(text.as_bytes()), text }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the text in hexadecimal (TRM-3).
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// How a compiled configuration begins. The number changes with the shape of [`Gateway`], so that a component never
/// decodes what was compiled for another release.
const LAYOUT: [u8; 4] = *b"VGW6";

/// The bytes are no configuration that this release compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotCompiled;

impl fmt::Display for NotCompiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not compiled by this release; compile gateway.toml again with `cargo xtask gateway`")
    }
}

impl core::error::Error for NotCompiled {}

/// The whole configuration. Every reference in it leads somewhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Gateway {
    /// The service itself.
    pub service: Service,
    /// How e-mail leaves.
    pub messages: Messages,
    /// The form by which anybody registers for public applications.
    pub public_form: PublicForm,
    /// What one network may cause.
    pub limits: Limits,
    /// Who takes payments by card; `None` when nobody does (SHP-5).
    pub payments: Option<Payments>,
    /// Buyer companies, by id.
    pub partners: Vec<Partner>,
    /// Their applications, by id.
    pub applications: Vec<Application>,
    /// Credentials that can be bought or redeemed, by id.
    pub products: Vec<Product>,
    /// Operator staff, by id.
    pub operators: Vec<Operator>,
}

impl Gateway {
    /// Reads and validates the configuration.
    ///
    /// # Errors
    /// The first fault found.
    #[cfg(feature = "toml")]
    pub fn parse(text: &str) -> Result<Self, ConfigFault> {
        parse::gateway(text)
    }

    /// The form that components decode: four bytes that name the layout, then the configuration in postcard's encoding.
    ///
    /// # Errors
    /// Postcard's, which has none for these types.
    #[cfg(feature = "toml")]
    pub fn compile(&self) -> Result<Vec<u8>, NotCompiled> {
        postcard::to_extend(self, LAYOUT.to_vec()).map_err(|_| NotCompiled)
    }

    /// The configuration from its compiled form.
    ///
    /// # Errors
    /// When it was not made by [`Gateway::compile`] of the same release.
    pub fn decode(compiled: &[u8]) -> Result<Self, NotCompiled> {
        let encoded = compiled.strip_prefix(&LAYOUT).ok_or(NotCompiled)?;
        let (gateway, rest) = postcard::take_from_bytes::<Self>(encoded).map_err(|_| NotCompiled)?;
        let whole = rest.is_empty() && gateway.applications.iter().all(|application| !application.terms.is_empty());
        if whole { Ok(gateway) } else { Err(NotCompiled) }
    }

    /// The partner with this id.
    pub fn partner(&self, id: &PartnerId) -> Option<&Partner> {
        self.partners.iter().find(|partner| partner.id == *id)
    }

    /// The application with this id.
    pub fn application(&self, id: &ApplicationId) -> Option<&Application> {
        self.applications.iter().find(|application| application.id == *id)
    }

    /// The product with this id.
    pub fn product(&self, id: &ProductId) -> Option<&Product> {
        self.products.iter().find(|product| product.id == *id)
    }

    /// The product's name; its id when the configuration no longer has it.
    pub fn product_name(&self, id: &ProductId) -> String {
        self.product(id).map_or_else(|| id.to_string(), |product| product.name.clone())
    }

    /// The operator with this id.
    pub fn operator(&self, id: &OperatorId) -> Option<&Operator> {
        self.operators.iter().find(|operator| operator.id == *id)
    }

    /// What this partner's suppliers can buy (SHP-1).
    pub fn catalogue(&self, partner: &PartnerId) -> impl Iterator<Item = &Product> {
        self.products.iter().filter(move |product| product.partner == *partner)
    }
}

/// The service itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Service {
    /// The name that people see.
    pub name: String,
    /// Where people ask for help.
    pub support_email: Email,
    /// At least five questions of which three are chosen; `None` switches the step off (ACT-2).
    pub security_questions: Option<Vec<String>>,
    /// The least length of a password in code points: 15 to 64, because it is the only factor at sign-in (ACT-1).
    pub password_min_code_points: usize,
    /// In which header the proxy in front says where a request comes from; `None` when there is none, and the platform's
    /// word counts (AUD-1). In lower case.
    pub client_address_header: Option<String>,
}

impl Service {
    /// The rules for new passwords.
    pub fn password_policy(&self) -> PasswordPolicy {
        PasswordPolicy { min_code_points: self.password_min_code_points, ..PasswordPolicy::default() }
    }
}

/// How e-mail leaves, and what goes to phones (MSG-1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Messages {
    /// Whose interface the variable `mail_endpoint` leads to.
    pub provider: MailProvider,
    /// The sender of every e-mail.
    pub from: Email,
    /// Where answers go.
    pub reply_to: Email,
    /// How codes reach phones; only with it can a product be of the kind [`ProductKind::Phone`].
    pub phone: Option<PhoneMessages>,
}

/// How text messages and calls leave (MSG-1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneMessages {
    /// Whose interface the variable `phone_endpoint` leads to.
    pub provider: PhoneProvider,
    /// The number that they come from.
    pub from: Phone,
}

/// An interface that takes text messages and calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PhoneProvider {
    /// A generic JSON document.
    Json,
    /// Twilio's, and those that are compatible with it.
    Twilio,
}

/// An interface that takes e-mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MailProvider {
    /// A generic JSON document.
    Json,
    /// Postmark.
    Postmark,
    /// Resend.
    Resend,
}

/// A provider on whose page customers pay by card (SHP-5). Card numbers never come here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payments {
    /// Whose interface the variable `payment_endpoint` leads to, and who signs the webhooks.
    pub provider: PaymentProvider,
    /// Scheme and authority of the provider's page: customers are sent nowhere else.
    pub page_origin: String,
    /// Spin variables with what its webhooks are signed with: one, or two during rotation.
    pub secret_variables: Vec<String>,
}

/// An interface that takes payments by card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaymentProvider {
    /// A generic JSON document, and Standard Webhooks.
    Json,
    /// Stripe's Checkout Sessions, and those that are compatible with them.
    Stripe,
}

impl PaymentProvider {
    /// How it signs its webhooks (SHP-7).
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Json => Dialect::Standard,
            Self::Stripe => Dialect::Stripe,
        }
    }
}

/// What one network (a /24 of IPv4, a /48 of IPv6) may cause in an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// E-mails with a link to an address that was entered (REG-7, SIG-3).
    pub links_per_hour: u32,
    /// Searches for organisations that could be the same (REG-3).
    pub searches_per_hour: u32,
    /// Codes to phones (CRD-5).
    pub codes_per_hour: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { links_per_hour: 200, searches_per_hour: 200, codes_per_hour: 100 }
    }
}

/// The form by which anybody registers for public applications (REG-2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicForm {
    /// What keeps programs from filling it in (REG-7).
    pub captcha: Captcha,
    /// Domains of public mail providers: who shares one of them shares nothing else (REG-3). In lower case.
    pub public_mail_domains: Vec<String>,
}

/// What keeps programs from filling in the public form (REG-7). A link that was mailed does as well, for those whose
/// browser runs no scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Captcha {
    /// A proof of work, by ourselves.
    ProofOfWork {
        /// The number that browsers look for is at most this; on average half as many digests are made.
        max_number: u32,
    },
    /// The word of a provider.
    Provider {
        /// Which one.
        service: CaptchaService,
        /// What its widget is told: public.
        site_key: String,
        /// Spin variable with what we authenticate to it with.
        secret_variable: String,
        /// Where a response is verified: the provider's address, or a proxy's or mirror's.
        verify_url: String,
    },
}

/// A provider of captchas. Their `siteverify` calls are the same but for names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CaptchaService {
    /// Cloudflare Turnstile.
    Turnstile,
    /// hCaptcha.
    HCaptcha,
    /// Google reCAPTCHA, version 2.
    ReCaptcha,
}

impl CaptchaService {
    /// Where a response is verified, unless the configuration names another address.
    pub const fn verify_url(self) -> &'static str {
        match self {
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
            Self::HCaptcha => "https://api.hcaptcha.com/siteverify",
            Self::ReCaptcha => "https://www.google.com/recaptcha/api/siteverify",
        }
    }

    /// Whether it says on which host a response was given. hCaptcha's `hostname` is the browser's word and sometimes
    /// `not-provided`; it is asked whether the response belongs to our site key.
    pub const fn vouches_for_host(self) -> bool {
        !matches!(self, Self::HCaptcha)
    }

    /// Where the widget's script comes from.
    pub const fn script_url(self) -> &'static str {
        match self {
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/api.js",
            Self::HCaptcha => "https://js.hcaptcha.com/1/api.js",
            Self::ReCaptcha => "https://www.google.com/recaptcha/api.js",
        }
    }

    /// The class by which the script finds the place of its widget.
    pub const fn widget_class(self) -> &'static str {
        match self {
            Self::Turnstile => "cf-turnstile",
            Self::HCaptcha => "h-captcha",
            Self::ReCaptcha => "g-recaptcha",
        }
    }

    /// What a page with the widget may load, as sources of a content security policy.
    pub const fn sources(self) -> &'static str {
        match self {
            Self::Turnstile => "https://challenges.cloudflare.com",
            Self::HCaptcha => "https://hcaptcha.com https://*.hcaptcha.com",
            Self::ReCaptcha => "https://www.google.com/recaptcha/ https://www.gstatic.com/recaptcha/",
        }
    }
}

/// A buyer company.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Partner {
    /// Its id.
    pub id: PartnerId,
    /// The name that people see.
    pub name: String,
    /// The address that pays for its promo codes (SHP-4).
    pub billing_address: Option<Address>,
    /// Spin variables with digests of its API keys: one, or two during rotation (INV-1).
    pub api_key_digest_variables: Vec<String>,
    /// Spin variables with its webhook secrets: none, one, or two during rotation (SHP-7).
    pub webhook_secret_variables: Vec<String>,
    /// For how many days an order of its storefront waits for its invoice to be paid, 1 to [`MAX_INVOICE_DAYS`]; `None` when it takes no
    /// invoices (SHP-5).
    pub invoice_days: Option<u16>,
    /// For how many minutes the customer of its storefront can go to the payment provider's page, [`MIN_CARD_MINUTES`] to
    /// [`MAX_CARD_MINUTES`]; `None` when it takes no cards. Only with [`Gateway::payments`] (SHP-5).
    pub card_minutes: Option<u16>,
    /// How its webstore signs (SHP-7).
    pub webhook_dialect: Dialect,
    /// How many requests its system may send.
    pub quotas: Quotas,
    /// Where its system is told what happens; `None` when it asks by itself.
    pub endpoint: Option<Endpoint>,
}

/// The most days that an order waits for its invoice to be paid: it may hold a promo code, whose batch stays a day longer.
pub const MAX_INVOICE_DAYS: u16 = 30;

/// The fewest minutes that a customer can have to go to the payment provider's page.
pub const MIN_CARD_MINUTES: u16 = 10;

/// The most minutes that a customer can have to go to the payment provider's page. The order waits half an hour longer, and
/// providers close a page after a day at the latest.
pub const MAX_CARD_MINUTES: u16 = 1_380;

/// Where a partner's system takes webhooks (MSG-3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its address, not of an internal network.
    pub url: String,
    /// Spin variables with what webhooks are signed with: one, or two during rotation.
    pub secret_variables: Vec<String>,
    /// What it is told; at least one kind.
    pub events: Vec<EventKind>,
}

/// How many requests a minute a partner's system may send, by class of routes; each 1 to 60,000.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quotas {
    /// Requests that change nothing. Each costs a write all the same: it is counted.
    pub reads_per_minute: u32,
    /// Requests that create or change one invitation.
    pub changes_per_minute: u32,
    /// Requests that create many.
    pub bulk_per_minute: u32,
}

impl Default for Quotas {
    /// At most 5 counting writes a second for reads, 2 invitations a second, and bulk requests one after the other.
    fn default() -> Self {
        Self { reads_per_minute: 300, changes_per_minute: 120, bulk_per_minute: 10 }
    }
}

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Street and number.
    pub street: Line<120>,
    /// City.
    pub city: Line<80>,
    /// State or region, where the country has them.
    pub region: Option<Line<80>>,
    /// Postal code, where the country has them.
    pub postal_code: Option<Line<20>>,
    /// Country.
    pub country: Country,
    /// Telephone.
    pub telephone: Option<Phone>,
    /// The organisation there, where it stands on a letter.
    pub organisation: Option<Line<120>>,
}

/// An application of a partner.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Application {
    /// Its id; also its `OpenID Connect` client id.
    pub id: ApplicationId,
    /// Whose application it is.
    pub partner: PartnerId,
    /// The name that people see.
    pub name: String,
    /// One sentence about it.
    pub description: String,
    /// Who may register for it.
    pub registration: Registration,
    /// Who approves a registration.
    pub approval: Approval,
    /// Every version of its terms, oldest first, at least one. A published version is never edited (TRM-1).
    pub terms: Vec<TermsVersion>,
    /// Access terms that everybody accepts at every launch (TRM-4).
    pub launch_terms: Option<PublishedText>,
    /// Products whose credentials are accepted; empty accepts every product of the least level.
    pub accepted_products: Vec<ProductId>,
    /// The least level of a credential (CRD-7).
    pub least_level: Level,
    /// How old a passed second factor may be, in seconds; 0 demands a fresh code for each launch (OTP-4).
    pub otp_max_age_seconds: u64,
    /// How it signs people in.
    pub oidc: OidcClient,
}

impl Application {
    /// The terms in force: the latest that are effective, or the first before any is.
    ///
    /// # Panics
    /// Never for what [`Gateway::parse`] and [`Gateway::decode`] give: they demand at least one version.
    pub fn current_terms(&self, now: Timestamp) -> &TermsVersion {
        let effective = self.terms.iter().rev().find(|terms| terms.effective <= now);
        effective.or(self.terms.first()).expect("reading demands at least one version of terms")
    }

    /// The version with this name, for showing what was accepted.
    pub fn terms_version(&self, version: &str) -> Option<&TermsVersion> {
        self.terms.iter().find(|terms| terms.version.as_str() == version)
    }
}

/// Who may register for an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Registration {
    /// Invited organisations only (REG-1).
    Invitation,
    /// Anybody (REG-2).
    Public,
}

/// Who approves a registration (APR-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Approval {
    /// The operator's registrar.
    Manual,
    /// Nobody has to when the partner invited the organisation.
    AutomaticForInvited,
}

/// One version of an application's terms.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TermsVersion {
    /// Its name.
    pub version: Line<20>,
    /// The text.
    pub text: PublishedText,
    /// From when on it is the current version.
    pub effective: Timestamp,
    /// How long those who accepted an earlier version may still launch (TRM-2).
    pub grace_days: u64,
}

impl TermsVersion {
    /// The digest of the text (TRM-3).
    pub fn digest(&self) -> &str {
        self.text.digest()
    }

    /// How long those who accepted an earlier version may still launch (TRM-2).
    pub const fn grace(&self) -> Seconds {
        Seconds::days(self.grace_days)
    }
}

/// An application as `OpenID Connect` client (LCH-2).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OidcClient {
    /// Spin variable with the digest of its secret; `None` for a public client, which has PKCE only.
    pub client_secret_digest_variable: Option<String>,
    /// Where codes may be sent; compared exactly.
    pub redirect_uris: Vec<String>,
    /// Where a person may be sent after signing out; compared exactly.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where a launch begins (third-party-initiated login).
    pub initiate_login_uri: String,
    /// Where the application is asked to go once the person is signed in; `None` leaves that to the application.
    pub target_link_uri: Option<String>,
    /// What the application calls our roles.
    pub roles: OidcRoles,
}

/// What an application calls our roles.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OidcRoles {
    /// Organisation Administrator.
    pub organisation_administrator: String,
    /// Application Administrator.
    pub application_administrator: String,
    /// Everybody with access.
    pub user: String,
}

/// A credential that can be bought or redeemed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Whose suppliers buy it.
    pub partner: PartnerId,
    /// The name that people see.
    pub name: String,
    /// One sentence about it.
    pub description: String,
    /// The price of one unit.
    pub price: Money,
    /// How long a credential is valid, in days (CRD-8).
    pub term_days: u64,
    /// The assurance level that it reaches (CRD-7).
    pub level: Level,
    /// What is accepted when the licence is activated (CRD-1).
    pub service_agreement: Agreement,
    /// What is registered.
    pub kind: ProductKind,
}

impl Product {
    /// Whether a unit of it is hardware, which has to arrive before its licence can be activated (SHP-8).
    pub fn is_hardware(&self) -> bool {
        self.kind == ProductKind::HardwareToken
    }

    /// How long a credential is valid.
    pub const fn term(&self) -> Seconds {
        Seconds::days(self.term_days)
    }

    /// The digest of the service agreement's text.
    pub fn agreement_digest(&self) -> &str {
        self.service_agreement.text.digest()
    }
}

/// A service agreement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Agreement {
    /// The name of its version.
    pub version: Line<20>,
    /// The text.
    pub text: PublishedText,
}

/// What is registered for a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProductKind {
    /// An authenticator app by QR code (CRD-4).
    AuthenticatorApp,
    /// One to three phones, by SMS or voice (CRD-5).
    Phone,
    /// A hardware token, which is shipped (SHP-8).
    HardwareToken,
}

/// An assurance level, the higher the stronger (CRD-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Level {
    /// A second factor.
    One,
    /// A second factor bound to the person by e-mail and licence.
    Two,
    /// A second factor after identity proofing.
    Three,
}

impl Level {
    /// 1 to 3.
    pub const fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
        }
    }
}

impl TryFrom<u8> for Level {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, &'static str> {
        match number {
            1 => Ok(Self::One),
            2 => Ok(Self::Two),
            3 => Ok(Self::Three),
            _ => Err("a level is 1, 2 or 3"),
        }
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        level.number()
    }
}

/// A member of the operator's staff.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Operator {
    /// The id to sign in with.
    pub id: OperatorId,
    /// The person's name.
    pub name: String,
    /// What the person may do; at least one.
    pub roles: Vec<OperatorRole>,
    /// Where the link under which the person enrols is mailed.
    pub email: Option<Email>,
    /// Spin variable with the digest of a generated password, for deployments that make operators' secrets themselves. It
    /// may be empty, and counts only until the operator has enrolled.
    pub password_digest_variable: Option<String>,
}

/// What an operator may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OperatorRole {
    /// Decides registrations (APR-1).
    Registrar,
    /// Makes promo codes and fulfils orders.
    Fulfilment,
    /// Reads everything, changes nothing (AUD-1).
    Auditor,
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXTURE: &str = include_str!("../../gateway.toml");

    fn fixture() -> Gateway {
        Gateway::parse(FIXTURE).expect("the deployment's file is valid")
    }

    fn id<T: core::str::FromStr>(text: &str) -> T {
        text.parse().ok().expect("a valid id")
    }

    #[test]
    fn the_deployments_file_says_what_the_journeys_need() {
        let gateway = fixture();
        let ids = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let partners: Vec<String> = gateway.partners.iter().map(|partner| partner.id.to_string()).collect();
        assert_eq!(partners, ids(&["anvil", "cobalt"]));
        let supply = gateway.application(&id("supply-platform")).expect("configured");
        assert_eq!((supply.registration, supply.approval), (Registration::Invitation, Approval::Manual));
        assert_eq!((supply.otp_max_age_seconds, supply.least_level), (0, Level::Two));
        let network = gateway.application(&id("business-network")).expect("configured");
        assert_eq!(network.registration, Registration::Public);
        assert!(network.launch_terms.as_ref().is_some_and(|text| text.as_str().starts_with("You are about to open")));
        let product = gateway.product(&id("cobalt-mobile-id")).expect("configured");
        assert_eq!((product.price.to_string().as_str(), product.term()), ("45.00 USD", Seconds::days(365)));
        let operator = gateway.operator(&id("registrar")).expect("configured");
        assert_eq!(operator.roles, [OperatorRole::Registrar, OperatorRole::Fulfilment]);
        assert_eq!(operator.password_digest_variable.as_deref(), Some("operator_registrar_password_digest"));
        assert_eq!(gateway.service.password_policy(), PasswordPolicy::default());
        assert!(gateway.service.security_questions.is_some_and(|questions| questions.len() >= 5));
    }

    #[test]
    fn the_compiled_form_says_the_same_and_nothing_else_is_taken_for_it() {
        let gateway = fixture();
        let compiled = gateway.compile().expect("it encodes");
        let decoded = Gateway::decode(&compiled).expect("it is whole");
        assert_eq!(format!("{decoded:?}"), format!("{gateway:?}"));
        for end in 0..compiled.len() {
            let (cut, _) = compiled.split_at(end);
            assert!(Gateway::decode(cut).is_err(), "the first {end} bytes");
        }
        assert!(Gateway::decode(&[compiled.as_slice(), b"x"].concat()).is_err());
        let (_, encoded) = compiled.split_at(LAYOUT.len());
        assert!(Gateway::decode(&[b"VGW0", encoded].concat()).is_err());
        assert!(Gateway::decode(FIXTURE.as_bytes()).is_err());
        let mut without_terms = gateway;
        without_terms.applications.iter_mut().for_each(|application| application.terms.clear());
        assert!(Gateway::decode(&without_terms.compile().expect("it encodes")).is_err());
    }

    #[test]
    fn shp_1_a_catalogue_has_the_partners_products_only() {
        // SHP-1
        let gateway = fixture();
        let catalogue = |partner| {
            let partner = id(partner);
            gateway.catalogue(&partner).map(|product| product.id.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(catalogue("anvil"), ["anvil-mobile-id"]);
        assert_eq!(catalogue("cobalt"), ["cobalt-mobile-id", "cobalt-phone"]);
        assert!(catalogue("elsewhere").is_empty());
        assert!(gateway.partner(&id("elsewhere")).is_none());
    }

    #[test]
    fn shp_4_a_partner_that_pays_has_its_address() {
        // SHP-4
        let gateway = fixture();
        let address = gateway.partner(&id("cobalt")).and_then(|partner| partner.billing_address.clone());
        let address = address.expect("configured");
        assert_eq!((address.city.as_str(), address.country.as_str()), ("Springfield", "US"));
        assert!(gateway.partner(&id("anvil")).is_some_and(|partner| partner.billing_address.is_none()));
    }

    #[test]
    fn trm_2_the_latest_effective_version_is_current() {
        // TRM-1, TRM-2
        let mut application = fixture().applications.remove(0);
        let mut second = application.terms.first().expect("one version").clone();
        let first_effective = second.effective;
        second.version = id("2027-01");
        second.effective = first_effective.plus(Seconds::days(365));
        application.terms.push(second);
        let current = |now: Timestamp| application.current_terms(now).version.as_str().to_owned();
        let second_effective = first_effective.plus(Seconds::days(365));
        assert_eq!(current(Timestamp::from_unix(0)), "2026-01", "the first applies before it is effective");
        assert_eq!(current(Timestamp::from_unix(second_effective.unix() - 1)), "2026-01");
        assert_eq!(current(second_effective), "2027-01");
        assert!(application.terms_version("2026-01").is_some());
        assert!(application.terms_version("2025-01").is_none());
    }

    #[test]
    fn trm_3_texts_are_known_by_their_digest() {
        // TRM-3: also what was published once and must not change under its version.
        let gateway = fixture();
        let digest = |application| {
            gateway.application(&id(application)).map(|one| one.current_terms(Timestamp::from_unix(0)).digest())
        };
        let (supply, network) = (digest("supply-platform"), digest("business-network"));
        assert_ne!(supply, network);
        assert!(supply.is_some_and(|digest| digest.len() == 64));
        let product = gateway.product(&id("anvil-mobile-id")).expect("configured");
        assert_eq!(product.agreement_digest().len(), 64);
        assert!(product.service_agreement.text.as_str().starts_with("Service Agreement"));
    }

    #[test]
    fn crd_7_levels_are_ordered_and_parsed() {
        // CRD-7
        assert!(Level::One < Level::Two && Level::Two < Level::Three);
        for level in [Level::One, Level::Two, Level::Three] {
            assert_eq!(Level::try_from(level.number()), Ok(level));
            let stored = postcard::to_allocvec(&level).expect("a byte");
            assert_eq!(postcard::from_bytes(&stored), Ok(level));
        }
        assert!(Level::try_from(0).is_err() && Level::try_from(4).is_err());
        assert!(postcard::from_bytes::<Level>(&[4]).is_err());
    }

    #[test]
    fn what_may_be_left_out_has_a_default() {
        let without = |text: &str, key: &str| {
            let keep = |line: &&str| !line.starts_with(key);
            text.lines().filter(keep).collect::<Vec<_>>().join("\n")
        };
        let shorter = [
            "approval",
            "accepted_products",
            "webhook_secret_variables",
            "password_min",
            "post_logout",
            "client_secret",
        ]
        .iter()
        .fold(FIXTURE.to_owned(), |text, key| without(&text, key));
        let gateway = Gateway::parse(&shorter).map_err(|fault| fault.to_string()).expect("all of them are optional");
        assert!(gateway.applications.iter().all(|application| application.approval == Approval::Manual));
        assert!(gateway.applications.iter().all(|application| application.accepted_products.is_empty()));
        assert!(
            gateway.applications.iter().all(|application| application.oidc.client_secret_digest_variable.is_none())
        );
        assert!(gateway.partners.iter().all(|partner| partner.webhook_secret_variables.is_empty()));
        assert_eq!(gateway.service.password_min_code_points, 15);
        let (start, end) =
            (FIXTURE.find("security_questions").expect("there"), FIXTURE.find("]\n# Code points").expect("there"));
        let without_questions = [&FIXTURE[..start], &FIXTURE[end + 2..]].concat();
        let gateway = Gateway::parse(&without_questions).map_err(|fault| fault.to_string()).expect("optional");
        assert!(gateway.service.security_questions.is_none());
    }

    #[test]
    fn msg_1_the_configuration_says_who_writes_and_who_reads_the_answers() {
        // MSG-1
        let messages = |text: &str| Gateway::parse(text).map(|gateway| gateway.messages);
        let ours = messages(FIXTURE).expect("configured");
        let expected = |provider, reply_to: &str| Messages {
            provider,
            from: id("no-reply@vestibule.example"),
            reply_to: id(reply_to),
            phone: Some(PhoneMessages { provider: PhoneProvider::Json, from: id("+12125550199") }),
        };
        assert_eq!(ours, expected(MailProvider::Json, "support@vestibule.example"));
        for (name, provider) in [("postmark", MailProvider::Postmark), ("resend", MailProvider::Resend)] {
            let keys = format!("provider = \"{name}\"\nreply_to = \"answers@vestibule.example\"");
            let theirs = messages(&FIXTURE.replacen("provider = \"json\"", &keys, 1)).expect("configured");
            assert_eq!(theirs, expected(provider, "answers@vestibule.example"));
        }
    }

    #[test]
    fn crd_5_products_for_phones_need_a_way_to_phones() {
        // CRD-5, MSG-1
        let (start, end) =
            (FIXTURE.find("[messages.phone]").expect("there"), FIXTURE.find("[public_form]").expect("there"));
        let parsed = |table: &str| {
            let text = [FIXTURE.get(..start), Some(table), FIXTURE.get(end..)].map(Option::unwrap_or_default).concat();
            Gateway::parse(&text).map(|gateway| gateway.messages.phone)
        };
        let fault = parsed("").expect_err("nothing takes codes to phones");
        assert_eq!(
            (fault.key.as_str(), fault.reason.as_str()),
            ("products.cobalt-phone.kind", "must be one of \"authenticator-app\", \"hardware-token\"")
        );
        let twilio = parsed("[messages.phone]\nprovider = \"twilio\"\nfrom = \"+1 212 555 0199\"\n");
        assert_eq!(twilio, Ok(Some(PhoneMessages { provider: PhoneProvider::Twilio, from: id("+12125550199") })));
    }

    #[test]
    fn shp_5_cards_need_somebody_who_takes_them() {
        // SHP-5
        let (start, end) = (FIXTURE.find("[payments]").expect("there"), FIXTURE.find("# Partners").expect("there"));
        let parsed = |table: &str| {
            let text = [FIXTURE.get(..start), Some(table), FIXTURE.get(end..)].map(Option::unwrap_or_default).concat();
            Gateway::parse(&text).map(|gateway| gateway.payments)
        };
        let key = |table: &str| parsed(table).expect_err("a fault").key;
        assert_eq!(key(""), "partners.anvil.card_minutes", "nobody takes cards");
        let table = |provider: &str, origin: &str, variables: &str| {
            format!(
                "[payments]\nprovider = \"{provider}\"\npage_origin = \"{origin}\"\nsecret_variables = {variables}\n"
            )
        };
        let origin = "https://pay.example";
        let one = r#"["payment_webhook_secret"]"#;
        for (name, provider) in [("json", PaymentProvider::Json), ("stripe", PaymentProvider::Stripe)] {
            let payments = parsed(&table(name, origin, one)).expect("configured").expect("there");
            assert_eq!((payments.provider, payments.page_origin.as_str()), (provider, origin));
        }
        assert_eq!(key(&table("cash", origin, one)), "payments.provider");
        assert_eq!(key(&table("json", origin, "[]")), "payments.secret_variables");
        assert_eq!(key(&table("json", origin, r#"["anvil_webhook_secret"]"#)), "payments.secret_variables");
        for wrong in
            ["https://pay.example/", "https://pay.example/x", "https://pay.example?x", "http://pay.example", ""]
        {
            assert_eq!(key(&table("json", wrong, one)), "payments.page_origin", "{wrong}");
        }
        for minutes in ["9", "1381"] {
            let text = FIXTURE.replace("card_minutes = 60", &format!("card_minutes = {minutes}"));
            assert_eq!(Gateway::parse(&text).expect_err("out of range").key, "partners.anvil.card_minutes");
        }
    }

    #[test]
    fn reg_7_the_captcha_is_our_own_or_a_providers() {
        // REG-7
        let (start, end) =
            (FIXTURE.find("[public_form]").expect("there"), FIXTURE.find("# Payment by card").expect("there"));
        let parsed = |table: &str| {
            let text = [FIXTURE.get(..start), Some(table), FIXTURE.get(end..)].map(Option::unwrap_or_default).concat();
            Gateway::parse(&text).map(|gateway| gateway.public_form)
        };
        let ours = PublicForm { captcha: Captcha::ProofOfWork { max_number: 50_000 }, public_mail_domains: Vec::new() };
        for table in ["", "[public_form]\n", "[public_form]\ncaptcha = \"proof-of-work\"\n"] {
            assert_eq!(parsed(table), Ok(ours.clone()), "{table}");
        }
        for (name, service) in [
            ("turnstile", CaptchaService::Turnstile),
            ("hcaptcha", CaptchaService::HCaptcha),
            ("recaptcha", CaptchaService::ReCaptcha),
        ] {
            let keys = "captcha_site_key = \"0x4A\"\ncaptcha_secret_variable = \"captcha_secret\"\n";
            for (more, verify_url) in [
                ("", service.verify_url()),
                ("captcha_verify_url = \"https://captcha.example/verify\"\n", "https://captcha.example/verify"),
            ] {
                let form = parsed(&format!("[public_form]\ncaptcha = \"{name}\"\n{keys}{more}")).expect("configured");
                let (site_key, secret_variable) = ("0x4A".to_owned(), "captcha_secret".to_owned());
                let verify_url = verify_url.to_owned();
                assert_eq!(form.captcha, Captcha::Provider { service, site_key, secret_variable, verify_url });
            }
        }
        let twice = "[public_form]\ncaptcha = \"turnstile\"\ncaptcha_site_key = \"k\"\n\
                     captcha_secret_variable = \"anvil_api_key_digest\"\n";
        assert_eq!(parsed(twice).expect_err("named twice").key, "public_form.captcha_secret_variable");
    }

    #[test]
    fn an_application_is_not_called_like_an_address_of_ours() {
        for reserved in crate::launch::RESERVED_IDS {
            let text = FIXTURE.replace("applications.supply-platform", &format!("applications.{reserved}"));
            let fault = Gateway::parse(&text).expect_err("reserved");
            assert_eq!(fault.key, format!("applications.{reserved}"), "{fault}");
        }
    }

    /// What is replaced by what, and the key and a part of the reason of the fault.
    type Case = (&'static str, &'static str, &'static str, &'static str);

    /// Replaces the first occurrence, which must exist, and gives the fault of the result.
    fn fault(from: &str, to: &str) -> ConfigFault {
        assert!(FIXTURE.contains(from), "{from}");
        Gateway::parse(&FIXTURE.replacen(from, to, 1)).expect_err(to)
    }

    #[track_caller]
    fn assert_faults(cases: &[Case]) {
        for (from, to, key, reason) in cases {
            let fault = fault(from, to);
            let found = if *key == "line" { fault.key.split(' ').next() } else { Some(fault.key.as_str()) };
            assert_eq!(found, Some(*key), "{to}: {fault}");
            assert!(fault.reason.contains(reason), "{to}: {fault}");
            assert_eq!(fault.to_string(), format!("{}: {}", fault.key, fault.reason));
        }
    }

    const SHAPES: &[Case] = &[
        ("[service]", "[service", "line", "expected"),
        ("name = \"Vestibule\"", "name = ", "line", "value"),
        ("[service]", "[service]\nname = \"Twice\"", "line", "duplicate key"),
        ("[service]", "[services]", "service", "is missing"),
        ("[service]", "colour = \"blue\"\n[service]", "colour", "unknown key"),
        ("name = \"Vestibule\"", "nmae = \"Vestibule\"", "service.name", "is missing"),
        ("name = \"Vestibule\"", "name = \"Vestibule\"\ncolour = 1", "service.colour", "unknown key"),
        ("name = \"Vestibule\"", "name = 7", "service.name", "must be text"),
        ("name = \"Vestibule\"", "name = \"  \"", "service.name", "Fill in"),
        ("[partners.anvil]", "[partners.Anvil]", "partners.Anvil", "lower-case letters"),
        ("[products.anvil-mobile-id]", "[[products.anvil-mobile-id]]", "products.anvil-mobile-id", "must be a table"),
        ("[operators.auditor]", "[operators.auditor.inner]", "operators.auditor.name", "is missing"),
        ("roles = [\"auditor\"]", "roles = \"auditor\"", "operators.auditor.roles", "must be a list"),
        ("[public_form]", "[[public_form]]", "public_form", "must be a table"),
        ("[partners.cobalt.billing_address]", "[partners.cobalt.address]", "partners.cobalt.address", "unknown key"),
    ];

    #[test]
    fn faults_of_shape_name_key_and_reason() {
        assert_faults(SHAPES);
    }

    const VALUES: &[Case] = &[
        ("support@vestibule.example", "support", "service.support_email", "e-mail address"),
        ("    \"What was the name of your first pet?\"", "    7", "service.security_questions[3]", "must be text"),
        (
            "support_email = \"support@vestibule.example\"",
            "support_email = \"support@vestibule.example\"\nsecurity_questions = []\n#",
            "line",
            "duplicate key",
        ),
        (
            "\"What was the name of your first pet?\"",
            "\"What was the name of your first school?\"",
            "service.security_questions[3]",
            "repeats",
        ),
        (
            "password_min_code_points = 15",
            "password_min_code_points = 14",
            "service.password_min_code_points",
            "from 15 to 64",
        ),
        (
            "password_min_code_points = 15",
            "password_min_code_points = 65",
            "service.password_min_code_points",
            "from 15 to 64",
        ),
        (
            "password_min_code_points = 15",
            "client_address_header = \"X-Forwarded-For\"",
            "service.client_address_header",
            "name of a header in lower case",
        ),
        ("provider = \"json\"", "", "messages.provider", "is missing"),
        (
            "provider = \"json\"",
            "provider = \"smtp\"",
            "messages.provider",
            "one of \"json\", \"postmark\", \"resend\"",
        ),
        ("no-reply@vestibule.example", "no-reply", "messages.from", "e-mail address"),
        ("provider = \"json\"", "provider = \"json\"\nreply_to = \"nobody\"", "messages.reply_to", "e-mail address"),
        ("[\"anvil_api_key_digest\"]", "[]", "partners.anvil.api_key_digest_variables", "1 to 2 entries, has 0"),
        (
            "[\"anvil_api_key_digest\"]",
            "[\"a\", \"b\", \"c\"]",
            "partners.anvil.api_key_digest_variables",
            "1 to 2 entries, has 3",
        ),
        (
            "[\"anvil_api_key_digest\"]",
            "[\"ANVIL\"]",
            "partners.anvil.api_key_digest_variables[0]",
            "must name a variable",
        ),
        (
            "[partners.anvil]\n",
            "[partners.anvil]\nwebhook_dialect = \"Stripe\"\n",
            "partners.anvil.webhook_dialect",
            "one of \"standard\", \"stripe\", \"shopify\"",
        ),
        (
            "[partners.cobalt]\n",
            "[partners.cobalt.endpoint]\nurl = \"https://10.0.0.1/\"\n[partners.cobalt]\n",
            "partners.cobalt.endpoint.url",
            "public name",
        ),
        (
            "[partners.cobalt]\n",
            "[partners.cobalt.endpoint]\nurl = \"https://cobalt.example\"\nevents = []\n[partners.cobalt]\n",
            "partners.cobalt.endpoint.secret_variables",
            "1 to 2 entries",
        ),
        (
            "[partners.cobalt]\n",
            "[partners.cobalt.endpoint]\nurl = \"https://cobalt.example\"\nsecret_variables = [\"a\"]\n\
             events = [\"invitation.opened\"]\n[partners.cobalt]\n",
            "partners.cobalt.endpoint.events[0]",
            "invitation.accepted",
        ),
        (
            "[partners.cobalt]\n",
            "[partners.cobalt.endpoint]\nurl = \"https://cobalt.example\"\nevents = [\"order.completed\"]\n\
             secret_variables = [\"cobalt_webhook_secret\"]\n[partners.cobalt]\n",
            "partners.cobalt.endpoint.secret_variables",
            "named elsewhere",
        ),
        ("country = \"US\"", "country = \"USA\"", "partners.cobalt.billing_address.country", "from the list"),
        (
            "telephone = \"+1 212 555 0100\"",
            "telephone = \"212 555 0100\"",
            "partners.cobalt.billing_address.telephone",
            "country code",
        ),
        (
            "registration = \"invitation\"",
            "registration = \"secret\"",
            "applications.supply-platform.registration",
            "\"invitation\", \"public\"",
        ),
        (
            "approval = \"manual\"",
            "approval = \"automatic\"",
            "applications.supply-platform.approval",
            "\"automatic-for-invited\"",
        ),
        (
            "otp_max_age_seconds = 0",
            "otp_max_age_seconds = -1",
            "applications.supply-platform.otp_max_age_seconds",
            "from 0 to 43200",
        ),
        (
            "otp_max_age_seconds = 0",
            "otp_max_age_seconds = 43201",
            "applications.supply-platform.otp_max_age_seconds",
            "from 0 to 43200",
        ),
        ("least_level = 2", "least_level = 4", "applications.supply-platform.least_level", "from 1 to 3"),
        (
            "effective = 2026-01-01T00:00:00Z",
            "effective = 2026-01-01",
            "applications.supply-platform.terms[0].effective",
            "2026-11-21T21:05:00Z",
        ),
        ("grace_days = 30", "grace_days = 366", "applications.supply-platform.terms[0].grace_days", "from 0 to 365"),
        (
            "version = \"2026-01\"",
            "version = \"the first version of all\"",
            "applications.supply-platform.terms[0].version",
            "at most 20",
        ),
        ("price = \"49.00 USD\"", "price = 49.0", "products.anvil-mobile-id.price", "must be text"),
        ("price = \"49.00 USD\"", "price = \"49.001 USD\"", "products.anvil-mobile-id.price", "like 12.50"),
        ("price = \"49.00 USD\"", "price = \"49.00 XAU\"", "products.anvil-mobile-id.price", "ISO 4217"),
        ("term_days = 365", "term_days = 0", "products.anvil-mobile-id.term_days", "from 1 to 1830"),
        (
            "kind = \"authenticator-app\"",
            "kind = \"token\"",
            "products.anvil-mobile-id.kind",
            "must be one of \"authenticator-app\"",
        ),
        ("from = \"+1 212 555 0199\"", "from = \"212 555 0199\"", "messages.phone.from", "+ and its country code"),
        (
            "[messages.phone]\nprovider = \"json\"",
            "[messages.phone]\nprovider = \"pigeon\"",
            "messages.phone.provider",
            "must be one of \"json\", \"twilio\"",
        ),
        (
            "[\"registrar\", \"fulfilment\"]",
            "[\"registrar\", \"root\"]",
            "operators.registrar.roles[1]",
            "must be one of",
        ),
        (
            "[\"registrar\", \"fulfilment\"]",
            "[\"registrar\", \"registrar\"]",
            "operators.registrar.roles[1]",
            "repeats",
        ),
        ("[\"registrar\", \"fulfilment\"]", "[]", "operators.registrar.roles", "1 to 3 entries, has 0"),
        ("captcha = \"proof-of-work\"", "captcha = \"none\"", "public_form.captcha", "must be one of"),
        ("captcha = \"proof-of-work\"", "captcha = \"turnstile\"", "public_form.captcha_site_key", "is missing"),
        ("captcha_max_number = 50000", "captcha_max_number = 999", "public_form.captcha_max_number", "from 1000"),
        ("\"gmail.com\"", "\"Gmail.com\"", "public_form.public_mail_domains[0]", "lower case"),
    ];

    #[test]
    fn shp_7_a_partners_webstore_signs_in_one_of_three_dialects() {
        // SHP-7
        let dialect = |text: &str| {
            let gateway = Gateway::parse(text).expect("configured");
            let decoded = Gateway::decode(&gateway.compile().expect("it encodes")).expect("it is whole");
            decoded.partner(&id("anvil")).expect("configured").webhook_dialect
        };
        assert_eq!(dialect(FIXTURE), Dialect::Standard, "unless something else is said");
        for (name, expected) in Dialect::NAMES {
            let keys = format!("[partners.anvil]\nwebhook_dialect = \"{name}\"\n");
            assert_eq!(dialect(&FIXTURE.replacen("[partners.anvil]\n", &keys, 1)), expected);
        }
    }

    #[test]
    fn inv_1_quotas_have_defaults_and_bounds() {
        // INV-1
        let with = |quotas: &str| {
            let table = format!("[partners.anvil.quotas]\n{quotas}\n\n[partners.anvil]");
            Gateway::parse(&FIXTURE.replacen("[partners.anvil]", &table, 1))
        };
        let anvil =
            |quotas: &str| with(quotas).expect("valid").partner(&id("anvil")).expect("configured").quotas.clone();
        let default = Quotas { reads_per_minute: 300, changes_per_minute: 120, bulk_per_minute: 10 };
        assert_eq!((anvil(""), Quotas::default()), (default.clone(), default.clone()));
        assert_eq!(anvil("bulk_per_minute = 60000"), Quotas { bulk_per_minute: 60_000, ..default.clone() });
        assert_eq!(anvil("reads_per_minute = 1"), Quotas { reads_per_minute: 1, ..default });
        for (wrong, key) in [
            ("reads_per_minute = 0", "reads_per_minute"),
            ("changes_per_minute = 60001", "changes_per_minute"),
            ("bulk_per_minute = \"10\"", "bulk_per_minute"),
            ("per_minute = 10", "per_minute"),
        ] {
            assert_eq!(with(wrong).expect_err(wrong).key, format!("partners.anvil.quotas.{key}"));
        }
    }

    #[test]
    fn faults_of_values_name_key_and_reason() {
        assert_faults(VALUES);
    }

    const NOT_LATER: &str = "[[applications.supply-platform.terms]]\nversion = \"2025-01\"\neffective = 2026-01-01T00:00:00Z\n\
                        grace_days = 0\ntext = \"Older terms.\"\n\n[[applications.supply-platform.terms]]";
    const SAME_NAME: &str = "[[applications.supply-platform.terms]]\nversion = \"2026-01\"\neffective = 2025-01-01T00:00:00Z\n\
                         grace_days = 0\ntext = \"Older terms.\"\n\n[[applications.supply-platform.terms]]";

    const RELATIONS: &[Case] = &[
        (
            "partner = \"anvil\"",
            "partner = \"anvill\"",
            "applications.supply-platform.partner",
            "no partner \"anvill\"",
        ),
        ("name = \"Mobile ID MFA for Anvil (1 year)\"", "partner = \"x\"\nname = \"M\"", "line", "duplicate key"),
        (
            "[\"anvil-mobile-id\", \"cobalt-mobile-id\"]",
            "[\"anvil-mobile-id\", \"token\"]",
            "applications.supply-platform.accepted_products[1]",
            "no product \"token\"",
        ),
        ("least_level = 2", "least_level = 3", "applications.supply-platform.accepted_products[0]", "does not reach"),
        (
            "accepted_products = [\"anvil-mobile-id\", \"cobalt-mobile-id\"]\nleast_level = 2",
            "least_level = 3",
            "applications.supply-platform.least_level",
            "no product reaches",
        ),
        (
            "[[applications.supply-platform.terms]]",
            NOT_LATER,
            "applications.supply-platform.terms[1].effective",
            "must be later",
        ),
        (
            "[[applications.supply-platform.terms]]",
            SAME_NAME,
            "applications.supply-platform.terms[1].version",
            "repeats the name",
        ),
        (
            "[[applications.supply-platform.terms]]",
            "[[applications.supply-platform.rules]]",
            "applications.supply-platform.terms",
            "at least one version",
        ),
        (
            "[\"cobalt_api_key_digest\"]",
            "[\"anvil_api_key_digest\"]",
            "partners.cobalt.api_key_digest_variables",
            "\"anvil_api_key_digest\" is named elsewhere",
        ),
        (
            "\"operator_auditor_password_digest\"",
            "\"operator_registrar_password_digest\"",
            "operators.registrar.password_digest_variable",
            "is named elsewhere",
        ),
        (
            "\"business_network_client_secret_digest\"",
            "\"anvil_webhook_secret\"",
            "applications.business-network.oidc.client_secret_digest_variable",
            "is named elsewhere",
        ),
    ];

    #[test]
    fn faults_between_parts_name_key_and_reason() {
        assert_faults(RELATIONS);
    }

    #[test]
    fn lch_2_a_redirect_goes_to_an_exact_and_safe_place() {
        // LCH-2
        let place = "http://127.0.0.1:3002/supply-platform/login";
        for good in
            ["https://app.example/", "https://app.example:8443/a?b=c", "http://localhost/x", "http://127.0.0.1:1/"]
        {
            assert!(Gateway::parse(&FIXTURE.replacen(place, good, 1)).is_ok(), "{good}");
        }
        for wrong in [
            "",
            "/login",
            "app.example/login",
            "http://app.example/login",
            "http://127.0.0.1.evil.example/",
            "http://localhost.evil.example/",
            "http://localhost@evil.example/",
            "https://user@app.example/",
            "https://",
            "https:///login",
            "https://*.example/",
            "https://app.example/#x",
            "https://app.example/a b",
            "https://app.example\\\\@evil.example/",
            "javascript:alert(1)",
            "ftp://app.example/",
        ] {
            let fault = fault(place, wrong);
            assert_eq!(fault.key, "applications.supply-platform.oidc.initiate_login_uri", "{wrong}: {fault}");
        }
    }

    #[test]
    fn a_file_without_content_or_of_absurd_size_is_refused() {
        assert_eq!(Gateway::parse("").expect_err("empty").to_string(), "service: is missing");
        let large = format!("{FIXTURE}#{}", "x".repeat(1024 * 1024));
        assert_eq!(Gateway::parse(&large).expect_err("large").key, "file");
        let unfinished = "[service]\nname = \"A\"\n\nname = \"B\"\n";
        assert_eq!(Gateway::parse(unfinished).expect_err("twice").to_string(), "line 4: duplicate key");
        let emptied = FIXTURE.replace("[operators.", "[products.");
        assert!(Gateway::parse(&emptied).is_err());
    }
}
