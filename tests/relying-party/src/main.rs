//! Starts the demonstration application and serves until it is interrupted.

use std::{net::SocketAddr, str::FromStr};

use anyhow::Context as _;
use clap::Parser;
use relying_party::{Application, ClientSecret, Config, IssuerUrl};

/// The demonstration application: a small OpenID Connect relying party.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:3002")]
    listen: SocketAddr,
    /// The provider, exactly as its discovery document names itself.
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    issuer: String,
    /// A client id, and the environment variable that holds its secret. Repeat it for each application.
    #[arg(long = "client", value_name = "ID=VARIABLE", required = true)]
    clients: Vec<Client>,
    /// The authentication context to demand.
    #[arg(long)]
    acr_values: Option<String>,
}

#[derive(Debug, Clone)]
struct Client {
    id: String,
    variable: String,
}

impl FromStr for Client {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((id, variable)) if !id.is_empty() && !variable.is_empty() => {
                Ok(Self { id: id.to_owned(), variable: variable.to_owned() })
            }
            _ => Err("write the client id, an equals sign, and the name of the variable"),
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let applications = arguments
        .clients
        .into_iter()
        .map(|client| {
            let secret = std::env::var(&client.variable)
                .with_context(|| format!("set {} to the secret of {}", client.variable, client.id))?;
            Ok(Application { client_id: client.id, client_secret: ClientSecret::new(secret) })
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let running = relying_party::start(Config {
        listen: arguments.listen,
        issuer: IssuerUrl::new(arguments.issuer).context("--issuer is not a URL")?,
        applications,
        acr_values: arguments.acr_values,
    })
    .await
    .with_context(|| format!("could not listen on {}", arguments.listen))?;
    println!("demonstration application: http://{}/", running.address());
    interrupted().await?;
    running.stop().await
}

/// Returns when the process is asked to end, by a terminal or by a supervisor.
async fn interrupted() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}
