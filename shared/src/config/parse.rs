//! From the file's tables to the configuration, and what must hold between its parts.

use core::str::FromStr;

use super::endpoint::EndpointUrl;
use super::read::Reader;
use super::{
    Address, Agreement, Application, Approval, Captcha, CaptchaService, ConfigFault, Endpoint, Gateway, Level, Limits,
    MAX_CARD_MINUTES, MAX_INVOICE_DAYS, MIN_CARD_MINUTES, MailProvider, Messages, OidcClient, OidcRoles, Operator,
    OperatorRole, Partner, PaymentProvider, Payments, PhoneMessages, PhoneProvider, Product, ProductKind, PublicForm,
    PublishedText, Quotas, Registration, Service, TermsVersion,
};
use crate::event::EventKind;
use crate::launch::RESERVED_IDS;
use crate::values::{ApplicationId, OperatorId, ParseError, PartnerId, ProductId, Timestamp};
use crate::webhook::Dialect;

pub(super) fn gateway(text: &str) -> Result<Gateway, ConfigFault> {
    let mut file = Reader::file(text)?;
    let service = service(file.table("service")?)?;
    let messages = messages(file.table("messages")?, &service)?;
    let public_form = public_form(file.optional_table("public_form")?)?;
    let limits = file.optional_table("limits")?.map(limits).transpose()?.unwrap_or_default();
    let payments = file.optional_table("payments")?.map(payments).transpose()?;
    let partners = each(&mut file, "partners", |id, reader| partner(id, reader, payments.is_some()))?;
    let kinds = if messages.phone.is_some() { &KINDS[..] } else { &KINDS[..2] };
    let products = each(&mut file, "products", |id, reader| product(id, reader, &partners, kinds))?;
    let applications = each(&mut file, "applications", |id, reader| application(id, reader, &partners, &products))?;
    let operators = each(&mut file, "operators", operator)?;
    let gateway =
        Gateway { service, messages, public_form, limits, payments, partners, applications, products, operators };
    each_variable_once(&gateway, &file)?;
    no_reserved_id(&gateway, &file)?;
    file.finish()?;
    Ok(gateway)
}

fn each<'i, I: FromStr<Err = ParseError>, T>(
    file: &mut Reader<'i>,
    name: &str,
    build: impl Fn(I, Reader<'i>) -> Result<T, ConfigFault>,
) -> Result<Vec<T>, ConfigFault> {
    let mut parts = Vec::new();
    for (name, reader) in file.named_tables(name)? {
        parts.push(build(reader.id(&name)?, reader)?);
    }
    Ok(parts)
}

fn service(mut reader: Reader<'_>) -> Result<Service, ConfigFault> {
    let security_questions =
        if reader.has("security_questions") { Some(reader.texts("security_questions", &(5..=50))?) } else { None };
    let min = if reader.has("password_min_code_points") {
        reader.number("password_min_code_points", &(15..=64))?
    } else {
        15
    };
    let service = Service {
        name: reader.name("name")?,
        support_email: reader.required("support_email")?,
        security_questions,
        password_min_code_points: usize::try_from(min).unwrap_or(15),
        client_address_header: reader.optional::<HeaderName>("client_address_header")?.map(String::from),
    };
    reader.finish()?;
    Ok(service)
}

fn messages(mut reader: Reader<'_>, service: &Service) -> Result<Messages, ConfigFault> {
    let providers =
        [("json", MailProvider::Json), ("postmark", MailProvider::Postmark), ("resend", MailProvider::Resend)];
    let messages = Messages {
        provider: reader.choice("provider", &providers)?,
        from: reader.required("from")?,
        reply_to: reader.optional("reply_to")?.unwrap_or_else(|| service.support_email.clone()),
        phone: reader.optional_table("phone")?.map(phone_messages).transpose()?,
    };
    reader.finish()?;
    Ok(messages)
}

fn phone_messages(mut reader: Reader<'_>) -> Result<PhoneMessages, ConfigFault> {
    let providers = [("json", PhoneProvider::Json), ("twilio", PhoneProvider::Twilio)];
    let messages = PhoneMessages { provider: reader.choice("provider", &providers)?, from: reader.required("from")? };
    reader.finish()?;
    Ok(messages)
}

fn payments(mut reader: Reader<'_>) -> Result<Payments, ConfigFault> {
    let providers = [("json", PaymentProvider::Json), ("stripe", PaymentProvider::Stripe)];
    let payments = Payments {
        provider: reader.choice("provider", &providers)?,
        page_origin: reader.required::<Origin>("page_origin")?.into(),
        secret_variables: texts(reader.list::<Variable>("secret_variables", &(1..=2))?),
    };
    reader.finish()?;
    Ok(payments)
}

