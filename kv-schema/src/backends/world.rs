//! A store on a [`Model`], with its clock, its journal and its faults, and the one party outside that is written to.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
    hash::{BuildHasher as _, Hash},
    rc::Rc,
};

use foldhash::quality::FixedState;

use super::{
    model::{Backend, Exchange, Model, Remembered},
    turns::turn,
};
use crate::{
    key::Key,
    kv::Kv,
    record::{Envelope, Record, RecordFault, Stored},
    store::{Ambient, Store, StoreFault, Swap, Watched},
};

/// A store and what surrounds it. Clones are the same world.
#[derive(Debug, Clone)]
pub struct World {
    state: Rc<RefCell<State>>,
}

#[derive(Debug, Clone)]
struct State {
    model: Model,
    journal: Vec<Op>,
    fault: Option<(usize, Moment)>,
    under_way: Option<UnderWay>,
    stale_reads: bool,
    unix_seconds: u64,
    paused_millis: u64,
    clients: u64,
    /// Everything each client has been told, hashed.
    told: BTreeMap<u64, u64>,
    /// What has left, by the key under which the receiver recognises a repetition, in the order of arrival.
    posted: Vec<Posted>,
    posts_refused: bool,
}

/// A swap that was not answered and has not arrived yet.
#[derive(Debug, Clone, Hash)]
struct UnderWay {
    client: u64,
    key: String,
    seen: Remembered,
    value: Vec<u8>,
}

/// Something that has left for a receiver outside who recognises repetitions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Posted {
    /// The same for every try of one cause.
    pub idempotency_key: String,
    /// What arrived first under this key.
    pub body: Vec<u8>,
}

/// One operation, as it went to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    /// Which client asked, from 0 in the order of [`World::kv`].
    pub client: u64,
    /// What for.
    pub kind: OpKind,
    /// On which key.
    pub key: String,
}

/// The kinds of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpKind {
    /// A plain read.
    Get,
    /// A watched read, or the look that follows a refused swap.
    Watch,
    /// A conditional write.
    Swap,
    /// A counter.
    Increment,
    /// One of the further exchanges that an increment consists of on `DynamoDB` and Cosmos DB. Not counted: the component asks once.
    IncrementStep,
    /// A removal.
    Delete,
    /// Something that leaves for a receiver outside. The store has no part in it; it fails and dies like the others.
    Post,
}

/// When an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Before its effect: nothing happened.
    BeforeEffect,
    /// After its effect: only the answer is lost.
    AfterEffect,
    /// Before its effect, which comes when the caller has looked whether it did: a write that was under way. Only swaps are.
    AfterNextLook,
}

/// What an operation cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Gets and watches.
    pub reads: usize,
    /// Swaps, increments and removals.
    pub writes: usize,
}

/// One actor's connection to the store.
#[derive(Debug, Clone)]
pub struct Client {
    world: World,
    number: u64,
}

/// One actor's clock and randomness.
#[derive(Debug)]
pub struct Surroundings {
    world: World,
    number: u64,
    skew_seconds: i64,
    random: Cell<u64>,
}

/// A compare-and-swap handle.
#[derive(Debug)]
pub struct Cas {
    key: String,
    seen: Remembered,
}

impl World {
    /// An empty store at 2026-11-21T00:00:00Z, the beginning of a minute and of an hour.
    pub fn new(backend: Backend) -> Self {
        let state = State {
            model: Model::new(backend),
            journal: Vec::new(),
            fault: None,
            under_way: None,
            stale_reads: false,
            unix_seconds: 1_795_219_200,
            paused_millis: 0,
            clients: 0,
            told: BTreeMap::new(),
            posted: Vec::new(),
            posts_refused: false,
        };
        Self { state: Rc::new(RefCell::new(state)) }
    }

    /// Another actor, with a clock that is right and randomness of its own.
    pub fn kv(&self) -> Kv<Client, Surroundings> {
        self.kv_with_skew(0)
    }

    /// Another actor whose clock is ahead (or, negative, behind).
    pub fn kv_with_skew(&self, skew_seconds: i64) -> Kv<Client, Surroundings> {
        let (client, surroundings) = self.actor(skew_seconds);
        Kv::new(client, surroundings)
    }

