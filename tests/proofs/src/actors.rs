//! The requests as the real clients send them, and the steps of the journeys made of them.
//!
//! A request is a function of the stage, so that a retry is made anew as its client would: the same key, form and
//! order number, but a code that the authenticator shows now and a signature of this moment.

#![expect(
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    reason = "a step that does not go as it should stops the journey, and documents are made from literals"
)]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use serde_json::{Value, json};
use shared::{
    captcha::Challenge,
    delivery::{Answer, Delivery},
    launch::challenge_of,
    secret::{Entropy, digest256_hex},
    totp::{Parameters, otpauth_uri},
    values::{FormId, Timestamp},
};
use standardwebhooks::Webhook;
use totp_rs::TOTP;

use crate::{
    stage::{
        API_KEY, AUDITOR_PASSWORD, Ask, BOOTSTRAP_SECRET, CLIENT_SECRET, MACHINE_KEY, PUBLIC_URL, REGISTRAR_PASSWORD,
        Serve, Stage, component, keys, webhook_secret,
    },
    state,
};

mod cards;
mod orders;

pub use cards::*;
pub use orders::*;

/// The registrant's e-mail.
pub const ADA: &str = "ada@kestrel.example";
/// The second administrator's e-mail.
pub const BO: &str = "bo@kestrel.example";

/// What Ada chose as her password.
pub const PASSWORD: &str = "seven green kettles sing at dawn";
const CALLBACK: &str = "http://127.0.0.1:3002/supply-platform/callback";
const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more-";
/// How long a code of an authenticator is shown.
const STEP_SECONDS: u64 = 30;

/// A JSON request.
pub fn json(browser: &'static str, method: Method, target: impl Into<String>, body: &Value) -> Ask {
    let headers = vec![("content-type", "application/json".to_owned()), ("accept", "application/json".to_owned())];
    Ask { browser, method, target: target.into(), headers, body: body.to_string().into_bytes() }
}

/// A JSON request with a body.
pub fn post(browser: &'static str, target: impl Into<String>, body: &Value) -> Ask {
    json(browser, Method::POST, target, body)
}

/// A JSON request without a body.
pub fn get(browser: &'static str, target: impl Into<String>) -> Ask {
    let headers = vec![("accept", "application/json".to_owned())];
    Ask { browser, method: Method::GET, target: target.into(), headers, body: Vec::new() }
}

/// A page as a browser opens it.
pub fn page(browser: &'static str, target: impl Into<String>) -> Ask {
    let headers = vec![("accept", "text/html".to_owned())];
    Ask { browser, method: Method::GET, target: target.into(), headers, body: Vec::new() }
}

/// A form as a browser sends it: the page's hidden fields, and what was entered.
pub fn filled_in(browser: &'static str, target: &str, page: &str, hidden: &[&str], entered: &[(&str, &str)]) -> Ask {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    for name in hidden {
        let mark = format!("name=\"{name}\" value=\"");
        let (_, rest) = page.split_once(&mark).expect("the page has the hidden field");
        body.append_pair(name, rest.split('"').next().unwrap_or_default());
    }
    body.extend_pairs(entered);
    let headers = vec![
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("accept", "text/html".to_owned()),
        ("origin", PUBLIC_URL.to_owned()),
        ("sec-fetch-site", "same-origin".to_owned()),
    ];
    let body = body.finish().into_bytes();
    Ask { browser, method: Method::POST, target: target.to_owned(), headers, body }
}

fn form(n: u8) -> String {
    FormId::from_bytes([n; 16]).to_string()
}

fn code(stage: &Stage, otpauth: &str) -> String {
    let authenticator = TOTP::from_url_unchecked(stage.fact(otpauth)).expect("an otpauth URI");
    authenticator.generate(stage.unix_seconds())
}

/// What a client does between two tries unless it has something better to do; also what a person does who needs the next
/// code.
pub fn wait(stage: &mut Stage) {
    stage.wait(STEP_SECONDS);
}

// Invitation

fn invitation(key: &str, email: &str, more: &[(&str, Value)]) -> Ask {
    let mut body = json!({
        "application": "supply-platform",
        "organisation": "Kestrel Machining",
        "given_name": "Ada",
        "family_name": "Kestrel",
        "email": email,
    });
    for (name, value) in more {
        body[*name] = value.clone();
    }
    let mut ask = post("anvil", "/invite", &body);
    ask.headers.push(("authorization", format!("Bearer {API_KEY}")));
    ask.headers.push(("idempotency-key", key.to_owned()));
    ask
}

/// Anvil's system invites Ada by e-mail (INV-2).
pub fn invite(_: &Stage) -> Ask {
    invitation("first", ADA, &[])
}

/// Anvil's system invites somebody by e-mail.
pub fn invite_mailbox(email: &str, key: &str) -> Ask {
    invitation(key, email, &[])
}

/// The same invitee under another key (INV-3).
pub fn invite_again(_: &Stage) -> Ask {
    invitation("second", ADA, &[])
}

/// Another body under the first key (INV-2).
pub fn invite_somebody_else(_: &Stage) -> Ask {
    invitation("first", BO, &[])
}

/// The timer calls the sweep (OPS-3).
pub fn sweep(_: &Stage) -> Ask {
    let headers = vec![("authorization", format!("Bearer {MACHINE_KEY}")), ("accept", "application/json".to_owned())];
    Ask { browser: "timer", method: Method::POST, target: "/operate/sweep".to_owned(), headers, body: Vec::new() }
}

/// Another timer waits until a dead sweep's turn is over.
pub fn turn_over(stage: &mut Stage) {
    stage.wait(90);
}

/// Sweeps until there is nothing to do now.
fn sweep_all(stage: &mut Stage) {
    while stage.send(component, &sweep(stage)).status == 202 {}
}

/// A request dies as soon as this is so.
fn dies_when(stage: &mut Stage, serve: Serve, ask: &Ask, so: impl Fn(&Stage) -> bool) {
    let mut request = stage.under_way(serve, &stage.sent(ask));
    while !so(stage) {
        assert!(request.step().is_none(), "it comes to that before it is done");
    }
    request.crash();
}

/// Anvil's request died before the message was out, and is dead by now.
pub fn invitation_not_mailed(stage: &mut Stage) {
    let slots = |stage: &Stage| stage.deployment().world().keys().iter().any(|key| key.starts_with("inv:"));
    sweep_all(stage);
    let ask = invite(stage);
    dies_when(stage, component, &ask, slots);
    stage.wait(150);
}

/// A request dies as soon as it has committed something that must be followed by more, and is dead by now.
fn dies_after_its_commit(stage: &mut Stage, ask: &Ask) {
    sweep_all(stage);
    let waiting = state::pending(stage);
    dies_when(stage, component, ask, |stage| state::pending(stage) > waiting);
    stage.wait(150);
}

/// Ada's submission died when the invitation was used and the registration not entered (REG-5).
pub fn not_entered(stage: &mut Stage) {
    invited(stage);
    let ask = register_invited(stage);
    dies_after_its_commit(stage, &ask);
}

/// Ada's acceptance for Kestrel died when the invitation was used and the registration not entered (INV-7).
pub fn acceptance_not_entered(stage: &mut Stage) {
    administrator_invited(stage);
    let ask = accept_for_organisation(stage);
    dies_after_its_commit(stage, &ask);
}

/// A webhook's request died when the licences of its order were written and the order was not (SHP-6).
pub fn licences_without_order(stage: &mut Stage) {
    let licences =
        |stage: &Stage| stage.deployment().world().keys().iter().filter(|key| key.starts_with("lic:")).count();
    sweep_all(stage);
    let ask = webhook(stage);
    dies_when(stage, component, &ask, |stage| licences(stage) == 2);
    stage.wait(150);
}

/// The registrar's request died when the sheet of its batch was written and the batch was not (SHP-2).
pub fn codes_without_batch(stage: &mut Stage) {
    on_duty(stage);
    let sheets =
        |stage: &Stage| stage.deployment().world().keys().iter().filter(|key| key.starts_with("promo:")).count();
    sweep_all(stage);
    let ask = order_batch(stage);
    dies_when(stage, component, &ask, |stage| sheets(stage) == 1);
    stage.wait(150);
}

/// A batch's codes have stopped working a month ago.
pub fn batch_over(stage: &mut Stage) {
    with_promo(stage);
    stage.wait(150);
    sweep_all(stage);
    stage.wait((90 + 31) * 86_400 - 7_200);
    sweep_all(stage);
    stage.wait(14_400);
}

