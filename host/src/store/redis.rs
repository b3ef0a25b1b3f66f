//! The store in a Redis server, with the commands that Spin's own Redis backend issues, traps included.
//!
//! - A compare-and-swap has a connection of its own, since `WATCH` belongs to a connection: `WATCH` and `GET` look,
//!   `MULTI`, `SET`, `EXEC` write.
//! - After that Spin sends `UNWATCH` with the key. Redis refuses it, as `UNWATCH` takes no argument, and Spin reports
//!   every swap as failed, the applied ones too. So does this backend: what runs here has to cope with what runs there.
//! - An `EXEC` that Redis aborted because the key had changed is no error to the client library, as in Spin. Only the
//!   refused `UNWATCH` keeps it from being reported as applied.
//! - Labels share one key space.
//!
//! `crates/key-value-redis` in Spin's repository is the model. Connections are not encrypted: keep the server on this
//! machine, or on a network of your own.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, AsyncConnectionConfig, Client, RedisError};

use super::{CompareAndSwap, Store, StoreError, Swapped};

/// How long the server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the server may take to answer a command.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a lost connection is tried again before the operation fails.
const RECONNECTS: usize = 2;

/// The store.
pub struct Redis {
    client: Client,
    connection: ConnectionManager,
}

struct Handle {
    key: String,
    connection: ConnectionManager,
}

impl Redis {
    /// Connects to the server at a `redis://` address and asks it for an answer.
    ///
    /// # Errors
    /// If the address is not one, or the server does not answer. The error shows no password.
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        let client = Client::open(url).context("not the address of a Redis server, such as redis://127.0.0.1:6379")?;
        let shown = client.get_connection_info().addr.to_string();
        // Asked once, since the managed connection below would go on trying for minutes.
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(CONNECT_TIMEOUT).set_response_timeout(ANSWER_TIMEOUT);
        let once = client.get_multiplexed_async_connection_with_config(&config).await;
        let mut once = once.with_context(|| format!("the Redis server at {shown} is not there"))?;
        let answered: Result<String, _> = once.ping().await;
        answered.with_context(|| format!("the Redis server at {shown} does not answer"))?;
        let connection = connect(&client).await.with_context(|| format!("the Redis server at {shown} is gone"))?;
        Ok(Self { client, connection })
    }
}

async fn connect(client: &Client) -> Result<ConnectionManager, RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(CONNECT_TIMEOUT)
        .set_response_timeout(ANSWER_TIMEOUT)
        .set_number_of_retries(RECONNECTS);
    client.get_connection_manager_with_config(config).await
}

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        Self::Backend(error.to_string().into())
    }
}

#[async_trait]
impl Store for Redis {
    async fn get(&self, _label: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.connection.clone().get(key).await?)
    }

    async fn exists(&self, _label: &str, key: &str) -> Result<bool, StoreError> {
        Ok(self.connection.clone().exists(key).await?)
    }

    async fn keys(&self, _label: &str) -> Result<Vec<String>, StoreError> {
        Ok(self.connection.clone().keys("*").await?)
    }

    async fn set(&self, _label: &str, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        Ok(self.connection.clone().set(key, value).await?)
    }

    async fn delete(&self, _label: &str, key: &str) -> Result<(), StoreError> {
        Ok(self.connection.clone().del(key).await?)
    }

    async fn increment(&self, _label: &str, key: &str, delta: i64) -> Result<i64, StoreError> {
        Ok(self.connection.clone().incr(key, delta).await?)
    }

    async fn compare_and_swap(&self, _label: &str, key: &str) -> Result<Arc<dyn CompareAndSwap>, StoreError> {
        Ok(Arc::new(Handle { key: key.to_owned(), connection: connect(&self.client).await? }))
    }
}

#[async_trait]
impl CompareAndSwap for Handle {
    async fn current(&self) -> Result<Option<Vec<u8>>, StoreError> {
        redis::cmd("WATCH").arg(&self.key).exec_async(&mut self.connection.clone()).await?;
        Ok(self.connection.clone().get(&self.key).await?)
    }

    async fn swap(&self, value: Vec<u8>) -> Result<Swapped, StoreError> {
        let mut transaction = redis::pipe();
        transaction.atomic().set(&self.key, value);
        let written: Result<(), RedisError> = transaction.query_async(&mut self.connection.clone()).await;
        let unwatched = redis::cmd("UNWATCH").arg(&self.key).exec_async(&mut self.connection.clone()).await;
        // Spin takes an error of either for "somebody else was faster".
        Ok(if written.and(unwatched).is_ok() { Swapped::Applied } else { Swapped::Refused })
    }
}
