//! OPS-1: the doctor finds every guarantee held on every store, cleans up, and finds them broken on a store that breaks
//! them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::ensure;
use async_trait::async_trait;
use journeys::{
    doctor::{Finding, examine},
    on_every_store,
    stores::Backend,
    world::{MACHINE_KEY, Wishes, World},
};
use reqwest::StatusCode;
use shared::secret::Entropy;
use vestibule_host::{CompareAndSwap, Durability, Sqlite, Store, StoreError, Swapped};

on_every_store!(ops_1_every_guarantee_holds);

/// Distinct bytes; nobody has to be unable to guess them here.
struct Counted(u8);

impl Entropy for Counted {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0 = self.0.wrapping_add(1);
        bytes.fill(self.0);
    }
}

async fn examined(world: &World) -> anyhow::Result<Vec<Finding>> {
    examine(&world.place.service, MACHINE_KEY, &mut Counted(0)).await
}

// OPS-1
async fn ops_1_every_guarantee_holds(backend: Backend) -> anyhow::Result<()> {
    let world = World::on(backend).await?;
    let before = world.store_contents().await?;
    let findings = examined(&world).await?;
    ensure!(findings.len() == 4 && findings.iter().all(|finding| finding.held), "{findings:#?}");
    let failed = findings.iter().find(|finding| finding.guarantee.contains("reported as failed"));
    let words: Vec<&str> = failed.map(|finding| finding.evidence.split(' ').collect()).unwrap_or_default();
    // A contender that is overtaken too often is told nothing certain, so that not quite all may be acknowledged.
    let (reported, of) = match words.as_slice() {
        ["the", "store", "reported", reported, "of", of, ..] => (reported.parse::<u32>()?, of.parse::<u32>()?),
        _ => anyhow::bail!("{findings:#?}"),
    };
    ensure!(of >= 48 && reported == if backend == Backend::Redis { of } else { 0 }, "{findings:#?}");
    ensure!(world.store_contents().await? == before, "the doctor leaves nothing behind");
    world.stop().await
}

/// A store some of whose operations are not atomic.
struct Careless {
    store: Arc<Sqlite>,
    /// A swap always writes.
    swaps: bool,
    /// An increment is always told 1.
    increments: bool,
    /// A write over what is there is taken back once its writer has looked.
    forgets: bool,
    /// What is to be taken back, by key.
    written: Written,
}

type Written = Arc<Mutex<BTreeMap<String, Replaced>>>;

/// A write over what was there.
struct Replaced {
    mine: Vec<u8>,
    before: Vec<u8>,
    /// How often it was looked at since: by the host for the new handle, then by the component.
    looks: u32,
}

/// Reports every swap as failed, and forgets it.
struct ForgetfulSwap {
    store: Arc<Sqlite>,
    written: Written,
    label: String,
    key: String,
    seen: Mutex<Option<Vec<u8>>>,
    exact: Arc<dyn CompareAndSwap>,
}

#[async_trait]
impl CompareAndSwap for ForgetfulSwap {
    async fn current(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let current = self.exact.current().await?;
        let taken_back = {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            let mine = written.get_mut(&self.key).filter(|one| Some(&one.mine) == current.as_ref());
            let is_seen = mine.is_some_and(|one| {
                one.looks += 1;
                one.looks == 2
            });
            is_seen.then(|| written.remove(&self.key)).flatten()
        };
        if let Some(Replaced { before, .. }) = taken_back {
            self.store.set(&self.label, &self.key, before).await?;
        }
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&current);
        Ok(current)
    }

    async fn swap(&self, value: Vec<u8>) -> Result<Swapped, StoreError> {
        let before = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if self.exact.swap(value.clone()).await? == Swapped::Applied
            && let Some(before) = before
        {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            written.insert(self.key.clone(), Replaced { mine: value, before, looks: 0 });
        }
        Ok(Swapped::Refused)
    }
}

struct CarelessSwap {
    store: Arc<Sqlite>,
    label: String,
    key: String,
}

#[async_trait]
impl Store for Careless {
    async fn get(&self, label: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(label, key).await
    }

    async fn exists(&self, label: &str, key: &str) -> Result<bool, StoreError> {
        self.store.exists(label, key).await
    }

