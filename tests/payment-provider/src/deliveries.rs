//! Webhooks: each is delivered until the merchant answers with a 2xx, a bounded number of times, with growing pauses.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use reqwest::{Client, redirect::Policy};
use sha2::Sha256;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::sleep,
};

use crate::{Clock, Retry, Webhook, events::Event, payments::Interface};

/// How many deliveries are kept; the oldest makes room.
const LIMIT: usize = 4_000;
/// How many attempts of a delivery are kept; the oldest makes room.
const ATTEMPTS_LIMIT: usize = 50;
/// How long the merchant may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// An event on its way to the merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Counts deliveries.
    pub number: u64,
    /// The event's id; a card that has an event told twice makes two deliveries of one event.
    pub event: String,
    /// What the event is: its `type`.
    pub kind: &'static str,
    /// The payment that it is about.
    pub payment: String,
    /// What is sent.
    pub body: String,
    /// The attempts so far.
    pub attempts: Vec<Attempt>,
    /// How it stands.
    pub standing: Standing,
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It will be tried.
    Waiting,
    /// The merchant took it.
    Delivered,
    /// It was tried as often as events are.
    GivenUp,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it was made.
    pub at: Timestamp,
    /// What came of it.
    pub answer: Answer,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The merchant answered with this status.
    Status(u16),
    /// The merchant could not be reached, for this reason.
    Failed(String),
    /// It got lost on the way, as the card wants it.
    Lost,
}

impl Answer {
    fn is_good(&self) -> bool {
        matches!(self, Self::Status(200..=299))
    }
}

/// How events are delivered.
pub(crate) struct Plan {
    /// One after the other: the next one begins when the merchant has taken the one before, or it was given up.
    pub(crate) events: Vec<Event>,
    /// How long the first one is kept back.
    pub(crate) delay: Duration,
    /// How many attempts of each get lost.
    pub(crate) lost: usize,
}

impl Plan {
    pub(crate) fn at_once(events: impl IntoIterator<Item = Event>) -> Self {
        Self { events: events.into_iter().collect(), delay: Duration::ZERO, lost: 0 }
    }
}

struct Course {
    numbers: Vec<u64>,
    delay: Duration,
    lost: usize,
}

/// What deliveries wait for.
#[derive(Clone)]
struct Gate {
    held: bool,
    webhook: Option<Webhook>,
}

struct Known {
    delivery: Delivery,
    interface: Interface,
}

#[derive(Default)]
struct Notes {
    last: u64,
    known: VecDeque<Known>,
}

impl Notes {
    fn find(&mut self, number: u64) -> Option<&mut Known> {
        self.known.iter_mut().find(|known| known.delivery.number == number)
    }
}

pub(crate) struct Deliveries {
    clock: Clock,
    retry: Retry,
    client: Client,
    notes: Mutex<Notes>,
    gate: watch::Sender<Gate>,
    under_way: watch::Sender<usize>,
    courses: mpsc::UnboundedSender<Course>,
}

/// The courses that are still to be run.
pub(crate) struct Courses(mpsc::UnboundedReceiver<Course>);

impl Deliveries {
    pub(crate) fn new(clock: Clock, retry: Retry, webhook: Option<Webhook>) -> anyhow::Result<(Self, Courses)> {
        let client = Client::builder().redirect(Policy::none()).no_proxy().timeout(PATIENCE).build()?;
        let (courses, receiver) = mpsc::unbounded_channel();
        let gate = watch::Sender::new(Gate { held: false, webhook: None });
        let notes = Mutex::default();
        let under_way = watch::Sender::new(0);
        let deliveries = Self { clock, retry, client, notes, gate, under_way, courses };
        if let Some(webhook) = webhook {
            deliveries.set_webhook(webhook)?;
        }
        Ok((deliveries, Courses(receiver)))
    }

    pub(crate) fn set_webhook(&self, webhook: Webhook) -> anyhow::Result<()> {
        reqwest::Url::parse(&webhook.target).context("the webhook's target is not an address")?;
        standardwebhooks::Webhook::new(&webhook.standard_secret).context("the Standard Webhooks secret")?;
        self.gate.send_modify(|gate| gate.webhook = Some(webhook));
        Ok(())
    }

    pub(crate) fn hold(&self, held: bool) {
        self.gate.send_modify(|gate| gate.held = held);
    }

    /// Has events delivered.
    pub(crate) fn begin(&self, plan: Plan) {
        let numbers = plan.events.into_iter().map(|event| self.note(event)).collect();
        self.under_way.send_modify(|courses| *courses += 1);
        let course = Course { numbers, delay: plan.delay, lost: plan.lost };
        // Nobody receives only when everything is ending.
        let _ = self.courses.send(course);
    }

    fn note(&self, event: Event) -> u64 {
        let mut notes = self.lock();
        notes.last += 1;
        let number = notes.last;
        if notes.known.len() >= LIMIT {
            notes.known.pop_front();
        }
        let Event { id, kind, interface, payment, body } = event;
        let (attempts, standing) = (Vec::new(), Standing::Waiting);
        let delivery = Delivery { number, event: id, kind, payment, body, attempts, standing };
        notes.known.push_back(Known { delivery, interface });
        number
    }