    /// Another actor's connection, clock and randomness. What is drawn depends on how many actors came before, and on
    /// nothing else: no two actors of a world draw the same, and a world that is built again draws the same again.
    pub fn actor(&self, skew_seconds: i64) -> (Client, Surroundings) {
        let client = self.client();
        let number = client.number;
        let random = Cell::new(number << 32);
        (client, Surroundings { world: self.clone(), number, skew_seconds, random })
    }

    /// Another actor that goes to the store without the primitives: for negative controls.
    pub fn client(&self) -> Client {
        let mut state = self.state.borrow_mut();
        let number = state.clients;
        state.clients += 1;
        Client { world: self.clone(), number }
    }

    /// Reads are one change behind from now on, on the backends that allow it: plain ones on `DynamoDB`, watched ones as
    /// well on Cosmos DB, whose adapter reads both ways at the account's level of consistency.
    pub fn make_reads_stale(&self) {
        let mut state = self.state.borrow_mut();
        state.stale_reads = matches!(state.model.backend(), Backend::Dynamo | Backend::Cosmos);
    }

    /// Stale reads see what has changed so far, and not what changes from now on.
    pub fn let_reads_catch_up(&self) {
        self.state.borrow_mut().model.catch_up();
    }

    /// Reads are right again.
    pub fn make_reads_fresh(&self) {
        self.state.borrow_mut().stale_reads = false;
    }

    /// Whether the receiver of what is posted is out of order from now on.
    pub fn refuse_posts(&self, refuse: bool) {
        self.state.borrow_mut().posts_refused = refuse;
    }

    /// What has arrived outside, once for each idempotency key.
    pub fn posted(&self) -> Vec<Posted> {
        self.state.borrow().posted.clone()
    }

    /// The operation after `operations` more ones fails.
    pub fn fail_after(&self, operations: usize, moment: Moment) {
        let mut state = self.state.borrow_mut();
        let index = state.journal.len() + operations;
        state.fault = Some((index, moment));
    }

    /// No operation fails any more.
    pub fn stop_failing(&self) {
        self.state.borrow_mut().fault = None;
    }

    /// Another world that is like this one now.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { state: Rc::new(RefCell::new(self.state.borrow().clone())) }
    }

    /// Moves every clock.
    pub fn advance(&self, seconds: u64) {
        self.state.borrow_mut().unix_seconds += seconds;
    }

    /// What time it is.
    pub fn unix_seconds(&self) -> u64 {
        self.state.borrow().unix_seconds
    }

    /// How long actors have waited, together.
    pub fn paused_millis(&self) -> u64 {
        self.state.borrow().paused_millis
    }

    /// Every operation so far.
    pub fn journal(&self) -> Vec<Op> {
        self.state.borrow().journal.clone()
    }

    /// How many operations so far.
    pub fn operations(&self) -> usize {
        self.state.borrow().journal.len()
    }

    /// What the operations since the last call cost, and forgets them.
    pub fn take_cost(&self) -> Cost {
        let journal = std::mem::take(&mut self.state.borrow_mut().journal);
        let count = |kinds: &[OpKind]| journal.iter().filter(|op| kinds.contains(&op.kind)).count();
        Cost {
            reads: count(&[OpKind::Get, OpKind::Watch]),
            writes: count(&[OpKind::Swap, OpKind::Increment, OpKind::Delete]),
        }
    }

    /// The data, and all that each actor has been told, as one number: an actor being deterministic, two worlds of equal
    /// fingerprint, whose actors have taken equally many turns each, have the same future.
    pub fn fingerprint(&self) -> u64 {
        let state = self.state.borrow();
        let mut posted: Vec<&Posted> = state.posted.iter().collect();
        posted.sort_by_key(|posted| &posted.idempotency_key);
        // A fault that lies ahead is at an index of the journal, whose length the turns tell.
        let troubles = (state.stale_reads, state.posts_refused, &state.fault, &state.under_way);
        FixedState::default().hash_one((&state.model, &state.told, state.unix_seconds, troubles, posted))
    }

    /// Every key that exists, without an operation.
    pub fn keys(&self) -> Vec<String> {
        self.state.borrow().model.keys().map(str::to_owned).collect()
    }

    /// The bytes under a key, without an operation.
    pub fn bytes(&self, key: &Key) -> Option<Vec<u8>> {
        self.state.borrow().model.read(key.as_str()).ok().flatten()
    }

    /// Every stored record of this kind, without an operation.
    ///
    /// # Errors
    /// When the bytes under one of its keys are not such a record.
    pub fn every<R: Record>(&self) -> Result<Vec<Stored<R>>, RecordFault> {
        let state = self.state.borrow();
        let of_kind = |key: &&str| key.split_once(':').is_some_and(|(prefix, _)| prefix == R::PREFIX.as_str());
        let records = state.model.keys().filter(of_kind).map(|key| {
            let bytes = state.model.read(key).map_err(|fault| RecordFault::corrupt(fault.cause()))?;
            Stored::open(Envelope::parse(R::KIND, Key::of_stored(key), &bytes.unwrap_or_default())?)
        });
        records.collect()
    }

    /// Puts bytes under a key as if somebody else had, without an operation.
    pub fn plant(&self, key: &Key, bytes: Vec<u8>) {
        let _ = self.state.borrow_mut().model.swap_blindly(key.as_str(), bytes);
    }
}

