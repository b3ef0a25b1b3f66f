//! Hardware over HTTP: ordered with addresses, paid, shipped one by one or as a list, and activated with what stands on the
//! token.

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

use std::time::Duration;

use anyhow::{Context, ensure};
use journeys::{
    browser::Browser,
    by_json::{Programs, address, form_id, order_token},
    client::{Answer, Client},
    world::{Wishes, World, tokens_sold},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const ADA: &str = "ada@kestrel.example";
const LICENCE: &str = "/credentials/licence";
const SUPPLY: &str = "supply-platform";

async fn world() -> anyhow::Result<World> {
    World::with(Wishes { gateway: vec![tokens_sold()], ..Wishes::default() }).await
}

fn order_of(quantity: u32) -> Value {
    json!({
        "form": form_id(), "given_name": "Ada", "family_name": "Kestrel", "email": ADA,
        "lines": [{ "product": "anvil-token", "quantity": quantity }], "promo_code": "", "pay_by": "invoice",
        "shipping": address(), "billing_same": true, "action": "place",
    })
}

async fn checkout(guest: &mut Client, body: &Value) -> anyhow::Result<Answer> {
    let request = guest.request(Method::POST, "/webstore-checkout/anvil/checkout").json(body);
    guest.send(request).await
}

/// An order of so many tokens that is paid: its reference and its address at the operators' desk, and its page.
struct Paid {
    reference: String,
    desk: String,
    page: String,
}

async fn paid(programs: &mut Programs<'_>, guest: &mut Client, quantity: u32) -> anyhow::Result<Paid> {
    let placed = checkout(guest, &order_of(quantity)).await?.document(StatusCode::CREATED)?;
    pay(programs, &placed).await
}

async fn pay(programs: &mut Programs<'_>, placed: &Value) -> anyhow::Result<Paid> {
    let reference = placed["order"].as_str().context("a reference")?.to_owned();
    let token = order_token(placed)?;
    let found = programs.registrar.get(&format!("/operate/orders?reference={reference}")).await?;
    let id = found.pointer("/orders/0/id").and_then(Value::as_str).context("it is found by its reference")?.to_owned();
    let desk = format!("/operate/orders/{id}");
    programs.registrar.post(&format!("{desk}/paid"), &json!({}), StatusCode::OK).await?;
    Ok(Paid { reference, desk, page: format!("/webstore-checkout/orders?token={token}") })
}

async fn activated(programs: &mut Programs<'_>) -> anyhow::Result<()> {
    programs.invite().await?;
    let reference = programs.register_invited().await?;
    programs.registrar_signs_in().await?;
    programs.approve(&reference).await?;
    programs.activate().await.map(drop)
}

async fn enter(programs: &mut Programs<'_>, key: &str, serial: &str) -> anyhow::Result<Answer> {
    let body = json!({ "licence_key": key, "agreed": true, "serial": serial });
    let request = programs.supplier.request(Method::POST, LICENCE).json(&body);
    programs.supplier.send(request).await
}

fn parcel(serials: &[&str]) -> Value {
    let tokens: Vec<Value> = serials.iter().map(|one| json!({ "product": "anvil-token", "serial": one })).collect();
    json!({ "tokens": tokens, "carrier": "Swift Post", "tracking": "SP 0123" })
}

async fn ship(programs: &mut Programs<'_>, desk: &str, serials: &[&str]) -> anyhow::Result<Answer> {
    let request = programs.registrar.request(Method::POST, &format!("{desk}/shipped")).json(&parcel(serials));
    programs.registrar.send(request).await
}

async fn import(programs: &mut Programs<'_>, lines: &str) -> anyhow::Result<Value> {
    let request = programs.registrar.request(Method::POST, "/operate/orders/shipments");
    let list = format!("order,product,serial,carrier,tracking\n{lines}");
    programs.registrar.send(request.header("content-type", "text/csv").body(list)).await?.document(StatusCode::OK)
}

/// What came of each line, and the code of what is wrong with it.
fn results(imported: &Value) -> Vec<(String, String)> {
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let lines = imported["lines"].as_array().into_iter().flatten();
    lines.map(|line| (text(line, "result"), text(line, "code"))).collect()
}

// SHP-1 SHP-5 SHP-8: nothing is shipped before the invoice is paid, nothing activated before it is shipped, and then only with
// the serial number that was shipped.
#[tokio::test(flavor = "multi_thread")]
async fn shp_8_a_token_is_shipped_and_activated_with_its_serial() -> anyhow::Result<()> {
    let world = world().await?;
    let mut programs = Programs::new(&world.place, ADA)?;
    activated(&mut programs).await?;
    let mut guest = Client::new(&world.place.service)?;
    let order = paid(&mut programs, &mut guest, 1).await?;
    let shown = programs.registrar.get("/operate/orders?list=to-ship").await?;
    ensure!(shown.pointer("/orders/0/reference") == Some(&json!(order.reference)), "{shown}");
    ensure!(
        shown.pointer("/orders/0/ship_to")
            == Some(&json!(["Ada Kestrel", "12 Lathe Street", "Toledo, OH 43604", "United States of America"])),
        "{shown}"
    );
    let mail = world.place.mail(ADA, "Your licence keys").await?;
    ensure!(mail.text.contains("Do not activate the licence key of a token before"), "{}", mail.text);
    let keys = programs.licence_keys().await?;
    let [key] = keys.as_slice() else { anyhow::bail!("one key: {}", keys.len()) };
    enter(&mut programs, key, "GALT10000123").await?.problem(409, "shipment-pending")?;
    let ship_it = ship(&mut programs, &order.desk, &["galt-1000 0123"]).await?.document(StatusCode::OK)?;
    ensure!(ship_it.pointer("/shipments/0/tokens/0/serial") == Some(&json!("GALT10000123")), "{ship_it}");
    ensure!(programs.registrar.get("/operate/orders?list=to-ship").await?["orders"] == json!([]));
    ship(&mut programs, &order.desk, &["GALT10000123"]).await?.document(StatusCode::OK)?;
    let mails = world.place.mails(ADA).await?;
    let on_their_way: Vec<_> = mails.iter().filter(|mail| mail.subject == "Your token is on its way").collect();
    ensure!(on_their_way.len() == 1, "once");
    ensure!(on_their_way[0].text.contains("SP 0123") && !mails.iter().any(|mail| mail.text.contains("10000123")));
    let shown = guest.get(&order.page).await?;
    ensure!(shown.pointer("/shipments/0/tracking") == Some(&json!("SP 0123")), "{shown}");
    ensure!(!shown.to_string().contains("10000123"), "the number stands on the token alone: {shown}");
    for wrong in ["GALT10000124", "0000"] {
        enter(&mut programs, key, wrong).await?.problem(422, "serial-not-usable")?;
    }
    enter(&mut programs, key, "12/34").await?.problem(422, "invalid-input")?;
    enter(&mut programs, key, "").await?.problem(422, "invalid-input")?;
    let activated = enter(&mut programs, key, "GALT 1000 0123").await?.document(StatusCode::OK)?;
    ensure!(activated["authenticator"] == "/credentials", "{activated}");
    let held = programs.supplier.get("/credentials").await?;
    let credential = &held["credentials"][0];
    ensure!(credential["state"] == "not-registered" && credential["serial_ending"] == "0123", "{held}");
    // A refund afterwards is for somebody to look at.
    let refunded = programs.registrar.post(&format!("{}/refunded", order.desk), &json!({}), StatusCode::OK).await?;
    ensure!(refunded["flagged"] == true, "{refunded}");
    world.stop().await
}

// SHP-8: a serial number goes with one order, a mistyped one is corrected until it is used, and a list is read line by line.
#[tokio::test(flavor = "multi_thread")]
async fn shp_8_a_list_of_shipments_spoils_nothing_and_repeats_nothing() -> anyhow::Result<()> {
    let world = world().await?;
    let mut programs = Programs::new(&world.place, ADA)?;
    programs.registrar_signs_in().await?;
    let mut guest = Client::new(&world.place.service)?;
    let first = paid(&mut programs, &mut guest, 2).await?;
    let second = paid(&mut programs, &mut guest, 1).await?;
    let (one, two) = (&first.reference, second.reference.to_lowercase());
    let lines = format!(
        "{one},anvil-token,A-0001,Swift Post,SP-1\n{one},anvil-token,A-0002,Swift Post,SP-1\n\
         {two},anvil-token,A-0001,,\nO-AAAAAAAAAA,anvil-token,A-0003,,\n{two},anvil-token,x,,\n\
         {two},anvil-token,A-0004,,\n{one},anvil-token,A-0005,,\n"
    );
    let said = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(result, code)| ((*result).to_owned(), (*code).to_owned())).collect()
    };
    let refusals = |first: &'static str, last: &'static str| {
        said(&[
            (first, ""),
            (first, ""),
            ("refused", "serial-shipped"),
            ("refused", "unknown"),
            ("refused", "serial-invalid"),
            (last, ""),
            ("refused", "no-unit-left"),
        ])
    };
    let imported = import(&mut programs, &lines).await?;
    ensure!(results(&imported) == refusals("shipped", "shipped"), "{imported}");
    let before = world.store_contents().await?;
    let again = import(&mut programs, &lines).await?;
    let mut expected = refusals("unchanged", "unchanged");
    // No unit of the second order is left by now.
    expected[2].1 = "no-unit-left".to_owned();
    ensure!(results(&again) == expected, "{again}");
    ensure!(before == world.store_contents().await?, "repeating it changes nothing");
    let mails = world.place.mails(ADA).await?;
    let told = mails.iter().filter(|mail| mail.subject == "Your token is on its way").count();
    ensure!(told == 2, "one mail a parcel: {told}");
    let third = paid(&mut programs, &mut guest, 1).await?;
    let taken = ship(&mut programs, &third.desk, &["A0001"]).await?.problem(422, "invalid-input")?;
    ensure!(taken.pointer("/errors/0/pointer") == Some(&json!("/tokens/0/serial")), "{taken}");
    // The number was mistyped: once that is corrected, it is free.
    let corrected = json!({ "wrong": "A0001", "right": "B0001" });
    let address = format!("{}/corrected", first.desk);
    for _ in 0..2 {
        programs.registrar.post(&address, &corrected, StatusCode::OK).await?;
    }
    let request = programs.registrar.request(Method::POST, &address).json(&json!({ "wrong": "A0004", "right": "B1" }));
    programs.registrar.send(request).await?.problem(422, "invalid-input")?;
    world.place.time.pass(Duration::from_secs(121)).await;
    ship(&mut programs, &third.desk, &["A0001"]).await?.document(StatusCode::OK)?;
    // Neither the heading's nor another site's list is taken.
    let address = "/operate/orders/shipments";
    let request =
        programs.registrar.request(Method::POST, address).header("content-type", "text/csv").body("a,b\n1,2\n");
    programs.registrar.send(request).await?.problem(422, "invalid-input")?;
    let request = programs.registrar.request(Method::POST, address).header("content-type", "text/csv");
    let request = request.header("origin", "https://elsewhere.example").body("order\n");
    programs.registrar.send(request).await?.problem(403, "form-not-ours")?;
    world.stop().await
}

