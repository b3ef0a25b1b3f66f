//! `cargo xtask up`: everything on this machine, for people to look at.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::Command,
    time::Instant,
};

use anyhow::{Context as _, bail};
use clap::Args;
use shared::config::{Gateway, PaymentProvider};

use crate::{
    build, components,
    components::Size,
    gateway,
    manifest::Manifest,
    processes::Processes,
    secrets::{MACHINE_KEY, PAYMENT_SECRET, PAYMENT_WEBHOOK_SECRET, Secrets},
    steps::{Steps, seconds},
    workspace,
};

mod welcome;

/// Where everything listens, and whether to start over.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Deletes the data of earlier runs first: accounts, messages, keys and passwords.
    #[arg(long)]
    fresh: bool,
    /// Where the service listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// Where the mailbox listens [default: the port after the service's].
    #[arg(long, value_name = "ADDRESS")]
    mailbox: Option<SocketAddr>,
    /// Where the demonstration application listens [default: the port after the mailbox's].
    #[arg(long, value_name = "ADDRESS")]
    application: Option<SocketAddr>,
    /// Where the payment provider's double listens [default: the port after the application's].
    #[arg(long, value_name = "ADDRESS")]
    payments: Option<SocketAddr>,
}

/// The four addresses as a browser on this machine reaches them.
struct Addresses {
    service: SocketAddr,
    mailbox: SocketAddr,
    application: SocketAddr,
    payments: SocketAddr,
}

/// Builds, starts, says where everything is, and waits for Ctrl-C.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let addresses = options.addresses()?;
    let manifest = Manifest::read()?;
    let text = gateway::text()?;
    let gateway = gateway::parse(&text)?;
    for address in [options.listen, addresses.mailbox, addresses.application, addresses.payments] {
        free(address)?;
    }
    let mut steps = Steps::new(build::STEPS + 1);
    build::everything(&mut steps, &manifest, Size::AsCompiled)?;
    let state = workspace::root().join(".vestibule");
    if options.fresh {
        forget(&state)?;
    }
    let secrets = Secrets::complete(&state, &gateway)?;
    let mut processes = Processes::new()?;
    let started = Instant::now();
    steps.step("Starting the host, the demonstration application and the payment provider", || {
        let moved = moved_configuration(&state, &manifest, &text, &addresses)?;
        processes.start("host", &mut host(options, &addresses, &state, &secrets, &gateway, &moved)?)?;
        processes.start("demonstration application", &mut application(&addresses, &secrets, &gateway)?)?;
        processes.start("payment provider", &mut payments(&addresses, &secrets)?)
    })?;
    welcome::print(&addresses, &secrets, &gateway)?;
    println!("Started in {}. Ctrl-C stops it; the data stays in .vestibule.", seconds(started.elapsed()));
    processes.wait()?;
    println!("\nStopping.");
    Ok(())
}

impl Options {
    fn addresses(&self) -> anyhow::Result<Addresses> {
        let after = |address: SocketAddr| {
            let port = address.port().checked_add(1).context("there is no port after 65535; choose a lower one")?;
            Ok::<_, anyhow::Error>(SocketAddr::new(reachable(address.ip()), port))
        };
        let mailbox = self.mailbox.map_or_else(|| after(self.listen), Ok)?;
        let application = self.application.map_or_else(|| after(mailbox), Ok)?;
        let payments = self.payments.map_or_else(|| after(application), Ok)?;
        let service = SocketAddr::new(reachable(self.listen.ip()), self.listen.port());
        if [service, mailbox, application, payments].iter().any(|address| address.port() == 0) {
            bail!("choose ports other than 0: the addresses must be known before anything starts");
        }
        Ok(Addresses { service, mailbox, application, payments })
    }
}

/// "Every address" is one to listen on, not one to go to.
fn reachable(ip: IpAddr) -> IpAddr {
    if ip.is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { ip }
}

fn free(address: SocketAddr) -> anyhow::Result<()> {
    match TcpListener::bind(address) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            bail!("{address} is taken. Stop what runs there, or choose another address with --listen.")
        }
        Err(error) => Err(error).with_context(|| format!("{address} cannot be listened on")),
        Ok(_) => Ok(()),
    }
}

fn forget(state: &PathBuf) -> anyhow::Result<()> {
    match fs::remove_dir_all(state) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be deleted", state.display()))
        }
        _ => Ok(()),
    }
}

/// The reviewed configuration names the usual addresses of the application and of the payment provider. Elsewhere a copy of it
/// with the other addresses takes its place; returned is where the components look for it, and the copy.
fn moved_configuration(
    state: &std::path::Path,
    manifest: &Manifest,
    text: &str,
    addresses: &Addresses,
) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let usual = [(addresses.application, gateway::APPLICATION), (addresses.payments, gateway::PAYMENTS)];
    if usual.into_iter().all(|(address, usual)| address.to_string() == usual) {
        return Ok(Vec::new());
    }
    let copy = state.join(gateway::COMPILED);
    let compiled = gateway::parse(&gateway::moved(text, addresses.application, addresses.payments))?.compile()?;
    fs::write(&copy, compiled).with_context(|| format!("{} cannot be written", copy.display()))?;
    Ok(manifest
        .destinations(&components::configuration())
        .into_iter()
        .map(|destination| (destination, copy.clone()))
        .collect())
}

