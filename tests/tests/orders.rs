//! What becomes of orders, over HTTP: news of shops in every dialect, invoices, refunds, keys that are sent again, webhooks
//! that nobody could act upon, and what a person finds of what they ordered.

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

use std::time::Duration;

use anyhow::{Context, ensure};
use journeys::{
    by_json::{Programs, address, form_id, order_token},
    client::{Answer, Client},
    signer::{Signer, Unsigned},
    world::{Wishes, World},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::webhook::Dialect;

const ADA: &str = "ada@kestrel.example";
const SUPPLY: &str = "supply-platform";

/// Anvil's webstore, as this provider's software sends.
struct Shop<'a> {
    world: &'a World,
    dialect: Dialect,
    secret: &'a str,
}

impl<'a> Shop<'a> {
    fn of(world: &'a World, dialect: Dialect) -> Self {
        Self { world, dialect, secret: &world.place.secrets.anvil_webhook_secret }
    }

    /// The provider's own library signs.
    async fn says(&self, body: &Value) -> anyhow::Result<Answer> {
        let body = body.to_string();
        let unsigned = Unsigned { id: "msg_1", unix_seconds: self.world.place.time.unix_seconds(), body: &body };
        let headers = Signer::install()?.sign(self.dialect, self.secret, unsigned)?;
        let mut request = reqwest::Client::new()
            .post(self.world.url("/webstore-checkout/webhooks/anvil"))
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        Answer::of(request.body(body.clone()).send().await?).await
    }

    async fn expects(&self, body: &Value, state: &str, licences: u64) -> anyhow::Result<()> {
        let said = self.says(body).await?.document(StatusCode::OK)?;
        let expected = json!({ "handled": true, "order": said["order"], "state": state, "licences": licences });
        ensure!(said == expected, "{:?}: {said}", self.dialect);
        Ok(())
    }
}

fn customer() -> Value {
    json!({ "given_name": "Ada", "family_name": "Lovelace", "email": ADA })
}

/// What each dialect says of an order of two units: that it was created, paid and refunded.
fn story(dialect: Dialect, order: &str) -> [Value; 3] {
    match dialect {
        Dialect::Standard => {
            let sale = |kind: &str| {
                json!({ "type": kind, "timestamp": "2026-12-01T09:00:00Z", "data": {
                    "order_id": order, "customer": customer(), "total_minor": 9_800, "currency": "USD",
                    "lines": [{ "product": "anvil-mobile-id", "quantity": 2 }],
                } })
            };
            let refunded =
                json!({ "type": "order.refunded", "timestamp": "2026-12-09T09:00:00Z", "data": { "order_id": order } });
            [sale("order.created"), sale("order.paid"), refunded]
        }
        Dialect::Stripe => {
            let session = |kind: &str, status: &str| {
                json!({ "id": "evt_1", "object": "event", "type": kind, "data": { "object": {
                    "id": "cs_1", "object": "checkout.session", "amount_total": 9_800, "currency": "usd",
                    "client_reference_id": order, "metadata": { "lines": "anvil-mobile-id:2" },
                    "customer_details": { "email": ADA, "name": "Ada Lovelace" }, "payment_status": status,
                } } })
            };
            let refunded = json!({ "id": "evt_3", "object": "event", "type": "charge.refunded", "data": { "object": {
                "id": "ch_1", "object": "charge", "refunded": true, "metadata": { "order_id": order },
            } } });
            let created = session("checkout.session.completed", "unpaid");
            [created, session("checkout.session.async_payment_succeeded", "paid"), refunded]
        }
        Dialect::Shopify => ["pending", "paid", "refunded"].map(|status| {
            let id: u64 = order.bytes().map(u64::from).fold(0, |sum, byte| sum * 31 + byte);
            json!({ "id": id, "admin_graphql_api_id": format!("gid://shopify/Order/{id}"), "financial_status": status,
                "cancelled_at": null, "test": false, "currency": "USD", "total_price": "98.00", "email": ADA,
                "customer": { "first_name": "Ada", "last_name": "Lovelace" },
                "line_items": [{ "sku": "anvil-mobile-id", "quantity": 2, "price": "49.00" }] })
        }),
    }
}