    async fn keys(&self, label: &str) -> Result<Vec<String>, StoreError> {
        self.store.keys(label).await
    }

    async fn set(&self, label: &str, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        self.store.set(label, key, value).await
    }

    async fn delete(&self, label: &str, key: &str) -> Result<(), StoreError> {
        self.store.delete(label, key).await
    }

    async fn increment(&self, label: &str, key: &str, delta: i64) -> Result<i64, StoreError> {
        if self.increments { Ok(1) } else { self.store.increment(label, key, delta).await }
    }

    async fn compare_and_swap(&self, label: &str, key: &str) -> Result<Arc<dyn CompareAndSwap>, StoreError> {
        if self.forgets {
            let exact = self.store.compare_and_swap(label, key).await?;
            let (store, written) = (Arc::clone(&self.store), Arc::clone(&self.written));
            let (label, key) = (label.to_owned(), key.to_owned());
            return Ok(Arc::new(ForgetfulSwap { store, written, label, key, seen: Mutex::default(), exact }));
        }
        if !self.swaps {
            return self.store.compare_and_swap(label, key).await;
        }
        Ok(Arc::new(CarelessSwap { store: Arc::clone(&self.store), label: label.to_owned(), key: key.to_owned() }))
    }
}

#[async_trait]
impl CompareAndSwap for CarelessSwap {
    async fn current(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(&self.label, &self.key).await
    }

    async fn swap(&self, value: Vec<u8>) -> Result<Swapped, StoreError> {
        // Time for others to look at the same value.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        self.store.set(&self.label, &self.key, value).await.map(|()| Swapped::Applied)
    }
}

/// Which guarantees hold on such a store: one creator, no update lost, each write once, every increment counted.
async fn held([swaps, increments, forgets]: [bool; 3]) -> anyhow::Result<Vec<bool>> {
    let directory = tempfile::tempdir()?;
    let store = Arc::new(Sqlite::open(&directory.path().join("store.db"), Durability::None)?);
    let store = Careless { store, swaps, increments, forgets, written: Written::default() };
    let world = World::with(Wishes { store: Some(Arc::new(store)), ..Wishes::default() }).await?;
    let before = world.store_contents().await?;
    let findings = examined(&world).await?;
    ensure!(world.store_contents().await? == before, "the doctor leaves nothing behind");
    world.stop().await?;
    Ok(findings.into_iter().map(|finding| finding.held).collect())
}

// OPS-1: an examination that cannot fail would prove nothing; and each guarantee has a verdict of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ops_1_a_store_that_breaks_them_is_found_out() -> anyhow::Result<()> {
    let careless_swaps = held([true, false, false]).await?;
    ensure!(careless_swaps == [true, false, true, true], "the gates still admit one creator: {careless_swaps:?}");
    let careless_increments = held([false, true, false]).await?;
    ensure!(careless_increments == [false, true, true, false], "the swap still compares: {careless_increments:?}");
    let careless = held([true, true, false]).await?;
    ensure!(careless == [false, false, true, false], "{careless:?}");
    let forgetful = held([false, false, true]).await?;
    ensure!(forgetful == [true, false, false, true], "what was reported as failed does not stand once: {forgetful:?}");
    Ok(())
}

// OPS-1: nobody else lets contenders loose on the store.
#[tokio::test(flavor = "multi_thread")]
async fn ops_1_only_a_machine_of_the_operator_examines() -> anyhow::Result<()> {
    let world = World::start().await?;
    let refused = examine(&world.place.service, "another key", &mut Counted(0)).await.err();
    ensure!(refused.is_some_and(|error| error.to_string().contains("401")));
    let url = world.url("/operate/self-check/aaaaaaaaaaaaaaaaaaaaaaaaaa");
    for body in ["{}", "{\"act\":\"create\",\"number\":-1}", "{\"act\":\"destroy\"}", "[]"] {
        let request = reqwest::Client::new().post(&url).bearer_auth(MACHINE_KEY);
        let response = request.header("content-type", "application/json").body(body).send().await?;
        ensure!(response.status() == StatusCode::BAD_REQUEST, "{body}: {}", response.status());
    }
    world.stop().await
}