/// An invitation's time ran out a month ago.
pub fn slot_over(stage: &mut Stage) {
    invited(stage);
    stage.wait(150);
    sweep_all(stage);
    stage.wait((14 + 31) * 86_400 - 7_200);
    sweep_all(stage);
    stage.wait(14_400);
}

/// What an idempotency key came with is forgotten after a week (INV-2).
pub fn claim_over(stage: &mut Stage) {
    invited(stage);
    stage.wait(150);
    sweep_all(stage);
    stage.wait(7 * 86_400 - 3_600);
    sweep_all(stage);
    stage.wait(7_200);
}

/// A sweep has begun to remove such an invitation.
pub fn slot_condemned(stage: &mut Stage) {
    slot_over(stage);
    sweep_all(stage);
    stage.wait(90);
}

/// How much there is that was prepared and is not named.
pub fn nothing_unnamed(stage: &mut Stage) -> u16 {
    u16::try_from(crate::state::unnamed(stage)).unwrap_or(u16::MAX)
}

/// Whether Anvil can invite again: at once, or when what is being removed is gone.
pub fn invite_works(stage: &mut Stage) -> u16 {
    sweep_all(stage);
    stage.wait(600);
    sweep_all(stage);
    stage.send(component, &invite_again(stage)).status
}

/// Anvil hands the link over itself (INV-2).
pub fn invite_without_mail(_: &Stage) -> Ask {
    invitation("first", ADA, &[("send_email", json!(false))])
}

/// A request of Anvil's system.
pub fn of_partner(target: String, key: &str, content_type: &'static str, body: impl Into<Vec<u8>>) -> Ask {
    let headers = vec![
        ("content-type", content_type.to_owned()),
        ("accept", "application/json".to_owned()),
        ("authorization", format!("Bearer {API_KEY}")),
        ("idempotency-key", key.to_owned()),
    ];
    Ask { browser: "anvil", method: Method::POST, target, headers, body: body.into() }
}

/// Anvil sends the invitation again (INV-3).
pub fn resend(stage: &Stage) -> Ask {
    of_partner(format!("/invite/{}/resend", stage.fact("invitation id")), "again", "application/json", "{}")
}

/// Anvil takes the invitation back (INV-3).
pub fn revoke(stage: &Stage) -> Ask {
    of_partner(format!("/invite/{}/revoke", stage.fact("invitation id")), "-", "application/json", "{}")
}

/// Ada was invited, and Anvil's system wants to be told (MSG-3).
pub fn invited_and_told(stage: &mut Stage) {
    stage.tell_anvil();
    invited_by_id(stage);
}

/// A registration waits for the registrar, and Anvil's system wants to be told (MSG-3).
pub fn waits_for_approval_and_told(stage: &mut Stage) {
    stage.tell_anvil();
    waits_for_approval(stage);
}

/// Anvil's system was told, and has said that it wants no more (MSG-3).
pub fn told_too_much(stage: &mut Stage) {
    invited_and_told(stage);
    stage.anvil_answers(|_| Answer { status: Some(410), retry_after: None });
    let _ = stage.send(component, &revoke(stage)).expect(200);
    stage.anvil_answers(|_| Answer { status: Some(204), retry_after: None });
    find_webhook(stage);
}

/// Anvil's system reads the log of its webhooks.
fn find_webhook(stage: &mut Stage) {
    let webhooks = stage.deployment().world().every::<Delivery>().expect("readable");
    let [only] = webhooks.as_slice() else { panic!("one webhook") };
    stage.learn("webhook id", only.value().webhook_id());
}

/// Anvil's system did not take a webhook, which is to be tried again by now (MSG-3).
pub fn webhook_due(stage: &mut Stage) {
    invited_and_told(stage);
    stage.anvil_answers(|_| Answer { status: Some(500), retry_after: None });
    let _ = stage.send(component, &revoke(stage)).expect(200);
    stage.anvil_answers(|_| Answer { status: Some(204), retry_after: None });
    find_webhook(stage);
    turn_over(stage);
}

/// The same, and its endpoint is enabled again.
pub fn told_too_much_and_enabled(stage: &mut Stage) {
    told_too_much(stage);
    let _ = stage.send(component, &enable_endpoint(stage)).expect(200);
}

/// Anvil has its endpoint sent webhooks again (MSG-3).
pub fn enable_endpoint(_: &Stage) -> Ask {
    of_partner("/webhooks/endpoint/enable".to_owned(), "-", "application/json", "{}")
}

/// Anvil has the webhook sent again (MSG-3).
pub fn replay(stage: &Stage) -> Ask {
    let target = format!("/webhooks/deliveries/{}/replay", stage.fact("webhook id"));
    of_partner(target, "-", "application/json", "{}")
}

/// Anvil invites two people, one of them with a fault, in one request (INV-9).
pub fn invite_many(_: &Stage) -> Ask {
    let line = |email: &str| String::from_utf8(self::invitation("-", email, &[]).body).expect("JSON");
    let lines = [line(ADA), line("nobody"), line(BO)].join("\n");
    of_partner("/invite/bulk".to_owned(), "many", "application/x-ndjson", lines)
}

/// Anvil's requests are counted already: the meter is there, and the list.
pub fn partner_known(stage: &mut Stage) {
    let _ = stage.send(component, &invitation("known", "known@kestrel.example", &[])).expect(201);
}

/// Ada was invited, and Anvil remembers the invitation's id.
pub fn invited_by_id(stage: &mut Stage) {
    let made = stage.send(component, &invite(stage)).expect(201);
    stage.learn("invitation id", made.at("/id"));
    let token = stage.mail(ADA, "Invited").token();
    stage.learn("invitation", token);
}

/// Ada was invited.
pub fn invited(stage: &mut Stage) {
    let _ = stage.send(component, &invite(stage)).expect(201);
    let token = stage.mail(ADA, "Invited").token();
    stage.learn("invitation", token);
}

/// Ada was invited to an application whose policy approves invited organisations at once (APR-1).
pub fn invited_and_approved_at_once(stage: &mut Stage) {
    stage.approve_automatically();
    invited(stage);
}

/// Ada was invited, and the invitation has ended (INV-3).
pub fn invitation_expired(stage: &mut Stage) {
    invited(stage);
    stage.wait(15 * 86_400);
}

/// Opens the newest invitation's link (INV-4).
pub fn open_invitation(stage: &mut Stage) -> u16 {
    let token = stage.mail(ADA, "Invited").token();
    stage.send(component, &get("ada", format!("/invite/accept?token={token}"))).status
}

// Registration

/// Ada registers Kestrel Machining, as a document.
pub fn registration(city: &str, source: &[(&str, Value)]) -> Ask {
    let mut body = json!({
        "given_name": "Ada",
        "family_name": "Kestrel",
        "phone": "+14195550123",
        "organisation": "none",
        "profile": { "legal_name": "Kestrel Machining LLC", "street": "12 Lathe Street", "city": city, "country": "US" },
        "administrators": [{
            "given_name": "Bo",
            "family_name": "Kestrel",
            "email": BO,
            "organisation_administrator": true,
            "application_administrator": false,
        }],
    });
    for (name, value) in source {
        body[*name] = value.clone();
    }
    post("ada", "/register", &body)
}

/// Ada registers by her invitation (REG-1).
pub fn register_invited(stage: &Stage) -> Ask {
    registration("Toledo", &[("token", json!(stage.fact("invitation")))])
}

/// Another submission on the same invitation (REG-5).
pub fn register_from_elsewhere(stage: &Stage) -> Ask {
    registration("Akron", &[("token", json!(stage.fact("invitation")))])
}

// Organisation Administrators

/// Cy's e-mail.
pub const CY: &str = "cy@kestrel.example";

/// Cy asks to be let into Kestrel, which Ada and Bo administer; both are signed in (REG-2).
pub fn somebody_asks(stage: &mut Stage) {
    captcha_solved_and_alike(stage);
    let _ = stage.send(component, &ask_to_join(stage)).expect(201);
    for ask in [activate(stage), activation("bo", stage.fact("activation of bo"), PASSWORD)] {
        let _ = stage.send(component, &ask).expect(200);
    }
    let shown = stage.send(component, &get("ada", "/administer")).expect(200);
    stage.learn("request", shown.at("/requests/0/id"));
}

/// The same, and Cy was invited by Anvil besides (INV-7).
pub fn somebody_invited_asks(stage: &mut Stage) {
    somebody_asks(stage);
    let _ = stage.send(component, &invitation("third", CY, &[])).expect(201);
}

