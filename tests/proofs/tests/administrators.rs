//! Organisation Administrators at work, as a browser and a program see it.

use kv_schema::backends::model::Backend;
use proofs::{
    actors::{self as by, BO, CY, PASSWORD, filled_in, get, page, post},
    stage::{Stage, component},
};
use serde_json::json;

fn stage(before: fn(&mut Stage)) -> Stage {
    let mut stage = Stage::new(Backend::Sqlite);
    before(&mut stage);
    stage
}

#[test]
fn reg_2_an_administrator_lets_somebody_in_by_the_page_and_is_told_once() {
    // REG-2, REG-6
    let mut stage = stage(by::somebody_asks);
    let shown = stage.send(component, &page("ada", "/administer")).expect(200);
    assert!(shown.text.contains(CY), "{}", shown.text);
    let target = format!("/administer/requests/{}/decision", stage.fact("request"));
    let form = filled_in("ada", &target, &shown.text, &["csrf"], &[("decision", "let-in")]);
    assert_eq!(stage.send(component, &form).expect(303).location, "/administer");
    let shown = stage.send(component, &page("ada", "/administer")).expect(200);
    assert!(shown.text.contains("You let Ada Kestrel in."), "{}", shown.text);
    assert!(!stage.send(component, &page("ada", "/administer")).text.contains("You let"), "once");
    assert_eq!(by::open_activation_of_cy(&mut stage), 200);
    let token = stage.mail(CY, "passed on").token();
    let followed = stage.send(component, &get("cy", format!("/register/status?token={token}"))).expect(200);
    assert_eq!(followed.at("/state"), "let-in");

    // The other administrator is too late.
    let refused = stage.send(component, &by::decline(&stage)).expect(409);
    assert!(refused.at("/detail").contains("It was let in by Ada Kestrel on "), "{}", refused.text);
    let bo = stage.send(component, &page("bo", "/administer")).expect(200);
    let form = filled_in("bo", &target, &bo.text, &["csrf"], &[("decision", "decline")]);
    let late = stage.send(component, &form).expect(409);
    assert!(late.text.contains("Your decision was not taken: Ada Kestrel let the person in on"), "{}", late.text);
}

#[test]
fn acc_5_what_is_not_the_organisations_own_does_not_exist() {
    // ACC-5, REG-2, INV-8
    let mut stage = stage(by::somebody_asks);
    let nothing = "a".repeat(26);
    for (target, body) in [
        (format!("/administer/requests/{nothing}/decision"), json!({ "decision": "let-in" })),
        ("/administer/requests/none/decision".to_owned(), json!({ "decision": "let-in" })),
        (format!("/administer/people/{nothing}/take-back"), json!({})),
    ] {
        assert!(stage.send(component, &post("ada", &target, &body)).says("not-found"), "{target}");
    }
    assert!(stage.send(component, &get("stranger", "/administer")).says("not-signed-in"));
    let _ = stage.send(component, &by::let_in(&stage)).expect(200);
    let token = stage.mail(CY, "Activate").token();
    let password = "seven green kettles sing at dawn";
    let body = json!({ "token": token, "password": password, "password_repeated": password });
    let _ = stage.send(component, &post("cy", "/activate", &body)).expect(200);
    assert!(stage.send(component, &get("cy", "/administer")).says("role-missing"), "a user administers nothing");
    assert!(stage.send(component, &get("cy", "/administer/people/new")).says("role-missing"));
}

