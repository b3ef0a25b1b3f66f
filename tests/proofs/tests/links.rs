//! Links from e-mails as browsers open them: the token leaves the address, and the page stays (INV-4, ACT-3, SIG-3, REG-6).

use edge::link::{LIFETIME, OTHERS_MAX, PAGES};
use http::Method;
use kv_schema::backends::model::Backend;
use proofs::{
    actors::{self as by, ADA, BO, filled_in, get, page},
    stage::{Answer, Ask, PUBLIC_URL, Stage, component},
};

fn stage(before: fn(&mut Stage)) -> Stage {
    let mut stage = Stage::new(Backend::Sqlite);
    before(&mut stage);
    stage
}

/// The link of the newest message to this person, as path and query.
fn mailed(stage: &Stage, to: &str, subject: &str) -> String {
    let link = stage.mail(to, subject).word(|word| word.contains("token=") || word.contains("confirmation="));
    link.strip_prefix(PUBLIC_URL).expect("our own address").to_owned()
}

fn token_in(address: &str) -> &str {
    address.split_once('=').expect("a link has a token").1
}

/// Opens the link and goes where it leads; answers the address of the page, and the page.
fn opened(stage: &mut Stage, browser: &'static str, link: &str) -> (String, Answer) {
    let address = stage.send(component, &page(browser, link)).expect(303).location;
    let shown = stage.send(component, &page(browser, &address));
    (address, shown)
}

fn link_cookies(stage: &Stage, browser: &str) -> Vec<String> {
    stage.cookies(browser).into_iter().filter(|name| name.starts_with("__Host-link-")).collect()
}

#[test]
fn inv_4_act_3_no_page_stands_at_an_address_with_a_token_and_opening_changes_nothing() {
    // INV-4, ACT-3, SIG-3, REG-6, REG-7
    for (before, subject) in [
        (by::invited as fn(&mut Stage), "Invited"),
        (by::link_sent, "Confirm"),
        (by::waits_for_approval, "We received your registration"),
        (by::approved, "Activate"),
        (by::reset_offered, "Choose a new password"),
    ] {
        let mut stage = stage(before);
        let link = mailed(&stage, ADA, subject);
        stage.deployment().world().take_cost();
        let (address, first) = opened(&mut stage, "fresh", &link);
        let first = first.expect(200);
        assert!(!address.contains(token_in(&link)), "{link} leads to {address}");
        for target in [&address, &address, &address.split('?').next().unwrap_or_default().to_owned(), &link] {
            let again = stage.open(component, &page("fresh", target)).expect(200);
            assert_eq!(title(&again), title(&first), "{target}");
        }
        assert_eq!(link_cookies(&stage, "fresh").len(), 1, "{link}: opening it again adds nothing");
        assert_eq!(stage.deployment().world().take_cost().writes, 0, "{link}");
    }
}

#[test]
fn inv_5_whoever_keeps_no_cookies_is_sent_on_once_and_then_told_what_to_do() {
    // INV-5, INV-4: mail scanners, with GET and HEAD.
    let mut stage = stage(by::invited);
    let link = mailed(&stage, ADA, "Invited");
    for method in [Method::GET, Method::HEAD] {
        let as_scanner = |browser, target: &str| Ask { method: method.clone(), ..page(browser, target) };
        let sent_on = stage.send(component, &as_scanner("scanner", &link)).expect(303);
        let told = stage.send(component, &as_scanner("elsewhere", &sent_on.location)).expect(400);
        assert!(told.location.is_empty() && told.text.contains("Open the link in your e-mail again"), "{}", told.text);
    }
    // No page of a link redirects to a token, whatever the query is: no chain is longer than one.
    for (path, parameters) in PAGES {
        // The page for the deployment's one-time secret is there without a link.
        let bare = if path == "/operate/enrol" { "?link=" } else { "" };
        for query in [bare, "?link=x", "?link=x&link=y", "?more=x", "?link"] {
            let answer = stage.send(component, &page("elsewhere", format!("{path}{query}")));
            assert!(answer.status >= 400 && answer.location.is_empty(), "{path}{query}: {}", answer.status);
        }
        for parameter in parameters {
            for query in [format!("{parameter}=x"), format!("{parameter}=x&link=y"), format!("more=y&{parameter}=x")] {
                let sent_on = stage.send(component, &page("elsewhere", format!("{path}?{query}"))).expect(303).location;
                assert!(sent_on.starts_with(&format!("{path}?")) && !sent_on.contains(&format!("{parameter}=")));
                let answer = stage.send(component, &page("elsewhere", &sent_on));
                assert!(matches!(answer.status, 400 | 404), "{sent_on}: {}", answer.status);
            }
        }
    }
}

#[test]
fn inv_4_programs_get_the_document_directly() {
    // INV-4, INV-5
    let mut stage = stage(by::invited);
    let link = mailed(&stage, ADA, "Invited");
    let shown = stage.send(component, &get("program", &link)).expect(200);
    assert!(shown.at("/register_at").ends_with(token_in(&link)) && link_cookies(&stage, "program").is_empty());
    let (address, _) = opened(&mut stage, "program", &link);
    assert!(stage.send(component, &get("program", &address)).expect(400).says("malformed"), "links are for pages");
    assert!(stage.send(component, &get("program", "/invite/accept?token=x")).expect(404).says("link-not-valid"));
}

