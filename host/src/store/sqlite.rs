//! The store in one SQLite file, in the table layout of Spin's own SQLite backend, so that `spin up` continues
//! on the same data.
//!
//! Writes are committed in groups: one thread takes what is queued, applies it in one transaction and
//! acknowledges after the commit. An acknowledged write has survived `fsync`, and a busy host pays for
//! one `fsync` per group instead of one per write. Reads go through connections of their own; in WAL mode
//! they see every acknowledged write and wait for none.

use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use tokio::sync::oneshot;

use super::{CompareAndSwap, Store, StoreError, Swapped};

/// Connections for reading.
const READERS: usize = 4;
/// Writes in one transaction: bounds how long the first of a group waits for the last.
const MAX_GROUP: usize = 256;
/// Writes that may wait. A writer that finds the queue full waits in its own task.
const MAX_QUEUED: usize = 4_096;
/// How long to wait for another process (`spin up` on the same file) to release its lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a writer looks again at a full queue.
const FULL_QUEUE_PAUSE: Duration = Duration::from_millis(1);

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS spin_key_value (
    store TEXT NOT NULL,
    key   TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (store, key)
)";
const SELECT: &str = "SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2";
const EXISTS: &str = "SELECT 1 FROM spin_key_value WHERE store = ?1 AND key = ?2";
const KEYS: &str = "SELECT key FROM spin_key_value WHERE store = ?1";
const UPSERT: &str = "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3)
    ON CONFLICT (store, key) DO UPDATE SET value = excluded.value";
const REPLACE: &str = "UPDATE spin_key_value SET value = ?3 WHERE store = ?1 AND key = ?2 AND value = ?4";
const DELETE: &str = "DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2";

/// How much an acknowledgement is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// An acknowledged write survives loss of power.
    PowerLoss,
    /// For stores that are thrown away with the process.
    None,
}

/// The store.
pub struct Sqlite {
    inner: Arc<Inner>,
    commits: Arc<AtomicU64>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

struct Inner {
    readers: Vec<Mutex<Connection>>,
    next_reader: AtomicUsize,
    /// None once the store is closed.
    queue: Mutex<Option<SyncSender<Queued>>>,
}

struct Queued {
    address: Address,
    write: Write,
    done: oneshot::Sender<Result<Written, StoreError>>,
}

#[derive(Clone)]
struct Address {
    label: String,
    key: String,
}

enum Write {
    Set(Vec<u8>),
    Delete,
    Increment(i64),
    Swap { seen: Option<Vec<u8>>, value: Vec<u8> },
}

/// What a write has to say beyond having happened.
#[derive(Clone, Copy)]
enum Written {
    Done,
    Counter(i64),
    Refused,
}

impl Sqlite {
    /// Opens or creates the store in `file`.
    ///
    /// # Errors
    /// If the file is not a database, or cannot be written.
    pub fn open(file: &Path, durability: Durability) -> anyhow::Result<Self> {
        let shown = file.display();
        let writer = connect(file, durability).with_context(|| format!("{shown}: cannot be opened as a store"))?;
        writer.execute(SCHEMA, []).with_context(|| format!("{shown}: the table cannot be created"))?;
        let readers = (0..READERS)
            .map(|_| connect(file, durability).map(Mutex::new))
            .collect::<Result<Vec<_>, _>>()
            .with_context(|| format!("{shown}: cannot be opened for reading"))?;
        let (sender, queue) = sync_channel(MAX_QUEUED);
        let commits = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&commits);
        let writer = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_groups(writer, &queue, &counter))
            .context("the store's writer cannot be started")?;
        let inner = Inner { readers, next_reader: AtomicUsize::new(0), queue: Mutex::new(Some(sender)) };
        Ok(Self { inner: Arc::new(inner), commits, writer: Mutex::new(Some(writer)) })
    }

    /// Lets queued writes finish, refuses further ones, and returns when the file is no longer written.
    pub fn close(&self) {
        drop(lock(&self.inner.queue).take());
        if let Some(writer) = lock(&self.writer).take() {
            // A writer that panicked has logged why, and has nothing left to finish.
            writer.join().ok();
        }
    }
}