fn host(
    options: &Options,
    addresses: &Addresses,
    state: &std::path::Path,
    secrets: &Secrets,
    gateway: &Gateway,
    files: &[(String, PathBuf)],
) -> anyhow::Result<Command> {
    let mut host = Command::new(build::program("vestibule-host"));
    host.current_dir(workspace::root())
        .args(["--manifest", "spin.toml", "--ready-path", "/health"])
        .args(["--listen", &options.listen.to_string()])
        .args(["--mailbox", &addresses.mailbox.to_string()])
        .arg("--state-dir")
        .arg(state);
    host.args(["--timer-path", "/operate/sweep"]).env("VESTIBULE_TIMER_SECRET", secrets.behind(MACHINE_KEY)?);
    for (destination, copy) in files {
        host.arg("--file").arg(format!("{destination}={}", copy.display()));
    }
    let places = [
        ("public_url".to_owned(), format!("http://{}", addresses.service)),
        ("mail_origin".to_owned(), format!("http://{}", addresses.mailbox)),
        ("mail_endpoint".to_owned(), format!("http://{}/send", addresses.mailbox)),
        ("phone_origin".to_owned(), format!("http://{}", addresses.mailbox)),
        ("phone_endpoint".to_owned(), format!("http://{}/send", addresses.mailbox)),
        ("payment_origin".to_owned(), format!("http://{}", addresses.payments)),
        ("payment_endpoint".to_owned(), format!("http://{}{}", addresses.payments, sessions(gateway))),
    ];
    for (name, value) in secrets.values(gateway)?.into_iter().chain(places) {
        host.env(format!("SPIN_VARIABLE_{}", name.to_uppercase()), value);
    }
    Ok(host)
}

fn application(addresses: &Addresses, secrets: &Secrets, gateway: &Gateway) -> anyhow::Result<Command> {
    let mut application = Command::new(build::program("relying-party"));
    application
        .args(["--listen", &addresses.application.to_string()])
        .args(["--issuer", &format!("http://{}", addresses.service)]);
    for client in &gateway.applications {
        if let Some(variable) = &client.oidc.client_secret_digest_variable {
            let name = format!("{}_SECRET", client.id.as_str().replace('-', "_").to_uppercase());
            application.args(["--client", &format!("{}={name}", client.id.as_str())]);
            application.env(name, secrets.behind(variable)?);
        }
    }
    Ok(application)
}

/// Where the payment provider is asked for its page, in the interface that the configuration chose.
fn sessions(gateway: &Gateway) -> &'static str {
    match gateway.payments.as_ref().map(|payments| payments.provider) {
        Some(PaymentProvider::Json) => "/sessions",
        Some(PaymentProvider::Stripe) | None => "/v1/checkout/sessions",
    }
}

/// One secret is good for both of the interfaces by which the payment provider may be asked.
fn payments(addresses: &Addresses, secrets: &Secrets) -> anyhow::Result<Command> {
    let webhook_secret = secrets.behind(PAYMENT_WEBHOOK_SECRET)?;
    let mut payments = Command::new(build::program("payment-provider"));
    payments
        .args(["--listen", &addresses.payments.to_string()])
        .args(["--webhook", &format!("http://{}/payments/webhook", addresses.service)])
        .env("PAYMENT_API_SECRET", secrets.behind(PAYMENT_SECRET)?)
        .env("PAYMENT_STRIPE_WEBHOOK_SECRET", webhook_secret)
        .env("PAYMENT_STANDARD_WEBHOOK_SECRET", webhook_secret);
    Ok(payments)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn addresses(arguments: &[&str]) -> Result<[String; 4], String> {
        let line = Line::try_parse_from([&["up"], arguments].concat()).map_err(|error| error.to_string())?;
        let addresses = line.options.addresses().map_err(|error| error.to_string())?;
        let Addresses { service, mailbox, application, payments } = addresses;
        Ok([service, mailbox, application, payments].map(|address| address.to_string()))
    }

    #[test]
    fn one_address_moves_all_four() {
        assert_eq!(
            addresses(&[]),
            Ok(["127.0.0.1:3000", "127.0.0.1:3001", "127.0.0.1:3002", "127.0.0.1:3003"].map(str::to_owned))
        );
        assert_eq!(
            addresses(&["--listen", "0.0.0.0:4000"]),
            Ok(["127.0.0.1:4000", "127.0.0.1:4001", "127.0.0.1:4002", "127.0.0.1:4003"].map(str::to_owned))
        );
        assert_eq!(
            addresses(&["--mailbox", "127.0.0.1:9000"]),
            Ok(["127.0.0.1:3000", "127.0.0.1:9000", "127.0.0.1:9001", "127.0.0.1:9002"].map(str::to_owned))
        );
    }

    #[test]
    fn addresses_that_cannot_be_known_are_refused() {
        assert!(addresses(&["--listen", "127.0.0.1:0"]).is_err());
        assert!(addresses(&["--listen", "127.0.0.1:65535"]).is_err());
    }
}
