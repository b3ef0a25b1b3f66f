//! Every form, filled in wrongly: the page comes back with each fault beside its field and in the summary, with what was
//! typed, and nothing has changed. Then what happens to forms whose ground moved while they were open.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, ensure};
use journeys::{
    authenticator::Authenticator,
    browser::{Browser, Form, Page},
    by_json::{Programs, solved_captcha},
    story::PASSWORD,
    world::{Wishes, World},
};
use serde_json::json;

const SESSION: &str = "__Host-session";
const OPERATOR: &str = "__Host-operator";

/// Somebody who fills in forms wrongly.
struct Stumbling<'a> {
    world: &'a World,
    browser: Browser,
}

impl<'a> Stumbling<'a> {
    fn new(world: &'a World) -> Self {
        Self { world, browser: Browser::new() }
    }

    /// With the session that a program of the same person has.
    fn with(world: &'a World, name: &str, session: Option<&str>) -> Self {
        let mut new = Self::new(world);
        new.browser.set_cookie(&world.place.service, name, session);
        new
    }

    async fn open(&mut self, path: &str) -> anyhow::Result<Page> {
        self.browser.open(&self.world.url(path)).await?.good()
    }

    /// Sends a form that is wrong in these fields, and nothing changes.
    async fn stumble(&mut self, form: &Form, status: u16, fields: &[&str]) -> anyhow::Result<Page> {
        let before = self.world.store_contents().await?;
        let page = self.stumble_and_be_counted(form, status, fields).await?;
        ensure!(before == self.world.store_contents().await?, "{}: the store changed", page.url);
        Ok(page)
    }

    /// Sends a form that is wrong in these fields, where the failure is counted.
    async fn stumble_and_be_counted(&mut self, form: &Form, status: u16, fields: &[&str]) -> anyhow::Result<Page> {
        let page = self.browser.submit_once(form).await?;
        in_place(&page, status, fields)?;
        Ok(page)
    }
}

/// Each of these faults, and no other, stands in the summary and beside its field.
fn in_place(page: &Page, status: u16, fields: &[&str]) -> anyhow::Result<()> {
    let at = page.url.path();
    ensure!(page.status == status, "{at} answered {}: {}", page.status, page.text());
    let summary = page.attributes("section.faults[role='alert'] a", "href");
    let expected: Vec<String> = fields.iter().map(|field| format!("#field-{field}")).collect();
    ensure!(summary == expected, "{at}: expected {expected:?} in the summary, found {summary:?}: {}", page.text());
    let messages: BTreeSet<String> = page.select("section.faults[role='alert'] a").into_iter().collect();
    ensure!(messages.len() == fields.len(), "{at}: two faults say the same: {messages:?}");
    for field in fields {
        let told = page.select(&format!("[id='error-{field}']")).join("");
        let known = messages.iter().any(|message| told.ends_with(message.as_str()));
        ensure!(known, "{at}: {told:?} stands beside {field}, and not what the summary says");
        let described = page.attributes("[aria-invalid='true']", "aria-describedby");
        let marked = described.iter().any(|ids| ids.split(' ').any(|id| id == format!("error-{field}")));
        ensure!(marked, "{at}: no control is marked for {field}: {described:?}");
        ensure!(!page.attributes(&format!("[id='field-{field}']"), "id").is_empty(), "{at}: the link leads nowhere");
    }
    // The boxes of one question are described alike.
    let marked =
        page.attributes("[aria-invalid='true']", "aria-describedby").into_iter().collect::<BTreeSet<_>>().len();
    ensure!(marked == fields.len(), "{at}: {marked} controls are marked for {} faults", fields.len());
    Ok(())
}

/// A text of this many characters.
fn long(characters: usize) -> String {
    "x".repeat(characters)
}

