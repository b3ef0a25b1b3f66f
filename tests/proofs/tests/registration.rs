//! The registration as people and programs go through it: the captcha and what stands in for it, organisations alike, what
//! is said to whom, and what it costs.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use edge::{
    platform::{Answered, Question},
    testing::Answerer,
};
use http::Method;
use kv_schema::backends::{model::Backend, turns::alone};
use proofs::{
    actors::{self as by, ADA, filled_in, json, page, registration},
    stage::{Answer, Stage, component, keys},
    state,
};
use serde_json::{Value, json};
use shared::{
    captcha::Challenge,
    organisation::{Alike, Organisation, Profile, RawProfile, traits_of},
    refusal::Faults,
    secret::digest256_hex,
    values::{Email, OrganisationId, Timestamp},
};

fn stage() -> Stage {
    Stage::new(Backend::Sqlite)
}

fn register(stage: &mut Stage, more: &[(&str, Value)]) -> Answer {
    let ask = registration("Toledo", more);
    stage.send(component, &ask)
}

fn by_captcha(captcha: &str, email: &str, organisation: &Value) -> Vec<(&'static str, Value)> {
    vec![
        ("application", json!("business-network")),
        ("captcha", json!(captcha)),
        ("email", json!(email)),
        ("organisation", organisation.clone()),
    ]
}

fn organisation(n: u32, name: &str) -> Organisation {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(n.to_be_bytes()).for_each(|(to, from)| *to = from);
    let raw = RawProfile {
        legal_name: name.to_owned(),
        street: "1 Mill Lane".to_owned(),
        city: format!("City {n}"),
        country: "US".to_owned(),
        ..RawProfile::default()
    };
    let email: Email = format!("ada@supplier{n}.example").parse().expect("an address");
    Organisation {
        id: OrganisationId::from_bytes(bytes),
        profile: Profile::parse(&raw, "", &mut Faults::default()).expect("a profile"),
        subscriptions: [].into(),
        founded_at: Timestamp::from_unix(1_790_000_000),
        founders: vec![email],
        join_requests: Vec::new(),
        offers: Vec::new(),
    }
}

/// A store with so many organisations, of which eight are called like the one that registers.
fn populated(organisations: u32) -> Stage {
    let mut stage = stage();
    by::captcha_solved(&mut stage);
    let kv = stage.deployment().world().kv();
    let mut namesakes: Option<Alike> = None;
    for n in 0..organisations {
        let name = if n < 8 { "KESTREL Machining, Inc.".to_owned() } else { format!("Supplier {n}") };
        let one = organisation(n, &name);
        for id in traits_of(&one.profile, one.founders.iter(), &keys()) {
            let first = Alike::first(id, one.id);
            let shared = namesakes.as_ref().is_some_and(|alike| alike.id == id);
            if shared {
                namesakes = namesakes.map(|alike| alike.with(one.id).expect("a new one").next);
            } else if n == 0 && namesakes.is_none() {
                namesakes = Some(first);
            } else {
                assert!(alone(kv.insert_fresh(&id, first, Vec::new()), 100).is_some_and(|done| done.is_ok()));
            }
        }
        assert!(alone(kv.insert_fresh(&one.id.clone(), one, Vec::new()), 100).is_some_and(|done| done.is_ok()));
    }
    let namesakes = namesakes.expect("eight of them");
    assert!(alone(kv.insert_fresh(&namesakes.id.clone(), namesakes, Vec::new()), 100).is_some_and(|done| done.is_ok()));
    stage
}

#[test]
fn reg_3_a_search_costs_the_same_among_ten_and_among_a_hundred_thousand() {
    // REG-3
    let cost = |organisations| {
        let mut stage = populated(organisations);
        stage.deployment().world().take_cost();
        let captcha = stage.fact("captcha").to_owned();
        let answer = register(&mut stage, &by_captcha(&captcha, "ada@kestrel.example", &Value::Null)).expect(422);
        let hint = answer.at("/errors/0/detail");
        assert_eq!(hint.matches("KESTREL Machining, Inc.").count(), 5, "{hint}");
        assert!(!hint.contains("Mill Lane") && !hint.contains('@'), "only name, city and country: {hint}");
        stage.deployment().world().take_cost()
    };
    let (few, many) = (cost(10), cost(100_000));
    assert_eq!(few, many);
    let why = "one for a repetition, two for the network's first search, three traits, five organisations";
    assert!(few.reads <= 11, "{why}: {few:?}");
}

