//! The demonstration application: an OpenID Connect relying party.
//!
//! It plays the partner's application that people launch. One process serves several applications, each
//! under the path of its client id:
//!
//! | route | what it does |
//! |---|---|
//! | `GET /` | lists the applications |
//! | `GET /{client}` | the signed-in page with the ID token's claims, or where to start |
//! | `GET /{client}/login?iss=&target_link_uri=` | third-party initiated login (OpenID Connect Core 1.0, section 4) |
//! | `GET /{client}/callback` | exchanges the code, verifies the ID token, signs in |
//! | `POST /{client}/logout` | ends its own session and the provider's (RP-Initiated Logout 1.0) |
//!
//! The protocol is the `openidconnect` crate's; what is here is what any application has to add: a
//! session, the state of a sign-in under way, and the refusal of everything that does not match.
//! It speaks plain HTTP on a loopback address and keeps its sessions in memory: it is made for
//! demonstrations and tests.

mod oidc;
mod pages;
mod routes;
mod sessions;

use std::net::SocketAddr;

pub use openidconnect::{ClientSecret, IssuerUrl};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// What the relying party needs to know before it starts.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 takes any free one. The redirect URIs are
    /// `http://<address>/<client id>/callback`.
    pub listen: SocketAddr,
    /// The provider, exactly as its discovery document names itself.
    pub issuer: IssuerUrl,
    /// The applications to serve.
    pub applications: Vec<Application>,
    /// The authentication context to demand, if any; an ID token with another `acr` is refused.
    pub acr_values: Option<String>,
}

/// One client as the provider knows it.
#[derive(Debug, Clone)]
pub struct Application {
    /// The client id, which is also the first part of the application's paths.
    pub client_id: String,
    /// The secret for the token endpoint (`client_secret_basic`).
    pub client_secret: ClientSecret,
}

/// A relying party that serves; it stops when this is dropped.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Running {
    /// The address it really listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening and waits for the requests in flight.
    ///
    /// # Errors
    /// When the server ended with an error of its own.
    pub async fn stop(self) -> anyhow::Result<()> {
        // The receiver is gone only when the server has already ended; its result follows either way.
        let _ = self.stop.send(());
        Ok(self.server.await??)
    }
}

/// Starts to serve. The provider is first asked for its discovery document when somebody signs in,
/// so either of the two may be started first.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn start(config: Config) -> anyhow::Result<Running> {
    let listener = TcpListener::bind(config.listen).await?;
    let address = listener.local_addr()?;
    let router = routes::router(config, address)?;
    let (stop, stopped) = oneshot::channel::<()>();
    let serve = axum::serve(listener, router).with_graceful_shutdown(async {
        // Both ends mean stop: a message, and a sender that was dropped.
        let _ = stopped.await;
    });
    let server = tokio::spawn(async move { serve.await });
    Ok(Running { address, stop, server })
}
