//! What each backend does to its data when Spin asks it for an atomic operation.
//!
//! Written after Spin 4.1: `key-value-spin`, `key-value-redis`, `key-value-aws` and `key-value-azure`.

use std::collections::BTreeMap;

use crate::store::StoreFault;

/// Whose behaviour a store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Backend {
    /// Spin's default.
    Sqlite,
    /// Redis 7.
    Redis,
    /// `DynamoDB`.
    Dynamo,
    /// Azure Cosmos DB.
    Cosmos,
}

impl Backend {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Sqlite, Self::Redis, Self::Dynamo, Self::Cosmos];
}

/// A store's data.
#[derive(Debug, Clone, Hash)]
pub struct Model {
    backend: Backend,
    items: BTreeMap<String, Item>,
    /// What stood before the last change, for stale reads.
    before: BTreeMap<String, Option<Item>>,
    /// How often a key was changed; outlives the key (Redis' `WATCH`, Cosmos DB's etags). Counted for each key by itself, so
    /// that changes of different keys come to the same data in whichever order.
    touched: BTreeMap<String, u64>,
    host_is_gone: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Item {
    value: Value,
    /// `DynamoDB`'s `VER`: counted by swaps, starts again when the item is made anew.
    version: Option<u64>,
    /// Cosmos DB's etag.
    etag: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Value {
    Bytes(Vec<u8>),
    /// Cosmos DB's counters are documents of another shape; elsewhere counters are bytes.
    Counter(i64),
}

/// What a compare-and-swap handle remembers of the key it was made for.
#[derive(Debug, Clone, Hash)]
pub struct Remembered {
    item: Option<Item>,
    touched: u64,
}

/// One exchange with Cosmos DB; its adapter's increment consists of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exchange {
    /// It worked.
    Done,
    /// 404.
    NotFound,
    /// 409.
    Conflict,
}

impl Model {
    /// An empty store.
    pub fn new(backend: Backend) -> Self {
        Self { backend, items: BTreeMap::new(), before: BTreeMap::new(), touched: BTreeMap::new(), host_is_gone: false }
    }

    /// Whose behaviour it has.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// What every request meets first: keys and values the backend refuses, and a host that panicked.
    pub fn admit(&self, key: &str, value: &[u8]) -> Result<(), StoreFault> {
        let refused = match self.backend {
            _ if self.host_is_gone => Some("the host has panicked"),
            Backend::Cosmos if key.contains(['/', '\\', '?', '#']) => Some("illegal character in the key"),
            Backend::Cosmos if key.contains('\'') => Some("the key ends the quoted text of the query"),
            Backend::Dynamo if value.len() > 400 * 1024 => Some("item larger than 400 KB"),
            _ => None,
        };
        refused.map_or(Ok(()), |cause| Err(StoreFault::new(cause)))
    }

    /// The value that stands.
    pub fn read(&self, key: &str) -> Result<Option<Vec<u8>>, StoreFault> {
        bytes(self.items.get(key))
    }

    /// The value before the last change: what `DynamoDB` may still answer without consistent reads, and Cosmos DB below
    /// strong consistency.
    pub fn read_stale(&self, key: &str) -> Result<Option<Vec<u8>>, StoreFault> {
        bytes(self.stale(key))
    }

    /// What has changed so far is what a stale read answers.
    pub fn catch_up(&mut self) {
        self.before.clear();
    }

    /// What a handle remembers when `current` is called on it.
    pub fn remember(&self, key: &str) -> Remembered {
        Remembered { item: self.items.get(key).cloned(), touched: self.touched(key) }
    }

    /// The same when that read is behind, which Cosmos DB's is at the account's weaker levels: an older value with its own
    /// etag.
    pub fn remember_stale(&self, key: &str) -> Remembered {
        Remembered { item: self.stale(key).cloned(), touched: self.touched(key) }
    }

    /// Spin's `swap`. `Ok(false)` is `cas-failed`, whatever happened.
    pub fn swap(&mut self, key: &str, seen: &Remembered, bytes: Vec<u8>) -> bool {
        let now = self.items.get(key);
        let stands = match (self.backend, &seen.item) {
            // INSERT .. ON CONFLICT DO UPDATE.
            (Backend::Sqlite, None) => true,
            // UPDATE .. WHERE value = the old value.
            (Backend::Sqlite, Some(old)) => now.is_some_and(|now| now.value == old.value),
            // MULTI, SET, EXEC: void when the watched key was touched.
            (Backend::Redis, _) => self.touched(key) == seen.touched,
            // attribute_not_exists(VAL); create without upsert.
            (Backend::Dynamo | Backend::Cosmos, None) => now.is_none(),
            // VER = the old version, or VAL = the old value where there is no version.
            (Backend::Dynamo, Some(Item { version: Some(version), .. })) => {
                now.is_some_and(|now| now.version == Some(*version))
            }
            (Backend::Dynamo, Some(old)) => now.is_some_and(|now| now.value == old.value),
            // Replace, if the etag matches.
            (Backend::Cosmos, Some(old)) => now.is_some_and(|now| now.etag == old.etag),
        };
        if stands {
            let version = now.and_then(|now| now.version).unwrap_or(0) + 1;
            self.put(key, Some((Value::Bytes(bytes), Some(version))));
        }
        // Redis: UNWATCH is sent an argument, fails, and with it the whole swap.
        stands && self.backend != Backend::Redis
    }

