//! Samples of this component's pages.

use edge::{
    Edge, Failure, Platform, Request,
    factors::{Factor, PhoneToCall},
    form::{FormFaults, LocalPath},
    gallery::{Album, Visitor},
    reply::Scripts,
};
use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use shared::{
    account::{Account, Needed, Raised, Recovery, SECURITY_QUESTIONS, Session, Stage},
    config::Product,
    credential::{self, Credential, grant},
    lockout::Failures,
    organisation::{Organisation, Profile, RawProfile},
    password::{PasswordHash, SecurityAnswer},
    refusal::{Faults, Refusal},
    values::{AccountId, CredentialId, LicenceId, OrganisationId, PersonName, UserId},
};

use super::{
    SignInPage,
    account::{AccountPage, RawPasswordChange},
    organisation::{Choice, OrganisationPage, RawOrganisation},
    reset::{ChoosePage, RawChoice, RawReset, ResetPage, SentPage},
};

const TOKEN: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const KESTREL: &str = "Kestrel Precision Castings Ltd";

/// Every page, in every state that looks different.
pub fn samples<P: Platform>(album: &mut Album<'_, P>) {
    sign_in(album);
    reset(album);
    if let Some(account) = account(album.edge()) {
        choose_with_codes(album, &account);
        choose_with_answers(album, &account);
        own_account(album, &account);
    }
    organisation(album);
}

fn sign_in<P: Platform>(album: &mut Album<'_, P>) {
    let page = |faults, user| SignInPage::new(faults, user, LocalPath::or(None, "/dashboard"));
    let mut missing = Faults::default();
    missing.add("user", "missing", "Enter your e-mail or User ID.");
    missing.add("password", "missing", "Enter your password.");
    album
        .visit(Visitor::Stranger, "/sign-in")
        .page("blank", StatusCode::OK, &page(FormFaults::none(), ""))
        .refused("missing", missing.refuse(), "user", |faults| page(faults, ""))
        .refused("wrong", Refusal::SignInFailed, "user", |faults| page(faults, "ada@kestrel.example"));
}

fn reset<P: Platform>(album: &mut Album<'_, P>) {
    album.visit(Visitor::Stranger, "/sign-in/reset").page(
        "blank",
        StatusCode::OK,
        &ResetPage::new(FormFaults::none(), ""),
    );
    if let Some(Err(missing)) = sent::<RawReset>("user=").map(|raw| raw.parse()) {
        album.refused("missing", missing, "user", |faults| ResetPage::new(faults, ""));
    }
    album.visit(Visitor::Stranger, "/sign-in/reset/sent").page("asked", StatusCode::OK, &SentPage::new());
}

fn choose_with_codes<P: Platform>(album: &mut Album<'_, P>, account: &Account) {
    let edge = album.edge();
    let all: Vec<&Credential> = account.credentials.iter().collect();
    let one = Needed::Code(all.iter().copied().take(1).collect());
    let several = Needed::Code(all);
    let Ok(token) = TOKEN.parse() else { return };
    let page = |needed, faults| ChoosePage::of(edge, account, needed, &token, faults);
    let called = |sent_to: Option<&str>| {
        let phone = PhoneToCall { phone: 1, ending: "0123".to_owned(), channel: "sms", way: "Text message to" };
        let id = CredentialId::from_bytes([1; 16]).to_string();
        let name = "Phone Codes for Cobalt (1 year)".to_owned();
        let factor = Factor { id, name, phones: vec![phone], sent_to: sent_to.map(str::to_owned) };
        let mut page = page(&one, FormFaults::none());
        page.credentials = [factor].into_iter().collect();
        page
    };
    album
        .visit(Visitor::Stranger, "/sign-in/reset/choose")
        .running(Scripts::Ours)
        .page("one-credential", StatusCode::OK, &page(&one, FormFaults::none()))
        .page("several-credentials", StatusCode::OK, &page(&several, FormFaults::none()))
        .page("phone", StatusCode::OK, &called(None))
        .page("code-sent", StatusCode::OK, &called(Some("0123")))
        .refused("wrong-code", Refusal::CodeNotAccepted { tries_left: 4 }, "code", |faults| page(&one, faults))
        .refused("locked", Refusal::CredentialLocked, "code", |faults| page(&one, faults));
    let nothing = "token=t&credential=&code=&password=&password_repeated=";
    if let Some(refusal) = refused_choice(edge, account, &several, nothing) {
        album.refused("no-code", refusal, "code", |faults| page(&several, faults));
    }
}

fn choose_with_answers<P: Platform>(album: &mut Album<'_, P>, account: &Account) {
    let edge = album.edge();
    let Stage::Active { answers, .. } = &account.stage else { return };
    let needed = Needed::Answers(answers);
    let Ok(token) = TOKEN.parse() else { return };
    let page = |faults| ChoosePage::of(edge, account, &needed, &token, faults);
    album
        .visit(Visitor::Stranger, "/sign-in/reset/choose")
        .running(Scripts::Ours)
        .page("questions", StatusCode::OK, &page(FormFaults::none()))
        .refused("wrong-answers", Refusal::AnswersNotAccepted { tries_left: 4 }, "answer_1", page);
    let nothing = "token=t&password=a+sentence+of+twenty+one&password_repeated=another+one";
    if let Some(refusal) = refused_choice(edge, account, &needed, nothing) {
        album.refused("no-answers", refusal, "answer_1", page);
    }
}