#[test]
fn inv_4_every_tab_keeps_its_own_link() {
    // INV-4: two invitations in two tabs; the address alone shows the newest.
    let mut stage = stage(|stage| {
        let _ = stage.send(component, &by::invite_many(stage)).expect(200);
    });
    let [first, second] = [ADA, BO].map(|to| mailed(&stage, to, "Invited"));
    let (tab, _) = opened(&mut stage, "ada", &first);
    stage.wait(1);
    let (other_tab, _) = opened(&mut stage, "ada", &second);
    for (address, link) in [(tab.as_str(), &first), (&other_tab, &second), ("/invite/accept", &second)] {
        let shown = stage.send(component, &page("ada", address)).expect(200);
        assert!(shown.text.contains(token_in(link)), "{address} shows another link");
    }
    // The way through the sign-in leads back to the same tab's link, without its token.
    let shown = stage.send(component, &page("ada", &tab)).expect(200);
    let handle = token_in(&tab);
    assert!(shown.text.contains(&format!("/sign-in?continue=%2Finvite%2Faccept%3Flink%3D{handle}")), "{}", shown.text);
    // A cookie opens nothing under another link's name, nor another page.
    stage.rename_cookie("ada", &format!("__Host-link-{handle}"), &format!("__Host-link-{}", "0".repeat(16)));
    assert_eq!(stage.send(component, &page("ada", format!("/invite/accept?link={}", "0".repeat(16)))).status, 400);
    assert_eq!(stage.send(component, &page("ada", format!("/register?link={}", token_in(&other_tab)))).status, 400);
}

#[test]
fn act_3_cookies_of_links_are_few_and_short_lived() {
    // ACT-3
    let mut stage = stage(by::approved);
    let link = mailed(&stage, ADA, "Activate");
    let mut addresses = Vec::new();
    for n in 0..12 {
        stage.wait(1);
        addresses.push(opened(&mut stage, "ada", &format!("/activate?token={n}")).0);
    }
    assert_eq!(link_cookies(&stage, "ada").len(), OTHERS_MAX + 1, "the newest and some others");
    for (n, address) in addresses.iter().enumerate() {
        let known = stage.send(component, &page("ada", address)).status == 404;
        assert_eq!(known, n + OTHERS_MAX + 1 >= addresses.len(), "{n}: the oldest are forgotten first");
    }
    let (address, shown) = opened(&mut stage, "ada", &link);
    stage.wait(LIFETIME.0);
    let late = stage.send(component, &page("ada", &address)).expect(400);
    assert!(late.text.contains("Open the link in your e-mail again"), "{}", late.text);
    // The page that is open all the while works.
    let entered =
        [("password", "seven green kettles sing at dawn"), ("password_repeated", "seven green kettles sing at dawn")];
    let form = filled_in("ada", "/activate", &shown.expect(200).text, &["csrf", "token"], &entered);
    assert_eq!(stage.send(component, &form).expect(303).location, "/dashboard");
}

#[test]
fn act_3_a_link_leads_whoever_is_further_to_the_step_that_is_next() {
    // ACT-3, INV-5, REG-6
    let mut stage = stage(by::approved);
    let led = |stage: &mut Stage, browser, link: &str| {
        let shown = stage.open(component, &page(browser, link));
        (shown.status, title(&shown))
    };
    let reviewed = (200, "Your registration is approved".to_owned());
    let invitation = mailed(&stage, ADA, "Invited");
    assert_eq!(led(&mut stage, "elsewhere", &invitation), reviewed);
    let form = format!("/register?token={}", token_in(&invitation));
    assert_eq!(led(&mut stage, "elsewhere", &form), reviewed);
    // Programs get the one answer, and so does everybody without the token itself.
    assert!(stage.send(component, &get("program", &invitation)).expect(404).says("link-not-valid"));
    let strange = format!("/invite/accept?token={}", "a".repeat(52));
    assert_eq!(led(&mut stage, "stranger", &strange), (404, "This link does not work".to_owned()));
    let status = |token: &str| format!("/register/status?invitation={token}");
    assert_eq!(led(&mut stage, "stranger", &status(&"a".repeat(52))).0, 404);
    let foreign = status(stage.fact("activation"));
    assert_eq!(led(&mut stage, "stranger", &foreign).0, 404);

    let activation = mailed(&stage, ADA, "Activate");
    let _ = stage.send(component, &by::activate(&stage)).expect(200);
    assert_eq!(led(&mut stage, "elsewhere", &activation), (200, "Sign in".to_owned()));
    assert_eq!(led(&mut stage, "ada", &activation), (200, "Welcome, Ada Kestrel".to_owned()));
    assert!(stage.send(component, &get("program", &activation)).expect(409).says("wrong-stage"));

    let mut public = self::stage(by::link_sent);
    let confirmation = mailed(&public, ADA, "Confirm");
    let _ = public.send(component, &by::register_confirmed(&public)).expect(201);
    assert_eq!(led(&mut public, "elsewhere", &confirmation), (200, "Registration submitted".to_owned()));
}

fn title(shown: &Answer) -> String {
    let heading = shown.text.split_once("<h1").and_then(|(_, rest)| rest.split_once('>'));
    heading.and_then(|(_, rest)| rest.split('<').next()).unwrap_or_default().trim().to_owned()
}
