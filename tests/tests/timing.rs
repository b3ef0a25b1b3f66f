//! What a stranger could tell from the time that an answer takes (security requirement 5), counted in instructions and
//! storage operations instead of measured: who has an account, and in which state.

use std::time::Duration;

use anyhow::{Context, ensure};
use journeys::{
    by_json::Programs,
    client::Client,
    world::{Wishes, World},
};
use reqwest::{Method, StatusCode};
use serde_json::json;
use vestibule_host::Measured;

/// How far apart the instructions of two answers may be: half a thousandth of an answer, which is below what the hash of one
/// password varies by in time.
const TOLERANCE: f64 = 0.0005;

struct Stranger<'a> {
    world: &'a World,
    client: Client,
}

impl Stranger<'_> {
    /// The cost of a refused sign-in that is not the record's first change of the day.
    async fn tries(&self, user: &str) -> anyhow::Result<Measured> {
        for _ in 0..2 {
            drop(self.world.host.ledger().take_measured());
            let body = json!({ "user": user, "password": "not the password of anybody" });
            let answer = self.client.request(Method::POST, "/sign-in").json(&body).send().await?;
            ensure!(answer.status() == StatusCode::UNAUTHORIZED, "{user}: {}", answer.status());
        }
        self.world.host.ledger().take_measured().pop().context("nothing was measured")
    }
}

// SIG-1: whoever tries a name learns nothing from the time: unknown, not activated, wrong password and paused cost the same.
#[tokio::test(flavor = "multi_thread")]
async fn sig_1_no_name_can_be_told_from_another_by_time() -> anyhow::Result<()> {
    let world = World::with(Wishes { metering: true, warmed: true, ..Wishes::default() }).await?;
    let stranger = Stranger { world: &world, client: Client::new(&world.place.service)? };
    let mut ada = Programs::new(&world.place, "ada@kestrel.example")?;
    ada.invite().await?;
    let reference = ada.register_invited().await?;
    ada.registrar_signs_in().await?;
    ada.approve(&reference).await?;
    let mut costs = vec![("not activated", stranger.tries(&ada.email).await?)];
    let user = ada.activate().await?;
    costs.push(("wrong password, by e-mail", stranger.tries(&ada.email).await?));
    costs.push(("wrong password, by User ID", stranger.tries(&user).await?));
    for _ in 0..4 {
        stranger.tries(&ada.email).await?;
    }
    costs.push(("paused", stranger.tries(&ada.email).await?));
    world.host.clock().advance(Duration::from_hours(2));
    costs.push(("unknown e-mail", stranger.tries("nobody@kestrel.example").await?));
    costs.push(("unknown User ID", stranger.tries("lovelacea_0001").await?));
    costs.push(("no name at all", stranger.tries("?").await?));
    for (what, cost) in &costs {
        println!(
            "{what}: {} instructions, {} reads, {} writes, {} rounds",
            cost.fuel, cost.reads, cost.writes, cost.rounds
        );
    }
    let fuels = || costs.iter().map(|(_, cost)| cost.fuel);
    let (least, most) = (fuels().min().unwrap_or_default(), fuels().max().unwrap_or_default());
    #[expect(clippy::cast_precision_loss, reason = "a ratio of instructions needs no more")]
    let apart = (most - least) as f64 / least as f64;
    ensure!(apart <= TOLERANCE, "the answers are {apart:.5} apart");
    let operations: std::collections::BTreeSet<_> =
        costs.iter().map(|(_, cost)| (cost.reads, cost.writes, cost.rounds)).collect();
    ensure!(operations.len() == 1, "{operations:?}");
    world.stop().await
}
