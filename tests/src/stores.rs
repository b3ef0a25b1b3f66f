//! The real stores that worlds run on.
//!
//! What holds on one must hold on the other: [`on_every_store!`](crate::on_every_store) makes a test of each for every
//! function that takes a [`Backend`].

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use tempfile::TempDir;
use vestibule_host::Redis;

/// How long a server may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(10);
/// Another process may take the free port first; then another one is tried.
const PORTS_TRIED: usize = 5;

/// What keeps the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backend {
    /// The host's own store.
    #[default]
    Sqlite,
    /// A Redis server of the world's own, named in a runtime-config file.
    Redis,
}

/// A Redis server on a free port of the loopback, with a directory of its own. It ends when it is dropped.
#[derive(Debug)]
pub struct RedisServer {
    process: Child,
    address: SocketAddr,
    _directory: TempDir,
}

impl RedisServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// When `redis-server` is not installed, or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        for _ in 0..PORTS_TRIED {
            let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
            if let Some(server) = Self::start_at(address).await? {
                return Ok(server);
            }
        }
        bail!("redis-server did not start on any of {PORTS_TRIED} free ports")
    }

    /// `None` when it ended, as it does if the port is taken.
    async fn start_at(address: SocketAddr) -> anyhow::Result<Option<Self>> {
        let directory = tempfile::tempdir()?;
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir"])
            .arg(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("redis-server does not run; install it (Debian: apt-get install redis-server)")?;
        let mut server = Self { process, address, _directory: directory };
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if server.process.try_wait()?.is_some() {
                return Ok(None);
            }
            if Redis::connect(&server.url()).await.is_ok() {
                return Ok(Some(server));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("redis-server did not answer within {PATIENCE:?}")
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// The runtime-config file that names it.
    pub fn runtime_config(&self) -> String {
        format!("[key_value_store.default]\ntype = \"redis\"\nurl = \"{}\"\n", self.url())
    }
}

impl Drop for RedisServer {
    /// Ends exactly the process that was started; it keeps nothing.
    fn drop(&mut self) {
        // Both fail only if the process has ended already.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Makes a test of each store for every function named: `sqlite::name` and `redis::name`.
#[macro_export]
macro_rules! on_every_store {
    ($($name:ident),* $(,)?) => {
        mod sqlite {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() -> anyhow::Result<()> {
                super::$name($crate::stores::Backend::Sqlite).await
            }
        )*}

        mod redis {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() -> anyhow::Result<()> {
                super::$name($crate::stores::Backend::Redis).await
            }
        )*}
    };
}
