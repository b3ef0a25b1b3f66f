//! A double of a card payment provider with a hosted payment page. No money moves.
//!
//! It speaks two interfaces, from one list of payments:
//!
//! | route | what it does |
//! |---|---|
//! | `POST /v1/checkout/sessions` | Stripe's checkout: makes a session; `Authorization: Bearer`, `Idempotency-Key` |
//! | `GET /v1/checkout/sessions/{id}` | Stripe's checkout: the session as it stands |
//! | `POST /sessions` | the generic interface: JSON in, `{"id", "url"}` out |
//! | `GET`, `POST /pay/{id}` | the payment page, for people |
//! | `POST /pay/{id}/cancel` | back to the shop without paying |
//! | `GET /` | every payment with what the shop was told of it |
//! | `POST /payments/{id}/refund`, `/payments/{id}/expire` | gives money back; lets the time run out |
//! | `POST /deliveries/{number}/again` | tells the shop once more |
//!
//! What happens is told by webhook to one address, in the interface's own words: Stripe's events with
//! `Stripe-Signature`, or Standard Webhooks 1.0.0. Only the cards in [`Card`] work; some of them make the
//! double awkward in a way that real providers are at times.
//!
//! It speaks plain HTTP on a loopback address and keeps everything in memory: it is made for demonstrations and tests.

mod cards;
mod deliveries;
mod events;
mod generic;
mod money;
mod pages;
mod payments;
mod provider;
mod routes;
mod stripe;

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
pub use cards::Card;
pub use deliveries::{Answer, Attempt, Delivery, Standing};
pub use iso_currency::Currency;
use jiff::Timestamp;
pub use payments::{Asked, Interface, Payment, State};
pub use provider::Outcome;
use provider::Provider;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// How often it is looked for payments whose time is over.
const EXPIRY_CHECK: Duration = Duration::from_millis(100);

/// What the double needs to know before it starts.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// What merchants present as `Authorization: Bearer`.
    pub api_secret: String,
    /// Who is told what happens. It may be set later; until then, webhooks wait.
    pub webhook: Option<Webhook>,
    /// How often and how soon a webhook is delivered again.
    pub retry: Retry,
    /// How long the webhook of [`Card::ToldLate`] is kept back.
    pub late: Duration,
    /// What payments expire by and webhooks are signed at. Pauses between deliveries are real ones.
    pub clock: Clock,
}

/// Where webhooks go, and what they are signed with.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// The address, which begins with `http://`.
    pub target: String,
    /// Stripe's endpoint secret, used as it stands.
    pub stripe_secret: String,
    /// The secret of Standard Webhooks: `whsec_` and base64.
    pub standard_secret: String,
}

/// How a webhook is delivered until the merchant answers with a 2xx.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// The pause before the second attempt; each further one is twice as long.
    pub first_pause: Duration,
    /// How many attempts there are.
    pub attempts: usize,
}

impl Default for Retry {
    /// Ten attempts within about a quarter of an hour.
    fn default() -> Self {
        Self { first_pause: Duration::from_secs(2), attempts: 10 }
    }
}

/// What time it is.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::new(Timestamp::now)
    }

    /// Another clock, such as that of a service under test.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock(..)")
    }
}

