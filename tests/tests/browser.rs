//! Both journeys as people walk them: in a browser, with scripts and without. Needs `node`, `npm` and `chromium`: README,
//! "Run it".

use std::{process::Stdio, time::Duration};

use anyhow::{Context, ensure};
use journeys::{
    place::Place,
    world::{World, root},
};
use tokio::{process::Command, sync::OnceCell};

/// How often the test's clock is moved.
const TICK: Duration = Duration::from_millis(100);
/// How much faster the service's time passes than the browser's: nobody waits half a minute for the next code, and a
/// code lives long enough to be typed.
const PACE: u32 = 5;
/// When a walk is given up.
const PATIENCE: Duration = Duration::from_mins(5);

// INV-1 REG-1 REG-2 REG-5 APR-1 SHP-2 ACT-1 TRM-1 SHP-1 SHP-7 CRD-1 CRD-4 OTP-4 TRM-4 LCH-1 LCH-2 SIG-1 SIG-3: every page
// on the way is laid out, loaded and led on from as a person would.
#[tokio::test(flavor = "multi_thread")]
async fn both_journeys_in_a_browser() -> anyhow::Result<()> {
    let world = World::start().await?;
    let time = world.place.time.clone();
    let passing = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(TICK);
        loop {
            ticks.tick().await;
            time.pass(TICK.saturating_mul(PACE)).await;
        }
    });
    let walked = tokio::time::timeout(PATIENCE, walk(&world.place)).await;
    passing.abort();
    walked.context("the walk takes too long")??;
    world.stop().await
}

// REG-7: whoever builds a page of his own can use the widget that the protocol's authors publish.
#[tokio::test(flavor = "multi_thread")]
async fn reg_7_the_published_widget_of_altcha_solves_our_challenge() -> anyhow::Result<()> {
    let world = World::start().await?;
    let place = &world.place;
    let tried = async {
        install(place).await?;
        run("node", &["browser/widget.js"], place).await
    };
    tokio::time::timeout(PATIENCE, tried).await.context("the widget takes too long")??;
    world.stop().await
}

/// Once for both tests: installing begins by removing what is there.
async fn install(place: &Place) -> anyhow::Result<()> {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let packages = || run("npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], place);
    INSTALLED.get_or_try_init(packages).await.map(drop)
}

async fn walk(place: &Place) -> anyhow::Result<()> {
    install(place).await?;
    run("node", &["browser/journeys.js"], place).await
}

async fn run(program: &str, arguments: &[&str], place: &Place) -> anyhow::Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root().join("tests/gallery"))
        .env("SERVICE", &place.service)
        .env("MAILBOX", &place.mailbox)
        .env("ANVIL_API_KEY", &place.secrets.anvil_api_key)
        .env("ANVIL_WEBHOOK_SECRET", &place.secrets.anvil_webhook_secret)
        .env("OPERATOR_PASSWORD", &place.secrets.registrar_password)
        .env("OPERATOR_AUTHENTICATOR", &place.secrets.registrar_otpauth_uri)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("{program} (Debian: apt-get install nodejs npm chromium)"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{program}: {}\n{said}{}", output.status, String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    Ok(())
}