fn connect(file: &Path, durability: Durability) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    let synchronous = match durability {
        Durability::PowerLoss => "FULL",
        Durability::None => "OFF",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    Ok(connection)
}

/// The writer thread: until the queue is closed and empty.
fn write_groups(mut connection: Connection, queue: &Receiver<Queued>, commits: &AtomicU64) {
    while let Ok(first) = queue.recv() {
        let mut group = vec![first];
        group.extend(queue.try_iter().take(MAX_GROUP - 1));
        let results = write_group(&mut connection, &group);
        if results.is_ok() {
            commits.fetch_add(1, Relaxed);
        }
        let results = results.unwrap_or_else(|error| {
            tracing::error!(%error, writes = group.len(), "a group of writes failed");
            vec![Err(error); group.len()]
        });
        for (queued, result) in group.into_iter().zip(results) {
            // Nobody waits for the result if the request was given up; the write stands nevertheless.
            queued.done.send(result).ok();
        }
    }
}

/// Applies all writes of a group in one transaction, each with its own result, or none of them.
fn write_group(connection: &mut Connection, group: &[Queued]) -> Result<Vec<Result<Written, StoreError>>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut results = Vec::with_capacity(group.len());
    for queued in group {
        let result = apply(&transaction, &queued.address, &queued.write);
        // Some failures (a full disk) roll back everything, not only the statement.
        if let (Err(error), true) = (&result, transaction.is_autocommit()) {
            return Err(error.clone());
        }
        results.push(result);
    }
    transaction.commit()?;
    Ok(results)
}

fn apply(
    transaction: &Transaction<'_>,
    Address { label, key }: &Address,
    write: &Write,
) -> Result<Written, StoreError> {
    match write {
        Write::Set(value) | Write::Swap { seen: None, value } => {
            // Spin's SQLite backend compares nothing either when the key was absent. Components must cope.
            transaction.prepare_cached(UPSERT)?.execute(params![label, key, value])?;
            Ok(Written::Done)
        }
        Write::Swap { seen: Some(seen), value } => {
            let changed = transaction.prepare_cached(REPLACE)?.execute(params![label, key, value, seen])?;
            Ok(if changed == 1 { Written::Done } else { Written::Refused })
        }
        Write::Delete => {
            transaction.prepare_cached(DELETE)?.execute(params![label, key])?;
            Ok(Written::Done)
        }
        Write::Increment(delta) => {
            let stored = select(transaction, label, key)?;
            let counter = match stored {
                Some(bytes) => i64::from_le_bytes(bytes.try_into().map_err(|_| StoreError::NotACounter)?),
                None => 0,
            };
            let counter = counter.checked_add(*delta).ok_or(StoreError::Overflow)?;
            transaction.prepare_cached(UPSERT)?.execute(params![label, key, counter.to_le_bytes()])?;
            Ok(Written::Counter(counter))
        }
    }
}

fn select(connection: &Connection, label: &str, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection.prepare_cached(SELECT)?.query_row([label, key], |row| row.get(0)).optional()
}