// REG-1 REG-2: the three pages of the registration.
#[tokio::test(flavor = "multi_thread")]
async fn reg_1_the_registration_form() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut person = Stumbling::new(&world);
    let page = person.open("/register?application=business-network").await?;
    person.stumble(&page.form("Next")?.fill("email", "ada@"), 422, &["email"]).await?;
    let form = page.form("Next")?.fill("email", "ada@kestrel.example");
    let form = form.fill("altcha", &solved_captcha(&world.place.service).await?);
    let page = person.browser.submit(form).await?.good()?.titled("Complete the following")?;
    let required = ["given_name", "family_name", "phone"];
    let profile = ["legal_name", "street", "city", "country"].map(|name| format!("profile.{name}"));
    let all: Vec<&str> = required.into_iter().chain(profile.iter().map(String::as_str)).collect();
    person.stumble(&page.form("Next")?, 422, &all).await?;
    let form = page
        .form("Next")?
        .fill("given_name", &long(81))
        .fill("family_name", "Kes\u{0}trel")
        .fill("email", "ada@")
        .fill("phone", "419 555")
        .fill("profile.legal_name", &long(121))
        .fill("profile.street", "12\u{202e} Lathe Street")
        .fill("profile.city", "Toledo")
        .fill("profile.postal_code", &long(21))
        .fill("profile.country", "XX")
        .fill("profile.telephone", "none");
    let street = "profile.street";
    let fields = ["given_name", "family_name", "email", "phone", "profile.legal_name", street];
    let rest = ["profile.postal_code", "profile.country", "profile.telephone"];
    let page = person.stumble(&form, 422, &[fields.as_slice(), rest.as_slice()].concat()).await?;
    let kept = page.form("Next")?;
    ensure!(kept.value("given_name") == Some(long(81).as_str()), "what was typed is kept, however long");
    ensure!(kept.value("profile.city") == Some("Toledo") && kept.value("email") == Some("ada@"), "{}", page.text());

    let form = kept
        .fill("given_name", "Ada")
        .fill("family_name", "Kestrel")
        .fill("email", "ada@kestrel.example")
        .fill("phone", "+1 419 555 0123")
        .fill("profile.legal_name", "Kestrel Machining LLC")
        .fill(street, "12 Lathe Street")
        .fill("profile.postal_code", "43604")
        .fill("profile.country", "US")
        .fill("profile.telephone", "");
    let page = person.browser.submit(form).await?.good()?.titled("Administrators")?;
    let one = |name: &str| format!("administrators.0.{name}");
    let wrong = page.form("Next")?.fill(&one("given_name"), "Bea").fill(&one("email"), "bea");
    let fields = [one("family_name"), one("email"), one("organisation_administrator")];
    let page = person.stumble(&wrong, 422, &fields.each_ref().map(String::as_str)).await?;
    ensure!(page.form("Next")?.value(&one("given_name")) == Some("Bea"), "{}", page.text());
    let form = page.form("Next")?.fill(&one("given_name"), "").fill(&one("email"), "");
    let page = person.browser.submit(form).await?.good()?.titled("Review")?;

    // A draft that somebody changed, or that is too old: begin again, with the way to it.
    let submit = page.form("Submit")?;
    let garbled = person.browser.submit_once(&submit.clone().fill("draft", "AAAA")).await?;
    ensure!(garbled.status == 422 && garbled.text().contains("Nothing was submitted"), "{}", garbled.text());
    world.host.clock().advance(Duration::from_hours(2));
    let before = world.store_contents().await?;
    let late = person.browser.submit_once(&submit).await?;
    ensure!(late.status == 422 && before == world.store_contents().await?, "{}", late.text());
    person.browser.open(&late.link("Begin again")?).await?.good()?.titled("Register your organization")?;
    world.stop().await
}