impl State {
    /// Journals an operation and says whether a fault was asked for.
    fn begin(&mut self, client: u64, kind: OpKind, key: &str) -> Option<Moment> {
        let index = self.journal.len();
        self.journal.push(Op { client, kind, key: key.to_owned() });
        self.fault.and_then(|(fault, moment)| (fault == index).then_some(moment))
    }

    /// What comes of an operation, and the fault that struck it.
    fn exchange<T: Hash>(
        &mut self,
        client: u64,
        kind: OpKind,
        key: &str,
        effect: impl FnOnce(&mut Model) -> Result<T, StoreFault>,
    ) -> (Result<T, StoreFault>, Option<Moment>) {
        let moment = self.begin(client, kind, key);
        let answer = match moment {
            Some(Moment::BeforeEffect | Moment::AfterNextLook) => Err(StoreFault::new("injected before the effect")),
            Some(Moment::AfterEffect) | None => self.model.admit(key, &[]).and_then(|()| effect(&mut self.model)),
        };
        let answer = match moment {
            Some(Moment::AfterEffect) => Err(StoreFault::new("injected after the effect")),
            _ => answer,
        };
        let looks = |one: &mut UnderWay| kind == OpKind::Watch && one.client == client && one.key == key;
        if let Some(UnderWay { key, seen, value, .. }) = self.under_way.take_if(looks) {
            self.model.swap(&key, &seen, value);
        }
        self.tell(client, &answer);
        (answer, moment)
    }

    fn tell(&mut self, client: u64, answer: &impl Hash) {
        let told = self.told.entry(client).or_default();
        *told = FixedState::default().hash_one((*told, answer, self.unix_seconds));
    }
}

impl Client {
    /// One exchange with the store: waits for its turn, is journalled, and fails if a fault was asked for.
    async fn exchange<T: Hash>(
        &self,
        kind: OpKind,
        key: &str,
        effect: impl FnOnce(&mut Model) -> Result<T, StoreFault>,
    ) -> Result<T, StoreFault> {
        turn().await;
        self.world.state.borrow_mut().exchange(self.number, kind, key, effect).0
    }

    /// Sends something to the receiver outside, who keeps the first of each key.
    ///
    /// # Errors
    /// When it is out of order, or the exchange fails.
    pub async fn post(&self, idempotency_key: String, body: Vec<u8>) -> Result<(), StoreFault> {
        turn().await;
        let mut state = self.world.state.borrow_mut();
        let moment = state.begin(self.number, OpKind::Post, "outside");
        let lost = matches!(moment, Some(Moment::BeforeEffect | Moment::AfterNextLook));
        let arrives = !state.posts_refused && !lost;
        if arrives && state.posted.iter().all(|known| known.idempotency_key != idempotency_key) {
            state.posted.push(Posted { idempotency_key, body });
        }
        let answered = arrives && moment.is_none();
        state.tell(self.number, &answered);
        if answered { Ok(()) } else { Err(StoreFault::new("the receiver does not answer")) }
    }

    async fn watch_text(&self, key: &str) -> Result<Watched<Cas>, StoreFault> {
        let stale = self.world.state.borrow().stale_reads;
        let look = |model: &mut Model| match model.backend() {
            Backend::Cosmos if stale => Ok((model.remember_stale(key), model.read_stale(key)?)),
            _ => Ok((model.remember(key), model.read(key)?)),
        };
        let (seen, current) = self.exchange(OpKind::Watch, key, look).await?;
        Ok(Watched { cas: Cas { key: key.to_owned(), seen }, current })
    }