// SHP-8: two people, one token: whoever is first has it.
#[tokio::test(flavor = "multi_thread")]
async fn shp_8_two_activations_race_for_one_token() -> anyhow::Result<()> {
    let world = world().await?;
    let mut programs = Programs::new(&world.place, ADA)?;
    activated(&mut programs).await?;
    let mut guest = Client::new(&world.place.service)?;
    let order = paid(&mut programs, &mut guest, 2).await?;
    let keys = programs.licence_keys().await?;
    ship(&mut programs, &order.desk, &["A0001"]).await?.document(StatusCode::OK)?;
    let requests = keys.iter().map(|key| {
        let body = json!({ "licence_key": key, "agreed": true, "serial": "A0001" });
        programs.supplier.request(Method::POST, LICENCE).json(&body).send()
    });
    let answers = futures_util::future::try_join_all(requests).await?;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    statuses.sort_unstable();
    ensure!(matches!(statuses.as_slice(), [200, 409 | 422]), "{statuses:?}");
    let shown = programs.registrar.get(&order.desk).await?;
    let in_use =
        shown["licences"].as_array().context("licences")?.iter().filter(|one| one["state"] == "in-use").count();
    ensure!(in_use == 1, "{shown}");
    world.stop().await
}

// SHP-8 LCH-1: the dashboard knows of a token from its order until it is in use.
#[tokio::test(flavor = "multi_thread")]
async fn lch_1_the_dashboard_follows_a_token() -> anyhow::Result<()> {
    let accepted = |more: &str| format!("accepted_products = [\"anvil-mobile-id\", \"cobalt-mobile-id\"{more}]\n");
    let gateway = vec![tokens_sold(), (accepted(""), accepted(", \"anvil-token\""))];
    let world = World::with(Wishes { gateway, ..Wishes::default() }).await?;
    let mut programs = Programs::new(&world.place, ADA)?;
    activated(&mut programs).await?;
    programs.accept_terms(SUPPLY).await?;
    let placed = checkout(&mut programs.supplier, &order_of(1)).await?.document(StatusCode::CREATED)?;
    ensure!(programs.next(SUPPLY).await? == "payment-pending");
    let order = pay(&mut programs, &placed).await?;
    ensure!(programs.next(SUPPLY).await? == "shipment-pending");
    ship(&mut programs, &order.desk, &["GALT10000123"]).await?.document(StatusCode::OK)?;
    ensure!(programs.next(SUPPLY).await? == "licence-not-activated");
    let keys = programs.licence_keys().await?;
    let [key] = keys.as_slice() else { anyhow::bail!("one key: {}", keys.len()) };
    enter(&mut programs, key, "GALT10000123").await?.document(StatusCode::OK)?;
    // The codes of tokens cannot be checked yet (CRD-2), so that this one opens nothing.
    ensure!(programs.next(SUPPLY).await? == "credential-missing");
    world.stop().await
}

