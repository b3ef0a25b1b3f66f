//! The two key-value interfaces: `wasi:keyvalue` (synchronous, with the atomics) and `spin:key-value`
//! (asynchronous). Both see the same keys, and only the stores that the manifest grants.

use std::sync::Arc;

use wasmtime::component::{Accessor, FutureReader, HasSelf, Resource, ResourceTableError, StreamReader};

use super::Guest;
use super::bindings::spin::key_value::key_value as spin;
use super::bindings::wasi::keyvalue::{atomics, store as wasi};
use crate::ledger::{Operation, Tally, Touched};
use crate::store::{CompareAndSwap, Store, StoreError, Swapped};

/// A store that a component has opened.
#[derive(Clone)]
pub struct OpenStore {
    label: Arc<str>,
    store: Arc<dyn Store>,
    tally: Tally,
}

/// A compare-and-swap handle of a component.
pub struct OpenSwap {
    store: OpenStore,
    key: String,
    handle: Arc<dyn CompareAndSwap>,
}

impl OpenStore {
    /// For the synchronous interface: the instance waits.
    async fn alone<T>(&self, operation: Operation, key: &str, work: impl Future<Output = T>) -> T {
        self.tally.alone(self.touched(operation, key), work).await
    }

    /// For the asynchronous interface: the instance may go on.
    async fn together<T>(&self, operation: Operation, key: &str, work: impl Future<Output = T>) -> T {
        self.tally.together(self.touched(operation, key), work).await
    }

    fn touched(&self, operation: Operation, key: &str) -> Touched {
        Touched { operation, store: self.label.as_ref().into(), key: key.to_owned() }
    }

    async fn compare_and_swap(&self, key: String) -> Result<OpenSwap, StoreError> {
        let handle = self.store.compare_and_swap(&self.label, &key).await?;
        Ok(OpenSwap { store: self.clone(), key, handle })
    }
}

impl OpenSwap {
    async fn current(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.alone(Operation::Current, &self.key, self.handle.current()).await
    }

    async fn swap(&self, value: Vec<u8>) -> Result<Swapped, StoreError> {
        self.store.alone(Operation::Swap, &self.key, self.handle.swap(value)).await
    }

    /// A handle that has seen the value which made a swap fail.
    async fn renewed(&self) -> Result<Self, StoreError> {
        let renewed = self.store.compare_and_swap(self.key.clone()).await?;
        renewed.current().await?;
        Ok(renewed)
    }
}

impl Guest {
    /// None if the manifest does not grant the store.
    fn open_store(&mut self, label: &str) -> Result<Option<Resource<OpenStore>>, ResourceTableError> {
        if !self.grants.stores.contains(label) {
            return Ok(None);
        }
        let open = OpenStore { label: label.into(), store: Arc::clone(&self.store), tally: self.tally.clone() };
        self.table.push(open).map(Some)
    }
}

type Outcome<T, E> = wasmtime::Result<Result<T, E>>;

impl wasi::Host for Guest {
    async fn open(&mut self, identifier: String) -> Outcome<Resource<OpenStore>, wasi::Error> {
        Ok(self.open_store(&identifier)?.ok_or(wasi::Error::AccessDenied))
    }
}

impl wasi::HostBucket for Guest {
    async fn get(&mut self, bucket: Resource<OpenStore>, key: String) -> Outcome<Option<Vec<u8>>, wasi::Error> {
        let open = self.table.get(&bucket)?;
        let work = open.store.get(&open.label, &key);
        Ok(open.alone(Operation::Get, &key, work).await.map_err(Into::into))
    }

    async fn set(&mut self, bucket: Resource<OpenStore>, key: String, value: Vec<u8>) -> Outcome<(), wasi::Error> {
        let open = self.table.get(&bucket)?;
        let work = open.store.set(&open.label, &key, value);
        Ok(open.alone(Operation::Set, &key, work).await.map_err(Into::into))
    }

    async fn delete(&mut self, bucket: Resource<OpenStore>, key: String) -> Outcome<(), wasi::Error> {
        let open = self.table.get(&bucket)?;
        let work = open.store.delete(&open.label, &key);
        Ok(open.alone(Operation::Delete, &key, work).await.map_err(Into::into))
    }

    async fn exists(&mut self, bucket: Resource<OpenStore>, key: String) -> Outcome<bool, wasi::Error> {
        let open = self.table.get(&bucket)?;
        let work = open.store.exists(&open.label, &key);
        Ok(open.alone(Operation::Exists, &key, work).await.map_err(Into::into))
    }

    async fn list_keys(
        &mut self,
        bucket: Resource<OpenStore>,
        cursor: Option<String>,
    ) -> Outcome<wasi::KeyResponse, wasi::Error> {
        if cursor.is_some() {
            return Ok(Err(wasi::Error::Other("a listing is a single page, there is no cursor".to_owned())));
        }
        let open = self.table.get(&bucket)?;
        let keys = open.alone(Operation::Keys, "", open.store.keys(&open.label)).await;
        Ok(keys.map(|keys| wasi::KeyResponse { keys, cursor: None }).map_err(Into::into))
    }