#[test]
fn reg_2_without_scripts_the_form_goes_on_from_a_mailed_link_and_edits_lead_back_to_the_review() {
    // REG-1, REG-2, REG-7
    let mut stage = populated(10);
    let start = stage.send(component, &page("ada", "/register?application=business-network")).expect(200);
    let email = "cy@elsewhere.example";
    let entered = filled_in("ada", "/register/start", &start.text, &["csrf", "application"], &[("email", email)]);
    assert_eq!(stage.send(component, &entered).expect(303).location, "/register/mailbox");
    let token = stage.mail(email, "Confirm").token_of("confirmation");
    let mut shown = stage.open(component, &page("ada", format!("/register?confirmation={token}"))).expect(200);
    let next = |stage: &mut Stage, shown: &Answer, entered: &[(&str, &str)]| {
        let form = filled_in("ada", "/register", &shown.text, &["csrf", "draft"], entered);
        stage.send(component, &form)
    };
    let profile = |city| {
        [
            ("step", "profile"),
            ("given_name", "Cy"),
            ("family_name", "Kestrel"),
            ("phone", "(419) 555-0123"),
            ("profile.legal_name", "Kestrel Machining"),
            ("profile.street", "12 Lathe Street"),
            ("profile.city", city),
            ("profile.country", "US"),
        ]
    };
    let empty = next(&mut stage, &shown, &[("step", "profile")]);
    for field in [
        "given_name",
        "family_name",
        "phone",
        "profile.legal_name",
        "profile.street",
        "profile.city",
        "profile.country",
    ] {
        assert!(empty.text.contains(&format!("id=\"error-{field}\"")), "all faults at once: {field}");
    }
    shown = next(&mut stage, &shown, &profile("Toledo")).expect(200);
    assert!(shown.text.contains("None of the above") && shown.text.contains("City 7, United States"), "{}", shown.text);
    assert_eq!(next(&mut stage, &shown, &[("step", "alike")]).status, 422, "one has to be chosen");
    let alike = shown.clone();
    shown = next(&mut stage, &shown, &[("step", "alike"), ("organisation", "none")]).expect(200);
    shown = next(&mut stage, &shown, &[("step", "administrators")]).expect(200);
    for reviewed in ["Review and submit", "cy@elsewhere.example", "(419) 555-0123", "12 Lathe Street", "Toledo"] {
        assert!(shown.text.contains(reviewed), "{reviewed}: {}", shown.text);
    }
    shown = next(&mut stage, &shown, &[("step", "submit"), ("go", "profile")]).expect(200);
    shown = next(&mut stage, &shown, &profile("Akron")).expect(200);
    assert!(shown.text.contains("Review and submit") && shown.text.contains("Akron"), "back to the review");
    let submitted = next(&mut stage, &shown, &[("step", "submit")]).expect(303);
    assert!(submitted.location.starts_with("/register/submitted?reference=R-"), "{}", submitted.location);
    let again = next(&mut stage, &shown, &[("step", "submit")]).expect(303);
    assert_eq!(again.location, submitted.location, "sent twice, submitted once");

    // The browser's back button to an earlier page, and another decision there: the link was good for one registration.
    let id = alike
        .text
        .split("value=\"")
        .filter_map(|part| part.split('"').next())
        .find(|value| value.parse::<OrganisationId>().is_ok());
    let other = next(&mut stage, &alike, &[("step", "alike"), ("organisation", id.expect("an organisation"))]);
    assert_eq!(other.status, 422, "{}", other.text);
}

/// The form's first page from a link that confirms this mailbox.
fn confirmed(stage: &mut Stage, browser: &'static str, email: &'static str) -> (String, Answer) {
    let start = stage.send(component, &page(browser, "/register?application=business-network")).expect(200);
    let entered = filled_in(browser, "/register/start", &start.text, &["csrf", "application"], &[("email", email)]);
    let _ = stage.send(component, &entered).expect(303);
    let link = format!("/register?confirmation={}", stage.mail(email, "Confirm").token_of("confirmation"));
    let shown = stage.open(component, &page(browser, link.clone())).expect(200);
    (link, shown)
}