/// What can be registered for a product; the last only where `[messages.phone]` says how codes reach phones.
const KINDS: [(&str, ProductKind); 3] = [
    ("authenticator-app", ProductKind::AuthenticatorApp),
    ("hardware-token", ProductKind::HardwareToken),
    ("phone", ProductKind::Phone),
];

/// How far browsers look for the number of a proof of work unless something else is configured: a second or two.
const DEFAULT_MAX_NUMBER: u32 = 50_000;

fn public_form(reader: Option<Reader<'_>>) -> Result<PublicForm, ConfigFault> {
    let Some(mut reader) = reader else {
        let captcha = Captcha::ProofOfWork { max_number: DEFAULT_MAX_NUMBER };
        return Ok(PublicForm { captcha, public_mail_domains: Vec::new() });
    };
    let service = reader.optional_choice(
        "captcha",
        &[
            ("proof-of-work", None),
            ("turnstile", Some(CaptchaService::Turnstile)),
            ("hcaptcha", Some(CaptchaService::HCaptcha)),
            ("recaptcha", Some(CaptchaService::ReCaptcha)),
        ],
    )?;
    let captcha = match service.flatten() {
        Some(service) => Captcha::Provider {
            service,
            site_key: reader.name("captcha_site_key")?,
            secret_variable: reader.required::<Variable>("captcha_secret_variable")?.into(),
            verify_url: reader
                .optional::<Uri>("captcha_verify_url")?
                .map_or_else(|| service.verify_url().to_owned(), Into::into),
        },
        None => Captcha::ProofOfWork { max_number: max_number(&mut reader)? },
    };
    let public_mail_domains = texts(reader.list::<Domain>("public_mail_domains", &(0..=200))?);
    reader.finish()?;
    Ok(PublicForm { captcha, public_mail_domains })
}

fn max_number(reader: &mut Reader<'_>) -> Result<u32, ConfigFault> {
    if !reader.has("captcha_max_number") {
        return Ok(DEFAULT_MAX_NUMBER);
    }
    let number = reader.number("captcha_max_number", &(1_000..=10_000_000))?;
    Ok(u32::try_from(number).unwrap_or(DEFAULT_MAX_NUMBER))
}

/// What is left out has its default.
fn limits(mut reader: Reader<'_>) -> Result<Limits, ConfigFault> {
    let default = Limits::default();
    let limits = Limits {
        links_per_hour: optional_quota(&mut reader, "links_per_hour", default.links_per_hour)?,
        searches_per_hour: optional_quota(&mut reader, "searches_per_hour", default.searches_per_hour)?,
        codes_per_hour: optional_quota(&mut reader, "codes_per_hour", default.codes_per_hour)?,
    };
    reader.finish()?;
    Ok(limits)
}

fn optional_quota(reader: &mut Reader<'_>, name: &str, default: u32) -> Result<u32, ConfigFault> {
    if !reader.has(name) {
        return Ok(default);
    }
    reader.number(name, &(1..=60_000)).map(|number| u32::try_from(number).unwrap_or(default))
}

fn partner(id: PartnerId, mut reader: Reader<'_>, cards_are_taken: bool) -> Result<Partner, ConfigFault> {
    let partner = Partner {
        id,
        name: reader.name("name")?,
        billing_address: reader.optional_table("billing_address")?.map(address).transpose()?,
        api_key_digest_variables: texts(reader.list::<Variable>("api_key_digest_variables", &(1..=2))?),
        webhook_secret_variables: texts(reader.list::<Variable>("webhook_secret_variables", &(0..=2))?),
        invoice_days: invoice_days(&mut reader)?,
        card_minutes: card_minutes(&mut reader, cards_are_taken)?,
        webhook_dialect: reader.optional_choice("webhook_dialect", &Dialect::NAMES)?.unwrap_or_default(),
        quotas: reader.optional_table("quotas")?.map(quotas).transpose()?.unwrap_or_default(),
        endpoint: reader.optional_table("endpoint")?.map(endpoint).transpose()?,
    };
    reader.finish()?;
    Ok(partner)
}

fn invoice_days(reader: &mut Reader<'_>) -> Result<Option<u16>, ConfigFault> {
    if !reader.has("invoice_days") {
        return Ok(None);
    }
    Ok(u16::try_from(reader.number("invoice_days", &(1..=u64::from(MAX_INVOICE_DAYS)))?).ok())
}

