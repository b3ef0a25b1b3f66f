//! The key-value store behind the components, as a trait, and its backends: SQLite and Redis.

mod redis;
mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;

pub use self::redis::Redis;
pub use sqlite::{Durability, Sqlite};

/// A key-value store with Spin's operations. `label` selects one of several key spaces.
///
/// An operation that returned `Ok` is durable as far as the backend ever makes it.
#[async_trait]
pub trait Store: Send + Sync {
    /// The value of `key`.
    async fn get(&self, label: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Whether `key` has a value.
    async fn exists(&self, label: &str, key: &str) -> Result<bool, StoreError>;

    /// Every key of the label, in no particular order.
    async fn keys(&self, label: &str) -> Result<Vec<String>, StoreError>;

    /// Writes `value`, whatever was there.
    async fn set(&self, label: &str, key: &str, value: Vec<u8>) -> Result<(), StoreError>;

    /// Removes `key`, if it is there.
    async fn delete(&self, label: &str, key: &str) -> Result<(), StoreError>;

    /// Adds `delta` to a counter, which starts at zero, and returns its new value.
    ///
    /// # Errors
    /// [`StoreError::NotACounter`] if the value under `key` is not a counter, [`StoreError::Overflow`] if the
    /// sum does not fit; then nothing is changed.
    async fn increment(&self, label: &str, key: &str, delta: i64) -> Result<i64, StoreError>;

    /// Transactions that wrote since the store was opened; 0 if the backend does not count them.
    fn commits(&self) -> u64 {
        0
    }

    /// A handle to replace the value of `key` only if nobody else did meanwhile.
    async fn compare_and_swap(&self, label: &str, key: &str) -> Result<Arc<dyn CompareAndSwap>, StoreError>;
}

/// Replaces a value that was looked at before.
#[async_trait]
pub trait CompareAndSwap: Send + Sync {
    /// The value now; a later [`swap`](Self::swap) compares with it.
    async fn current(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Writes `value` if the key still has the value last seen.
    ///
    /// What happens if none was seen, or the key was absent, differs between backends: on SQLite the swap
    /// then overwrites whatever is there, as in Spin. What is answered differs too.
    async fn swap(&self, value: Vec<u8>) -> Result<Swapped, StoreError>;
}

/// The outcome of a compare-and-swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Swapped {
    /// The new value is written.
    Applied,
    /// Reported as failed. On SQLite nothing was changed by this swap; on Redis, as in Spin, that is not said.
    Refused,
}

/// Why a storage operation failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// An increment met a value that no increment wrote.
    #[error("the value is not a counter")]
    NotACounter,
    /// An increment would leave the range of a 64-bit signed integer.
    #[error("the counter would overflow")]
    Overflow,
    /// The host is shutting down.
    #[error("the store is closed")]
    Closed,
    /// The backend failed; the text is for the log, not for a response.
    #[error("the store failed: {0}")]
    Backend(Arc<str>),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Backend(error.to_string().into())
    }
}