#[test]
fn reg_1_a_page_that_is_sent_again_keeps_what_was_entered_on_later_ones() {
    // REG-1
    let mut stage = stage();
    let profile = |city| {
        [
            ("step", "profile"),
            ("given_name", "Cy"),
            ("family_name", "Kestrel"),
            ("phone", "(419) 555-0123"),
            ("profile.legal_name", "Cy's Machining"),
            ("profile.street", "12 Lathe Street"),
            ("profile.city", city),
            ("profile.country", "united states"),
        ]
    };
    let bea = [
        ("step", "administrators"),
        ("administrators.0.given_name", "Bea"),
        ("administrators.0.family_name", "Miller"),
        ("administrators.0.email", "bea@elsewhere.example"),
        ("administrators.0.application_administrator", "true"),
    ];
    let send = |stage: &mut Stage, browser, shown: &Answer, entered: &[(&str, &str)]| {
        stage.send(component, &filled_in(browser, "/register", &shown.text, &["csrf", "draft"], entered)).expect(200)
    };
    let (link, first) = confirmed(&mut stage, "ada", "cy@elsewhere.example");
    let second = send(&mut stage, "ada", &first, &profile("Toledo"));
    let review = send(&mut stage, "ada", &second, &bea);
    assert!(review.text.contains("Review and submit") && review.text.contains("bea@elsewhere.example"));

    // Two pages back, or in another tab: the first page as it was shown before anything was entered.
    let again = send(&mut stage, "ada", &first, &profile("Akron"));
    for kept in ["Review and submit", "Akron", "bea@elsewhere.example", "United States of America"] {
        assert!(again.text.contains(kept), "{kept}: {}", again.text);
    }
    assert!(!again.text.contains("Toledo"), "{}", again.text);
    let reopened = stage.open(component, &page("ada", link)).expect(200);
    assert!(reopened.text.contains("value=\"Akron\""), "the mailed link again: {}", reopened.text);

    // Another registration in the same browser begins empty, and does not mix with the first.
    let (_, other) = confirmed(&mut stage, "ada", "di@elsewhere.example");
    assert!(!other.text.contains("Akron"), "{}", other.text);
    let other = send(&mut stage, "ada", &other, &profile("Dayton"));
    assert!(other.text.contains("Administrators") && !other.text.contains("bea@elsewhere.example"), "{}", other.text);
    let back = send(&mut stage, "ada", &again, &profile("Canton"));
    assert!(back.text.contains("bea@elsewhere.example") && back.text.contains("Canton"), "{}", back.text);

    // What is submitted is what the page shows, also where another tab went on; and then nothing is kept of it.
    let submit = filled_in("ada", "/register", &review.text, &["csrf", "draft"], &[("step", "submit")]);
    let _ = stage.send(component, &submit).expect(303);
    let stands = state::of(&stage).join("\n");
    assert!(stands.contains("Toledo") && !stands.contains("Akron") && !stands.contains("Canton"), "{stands}");
    assert!(stage.cookies("ada").iter().all(|name| name != "__Host-registration"), "{:?}", stage.cookies("ada"));
}

#[test]
fn reg_2_a_chosen_organisations_administrators_are_told() {
    // REG-2
    let mut stage = stage();
    by::captcha_solved_and_alike(&mut stage);
    let asked = stage.send(component, &by::ask_to_join(&stage)).expect(201);
    assert_eq!(asked.at("/state"), "asked");
    for administrator in [ADA, by::BO] {
        let mail = stage.mail(administrator, "asks to join");
        assert!(mail.text.contains("cy@kestrel.example"), "{}", mail.text);
    }
    let organisations = stage.deployment().world().every::<Organisation>().expect("readable");
    assert_eq!(organisations.len(), 1, "no second organisation");
    assert!(organisations.iter().all(|one| one.value().join_requests.len() == 1));
    let token = stage.mail("cy@kestrel.example", "passed on").token();
    let status = stage.send(component, &by::get("cy", format!("/register/status?token={token}"))).expect(200);
    assert_eq!(
        (status.at("/state"), status.at("/organization")),
        ("asked".to_owned(), "Kestrel Machining LLC".to_owned())
    );
    let foreign = OrganisationId::from_bytes([9; 16]).to_string();
    let captcha = by::solved(&stage, 2);
    let answer = register(&mut stage, &by_captcha(&captcha, "cy@kestrel.example", &json!(foreign)));
    assert_eq!(answer.status, 422, "only one that was found can be asked");
}