async fn subjects(world: &World, to: &str) -> anyhow::Result<Vec<String>> {
    Ok(world.place.mails(to).await?.into_iter().map(|mail| mail.subject).collect())
}

async fn of_dialect(dialect: Dialect) -> anyhow::Result<()> {
    let (name, _) = Dialect::NAMES.into_iter().find(|(_, known)| *known == dialect).context("it has a name")?;
    let secrets = "webhook_secret_variables = [\"anvil_webhook_secret\"]";
    let gateway = vec![(secrets.to_owned(), format!("{secrets}\nwebhook_dialect = \"{name}\""))];
    let world = World::with(Wishes { gateway, ..Wishes::default() }).await?;
    let shop = Shop::of(&world, dialect);
    // In order, and each of them twice.
    let [created, paid, refunded] = story(dialect, "AN-1");
    for (said, state, licences) in [(&created, "awaiting-payment", 0), (&paid, "complete", 2)] {
        shop.expects(said, state, licences).await?;
        shop.expects(said, state, licences).await?;
    }
    shop.expects(&created, "complete", 2).await?;
    let mails = subjects(&world, ADA).await?;
    ensure!(mails.len() == 3, "SHP-6: receipt, licence keys, order, once each: {mails:?}");
    shop.expects(&refunded, "refunded", 0).await?;
    shop.expects(&paid, "refunded", 0).await?;
    ensure!(subjects(&world, ADA).await?.len() == 4, "one mail more: the keys do not work any more");
    // The other way round.
    let [created, paid, refunded] = story(dialect, "AN-2");
    for said in [&refunded, &paid, &created] {
        shop.expects(said, "refunded", 0).await?;
    }
    ensure!(subjects(&world, ADA).await?.len() == 4, "nobody was told of keys that never were");
    // All at once.
    let [created, paid, _] = story(dialect, "AN-3");
    let [first, second, third] = [&paid, &created, &paid].map(|said| shop.says(said));
    let answers = futures_util::future::join3(first, second, third).await;
    for answer in [answers.0?, answers.1?, answers.2?] {
        ensure!(matches!(answer.status.as_u16(), 200 | 503), "{}", answer.status);
    }
    shop.expects(&paid, "complete", 2).await?;
    ensure!(subjects(&world, ADA).await?.len() == 7, "once each");
    let forged = Shop { secret: "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", ..shop };
    forged.says(&paid).await?.problem(401, "webhook-not-verified")?;
    world.stop().await
}

// SHP-7: Standard Webhooks, signed by the library of its authors; events in any order and any number of times.
#[tokio::test(flavor = "multi_thread")]
async fn shp_7_news_as_standard_webhooks() -> anyhow::Result<()> {
    of_dialect(Dialect::Standard).await
}

// SHP-7: signed by Stripe's library.
#[tokio::test(flavor = "multi_thread")]
async fn shp_7_news_as_stripe_sends_it() -> anyhow::Result<()> {
    of_dialect(Dialect::Stripe).await
}

// SHP-7: signed by Shopify's library.
#[tokio::test(flavor = "multi_thread")]
async fn shp_7_news_as_shopify_sends_it() -> anyhow::Result<()> {
    of_dialect(Dialect::Shopify).await
}

fn invoice(email: &str, code: &str) -> Value {
    json!({
        "form": form_id(), "given_name": "Ada", "family_name": "Lovelace", "email": email,
        "lines": [{ "product": "anvil-mobile-id", "quantity": 1 }], "promo_code": code, "pay_by": "invoice",
        "purchase_order": "PO-4711", "billing": address(), "action": "place",
    })
}

async fn placed(client: &mut Client, body: &Value) -> anyhow::Result<Value> {
    client.post("/webstore-checkout/anvil/checkout", body, StatusCode::CREATED).await
}

/// The path and query of a confirmation's link.
fn page(placed: &Value) -> anyhow::Result<String> {
    Ok(format!("/webstore-checkout/orders?token={}", order_token(placed)?))
}

