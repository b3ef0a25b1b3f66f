//! What a platform offers, and nothing more: the two traits behind which every backend, clock and random source hides.
//!
//! [`Store`] is the least that Spin's four key-value stores have in common. It has no operation that writes a record
//! without having read it first: a [`Store::swap`] consumes a handle, and only [`Store::watch`] (or a refused swap) makes
//! one. "There is no blind set" therefore needs no discipline; there is nothing to call. Nor can a caller invent a key:
//! [`Key`]s are made inside this crate only.
//!
//! What the operations promise differs by backend, and what they do *not* promise is the reason for [`crate::kv`]:
//!
//! | operation | promised on all four | not promised |
//! |---|---|---|
//! | `get` | some value that was current once | that it still is (`DynamoDB` without consistent reads, Cosmos DB below strong consistency) |
//! | `watch` | a value, and a handle bound to it | that it is the current one (Cosmos DB below strong consistency) |
//! | `swap` on a present value | applied only if nothing changed since the watch | that [`Swap::Refused`] means "not applied": Redis refuses always, and all but `SQLite` say so of a write that failed or was not answered |
//! | `swap` on an absent value | writes | that it refuses when somebody was faster (`SQLite`) |
//! | `increment` | counted once, unless it errs | that the answer is one's own (Cosmos DB) or that it does not err (`DynamoDB`) |
//! | `delete` | gone, absent included | |
//!
//! Futures are not `Send`: a component is single-threaded.

use std::future::Future;

use crate::key::Key;

/// A key-value store with the atomic operations of `wasi:keyvalue`.
pub trait Store {
    /// A compare-and-swap handle: a key, and what was seen under it. On Redis it is a connection of its own.
    type Cas;

    /// One plain read. It may be stale, and it may run at the same time as others.
    fn get(&self, key: &Key) -> impl Future<Output = Result<Option<Vec<u8>>, StoreFault>>;

    /// `cas.new` and `current`: one consistent read, and the handle that makes a later swap conditional on it.
    fn watch(&self, key: &Key) -> impl Future<Output = Result<Watched<Self::Cas>, StoreFault>>;

    /// Writes `value` if what was watched still stands.
    ///
    /// After a [`StoreFault`] as after [`Swap::Refused`] the write may have happened: the host answers a fault also when
    /// it fails to prepare the new handle after a swap that was applied.
    fn swap(&self, cas: Self::Cas, value: Vec<u8>) -> impl Future<Output = Result<Swap<Self::Cas>, StoreFault>>;

    /// Adds `delta` to a counter, which starts at 0, and returns what the store believes the new value is.
    fn increment(&self, key: &Key, delta: i64) -> impl Future<Output = Result<i64, StoreFault>>;

    /// Removes a key; an absent one is no error.
    fn delete(&self, key: &Key) -> impl Future<Output = Result<(), StoreFault>>;
}

/// A key's current value, and the handle for writing the next one.
#[derive(Debug)]
pub struct Watched<C> {
    /// Binds the next write to `current`.
    pub cas: C,
    /// The value that stands, `None` when the key is absent.
    pub current: Option<Vec<u8>>,
}

/// What a store reports about a swap.
#[must_use = "a refused swap may have been applied all the same"]
#[derive(Debug)]
pub enum Swap<C> {
    /// The value was written.
    Applied,
    /// Reported as failed, which says nothing: the write may have been applied, or may still be. Carries a fresh watch of the
    /// same key (`cas-failed` hands back a new handle; the adapter calls `current` on it), so that finding out the truth
    /// costs one read and no connection.
    Refused(Watched<C>),
}

/// The store did not do, or did not say, what was asked. The cause is for the log, never for a response.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the key-value store failed; try again")]
pub struct StoreFault {
    cause: String,
}

impl StoreFault {
    /// A fault with the platform's own words.
    pub fn new(cause: impl Into<String>) -> Self {
        Self { cause: cause.into() }
    }

    /// The platform's own words, for the log.
    pub fn cause(&self) -> &str {
        &self.cause
    }
}

/// Time, randomness and sleeping: handed in, so that tests hold the clock.
pub trait Ambient {
    /// Seconds since 1970-01-01T00:00:00Z. Nodes may differ by less than [`CLOCK_SKEW_SECONDS`].
    fn unix_seconds(&self) -> u64;

    /// Fills `bytes` with unpredictable ones.
    fn fill(&self, bytes: &mut [u8]);

    /// Lets at least `millis` milliseconds pass without blocking the instance's other requests.
    fn pause(&self, millis: u32) -> impl Future<Output = ()>;
}

/// Two nodes' clocks differ by less than this. With [`REQUEST_SECONDS`] it makes the gates of [`crate::kv`] safe.
pub const CLOCK_SKEW_SECONDS: u64 = 30;

/// No request, and so no write in flight, lives longer than this.
pub const REQUEST_SECONDS: u64 = 30;

impl<T: Store + ?Sized> Store for &T {
    type Cas = T::Cas;

    fn get(&self, key: &Key) -> impl Future<Output = Result<Option<Vec<u8>>, StoreFault>> {
        (**self).get(key)
    }

    fn watch(&self, key: &Key) -> impl Future<Output = Result<Watched<Self::Cas>, StoreFault>> {
        (**self).watch(key)
    }

    fn swap(&self, cas: Self::Cas, value: Vec<u8>) -> impl Future<Output = Result<Swap<Self::Cas>, StoreFault>> {
        (**self).swap(cas, value)
    }

    fn increment(&self, key: &Key, delta: i64) -> impl Future<Output = Result<i64, StoreFault>> {
        (**self).increment(key, delta)
    }

    fn delete(&self, key: &Key) -> impl Future<Output = Result<(), StoreFault>> {
        (**self).delete(key)
    }
}

impl<T: Ambient + ?Sized> Ambient for &T {
    fn unix_seconds(&self) -> u64 {
        (**self).unix_seconds()
    }

    fn fill(&self, bytes: &mut [u8]) {
        (**self).fill(bytes);
    }

    fn pause(&self, millis: u32) -> impl Future<Output = ()> {
        (**self).pause(millis)
    }
}
