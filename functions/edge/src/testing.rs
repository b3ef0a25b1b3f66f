//! A platform without a platform: components run natively, in process, on kv-schema's models of the four stores.
//!
//! A [`Deployment`] is what stays between requests: the store with its clock, the configuration, the variables, what the
//! mail provider received. A [`Double`] is the platform of one request on it, with randomness of its own. Everything is
//! deterministic: the same requests in the same order of their turns leave the same bytes.
//!
//! Each operation on the store and each message to the mail provider waits for its turn and can fail or be the last one
//! ([`World`]); so a test decides which request goes next, and when one dies.

use std::{cell::RefCell, collections::BTreeMap, future::Future, pin::Pin, rc::Rc, sync::Arc};

use http::Method;
use kv_schema::{
    backends::{
        model::Backend,
        world::{Cas, Client, Surroundings, World},
    },
    key::Key,
    store::{Ambient, Store, StoreFault, Swap, Watched},
};
use shared::{config::Gateway, delivery::Answer, password::Blocklist, values::Seconds};

use crate::{
    drain::EFFECTS_URL,
    platform::{Answered, Outgoing, Platform, PlatformFault, Question},
    reply::Reply,
    request::Request,
};

/// A component that serves a request.
pub type Serve = fn(Double, Request) -> Pin<Box<dyn Future<Output = Reply>>>;

/// The passwords that every deployment here refuses.
const LISTED: [&str; 3] = ["password", "welcome", "correct horse battery staple"];

/// What stays between requests.
#[derive(Debug, Clone)]
pub struct Deployment {
    world: World,
    gateway: Arc<Gateway>,
    blocklist: Arc<Blocklist>,
    variables: Arc<BTreeMap<String, String>>,
    effects: Option<Serve>,
    log: Rc<RefCell<Vec<String>>>,
    answerer: Option<Answerer>,
    provider: Option<Provider>,
    receiver: Option<Receiver>,
}

/// Somebody outside who is asked something: a stand-in for a provider.
pub type Answerer = fn(&Question) -> Answered;

/// What a mail provider answers to what it is sent; what it answers with 2xx it has taken.
pub type Provider = fn(&Outgoing) -> Answered;

/// What a partner's endpoint answers to a webhook that it is sent.
pub type Receiver = fn(&Outgoing) -> Answer;

impl Deployment {
    /// An empty store of this kind, with this configuration and these variables. Nobody carries out effects.
    ///
    /// # Panics
    /// Never: a few distinct passwords make a filter.
    pub fn new(backend: Backend, gateway: Gateway, variables: BTreeMap<String, String>) -> Self {
        Self {
            world: World::new(backend),
            gateway: Arc::new(gateway),
            blocklist: Arc::new(Blocklist::of(LISTED).expect("distinct entries make a filter")),
            variables: Arc::new(variables),
            effects: None,
            log: Rc::default(),
            answerer: None,
            provider: None,
            receiver: None,
        }
    }

    /// The same with the component that the others ask to carry out effects.
    #[must_use]
    pub fn with_effects(self, effects: Serve) -> Self {
        Self { effects: Some(effects), ..self }
    }

    /// This deployment with somebody outside who can be asked.
    #[must_use]
    pub fn with_answerer(&self, answerer: Answerer) -> Self {
        Self { answerer: Some(answerer), ..self.clone() }
    }

    /// This deployment with a mail provider that is particular about what it takes.
    #[must_use]
    pub fn with_provider(&self, provider: Provider) -> Self {
        Self { provider: Some(provider), ..self.clone() }
    }

    /// This deployment with somebody who takes webhooks; otherwise whatever is posted is taken.
    #[must_use]
    pub fn with_receiver(&self, receiver: Receiver) -> Self {
        Self { receiver: Some(receiver), ..self.clone() }
    }

    /// Another deployment that is like this one now.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { world: self.world.fork(), log: Rc::new(RefCell::new(self.log.borrow().clone())), ..self.clone() }
    }

    /// This deployment's configuration and variables on another store.
    #[must_use]
    pub fn on(&self, world: World) -> Self {
        Self { world, ..self.clone() }
    }

    /// This deployment's store and variables under another configuration.
    #[must_use]
    pub fn under(&self, gateway: Gateway) -> Self {
        Self { gateway: Arc::new(gateway), ..self.clone() }
    }

    /// The store, its clock and its faults; what the mail provider received is what was posted.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The platform of the next request.
    pub fn platform(&self) -> Double {
        let (store, surroundings) = self.world.actor(0);
        Double {
            store,
            surroundings: Rc::new(surroundings),
            gateway: Arc::clone(&self.gateway),
            blocklist: Arc::clone(&self.blocklist),
            variables: Arc::clone(&self.variables),
            effects: self.effects,
            log: Rc::clone(&self.log),
            answerer: self.answerer,
            provider: self.provider,
            receiver: self.receiver,
        }
    }

    /// Every line that was logged.
    pub fn log_lines(&self) -> Vec<String> {
        self.log.borrow().clone()
    }
}