// SHP-5 SHP-6: an order on an invoice gives nothing before an operator says that it is paid; then each mail comes once, and
// keys that got lost are replaced.
#[tokio::test(flavor = "multi_thread")]
async fn shp_5_an_invoice_is_paid_and_lost_keys_are_replaced() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut programs = Programs::new(&world.place, ADA)?;
    programs.registrar_signs_in().await?;
    let mut guest = Client::new(&world.place.service)?;
    let mut body = invoice(ADA, "");
    body["pay_by"] = json!("");
    let request = guest.request(Method::POST, "/webstore-checkout/anvil/checkout").json(&body);
    guest.send(request).await?.problem(422, "invalid-input")?;
    body["pay_by"] = json!("invoice");
    let order = placed(&mut guest, &body).await?;
    ensure!(order["state"] == "awaiting-payment" && order["total"]["minor"] == 4_900, "{order}");
    let page = page(&order)?;
    let shown = guest.get(&page).await?;
    ensure!(shown["purchase_order"] == "PO-4711" && shown["pay_until"] == order["pay_until"], "{shown}");
    ensure!(programs.licence_keys().await.is_err(), "SHP-5: no key before it is paid");
    let unpaid = programs.registrar.get("/operate/orders").await?;
    let id = unpaid.pointer("/orders/0/id").and_then(Value::as_str).context("it is listed")?.to_owned();
    let of_order = |what: &str| format!("/operate/orders/{id}/{what}");
    for _ in 0..2 {
        let paid = programs.registrar.post(&of_order("paid"), &json!({}), StatusCode::OK).await?;
        ensure!(paid["state"] == "complete" && paid["licences"].as_array().is_some_and(|all| all.len() == 1), "{paid}");
    }
    ensure!(programs.registrar.get("/operate/orders").await?["orders"] == json!([]), "nothing waits");
    let first = programs.licence_keys().await?;
    let mails = subjects(&world, ADA).await?;
    ensure!(mails.len() == 4, "that it waits, receipt, keys, confirmation: {mails:?}");
    // Asked at once, nothing is sent: the keys are on their way. Later the new ones replace the first.
    let again = json!({ "token": page.split_once("token=").map(|(_, token)| token) });
    let licences = "/webstore-checkout/orders/licences";
    guest.post(licences, &again, StatusCode::OK).await?;
    ensure!(subjects(&world, ADA).await?.len() == 4, "they are on their way");
    world.place.time.pass(Duration::from_secs(301)).await;
    guest.post(licences, &again, StatusCode::OK).await?;
    ensure!(subjects(&world, ADA).await?.len() == 5);
    let second = programs.licence_keys().await?;
    ensure!(first.len() == 1 && second.len() == 1 && first != second, "new keys");
    let wrong = json!({ "token": "x" });
    let request = guest.request(Method::POST, licences).json(&wrong);
    guest.send(request).await?.problem(404, "link-not-valid")?;
    world.stop().await
}

// SHP-2 SHP-3: an order holds its code for as long as it is unpaid; once its time is over a sweep frees the code, and the page
// and the customer are told.
#[tokio::test(flavor = "multi_thread")]
async fn shp_2_an_unpaid_order_lapses_and_frees_its_code() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut programs = Programs::new(&world.place, ADA)?;
    programs.registrar_signs_in().await?;
    let code = programs.promo_codes_for("anvil", "anvil-mobile-id", 1, "50%").await?.join("");
    let mut guest = Client::new(&world.place.service)?;
    let order = placed(&mut guest, &invoice(ADA, &code)).await?;
    ensure!(order["total"]["minor"] == 2_450, "{order}");
    world.place.time.pass(Duration::from_hours(29 * 24)).await;
    let another = invoice("bo@kestrel.example", &code);
    let request = guest.request(Method::POST, "/webstore-checkout/anvil/checkout").json(&another);
    guest.send(request).await?.problem(422, "promo-not-usable")?;
    // The timer calls the sweep; it comes to the hour in which the order's time is over once that hour is.
    world.pass_hours(40).await?;
    let shown = guest.get(&page(&order)?).await?;
    ensure!(shown["state"] == "lapsed", "{shown}");
    ensure!(subjects(&world, ADA).await?.iter().any(|subject| subject.ends_with("has lapsed")));
    placed(&mut guest, &another).await?;
    world.stop().await
}

