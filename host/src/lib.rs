//! The embedded host: runs an application of Spin components without Spin, for local use and for tests.
//!
//! It reads the same `spin.toml`, enforces the same grants, and stores in the same SQLite table layout as Spin,
//! so `spin up` continues on the same data, or in the Redis server that Spin's
//! [runtime-config file](Options::runtime_config) names. What it adds: a [mailbox](Options::mailbox) that takes the messages
//! which the application sends, an account of [what each request costs](Ledger), and a [clock](Clock) that
//! tests can move. Production is Spin; this host is for one machine.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! let mut options = vestibule_host::Options::new("spin.toml");
//! options.ready_path = Some("/health".to_owned());
//! let running = vestibule_host::start(options).await?;
//! println!("http://{}", running.address());
//! running.shutdown().await
//! # }
//! ```
//!
//! From the outside in: `serve` accepts connections, `front` finds the component, `handler` keeps its instances,
//! `guest` is what an instance may import, `store` is where its keys are.

mod clock;
mod command;
mod files;
mod front;
mod guest;
mod handler;
mod ledger;
mod log;
mod mailbox;
mod manifest;
mod options;
mod outbound;
mod precompiled;
mod problem;
mod routes;
mod running;
mod runtime_config;
mod serve;
mod store;
mod timer;
mod variables;

pub use clock::Clock;
pub use command::command;
pub use ledger::{Ledger, Measured, Operation, Totals, Touched};
pub use options::{Address, Options};
pub use running::{Running, start};
pub use store::{CompareAndSwap, Durability, Redis, Sqlite, Store, StoreError, Swapped};
pub use timer::Timer;

/// Wasmtime has an error type of its own; what it says goes into ours, causes included.
#[expect(clippy::needless_pass_by_value, reason = "for map_err, which hands over the value")]
fn flat(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}
