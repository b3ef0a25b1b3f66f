//! OPS-3 and MSG-1 on the compiled components: what requests leave behind is carried out and removed without anybody's
//! request, on every store.

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, ensure};
use journeys::{
    on_every_store,
    provider::{Provider, Tries},
    stores::Backend,
    story::Story,
    world::{MACHINE_KEY, Wishes, World},
};
use reqwest::StatusCode;
use vestibule_host::Timer;

on_every_store!(
    msg_1_a_failed_delivery_is_retried_with_backoff_and_never_doubled,
    ops_3_what_is_over_is_removed,
    ops_3_many_sweeps_at_once_do_everything_once,
);

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Sweeps until there is nothing more; the sums of what was reported.
async fn sweep_all(world: &World) -> anyhow::Result<(u64, u64, u64)> {
    let (mut carried_out, mut postponed, mut removed) = (0, 0, 0);
    for _ in 0..100 {
        let (status, report) = world.sweep().await?;
        ensure!(status.is_success(), "{status} {report}");
        let number = |name: &str| report[name].as_u64().with_context(|| format!("{name} in {report}"));
        carried_out += number("carried_out")?;
        postponed += number("postponed")?;
        removed += number("removed")?;
        ensure!(number("given_up")? == 0 && number("unreadable")? == 0, "{report}");
        ensure!((status == StatusCode::ACCEPTED) == (report["more"] == true), "{status} {report}");
        if status == StatusCode::OK {
            return Ok((carried_out, postponed, removed));
        }
    }
    anyhow::bail!("there is always more")
}

/// A world whose messages go to this provider.
async fn world_with(backend: Backend, provider: &Provider, timer: Option<Timer>) -> anyhow::Result<World> {
    let variables = [
        ("mail_origin".to_owned(), provider.origin()),
        ("mail_endpoint".to_owned(), format!("{}/send", provider.origin())),
    ];
    World::with(Wishes { backend, variables: variables.into(), timer, ..Wishes::default() }).await
}

async fn invite(world: &World) -> anyhow::Result<()> {
    let mut ignore = |_| {};
    Story::new(&world.place, "ada@kestrel.example", &mut ignore).invite().await.map(drop)
}

fn pass(world: &World, seconds: u64) {
    world.host.clock().advance(Duration::from_secs(seconds));
}

async fn keys(world: &World, prefix: &str) -> anyhow::Result<BTreeSet<String>> {
    Ok(world.store_contents().await?.into_keys().filter(|key| key.starts_with(prefix)).collect())
}

// MSG-1 OPS-3: nobody repeats the request; the sweep delivers, later and later, under one idempotency key, once.
async fn msg_1_a_failed_delivery_is_retried_with_backoff_and_never_doubled(backend: Backend) -> anyhow::Result<()> {
    let provider = Provider::start()?;
    let world = world_with(backend, &provider, None).await?;
    invite(&world).await?;
    let refused = |refused| Vec::from([Tries { refused, taken: 0 }]);
    let seen = || provider.messages().into_values().collect::<Vec<_>>();
    ensure!(seen() == refused(1), "the request itself tried: {:?}", seen());
    ensure!(sweep_all(&world).await? == (0, 0, 0), "its request may still be alive");
    // A minute, then 5, 30 minutes and 2 hours after the try before.
    for (tries, wait) in [(2, MINUTE), (3, 5 * MINUTE), (4, 30 * MINUTE), (5, 2 * HOUR)] {
        pass(&world, wait - 1);
        sweep_all(&world).await?;
        ensure!(seen() == refused(tries - 1), "too early: {:?}", seen());
        pass(&world, 1);
        ensure!(sweep_all(&world).await? == (0, 1, 0), "try {tries}");
        ensure!(seen() == refused(tries), "try {tries}: {:?}", seen());
    }
    provider.set_in_order(true);
    pass(&world, 8 * HOUR);
    ensure!(sweep_all(&world).await? == (1, 0, 0));
    for _ in 0..3 {
        pass(&world, DAY);
        ensure!(sweep_all(&world).await? == (0, 0, 0), "nothing is left to do");
    }
    ensure!(seen() == [Tries { refused: 5, taken: 1 }], "{:?}", seen());
    world.stop().await
}