#[test]
fn reg_4_whoever_has_an_account_gets_the_same_answers_and_a_message() {
    // REG-4
    let mut stage = stage();
    by::approved(&mut stage);
    let start = |stage: &mut Stage, email: &str| {
        let body = json!({ "application": "business-network", "email": email });
        let answer = stage.send(component, &json("stranger", Method::POST, "/register/start", &body));
        let cost = stage.deployment().world().take_cost();
        (answer.status, answer.text, cost.reads)
    };
    // The first note in each of the sweep's lists of the day costs more than the others.
    for n in 0..16 {
        start(&mut stage, &format!("stranger{n}@heron.example"));
    }
    assert_eq!(start(&mut stage, ADA), start(&mut stage, "eve@kestrel.example"));
    assert!(stage.mail(ADA, "Confirm").text.contains("You already have an account"));
    assert!(!stage.mail("eve@kestrel.example", "Confirm").text.contains("account"));

    let submit = |stage: &mut Stage, seed: u8, email: &str| {
        let captcha = by::solved(stage, seed);
        let answer = register(stage, &by_captcha(&captcha, email, &json!("none"))).expect(201);
        (answer.json.as_object().map(|members| members.keys().cloned().collect::<Vec<_>>()), answer.at("/state"))
    };
    assert_eq!(submit(&mut stage, 1, ADA), submit(&mut stage, 2, "eve@kestrel.example"));
    let told = stage.mail(ADA, "You already have an account").text;
    assert!(told.contains("/sign-in\n") && told.contains("/sign-in/reset"), "{told}");
    assert!(!stage.mail("eve@kestrel.example", "We received").text.contains("account with"));
}

#[test]
fn reg_6_the_mailed_link_shows_where_the_registration_stands() {
    // REG-6
    let status = |stage: &mut Stage| {
        let token = stage.mail(ADA, "We received your registration").token();
        stage.send(component, &by::get("ada", format!("/register/status?token={token}"))).expect(200)
    };
    let mut approved = stage();
    by::waits_for_approval(&mut approved);
    let mut rejected = approved.fork();
    assert_eq!(status(&mut approved).at("/state"), "submitted");
    let _ = approved.send(component, &by::approve(&approved)).expect(200);
    assert_eq!(status(&mut approved).at("/state"), "approved");
    let _ = rejected.send(component, &by::reject(&rejected)).expect(200);
    let shown = status(&mut rejected);
    assert_eq!(
        (shown.at("/state"), shown.at("/reason")),
        ("rejected".to_owned(), "The street does not exist.".to_owned())
    );
    let token = rejected.mail(ADA, "We received your registration").token();
    let html = rejected.open(component, &page("ada", format!("/register/status?token={token}"))).expect(200);
    assert!(html.text.contains("The street does not exist."), "{}", html.text);
    let reference = shown.at("/reference");
    let confirmation = page("stranger", format!("/register/submitted?reference={reference}"));
    let public = rejected.send(component, &confirmation).expect(200);
    assert!(!public.text.contains("Rejected") && !public.text.contains("street"), "the number alone shows nothing");
    for wrong in [reference, "a".repeat(52), String::new()] {
        assert_eq!(rejected.send(component, &by::get("eve", format!("/register/status?token={wrong}"))).status, 404);
    }
}

