//! The command line of the embedded host.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::{Address, Options, Timer};

/// Runs an application of Spin components on this machine, without Spin.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The application.
    #[arg(long, default_value = "spin.toml")]
    manifest: PathBuf,
    /// Where the application listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// Where the mailbox listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:3001")]
    mailbox: SocketAddr,
    /// Lets the mailbox listen beyond this machine. Whoever reaches it reads every message.
    #[arg(long)]
    mailbox_beyond_loopback: bool,
    /// Directory of the store and the mailbox.
    #[arg(long, default_value = ".vestibule")]
    state_dir: PathBuf,
    /// Spin's runtime-config file, which chooses where the keys are kept: SQLite or a Redis server.
    #[arg(long, value_name = "FILE")]
    runtime_config: Option<PathBuf>,
    /// Directory of compiled components.
    #[arg(long, default_value = "target/vestibule-cache")]
    cache_dir: PathBuf,
    /// A path that must answer 2xx before the host counts as started.
    #[arg(long)]
    ready_path: Option<String>,
    /// An application variable. Secrets are better set as `SPIN_VARIABLE_NAME`: other users see a command line.
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = name_and_value)]
    variables: Vec<(String, String)>,
    /// An application variable that receives the application's origin, and PATH behind it.
    #[arg(long = "origin-variable", value_name = "NAME[=PATH]", value_parser = name_and_path)]
    origin_variables: Vec<(String, String)>,
    /// An application variable that receives the mailbox's origin, and PATH behind it.
    #[arg(long = "mailbox-variable", value_name = "NAME[=PATH]", value_parser = name_and_path)]
    mailbox_variables: Vec<(String, String)>,
    /// A path of the application that is sent an empty POST at intervals, with the secret in `VESTIBULE_TIMER_SECRET`.
    #[arg(long, value_name = "PATH")]
    timer_path: Option<String>,
    /// How long after one such call the next one begins.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    timer_seconds: u64,
    /// Lets components see a clock that is ahead by so many seconds, for tests of what time brings.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    clock_ahead: u64,
    /// A file or directory that replaces the source of the manifest's `files` at a destination.
    #[arg(long = "file", value_name = "DESTINATION=PATH", value_parser = name_and_value)]
    files: Vec<(String, String)>,
}

/// What the program `vestibule-host` does: reads its command line and runs until it is told to stop.
///
/// Must be called on a multi-threaded tokio runtime.
pub async fn command() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let running = crate::start(options(Arguments::parse())?).await?;
    match running.mailbox_address() {
        Some(mailbox) => println!("ready on http://{} with the mailbox on http://{mailbox}", running.address()),
        None => println!("ready on http://{}", running.address()),
    }
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping; requests under way are finished first");
    running.shutdown().await
}

/// The environment variable of the timer's secret: other users see a command line.
const TIMER_SECRET: &str = "VESTIBULE_TIMER_SECRET";

fn options(arguments: Arguments) -> anyhow::Result<Options> {
    let mut options = Options::new(arguments.manifest);
    options.listen = arguments.listen;
    options.mailbox = Some(arguments.mailbox);
    options.mailbox_beyond_loopback = arguments.mailbox_beyond_loopback;
    options.state_dir = Some(arguments.state_dir);
    options.runtime_config = arguments.runtime_config;
    options.cache_dir = arguments.cache_dir;
    options.ready_path = arguments.ready_path;
    options.variables = arguments.variables.into_iter().collect();
    let origins = arguments.origin_variables.into_iter().map(|(name, path)| (name, Address::Application(path)));
    let mailboxes = arguments.mailbox_variables.into_iter().map(|(name, path)| (name, Address::Mailbox(path)));
    options.address_variables = origins.chain(mailboxes).collect();
    options.file_overrides = arguments.files.into_iter().map(|(name, path)| (name, path.into())).collect();
    if let Some(path) = arguments.timer_path {
        let secret =
            std::env::var(TIMER_SECRET).with_context(|| format!("{TIMER_SECRET} is needed for --timer-path"))?;
        options.timer = Some(Timer { path, secret, every: Duration::from_secs(arguments.timer_seconds) });
    }
    options.clock.advance(Duration::from_secs(arguments.clock_ahead));
    options.progress = |line| eprintln!("{line}");
    Ok(options)
}

fn name_and_path(argument: &str) -> Result<(String, String), String> {
    let (name, path) = argument.split_once('=').unwrap_or((argument, ""));
    if !(path.is_empty() || path.starts_with('/')) {
        return Err("the path does not begin with `/`".to_owned());
    }
    Ok((name.to_owned(), path.to_owned()))
}

/// The message never repeats the argument, which may be a secret.
fn name_and_value(argument: &str) -> Result<(String, String), String> {
    let (name, value) = argument.split_once('=').ok_or("there is no `=` between name and value")?;
    Ok((name.to_owned(), value.to_owned()))
}