fn answer_request(stage: &Stage, browser: &'static str, decision: &str) -> Ask {
    let target = format!("/administer/requests/{}/decision", stage.fact("request"));
    post(browser, target, &json!({ "decision": decision }))
}

/// Ada lets Cy in.
pub fn let_in(stage: &Stage) -> Ask {
    answer_request(stage, "ada", "let-in")
}

/// Bo does not let Cy in.
pub fn decline(stage: &Stage) -> Ask {
    answer_request(stage, "bo", "decline")
}

/// Opens the link with which Cy activates the account.
pub fn open_activation_of_cy(stage: &mut Stage) -> u16 {
    let token = stage.mail(CY, "Activate").token();
    stage.send(component, &get("cy", format!("/activate?token={token}"))).status
}

fn person(n: u8, how: &str, email: &str) -> Ask {
    let body = json!({
        "form": form(n),
        "how": how,
        "given_name": "Cy",
        "family_name": "Kestrel",
        "email": email,
        "role": "user",
    });
    post("ada", "/administer/people", &body)
}

/// Ada invites Cy into Kestrel (INV-8).
pub fn invite_person(_: &Stage) -> Ask {
    person(7, "invite", CY)
}

/// Ada enters Cy (INV-8).
pub fn enter_person(_: &Stage) -> Ask {
    person(8, "create", CY)
}

/// Ada enters Bo, who has an account (INV-8).
pub fn enter_bo(_: &Stage) -> Ask {
    person(9, "create", BO)
}

/// Opens the newest link into Kestrel.
pub fn open_join(stage: &mut Stage) -> u16 {
    let mails = stage.mails();
    let invited = mails.iter().rev().find(|mail| mail.subject.contains("invites you to join"));
    let token = invited.expect("somebody was invited").token();
    stage.send(component, &get("cy", format!("/administer/join?token={token}"))).status
}

/// Ada has invited Cy.
pub fn person_invited(stage: &mut Stage) {
    activated(stage);
    let _ = stage.send(component, &invite_person(stage)).expect(201);
    let token = stage.mail(CY, "invites you to join").token();
    stage.learn("joining", token);
}

/// Cy accepts (INV-8).
pub fn join(stage: &Stage) -> Ask {
    let details = json!({
        "token": stage.fact("joining"),
        "given_name": "Cyrus",
        "family_name": "Kestrel",
        "phone": "419 555 0177",
    });
    post("cy", "/administer/join", &details)
}

/// Ada takes the invitation back.
pub fn take_person_back(_: &Stage) -> Ask {
    post("ada", format!("/administer/people/{}/take-back", form(7)), &json!({}))
}

/// A challenge of the public form, solved as a browser does it (REG-7).
pub fn solved(stage: &Stage, seed: u8) -> String {
    let now = Timestamp::from_unix(i64::try_from(stage.unix_seconds()).expect("a time"));
    let challenge = Challenge::issue(1_000, &keys(), now, &mut Repeating(seed));
    let solves = |number: &u64| digest256_hex(format!("{}{number}", challenge.salt).as_bytes()) == challenge.challenge;
    let number = (0..=challenge.maxnumber).find(solves).expect("there is one");
    let solution = json!({
        "algorithm": challenge.algorithm,
        "challenge": challenge.challenge,
        "number": number,
        "salt": challenge.salt,
        "signature": challenge.signature,
    });
    STANDARD.encode(solution.to_string())
}

/// The same bytes again and again.
struct Repeating(u8);

