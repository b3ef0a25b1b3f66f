//! Starting the host, and stopping it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http::{HeaderValue, Request, header::HOST};
use http_body_util::Empty;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wasmtime::{Config, Engine};
use wasmtime_wasi_http::handler::ProxyHandler;
use wasmtime_wasi_http::p3::bindings::ServicePre;

use crate::clock::Clock;
use crate::front::Front;
use crate::guest::{Grants, Surroundings, linker};
use crate::handler::Runnable;
use crate::ledger::Ledger;
use crate::log::GuestLog;
use crate::mailbox::Mailbox;
use crate::manifest::{Component, Manifest};
use crate::options::{Address, Options};
use crate::outbound::AllowedHosts;
use crate::routes::Router;
use crate::runtime_config::{self, Backend};
use crate::serve::serve;
use crate::store::{Durability, Redis, Sqlite, Store};
use crate::variables::Variables;
use crate::{files, flat, precompiled, timer};

/// The store's file, named as Spin names it in its state directory.
const STORE_FILE: &str = "sqlite_key_value.db";
const MAILBOX_FILE: &str = "mailbox.sqlite";
/// How often busy guests are looked at.
const TICK: Duration = Duration::from_millis(10);
/// Lines of the log that explain why a component is not ready.
const MAX_EXPLAINED: usize = 20;

/// A running host. Dropping it stops the host without waiting; [`shutdown`](Self::shutdown) is graceful.
pub struct Running {
    address: SocketAddr,
    mailbox_address: Option<SocketAddr>,
    ledger: Arc<Ledger>,
    clock: Clock,
    store: Arc<dyn Store>,
    own_store: Option<Arc<Sqlite>>,
    log: Arc<GuestLog>,
    stop: watch::Sender<()>,
    servers: Vec<JoinHandle<()>>,
    _directory: TempDir,
}

/// Starts the application and returns once it accepts requests.
///
/// Must be called on a multi-threaded tokio runtime: a component that computes would otherwise stop everything.
///
/// # Errors
/// If the manifest, a component, a variable or a file is not as it must be, if an address is taken, or if the
/// component behind [`Options::ready_path`] is not ready; the error then holds what the component logged.
pub async fn start(options: Options) -> anyhow::Result<Running> {
    let manifest = Manifest::read(&options.manifest)?;
    let (listener, address) = bind(options.listen).await?;
    let mailbox_listener = bind_mailbox(&options).await?;
    let mailbox_address = mailbox_listener.as_ref().map(|(_, address)| *address);
    let directory = tempfile::tempdir().context("no temporary directory can be made")?;
    let (store, own_store) = open_store(&options, directory.path()).await?;
    let ledger = Arc::new(Ledger::new(Arc::clone(&store)));
    let log = Arc::new(GuestLog::default());
    let surroundings = Arc::new(Surroundings {
        store: Arc::clone(&store),
        clock: options.clock.clone(),
        log: Arc::clone(&log),
        memory_limit_bytes: options.memory_limit_bytes,
        front: OnceLock::new(),
    });
    let variables = variables(&options, &manifest, address, mailbox_address)?;
    let grants = grants(&options, &manifest, &variables, directory.path())?;
    let components = load(&options, &manifest, grants, &surroundings, &ledger)?;
    let front = Arc::new(Front {
        router: Router::new(&manifest.routes).with_context(|| options.manifest.display().to_string())?,
        components,
        ledger: Arc::clone(&ledger),
        metering: options.metering,
        body_limit_bytes: options.body_limit_bytes,
    });
    // Weak, since the components that it holds hold this; nobody has set it before.
    surroundings.front.set(Arc::downgrade(&front)).ok();
    let (stop, stopped) = watch::channel(());
    let mut servers = Vec::new();
    if let Some((listener, _)) = mailbox_listener {
        let file = options.state_dir.as_ref().map(|directory| directory.join(MAILBOX_FILE));
        let mailbox = Mailbox::open(file.as_deref(), options.clock.clone(), stopped.clone())?;
        servers.push(tokio::spawn(serve(listener, Arc::new(mailbox), stopped.clone())));
    }
    if let Some(path) = &options.ready_path {
        await_ready(&front, address, path, &log).await?;
        // What the question cost is nobody's request.
        drop(ledger.take_measured());
    }
    if let Some(timer) = options.timer {
        servers.push(tokio::spawn(timer::run(Arc::clone(&front), address, timer, stopped.clone())));
    }
    servers.push(tokio::spawn(serve(listener, front, stopped)));
    tracing::info!(application = manifest.name, %address, "ready");
    let clock = options.clock;
    Ok(Running { address, mailbox_address, ledger, clock, store, own_store, log, stop, servers, _directory: directory })
}