// ACT-1 ACT-2 SIG-1: activation and sign-in.
#[tokio::test(flavor = "multi_thread")]
async fn act_1_sig_1_activation_and_sign_in() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut ada = Programs::new(&world.place, "ada@kestrel.example")?;
    let reference = ada.register_publicly().await?;
    ada.registrar_signs_in().await?;
    ada.approve(&reference).await?;
    let token = ada.mailed_token("Activate your").await?;
    let mut person = Stumbling::new(&world);
    let page = person.open(&format!("/activate?token={token}")).await?;
    let questions = page.attributes("select[name=question_1] option", "value");
    let question = |number: usize| questions.get(number).map(String::as_str).context("a question");
    let numbered = |name: &str| [1, 2, 3].map(|number| format!("{name}_{number}"));
    let (asked, answers) = (numbered("question"), numbered("answer"));
    let pairs: Vec<&str> =
        asked.iter().zip(&answers).flat_map(|(question, answer)| [question.as_str(), answer]).collect();
    let filled = page.form("Next")?.fill("password", PASSWORD).fill("password_repeated", PASSWORD);
    person.stumble(&page.form("Next")?, 422, &[["password"].as_slice(), &pairs].concat()).await?;
    let mut answered = filled;
    for (number, (question_field, answer_field)) in asked.iter().zip(&answers).enumerate() {
        answered = answered.fill(question_field, question(number + 1)?).fill(answer_field, "Bluebell");
    }
    for weak in ["short", "password password", "aaaaaaaaaaaaaaaaaaaa", "ada@kestrel.example", "Kestrel Machining LLC"] {
        let form = answered.clone().fill("password", weak).fill("password_repeated", weak);
        let page = person.stumble(&form, 422, &["password"]).await.with_context(|| weak.to_owned())?;
        ensure!(!page.body.contains(&format!("value=\"{weak}\"")), "ACT-1: the page repeats a password");
    }
    let too_long = long(129);
    let form = answered.clone().fill("password", &too_long).fill("password_repeated", &too_long);
    person.stumble(&form, 422, &["password"]).await?;
    let differs = answered.clone().fill("password_repeated", "seven green kettles sing at dusk");
    person.stumble(&differs, 422, &["password_repeated"]).await?;
    let same = answered.clone().fill("question_2", question(1)?).fill("answer_3", "ab");
    let page = person.stumble(&same, 422, &["question_2", "answer_3"]).await?;
    ensure!(page.form("Next")?.value("question_1") == Some(question(1)?), "the choice is kept");
    let page = person.browser.submit(answered).await?.good()?;
    ensure!(page.url.path() == "/dashboard", "{}", page.url);

    let mut person = Stumbling::new(&world);
    let page = person.open("/sign-in").await?;
    let form = page.form("Sign in")?.fill("user", "nobody@kestrel.example").fill("password", PASSWORD);
    let stranger = person.stumble_and_be_counted(&form, 401, &["user"]).await?;
    let form = form.fill("user", "ada@kestrel.example").fill("password", "wrong");
    let known = person.stumble_and_be_counted(&form, 401, &["user"]).await?;
    ensure!(stranger.select(".faults") == known.select(".faults"), "SIG-1: the answers differ");
    person.stumble_and_be_counted(&page.form("Sign in")?, 401, &["user"]).await?;
    world.stop().await
}

// SIG-1 APR-1 SHP-2: the operators' forms.
#[tokio::test(flavor = "multi_thread")]
async fn apr_1_the_operators_forms() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut ada = Programs::new(&world.place, "ada@kestrel.example")?;
    let reference = ada.register_publicly().await?;
    let mut person = Stumbling::new(&world);
    let page = person.open("/operate/sign-in").await?;
    person.stumble(&page.form("Sign in")?, 422, &["operator", "password", "code"]).await?;
    let form = page.form("Sign in")?.fill("operator", "registrar").fill("password", "x").fill("code", "12345");
    let page = person.stumble(&form, 422, &["code"]).await?;
    ensure!(page.form("Sign in")?.value("operator") == Some("registrar"), "{}", page.text());
    person.stumble_and_be_counted(&form.fill("code", "123456"), 401, &["operator"]).await?;

    ada.registrar_signs_in().await?;
    let mut person = Stumbling::with(&world, OPERATOR, ada.registrar.cookie(OPERATOR));
    let address = ada.waiting(&reference).await?;
    let page = person.open(&address).await?;
    person.stumble(&page.form("Decide")?, 422, &["decision"]).await?;
    let form = page.form("Decide")?.fill("decision", "reject");
    let page = person.stumble(&form, 422, &["reason"]).await?;
    ensure!(page.form("Decide")?.value("decision") == Some("reject"), "{}", page.text());
    person.stumble(&form.clone().fill("reason", &long(1001)), 422, &["reason"]).await?;
    person.stumble(&form.fill("decision", "postpone"), 422, &["decision"]).await?;

    let page = person.open("/operate/promo-batches").await?;
    let blank = page.form("Download codes")?;
    person.stumble(&blank.clone().fill("discount", ""), 422, &["name", "partner", "products", "count"]).await?;
    let other = blank.fill("name", "Autumn").fill("partner", "anvil").fill("products", "cobalt-mobile-id");
    let other = other.fill("count", "0");
    person.stumble(&other.clone().fill("valid_days", "731"), 422, &["products", "count", "valid_days"]).await?;
    let wrong = other.fill("partner", "cobalt").fill("uses", "10001").fill("discount", "110%").fill("count", "1e2");
    let wrong = wrong.fill("valid_from", "soon");
    let page = person.stumble(&wrong, 422, &["count", "uses", "discount", "valid_from"]).await?;
    let again = page.form("Download codes")?;
    ensure!(again.value("discount") == Some("110%"), "{}", page.text());
    ensure!(again.value("products") == Some("cobalt-mobile-id"), "{}", page.text());
    world.stop().await
}

