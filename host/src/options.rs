//! How to run an application.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::store::Store;
use crate::timer::Timer;

/// A URL of this host: an origin such as `http://127.0.0.1:3000`, and what stands behind it (`""` or `"/send"`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// In the application.
    Application(String),
    /// In the mailbox; the variable is left alone if there is none.
    Mailbox(String),
}

/// Everything that [`start`](crate::start) can be told. Start from [`Options::new`] and change what differs.
#[non_exhaustive]
pub struct Options {
    /// The application's `spin.toml`.
    pub manifest: PathBuf,
    /// Where the application listens; port 0 takes a free one. Default: 127.0.0.1, a free port.
    pub listen: SocketAddr,
    /// Where the mailbox listens; port 0 takes a free one. Default: no mailbox.
    pub mailbox: Option<SocketAddr>,
    /// Allows a mailbox address other than loopback. Whoever reaches the mailbox reads every message. Default: false.
    pub mailbox_beyond_loopback: bool,
    /// Directory of the store (`sqlite_key_value.db`) and the mailbox (`mailbox.sqlite`). Default: none, which keeps
    /// both in a temporary directory without waiting for the disk, until the host ends.
    pub state_dir: Option<PathBuf>,
    /// Directory of compiled components. Default: `target/vestibule-cache`.
    pub cache_dir: PathBuf,
    /// Values of application variables. They win over the environment (`SPIN_VARIABLE_NAME`), and that over the
    /// manifest's defaults.
    pub variables: BTreeMap<String, String>,
    /// Application variables that receive an address of this host, which is only known once it listens. They win over
    /// every other source except `variables`.
    pub address_variables: BTreeMap<String, Address>,
    /// Sources that replace those of the manifest's `files`, by destination.
    pub file_overrides: BTreeMap<String, PathBuf>,
    /// A path that must answer 2xx to a GET before the host counts as started. Default: none.
    pub ready_path: Option<String>,
    /// The time that components and the mailbox see. Default: the system's.
    pub clock: Clock,
    /// Measures every request exactly, into the [`Ledger`](crate::Ledger). Each then gets an instance of its own,
    /// counts its instructions, and draws random numbers that repeat from start to start: never for real data.
    /// Fix the clock as well if the figures shall repeat exactly. Default: false.
    pub metering: bool,
    /// While metering: lets each instance answer a request for a path without a route before the one that is measured,
    /// as most requests meet an instance that has answered others. Default: false, what an instance's first request costs.
    pub warmed: bool,
    /// The largest request body, in bytes; more is answered with 413. Default: 1 MiB.
    pub body_limit_bytes: usize,
    /// The most linear memory that an instance may have, in bytes. Default: 128 MiB.
    pub memory_limit_bytes: usize,
    /// How long a request may take, computing or waiting. Default: 30 s.
    pub request_deadline: Duration,
    /// Spin's runtime-config file: `[key_value_store.default]` with `type = "spin"` (SQLite; a `path` starts in
    /// `state_dir`, and without one nothing is kept) or `type = "redis"` and its `url`. Default: none, which keeps the
    /// store in `state_dir`.
    pub runtime_config: Option<PathBuf>,
    /// A store to use instead of every other. Default: none.
    pub store: Option<Arc<dyn Store>>,
    /// A path of the application to be called at intervals. Default: none.
    pub timer: Option<Timer>,
    /// Called with a line of text before work that takes long. Default: says nothing.
    pub progress: fn(&str),
}

impl Options {
    /// Options for the application in `manifest` with the defaults given at each field.
    #[must_use]
    pub fn new(manifest: impl Into<PathBuf>) -> Self {
        Self {
            manifest: manifest.into(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            mailbox: None,
            mailbox_beyond_loopback: false,
            state_dir: None,
            cache_dir: PathBuf::from("target/vestibule-cache"),
            variables: BTreeMap::new(),
            address_variables: BTreeMap::new(),
            file_overrides: BTreeMap::new(),
            ready_path: None,
            clock: Clock::system(),
            metering: false,
            warmed: false,
            body_limit_bytes: 1024 * 1024,
            memory_limit_bytes: 128 * 1024 * 1024,
            request_deadline: Duration::from_secs(30),
            runtime_config: None,
            store: None,
            timer: None,
            progress: |_| {},
        }
    }
}