fn card_minutes(reader: &mut Reader<'_>, cards_are_taken: bool) -> Result<Option<u16>, ConfigFault> {
    if !reader.has("card_minutes") {
        return Ok(None);
    }
    if !cards_are_taken {
        return Err(reader.fault("card_minutes", "needs the table [payments], which says who takes cards"));
    }
    let range = u64::from(MIN_CARD_MINUTES)..=u64::from(MAX_CARD_MINUTES);
    Ok(u16::try_from(reader.number("card_minutes", &range)?).ok())
}

fn endpoint(mut reader: Reader<'_>) -> Result<Endpoint, ConfigFault> {
    let endpoint = Endpoint {
        url: reader.required::<EndpointUrl>("url")?.into(),
        secret_variables: texts(reader.list::<Variable>("secret_variables", &(1..=2))?),
        events: reader.choices("events", &EventKind::NAMES)?,
    };
    reader.finish()?;
    Ok(endpoint)
}

/// What is left out has its default.
fn quotas(mut reader: Reader<'_>) -> Result<Quotas, ConfigFault> {
    let default = Quotas::default();
    let quotas = Quotas {
        reads_per_minute: optional_quota(&mut reader, "reads_per_minute", default.reads_per_minute)?,
        changes_per_minute: optional_quota(&mut reader, "changes_per_minute", default.changes_per_minute)?,
        bulk_per_minute: optional_quota(&mut reader, "bulk_per_minute", default.bulk_per_minute)?,
    };
    reader.finish()?;
    Ok(quotas)
}

fn address(mut reader: Reader<'_>) -> Result<Address, ConfigFault> {
    let address = Address {
        street: reader.line("street")?,
        city: reader.line("city")?,
        region: reader.optional_line("region")?,
        postal_code: reader.optional_line("postal_code")?,
        country: reader.required("country")?,
        telephone: reader.optional("telephone")?,
        organisation: reader.optional_line("organisation")?,
    };
    reader.finish()?;
    Ok(address)
}

fn product(
    id: ProductId,
    mut reader: Reader<'_>,
    partners: &[Partner],
    kinds: &[(&str, ProductKind)],
) -> Result<Product, ConfigFault> {
    let product = Product {
        id,
        partner: known_partner(&mut reader, partners)?,
        name: reader.name("name")?,
        description: reader.name("description")?,
        price: reader.required("price")?,
        term_days: reader.number("term_days", &(1..=1830))?,
        level: level(&mut reader, "level")?,
        service_agreement: agreement(reader.table("service_agreement")?)?,
        kind: reader.choice("kind", kinds)?,
    };
    reader.finish()?;
    Ok(product)
}

fn agreement(mut reader: Reader<'_>) -> Result<Agreement, ConfigFault> {
    let agreement = Agreement { version: reader.line("version")?, text: PublishedText::new(reader.text("text")?) };
    reader.finish()?;
    Ok(agreement)
}

fn application(
    id: ApplicationId,
    mut reader: Reader<'_>,
    partners: &[Partner],
    products: &[Product],
) -> Result<Application, ConfigFault> {
    let approval = reader.optional_choice(
        "approval",
        &[("manual", Approval::Manual), ("automatic-for-invited", Approval::AutomaticForInvited)],
    )?;
    let least_level = level(&mut reader, "least_level")?;
    let application = Application {
        id,
        partner: known_partner(&mut reader, partners)?,
        name: reader.name("name")?,
        description: reader.name("description")?,
        registration: reader
            .choice("registration", &[("invitation", Registration::Invitation), ("public", Registration::Public)])?,
        approval: approval.unwrap_or(Approval::Manual),
        terms: terms(&mut reader)?,
        launch_terms: reader.optional_text("launch_terms")?.map(PublishedText::new),
        accepted_products: accepted_products(&mut reader, least_level, products)?,
        least_level,
        otp_max_age_seconds: reader.number("otp_max_age_seconds", &(0..=43_200))?,
        oidc: oidc(reader.table("oidc")?)?,
    };
    reader.finish()?;
    Ok(application)
}

/// At least one version, each later than the one before and with a name of its own.
fn terms(reader: &mut Reader<'_>) -> Result<Vec<TermsVersion>, ConfigFault> {
    let mut versions: Vec<TermsVersion> = Vec::new();
    for mut table in reader.tables("terms")? {
        let terms = TermsVersion {
            version: table.line("version")?,
            text: PublishedText::new(table.text("text")?),
            effective: table.required::<Timestamp>("effective")?,
            grace_days: table.number("grace_days", &(0..=365))?,
        };
        if versions.iter().any(|earlier| earlier.version == terms.version) {
            return Err(table.fault("version", "repeats the name of an earlier version"));
        }
        if versions.last().is_some_and(|earlier| earlier.effective >= terms.effective) {
            return Err(table.fault("effective", "must be later than that of the version before"));
        }
        table.finish()?;
        versions.push(terms);
    }
    if versions.is_empty() {
        return Err(reader.fault("terms", "must have at least one version"));
    }
    Ok(versions)
}