    /// `swap` without a prior `current`: blind everywhere but on Cosmos DB. For negative controls.
    pub fn swap_blindly(&mut self, key: &str, bytes: Vec<u8>) -> bool {
        if self.backend == Backend::Cosmos && self.items.contains_key(key) {
            return false;
        }
        self.put(key, Some((Value::Bytes(bytes), None)));
        self.backend != Backend::Redis
    }

    /// `SQLite`'s and Redis' increment: one atomic step.
    pub fn increment(&mut self, key: &str, delta: i64) -> Result<i64, StoreFault> {
        let value = self.counter(key)?.unwrap_or(0) + delta;
        self.put_counter(key, value);
        Ok(value)
    }

    /// A counter as this backend encodes it.
    pub fn counter(&mut self, key: &str) -> Result<Option<i64>, StoreFault> {
        let Some(item) = self.items.get(key) else {
            return Ok(None);
        };
        let value = match (self.backend, &item.value) {
            (_, Value::Counter(value)) => Some(*value),
            (Backend::Sqlite, Value::Bytes(bytes)) => {
                let value = bytes.as_slice().try_into().map(i64::from_le_bytes).ok();
                self.host_is_gone = value.is_none();
                value
            }
            (Backend::Redis | Backend::Dynamo, Value::Bytes(bytes)) => {
                std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok())
            }
            (Backend::Cosmos, Value::Bytes(_)) => None,
        };
        value.map(Some).ok_or_else(|| StoreFault::new("value is not a counter"))
    }

    /// The second half of `DynamoDB`'s increment: written only if the counter is still what was read.
    pub fn put_counter_if(&mut self, key: &str, read: Option<i64>, value: i64) -> Result<i64, StoreFault> {
        if self.counter(key)? != read {
            return Err(StoreFault::new("TransactionCanceledException: ConditionalCheckFailed"));
        }
        self.put_counter(key, value);
        Ok(value)
    }

    /// The first exchange of Cosmos DB's increment.
    pub fn patch(&mut self, key: &str, delta: i64) -> Result<Exchange, StoreFault> {
        let Some(value) = self.counter(key)? else {
            return Ok(Exchange::NotFound);
        };
        self.put_counter(key, value + delta);
        Ok(Exchange::Done)
    }

    /// Its second, after a 404.
    pub fn create_counter(&mut self, key: &str, value: i64) -> Exchange {
        if self.items.contains_key(key) {
            return Exchange::Conflict;
        }
        self.put_counter(key, value);
        Exchange::Done
    }

    /// Removes a key.
    pub fn delete(&mut self, key: &str) {
        if self.items.contains_key(key) {
            self.put(key, None);
        }
    }

    /// Every key that exists.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.items.keys().map(String::as_str)
    }

    fn stale(&self, key: &str) -> Option<&Item> {
        self.before.get(key).map_or_else(|| self.items.get(key), Option::as_ref)
    }

    fn touched(&self, key: &str) -> u64 {
        self.touched.get(key).copied().unwrap_or(0)
    }

    fn put_counter(&mut self, key: &str, value: i64) {
        let encoded = match self.backend {
            Backend::Sqlite => Value::Bytes(value.to_le_bytes().into()),
            Backend::Redis | Backend::Dynamo => Value::Bytes(value.to_string().into()),
            Backend::Cosmos => Value::Counter(value),
        };
        let version = self.items.get(key).and_then(|item| item.version);
        self.put(key, Some((encoded, version)));
    }

    fn put(&mut self, key: &str, to: Option<(Value, Option<u64>)>) {
        self.before.insert(key.to_owned(), self.items.get(key).cloned());
        let changes = self.touched.entry(key.to_owned()).or_default();
        *changes += 1;
        let etag = *changes;
        match to {
            None => {
                self.items.remove(key);
            }
            Some((value, version)) => {
                self.items.insert(key.to_owned(), Item { value, version, etag });
            }
        }
    }
}

fn bytes(item: Option<&Item>) -> Result<Option<Vec<u8>>, StoreFault> {
    match item {
        None => Ok(None),
        Some(Item { value: Value::Bytes(bytes), .. }) => Ok(Some(bytes.clone())),
        Some(Item { value: Value::Counter(_), .. }) => {
            Err(StoreFault::new("invalid type: integer, expected a sequence"))
        }
    }
}
