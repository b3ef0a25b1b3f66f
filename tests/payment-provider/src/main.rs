//! Starts the payment provider's double and serves until it is interrupted.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use clap::Parser;
use payment_provider::{Clock, Config, Retry, Webhook};

/// A double of a card payment provider: no money moves.
///
/// Its secrets come from the environment: `PAYMENT_API_SECRET`, which merchants present; `PAYMENT_STRIPE_WEBHOOK_SECRET`
/// and `PAYMENT_STANDARD_WEBHOOK_SECRET`, which webhooks are signed with.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:3003")]
    listen: SocketAddr,
    /// Where webhooks go.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:3000/payments/webhook")]
    webhook: String,
    /// The pause before a webhook is delivered a second time; each further one is twice as long.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 2_000)]
    first_pause: u64,
    /// How often a webhook is delivered until it is given up.
    #[arg(long, default_value_t = 10)]
    attempts: usize,
    /// How long the webhook of the card that is told late is kept back.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 8_000)]
    late: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let running = payment_provider::start(Config {
        listen: arguments.listen,
        api_secret: secret("PAYMENT_API_SECRET")?,
        webhook: Some(Webhook {
            target: arguments.webhook,
            stripe_secret: secret("PAYMENT_STRIPE_WEBHOOK_SECRET")?,
            standard_secret: secret("PAYMENT_STANDARD_WEBHOOK_SECRET")?,
        }),
        retry: Retry { first_pause: Duration::from_millis(arguments.first_pause), attempts: arguments.attempts },
        late: Duration::from_millis(arguments.late),
        clock: Clock::system(),
    })
    .await
    .with_context(|| format!("could not start on {}", arguments.listen))?;
    println!("payment provider: {}/", running.origin());
    interrupted().await?;
    running.stop().await
}

fn secret(variable: &str) -> anyhow::Result<String> {
    std::env::var(variable).ok().filter(|secret| !secret.is_empty()).with_context(|| format!("set {variable}"))
}

/// Returns when the process is asked to end, by a terminal or by a supervisor.
async fn interrupted() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}