// SHP-1 SHP-2 SHP-5: cart and checkout.
#[tokio::test(flavor = "multi_thread")]
async fn shp_1_cart_and_checkout() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut guest = Stumbling::new(&world);
    let page = guest.open("/webstore-checkout/cobalt/cart?cobalt-mobile-id=1").await?;
    let many = page.form("Update Cart")?.fill("cobalt-mobile-id", "many");
    in_place(&guest.browser.submit(many).await?, 422, &["cobalt-mobile-id"])?;
    let over = page.form("Checkout as Guest")?.fill("cobalt-mobile-id", "21");
    let over = guest.browser.submit(over).await?;
    ensure!(over.status == 422 && over.url.path().ends_with("/cart"), "{} {}", over.status, over.url);
    ensure!(over.select("#field-lines .error").join("").contains("at most 20"), "{}", over.text());

    let page = guest.open("/webstore-checkout/cobalt/checkout?cobalt-mobile-id=1").await?;
    let form = page.form("Review Order")?;
    guest.stumble(&form, 422, &["given_name", "family_name", "email"]).await?;
    let named = form.fill("given_name", "Ada").fill("family_name", "Kestrel").fill("email", "ada@kestrel.example");
    // SHP-5: nothing covers the price.
    guest.stumble(&named, 422, &["promo_code"]).await?;
    for code in ["!", "0123456789ABC", "0123-4567-89ABC"] {
        let page = guest.stumble(&named.clone().fill("promo_code", code), 422, &["promo_code"]).await?;
        ensure!(page.form("Review Order")?.value("promo_code") == Some(code), "{}", page.text());
        let apply = page.form("Apply")?;
        guest.stumble(&apply, 422, &["promo_code"]).await?;
    }
    let tampered = named.fill("lines", "cobalt-mobile-id:21").fill("promo_code", "!");
    let page = guest.browser.submit_once(&tampered).await?;
    let summary = page.attributes(".faults a", "href");
    ensure!(page.status == 422 && summary == ["#field-lines", "#field-promo_code"], "{summary:?} {}", page.text());
    ensure!(!page.select("#field-lines .error").is_empty(), "{}", page.text());
    world.stop().await
}

// SHP-1: nothing is ordered before the review, and what was entered can be changed there.
#[tokio::test(flavor = "multi_thread")]
async fn shp_1_an_order_is_reviewed_before_it_is_placed() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut guest = Browser::new();
    let before = world.store_contents().await?;
    let page =
        guest.open(&world.url("/webstore-checkout/anvil/checkout?anvil-mobile-id=2")).await?.titled("Checkout")?;
    let form = page.form("Review Order")?.fill("given_name", "Ada").fill("family_name", "Kestrel");
    let form = form.fill("email", "ada@kestrel.example").fill("pay_by", "invoice").fill("purchase_order", "PO <1>");
    let form =
        form.fill("billing.street", "12 Lathe Street").fill("billing.city", "Toledo").fill("billing.region", "OH");
    let form = form.fill("billing.postal_code", "43604").fill("billing.country", "United States");
    let review = guest.submit(form).await?.titled("Review your order")?;
    let entered = ["Ada Kestrel", "ada@kestrel.example", "PO <1>", "12 Lathe Street"];
    for said in entered.into_iter().chain(["2 × Mobile ID MFA for Anvil (1 year)", "98.00 USD"]) {
        ensure!(review.text().contains(said), "{said}: {}", review.text());
    }
    let again = guest.submit(review.form("Change")?).await?.titled("Checkout")?;
    let form = again.form("Review Order")?;
    for (field, value) in [
        ("given_name", "Ada"),
        ("purchase_order", "PO <1>"),
        ("lines", "anvil-mobile-id:2"),
        ("billing.postal_code", "43604"),
    ] {
        ensure!(form.value(field) == Some(value), "{field}: {:?}", form.value(field));
    }
    let review = guest.submit(form.fill("given_name", "Bea")).await?.titled("Review your order")?;
    ensure!(world.store_contents().await? == before, "nothing is stored until it is ordered");
    let place = review.form("Place Order")?;
    let placed = guest.submit(place.clone()).await?.titled("Your order waits for payment")?;
    ensure!(placed.text().contains("Bea Kestrel"), "{}", placed.text());
    guest.submit(place).await?.titled("Your order waits for payment")?;
    world.stop().await
}