/// A double that serves; it stops when this is dropped.
pub struct Running {
    address: SocketAddr,
    provider: Arc<Provider>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Running {
    /// The address it really listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Scheme and authority of its pages and interfaces.
    pub fn origin(&self) -> String {
        self.provider.origin.clone()
    }

    /// Where Stripe's checkout sessions are made.
    pub fn stripe_endpoint(&self) -> String {
        format!("{}/v1/checkout/sessions", self.provider.origin)
    }

    /// Where sessions of the generic interface are made.
    pub fn generic_endpoint(&self) -> String {
        format!("{}/sessions", self.provider.origin)
    }

    /// Says who is told what happens, from now on. Webhooks that waited for it are delivered.
    ///
    /// # Errors
    /// When the target is not an address, or the secret of Standard Webhooks is not one.
    pub fn set_webhook(&self, webhook: Webhook) -> anyhow::Result<()> {
        self.provider.deliveries.set_webhook(webhook)
    }

    /// Pays as a person on the payment page does. `session` is the payment's id or the address of its page.
    ///
    /// # Errors
    /// When there is no such payment.
    pub fn pay(&self, session: &str, card: Card) -> anyhow::Result<Outcome> {
        self.provider.pay(id(session), card, None).with_context(|| format!("there is no payment {session}"))
    }

    /// Gives back this much, or all that is left.
    ///
    /// # Errors
    /// When there is no such payment, or not that much to give back.
    pub fn refund(&self, session: &str, amount_minor: Option<u64>) -> anyhow::Result<()> {
        let possible = self.provider.refund(id(session), amount_minor);
        ensure!(
            possible.with_context(|| format!("there is no payment {session}"))?,
            "there is not that much to give back"
        );
        Ok(())
    }

    /// Lets the time of a payment run out.
    ///
    /// # Errors
    /// When there is no such payment, or it cannot be paid any more.
    pub fn expire(&self, session: &str) -> anyhow::Result<()> {
        let ended = self.provider.end(id(session));
        ensure!(ended.with_context(|| format!("there is no payment {session}"))?, "it is paid or expired already");
        Ok(())
    }

    /// Every payment, the newest first.
    pub fn payments(&self) -> Vec<Payment> {
        self.provider.payments.all()
    }

    /// One payment, by its id or the address of its page.
    pub fn payment(&self, session: &str) -> Option<Payment> {
        self.provider.payments.get(id(session))
    }

    /// Every delivery, the oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.provider.deliveries.all()
    }

    /// Holds all webhooks back from now on.
    pub fn hold(&self) {
        self.provider.deliveries.hold(true);
    }

    /// Lets webhooks go that were held.
    pub fn release(&self) {
        self.provider.deliveries.hold(false);
    }

    /// One attempt of this delivery at once, whether webhooks are held or not: what came of it. What the merchant took
    /// this way is not delivered by [`Self::release`].
    ///
    /// # Errors
    /// When there is no such delivery, or no target yet.
    pub async fn deliver(&self, number: u64) -> anyhow::Result<Answer> {
        self.provider.deliveries.attempt(number).await
    }

    /// Returns when every webhook was taken or given up. While webhooks are held it does not, if there are any.
    pub async fn settled(&self) {
        self.provider.deliveries.settled().await;
    }

    /// Stops listening and waits for the requests in flight. Webhooks that were not delivered never will be.
    ///
    /// # Errors
    /// When the server ended with an error of its own.
    pub async fn stop(self) -> anyhow::Result<()> {
        // The receiver is gone only when the server has already ended; its result follows either way.
        let _ = self.stop.send(());
        Ok(self.server.await??)
    }
}

/// Starts to serve. The merchant may be started later.
///
/// # Errors
/// When the address cannot be listened on, or the webhook is not valid.
pub async fn start(config: Config) -> anyhow::Result<Running> {
    let listener = TcpListener::bind(config.listen).await?;
    let address = listener.local_addr()?;
    let (provider, courses) = Provider::new(config, address)?;
    let provider = Arc::new(provider);
    let router = routes::router(Arc::clone(&provider));
    let (stop, stopped) = oneshot::channel::<()>();
    let serve = axum::serve(listener, router).with_graceful_shutdown(async {
        // Both ends mean stop: a message, and a sender that was dropped.
        let _ = stopped.await;
    });
    let deliveries = Arc::clone(&provider.deliveries);
    let expiring = Arc::clone(&provider);
    let server = tokio::spawn(async move {
        tokio::select! {
            served = async { serve.await } => served,
            () = deliveries.run(courses) => Ok(()),
            () = expiring.expire(EXPIRY_CHECK) => Ok(()),
        }
    });
    Ok(Running { address, provider, stop, server })
}

/// The last part of a page's address, or the id itself.
fn id(session: &str) -> &str {
    session.rsplit('/').next().unwrap_or_default()
}