fn refused_choice<P: Platform>(edge: &Edge<P>, account: &Account, needed: &Needed<'_>, form: &str) -> Option<Refusal> {
    refusal_of(sent::<RawChoice>(form)?.parse(edge, account, needed, KESTREL))
}

fn own_account<P: Platform>(album: &mut Album<'_, P>, account: &Account) {
    let edge = album.edge();
    let Some(this) = account.sessions.last() else { return };
    let page = |account: &Account, faults| AccountPage::of(edge, account, this, faults);
    let one_session = Account { sessions: vec![this.clone()], ..account.clone() };
    album
        .visit(Visitor::Person, "/sign-in/account")
        .running(Scripts::Ours)
        .page("one-session", StatusCode::OK, &page(&one_session, FormFaults::none()))
        .visit(Visitor::PersonOfSeveral, "/sign-in/account")
        .running(Scripts::Ours)
        .page("several-sessions", StatusCode::OK, &page(account, FormFaults::none()));
    let short = sent::<RawPasswordChange>("present_password=&password=short&password_repeated=short");
    if let Some(refusal) = short.and_then(|raw| refusal_of(raw.parse(edge, account, KESTREL))) {
        album.refused("faults", refusal, "password", |faults| page(account, faults));
    }
}

fn organisation<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    let page = |chosen, faults| {
        let choice = |(n, one): (u8, Organisation)| Choice::of(&one, chosen == Some(n));
        let choices = (1..).zip(organisations(edge)).map(choice).collect();
        OrganisationPage::new(choices, LocalPath::or(None, "/dashboard"), faults)
    };
    album.visit(Visitor::Person, "/sign-in/organisation").page(
        "to-choose",
        StatusCode::OK,
        &page(None, FormFaults::none()),
    );
    if let Some(Err(missing)) = sent::<RawOrganisation>("continue=%2Fdashboard").map(|raw| raw.parse()) {
        album.refused("missing", missing, "organisation", |faults| page(None, faults));
    }
    album.visit(Visitor::PersonOfSeveral, "/sign-in/organisation").page(
        "chosen",
        StatusCode::OK,
        &page(Some(1), FormFaults::none()),
    );
}

fn organisations<P: Platform>(edge: &Edge<P>) -> impl Iterator<Item = Organisation> {
    let names = [KESTREL, "Münchner Feinmechanik und Getriebebau Aktiengesellschaft", "Heron Tools"];
    (1..).zip(names).filter_map(|(n, name)| {
        let raw = RawProfile {
            legal_name: name.to_owned(),
            street: "14 Foundry Lane".to_owned(),
            city: "Sheffield".to_owned(),
            postal_code: "S3 8GZ".to_owned(),
            country: "GB".to_owned(),
            ..RawProfile::default()
        };
        Some(Organisation {
            id: OrganisationId::from_bytes([n; 16]),
            profile: Profile::parse(&raw, "", &mut Faults::default())?,
            subscriptions: [].into(),
            founded_at: edge.now,
            founders: Vec::new(),
            join_requests: Vec::new(),
            offers: Vec::new(),
        })
    })
}

/// Somebody with two credentials, security answers and two sessions.
fn account<P: Platform>(edge: &Edge<P>) -> Option<Account> {
    let name = PersonName { given: "Ada".parse().ok()?, family: "Byron".parse().ok()? };
    let questions = edge.gateway.service.security_questions.iter().flatten().take(SECURITY_QUESTIONS);
    let answer = SecurityAnswer::parse("Sheffield").ok()?.hash(&edge.keys.pepper(), &mut edge.rng());
    let credentials: Vec<Credential> =
        (1..).zip(&edge.gateway.products).map(|(n, one)| credential(edge, n, one)).collect();
    Some(Account {
        id: AccountId::from_bytes([1; 16]),
        user_id: UserId::candidate(&name, 417),
        name,
        email: "ada@kestrel.example".parse().ok()?,
        stage: Stage::Active {
            password: PasswordHash::decoy(),
            answers: questions.map(|question| (question.clone(), answer.clone())).collect(),
            failures: Failures::default(),
            recovery: Recovery::default(),
            activated_with: edge.fresh_secret().digest(),
            activated_at: edge.now,
        },
        memberships: Vec::new(),
        sessions: vec![session(edge, None), session(edge, credentials.first())],
        credentials,
        purchases: Vec::new(),
    })
}

fn credential<P: Platform>(edge: &Edge<P>, n: u8, product: &Product) -> Credential {
    let (id, licence) = (CredentialId::from_bytes([n; 16]), LicenceId::from_bytes([n; 16]));
    Credential::granted(grant(id, licence, product, String::new(), edge.now))
}

fn session<P: Platform>(edge: &Edge<P>, raised_by: Option<&Credential>) -> Session {
    let raised = raised_by.map(|one| Raised {
        at: edge.now,
        credential: one.grant.id,
        level: one.grant.level,
        factor: credential::Factor::App,
    });
    Session { digest: edge.fresh_secret().digest(), created_at: edge.now, acts_for: None, raised }
}

/// What a browser sent, as a handler reads it.
fn sent<T: DeserializeOwned>(form: &str) -> Option<T> {
    let headers = [("content-type", "application/x-www-form-urlencoded")].into_iter().collect();
    Request::new(Method::POST, "/sign-in", headers, form.into()).decode().ok()
}

fn refusal_of<T>(parsed: Result<T, Failure>) -> Option<Refusal> {
    match parsed {
        Err(Failure::Refused(refusal)) => Some(refusal),
        Ok(_) | Err(_) => None,
    }
}
