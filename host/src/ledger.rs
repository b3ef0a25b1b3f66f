//! What requests cost: cheap totals always, and an exact account of each request while metering.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::store::Store;

/// Accounts kept while metering; older ones are dropped.
const MAX_MEASURED: usize = 10_000;
/// Operations listed in one account; further ones are counted, not listed.
const MAX_TOUCHED: usize = 10_000;

/// The account book of a running host.
#[derive(Default)]
pub struct Ledger {
    requests: AtomicU64,
    reads: AtomicU64,
    writes: AtomicU64,
    store: Option<Arc<dyn Store>>,
    measured: Mutex<VecDeque<Measured>>,
}

/// Sums since the start, kept in every mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Requests that were handed to a component.
    pub requests: u64,
    /// Storage operations that read: get, exists, key listings, a compare-and-swap handle's `current`.
    pub reads: u64,
    /// Storage operations that write: set, delete, increment, swap.
    pub writes: u64,
    /// Transactions in which the store made these writes durable; 0 if the backend does not count them.
    pub commits: u64,
}

/// What one request cost (metering only), with what its component had others do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measured {
    /// The id of the component that answered.
    pub component: String,
    /// The request's method.
    pub method: String,
    /// The request's path, without the query.
    pub path: String,
    /// The answer's status; 500 if the component failed.
    pub status: u16,
    /// Storage operations that read, as in [`Totals::reads`].
    pub reads: u64,
    /// Storage operations that write, as in [`Totals::writes`].
    pub writes: u64,
    /// Those of the writes that were swaps.
    pub swaps: u64,
    /// Those of the writes that were increments.
    pub increments: u64,
    /// Those of the writes that were deletes.
    pub deletes: u64,
    /// Groups of storage operations that overlapped in time: a round begins when an operation starts while no
    /// other of the same request is under way. This is what a remote store's latency is multiplied by.
    /// Operations of `wasi:keyvalue` stop their instance, so each is a round of its own.
    pub rounds: u64,
    /// WebAssembly instructions (wasmtime's fuel) from the request's arrival to the end of its instance.
    pub fuel: u64,
    /// Fuel that making the instance took, not part of `fuel`.
    pub startup_fuel: u64,
    /// The most linear memory that an instance had, in bytes.
    pub peak_memory_bytes: usize,
    /// The storage operations in the order in which they started.
    pub touched: Vec<Touched>,
}

impl Measured {
    /// Adds what another component did for the same request, one after the other.
    pub(crate) fn add(&mut self, other: &Self) {
        self.reads += other.reads;
        self.writes += other.writes;
        self.swaps += other.swaps;
        self.increments += other.increments;
        self.deletes += other.deletes;
        self.rounds += other.rounds;
        self.fuel += other.fuel;
        self.startup_fuel += other.startup_fuel;
        self.peak_memory_bytes = self.peak_memory_bytes.max(other.peak_memory_bytes);
        let room = MAX_TOUCHED.saturating_sub(self.touched.len());
        self.touched.extend(other.touched.iter().take(room).cloned());
    }
}

/// A storage operation and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// What was done.
    pub operation: Operation,
    /// The store's label.
    pub store: String,
    /// The key; empty for a key listing.
    pub key: String,
}

/// A kind of storage operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the interfaces")]
pub enum Operation {
    Get,
    Exists,
    Keys,
    Current,
    Set,
    Delete,
    Increment,
    Swap,
}

impl Operation {
    fn writes(self) -> bool {
        match self {
            Self::Get | Self::Exists | Self::Keys | Self::Current => false,
            Self::Set | Self::Delete | Self::Increment | Self::Swap => true,
        }
    }
}