/// The platform of one request.
#[derive(Debug, Clone)]
pub struct Double {
    store: Client,
    surroundings: Rc<Surroundings>,
    gateway: Arc<Gateway>,
    blocklist: Arc<Blocklist>,
    variables: Arc<BTreeMap<String, String>>,
    effects: Option<Serve>,
    log: Rc<RefCell<Vec<String>>>,
    answerer: Option<Answerer>,
    provider: Option<Provider>,
    receiver: Option<Receiver>,
}

impl Store for Double {
    type Cas = Cas;

    fn get(&self, key: &Key) -> impl Future<Output = Result<Option<Vec<u8>>, StoreFault>> {
        self.store.get(key)
    }

    fn watch(&self, key: &Key) -> impl Future<Output = Result<Watched<Cas>, StoreFault>> {
        self.store.watch(key)
    }

    fn swap(&self, cas: Cas, value: Vec<u8>) -> impl Future<Output = Result<Swap<Cas>, StoreFault>> {
        self.store.swap(cas, value)
    }

    fn increment(&self, key: &Key, delta: i64) -> impl Future<Output = Result<i64, StoreFault>> {
        self.store.increment(key, delta)
    }

    fn delete(&self, key: &Key) -> impl Future<Output = Result<(), StoreFault>> {
        self.store.delete(key)
    }
}

impl Ambient for Double {
    fn unix_seconds(&self) -> u64 {
        self.surroundings.unix_seconds()
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.surroundings.fill(bytes);
    }

    fn pause(&self, millis: u32) -> impl Future<Output = ()> {
        self.surroundings.pause(millis)
    }
}

impl Platform for Double {
    fn gateway(&self) -> Result<Arc<Gateway>, PlatformFault> {
        Ok(Arc::clone(&self.gateway))
    }

    fn blocklist(&self) -> Result<Arc<Blocklist>, PlatformFault> {
        Ok(Arc::clone(&self.blocklist))
    }

    async fn variable(&self, name: &str) -> Result<Option<String>, PlatformFault> {
        Ok(self.variables.get(name).filter(|value| !value.is_empty()).cloned())
    }

    async fn post(&self, message: Outgoing, _patience: Option<Seconds>) -> Result<Answered, PlatformFault> {
        if message.url == EFFECTS_URL {
            let headers = [("content-type", "application/json")];
            let asked = request(Method::POST, "/effects", &headers, message.body);
            let effects = self.effects.ok_or_else(|| PlatformFault::new("there is no component effects"))?;
            return Ok(answered(effects(self.clone(), asked).await.status.as_u16()));
        }
        let answer = self.provider.map_or(answered(202), |provider| provider(&message));
        if !(200..=299).contains(&answer.status) {
            return Ok(answer);
        }
        let arrived = self.store.post(message.idempotency_key, message.body).await;
        arrived.map(|()| answer).map_err(|fault| PlatformFault::new(fault.cause()))
    }

    async fn notify(&self, message: Outgoing, _patience: Seconds) -> Answer {
        let taken = Answer { status: Some(204), retry_after: None };
        let answer = self.receiver.map_or(taken, |receiver| receiver(&message));
        // What the receiver says is lost where the exchange fails; that it has taken the webhook is not.
        match self.store.post(message.idempotency_key, message.body).await {
            Ok(()) => answer,
            Err(_) => Answer { status: None, retry_after: None },
        }
    }

    async fn ask(&self, question: Question, _patience: Seconds) -> Result<Answered, PlatformFault> {
        let answerer =
            self.answerer.ok_or_else(|| PlatformFault::new(format!("nobody answers at {}", question.url)))?;
        Ok(answerer(&question))
    }

    fn log(&self, line: &str) {
        self.log.borrow_mut().push(line.to_owned());
    }
}

/// An answer without a body.
fn answered(status: u16) -> Answered {
    Answered { status, body: Vec::new() }
}

/// A request as a component gets it: the one place where tests make them.
pub fn request(method: Method, target: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Request {
    Request::new(method, target, headers.iter().copied().collect(), body)
}