    /// All of them, the oldest first.
    pub(crate) fn all(&self) -> Vec<Delivery> {
        self.lock().known.iter().map(|known| known.delivery.clone()).collect()
    }

    /// Returns when nothing is under way.
    pub(crate) async fn settled(&self) {
        // The sender lives as long as this does.
        let _ = self.under_way.subscribe().wait_for(|courses| *courses == 0).await;
    }

    /// Runs courses as they come, until it is dropped.
    pub(crate) async fn run(self: Arc<Self>, mut courses: Courses) {
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                course = courses.0.recv() => match course {
                    Some(course) => {
                        let deliveries = Arc::clone(&self);
                        running.spawn(async move { deliveries.finish(course).await });
                    }
                    None => return,
                },
                Some(_) = running.join_next() => {}
            }
        }
    }

    async fn finish(&self, course: Course) {
        sleep(course.delay).await;
        for number in course.numbers {
            self.deliver(number, course.lost).await;
        }
        self.under_way.send_modify(|courses| *courses -= 1);
    }

    async fn deliver(&self, number: u64, lost: usize) {
        let mut pause = self.retry.first_pause;
        for attempt in 0..self.retry.attempts {
            if attempt > 0 {
                sleep(pause).await;
                pause = pause.saturating_mul(2);
            }
            let Some(webhook) = self.open().await else {
                return;
            };
            // Somebody may have delivered it by hand meanwhile.
            if self.standing(number) != Some(Standing::Waiting) {
                return;
            }
            let answer = if attempt < lost { Answer::Lost } else { self.send(number, &webhook).await };
            if self.record(number, answer).is_good() {
                return;
            }
        }
        if let Some(known) = self.lock().find(number) {
            known.delivery.standing = Standing::GivenUp;
        }
    }

    /// Waits until deliveries are let go and have a target.
    async fn open(&self) -> Option<Webhook> {
        let mut gate = self.gate.subscribe();
        let gate = gate.wait_for(|gate| !gate.held && gate.webhook.is_some()).await.ok()?;
        gate.webhook.clone()
    }

    /// One attempt at once, whether deliveries are held or not: what came of it.
    pub(crate) async fn attempt(&self, number: u64) -> anyhow::Result<Answer> {
        let webhook = self.gate.borrow().webhook.clone().context("there is no target yet")?;
        self.standing(number).context("there is no such delivery")?;
        let answer = self.send(number, &webhook).await;
        Ok(self.record(number, answer))
    }

    fn standing(&self, number: u64) -> Option<Standing> {
        self.lock().find(number).map(|known| known.delivery.standing)
    }

    fn record(&self, number: u64, answer: Answer) -> Answer {
        let at = self.clock.now();
        if let Some(known) = self.lock().find(number) {
            if answer.is_good() {
                known.delivery.standing = Standing::Delivered;
            }
            if known.delivery.attempts.len() >= ATTEMPTS_LIMIT {
                known.delivery.attempts.remove(0);
            }
            known.delivery.attempts.push(Attempt { at, answer: answer.clone() });
        }
        answer
    }

    async fn send(&self, number: u64, webhook: &Webhook) -> Answer {
        let event = self.lock().find(number).map(|known| {
            let Delivery { event, body, .. } = &known.delivery;
            (event.clone(), known.interface, body.clone())
        });
        let Some((id, interface, body)) = event else {
            return Answer::Failed("it was forgotten".into());
        };
        let headers = match signed(interface, webhook, &id, self.clock.now().as_second(), &body) {
            Ok(headers) => headers,
            Err(error) => return Answer::Failed(format!("{error:#}")),
        };
        let mut request = self.client.post(&webhook.target).header("content-type", "application/json; charset=utf-8");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        match request.body(body).send().await {
            Ok(response) => Answer::Status(response.status().as_u16()),
            Err(error) => Answer::Failed(format!("{:#}", anyhow::Error::from(error))),
        }
    }

    // No method leaves the list half changed, so a panic elsewhere cannot have broken it.
    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The headers of one attempt: time and signature are its own, the id is the event's.
fn signed(
    interface: Interface,
    webhook: &Webhook,
    id: &str,
    timestamp: i64,
    body: &str,
) -> anyhow::Result<Vec<(&'static str, String)>> {
    Ok(match interface {
        Interface::Stripe => {
            let mut mac = Hmac::<Sha256>::new_from_slice(webhook.stripe_secret.as_bytes())?;
            mac.update(format!("{timestamp}.{body}").as_bytes());
            let signature = hex::encode(mac.finalize().into_bytes());
            vec![("stripe-signature", format!("t={timestamp},v1={signature}"))]
        }
        Interface::Generic => {
            let secret = standardwebhooks::Webhook::new(&webhook.standard_secret)?;
            let signature = secret.sign(id, timestamp, body.as_bytes())?;
            vec![
                ("webhook-id", id.to_owned()),
                ("webhook-timestamp", timestamp.to_string()),
                ("webhook-signature", signature),
            ]
        }
    })
}
