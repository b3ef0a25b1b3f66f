//! What the application asks to be called for at intervals. Spin leaves that to a timer outside; here it is built in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Empty;
use tokio::sync::watch;

use crate::front::Front;

/// Calls in a row while each is answered with 202.
const MAX_CALLS: usize = 100;

/// A path that is called at intervals, as a machine with a secret of its own.
#[derive(Clone)]
pub struct Timer {
    /// What is sent an empty POST. An answer of 202 says that there is more to do at once.
    pub path: String,
    /// What is presented as `Authorization: Bearer`.
    pub secret: String,
    /// How long after the end of one call the next one begins.
    pub every: Duration,
}

/// Calls until the host stops. Only called while nothing else does so for this timer, so no two calls overlap.
pub(crate) async fn run(front: Arc<Front>, address: SocketAddr, timer: Timer, mut stopped: watch::Receiver<()>) {
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(timer.every) => {}
        }
        for _ in 0..MAX_CALLS {
            match call(&front, address, &timer).await {
                Ok(StatusCode::ACCEPTED) => {}
                Ok(status) if status.is_success() => break,
                Ok(status) => {
                    tracing::warn!(path = timer.path, %status, "the timer's call was not answered as it should be");
                    break;
                }
                Err(error) => {
                    tracing::error!("the timer cannot call: {error:#}");
                    return;
                }
            }
        }
    }
}

async fn call(front: &Front, address: SocketAddr, timer: &Timer) -> anyhow::Result<StatusCode> {
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", timer.secret)).context("its secret is no header")?;
    bearer.set_sensitive(true);
    let request = Request::post(&timer.path)
        .header(HOST, address.to_string())
        .header(AUTHORIZATION, bearer)
        .header(CONTENT_LENGTH, 0)
        .body(Empty::<Bytes>::new())
        .with_context(|| format!("{:?} is not a path", timer.path))?;
    Ok(front.respond(request, address).await.status())
}