impl Ledger {
    /// The sums so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        Totals {
            requests: self.requests.load(Relaxed),
            reads: self.reads.load(Relaxed),
            writes: self.writes.load(Relaxed),
            commits: self.store.as_ref().map_or(0, |store| store.commits()),
        }
    }

    /// The accounts of the last requests, oldest first, at most 10,000. Empty unless metering.
    ///
    /// The account of a request is there before its answer reaches the client.
    #[must_use]
    pub fn measured(&self) -> Vec<Measured> {
        self.accounts().iter().cloned().collect()
    }

    /// Like [`Ledger::measured`], and forgets them.
    #[must_use]
    pub fn take_measured(&self) -> Vec<Measured> {
        std::mem::take(&mut *self.accounts()).into()
    }

    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store: Some(store), ..Self::default() }
    }

    pub(crate) fn count_request(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    pub(crate) fn record(&self, measured: Measured) {
        let mut accounts = self.accounts();
        if accounts.len() == MAX_MEASURED {
            accounts.pop_front();
        }
        accounts.push_back(measured);
    }

    fn accounts(&self) -> MutexGuard<'_, VecDeque<Measured>> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts the storage operations of one instance, into the totals and, while metering, into its request's account.
#[derive(Clone)]
pub(crate) struct Tally {
    ledger: Arc<Ledger>,
    metered: Option<Arc<Metered>>,
}

#[derive(Default)]
struct Metered {
    account: Mutex<Account>,
    /// Changes at the end of every round.
    round_ended: watch::Sender<()>,
}

#[derive(Default)]
struct Account {
    measured: Measured,
    /// Operations of the round that is under way; none if there is none.
    started: u32,
    finished: u32,
}

impl Tally {
    pub fn new(ledger: Arc<Ledger>, metering: bool) -> Self {
        Self { ledger, metered: metering.then(Arc::default) }
    }

    /// Runs an operation that stops the whole instance until it is done.
    pub async fn alone<T>(&self, touched: Touched, work: impl Future<Output = T>) -> T {
        let _under_way = self.start(touched);
        work.await
    }

    /// Runs an operation beside which the instance may start others.
    ///
    /// While metering, operations that start together also end together: rounds would otherwise depend on
    /// which of them the store happens to answer first.
    pub async fn together<T>(&self, touched: Touched, work: impl Future<Output = T>) -> T {
        let under_way = self.start(touched);
        if under_way.0.is_none() {
            return work.await;
        }
        // The instance goes on, and starts what else it has to start, before this operation can be done.
        tokio::task::yield_now().await;
        let done = work.await;
        under_way.end_of_round().await;
        done
    }

    /// What was counted so far; everything that is not about storage is still to be filled in.
    pub fn measured(&self) -> Option<Measured> {
        self.metered.as_ref().map(|metered| metered.account().measured.clone())
    }

    /// Adds what another component did for this request.
    pub fn add(&self, other: &Measured) {
        if let Some(metered) = &self.metered {
            metered.account().measured.add(other);
        }
    }

    fn start(&self, touched: Touched) -> UnderWay {
        let total = if touched.operation.writes() { &self.ledger.writes } else { &self.ledger.reads };
        total.fetch_add(1, Relaxed);
        if let Some(metered) = &self.metered {
            metered.account().start(touched);
        }
        UnderWay(self.metered.clone())
    }
}

/// A storage operation under way; dropping this finishes it.
struct UnderWay(Option<Arc<Metered>>);

impl UnderWay {
    async fn end_of_round(self) {
        let Some(metered) = self.0.clone() else { return };
        let mut ended = metered.round_ended.subscribe();
        drop(self);
        // The sender lives as long as `metered`, so this cannot fail.
        ended.changed().await.ok();
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Some(metered) = &self.0 else { return };
        let mut account = metered.account();
        account.finished += 1;
        if account.finished == account.started {
            (account.started, account.finished) = (0, 0);
            drop(account);
            metered.round_ended.send_replace(());
        }
    }
}

impl Metered {
    fn account(&self) -> MutexGuard<'_, Account> {
        // Counting cannot panic half-way, so a poisoned lock still holds a consistent account.
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn start(&mut self, touched: Touched) {
        let measured = &mut self.measured;
        if self.started == 0 {
            measured.rounds += 1;
        }
        self.started += 1;
        *(if touched.operation.writes() { &mut measured.writes } else { &mut measured.reads }) += 1;
        match touched.operation {
            Operation::Swap => measured.swaps += 1,
            Operation::Increment => measured.increments += 1,
            Operation::Delete => measured.deletes += 1,
            Operation::Get | Operation::Exists | Operation::Keys | Operation::Current | Operation::Set => {}
        }
        if measured.touched.len() < MAX_TOUCHED {
            measured.touched.push(touched);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(operation: Operation, key: &str) -> Touched {
        Touched { operation, store: "default".to_owned(), key: key.to_owned() }
    }

    #[tokio::test]
    async fn operations_that_overlap_are_one_round() {
        let tally = Tally::new(Arc::default(), true);
        let slow = tokio::time::sleep(std::time::Duration::from_millis(20));
        tokio::join!(tally.together(touched(Operation::Get, "a"), slow), async {
            tally.together(touched(Operation::Get, "b"), async {}).await;
            tally.together(touched(Operation::Swap, "c"), async {}).await;
        },);
        tally.alone(touched(Operation::Delete, "d"), async {}).await;

        let measured = tally.measured().expect("is metering");
        assert_eq!((measured.rounds, measured.reads, measured.writes), (3, 2, 2), "b waits for a, c is next");
        assert_eq!((measured.swaps, measured.increments, measured.deletes), (1, 0, 1));
        assert_eq!(measured.touched.iter().map(|t| t.key.as_str()).collect::<String>(), "abcd");
    }
}