#[test]
fn inv_8_a_person_is_invited_by_the_page_and_completes_name_and_phone() {
    // INV-8
    let mut stage = stage(by::activated);
    let shown = stage.send(component, &page("ada", "/administer/people/new")).expect(200);
    let entered = [
        ("given_name", "Cy"),
        ("family_name", "Kestrel"),
        ("email", CY),
        ("role", "application-administrator"),
        ("applications", "supply-platform"),
        ("how", "invite"),
    ];
    let form = filled_in("ada", "/administer/people", &shown.text, &["csrf", "form"], &entered);
    assert_eq!(stage.send(component, &form).expect(303).location, "/administer");
    let token = stage.mail(CY, "invites you to join").token();
    let open = stage.open(component, &page("cy", format!("/administer/join?token={token}"))).expect(200);
    assert!(open.text.contains("Kestrel Machining LLC") && open.text.contains("name=\"phone\""), "{}", open.text);
    let hidden = ["csrf", "token"];
    let wrong = filled_in("cy", "/administer/join", &open.text, &hidden, &[("given_name", "Cy"), ("phone", "1")]);
    let refused = stage.send(component, &wrong).expect(422);
    assert!(refused.text.contains("field-family_name") && refused.text.contains("field-phone"), "{}", refused.text);
    let details = [("given_name", "Cyrus"), ("family_name", "Kestrel"), ("phone", "419 555 0177")];
    let right = filled_in("cy", "/administer/join", &open.text, &hidden, &details);
    assert_eq!(stage.send(component, &right).expect(303).location, "/administer/joined");
    assert_eq!(stage.send(component, &get("cy", format!("/administer/join?token={token}"))).status, 404);
    let again = stage.open(component, &page("cy", format!("/administer/join?token={token}"))).expect(200);
    assert!(again.text.contains("You accepted the invitation"), "the link leads on to what comes next: {}", again.text);
    let activation = stage.mail(CY, "Activate");
    assert!(activation.text.contains("Dear Cyrus Kestrel"), "{}", activation.text);
    let listed = stage.send(component, &get("ada", "/administer")).expect(200);
    assert_eq!((listed.at("/people/0/state").as_str(), listed.at("/people/0/role").as_str()), {
        ("accepted", "application-administrator")
    });
}

#[test]
fn inv_8_whoever_has_an_account_is_offered_the_membership_and_the_administrator_cannot_tell() {
    // INV-8, REG-4
    let mut stage = stage(by::activated);
    let answers = [by::enter_person(&stage), by::enter_bo(&stage)].map(|ask| {
        stage.deployment().world().take_cost();
        let answer = stage.send(component, &ask).expect(201);
        (answer.at("/state"), answer.json.as_object().map(serde_json::Map::len))
    });
    let [new, known] = answers;
    assert_eq!(new, known);
    let listed = stage.send(component, &get("ada", "/administer")).expect(200);
    assert_eq!(listed.at("/people/0/state"), listed.at("/people/1/state"));
    assert!(stage.mail(CY, "Activate").text.contains("/activate?token="));
    let offer = stage.mail(BO, "invites you to join");
    let open = stage.send(component, &get("bo", format!("/administer/join?token={}", offer.token()))).expect(200);
    assert_eq!(open.json.pointer("/has_account"), Some(&json!(true)));
    let accepted = stage.send(component, &post("bo", "/administer/join", &json!({ "token": offer.token() })));
    assert_eq!(accepted.expect(200).json, json!({ "accepted": true }));
    let after = stage.send(component, &get("ada", "/administer")).expect(200);
    assert_eq!(after.json, listed.json, "not even afterwards");
}

