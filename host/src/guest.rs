//! One instance of a component, as the host sees it: what it was granted, and what it uses up.

mod bindings;
mod key_value;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use anyhow::Context;
use rand::SeedableRng;
use rand::rngs::StdRng;
use wasmtime::ResourceLimiter;
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    Error as HttpError, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
    default_send_request,
};

use self::bindings::{spin, wasi};
use crate::clock::Clock;
use crate::flat;
use crate::front::Front;
use crate::ledger::Tally;
use crate::log::{GuestLog, LineSink};
use crate::outbound::{self, AllowedHosts};
use crate::store::Store;

/// Elements that an instance's tables may have; tables hold its function pointers.
const MAX_TABLE_ELEMENTS: usize = 100_000;
/// Seeds the hash maps of guests while metering, whose iteration order changes what a request costs.
const METERED_HASH_SEED: u128 = 0x5645_5354_4942_554c_452d_484f_5354;

/// What the manifest grants a component, its templates expanded.
pub(crate) struct Grants {
    pub component: Arc<str>,
    pub environment: Vec<(String, String)>,
    /// A directory with copies of the files, mounted at the root.
    pub files: Option<PathBuf>,
    pub stores: BTreeSet<String>,
    pub outbound: AllowedHosts,
    pub variables: BTreeMap<String, String>,
}

/// What all instances of all components share.
pub(crate) struct Surroundings {
    pub store: Arc<dyn Store>,
    pub clock: Clock,
    pub log: Arc<GuestLog>,
    pub memory_limit_bytes: usize,
    /// Where one component's requests to another go; set once all of them are loaded.
    pub front: OnceLock<Weak<Front>>,
}

/// Everything the host keeps for one instance.
pub(crate) struct Guest {
    /// When the instance is stopped, even in the middle of an endless loop.
    pub deadline: Instant,
    pub limits: Limits,
    pub tally: Tally,
    grants: Arc<Grants>,
    store: Arc<dyn Store>,
    log: Arc<GuestLog>,
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    gate: Gate,
}

impl Guest {
    /// `random_seed` makes the guest's random numbers repeatable; without it they are the system's.
    ///
    /// # Errors
    /// If the directory of its files is gone.
    pub fn new(
        grants: &Arc<Grants>,
        shared: &Surroundings,
        tally: Tally,
        deadline: Instant,
        random_seed: Option<u64>,
    ) -> anyhow::Result<Self> {
        let output = || LineSink::new(Arc::clone(&grants.component), Arc::clone(&shared.log));
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(output()).stderr(output()).envs(&grants.environment).wall_clock(shared.clock.clone());
        if let Some(files) = &grants.files {
            wasi.preopened_dir(files, "/", FsPerms::ReadOnly)
                .map_err(flat)
                .with_context(|| format!("{}: files cannot be mounted", grants.component))?;
        }
        if let Some(seed) = random_seed {
            wasi.secure_random(StdRng::seed_from_u64(seed))
                .insecure_random(StdRng::seed_from_u64(seed))
                .insecure_random_seed(METERED_HASH_SEED);
        }
        Ok(Self {
            deadline,
            limits: Limits { bytes: 0, peak_bytes: 0, limit_bytes: shared.memory_limit_bytes },
            tally: tally.clone(),
            grants: Arc::clone(grants),
            store: Arc::clone(&shared.store),
            log: Arc::clone(&shared.log),
            table: ResourceTable::new(),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            gate: Gate { grants: Arc::clone(grants), front: shared.front.get().cloned(), tally },
        })
    }

    /// Tells the log why the instance ended.
    pub fn log_end(&self, cause: &str) {
        self.log.write(&self.grants.component, cause);
    }
}

/// Connects everything that a component may import. What is not here is refused before the host starts.
///
/// # Errors
/// If two interfaces claim the same name, which only a changed dependency could cause.
pub(crate) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    // The standard library of a wasm32-wasip2 guest still imports the P2 interfaces.
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    wasi::keyvalue::store::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
    wasi::keyvalue::atomics::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
    spin::key_value::key_value::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
    spin::variables::variables::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
    Ok(linker)
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.gate, table: &mut self.table, ctx: &mut self.http }
    }
}

/// Lets a component's requests out only to the hosts it was granted, and to other components past the network.
struct Gate {
    grants: Arc<Grants>,
    front: Option<Weak<Front>>,
    tally: Tally,
}

type Transmission = Box<dyn Future<Output = Result<(), HttpError>> + Send>;

impl WasiHttpHooks for Gate {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _guest_side: Transmission,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Transmission), HttpError>> + Send> {
        let allowed = self.grants.outbound.allow(request.uri());
        if !allowed {
            let authority = request.uri().authority().map_or("", http::uri::Authority::as_str);
            tracing::warn!(component = %self.grants.component, authority, "outbound request to a host that is not granted");
        }
        let component = request.uri().host().and_then(outbound::component).map(str::to_owned);
        let front = self.front.as_ref().and_then(Weak::upgrade);
        let tally = self.tally.clone();
        Box::new(async move {
            use http_body_util::BodyExt;

            if !allowed {
                return Err(HttpError::HttpRequestDenied);
            }
            if let Some(component) = component {
                let front = front.ok_or(HttpError::DestinationUnavailable)?;
                let (response, measured) = front.respond_to_component(&component, request).await;
                if let Some(measured) = measured {
                    tally.add(&measured);
                }
                return Ok((response, Box::new(async { Ok(()) }) as Transmission));
            }
            let (response, transmission) = default_send_request(request, options).await?;
            Ok((response.map(BodyExt::boxed_unsync), Box::new(transmission) as Transmission))
        })
    }
}

/// Limits an instance's memory and remembers the most it had, in bytes over all its linear memories.
pub(crate) struct Limits {
    bytes: usize,
    pub peak_bytes: usize,
    limit_bytes: usize,
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.bytes.saturating_sub(current).saturating_add(desired);
        if total > self.limit_bytes {
            return Ok(false);
        }
        self.bytes = total;
        self.peak_bytes = self.peak_bytes.max(total);
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }
}