// SHP-7: what cannot be acted upon is answered at once, kept, and acted upon after all by an operator; or dismissed.
#[tokio::test(flavor = "multi_thread")]
async fn shp_7_what_nobody_could_act_upon_is_kept_for_an_operator() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut programs = Programs::new(&world.place, ADA)?;
    programs.registrar_signs_in().await?;
    let shop = Shop::of(&world, Dialect::Standard);
    let [created, paid, _] = story(Dialect::Standard, "AN-1");
    let mut other = paid.clone();
    other["data"]["total_minor"] = json!(9_900);
    shop.expects(&created, "awaiting-payment", 0).await?;
    let kept = shop.says(&other).await?.document(StatusCode::ACCEPTED)?;
    ensure!(kept["handled"] == false && kept["code"] == "order-contradicted", "{kept}");
    let again = shop.says(&other).await?.document(StatusCode::ACCEPTED)?;
    ensure!(kept == again, "however often it comes");
    let mut unknown = paid.clone();
    unknown["data"]["lines"][0]["product"] = json!("anvil-abacus");
    let faulty = shop.says(&unknown).await?.document(StatusCode::ACCEPTED)?;
    ensure!(faulty.pointer("/faults/0/field") == Some(&json!("data.lines.0.product")), "{faulty}");
    let unreadable = shop.says(&json!({ "type": "order.paid" })).await?.document(StatusCode::ACCEPTED)?;
    ensure!(unreadable["code"] == "unreadable", "{unreadable}");

    let waiting = programs.registrar.get("/operate/dead-letters").await?;
    let ids: Vec<&Value> = waiting["letters"].as_array().context("a list")?.iter().map(|one| &one["id"]).collect();
    ensure!(ids == [&kept["kept"], &faulty["kept"], &unreadable["kept"]], "{waiting}");
    let letter = |kept: &Value| format!("/operate/dead-letters/{}", kept["kept"].as_str().unwrap_or_default());
    let shown = programs.registrar.get(&letter(&faulty)).await?;
    ensure!(shown["body"].as_str().is_some_and(|body| body.contains("anvil-abacus")), "{shown}");
    let replay = format!("{}/replay", letter(&kept));
    let tried = programs.registrar.post(&replay, &json!({}), StatusCode::OK).await?;
    ensure!(tried["state"] == "waiting", "it still contradicts: {tried}");
    let dismiss = format!("{}/dismiss", letter(&kept));
    let dismissed = programs.registrar.post(&dismiss, &json!({}), StatusCode::OK).await?;
    ensure!(dismissed["state"] == "dismissed" && dismissed["settled_by"] == "registrar", "{dismissed}");
    let waiting = programs.registrar.get("/operate/dead-letters").await?;
    ensure!(waiting["letters"].as_array().is_some_and(|all| all.len() == 2), "{waiting}");
    // A guest sees nothing of it.
    let mut guest = Client::new(&world.place.service)?;
    for path in ["/operate/dead-letters", "/operate/orders"] {
        let request = guest.request(Method::GET, path);
        guest.send(request).await?.problem(401, "not-signed-in")?;
    }
    world.stop().await
}

// SHP-7: a refund takes the licences away that nobody has activated, and shows operators those that somebody has.
#[tokio::test(flavor = "multi_thread")]
async fn shp_7_a_refund_spares_what_is_in_use_and_flags_it() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut programs = Programs::new(&world.place, ADA)?;
    programs.invite().await?;
    let reference = programs.register_invited().await?;
    programs.registrar_signs_in().await?;
    programs.approve(&reference).await?;
    programs.activate().await?;
    let shop = Shop::of(&world, Dialect::Standard);
    let [_, paid, refunded] = story(Dialect::Standard, "AN-1");
    shop.expects(&paid, "complete", 2).await?;
    let keys = programs.licence_keys().await?;
    let [used, unused] = keys.as_slice() else { anyhow::bail!("two keys: {}", keys.len()) };
    programs.activate_licence(used).await?;
    shop.expects(&refunded, "refunded", 0).await?;
    let body = json!({ "licence_key": unused, "agreed": true });
    let request = programs.supplier.request(Method::POST, "/credentials/licence").json(&body);
    programs.supplier.send(request).await?.problem(422, "licence-not-usable")?;
    let flagged = programs.registrar.get("/operate/orders?list=flagged").await?;
    let states = |flagged: &Value| flagged.pointer("/orders/0/licences").cloned();
    let [in_use, revoked] = [json!("in-use"), json!("revoked")];
    let found = states(&flagged).context("it is flagged")?;
    ensure!(found[0]["state"] == in_use && found[1]["state"] == revoked, "{found}");
    let id = flagged.pointer("/orders/0/id").and_then(Value::as_str).context("an id")?.to_owned();
    let reviewed = format!("/operate/orders/{id}/reviewed");
    let looked_at = programs.registrar.post(&reviewed, &json!({}), StatusCode::OK).await?;
    ensure!(looked_at["flagged"] == false && looked_at["reviewed_at"].is_string(), "{looked_at}");
    ensure!(programs.registrar.get("/operate/orders?list=flagged").await?["orders"] == json!([]));
    world.stop().await
}