/// A supplier of the public application who is signed in by a program, and the licence key of an order.
async fn activated<'a>(world: &'a World, email: &str) -> anyhow::Result<Programs<'a>> {
    let mut ada = Programs::new(&world.place, email)?;
    let reference = ada.register_publicly().await?;
    ada.registrar_signs_in().await?;
    ada.approve(&reference).await?;
    ada.activate().await?;
    Ok(ada)
}

// TRM-1 CRD-1 CRD-4 OTP-1 OTP-2 TRM-4: a person's forms, from the terms to the launch.
#[tokio::test(flavor = "multi_thread")]
async fn trm_1_crd_1_otp_1_the_persons_forms() -> anyhow::Result<()> {
    let world = World::start().await?;
    let ada = activated(&world, "ada@kestrel.example").await?;
    let [first, second] =
        <[String; 2]>::try_from(ada.webstore_order("AN-1", 2).await?).map_err(|keys| anyhow::anyhow!("{keys:?}"))?;
    let mut person = Stumbling::with(&world, SESSION, ada.supplier.cookie(SESSION));

    let page = person.open("/accept-terms/business-network").await?;
    person.stumble(&page.form("Next")?, 422, &["agreed"]).await?;
    person.browser.submit(page.form("Next")?.fill("agreed", "yes")).await?.good()?;

    let page = person.open("/credentials/licence").await?;
    let form = page.form("Next")?;
    person.stumble(&form, 422, &["licence_key"]).await?;
    let mistyped = first.replacen(|_| true, if first.starts_with('X') { "Y" } else { "X" }, 1);
    let page = person.stumble(&form.clone().fill("licence_key", &mistyped), 422, &["licence_key"]).await?;
    ensure!(page.form("Next")?.value("licence_key") == Some(mistyped.as_str()), "{}", page.text());
    let page = person.browser.submit(form.clone().fill("licence_key", &first)).await?.good()?;
    let agreement = page.form("Activate")?;
    person.stumble(&agreement, 422, &["agreed"]).await?;
    let changed = agreement.clone().fill("agreement", &"0".repeat(64)).fill("agreed", "yes");
    person.stumble(&changed, 409, &["agreed"]).await?;
    let page = person.browser.submit(agreement.fill("agreed", "yes")).await?.good()?;

    let page = person.browser.submit(page.form("Set up")?).await?.good()?;
    let uri = page.attributes("a[href^='otpauth://']", "href").pop().context("the page has the otpauth URI")?;
    let mut app = Authenticator::scan(&uri)?;
    person.stumble(&page.form("Verify")?, 422, &["code"]).await?;
    person.stumble(&page.form("Verify")?.fill("code", "12 34"), 422, &["code"]).await?;
    let code = app.read_code(&world.place.time).await;
    let wrong = page.form("Verify")?.fill("code", &another(&code));
    let page = person.stumble_and_be_counted(&wrong, 422, &["code"]).await?;
    ensure!(page.text().contains("Tries left: 9"), "OTP-3: {}", page.text());
    person.browser.submit(page.form("Verify")?.fill("code", &code)).await?.good()?.titled("Welcome")?;

    let page = person.open("/verify-otp").await?;
    person.stumble(&page.form("Verify")?, 422, &["code"]).await?;
    // OTP-2: the code of the enrolment was used.
    let page = person.stumble_and_be_counted(&page.form("Verify")?.fill("code", &code), 422, &["code"]).await?;
    let page = person.stumble(&page.form("Verify")?.fill("code", "six"), 422, &["code"]).await?;
    let code = app.read_code(&world.place.time).await;
    person.browser.submit(page.form("Verify")?.fill("code", &code)).await?.good()?;

    // TRM-4: the access terms of a launch.
    let page = person.open("/launch/business-network").await?;
    person.stumble(&page.form("Launch")?, 422, &["accept_terms"]).await?;
    let changed = page.form("Launch")?.fill("digest", &"0".repeat(64)).fill("accept_terms", "yes");
    person.stumble(&changed, 409, &["accept_terms"]).await?;

    // With two authenticators the person says whose code it is.
    let page = person.browser.submit(form.fill("licence_key", &second)).await?.good()?;
    let page = person.browser.submit(page.form("Activate")?.fill("agreed", "yes")).await?.good()?;
    let page = person.browser.submit(page.form("Set up")?).await?.good()?;
    let uri = page.attributes("a[href^='otpauth://']", "href").pop().context("the page has the otpauth URI")?;
    let code = Authenticator::scan(&uri)?.read_code(&world.place.time).await;
    person.browser.submit(page.form("Verify")?.fill("code", &code)).await?.good()?;
    let page = person.open("/verify-otp").await?;
    person.stumble(&page.form("Verify")?, 422, &["code"]).await?;
    person.stumble(&page.form("Verify")?.fill("code", "123456"), 422, &["credential"]).await?;
    person.stumble(&page.form("Verify")?.fill("credential", "x"), 422, &["credential", "code"]).await?;
    world.stop().await
}