// OPS-3: idempotency keys after a week, invitations that led to nothing and promo codes a month after their end; what lasts
// stays as it is.
async fn ops_3_what_is_over_is_removed(backend: Backend) -> anyhow::Result<()> {
    let provider = Provider::start()?;
    provider.set_in_order(true);
    let world = world_with(backend, &provider, None).await?;
    invite(&world).await?;
    let mut ignore = |_| {};
    Story::new(&world.place, "nobody@kestrel.example", &mut ignore).promo_codes(3).await?;
    let (claims, promos, batches) =
        (keys(&world, "idem:").await?, keys(&world, "promo:").await?, keys(&world, "batch:").await?);
    ensure!(claims.len() == 1 && promos.len() == 1 && batches.len() == 1);
    let lasting = || async {
        let contents = world.store_contents().await?;
        let lasts = |key: &str| key.starts_with("oper:");
        anyhow::Ok(contents.into_iter().filter(|(key, _)| lasts(key)).collect::<Vec<_>>())
    };
    let before = lasting().await?;
    pass(&world, MINUTE);
    sweep_all(&world).await?;
    pass(&world, 7 * DAY - 2 * MINUTE);
    ensure!(sweep_all(&world).await?.2 == 0 && keys(&world, "idem:").await? == claims, "not over yet");
    pass(&world, 2 * HOUR);
    ensure!(sweep_all(&world).await?.2 == 1 && keys(&world, "idem:").await?.is_empty());
    // The invitation was good for 14 days, and is remembered for 31 more. It could be reopened at any time: it is condemned
    // first, and removed by the sweep after that.
    pass(&world, 38 * DAY - 2 * HOUR);
    ensure!(sweep_all(&world).await?.2 == 0, "not over yet");
    pass(&world, 2 * HOUR);
    ensure!(sweep_all(&world).await?.2 == 0 && keys(&world, "inv:").await?.len() == 1, "whoever saw it may be alive");
    pass(&world, MINUTE);
    ensure!(sweep_all(&world).await?.2 == 1 && keys(&world, "inv:").await?.is_empty());
    // The codes were made for 90 days, and stay for 31 more.
    pass(&world, 76 * DAY - 3 * HOUR);
    ensure!(sweep_all(&world).await?.2 == 0 && keys(&world, "promo:").await? == promos, "not over yet");
    pass(&world, 4 * HOUR);
    ensure!(sweep_all(&world).await?.2 == 1, "the batch is one record");
    ensure!(keys(&world, "promo:").await?.is_empty() && keys(&world, "batch:").await?.is_empty());
    ensure!(lasting().await? == before, "what lasts was touched");
    // A day's first reminders (level 0) are what the audit is found by (AUD-1).
    let passing = |key: &String| !key.starts_with("todo:") || key.split('.').nth(1) != Some("0");
    for log in ["todo:", "due:", "gate:"] {
        let left: Vec<String> = keys(&world, log).await?.into_iter().filter(passing).collect();
        ensure!(left.is_empty(), "the log has cleaned up after itself: {left:?}");
    }
    let kept = (keys(&world, "gone:").await?.len(), keys(&world, "aud:").await?.len());
    ensure!(kept == (2, 2), "the trails of the invitation and the batch outlive them: {kept:?}");
    world.stop().await
}

// OPS-3 MSG-1: eight at once; those that come too late are told so.
async fn ops_3_many_sweeps_at_once_do_everything_once(backend: Backend) -> anyhow::Result<()> {
    let provider = Provider::start()?;
    let world = world_with(backend, &provider, None).await?;
    invite(&world).await?;
    provider.set_in_order(true);
    pass(&world, MINUTE);
    let answers = futures_util::future::join_all((0..8).map(|_| world.sweep())).await;
    let mut carried_out = 0;
    for answer in answers {
        let (status, report) = answer?;
        ensure!(status == StatusCode::OK || status == StatusCode::SERVICE_UNAVAILABLE, "{status} {report}");
        carried_out += report["carried_out"].as_u64().unwrap_or_default();
    }
    ensure!(carried_out == 1, "{carried_out} carried it out");
    let seen: Vec<Tries> = provider.messages().into_values().collect();
    ensure!(seen == [Tries { refused: 1, taken: 1 }], "{seen:?}");
    world.stop().await
}

// OPS-3: only the machine that holds the secret sweeps.
#[tokio::test(flavor = "multi_thread")]
async fn ops_3_nobody_else_sweeps() -> anyhow::Result<()> {
    let world = World::start().await?;
    invite(&world).await?;
    pass(&world, MINUTE);
    let before = world.store_contents().await?;
    let client = reqwest::Client::new();
    let url = world.url("/operate/sweep");
    for request in [
        client.post(&url),
        client.post(&url).bearer_auth("another key"),
        client.post(&url).bearer_auth(&world.place.secrets.anvil_api_key),
        client.post(&url).basic_auth("sweep", Some(MACHINE_KEY)),
        client.post(&url).query(&[("key", MACHINE_KEY)]),
    ] {
        let response = request.send().await?;
        ensure!(response.status() == StatusCode::UNAUTHORIZED, "{}", response.status());
    }
    ensure!(client.get(&url).bearer_auth(MACHINE_KEY).send().await?.status() == StatusCode::METHOD_NOT_ALLOWED);
    ensure!(world.store_contents().await? == before, "nothing was swept");
    world.stop().await
}

// OPS-3: the embedded host calls the sweep by itself.
#[tokio::test(flavor = "multi_thread")]
async fn ops_3_the_host_sweeps_on_a_timer() -> anyhow::Result<()> {
    let provider = Provider::start()?;
    let timer =
        Timer { path: "/operate/sweep".to_owned(), secret: MACHINE_KEY.to_owned(), every: Duration::from_millis(50) };
    let world = world_with(Backend::Sqlite, &provider, Some(timer)).await?;
    invite(&world).await?;
    provider.set_in_order(true);
    pass(&world, MINUTE);
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if provider.messages().into_values().any(|tries| tries.taken > 0) {
            return world.stop().await;
        }
    }
    anyhow::bail!("the message was not delivered: {:?}", provider.messages())
}
