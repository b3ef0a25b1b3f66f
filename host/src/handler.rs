//! Running a component: its instances, how long they live, and what ends them.
//!
//! Like Spin, an instance takes up to 128 requests, up to 16 of them at once, and is dropped after a second
//! without any. While metering, every request gets an instance of its own.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio::sync::oneshot;
use wasmtime::component::GuestTaskId;
use wasmtime::{Engine, Store, StoreContextMut, UpdateDeadline};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, Proxy, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::p3::Request as GuestRequest;
use wasmtime_wasi_http::p3::bindings::{Service, ServicePre};

use crate::guest::{Grants, Guest, Surroundings};
use crate::ledger::{Ledger, Measured, Tally};
use crate::problem::full;

/// Requests that one instance answers in its life.
const MAX_REUSE: usize = 128;
/// Requests that one instance answers at the same time.
const MAX_CONCURRENT: usize = 16;
/// Where no component has a route.
const NOWHERE: &str = "http://127.0.0.1/nowhere";
/// How long an instance waits for another request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1);
/// Ticks of the epoch after which a busy instance lets others run.
const YIELD_TICKS: u64 = 1;
/// Enough fuel never to run out: a request is ended by its deadline, fuel only counts.
const FULL_TANK: u64 = u64::MAX;

/// A component ready to be instantiated, with all that its instances need.
pub(crate) struct Runnable {
    pub engine: Engine,
    pub service: ServicePre<Guest>,
    pub grants: Arc<Grants>,
    pub surroundings: Arc<Surroundings>,
    pub ledger: Arc<Ledger>,
    pub request_deadline: Duration,
    pub metering: bool,
    pub warmed: bool,
    /// Instances made so far while metering, over all components: the seed of the next one's random numbers.
    pub instances: Arc<AtomicU64>,
}

/// Travels with a request to the instance that takes it. The measurement comes back when the instance has ended.
#[derive(Default)]
pub(crate) struct Ticket {
    pub measured: Option<oneshot::Sender<Measured>>,
}

impl HandlerState for Runnable {
    type StoreData = Guest;
    type WorkerExpiration = Expiration;
    type WorkerState = Life;

    async fn instantiate(&self) -> wasmtime::Result<Instance<Guest, Expiration, Life>> {
        let tally = Tally::new(Arc::clone(&self.ledger), self.metering);
        let seed = self.metering.then(|| self.instances.fetch_add(1, Relaxed));
        let deadline = Instant::now() + self.request_deadline;
        let guest = Guest::new(&self.grants, &self.surroundings, tally, deadline, seed)
            .map_err(|error| wasmtime::format_err!("{error:#}"))?;
        let mut store = Store::new(&self.engine, guest);
        store.limiter(|guest| &mut guest.limits);
        store.set_epoch_deadline(YIELD_TICKS);
        store.epoch_deadline_callback(|context| stop_or_yield(&context));
        if self.metering {
            store.set_fuel(FULL_TANK)?;
        }
        let service = self.service.instantiate_async(&mut store).await?;
        if self.metering && self.warmed {
            warm_up(&service, &mut store).await?;
        }
        let proxy = Proxy::P3(service);
        let startup_fuel = if self.metering { FULL_TANK - store.get_fuel()? } else { 0 };
        Ok(Instance {
            store,
            proxy,
            view: Guest::http,
            expiration: Expiration {
                request_deadline: self.request_deadline,
                sleep: Box::pin(tokio::time::sleep(IDLE_TIMEOUT)),
            },
            state: Life {
                request_deadline: self.request_deadline,
                metering: self.metering,
                startup_fuel,
                ticket: std::sync::Mutex::default(),
            },
        })
    }
}

/// Has an instance answer a request for nothing, to its end.
async fn warm_up(service: &Service, store: &mut Store<Guest>) -> wasmtime::Result<()> {
    let request = http::Request::get(NOWHERE).body(full(Bytes::new()))?;
    let (request, sent) = GuestRequest::from_http(store.data_mut().http().hooks, request);
    store
        .run_concurrent(async |store| {
            let (answered, sent) = tokio::join!(
                async {
                    let response = service.handle(store, request).await??;
                    let response = store.with(|store| response.into_http(store, async { Ok(()) }))?;
                    response.into_body().collect().await?;
                    wasmtime::error::Ok(())
                },
                sent,
            );
            sent?;
            answered
        })
        .await?
}

/// Called on every tick while the guest computes: an endless loop yields to other tasks, and ends at its deadline.
fn stop_or_yield(context: &StoreContextMut<'_, Guest>) -> wasmtime::Result<UpdateDeadline> {
    if Instant::now() >= context.data().deadline {
        wasmtime::bail!("the request took longer than it may");
    }
    Ok(UpdateDeadline::Yield(YIELD_TICKS))
}

/// Ends an instance that waits too long, be it for a request or in one.
pub(crate) struct Expiration {
    request_deadline: Duration,
    sleep: Pin<Box<tokio::time::Sleep>>,
}

impl WorkerExpiration for Expiration {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>, status: WorkerStatus, start: Instant) -> Poll<()> {
        let timeout = match status {
            WorkerStatus::Idle => IDLE_TIMEOUT,
            WorkerStatus::Requests | WorkerStatus::PostReturn => self.request_deadline,
        };
        let deadline = (start + timeout).into();
        if self.sleep.deadline() != deadline {
            self.sleep.as_mut().reset(deadline);
        }
        self.sleep.as_mut().poll(cx)
    }
}

/// An instance's life, from its first request to its end.
pub(crate) struct Life {
    request_deadline: Duration,
    metering: bool,
    startup_fuel: u64,
    ticket: std::sync::Mutex<Ticket>,
}

impl WorkerState for Life {
    type StoreData = Guest;
    type RequestData = Ticket;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        let (max_concurrent, max_reuse) = if self.metering { (1, 1) } else { (MAX_CONCURRENT, MAX_REUSE) };
        if total >= max_reuse {
            ShouldAccept::Never
        } else if concurrent >= max_concurrent {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        mut store: StoreContextMut<'_, Guest>,
        ticket: Ticket,
        _task: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        store.data_mut().deadline = Instant::now() + self.request_deadline;
        *self.ticket.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = ticket;
        Box::pin(tokio::time::sleep(self.request_deadline))
    }

    fn drop(&self, store: Store<Guest>, result: Result<(), wasmtime::Error>) {
        if let Err(error) = result {
            // The whole chain for the log; the client gets a constant text.
            store.data().log_end(&format!("the instance failed: {error:#}"));
        }
        let ticket = std::mem::take(&mut *self.ticket.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        if let (Some(answer), Some(mut measured)) = (ticket.measured, store.data().tally.measured()) {
            let own = Measured {
                startup_fuel: self.startup_fuel,
                fuel: store.get_fuel().map_or(0, |left| FULL_TANK - left - self.startup_fuel),
                peak_memory_bytes: store.data().limits.peak_bytes,
                ..Measured::default()
            };
            measured.add(&own);
            // Nobody waits any more if the client has gone.
            answer.send(measured).ok();
        }
    }
}