/// Six digits that are not these.
fn another(code: &str) -> String {
    code.chars().map(|digit| if digit == '9' { '0' } else { '9' }).collect()
}

// CRD-9: whoever has an authenticator shows it before a further seed is shown, by page and by JSON, and sees the seed then.
#[tokio::test(flavor = "multi_thread")]
async fn crd_9_a_step_up_before_a_seed_is_shown() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut ada = activated(&world, "ada@kestrel.example").await?;
    let [first, second] =
        <[String; 2]>::try_from(ada.webstore_order("AN-1", 2).await?).map_err(|keys| anyhow::anyhow!("{keys:?}"))?;
    let address = ada.activate_licence(&first).await?;
    let mut app = ada.enrol(&address).await?;
    let further = ada.activate_licence(&second).await?;
    let offered = ada.supplier.post(&further, &json!({}), reqwest::StatusCode::OK).await?;
    ensure!(offered.get("otpauth_uri").is_some(), "the enrolment's own code is fresh: {offered}");
    // A quarter of an hour later, and in another session of the same person.
    world.host.clock().advance(Duration::from_mins(15));
    for again in [false, true] {
        if again {
            ada.sign_in("ada@kestrel.example").await?;
        }
        let before = world.store_contents().await?;
        let asked = ada.supplier.request(reqwest::Method::GET, &further);
        ada.supplier.send(asked).await?.problem(401, "otp-required")?;
        let begun = ada.supplier.request(reqwest::Method::POST, &further).json(&json!({}));
        ada.supplier.send(begun).await?.problem(401, "otp-required")?;
        let proved = ada.supplier.request(reqwest::Method::POST, &format!("{further}/verify"));
        ada.supplier.send(proved.json(&json!({ "code": "123456" }))).await?.problem(401, "otp-required")?;
        ensure!(before == world.store_contents().await?, "CRD-9: something changed");
    }
    let mut person = Stumbling::with(&world, SESSION, ada.supplier.cookie(SESSION));
    let page = person.browser.open(&world.url(&further)).await?.good()?;
    ensure!(page.url.path() == "/verify-otp" && !page.body.contains("otpauth:"), "{}", page.url);
    let code = app.read_code(&world.place.time).await;
    let page = person.browser.submit(page.form("Verify")?.fill("code", &code)).await?.good()?;
    ensure!(page.url.path() == further && page.body.contains("otpauth:"), "{}: {}", page.url, page.text());
    world.stop().await
}

