//! What the tests of the rules are built from: the deployment's own configuration, fixed keys, and people, an
//! organisation and credentials in a known state that a test changes where it matters.

use core::{fmt::Debug, str::FromStr};

use crate::{
    account::{Account, ActsFor, Membership, Recovery, Session, SignedIn, Stage},
    config::{Application, Gateway, Product},
    credential::{Authenticator, Credential, Opened, seal_seed},
    decision::Counted,
    effect::Effect,
    lockout::Failures,
    message::{Body, Message},
    operator::{Attempt, OnDuty, Operator},
    organisation::{Acceptance, Organisation, Profile, RawProfile, Subscription},
    password::{Blocklist, PasswordHash},
    refusal::{FieldFault, Refusal},
    secret::{Keys, PlainToken, Secret, SessionSecret, TokenPurpose},
    totp::{Clockwork, Parameters, Seed, hotp},
    values::{AccountId, CredentialId, LicenceId, OrganisationId, OtpCode, PersonName, Seconds, Timestamp},
};

pub(crate) use crate::secret::testing::Seeded;

/// The moment at which every test begins: long after the terms of the configuration took effect.
pub(crate) const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
/// The second before: when a launch began whose code was accepted [`NOW`].
pub(crate) const BEFORE: Timestamp = Timestamp::from_unix(1_799_999_999);

/// The organisation that [`organisation`] builds and [`account`] belongs to.
pub(crate) const ORGANISATION: OrganisationId = OrganisationId::from_bytes([10; 16]);

/// The session that [`account`] has open.
pub(crate) static SESSION: SessionSecret = SessionSecret::from_bytes([11; 16]);

/// So many seconds after [`NOW`].
pub(crate) fn after(seconds: u64) -> Timestamp {
    NOW.plus(Seconds(seconds))
}

/// A value from its text.
pub(crate) fn read<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().expect("a value in its valid form")
}

/// The deployment's configuration.
pub(crate) fn gateway() -> Gateway {
    Gateway::parse(include_str!("../../gateway.toml")).expect("the deployment's file is valid")
}

/// The same, with a hardware product.
pub(crate) fn gateway_with_hardware() -> Gateway {
    let text = concat!(include_str!("../../gateway.toml"), include_str!("../../tests/hardware-token.toml"));
    Gateway::parse(text).expect("a valid file")
}

/// Keys from a fixed root.
pub(crate) fn keys() -> Keys {
    Keys::new(&[7; 32], None).expect("32 bytes are enough")
}

/// A configured application.
pub(crate) fn application<'a>(gateway: &'a Gateway, id: &str) -> &'a Application {
    gateway.application(&read(id)).expect("configured")
}

/// A configured product.
pub(crate) fn product<'a>(gateway: &'a Gateway, id: &str) -> &'a Product {
    gateway.product(&read(id)).expect("configured")
}

/// A blocklist without entries.
pub(crate) fn no_blocklist() -> Blocklist {
    Blocklist::of([]).expect("a filter")
}

/// A person's name.
pub(crate) fn name(given: &str, family: &str) -> PersonName {
    PersonName { given: read(given), family: read(family) }
}

/// An organisation's details as they are submitted.
pub(crate) fn raw_profile() -> RawProfile {
    RawProfile {
        legal_name: "Birch Machining GmbH".to_owned(),
        street: "1 Mill Lane".to_owned(),
        city: "Ulm".to_owned(),
        country: "DE".to_owned(),
        ..RawProfile::default()
    }
}

/// An organisation that was let into every application and accepted their terms.
pub(crate) fn organisation(gateway: &Gateway) -> Organisation {
    let subscription = |application: &Application| {
        let terms = application.current_terms(NOW);
        let acceptance = Acceptance {
            version: terms.version.as_str().to_owned(),
            digest: terms.digest().to_owned(),
            by: read("lovelacea_0001"),
            by_name: "Ada Lovelace".to_owned(),
            at: NOW,
        };
        (application.id.clone(), Subscription { since: NOW, acceptances: vec![acceptance] })
    };
    Organisation {
        id: ORGANISATION,
        profile: Profile::parse(&raw_profile(), "", &mut crate::refusal::Faults::default()).expect("a profile"),
        subscriptions: gateway.applications.iter().map(subscription).collect(),
        founded_at: NOW,
        founders: vec![read("ada@birch.example")],
        join_requests: Vec::new(),
        offers: Vec::new(),
    }
}

/// A place without any role in the organisation, with access to every application.
pub(crate) fn membership() -> Membership {
    Membership {
        organisation: ORGANISATION,
        organisation_administrator: false,
        application_administrator: Vec::new(),
        access: vec![read("supply-platform"), read("business-network")],
    }
}

/// An activated account of [`ORGANISATION`] with one open session and no credential.
pub(crate) fn account() -> Account {
    let id = AccountId::from_bytes([12; 16]);
    Account {
        id,
        name: name("Ada", "Lovelace"),
        email: read("ada@birch.example"),
        user_id: read("lovelacea_0001"),
        stage: Stage::Active {
            password: PasswordHash::decoy(),
            answers: Vec::new(),
            failures: Failures::default(),
            recovery: Recovery::default(),
            activated_with: PlainToken::new(*id.bytes(), &mut Seeded(1)).digest(TokenPurpose::Activation),
            activated_at: NOW,
        },
        memberships: vec![membership()],
        sessions: vec![Session {
            digest: SESSION.digest(),
            created_at: NOW,
            acts_for: Some(ActsFor { organisation: ORGANISATION, name: None }),
            raised: None,
        }],
        credentials: Vec::new(),
        purchases: Vec::new(),
    }
}