// SHP-1 LCH-1 ACC-5: what a person orders while signed in stands among their orders, and nobody else's. The dashboard and the
// webstore know of it from the order to the activation.
#[tokio::test(flavor = "multi_thread")]
async fn shp_1_a_signed_in_person_finds_what_they_ordered() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut programs = Programs::new(&world.place, ADA)?;
    programs.invite().await?;
    let reference = programs.register_invited().await?;
    programs.registrar_signs_in().await?;
    programs.approve(&reference).await?;
    programs.activate().await?;
    programs.accept_terms(SUPPLY).await?;
    let history = "/webstore-checkout/orders/mine";
    ensure!(programs.supplier.get(history).await?["orders"] == json!([]));
    let needs = async |programs: &mut Programs<'_>, partner: &str| {
        let shown = programs.supplier.get(&format!("/webstore-checkout/{partner}")).await?;
        let products = shown["products"].as_array().context("products")?.iter();
        anyhow::Ok(products.map(|product| product["need"]["is"].clone()).collect::<Vec<_>>())
    };
    ensure!(programs.next(SUPPLY).await? == "credential-missing" && needs(&mut programs, "anvil").await? == ["to-buy"]);
    let order = placed(&mut programs.supplier, &invoice(ADA, "")).await?;
    ensure!(programs.next(SUPPLY).await? == "payment-pending");
    let mut guest = Client::new(&world.place.service)?;
    placed(&mut guest, &invoice(ADA, "")).await?;
    let mine = programs.supplier.get(history).await?;
    ensure!(mine["orders"].as_array().is_some_and(|all| all.len() == 1), "the guest's is not among them: {mine}");
    ensure!(mine.pointer("/orders/0/order") == Some(&order["order"]), "{mine}");
    let id = mine.pointer("/orders/0/id").and_then(Value::as_str).context("an id")?.to_owned();
    let own = format!("/webstore-checkout/orders/{id}");
    ensure!(programs.supplier.get(&own).await?["state"] == "awaiting-payment");
    let request = guest.request(Method::GET, &own);
    guest.send(request).await?.problem(401, "not-signed-in")?;
    // What they have ordered they are not sold unasked.
    ensure!(needs(&mut programs, "anvil").await? == ["ordered"]);
    let paid = format!("/operate/orders/{id}/paid");
    programs.registrar.post(&paid, &json!({}), StatusCode::OK).await?;
    ensure!(programs.next(SUPPLY).await? == "licence-not-activated");
    world.place.time.pass(Duration::from_secs(301)).await;
    let again = json!({ "order": id });
    programs.supplier.post("/webstore-checkout/orders/licences", &again, StatusCode::OK).await?;
    let keys = programs.licence_keys().await?;
    let [key] = keys.as_slice() else { anyhow::bail!("one key: {}", keys.len()) };
    programs.activate_licence(key).await?;
    // What they have now need not be bought, nor what it is as good as.
    ensure!(programs.next(SUPPLY).await? == "credential-not-registered");
    ensure!(needs(&mut programs, "anvil").await? == ["had"]);
    ensure!(needs(&mut programs, "cobalt").await? == ["saved", "saved"]);
    ensure!(guest.get("/webstore-checkout/anvil").await?.pointer("/products/0/need").is_none(), "nothing of a guest");
    world.stop().await
}