impl Running {
    /// Where the application listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the mailbox listens, if there is one.
    #[must_use]
    pub fn mailbox_address(&self) -> Option<SocketAddr> {
        self.mailbox_address
    }

    /// What requests cost.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The clock that components see.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The store behind all components, past their grants.
    #[must_use]
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// The last 1,000 lines that components wrote to stdout and stderr, or that the host wrote about their failures,
    /// each prefixed with the component's id.
    #[must_use]
    pub fn log_lines(&self) -> Vec<String> {
        self.log.lines()
    }

    /// Stops accepting, lets requests under way finish (for at most 30 s), and closes the store.
    ///
    /// # Errors
    /// If a server ended by a panic.
    pub async fn shutdown(self) -> anyhow::Result<()> {
        self.stop.send_replace(());
        for server in self.servers {
            server.await.context("a server failed")?;
        }
        if let Some(store) = self.own_store {
            tokio::task::spawn_blocking(move || store.close()).await.context("the store could not be closed")?;
        }
        Ok(())
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

async fn bind_mailbox(options: &Options) -> anyhow::Result<Option<(TcpListener, SocketAddr)>> {
    let Some(address) = options.mailbox else { return Ok(None) };
    ensure!(
        address.ip().is_loopback() || options.mailbox_beyond_loopback,
        "the mailbox shows every message to whoever reaches it; {address} is not a loopback address"
    );
    bind(address).await.map(Some)
}

/// The store, and the same once more if it is a file to be closed.
async fn open_store(options: &Options, temporary: &Path) -> anyhow::Result<(Arc<dyn Store>, Option<Arc<Sqlite>>)> {
    if let Some(given) = &options.store {
        return Ok((Arc::clone(given), None));
    }
    if let Some(directory) = &options.state_dir {
        make(directory)?;
    }
    let chosen =
        options.runtime_config.as_deref().map(|file| Ok::<_, anyhow::Error>((file, runtime_config::read(file)?)));
    let file = match chosen.transpose()? {
        None => options.state_dir.as_ref().map(|directory| directory.join(STORE_FILE)),
        Some((_, Backend::Spin { path: None })) => None,
        Some((_, Backend::Spin { path: Some(path) })) => {
            Some(options.state_dir.as_deref().unwrap_or(temporary).join(path))
        }
        Some((chosen_in, Backend::Redis { url })) => {
            let connected = Redis::connect(&url).await;
            let at = || format!("{}: key_value_store.default.url", chosen_in.display());
            return Ok((Arc::new(connected.with_context(at)?), None));
        }
    };
    let (file, durability) = match file {
        Some(file) => (file, Durability::PowerLoss),
        None => (temporary.join(STORE_FILE), Durability::None),
    };
    if let Some(directory) = file.parent() {
        make(directory)?;
    }
    let sqlite = Arc::new(Sqlite::open(&file, durability)?);
    Ok((Arc::clone(&sqlite) as Arc<dyn Store>, Some(sqlite)))
}

fn make(directory: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory).with_context(|| format!("{}: cannot be made", directory.display()))
}

fn variables(
    options: &Options,
    manifest: &Manifest,
    address: SocketAddr,
    mailbox: Option<SocketAddr>,
) -> anyhow::Result<Variables> {
    let mut given = options.variables.clone();
    for (name, wanted) in &options.address_variables {
        let url = match wanted {
            Address::Application(path) => Some(format!("http://{address}{path}")),
            Address::Mailbox(path) => mailbox.map(|mailbox| format!("http://{mailbox}{path}")),
        };
        if let Some(url) = url {
            given.entry(name.clone()).or_insert(url);
        }
    }
    Variables::resolve(&manifest.variables, &given, |name| std::env::var(name).ok())
        .with_context(|| options.manifest.display().to_string())
}

/// What each component may do; its files are copied to a directory under `temporary`.
fn grants(
    options: &Options,
    manifest: &Manifest,
    variables: &Variables,
    temporary: &Path,
) -> anyhow::Result<BTreeMap<String, Arc<Grants>>> {
    let destinations: BTreeSet<_> =
        manifest.components.values().flat_map(|c| &c.files).map(|mount| &mount.destination).collect();
    if let Some(unknown) = options.file_overrides.keys().find(|destination| !destinations.contains(destination)) {
        bail!("{}: no component has files at {unknown:?} to override", options.manifest.display());
    }
    let mut all = BTreeMap::new();
    for (position, (id, component)) in manifest.components.iter().enumerate() {
        let target = temporary.join(format!("files-{position}"));
        let grants = component_grants(options, manifest, variables, id, component, &target)
            .with_context(|| format!("{}: component.{id}", options.manifest.display()))?;
        all.insert(id.clone(), Arc::new(grants));
    }
    Ok(all)
}

fn component_grants(
    options: &Options,
    manifest: &Manifest,
    variables: &Variables,
    id: &str,
    component: &Component,
    target: &Path,
) -> anyhow::Result<Grants> {
    let hosts = component
        .allowed_outbound_hosts
        .iter()
        .map(|host| variables.expand(host).context("allowed_outbound_hosts"))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let values = component
        .variables
        .iter()
        .map(|(name, template)| Ok((name.clone(), variables.expand(template).context("variables")?)))
        .collect::<anyhow::Result<_>>()?;
    let files: Option<PathBuf> = (!component.files.is_empty()).then(|| target.to_path_buf());
    if files.is_some() {
        std::fs::create_dir(target)?;
        files::copy(component, &manifest.root, &options.file_overrides, target)?;
    }
    let outbound = AllowedHosts::parse(hosts.iter().map(String::as_str))?;
    if let Some(unknown) = outbound.components().find(|name| !manifest.components.contains_key(*name)) {
        bail!("allowed_outbound_hosts: there is no component {unknown:?} behind a trigger");
    }
    Ok(Grants {
        component: id.into(),
        environment: component.environment.clone().into_iter().collect(),
        files,
        stores: component.key_value_stores.iter().cloned().collect(),
        outbound,
        variables: values,
    })
}

/// Compiles or loads every component and links it, so that a missing import is found now and not by a request.
fn load(
    options: &Options,
    manifest: &Manifest,
    mut grants: BTreeMap<String, Arc<Grants>>,
    surroundings: &Arc<Surroundings>,
    ledger: &Arc<Ledger>,
) -> anyhow::Result<BTreeMap<String, ProxyHandler<Runnable>>> {
    let engine = engine(options.metering)?;
    let linker = linker(&engine).map_err(flat)?;
    let instances = Arc::new(AtomicU64::new(0));
    let count = manifest.components.len();
    let mut handlers = BTreeMap::new();
    for (position, (id, component)) in manifest.components.iter().enumerate() {
        let at = || format!("{}: component.{id}", options.manifest.display());
        let source = manifest.root.join(&component.source);
        let announce = || (options.progress)(&format!("compiling {id} ({} of {count})", position + 1));
        let loaded = precompiled::load(&engine, &source, &options.cache_dir, announce).with_context(at)?;
        let service = linker.instantiate_pre(&loaded).and_then(ServicePre::new);
        let service = service.map_err(flat).with_context(at)?;
        let runnable = Runnable {
            engine: engine.clone(),
            service,
            grants: grants.remove(id).with_context(at)?,
            surroundings: Arc::clone(surroundings),
            ledger: Arc::clone(ledger),
            request_deadline: options.request_deadline,
            metering: options.metering,
            warmed: options.warmed,
            instances: Arc::clone(&instances),
        };
        handlers.insert(id.clone(), ProxyHandler::new(runnable));
    }
    Ok(handlers)
}

fn engine(metering: bool) -> anyhow::Result<Engine> {
    let mut config = Config::new();
    config.wasm_component_model_async(true).epoch_interruption(true).consume_fuel(metering);
    // The components are stripped: their backtraces would be numbers.
    config.wasm_backtrace_max_frames(None);
    let engine = Engine::new(&config).map_err(flat).context("WebAssembly cannot run here")?;
    let ticking = engine.weak();
    // A thread of its own: a busy guest may hold every thread of the runtime.
    std::thread::Builder::new().name("epoch-ticker".to_owned()).spawn(move || {
        while let Some(engine) = ticking.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    })?;
    Ok(engine)
}

async fn await_ready(front: &Front, address: SocketAddr, path: &str, log: &GuestLog) -> anyhow::Result<()> {
    let mut request =
        Request::get(path).body(Empty::<Bytes>::new()).with_context(|| format!("{path:?} is not a path"))?;
    request.headers_mut().insert(HOST, HeaderValue::try_from(address.to_string())?);
    let status = front.respond(request, address).await.status();
    if status.is_success() {
        return Ok(());
    }
    let lines = log.lines();
    let explanation = lines.get(lines.len().saturating_sub(MAX_EXPLAINED)..).unwrap_or_default();
    bail!("not ready: GET {path} was answered with {status}\n{}", explanation.join("\n"))
}