#[test]
fn reg_7_a_challenge_is_solved_once_for_one_registration() {
    // REG-7
    let mut stage = stage();
    let answer = stage.send(component, &by::get("ada", "/register/challenge")).expect(200);
    let challenge: Challenge = serde_json::from_value(answer.json).expect("a challenge");
    let solves = |number: &u64| digest256_hex(format!("{}{number}", challenge.salt).as_bytes()) == challenge.challenge;
    let number = (0..=challenge.maxnumber).find(solves).expect("there is one");
    // As the published widget sends it.
    let solution = json!({
        "algorithm": challenge.algorithm, "challenge": challenge.challenge, "number": number, "salt": challenge.salt,
        "signature": challenge.signature, "took": 12.5,
    });
    let captcha = STANDARD.encode(solution.to_string());
    let none = json!("none");
    let first = register(&mut stage, &by_captcha(&captcha, ADA, &none)).expect(201);
    stage.wait(2 * 3600);
    let again = register(&mut stage, &by_captcha(&captcha, ADA, &none)).expect(201);
    assert_eq!(first.text, again.text, "a repetition, also when the challenge is over");
    let other = register(&mut stage, &by_captcha(&captcha, "eve@kestrel.example", &none));
    assert!(other.status == 422 && other.text.contains("form-reused"), "{}", other.text);

    let late = by::solved(&stage, 3);
    stage.wait(3600);
    for wrong in [late.as_str(), "", "AAAA", "not base64"] {
        let answer = register(&mut stage, &by_captcha(wrong, "eve@kestrel.example", &none));
        assert!(answer.status == 422 && answer.text.contains("captcha"), "{wrong}: {}", answer.text);
    }
    let without = register(&mut stage, &[("application", json!("business-network")), ("email", json!(ADA))]);
    assert!(without.status == 422 && without.text.contains("source-missing"), "{}", without.text);
}

#[test]
fn reg_7_a_provider_is_asked_by_its_siteverify_call() {
    // REG-7
    const VOUCHES: Answerer = |question: &Question| {
        let good = question.form == "secret=captcha-secret-of-the-proofs&response=good&sitekey=0x4";
        Answered {
            status: 200,
            body: json!({ "success": good, "hostname": "vestibule.example" }).to_string().into_bytes(),
        }
    };
    for (provider, field) in [
        ("turnstile", "cf-turnstile-response"),
        ("hcaptcha", "h-captcha-response"),
        ("recaptcha", "g-recaptcha-response"),
    ] {
        let mut stage = stage();
        stage.guard_by(provider, VOUCHES);
        assert_eq!(stage.send(component, &by::get("ada", "/register/challenge")).status, 404);
        let start = stage.send(component, &page("ada", "/register?application=business-network")).expect(200);
        assert!(start.text.contains("data-sitekey=\"0x4\""), "{}", start.text);
        let mut send = |response| {
            let entered = [("email", ADA), (field, response)];
            let form = filled_in("ada", "/register/start", &start.text, &["csrf", "application"], &entered);
            stage.send(component, &form).status
        };
        assert_eq!((send("good"), send("bad"), send("")), (200, 422, 303), "{provider}");
        let none = json!("none");
        let _ = register(&mut stage, &by_captcha("good", ADA, &none)).expect(201);
        stage.guard_by(provider, |_| Answered { status: 500, body: Vec::new() });
        let _ = register(&mut stage, &by_captcha("good", ADA, &none)).expect(201);
        let _ = register(&mut stage, &by_captcha("other", "eve@kestrel.example", &none)).expect(503);
    }
}

#[test]
fn inv_7_an_administrator_accepts_for_the_organisation_that_exists() {
    // INV-7
    let mut stage = stage();
    by::administrator_invited(&mut stage);
    let address = format!("/invite/accept?token={}", stage.fact("invitation"));
    let shown = stage.open(component, &page("ada", address.as_str())).expect(200);
    assert!(shown.text.contains("Accept for Kestrel Machining LLC"), "{}", shown.text);
    let stranger = stage.open(component, &page("stranger", address.as_str())).expect(200);
    assert!(stranger.text.contains("/sign-in?continue=") && !stranger.text.contains("Accept for"));
    let form = filled_in("ada", "/invite/accept", &shown.text, &["csrf", "token"], &[]);
    assert_eq!(stage.send(component, &form).expect(303).location, "/dashboard");
    assert_eq!(stage.send(component, &form).status, 303, "sent twice");
    let organisations = stage.deployment().world().every::<Organisation>().expect("readable");
    assert_eq!(organisations.len(), 1, "no second organisation appears");
    let dashboard = stage.send(component, &by::get("ada", "/dashboard")).expect(200);
    let tiles = dashboard.json.pointer("/applications").and_then(Value::as_array).map(Vec::len);
    assert_eq!(tiles, Some(2), "{}", dashboard.text);
    let _ = stage.send(component, &by::register_invited(&stage)).expect(404);
}
