//! Serving HTTP/1.1 on a listener, with limits, until told to stop.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use wasmtime_wasi_http::WasiBody;

/// Connections at the same time; the operating system queues further ones.
const MAX_CONNECTIONS: usize = 512;
/// The request line and all headers together, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Header lines in a request.
const MAX_HEADERS: usize = 100;
/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests under way may take to finish once the host is told to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait after the operating system failed to hand over a connection (it is out of file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Something that answers requests.
pub(crate) trait Answer: Send + Sync + 'static {
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        client: SocketAddr,
    ) -> impl Future<Output = Response<WasiBody>> + Send;
}

/// Serves until `stop` changes, then lets the requests under way finish.
pub(crate) async fn serve<A: Answer>(listener: TcpListener, answer: Arc<A>, mut stop: watch::Receiver<()>) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &permits) => accepted,
            _ = stop.changed() => break,
        };
        let Ok((stream, client, permit)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let answer = Arc::clone(&answer);
        let service = service_fn(move |request| {
            let answer = Arc::clone(&answer);
            async move { Ok::<_, Infallible>(answer.answer(request, client).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD_BYTES)
            .max_headers(MAX_HEADERS)
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were still under way after {} s", SHUTDOWN_TIMEOUT.as_secs());
    }
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, client) = listener.accept().await?;
    // Head and body of an answer are two writes: without this the second can wait 40 ms for an acknowledgement.
    stream.set_nodelay(true)?;
    Ok((stream, client, permit))
}