// SIG-2: a form that was opened in time and sent after the session's end changes nothing and leads to the sign-in.
#[tokio::test(flavor = "multi_thread")]
async fn sig_2_sessions_that_end_while_a_form_is_open() -> anyhow::Result<()> {
    let world = World::start().await?;
    let ada = activated(&world, "ada@kestrel.example").await?;
    let mut person = Stumbling::with(&world, SESSION, ada.supplier.cookie(SESSION));
    let mut registrar = Stumbling::with(&world, OPERATOR, ada.registrar.cookie(OPERATOR));
    let terms = person.open("/accept-terms/business-network").await?.form("Next")?.fill("agreed", "yes");
    let licence = person.open("/credentials/licence").await?.form("Next")?.fill("licence_key", "x");
    let launch = person.open("/dashboard").await?.form("Sign out")?;
    let batch = registrar.open("/operate/promo-batches").await?.form("Download codes")?;
    let before = world.store_contents().await?;
    world.host.clock().advance(Duration::from_hours(1));
    for form in [&terms, &licence] {
        let page = person.browser.submit_once(form).await?;
        let location = page.headers.get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
        ensure!(page.status == 303 && location.starts_with("/sign-in"), "{} {location}", page.status);
    }
    // Signing out is possible all the same.
    ensure!(person.browser.submit_once(&launch).await?.status == 303, "signing out twice is harmless");
    world.host.clock().advance(Duration::from_hours(11));
    let page = registrar.browser.submit_once(&batch).await?;
    let location = page.headers.get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
    ensure!(page.status == 303 && location.starts_with("/operate/sign-in"), "{} {location}", page.status);
    let after = world.store_contents().await?;
    let changed: Vec<&String> =
        after.iter().filter(|(key, value)| before.get(*key) != Some(value)).map(|(key, _)| key).collect();
    ensure!(changed.len() <= 1, "besides the account that signed out, {changed:?} changed");

    // The sign-in leads back to where the person was going, with the whole query.
    let page = person.browser.open(&world.url("/verify-otp?continue=%2Flaunch%2Fbusiness-network")).await?.good()?;
    let form = page.form("Sign in")?;
    ensure!(
        form.value("continue") == Some("/verify-otp?continue=%2Flaunch%2Fbusiness-network"),
        "{:?}",
        form.value("continue")
    );
    // A form that was opened before somebody signed in is refused with what to do.
    let stale = form.clone().fill("user", "ada@kestrel.example").fill("password", PASSWORD);
    person.browser.submit(stale.clone()).await?;
    let page = person.browser.submit_once(&stale).await?;
    ensure!(page.status == 403 && page.text().contains("reload"), "{} {}", page.status, page.text());
    world.stop().await
}

// TRM-2 TRM-3: the terms change between the page and its answer: nothing is accepted, and the page shows the new text.
#[tokio::test(flavor = "multi_thread")]
async fn trm_3_terms_that_change_while_they_are_read() -> anyhow::Result<()> {
    let later = journeys::world::start_unix_seconds() + 3600;
    let later = jiff::Timestamp::from_second(i64::try_from(later)?)?;
    let version = format!(
        "[[applications.business-network.terms]]\nversion = \"2027-01\"\neffective = {later}\ngrace_days = 14\ntext = \
         \"Everything is different now.\"\n\n[applications.business-network.oidc]"
    );
    let gateway = vec![("[applications.business-network.oidc]".to_owned(), version)];
    let world = World::with(Wishes { gateway, ..Wishes::default() }).await?;
    let mut ada = activated(&world, "ada@kestrel.example").await?;
    let mut person = Stumbling::with(&world, SESSION, ada.supplier.cookie(SESSION));
    let page = person.open("/accept-terms/business-network").await?;
    let shown = ada.supplier.get("/accept-terms/business-network").await?;
    let form = page.form("Next")?.fill("agreed", "yes");
    world.host.clock().advance(Duration::from_mins(50));
    // Seen in between, so that the session goes on.
    person.open("/dashboard").await?;
    world.host.clock().advance(Duration::from_secs(700));
    let page = person.stumble(&form, 409, &["agreed"]).await?;
    ensure!(page.body.contains("Everything is different now."), "{}", page.text());
    ada.supplier = journeys::client::Client::new(&world.place.service)?;
    let signed_in = json!({ "user": "ada@kestrel.example", "password": PASSWORD });
    ada.supplier.post("/sign-in", &signed_in, reqwest::StatusCode::OK).await?;
    let body = json!({ "agreed": true, "digest": shown.pointer("/current/digest") });
    let old = ada.supplier.request(reqwest::Method::POST, "/accept-terms/business-network").json(&body);
    ada.supplier.send(old).await?.problem(409, "terms-changed")?;
    let page = person.browser.submit(page.form("Next")?.fill("agreed", "yes")).await?.good()?;
    ensure!(page.url.path() == "/dashboard", "{}", page.url);
    let accepted = ada.supplier.get("/accept-terms/business-network").await?;
    ensure!(accepted.pointer("/standing") == Some(&json!("accepted")), "{accepted}");
    world.stop().await
}
