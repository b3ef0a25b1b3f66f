//! A store in memory: never contended, never failing.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    task::{Context, Poll, Waker},
};

use kv_schema::{
    key::Key,
    kv::{Fault, Kv},
    record::{Record, RecordFault},
    store::{Ambient, Store, StoreFault, Swap, Watched},
};

/// The output of a future that never waits.
pub(crate) fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("memory never waits"),
    }
}

#[derive(Debug, Default)]
pub(crate) struct Memory {
    values: RefCell<BTreeMap<String, Vec<u8>>>,
    counters: RefCell<BTreeMap<String, i64>>,
    prefixes: RefCell<BTreeSet<String>>,
}

impl Memory {
    /// The first part of every key that was ever touched.
    pub(crate) fn prefixes(&self) -> BTreeSet<String> {
        self.prefixes.borrow().clone()
    }

    /// Everything stored, by key.
    pub(crate) fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        self.values.borrow().clone()
    }

    /// Makes a newer release's record of whatever is stored: format, then version, which is one byte below 128.
    pub(crate) fn make_newer(&self) {
        for value in self.values.borrow_mut().values_mut() {
            if let [1, version, ..] = value.as_mut_slice() {
                *version = version.saturating_add(1);
            }
        }
    }

    fn text(&self, key: &Key) -> String {
        let text = key.as_str().to_owned();
        let prefix = text.split(':').next().unwrap_or_default().to_owned();
        self.prefixes.borrow_mut().insert(prefix);
        text
    }

    fn value(&self, key: &Key) -> Option<Vec<u8>> {
        self.values.borrow().get(&self.text(key)).cloned()
    }
}

impl Store for Memory {
    type Cas = Key;

    async fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreFault> {
        Ok(self.value(key))
    }

    async fn watch(&self, key: &Key) -> Result<Watched<Key>, StoreFault> {
        Ok(Watched { cas: key.clone(), current: self.value(key) })
    }

    async fn swap(&self, key: Key, value: Vec<u8>) -> Result<Swap<Key>, StoreFault> {
        self.values.borrow_mut().insert(self.text(&key), value);
        Ok(Swap::Applied)
    }

    async fn increment(&self, key: &Key, delta: i64) -> Result<i64, StoreFault> {
        let mut counters = self.counters.borrow_mut();
        let counter = counters.entry(self.text(key)).or_default();
        *counter = counter.saturating_add(delta);
        Ok(*counter)
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreFault> {
        let text = self.text(key);
        self.values.borrow_mut().remove(&text);
        self.counters.borrow_mut().remove(&text);
        Ok(())
    }
}

/// Time stands still; ids are all alike, which does no harm where every record is written once.
#[derive(Debug)]
pub(crate) struct Fixed;

impl Ambient for Fixed {
    fn unix_seconds(&self) -> u64 {
        1_795_295_100
    }

    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }

    async fn pause(&self, _: u32) {}
}

/// Writes the value, makes a newer release's record of it, and tries everything that could damage it.
pub(crate) fn newer_is_left_alone<R: Record + Clone>(id: &R::Id, value: &R) {
    let memory = Memory::default();
    let kv = Kv::new(&memory, Fixed);
    assert!(ready(kv.insert_fresh(id, value.clone(), Vec::new())).is_ok());
    let text = R::key(id).as_str().to_owned();
    // Format, then version; a version below 128 is one byte.
    let newer_version = R::VERSION.saturating_add(1);
    let newer_byte = u8::try_from(newer_version).ok().filter(u8::is_ascii).expect("few versions");
    if let Some([1, version, ..]) = memory.values.borrow_mut().get_mut(&text).map(Vec::as_mut_slice) {
        *version = newer_byte;
    }
    let before = memory.values.borrow().clone();
    let too_new = RecordFault::TooNew { format: 1, version: newer_version };
    let too_new = Fault::Record { prefix: R::PREFIX.as_str(), fault: too_new };
    assert_eq!(ready(kv.get::<R>(id)).err().as_ref(), Some(&too_new));
    assert_eq!(ready(kv.load::<R>(id)).err().as_ref(), Some(&too_new));
    assert_eq!(ready(kv.create(id, value.clone(), Vec::new())).err().as_ref(), Some(&too_new));
    assert!(ready(kv.insert_fresh(id, value.clone(), Vec::new())).is_err());
    assert_eq!(*memory.values.borrow(), before, "not a byte was written");
}
