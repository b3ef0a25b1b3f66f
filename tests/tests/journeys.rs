//! Both journeys on the compiled components, over HTTP, by the pages' forms and without JavaScript.

use anyhow::ensure;
use journeys::{
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