    async fn drop(&mut self, bucket: Resource<OpenStore>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for Guest {
    async fn increment(&mut self, bucket: Resource<OpenStore>, key: String, delta: i64) -> Outcome<i64, wasi::Error> {
        let open = self.table.get(&bucket)?;
        let work = open.store.increment(&open.label, &key, delta);
        Ok(open.alone(Operation::Increment, &key, work).await.map_err(Into::into))
    }

    async fn swap(&mut self, cas: Resource<OpenSwap>, value: Vec<u8>) -> Outcome<(), atomics::CasError> {
        // The guest gave its handle away with the call.
        let swap = self.table.delete(cas)?;
        match swap.swap(value).await {
            Ok(Swapped::Applied) => Ok(Ok(())),
            Ok(Swapped::Refused) => match swap.renewed().await {
                Ok(renewed) => Ok(Err(atomics::CasError::CasFailed(self.table.push(renewed)?))),
                Err(error) => Ok(Err(atomics::CasError::StoreError(error.into()))),
            },
            Err(error) => Ok(Err(atomics::CasError::StoreError(error.into()))),
        }
    }
}

impl atomics::HostCas for Guest {
    async fn new(&mut self, bucket: Resource<OpenStore>, key: String) -> Outcome<Resource<OpenSwap>, wasi::Error> {
        match self.table.get(&bucket)?.compare_and_swap(key).await {
            Ok(swap) => Ok(Ok(self.table.push(swap)?)),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn current(&mut self, cas: Resource<OpenSwap>) -> Outcome<Option<Vec<u8>>, wasi::Error> {
        Ok(self.table.get(&cas)?.current().await.map_err(Into::into))
    }

    async fn drop(&mut self, cas: Resource<OpenSwap>) -> wasmtime::Result<()> {
        self.table.delete(cas)?;
        Ok(())
    }
}

impl spin::Host for Guest {}

impl spin::HostStore for Guest {
    async fn drop(&mut self, store: Resource<OpenStore>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}

/// The open store behind a handle, taken out of the instance so that it is free while the operation runs.
fn opened<T: Send>(
    accessor: &Accessor<T, HasSelf<Guest>>,
    store: &Resource<OpenStore>,
) -> Result<OpenStore, ResourceTableError> {
    accessor.with(|mut access| access.get().table.get(store).cloned())
}

type Listing = (StreamReader<String>, FutureReader<Result<(), spin::Error>>);

impl<T: Send> spin::HostStoreWithStore<T> for HasSelf<Guest> {
    async fn open(accessor: &Accessor<T, Self>, label: String) -> Outcome<Resource<OpenStore>, spin::Error> {
        let opened = accessor.with(|mut access| access.get().open_store(&label))?;
        Ok(opened.ok_or(spin::Error::AccessDenied))
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        store: Resource<OpenStore>,
        key: String,
    ) -> Outcome<Option<Vec<u8>>, spin::Error> {
        let open = opened(accessor, &store)?;
        let work = open.store.get(&open.label, &key);
        Ok(open.together(Operation::Get, &key, work).await.map_err(Into::into))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        store: Resource<OpenStore>,
        key: String,
        value: Vec<u8>,
    ) -> Outcome<(), spin::Error> {
        let open = opened(accessor, &store)?;
        let work = open.store.set(&open.label, &key, value);
        Ok(open.together(Operation::Set, &key, work).await.map_err(Into::into))
    }

    async fn delete(accessor: &Accessor<T, Self>, store: Resource<OpenStore>, key: String) -> Outcome<(), spin::Error> {
        let open = opened(accessor, &store)?;
        let work = open.store.delete(&open.label, &key);
        Ok(open.together(Operation::Delete, &key, work).await.map_err(Into::into))
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        store: Resource<OpenStore>,
        key: String,
    ) -> Outcome<bool, spin::Error> {
        let open = opened(accessor, &store)?;
        let work = open.store.exists(&open.label, &key);
        Ok(open.together(Operation::Exists, &key, work).await.map_err(Into::into))
    }

    async fn get_keys(accessor: &Accessor<T, Self>, store: Resource<OpenStore>) -> wasmtime::Result<Listing> {
        let open = opened(accessor, &store)?;
        let work = open.store.keys(&open.label);
        let (keys, end) = match open.together(Operation::Keys, "", work).await {
            Ok(keys) => (keys, Ok(())),
            Err(error) => (Vec::new(), Err(error.into())),
        };
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, keys)?;
            let end = FutureReader::new(&mut access, async move { wasmtime::error::Ok(end) })?;
            Ok((keys, end))
        })
    }
}

impl From<StoreError> for wasi::Error {
    fn from(error: StoreError) -> Self {
        Self::Other(logged(&error))
    }
}

impl From<StoreError> for spin::Error {
    fn from(error: StoreError) -> Self {
        Self::Other(logged(&error))
    }
}

fn logged(error: &StoreError) -> String {
    tracing::warn!(%error, "a storage operation failed");
    error.to_string()
}