/// Only products that exist and reach the level; without a list at least one product must reach it.
fn accepted_products(
    reader: &mut Reader<'_>,
    least_level: Level,
    products: &[Product],
) -> Result<Vec<ProductId>, ConfigFault> {
    let accepted: Vec<ProductId> = reader.list("accepted_products", &(0..=50))?;
    for (place, id) in accepted.iter().enumerate() {
        let fault = |reason: &str| reader.fault(&format!("accepted_products[{place}]"), reason);
        let product = products.iter().find(|product| product.id == *id);
        let product = product.ok_or_else(|| fault(&format!("there is no product \"{id}\"")))?;
        if product.level < least_level {
            return Err(fault(&format!("product \"{id}\" does not reach the application's least_level")));
        }
    }
    if products.iter().all(|product| product.level < least_level) {
        return Err(reader.fault("least_level", "no product reaches this level"));
    }
    Ok(accepted)
}

fn oidc(mut reader: Reader<'_>) -> Result<OidcClient, ConfigFault> {
    let client = OidcClient {
        client_secret_digest_variable: reader
            .optional::<Variable>("client_secret_digest_variable")?
            .map(|Variable(name)| name),
        redirect_uris: texts(reader.list::<Uri>("redirect_uris", &(1..=10))?),
        post_logout_redirect_uris: texts(reader.list::<Uri>("post_logout_redirect_uris", &(0..=10))?),
        initiate_login_uri: reader.required::<Uri>("initiate_login_uri")?.into(),
        target_link_uri: reader.optional::<Uri>("target_link_uri")?.map(Into::into),
        roles: roles(reader.table("roles")?)?,
    };
    reader.finish()?;
    Ok(client)
}

fn roles(mut reader: Reader<'_>) -> Result<OidcRoles, ConfigFault> {
    let roles = OidcRoles {
        organisation_administrator: reader.name("organisation_administrator")?,
        application_administrator: reader.name("application_administrator")?,
        user: reader.name("user")?,
    };
    reader.finish()?;
    Ok(roles)
}

fn operator(id: OperatorId, mut reader: Reader<'_>) -> Result<Operator, ConfigFault> {
    let roles = [
        ("registrar", OperatorRole::Registrar),
        ("fulfilment", OperatorRole::Fulfilment),
        ("auditor", OperatorRole::Auditor),
    ];
    let operator = Operator {
        id,
        name: reader.name("name")?,
        roles: reader.choices("roles", &roles)?,
        email: reader.optional("email")?,
        password_digest_variable: reader.optional::<Variable>("password_digest_variable")?.map(String::from),
    };
    reader.finish()?;
    Ok(operator)
}

fn known_partner(reader: &mut Reader<'_>, partners: &[Partner]) -> Result<PartnerId, ConfigFault> {
    let id: PartnerId = reader.required("partner")?;
    if partners.iter().any(|partner| partner.id == id) {
        return Ok(id);
    }
    Err(reader.fault("partner", format!("there is no partner \"{id}\"")))
}

fn level(reader: &mut Reader<'_>, name: &str) -> Result<Level, ConfigFault> {
    let number = reader.number(name, &(1..=3))?;
    u8::try_from(number)
        .ok()
        .and_then(|number| Level::try_from(number).ok())
        .ok_or_else(|| reader.fault(name, "must be 1, 2 or 3"))
}

/// An application lives at `/launch/` and its id; some addresses there are the service's own.
fn no_reserved_id(gateway: &Gateway, file: &Reader) -> Result<(), ConfigFault> {
    let ids = gateway.applications.iter().map(|application| &application.id);
    match ids.into_iter().find(|id| RESERVED_IDS.contains(&id.as_str())) {
        Some(id) => Err(file
            .fault(&format!("applications.{id}"), "this id is an address of the service itself; choose another one")),
        None => Ok(()),
    }
}