impl Inner {
    /// Reads in the calling task: a point read takes microseconds, less than handing it to another thread.
    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let turn = self.next_reader.fetch_add(1, Relaxed) % READERS;
        let reader = self.readers.get(turn).ok_or(StoreError::Closed)?;
        Ok(read(&lock(reader))?)
    }

    async fn write(&self, address: Address, write: Write) -> Result<Written, StoreError> {
        let (done, written) = oneshot::channel();
        let mut queued = Queued { address, write, done };
        loop {
            let attempt = match &*lock(&self.queue) {
                Some(queue) => queue.try_send(queued),
                None => return Err(StoreError::Closed),
            };
            match attempt {
                Ok(()) => break,
                Err(TrySendError::Full(back)) => queued = back,
                Err(TrySendError::Disconnected(_)) => return Err(StoreError::Closed),
            }
            tokio::time::sleep(FULL_QUEUE_PAUSE).await;
        }
        written.await.map_err(|_| StoreError::Closed)?
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A connection or a queue is whole at every point where a panic could have struck.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn address(label: &str, key: &str) -> Address {
    Address { label: label.to_owned(), key: key.to_owned() }
}

#[async_trait]
impl Store for Sqlite {
    async fn get(&self, label: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.read(|connection| select(connection, label, key))
    }

    async fn exists(&self, label: &str, key: &str) -> Result<bool, StoreError> {
        self.inner.read(|connection| connection.prepare_cached(EXISTS)?.exists([label, key]))
    }

    async fn keys(&self, label: &str) -> Result<Vec<String>, StoreError> {
        let inner = Arc::clone(&self.inner);
        let label = label.to_owned();
        let list = move || inner.read(|c| c.prepare_cached(KEYS)?.query_map([label], |row| row.get(0))?.collect());
        // The listing is the whole store: not in a task that others share.
        tokio::task::spawn_blocking(list).await.map_err(|_| StoreError::Closed)?
    }

    async fn set(&self, label: &str, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        self.inner.write(address(label, key), Write::Set(value)).await.map(drop)
    }

    async fn delete(&self, label: &str, key: &str) -> Result<(), StoreError> {
        self.inner.write(address(label, key), Write::Delete).await.map(drop)
    }

    async fn increment(&self, label: &str, key: &str, delta: i64) -> Result<i64, StoreError> {
        match self.inner.write(address(label, key), Write::Increment(delta)).await? {
            Written::Counter(counter) => Ok(counter),
            Written::Done | Written::Refused => Err(StoreError::Backend("an increment yielded no counter".into())),
        }
    }

    fn commits(&self) -> u64 {
        self.commits.load(Relaxed)
    }

    async fn compare_and_swap(&self, label: &str, key: &str) -> Result<Arc<dyn CompareAndSwap>, StoreError> {
        let handle = Handle { inner: Arc::clone(&self.inner), address: address(label, key), seen: Mutex::new(None) };
        Ok(Arc::new(handle))
    }
}

struct Handle {
    inner: Arc<Inner>,
    address: Address,
    seen: Mutex<Option<Vec<u8>>>,
}

#[async_trait]
impl CompareAndSwap for Handle {
    async fn current(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let Address { label, key } = &self.address;
        let value = self.inner.read(|connection| select(connection, label, key))?;
        lock(&self.seen).clone_from(&value);
        Ok(value)
    }

    async fn swap(&self, value: Vec<u8>) -> Result<Swapped, StoreError> {
        let seen = lock(&self.seen).clone();
        match self.inner.write(self.address.clone(), Write::Swap { seen, value }).await? {
            Written::Refused => Ok(Swapped::Refused),
            Written::Done | Written::Counter(_) => Ok(Swapped::Applied),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixture(tempfile::TempDir);

    impl Fixture {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("there is room"))
        }

        fn open(&self) -> Sqlite {
            Sqlite::open(&self.0.path().join("store.sqlite"), Durability::PowerLoss).expect("opens")
        }
    }

    #[tokio::test]
    async fn an_acknowledged_write_is_read_back_also_after_reopening() {
        let fixture = Fixture::new();
        let store = fixture.open();
        store.set("default", "a", b"1".to_vec()).await.expect("is written");
        store.set("other", "a", b"2".to_vec()).await.expect("is written");
        assert_eq!(store.increment("default", "n", 5).await.expect("counts"), 5);
        assert_eq!(store.get("default", "a").await.expect("is read"), Some(b"1".to_vec()));
        store.close();
        assert!(matches!(store.delete("default", "a").await, Err(StoreError::Closed)));

        let store = fixture.open();
        assert_eq!(store.get("other", "a").await.expect("is read"), Some(b"2".to_vec()));
        assert_eq!(store.get("default", "n").await.expect("is read"), Some(5_i64.to_le_bytes().to_vec()));
        store.delete("default", "a").await.expect("is deleted");
        assert!(!store.exists("default", "a").await.expect("is read"));
        assert_eq!(store.keys("default").await.expect("are listed"), ["n"]);
    }

    #[tokio::test]
    async fn a_swap_compares_with_what_was_seen() {
        let fixture = Fixture::new();
        let store = fixture.open();
        store.set("default", "a", b"1".to_vec()).await.expect("is written");
        let (mine, theirs) = (
            store.compare_and_swap("default", "a").await.expect("is made"),
            store.compare_and_swap("default", "a").await.expect("is made"),
        );
        mine.current().await.expect("is read");
        theirs.current().await.expect("is read");
        assert_eq!(theirs.swap(b"theirs".to_vec()).await.expect("swaps"), Swapped::Applied);
        assert_eq!(mine.swap(b"mine".to_vec()).await.expect("swaps"), Swapped::Refused);
        assert_eq!(store.get("default", "a").await.expect("is read"), Some(b"theirs".to_vec()));
    }

    #[tokio::test]
    async fn a_swap_from_absent_overwrites_as_in_spin() {
        let fixture = Fixture::new();
        let store = fixture.open();
        let (first, second) = (
            store.compare_and_swap("default", "new").await.expect("is made"),
            store.compare_and_swap("default", "new").await.expect("is made"),
        );
        assert_eq!(first.current().await.expect("is read"), None);
        assert_eq!(second.current().await.expect("is read"), None);
        assert_eq!(first.swap(b"first".to_vec()).await.expect("swaps"), Swapped::Applied);
        assert_eq!(second.swap(b"second".to_vec()).await.expect("swaps"), Swapped::Applied);
        assert_eq!(store.get("default", "new").await.expect("is read"), Some(b"second".to_vec()));
    }

    #[tokio::test]
    async fn only_counters_are_counted_and_a_failed_write_does_not_harm_its_group() {
        let fixture = Fixture::new();
        let store = fixture.open();
        store.set("default", "text", b"seven..".to_vec()).await.expect("is written");
        store.increment("default", "full", i64::MAX).await.expect("counts");
        let (text, full, fine) = tokio::join!(
            store.increment("default", "text", 1),
            store.increment("default", "full", 1),
            store.increment("default", "fine", 1),
        );
        assert!(matches!(text, Err(StoreError::NotACounter)), "{text:?}");
        assert!(matches!(full, Err(StoreError::Overflow)), "{full:?}");
        assert_eq!(fine.expect("counts"), 1);
        assert_eq!(store.get("default", "text").await.expect("is read"), Some(b"seven..".to_vec()));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn concurrent_writes_share_commits_and_none_is_lost() {
        const WRITES: u64 = 2_000;
        let fixture = Fixture::new();
        let store = Arc::new(fixture.open());
        let writes: Vec<_> = (0..WRITES)
            .map(|n| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    store.increment("default", "n", 1).await?;
                    store.set("default", &format!("key-{n}"), n.to_le_bytes().to_vec()).await
                })
            })
            .collect();
        for write in writes {
            write.await.expect("does not panic").expect("is written");
        }
        let commits = store.commits();
        assert!(commits * 10 < WRITES * 2, "{commits} commits for {} writes", WRITES * 2);
        store.close();

        let reopened = fixture.open();
        assert_eq!(reopened.keys("default").await.expect("are listed").len() as u64, WRITES + 1);
        assert_eq!(reopened.increment("default", "n", 0).await.expect("counts"), WRITES.cast_signed());
    }
}