// SHP-1: addresses are asked for where they are needed, by the rules of their country, and are a part of the order.
#[tokio::test(flavor = "multi_thread")]
async fn shp_1_addresses_follow_the_rules_of_their_country() -> anyhow::Result<()> {
    let world = world().await?;
    let mut guest = Client::new(&world.place.service)?;
    let mut body = order_of(1);
    body["shipping"]["postal_code"] = json!("436");
    let refused = checkout(&mut guest, &body).await?.problem(422, "invalid-input")?;
    let error = &refused["errors"][0];
    ensure!(error["pointer"] == "/shipping/postal_code", "{refused}");
    ensure!(error["detail"] == "Enter a postal code such as 10999 or 10999-1234.", "{refused}");
    body["shipping"] = json!({});
    checkout(&mut guest, &body).await?.problem(422, "invalid-input")?;
    body["shipping"] = address();
    let placed = checkout(&mut guest, &body).await?.document(StatusCode::CREATED)?;
    checkout(&mut guest, &body).await?.document(StatusCode::OK)?;
    body["shipping"]["street"] = json!("14 Lathe Street");
    checkout(&mut guest, &body).await?.problem(409, "order-form-reused")?;
    let token = order_token(&placed)?;
    let shown = guest.get(&format!("/webstore-checkout/orders?token={token}")).await?;
    let lines = json!(["12 Lathe Street", "Toledo, OH 43604", "United States of America"]);
    ensure!(shown["shipping_address"] == lines && shown["billing_address"] == lines, "{shown}");
    let mut software = order_of(1);
    software["lines"] = json!([{ "product": "anvil-mobile-id", "quantity": 1 }]);
    let refused = checkout(&mut guest, &software).await?.problem(422, "invalid-input")?;
    ensure!(
        refused["errors"][0]["pointer"] == "/billing/street",
        "nothing is shipped, and an invoice is sent: {refused}"
    );
    software["billing"] = address();
    checkout(&mut guest, &software).await?.document(StatusCode::CREATED)?;
    world.stop().await
}