/// A secret belongs to one holder: a variable named twice would let one partner's key open another's door.
fn each_variable_once(gateway: &Gateway, file: &Reader<'_>) -> Result<(), ConfigFault> {
    let partners = gateway.partners.iter().flat_map(|partner| {
        let keys = partner.api_key_digest_variables.iter();
        let named = |kind: &'static str| move |name| (format!("partners.{}.{kind}", partner.id), name);
        let secrets = partner.webhook_secret_variables.iter().map(named("webhook_secret_variables"));
        let endpoint = partner.endpoint.iter().flat_map(|endpoint| &endpoint.secret_variables);
        keys.map(named("api_key_digest_variables"))
            .chain(secrets)
            .chain(endpoint.map(named("endpoint.secret_variables")))
    });
    let clients = gateway.applications.iter().filter_map(|application| {
        let name = application.oidc.client_secret_digest_variable.as_ref()?;
        Some((format!("applications.{}.oidc.client_secret_digest_variable", application.id), name))
    });
    let operators = gateway.operators.iter().filter_map(|operator| {
        let name = operator.password_digest_variable.as_ref()?;
        Some((format!("operators.{}.password_digest_variable", operator.id), name))
    });
    let mut seen: Vec<&str> = Vec::new();
    let captcha = match &gateway.public_form.captcha {
        Captcha::Provider { secret_variable, .. } => {
            Some(("public_form.captcha_secret_variable".to_owned(), secret_variable))
        }
        Captcha::ProofOfWork { .. } => None,
    };
    let payments = gateway.payments.iter().flat_map(|payments| &payments.secret_variables);
    let payments = payments.map(|name| ("payments.secret_variables".to_owned(), name));
    for (key, name) in partners.chain(clients).chain(operators).chain(captcha).chain(payments) {
        if seen.contains(&name.as_str()) {
            return Err(file.fault(&key, format!("variable \"{name}\" is named elsewhere already")));
        }
        seen.push(name);
    }
    Ok(())
}

/// The name of a Spin variable.
struct Variable(String);

impl FromStr for Variable {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let shaped = text.len() <= 64
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if shaped {
            return Ok(Self(text.to_owned()));
        }
        Err(ParseError::new(
            "variable-invalid",
            "must name a variable: 1 to 64 lower-case letters, digits and underscores, beginning with a letter",
        ))
    }
}

impl From<Variable> for String {
    fn from(Variable(name): Variable) -> Self {
        name
    }
}

/// The name of a header, in lower case.
struct HeaderName(String);

impl FromStr for HeaderName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let shaped = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if shaped {
            return Ok(Self(text.to_owned()));
        }
        Err(ParseError::new("header-invalid", "must be the name of a header in lower case, like x-forwarded-for"))
    }
}

impl From<HeaderName> for String {
    fn from(HeaderName(name): HeaderName) -> Self {
        name
    }
}

/// A domain in lower case, as e-mail addresses are compared.
struct Domain(String);

impl FromStr for Domain {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let shaped = text.len() <= 253
            && text.contains('.')
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte));
        if shaped {
            return Ok(Self(text.to_owned()));
        }
        Err(ParseError::new("domain-invalid", "must be a domain in lower case, like mail.example"))
    }
}

impl From<Domain> for String {
    fn from(Domain(name): Domain) -> Self {
        name
    }
}

/// An absolute URI that a browser may be sent to: `https`, or `http` to this machine for development.
struct Uri(String);

impl FromStr for Uri {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let authority = |rest: &str| rest.split(['/', '?']).next().unwrap_or_default().to_owned();
        let local = |rest: &str| {
            let authority = authority(rest);
            let host = authority.split(':').next().unwrap_or_default();
            matches!(host, "127.0.0.1" | "localhost")
        };
        let allowed = match text.split_once("://") {
            Some(("https", rest)) => !authority(rest).is_empty() && !authority(rest).contains('@'),
            Some(("http", rest)) => local(rest) && !authority(rest).contains('@'),
            _ => false,
        };
        let plain = text.len() <= 500
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\' | b'"' | b'<' | b'>' | b'*'));
        if allowed && plain {
            return Ok(Self(text.to_owned()));
        }
        Err(ParseError::new(
            "uri-invalid",
            "must be an https URI without user name, fragment or wildcard (http only for 127.0.0.1 and localhost)",
        ))
    }
}

impl From<Uri> for String {
    fn from(Uri(text): Uri) -> Self {
        text
    }
}

/// Scheme and authority of a [`Uri`].
struct Origin(String);

impl FromStr for Origin {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let Uri(text) = text.parse()?;
        if text.matches('/').count() == 2 && !text.contains('?') {
            return Ok(Self(text));
        }
        Err(ParseError::new("origin-invalid", "must be scheme and authority alone, like https://checkout.stripe.com"))
    }
}

impl From<Origin> for String {
    fn from(Origin(text): Origin) -> Self {
        text
    }
}

fn texts<T: Into<String>>(values: Vec<T>) -> Vec<String> {
    values.into_iter().map(Into::into).collect()
}