impl Entropy for Repeating {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

/// A browser solved the captcha.
pub fn captcha_solved(stage: &mut Stage) {
    let solution = solved(stage, 1);
    stage.learn("captcha", solution);
}

/// Somebody has solved the captcha, and an organisation like theirs exists.
pub fn captcha_solved_and_alike(stage: &mut Stage) {
    approved(stage);
    captcha_solved(stage);
    let found = stage.send(component, &registration("Toledo", &of_captcha(stage, &[("organisation", Value::Null)])));
    let hint = found.expect(422).at("/errors/0/detail");
    let id = hint.split_whitespace().find_map(|word| word.strip_suffix(':').filter(|id| id.len() == 26));
    stage.learn("organisation", id.expect("the hint names it"));
}

fn of_captcha(stage: &Stage, more: &[(&'static str, Value)]) -> Vec<(&'static str, Value)> {
    let source = [
        ("application", json!("business-network")),
        ("captcha", json!(stage.fact("captcha"))),
        ("email", json!("cy@kestrel.example")),
    ];
    source.into_iter().chain(more.iter().cloned()).collect()
}

/// Cy recognises the organisation and asks to be let in (REG-2).
pub fn ask_to_join(stage: &Stage) -> Ask {
    registration("Toledo", &of_captcha(stage, &[("organisation", json!(stage.fact("organisation")))]))
}

/// Cy registers a new organisation with the same captcha (REG-7).
pub fn register_on_same_captcha(stage: &Stage) -> Ask {
    registration("Toledo", &of_captcha(stage, &[]))
}

/// Ada registers by the public form (REG-2).
pub fn register_publicly(stage: &Stage) -> Ask {
    let more = [("email", json!(ADA))];
    registration("Toledo", &of_captcha(stage, &more))
}

/// Ada begins the public form without a captcha (REG-7).
pub fn ask_for_link(_: &Stage) -> Ask {
    post("ada", "/register/start", &json!({ "application": "business-network", "email": ADA }))
}

/// Ada was sent the link, some minutes ago.
pub fn link_sent(stage: &mut Stage) {
    let _ = stage.send(component, &ask_for_link(stage)).expect(202);
    stage.learn("confirmation", stage.mail(ADA, "Confirm").token_of("confirmation"));
    stage.wait(900);
}

/// Opens the newest link.
pub fn open_confirmation(stage: &mut Stage) -> u16 {
    let token = stage.mail(ADA, "Confirm").token_of("confirmation");
    stage.send(component, &get("ada", format!("/register?confirmation={token}"))).status
}

/// Ada registers from her confirmed mailbox (REG-7).
pub fn register_confirmed(stage: &Stage) -> Ask {
    registration("Toledo", &[("confirmation", json!(stage.fact("confirmation")))])
}

/// Ada follows her registration by the mailed link (REG-6).
pub fn follow(stage: &mut Stage) -> u16 {
    let token = stage.mail(ADA, "registration").token();
    stage.send(component, &get("ada", format!("/register/status?token={token}"))).status
}

/// Ada administers Kestrel, which registered for the public application.
pub fn administrates(stage: &mut Stage) {
    captcha_solved(stage);
    let _ = stage.send(component, &register_publicly(stage)).expect(201);
    to_review(stage);
    let _ = stage.send(component, &approve(stage)).expect(200);
    stage.learn("activation", stage.mail(ADA, "Activate").token());
    let _ = stage.send(component, &activate(stage)).expect(200);
}

/// Ada administers Kestrel, and Kestrel is invited to a further application (INV-7).
pub fn administrator_invited(stage: &mut Stage) {
    administrates(stage);
    invited_by_id(stage);
}

/// Ada accepts the invitation for Kestrel (INV-7).
pub fn accept_for_organisation(stage: &Stage) -> Ask {
    post("ada", "/invite/accept", &json!({ "token": stage.fact("invitation") }))
}

/// Ada finds the invitation on the dashboard, without its link.
pub fn administrator_finds_invitation(stage: &mut Stage) {
    administrator_invited(stage);
    let shown = stage.send(component, &get("ada", "/dashboard")).expect(200);
    let href = shown.at("/invitations/0/href");
    stage.learn("found", href.rsplit('=').next().unwrap_or_default());
}

/// Ada accepts the invitation that she has found (INV-7).
pub fn accept_found(stage: &Stage) -> Ask {
    post("ada", "/invite/accept", &json!({ "invitation": stage.fact("found") }))
}

/// Ada has filled in the form by invitation and reads it over once more (REG-1).
pub fn form_filled_in(stage: &mut Stage) {
    invited(stage);
    let address = format!("/register?token={}", stage.fact("invitation"));
    let profile = [
        ("step", "profile"),
        ("phone", "+14195550123"),
        ("profile.legal_name", "Kestrel Machining LLC"),
        ("profile.street", "12 Lathe Street"),
        ("profile.city", "Toledo"),
        ("profile.country", "US"),
    ];
    let mut shown = stage.open(component, &page("ada", address)).expect(200);
    for entered in [profile.as_slice(), &[("step", "administrators")]] {
        let next = filled_in("ada", "/register", &shown.text, &["csrf", "draft"], entered);
        shown = stage.send(component, &next).expect(200);
    }
    stage.learn("page", shown.text);
}

/// Ada submits the form that she has filled in (REG-5).
pub fn submit_form(stage: &Stage) -> Ask {
    filled_in("ada", "/register", stage.fact("page"), &["csrf", "draft"], &[("step", "submit")])
}

/// Ada registered by invitation.
pub fn registered(stage: &mut Stage) {
    invited(stage);
    let _ = stage.send(component, &register_invited(stage)).expect(201);
}

// Operator

/// The registrar signs in with password and code (SIG-1).
pub fn operator_signs_in(stage: &Stage) -> Ask {
    let body =
        json!({ "operator": "registrar", "password": REGISTRAR_PASSWORD, "code": code(stage, "registrar-otpauth") });
    post("registrar", "/operate/sign-in", &body)
}

/// Somebody guesses the registrar's password.
pub fn operator_guesses(stage: &Stage) -> Ask {
    let body = json!({ "operator": "registrar", "password": "a guess", "code": code(stage, "registrar-otpauth") });
    post("stranger", "/operate/sign-in", &body)
}

/// The registrar signs out.
pub fn operator_signs_out(_: &Stage) -> Ask {
    post("registrar", "/operate/sign-out", &json!({}))
}

/// The registrar has an authenticator and never signed in.
pub fn operator_ready(stage: &mut Stage) {
    let seed = keys().operator_totp_seed(&"registrar".parse().expect("an operator's id"));
    stage.learn(
        "registrar-otpauth",
        otpauth_uri("Vestibule", "registrar", seed.expose(), &Parameters::authenticator_app()),
    );
}

/// The registrar is on duty.
pub fn on_duty(stage: &mut Stage) {
    operator_ready(stage);
    wait(stage);
    let _ = stage.send(component, &operator_signs_in(stage)).expect(200);
}

/// The auditor signs in.
pub fn auditor_on_duty(stage: &mut Stage) {
    let seed = keys().operator_totp_seed(&"auditor".parse().expect("an operator's id"));
    let uri = otpauth_uri("Vestibule", "auditor", seed.expose(), &Parameters::authenticator_app());
    stage.learn("auditor-otpauth", uri);
    let body = json!({ "operator": "auditor", "password": AUDITOR_PASSWORD, "code": code(stage, "auditor-otpauth") });
    let _ = stage.send(component, &post("auditor", "/operate/sign-in", &body)).expect(200);
}

/// Ada has launched, and an auditor is on duty.
pub fn audited(stage: &mut Stage) {
    authorized(stage);
    let exchange = exchange(stage);
    let _ = stage.send(component, &exchange).expect(200);
    auditor_on_duty(stage);
}

/// The registrar is on duty, has used this code, and waits for the next one.
pub fn on_duty_and_next_code(stage: &mut Stage) {
    on_duty(stage);
    wait(stage);
}

const OPERATOR_PASSWORD: &str = "nine grey gates open at midnight";

/// Somebody has opened the enrolment's page, with the one-time secret at hand.
pub fn enrolment_open(stage: &mut Stage) {
    let shown = stage.send(component, &get("auditor", "/operate/enrol")).expect(200);
    stage.learn("offer", shown.at("/offer"));
    stage.learn("auditor-otpauth", shown.at("/otpauth_uri"));
}

fn enrolment(stage: &Stage, browser: &'static str, who: &[(&str, Value)]) -> Ask {
    let mut body = json!({
        "offer": stage.fact("offer"),
        "password": OPERATOR_PASSWORD,
        "password_repeated": OPERATOR_PASSWORD,
        "code": code(stage, "auditor-otpauth"),
    });
    for (name, value) in who {
        body[*name] = value.clone();
    }
    post(browser, "/operate/enrol", &body)
}

/// The auditor enrols with the one-time secret.
pub fn enrol_first(stage: &Stage) -> Ask {
    enrolment(stage, "auditor", &[("operator", json!("auditor")), ("secret", json!(BOOTSTRAP_SECRET))])
}

/// Somebody enrols as registrar with the same secret.
pub fn enrol_first_as_registrar(stage: &Stage) -> Ask {
    enrolment(stage, "elsewhere", &[("operator", json!("registrar")), ("secret", json!(BOOTSTRAP_SECRET))])
}

/// The registrar has a link mailed to the auditor.
pub fn invite_operator(_: &Stage) -> Ask {
    post("registrar", "/operate/operators/auditor/invitation", &json!({}))
}

/// Opens the newest link to the auditor.
pub fn open_enrolment(stage: &mut Stage) -> u16 {
    let token = stage.mail("alex@vestibule.example", "Enrol").token();
    stage.send(component, &get("auditor", format!("/operate/enrol?token={token}"))).status
}

/// The auditor has opened the mailed link.
pub fn operator_invited(stage: &mut Stage) {
    on_duty(stage);
    let _ = stage.send(component, &invite_operator(stage)).expect(200);
    let token = stage.mail("alex@vestibule.example", "Enrol").token();
    let shown = stage.send(component, &get("auditor", format!("/operate/enrol?token={token}"))).expect(200);
    stage.learn("enrolment", token);
    stage.learn("offer", shown.at("/offer"));
    stage.learn("auditor-otpauth", shown.at("/otpauth_uri"));
}

/// The auditor enrols by the link.
pub fn enrol_by_link(stage: &Stage) -> Ask {
    enrolment(stage, "auditor", &[("token", json!(stage.fact("enrolment")))])
}

/// Whether the auditor can sign in with what was enrolled, with the next code.
pub fn enrolled_operator_works(stage: &mut Stage) -> u16 {
    wait(stage);
    let code = code(stage, "auditor-otpauth");
    let body = json!({ "operator": "auditor", "password": OPERATOR_PASSWORD, "code": code });
    stage.send(component, &post("auditor", "/operate/sign-in", &body)).status
}

fn decide(stage: &Stage, decision: &Value) -> Ask {
    post("registrar", format!("/operate/registrations/{}/decision", stage.fact("registration")), decision)
}

/// The registrar approves (APR-2).
pub fn approve(stage: &Stage) -> Ask {
    decide(stage, &json!({ "decision": "approve" }))
}

/// The registrar rejects (APR-1).
pub fn reject(stage: &Stage) -> Ask {
    decide(stage, &json!({ "decision": "reject", "reason": "The street does not exist." }))
}

fn to_review(stage: &mut Stage) {
    on_duty(stage);
    let queue = stage.send(component, &get("registrar", "/operate")).expect(200);
    let newest = queue.json.pointer("/registrations").and_then(Value::as_array).and_then(|waiting| waiting.last());
    let id = newest.and_then(|entry| entry.pointer("/id")).and_then(Value::as_str).expect("somebody waits").to_owned();
    stage.learn("registration", id);
}

/// Ada's registration by invitation waits for the registrar.
pub fn waits_for_approval(stage: &mut Stage) {
    registered(stage);
    to_review(stage);
}

/// A second registration of people who have accounts already waits for the registrar (ACC-4).
pub fn waits_for_approval_again(stage: &mut Stage) {
    approved(stage);
    captcha_solved(stage);
    let _ = stage.send(component, &register_publicly(stage)).expect(201);
    wait(stage);
    to_review(stage);
}

/// A registration whose only administrator is Ada waits for the registrar.
pub fn waits_for_approval_alone(stage: &mut Stage) {
    invited(stage);
    let alone = [("token", json!(stage.fact("invitation"))), ("administrators", json!([]))];
    let _ = stage.send(component, &registration("Toledo", &alone)).expect(201);
    to_review(stage);
}

/// A registration by the public form whose only administrator is Ada waits for the registrar.
fn waits_for_approval_publicly(stage: &mut Stage) {
    captcha_solved(stage);
    let alone = of_captcha(stage, &[("email", json!(ADA)), ("administrators", json!([]))]);
    let _ = stage.send(component, &registration("Toledo", &alone)).expect(201);
    wait(stage);
    to_review(stage);
}

/// The same, and she is invited to a further application (INV-7).
pub fn waits_for_approval_and_invited(stage: &mut Stage) {
    waits_for_approval_publicly(stage);
    invited_by_id(stage);
}

/// Two registrations of the same person wait for the registrar: by invitation, and by the public form (ACC-4).
pub fn two_registrations_wait(stage: &mut Stage) {
    waits_for_approval_alone(stage);
    let first = stage.fact("registration").to_owned();
    waits_for_approval_publicly(stage);
    let second = stage.fact("registration").to_owned();
    stage.learn("registration", first);
    stage.learn("another registration", second);
}

/// The registrar approves the other registration.
pub fn approve_another(stage: &Stage) -> Ask {
    let target = format!("/operate/registrations/{}/decision", stage.fact("another registration"));
    post("registrar", target, &json!({ "decision": "approve" }))
}

/// Ada and Bo were approved and have their activation links.
pub fn approved(stage: &mut Stage) {
    waits_for_approval(stage);
    let _ = stage.send(component, &approve(stage)).expect(200);
    let tokens = [ADA, BO].map(|person| stage.mail(person, "Activate").token());
    let [ada, bo] = tokens;
    stage.learn("activation", ada);
    stage.learn("activation of bo", bo);
}

/// Ada's activation link has ended (ACT-3).
pub fn activation_ended(stage: &mut Stage) {
    approved(stage);
    stage.wait(72 * 60 * 60);
}

/// The registrar orders a code that pays half (SHP-2).
pub fn half_price_batch(_: &Stage) -> Ask {
    batch_of(7, 1, "50%", false)
}

/// An order for promo codes; where customers are limited, few codes of many uses are on several sheets.
fn batch(n: u8, count: u32, limited: bool) -> Ask {
    batch_of(n, count, "free", limited)
}

fn batch_of(n: u8, count: u32, discount: &str, limited: bool) -> Ask {
    let mut body = json!({
        "form": form(n),
        "name": "Autumn",
        "partner": "anvil",
        "products": ["anvil-mobile-id"],
        "count": count,
        "uses": if limited { 10_000 } else { 1 },
        "discount": discount,
        "valid_days": 90,
    });
    if limited {
        body["uses_per_customer"] = json!(1);
    }
    post("registrar", "/operate/promo-batches", &body)
}

/// The registrar orders two promo codes (SHP-2).
pub fn order_batch(_: &Stage) -> Ask {
    batch(2, 2, false)
}

/// Another order on the same form.
pub fn order_another_batch(_: &Stage) -> Ask {
    batch(2, 3, false)
}

/// Two promo codes on a sheet each.
pub fn order_spread_batch(_: &Stage) -> Ask {
    batch(2, 2, true)
}

/// As many sheets of promo codes as a batch can have, on a form of their own.
pub fn order_large_batch(_: &Stage) -> Ask {
    batch(9, 56, true)
}

/// Anvil's system orders two promo codes (SHP-2).
pub fn order_own_batch(_: &Stage) -> Ask {
    own_batch(2)
}

/// Another order under the same key.
pub fn order_another_own_batch(_: &Stage) -> Ask {
    own_batch(3)
}

fn own_batch(count: u32) -> Ask {
    let body = json!({
        "name": "Autumn", "products": ["anvil-mobile-id"], "count": count, "discount": "free", "valid_days": 90,
    });
    of_partner("/promo-batches".to_owned(), "batch", "application/json", body.to_string())
}

/// Anvil's system has ordered two promo codes.
pub fn own_batch_ordered(stage: &mut Stage) {
    let _ = stage.send(component, &order_own_batch(stage)).expect(201);
}

/// Whether the code of the batch that Anvil's system ordered pays an order.
pub fn own_promo_works(stage: &mut Stage) -> u16 {
    // A request that died after its answer has not given up its claim.
    stage.wait(120);
    let ask = order_own_batch(stage);
    let batch = stage.send(component, &ask);
    stage.learn("promo", batch.at("/codes/0"));
    stage.send(component, &place_order(stage)).status
}

/// There is a promo code that nobody used.
pub fn with_promo(stage: &mut Stage) {
    on_duty(stage);
    let batch = stage.send(component, &order_batch(stage)).expect(201);
    stage.learn("promo", batch.at("/codes/0"));
}

/// Opens the activation link of the newest message to Ada.
pub fn open_activation(stage: &mut Stage) -> u16 {
    let token = stage.mail(ADA, "Activate").token();
    stage.send(component, &get("ada", format!("/activate?token={token}"))).status
}

// Account

fn activation(browser: &'static str, token: &str, password: &str) -> Ask {
    post(browser, "/activate", &json!({ "token": token, "password": password, "password_repeated": password }))
}

/// Ada activates her account (ACT-1).
pub fn activate(stage: &Stage) -> Ask {
    activation("ada", stage.fact("activation"), PASSWORD)
}

/// The same link from another browser, with another password.
pub fn activate_elsewhere(stage: &Stage) -> Ask {
    activation("elsewhere", stage.fact("activation"), "eleven blue lanterns hum at dusk")
}

/// Ada signs in (SIG-1).
pub fn sign_in(_: &Stage) -> Ask {
    post("ada", "/sign-in", &json!({ "user": ADA, "password": PASSWORD }))
}

/// Somebody guesses Ada's password.
pub fn guess_password(_: &Stage) -> Ask {
    post("stranger", "/sign-in", &json!({ "user": ADA, "password": "nine red kettles" }))
}

/// Somebody guesses for an account that does not exist.
pub fn guess_account(_: &Stage) -> Ask {
    post("stranger", "/sign-in", &json!({ "user": "nobody@kestrel.example", "password": "nine red kettles" }))
}

/// Ada signs out.
pub fn sign_out(_: &Stage) -> Ask {
    post("ada", "/sign-in/out", &json!({}))
}

/// Signs in again where the session is lost, else waits.
pub fn sign_in_if_lost(stage: &mut Stage) {
    wait(stage);
    if dashboard(stage) != 200 {
        let _ = stage.send(component, &sign_in(stage)).expect(200);
    }
}

/// Signs in again where the session is lost, and passes the second factor where that is asked for.
pub fn sign_in_with_app_if_lost(stage: &mut Stage) {
    let asked = stage.last("ada").says("otp-required");
    sign_in_if_lost(stage);
    if asked {
        let _ = stage.send(component, &verify_otp(stage)).expect(200);
    }
}

/// Whether Ada is signed in: the dashboard's status.
pub fn dashboard(stage: &mut Stage) -> u16 {
    stage.send(component, &get("ada", "/dashboard")).status
}

/// Signs in with password, whatever was before.
pub fn password_works(stage: &mut Stage) -> u16 {
    stage.send(component, &sign_in(stage)).status
}

/// Ada is signed in.
pub fn activated(stage: &mut Stage) {
    approved(stage);
    let _ = stage.send(component, &activate(stage)).expect(200);
}

/// Ada and Bo are signed in.
pub fn both_activated(stage: &mut Stage) {
    activated(stage);
    let _ = stage.send(component, &activation("bo", stage.fact("activation of bo"), PASSWORD)).expect(200);
}

// A forgotten or changed password

const NEW_PASSWORD: &str = "nine paper boats drift past noon";
/// What Ada answers to every security question.
const ANSWER: &str = "Bluebell";

/// Ada ends all her sessions (SIG-2).
pub fn sign_out_everywhere(_: &Stage) -> Ask {
    post("ada", "/sign-in/out/everywhere", &json!({}))
}

fn password_change(present: &str) -> Ask {
    let new = json!({ "present_password": present, "password": NEW_PASSWORD, "password_repeated": NEW_PASSWORD });
    post("ada", "/sign-in/password", &new)
}

/// Ada changes her password (SIG-2). When she has, or her session has ended with it, she signs in with the new one.
pub fn change_password(stage: &Stage) -> Ask {
    if stage.was_answered("ada", |last| last.json["password_changed"] == true || last.says("not-signed-in")) {
        return with_new_password();
    }
    password_change(PASSWORD)
}

fn with_new_password() -> Ask {
    post("ada", "/sign-in", &json!({ "user": ADA, "password": NEW_PASSWORD }))
}

/// Somebody at Ada's desk does not know her password (SIG-1).
pub fn change_password_wrongly(_: &Stage) -> Ask {
    password_change("nine red kettles")
}

/// Signs in with the new password.
pub fn new_password_works(stage: &mut Stage) -> u16 {
    stage.send(component, &with_new_password()).status
}

/// Somebody asks for a link by which Ada gets in, once (SIG-3, ACT-3). Whatever Ada does later meets her record.
pub fn ask_once_for_reset(stage: &Stage) -> Ask {
    let asked = stage.was_answered("stranger", |last| last.json["asked"] == true);
    if asked { sign_in(stage) } else { ask_for_reset(stage) }
}

/// Somebody asks for a link to replace Ada's password (SIG-3).
pub fn ask_for_reset(_: &Stage) -> Ask {
    post("stranger", "/sign-in/reset", &json!({ "user": ADA }))
}

/// The same for an account that does not exist (SIG-3).
pub fn ask_for_reset_of_nobody(_: &Stage) -> Ask {
    post("stranger", "/sign-in/reset", &json!({ "user": "nobody@kestrel.example" }))
}

fn reset_link(stage: &mut Stage) {
    let _ = stage.send(component, &ask_for_reset(stage)).expect(200);
    let token = stage.mail(ADA, "Choose a new password").token();
    stage.learn("reset", token);
}

/// Opens the newest link to replace the password, which works with an authenticator or answers only.
pub fn open_reset(stage: &mut Stage) -> u16 {
    let token = stage.mail(ADA, "Choose a new password").token();
    stage.send(component, &get("ada", format!("/sign-in/reset/choose?token={token}"))).status
}

/// Ada has an authenticator app, two browsers, and a link to replace her password.
pub fn reset_offered(stage: &mut Stage) {
    enrolled_with_two_browsers(stage);
    reset_link(stage);
}

/// Ada has answered security questions, has no authenticator, and has a link to replace her password.
pub fn reset_offered_by_questions(stage: &mut Stage) {
    stage.ask_security_questions();
    approved(stage);
    let token = stage.fact("activation").to_owned();
    let shown = stage.send(component, &get("ada", format!("/activate?token={token}"))).expect(200);
    let mut body = json!({ "token": token, "password": PASSWORD, "password_repeated": PASSWORD });
    for n in 1..=3 {
        body[format!("question_{n}")] = shown.json["security_questions"][n].clone();
        body[format!("answer_{n}")] = json!(ANSWER);
    }
    let _ = stage.send(component, &post("ada", "/activate", &body)).expect(200);
    let _ = stage.send(component, &Ask { browser: "elsewhere", ..sign_in(stage) }).expect(200);
    reset_link(stage);
}

fn replacement(stage: &Stage, browser: &'static str, proof: &[(&str, &str)]) -> Ask {
    let mut body = json!({ "token": stage.fact("reset"), "password": NEW_PASSWORD, "password_repeated": NEW_PASSWORD });
    for (name, value) in proof {
        body[*name] = json!(value);
    }
    post(browser, "/sign-in/reset/choose", &body)
}

/// Ada replaces her password with a code, once (SIG-3).
pub fn reset_once_by_code(stage: &Stage) -> Ask {
    if is_reset(stage) { sign_out_elsewhere(stage) } else { reset_by_code(stage) }
}

/// Ada replaces her password with her answers, once (SIG-3).
pub fn reset_once_by_answers(stage: &Stage) -> Ask {
    if is_reset(stage) { sign_out_elsewhere(stage) } else { reset_by_answers(stage) }
}

fn is_reset(stage: &Stage) -> bool {
    stage.was_answered("ada", |last| last.json["password_changed"] == true || last.says("link-not-valid"))
}

/// The other browser's session has ended, and signing out there meets Ada's record.
fn sign_out_elsewhere(stage: &Stage) -> Ask {
    Ask { browser: "elsewhere", ..sign_out(stage) }
}

/// Ada replaces her password with a code (SIG-3).
pub fn reset_by_code(stage: &Stage) -> Ask {
    replacement(stage, "ada", &[("code", &code(stage, "otpauth"))])
}

/// The same from another browser.
pub fn reset_elsewhere(stage: &Stage) -> Ask {
    Ask { browser: "elsewhere", ..reset_by_code(stage) }
}

/// Somebody who reads Ada's mail guesses a code.
pub fn reset_by_wrong_code(stage: &Stage) -> Ask {
    replacement(stage, "stranger", &[("code", &wrong_code(stage))])
}

/// Ada replaces her password with her answers (SIG-3).
pub fn reset_by_answers(stage: &Stage) -> Ask {
    replacement(stage, "ada", &[("answer_1", " bluebell"), ("answer_2", ANSWER), ("answer_3", "BLUEBELL")])
}

/// Somebody who reads Ada's mail guesses the answers.
pub fn reset_by_wrong_answers(stage: &Stage) -> Ask {
    replacement(stage, "stranger", &[("answer_1", ANSWER), ("answer_2", ANSWER), ("answer_3", "Buttercup")])
}

// Several organisations

/// Ada belongs to two organisations and has signed in without choosing one (ACC-4).
pub fn member_of_two(stage: &mut Stage) {
    two_registrations_wait(stage);
    for ask in [approve(stage), approve_another(stage)] {
        let _ = stage.send(component, &ask).expect(200);
    }
    let token = stage.mail(ADA, "Activate").token();
    let _ = stage.send(component, &activation("ada", &token, PASSWORD)).expect(200);
    let _ = stage.send(component, &sign_in(stage)).expect(200);
    let offered = stage.send(component, &get("ada", "/sign-in/organisation")).expect(200);
    stage.learn("organisation", offered.at("/organisations/1/id"));
}

/// Ada chooses the second one.
pub fn choose_organisation(stage: &Stage) -> Ask {
    post("ada", "/sign-in/organisation", &json!({ "organisation": stage.fact("organisation") }))
}

// Terms

fn acceptance(stage: &Stage, browser: &'static str) -> Ask {
    post(browser, "/accept-terms/supply-platform", &json!({ "agreed": true, "digest": stage.fact("terms") }))
}

/// Ada accepts the terms (TRM-1).
pub fn accept_terms(stage: &Stage) -> Ask {
    acceptance(stage, "ada")
}

/// Bo accepts them as well.
pub fn accept_terms_too(stage: &Stage) -> Ask {
    acceptance(stage, "bo")
}

/// Ada reads the terms, and so does Bo.
pub fn terms_read(stage: &mut Stage) {
    both_activated(stage);
    let terms = stage.send(component, &get("ada", "/accept-terms/supply-platform")).expect(200);
    stage.learn("terms", terms.at("/current/digest"));
}

/// The terms are accepted: what is missing is a credential.
pub fn terms_accepted(stage: &mut Stage) {
    terms_read(stage);
    let _ = stage.send(component, &accept_terms(stage)).expect(200);
}

// Orders

/// An event that is signed in the manner of Standard Webhooks.
fn signed(stage: &Stage, from: &'static str, to: &str, event: &str, body: &Value) -> Ask {
    let sent_at = i64::try_from(stage.unix_seconds()).expect("a time of this century");
    let mut ask = post(from, to, body);
    let webhook = Webhook::new(&webhook_secret()).expect("a secret");
    let signature = webhook.sign(event, sent_at, &ask.body).expect("an event is signed");
    ask.headers.push(("webhook-id", event.to_owned()));
    ask.headers.push(("webhook-timestamp", sent_at.to_string()));
    ask.headers.push(("webhook-signature", signature));
    ask
}

fn paid_order(stage: &Stage, event: &str, order: &str, quantity: u32) -> Ask {
    let body = json!({
        "type": "order.paid",
        "timestamp": "2026-11-20T09:00:00Z",
        "data": {
            "order_id": order,
            "customer": { "given_name": "Ada", "family_name": "Kestrel", "email": ADA },
            "lines": [{ "product": "anvil-mobile-id", "quantity": quantity }],
            "total_minor": 4900,
            "currency": "USD",
        },
    });
    signed(stage, "webstore", "/webstore-checkout/webhooks/anvil", event, &body)
}

/// Anvil's webstore tells of a paid order (SHP-7).
pub fn webhook(stage: &Stage) -> Ask {
    paid_order(stage, "event-1", "AN-1", 2)
}

/// Another event about the same order (SHP-7).
pub fn webhook_of_same_order(stage: &Stage) -> Ask {
    paid_order(stage, "event-2", "AN-1", 2)
}

/// An event that contradicts the first one about its order.
pub fn webhook_that_contradicts(stage: &Stage) -> Ask {
    paid_order(stage, "event-3", "AN-1", 3)
}

/// An order was paid in Anvil's webstore, and its licence key is known.
pub fn ordered(stage: &mut Stage) {
    terms_accepted(stage);
    let _ = stage.send(component, &webhook(stage)).expect(200);
    let mail = stage.mail(ADA, "Your licence key");
    stage.learn("licence", mail.word(is_licence_key));
    let last = mail.text.split_whitespace().rev().find(|word| is_licence_key(word)).unwrap_or_default();
    stage.learn("another licence", last);
}

/// A webhook about an order has come.
pub fn webhook_came(stage: &mut Stage) {
    let _ = stage.send(component, &webhook(stage)).expect(200);
}

fn is_licence_key(word: &str) -> bool {
    word.matches('-').count() == 4
}

/// A guest's checkout form with `more` in it.
fn checkout_with(n: u8, product: &str, quantity: u32, more: &Value) -> Ask {
    let body = json!({
        "form": form(n),
        "given_name": "Ada",
        "family_name": "Kestrel",
        "email": ADA,
        "lines": [{ "product": product, "quantity": quantity }],
    });
    post("guest", "/webstore-checkout/anvil/checkout", &with(body, more))
}

fn with(mut body: Value, more: &Value) -> Value {
    if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
        body.extend(more.clone());
    }
    body
}

fn checkout(stage: &Stage, n: u8, quantity: u32, action: &str) -> Ask {
    let more = json!({ "promo_code": stage.fact("promo"), "action": action });
    checkout_with(n, "anvil-mobile-id", quantity, &more)
}

/// A guest orders with the promo code (SHP-3).
pub fn place_order(stage: &Stage) -> Ask {
    checkout(stage, 3, 1, "place")
}

/// Another guest orders with the same code (SHP-3).
pub fn place_another_order(stage: &Stage) -> Ask {
    checkout(stage, 4, 1, "place")
}

/// Another order on the first guest's form.
pub fn place_order_on_used_form(stage: &Stage) -> Ask {
    checkout(stage, 3, 2, "place")
}

/// The first guest asks what the order would cost.
pub fn ask_quote(stage: &Stage) -> Ask {
    checkout(stage, 3, 1, "apply")
}

/// The guest's order was placed.
pub fn order_placed(stage: &mut Stage) {
    with_promo(stage);
    let _ = stage.send(component, &place_order(stage)).expect(201);
}

/// A request for an order died after it had reserved the code, and its reservation has lapsed (SHP-3).
pub fn reservation_lapsed(stage: &mut Stage) {
    with_promo(stage);
    let ask = place_another_order(stage);
    let mut request = stage.under_way(component, &stage.sent(&ask));
    let held = |stage: &Stage| {
        let sheets = stage.deployment().world().every::<shared::promo::Sheet>().expect("readable");
        sheets.iter().any(|sheet| sheet.value().coupons().iter().any(|coupon| !coupon.holds.is_empty()))
    };
    while !held(stage) {
        assert!(request.step().is_none(), "the request reserves the code before it is done");
    }
    request.crash();
    stage.wait(20 * 60);
}

/// A request for an order died after its commit, before the code was marked as redeemed; the reservation has lapsed
/// (SHP-3).
pub fn redemption_missing(stage: &mut Stage) {
    with_promo(stage);
    stage.deployment().world().let_reads_catch_up();
    let ask = place_another_order(stage);
    let mut request = stage.under_way(component, &stage.sent(&ask));
    let committed =
        |stage: &Stage| !stage.deployment().world().every::<shared::order::Order>().expect("readable").is_empty();
    while !committed(stage) {
        assert!(request.step().is_none(), "the order is committed before the request is done");
    }
    request.crash();
    stage.wait(20 * 60);
}

/// Whether the code of the newest batch pays an order.
pub fn promo_works(stage: &mut Stage) -> u16 {
    let ask = order_batch(stage);
    let batch = stage.send(component, &ask);
    stage.learn("promo", batch.at("/codes/0"));
    stage.send(component, &place_order(stage)).status
}

/// Whether the newest licence key that was mailed activates a credential.
pub fn licence_works(stage: &mut Stage) -> u16 {
    let key = stage.mail(ADA, "Your licence key").word(is_licence_key);
    stage.learn("licence", key);
    if dashboard(stage) != 200 {
        let _ = stage.send(component, &get("ada", "/")).status;
    }
    stage.send(component, &activate_licence(stage)).status
}

// Credentials

fn licence(stage: &Stage, browser: &'static str) -> Ask {
    post(browser, "/credentials/licence", &json!({ "licence_key": stage.fact("licence"), "agreed": true }))
}

/// Ada activates the licence (CRD-1).
pub fn activate_licence(stage: &Stage) -> Ask {
    licence(stage, "ada")
}

/// Ada activates the order's other licence.
pub fn activate_another_licence(stage: &Stage) -> Ask {
    post("ada", "/credentials/licence", &json!({ "licence_key": stage.fact("another licence"), "agreed": true }))
}

/// Bo activates the same licence.
pub fn activate_licence_too(stage: &Stage) -> Ask {
    licence(stage, "bo")
}

/// Ada has a credential without authenticator.
pub fn licensed(stage: &mut Stage) {
    ordered(stage);
    let activated = stage.send(component, &activate_licence(stage)).expect(200);
    stage.learn("authenticator", activated.at("/authenticator"));
}

/// Ada's app is offered a seed (CRD-4).
pub fn begin_enrolment(stage: &Stage) -> Ask {
    post("ada", stage.fact("authenticator"), &json!({}))
}

/// Ada's app was offered a seed.
pub fn enrolling(stage: &mut Stage) {
    licensed(stage);
    let offer = stage.send(component, &begin_enrolment(stage)).expect(200);
    let uri = offer.text.split('"').find(|part| part.starts_with("otpauth://")).expect("the offer has it").to_owned();
    stage.learn("otpauth", uri);
    wait(stage);
}

fn proof(stage: &Stage, code: &str) -> Ask {
    post("ada", format!("{}/verify", stage.fact("authenticator")), &json!({ "code": code }))
}

/// Ada's app is proved by a code (CRD-4, CRD-9).
pub fn prove_enrolment(stage: &Stage) -> Ask {
    proof(stage, &code(stage, "otpauth"))
}

/// A wrong code.
pub fn prove_enrolment_wrongly(stage: &Stage) -> Ask {
    proof(stage, &wrong_code(stage))
}

fn wrong_code(stage: &Stage) -> String {
    another_code(&code(stage, "otpauth"))
}

/// Ada has an authenticator app and shows the next code.
pub fn enrolled(stage: &mut Stage) {
    enrolling(stage);
    let _ = stage.send(component, &prove_enrolment(stage)).expect(200);
    wait(stage);
}

/// Ada enters a code (OTP-2).
pub fn verify_otp(stage: &Stage) -> Ask {
    post("ada", "/verify-otp", &json!({ "code": code(stage, "otpauth") }))
}

/// The same code from another browser of hers (OTP-2).
pub fn verify_otp_elsewhere(stage: &Stage) -> Ask {
    Ask { browser: "elsewhere", ..verify_otp(stage) }
}

/// A wrong code from another browser of hers (OTP-3).
pub fn verify_otp_wrongly_elsewhere(stage: &Stage) -> Ask {
    Ask { browser: "elsewhere", ..verify_otp_wrongly(stage) }
}

/// Ada is signed in with two browsers.
pub fn enrolled_with_two_browsers(stage: &mut Stage) {
    enrolled(stage);
    let _ = stage.send(component, &Ask { browser: "elsewhere", ..sign_in(stage) }).expect(200);
}

/// Ada enters a wrong code (OTP-3).
pub fn verify_otp_wrongly(stage: &Stage) -> Ask {
    post("ada", "/verify-otp", &json!({ "code": wrong_code(stage) }))
}

// Phones

const PHONE: &str = "+14195550123";
const OTHER_PHONE: &str = "+14195550124";
/// Whoever asks for a code again so soon means the one that was sent.
const SOON_SECONDS: u64 = 5;

/// What a person does who had no answer: the code is on its way, if it is.
pub fn wait_a_little(stage: &mut Stage) {
    stage.wait(SOON_SECONDS);
}

/// Whether Ada was told that a code is on its way. It reaches her with the next sweep, if it has not so far.
fn is_called(stage: &Stage) -> bool {
    stage.was_answered("ada", |last| last.json["sent"] == true || last.json["awaited"].is_string())
}

/// Ada has a code sent to a phone that she registers, once.
pub fn call_new_phone_once(stage: &Stage) -> Ask {
    if is_called(stage) { sweep(stage) } else { call_new_phone(stage) }
}

/// Ada has a code sent to her phone, once.
pub fn call_phone_once(stage: &Stage) -> Ask {
    if is_called(stage) { sweep(stage) } else { call_phone(stage) }
}

/// Ada has a code sent for her new password, once.
pub fn call_to_reset_once(stage: &Stage) -> Ask {
    if is_called(stage) { sweep(stage) } else { call_to_reset(stage) }
}

fn text_code(stage: &Stage, phone: &str) -> String {
    stage.mail(phone, "").word(|word| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Ada has a credential for phones, and none registered.
pub fn licensed_for_phones(stage: &mut Stage) {
    stage.sell_phones();
    licensed(stage);
}

fn call_number(stage: &Stage, number: &str) -> Ask {
    let body = json!({ "number": number, "number_repeated": number, "channel": "sms" });
    post("ada", stage.fact("authenticator"), &body)
}

/// Ada has a code sent to a phone that she registers (CRD-5).
pub fn call_new_phone(stage: &Stage) -> Ask {
    call_number(stage, PHONE)
}

/// She does so with another number.
pub fn call_other_new_phone(stage: &Stage) -> Ask {
    call_number(stage, OTHER_PHONE)
}

/// A code is on its way to Ada's new phone.
pub fn new_phone_called(stage: &mut Stage) {
    licensed_for_phones(stage);
    let _ = stage.send(component, &call_new_phone(stage)).expect(200);
    stage.learn("text", text_code(stage, PHONE));
}

/// Ada enters the code that her new phone shows (CRD-5, CRD-9).
pub fn prove_phone(stage: &Stage) -> Ask {
    proof(stage, stage.fact("text"))
}

/// Whether the newest code that was sent proves the phone.
pub fn new_phone_works(stage: &mut Stage) -> u16 {
    stage.learn("text", text_code(stage, PHONE));
    stage.send(component, &prove_phone(stage)).status
}

/// Ada has a phone, and has signed in anew.
pub fn phone_registered(stage: &mut Stage) {
    new_phone_called(stage);
    let _ = stage.send(component, &prove_phone(stage)).expect(200);
    wait(stage);
    let _ = stage.send(component, &sign_in(stage)).expect(200);
}

/// Ada has a code sent to her phone (CRD-5).
pub fn call_phone(_: &Stage) -> Ask {
    post("ada", "/verify-otp/send", &json!({ "phone": 1 }))
}

/// A code is on its way to Ada's phone.
pub fn phone_called(stage: &mut Stage) {
    phone_registered(stage);
    let _ = stage.send(component, &call_phone(stage)).expect(200);
    stage.learn("text", text_code(stage, PHONE));
}

/// Ada enters the code that her phone shows (OTP-2).
pub fn verify_text(stage: &Stage) -> Ask {
    post("ada", "/verify-otp", &json!({ "code": stage.fact("text") }))
}

fn another_code(code: &str) -> String {
    let last = if code.ends_with('0') { "1" } else { "0" };
    code.chars().take(5).chain(last.chars()).collect()
}

/// Ada enters a wrong code of her phone (OTP-3).
pub fn verify_text_wrongly(stage: &Stage) -> Ask {
    post("ada", "/verify-otp", &json!({ "code": another_code(stage.fact("text")) }))
}

/// Ada enters a wrong code for her new phone (OTP-3).
pub fn prove_phone_wrongly(stage: &Stage) -> Ask {
    proof(stage, &another_code(stage.fact("text")))
}

/// Whether the newest code that was sent raises the session.
pub fn text_works(stage: &mut Stage) -> u16 {
    stage.learn("text", text_code(stage, PHONE));
    stage.send(component, &verify_text(stage)).status
}

/// Ada has two phones, and has proved one of them just now.
pub fn two_phones(stage: &mut Stage) {
    phone_called(stage);
    let _ = stage.send(component, &verify_text(stage)).expect(200);
    wait(stage);
    let _ = stage.send(component, &call_other_new_phone(stage)).expect(200);
    let code = text_code(stage, OTHER_PHONE);
    let _ = stage.send(component, &proof(stage, &code)).expect(200);
    wait(stage);
}

fn removal(stage: &Stage, phone: u8) -> Ask {
    post("ada", format!("{}/remove", stage.fact("authenticator")), &json!({ "phone": phone }))
}

/// Ada removes her first phone (CRD-9).
pub fn remove_phone(stage: &Stage) -> Ask {
    removal(stage, 1)
}

/// Ada removes her second phone.
pub fn remove_other_phone(stage: &Stage) -> Ask {
    removal(stage, 2)
}

/// Ada has forgotten her password, and has a phone.
pub fn reset_offered_by_phone(stage: &mut Stage) {
    phone_registered(stage);
    let _ = stage.send(component, &Ask { browser: "elsewhere", ..sign_in(stage) }).expect(200);
    reset_link(stage);
}

/// Ada has a code sent to prove that it is she who wants another password (SIG-3).
pub fn call_to_reset(stage: &Stage) -> Ask {
    post("ada", "/sign-in/reset/send", &json!({ "token": stage.fact("reset"), "phone": 1 }))
}

/// Ada's phone shows a code for her new password.
pub fn called_to_reset(stage: &mut Stage) {
    reset_offered_by_phone(stage);
    let _ = stage.send(component, &call_to_reset(stage)).expect(200);
    stage.learn("text", text_code(stage, PHONE));
}

/// Ada replaces her password with the code of her phone, once (SIG-3).
pub fn reset_once_by_text(stage: &Stage) -> Ask {
    if is_reset(stage) { sign_out_elsewhere(stage) } else { reset_by_text(stage) }
}

/// Ada replaces her password with the code of her phone (SIG-3).
pub fn reset_by_text(stage: &Stage) -> Ask {
    replacement(stage, "ada", &[("code", stage.fact("text"))])
}

/// Whether the code that was sent replaces the password.
pub fn reset_by_text_works(stage: &mut Stage) -> u16 {
    stage.learn("text", text_code(stage, PHONE));
    stage.send(component, &reset_by_text(stage)).status
}

// Launch

fn launch(stage: &mut Stage) {
    let _ = stage.send(component, &post("ada", "/launch/supply-platform", &json!({}))).expect(403);
    stage.wait(1);
    let _ = stage.send(component, &verify_otp(stage)).expect(200);
}

/// An application has signed Ada out, and she reads whether she wants to sign out here as well (LCH-2).
pub fn asked_to_sign_out(stage: &mut Stage) {
    activated(stage);
    let shown = stage.send(component, &page("ada", "/launch/logout?client_id=supply-platform")).expect(200);
    stage.learn("page", shown.text);
}

/// Ada signs out here as well.
pub fn sign_out_as_asked(stage: &Stage) -> Ask {
    filled_in("ada", "/launch/logout", stage.fact("page"), &["csrf"], &[])
}

/// Nothing blocks Ada's launch any more.
pub fn cleared(stage: &mut Stage) {
    enrolled(stage);
    launch(stage);
}

/// The application asks for Ada (LCH-2).
pub fn authorize(_: &Stage) -> Ask {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("client_id", "supply-platform"),
            ("response_type", "code"),
            ("scope", "openid"),
            ("redirect_uri", CALLBACK),
            ("code_challenge", &challenge_of(VERIFIER)),
            ("code_challenge_method", "S256"),
            ("state", "state-of-the-proofs"),
        ])
        .finish();
    get("ada", format!("/launch/authorize?{query}"))
}

/// The application has a code.
pub fn authorized(stage: &mut Stage) {
    cleared(stage);
    take_code(stage);
}

fn take_code(stage: &mut Stage) {
    let _ = stage.send(component, &authorize(stage)).expect(303);
    read_code(stage);
}

/// The application reads the code from the address that the person was sent to.
fn read_code(stage: &mut Stage) {
    let location = stage.last("ada").location.clone();
    let code = location.split_once("code=").expect("a code").1.split('&').next().unwrap_or_default();
    stage.learn("code", code);
}

/// The application was not given its tokens: the person launches again, unless it was told to try again.
pub fn launch_again(stage: &mut Stage) {
    wait(stage);
    if !stage.was_answered("application", crate::stage::Answer::is_try_again) {
        launch(stage);
        take_code(stage);
    }
}

/// The application exchanges the code (LCH-2).
pub fn exchange(stage: &Stage) -> Ask {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("grant_type", "authorization_code"),
            ("code", stage.fact("code")),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ])
        .finish();
    let headers = vec![
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("authorization", format!("Basic {}", STANDARD.encode(format!("supply-platform:{CLIENT_SECRET}")))),
    ];
    Ask { browser: "application", method: Method::POST, target: "/launch/token".to_owned(), headers, body: body.into() }
}

/// The code was exchanged before.
pub fn exchanged(stage: &mut Stage) {
    authorized(stage);
    let _ = stage.send(component, &exchange(stage)).expect(200);
}

/// Whether the application gets its tokens for the code that the person brings.
pub fn exchange_works(stage: &mut Stage) -> u16 {
    read_code(stage);
    stage.send(component, &exchange(stage)).status
}