// SHP-1 SHP-8: the same by pages, without scripts: one form with every field, faults in place, and the desk's forms.
#[tokio::test(flavor = "multi_thread")]
async fn shp_8_a_token_is_ordered_and_shipped_by_pages() -> anyhow::Result<()> {
    let world = world().await?;
    let mut guest = Browser::new();
    let page = guest.open(&world.url("/webstore-checkout/anvil/checkout?anvil-token=1")).await?.good()?;
    let form = page
        .form("Review Order")?
        .fill("given_name", "Ada")
        .fill("family_name", "Kestrel")
        .fill("email", ADA)
        .fill("shipping.street", "12 Lathe Street")
        .fill("shipping.city", "Toledo")
        .fill("shipping.country", "United States of America")
        .fill("pay_by", "invoice")
        .fill("billing_same", "yes");
    let page = guest.submit(form).await?;
    ensure!(
        page.text().contains("Enter the state or region.") && page.text().contains("such as 10999"),
        "{}",
        page.text()
    );
    let form = page.form("Review Order")?.fill("shipping.region", "OH").fill("shipping.postal_code", "43604");
    let review = guest.submit(form).await?.titled("Review your order")?;
    ensure!(review.text().matches("Toledo, OH 43604").count() == 2, "shipped and billed to: {}", review.text());
    let page = guest.submit(review.form("Place Order")?).await?.good()?;
    ensure!(page.text().contains("Toledo, OH 43604"), "{}", page.text());
    let reference =
        page.text().split_whitespace().find(|word| word.starts_with("O-")).context("a reference")?.to_owned();

    let mut ignore = |_| {};
    let mut story = journeys::story::Story::new(&world.place, ADA, &mut ignore);
    story.registrar_signs_in().await?;
    let desk = &mut story.registrar;
    let page = desk.open(&world.url("/operate/orders")).await?.good()?;
    let nowhere = desk.submit(page.form("Find")?.fill("reference", "O-AAAAAAAAAA")).await?;
    ensure!(nowhere.text().contains("There is no order with this number."), "{}", nowhere.text());
    let page = desk.submit(nowhere.form("Find")?.fill("reference", &reference)).await?.good()?;
    let page = desk.submit(page.form("It is fully paid")?).await?.good()?;
    let form = page.form("It is shipped")?.fill("carrier", "Swift Post");
    let page = desk.submit(form).await?;
    ensure!(page.text().contains("Enter the serial number of at least one token."), "{}", page.text());
    let form = page.form("It is shipped")?.fill("tokens.0.serial", "A 0001");
    let page = desk.submit(form).await?.good()?;
    ensure!(page.text().contains("The customer is told that the token is on its way."), "{}", page.text());
    let page = desk.submit(page.form("Correct it")?.fill("wrong", "A0001").fill("right", "A0002")).await?.good()?;
    ensure!(page.text().contains("A0002") && !page.text().contains("A0001"), "{}", page.text());
    let page = desk.open(&world.url("/operate/orders/shipments")).await?.good()?;
    let list = format!(
        "order,product,serial,carrier,tracking\n{reference},anvil-token,A0002,,\n{reference},anvil-token,A0003,,"
    );
    let page = desk.submit(page.form("Note what was shipped")?.fill("shipments", &list)).await?.good()?;
    ensure!(page.text().contains("0 shipped, 1 shipped before, 1 not accepted."), "{}", page.text());
    ensure!(page.form("Note what was shipped")?.value("shipments").is_some_and(|left| left.contains("A0003")));
    world.stop().await
}
