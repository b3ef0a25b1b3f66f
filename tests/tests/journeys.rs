//! Both journeys on the compiled components, over HTTP: by the pages' forms and without JavaScript, and by JSON alone.

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

use anyhow::ensure;
use journeys::{
    by_json::Programs,
    on_every_store,
    stores::Backend,
    story::{Arrival, Story},
    world::World,
};

on_every_store!(journey_a_from_invitation_to_launch, journey_b_from_self_registration_to_launch,);

fn arrived(arrival: &Arrival, roles: &[&str]) -> anyhow::Result<()> {
    let shown = arrival.application.text();
    ensure!(shown.contains("Ada Kestrel"), "the application does not show who arrived: {shown}");
    ensure!(shown.contains("Kestrel Machining LLC"), "the application does not show the organization: {shown}");
    ensure!(shown.contains("urn:vestibule:level:"), "the ID token has no acr: {shown}");
    for role in roles {
        ensure!(shown.contains(role), "the application does not show the role {role}: {shown}");
    }
    Ok(())
}

// INV-1 INV-2 INV-4 INV-5 INV-6 REG-1 REG-5 APR-1 APR-2 APR-3 ACT-1 ACT-2 ACT-3 SIG-1 SIG-2 TRM-1 TRM-2 TRM-3 SHP-6 SHP-7
// CRD-1 CRD-4 CRD-6 OTP-1 OTP-2 OTP-3 OTP-4 LCH-1 LCH-2: an invited supplier launches with a second factor.
async fn journey_a_from_invitation_to_launch(backend: Backend) -> anyhow::Result<()> {
    let world = World::on(backend).await?;
    let mut told = Vec::new();
    let mut tell = |step: journeys::story::Step| told.push(step.what);
    let arrival = Story::new(&world.place, "ada@kestrel.example", &mut tell).by_invitation().await?;
    arrived(&arrival, &["supplier-admin", "platform-admin"])?;
    ensure!(told.len() == 12, "steps: {told:?}");
    world.stop().await
}

// REG-2 SHP-1 SHP-2 SHP-3 SHP-5 SHP-6 TRM-4 MSG-1 MSG-2: a self-registered supplier redeems a promo code and launches.
async fn journey_b_from_self_registration_to_launch(backend: Backend) -> anyhow::Result<()> {
    let world = World::on(backend).await?;
    let mut told = Vec::new();
    let mut tell = |step: journeys::story::Step| told.push(step.what);
    let arrival = Story::new(&world.place, "bea@heron.example", &mut tell).by_self_registration().await?;
    arrived(&arrival, &[])?;
    let mails = world.place.mails("bea@heron.example").await?;
    for subject in ["Receipt", "Your licence key", "Your order"] {
        let count = mails.iter().filter(|mail| mail.subject.starts_with(subject)).count();
        ensure!(count == 1, "SHP-6: {count} messages {subject:?}");
    }
    world.stop().await
}

// Every step of journey A exists as JSON of the same route: INV-1 INV-2 INV-4 REG-1 REG-5 APR-1 APR-2 ACT-1 ACT-2 ACT-3 SIG-1
// SIG-2 TRM-1 TRM-3 SHP-6 SHP-7 CRD-1 CRD-4 OTP-4 LCH-1 LCH-2.
#[tokio::test(flavor = "multi_thread")]
async fn journey_a_by_json() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut programs = Programs::new(&world.place, "ada@kestrel.example")?;
    programs.invite().await?;
    let reference = programs.register_invited().await?;
    programs.registrar_signs_in().await?;
    programs.approve(&reference).await?;
    let user_id = programs.activate().await?;
    programs.sign_in(&user_id).await?;
    programs.sign_in("ada@kestrel.example").await?;
    ensure!(programs.label("supply-platform").await? == "Agree to Terms", "TRM-1");
    programs.accept_terms("supply-platform").await?;
    let keys = programs.webstore_order("AN-1", 1).await?;
    ensure!(keys.len() == 1, "SHP-6: {} keys", keys.len());
    let address = programs.activate_licence(&keys.join("")).await?;
    let mut authenticator = programs.enrol(&address).await?;
    let location = programs.launch("supply-platform", &mut authenticator).await?;
    ensure!(
        location.starts_with(&format!("http://{}/supply-platform/login?", world.application.address())),
        "{location}"
    );
    let callback = format!("http://{}/supply-platform/callback", world.application.address());
    let person = programs.sign_in_to("supply-platform", &callback).await?;
    ensure!(person["name"] == "Ada Kestrel" && person["organization_name"] == "Kestrel Machining LLC", "{person}");
    world.stop().await
}

// Every step of journey B exists as JSON of the same route: REG-2 SHP-1 SHP-2 SHP-3 SHP-5 SHP-6 TRM-4 LCH-2.
#[tokio::test(flavor = "multi_thread")]
async fn journey_b_by_json() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut programs = Programs::new(&world.place, "bea@heron.example")?;
    let reference = programs.register_publicly().await?;
    programs.registrar_signs_in().await?;
    programs.approve(&reference).await?;
    programs.activate().await?;
    programs.accept_terms("business-network").await?;
    let code = programs.promo_codes(1, "free").await?.join("");
    let keys = programs.storefront_order(&code).await?;
    let address = programs.activate_licence(&keys.join("")).await?;
    let mut authenticator = programs.enrol(&address).await?;
    programs.launch("business-network", &mut authenticator).await?;
    let callback = format!("http://{}/business-network/callback", world.application.address());
    let person = programs.sign_in_to("business-network", &callback).await?;
    ensure!(person["name"] == "Ada Kestrel", "{person}");
    let ended = programs.registrar.post("/operate/sign-out", &serde_json::json!({}), reqwest::StatusCode::OK).await?;
    ensure!(ended["signed_out"] == true, "{ended}");
    world.stop().await
}