#[test]
fn inv_7_an_invitation_is_on_the_dashboard_of_the_organisations_administrators() {
    // INV-7, ACC-5
    let mut stage = stage(by::administrator_finds_invitation);
    stage.deployment().world().take_cost();
    let shown = stage.send(component, &page("ada", "/dashboard")).expect(200);
    let cost = stage.deployment().world().take_cost();
    assert_eq!((cost.reads, cost.writes), (2, 0), "account and organisation");
    let address = format!("/invite/accept?invitation={}", stage.fact("found"));
    assert!(shown.text.contains(&address) && shown.text.contains("Anvil Supply Platform"), "{}", shown.text);
    let listed = stage.send(component, &get("ada", "/administer")).expect(200);
    assert_eq!(listed.at("/invitations/0/href"), address);
    let open = stage.send(component, &page("ada", &address)).expect(200);
    assert!(open.text.contains("Accept for Kestrel Machining LLC") && !open.text.contains("/register?token="));
    let form = filled_in("ada", "/invite/accept", &open.text, &["csrf", "invitation"], &[]);

    // To anybody else there is none.
    let guess = post("stranger", "/invite/accept", &json!({ "invitation": stage.fact("found") }));
    assert!(stage.send(component, &guess).says("not-signed-in"));
    let _ = stage.send(component, &by::enter_person(&stage)).expect(201);
    let password = "seven green kettles sing at dawn";
    let token = stage.mail(CY, "Activate").token();
    let body = json!({ "token": token, "password": password, "password_repeated": password });
    let _ = stage.send(component, &post("cy", "/activate", &body)).expect(200);
    assert!(stage.send(component, &get("cy", &address)).says("link-not-valid"));
    let cys = stage.send(component, &get("cy", "/dashboard")).expect(200);
    assert_eq!(cys.json.pointer("/invitations"), None);

    assert_eq!(stage.send(component, &form).expect(303).location, "/dashboard");
    let _ = stage.send(component, &by::accept_found(&stage)).expect(200);
    let after = stage.send(component, &get("ada", "/dashboard")).expect(200);
    assert_eq!(
        (after.json.pointer("/invitations"), after.at("/applications/1/id").as_str()),
        (None, "supply-platform")
    );
}

#[test]
fn inv_7_whoever_of_the_organisation_is_invited_its_administrators_find_it() {
    // INV-7: the invitation goes to Cy, who is an ordinary user; Ada administers.
    let mut stage = stage(by::administrates);
    let found = |stage: &mut Stage, browser: &'static str| {
        let shown = stage.send(component, &get(browser, "/dashboard")).expect(200);
        shown.json.pointer("/invitations/0/href").and_then(|href| href.as_str()).map(str::to_owned)
    };
    let _ = stage.send(component, &by::invite_mailbox(CY, "before")).expect(201);
    assert_eq!(found(&mut stage, "ada"), None, "Cy is nobody yet");
    let _ = stage.send(component, &by::enter_person(&stage)).expect(201);
    let token = stage.mail(CY, "Activate").token();
    let body = json!({ "token": token, "password": PASSWORD, "password_repeated": PASSWORD });
    let _ = stage.send(component, &post("cy", "/activate", &body)).expect(200);
    let first = found(&mut stage, "ada").expect("whoever joins brings their invitations along");
    assert_eq!(found(&mut stage, "cy"), None, "not an administrator");

    let revoke = |href: &str| {
        let id = href.rsplit('=').next().unwrap_or_default();
        by::of_partner(format!("/invite/{id}/revoke"), "-", "application/json", "{}")
    };
    let _ = stage.send(component, &revoke(&first)).expect(200);
    assert_eq!(found(&mut stage, "ada"), None, "taken back");
    let _ = stage.send(component, &by::invite_mailbox(CY, "after")).expect(201);
    let second = found(&mut stage, "ada").expect("a new one");
    assert_ne!(first, second);
    let id = second.rsplit('=').next().unwrap_or_default().to_owned();
    stage.wait(13 * 86_400);
    let resend = by::of_partner(format!("/invite/{id}/resend"), "again", "application/json", "{}");
    let _ = stage.send(component, &resend).expect(200);
    stage.wait(13 * 86_400);
    let _ = stage.send(component, &by::sign_in(&stage)).expect(200);
    assert_eq!(found(&mut stage, "ada"), Some(second), "sent again, it works for another fortnight");
    let accepted = post("ada", "/invite/accept", &json!({ "invitation": id }));
    let _ = stage.send(component, &accepted).expect(200);
    let _ = stage.send(component, &accepted).expect(200);
    assert_eq!(found(&mut stage, "ada"), None, "accepted");
    let _ = stage.send(component, &post("cy", "/sign-in", &json!({ "user": CY, "password": PASSWORD }))).expect(200);
    assert!(stage.send(component, &post("cy", "/invite/accept", &json!({ "invitation": id }))).says("link-not-valid"));
}