/// The person in the open session of [`account`].
pub(crate) fn signed_in(account: &Account) -> SignedIn<'_> {
    SignedIn {
        account,
        session: account.sessions.first().expect("one is open"),
        membership: account.memberships.first().expect("one organisation"),
    }
}

/// The id of the `n`th credential.
pub(crate) fn credential_id(n: u8) -> CredentialId {
    CredentialId::from_bytes([n; 16])
}

/// A credential for the product, granted now, without authenticator.
pub(crate) fn credential(n: u8, product: &Product) -> Credential {
    let licence = LicenceId::from_bytes([n; 16]);
    Credential::granted(crate::credential::grant(
        credential_id(n),
        licence,
        product,
        product.agreement_digest().to_owned(),
        NOW,
    ))
}

/// A credential with an authenticator app whose seed is [`seed`].
pub(crate) fn registered(n: u8, product: &Product) -> Credential {
    let mut credential = credential(n, product);
    let seed = seal_seed(&seed(), account().id, credential_id(n), &keys(), &mut Seeded(3));
    credential.authenticator = Authenticator::App { seed, clockwork: Clockwork::default(), enrolled_at: NOW };
    credential
}

/// The seed of every authenticator app in tests, as a code is judged by it.
pub(crate) fn opened() -> Opened {
    Opened::Seed(Secret::new(seed().expose().to_vec()))
}

/// The seed of every authenticator app in tests.
pub(crate) fn seed() -> Seed {
    Seed::random(&mut Seeded(2))
}

/// What an authenticator app with this seed shows so many steps of 30 seconds before or after the moment.
pub(crate) fn code_of(seed: &[u8], now: Timestamp, steps: i64) -> OtpCode {
    let step = (now.unix().unsigned_abs() / 30).saturating_add_signed(steps);
    read(&format!("{:06}", hotp(seed, step, &Parameters::authenticator_app())))
}

/// What the app of [`seed`] shows at this moment.
pub(crate) fn code(now: Timestamp) -> OtpCode {
    code_of(seed().expose(), now, 0)
}

/// A code that the app of [`seed`] does not show within minutes of the moment.
pub(crate) fn wrong_code(now: Timestamp) -> OtpCode {
    let near: Vec<u32> = (-10..=10).map(|steps| code_of(seed().expose(), now, steps).value()).collect();
    let free = (0..1_000_000).find(|value| !near.contains(value)).expect("a million codes, 21 near");
    read(&format!("{free:06}"))
}

/// An operator of the configuration who has just signed in.
pub(crate) fn on_duty<'a>(gateway: &'a Gateway, id: &str) -> OnDuty<'a> {
    let configured = gateway.operator(&read(id)).expect("configured");
    let (seed, secret) = (seed(), SessionSecret::from_bytes([13; 16]));
    let attempt = Attempt { password_matches: true, seed: seed.expose(), code: &code(NOW) };
    let (operator, outcome) = committed(Operator::new(configured.id.clone()).sign_in(&attempt, &secret, NOW));
    assert_eq!(outcome, Ok(()));
    operator.on_duty(configured, &secret, NOW, NOW).expect("signed in")
}

/// The next state and the outcome of a guess, once it is committed.
pub(crate) fn committed<T, O>(counted: Counted<T, O>) -> (T, O) {
    let (change, outcome) = counted.split();
    (change.map_or_else(|unchanged| unchanged, |decision| decision.next), outcome.reveal_after_commit())
}

/// The messages among the effects.
pub(crate) fn messages(effects: &[Effect]) -> Vec<&Message> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Send(message) => Some(message.as_ref()),
            _ => None,
        })
        .collect()
}

/// What the only message among the effects says.
pub(crate) fn only_body(effects: &[Effect]) -> &Body {
    match messages(effects).as_slice() {
        [only] => &only.body,
        several => panic!("one message, not {}", several.len()),
    }
}

/// The fields and codes of a refused input.
pub(crate) fn faults<T: Debug>(outcome: Result<T, Refusal>) -> Vec<(String, &'static str)> {
    match outcome {
        Err(Refusal::InvalidInput(faults)) => {
            faults.into_iter().map(|FieldFault { field, code, .. }| (field, code)).collect()
        }
        other => panic!("an input to be refused, not {other:?}"),
    }
}

/// The fields of a refused input.
pub(crate) fn faulty_fields<T: Debug>(outcome: Result<T, Refusal>) -> Vec<String> {
    faults(outcome).into_iter().map(|(field, _)| field).collect()
}

/// As the edge decodes, nearly: it does not say what does not fit either.
pub(crate) struct Json(pub(crate) String);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failed {
    Undecodable,
    Refused(Vec<FieldFault>),
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::InvalidInput(faults) => Self::Refused(faults),
            other => panic!("a reading is refused by its fields only: {other:?}"),
        }
    }
}

impl crate::webstore::Decode for Json {
    type Error = Failed;

    fn decode<T: serde::de::DeserializeOwned>(&self) -> Result<T, Failed> {
        serde_json::from_str(&self.0).map_err(|_| Failed::Undecodable)
    }
}