    /// Get, then a conditional write: errs when somebody comes between.
    async fn increment_dynamo(&self, key: &str, delta: i64) -> Result<i64, StoreFault> {
        let read = self.exchange(OpKind::Increment, key, |model| model.counter(key)).await?;
        let value = read.unwrap_or(0) + delta;
        self.exchange(OpKind::IncrementStep, key, |model| model.put_counter_if(key, read, value)).await
    }

    /// Patch, then a read of whatever the value is by then; or, absent, create; or, created meanwhile, all of it again,
    /// and then answers `delta` whatever it was.
    async fn increment_cosmos(&self, key: &str, delta: i64) -> Result<i64, StoreFault> {
        let mut conflicted = false;
        let mut kind = OpKind::Increment;
        loop {
            if self.exchange(kind, key, |model| model.patch(key, delta)).await? == Exchange::Done {
                let value = self.exchange(OpKind::IncrementStep, key, |model| model.counter(key)).await?;
                let value = value.ok_or_else(|| StoreFault::new("empty value after patching"))?;
                return Ok(if conflicted { delta } else { value });
            }
            kind = OpKind::IncrementStep;
            if self.exchange(kind, key, |model| Ok(model.create_counter(key, delta))).await? == Exchange::Done {
                return Ok(delta);
            }
            conflicted = true;
        }
    }
}

impl Store for Client {
    type Cas = Cas;

    async fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreFault> {
        let stale = self.world.state.borrow().stale_reads;
        let key = key.as_str();
        let look = |model: &mut Model| if stale { model.read_stale(key) } else { model.read(key) };
        self.exchange(OpKind::Get, key, look).await
    }

    async fn watch(&self, key: &Key) -> Result<Watched<Cas>, StoreFault> {
        self.watch_text(key.as_str()).await
    }

    async fn swap(&self, cas: Cas, value: Vec<u8>) -> Result<Swap<Cas>, StoreFault> {
        let Cas { key, seen } = cas;
        turn().await;
        let (answer, backend) = {
            let state = &mut *self.world.state.borrow_mut();
            let write = |model: &mut Model| {
                model.admit(&key, &value)?;
                Ok(model.swap(&key, &seen, value.clone()))
            };
            let (answer, moment) = state.exchange(self.number, OpKind::Swap, &key, write);
            if moment == Some(Moment::AfterNextLook) {
                state.under_way = Some(UnderWay { client: self.number, key: key.clone(), seen, value });
            }
            (answer, state.model.backend())
        };
        match (answer, backend) {
            (Ok(true), _) => return Ok(Swap::Applied),
            (Err(fault), Backend::Sqlite) => return Err(fault),
            // The others' adapters take every failure for "somebody else was faster".
            (Ok(false) | Err(_), _) => {}
        }
        Ok(Swap::Refused(self.watch_text(&key).await?))
    }

    async fn increment(&self, key: &Key, delta: i64) -> Result<i64, StoreFault> {
        let key = key.as_str();
        let backend = self.world.state.borrow().model.backend();
        match backend {
            Backend::Sqlite | Backend::Redis => {
                self.exchange(OpKind::Increment, key, |model| model.increment(key, delta)).await
            }
            Backend::Dynamo => self.increment_dynamo(key, delta).await,
            Backend::Cosmos => self.increment_cosmos(key, delta).await,
        }
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreFault> {
        let remove = |model: &mut Model| {
            model.delete(key.as_str());
            Ok(())
        };
        self.exchange(OpKind::Delete, key.as_str(), remove).await
    }
}

impl Ambient for Surroundings {
    fn unix_seconds(&self) -> u64 {
        self.world.unix_seconds().saturating_add_signed(self.skew_seconds)
    }

    /// `SplitMix64`, seeded with the client's number: no two actors draw the same.
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
            self.random.set(state);
            let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let drawn = (z ^ (z >> 31)).to_le_bytes();
            chunk.iter_mut().zip(drawn).for_each(|(to, from)| *to = from);
        }
    }

    /// Takes no turn: it has no effect that anybody could see, and the operation after it waits for its own.
    async fn pause(&self, millis: u32) {
        let mut state = self.world.state.borrow_mut();
        state.paused_millis += u64::from(millis);
        state.tell(self.number, &"paused");
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} reads, {} writes", self.reads, self.writes)
    }
}
