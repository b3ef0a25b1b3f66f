//! A deployment of one's own: the compiled components on the embedded host, a mailbox and the demonstration
//! application, on free loopback ports.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::{Context, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use relying_party::{Application, ClientSecret, Config, IssuerUrl};
use reqwest::StatusCode;
use serde_json::Value;
use shared::{
    config::Gateway,
    secret::{Keys, SecretDigest},
    totp::{Parameters, otpauth_uri},
    values::OperatorId,
};
use vestibule_host::{Address, Clock, Options, Running, Store, Timer};

use crate::{
    place::{Place, Secrets, Time},
    stores::{Backend, RedisServer},
};

/// When tests begin: tomorrow at 09:00 UTC. The demonstration application lives in real time and refuses ID tokens that
/// have expired by it, so the tests' time must not fall behind.
pub fn start_unix_seconds() -> u64 {
    const DAY: u64 = 24 * 3600;
    let now = Time::Real.unix_seconds();
    (now / DAY + 1) * DAY + 9 * 3600
}

/// What the operator's machines present: the timer that calls the sweep.
pub const MACHINE_KEY: &str = "machine-key-of-the-tests";

const ROOT_SECRET: [u8; 32] = [7; 32];

/// A deployment for one test.
pub struct World {
    /// Where everything is.
    pub place: Place,
    /// The host.
    pub host: Running,
    /// The demonstration application.
    pub application: relying_party::Running,
    /// The payment provider's double.
    pub payments: payment_provider::Running,
    /// The server behind the store, if it has one of its own.
    _redis: Option<RedisServer>,
    /// Keeps the configuration while the host runs.
    _directory: tempfile::TempDir,
}

/// How a world differs from the usual one.
#[derive(Default)]
pub struct Wishes {
    /// Measure every request.
    pub metering: bool,
    /// While measuring: measure an instance's further requests, not its first.
    pub warmed: bool,
    /// What keeps the keys.
    pub backend: Backend,
    /// What the host calls at intervals.
    pub timer: Option<Timer>,
    /// Use this store instead.
    pub store: Option<std::sync::Arc<dyn Store>>,
    /// Changes to the configuration: what stands there, and what stands there instead, everywhere.
    pub gateway: Vec<(String, String)>,
    /// Changes to the manifest, in the same way.
    pub manifest: Vec<(String, String)>,
    /// Variables with other values.
    pub variables: Vec<(String, String)>,
}

/// What [`Wishes::gateway`] needs for a hardware token in Anvil's catalogue (SHP-8).
pub fn tokens_sold() -> (String, String) {
    let before = "[products.cobalt-mobile-id]\n";
    (before.to_owned(), format!("{}\n{before}", include_str!("../hardware-token.toml")))
}

/// The repository's root.
///
/// # Panics
/// Never: the crate lies one level below the root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies below the repository's root")
}

impl World {
    /// Starts a world.
    ///
    /// # Errors
    /// When the components are not built (`cargo xtask build`) or the host does not start.
    pub async fn start() -> anyhow::Result<Self> {
        Self::with(Wishes::default()).await
    }

    /// Starts a world on this backend.
    ///
    /// # Errors
    /// As [`World::start`]; when the backend's server is not installed.
    pub async fn on(backend: Backend) -> anyhow::Result<Self> {
        Self::with(Wishes { backend, ..Wishes::default() }).await
    }

    /// Starts a world that differs.
    ///
    /// # Errors
    /// As [`World::start`].
    pub async fn with(wishes: Wishes) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let application_address = free_address()?;
        let secrets = secrets()?;
        let clock = Clock::fixed(start_unix_seconds());
        let payments = payment_provider(clock.clone()).await?;
        let gateway = directory.path().join("gateway.bin");
        std::fs::write(&gateway, gateway_for(application_address, payments.address(), &wishes.gateway)?)?;
        let mut options = options(gateway, &secrets);
        options.clock = clock.clone();
        options.variables.extend([
            ("payment_origin".to_owned(), payments.origin()),
            ("payment_endpoint".to_owned(), payments.stripe_endpoint()),
        ]);
        if !wishes.manifest.is_empty() {
            options.manifest = directory.path().join("spin.toml");
            std::fs::write(&options.manifest, manifest(&wishes.manifest)?)?;
        }
        options.metering = wishes.metering;
        options.warmed = wishes.warmed;
        options.store = wishes.store;
        options.variables.extend(wishes.variables);
        options.timer = wishes.timer;
        let redis = match wishes.backend {
            Backend::Sqlite => None,
            Backend::Redis => Some(RedisServer::start().await?),
        };
        if let Some(redis) = &redis {
            let file = directory.path().join("runtime-config.toml");
            std::fs::write(&file, redis.runtime_config())?;
            options.runtime_config = Some(file);
        }
        let host = vestibule_host::start(options).await?;
        let service = format!("http://{}", host.address());
        payments.set_webhook(payment_provider::Webhook {
            target: format!("{service}/payments/webhook"),
            stripe_secret: payment_webhook_secret(),
            standard_secret: payment_webhook_secret(),
        })?;
        let mailbox = host.mailbox_address().context("the world has a mailbox")?;
        let application = relying_party::start(Config {
            listen: application_address,
            issuer: IssuerUrl::new(service.clone())?,
            applications: ["supply-platform", "business-network"].map(client).to_vec(),
            acr_values: None,
        })
        .await?;
        let place = Place { service, mailbox: format!("http://{mailbox}"), secrets, time: Time::Test(clock) };
        Ok(Self { place, host, application, payments, _redis: redis, _directory: directory })
    }

    /// An address of the service.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.place.service)
    }

    /// Has the sweep work once, as the operator's timer does: its answer.
    ///
    /// # Errors
    /// When the service does not answer with JSON.
    pub async fn sweep(&self) -> anyhow::Result<(StatusCode, Value)> {
        let request = reqwest::Client::new().post(self.url("/operate/sweep")).bearer_auth(MACHINE_KEY);
        let response = request.send().await?;
        Ok((response.status(), response.json().await?))
    }

    /// Lets so many hours pass, in each of which the operator's timer has the sweep work until nothing is left.
    ///
    /// # Errors
    /// When the service does not answer with JSON.
    pub async fn pass_hours(&self, hours: u32) -> anyhow::Result<()> {
        for _ in 0..hours {
            self.place.time.pass(Duration::from_hours(1)).await;
            while self.sweep().await?.0 == StatusCode::ACCEPTED {}
        }
        Ok(())
    }

    /// Everything that the store holds, to show that a refused request left it as it was.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn store_contents(&self) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
        let store = self.host.store();
        let mut contents = BTreeMap::new();
        for key in store.keys("default").await? {
            if let Some(value) = store.get("default", &key).await? {
                contents.insert(key, value);
            }
        }
        Ok(contents)
    }

    /// Stops the world.
    ///
    /// # Errors
    /// When a server failed.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.application.stop().await?;
        self.payments.stop().await?;
        self.host.shutdown().await
    }
}

/// Options of a host for tests with this configuration.
pub fn options(gateway: PathBuf, secrets: &Secrets) -> Options {
    let mut options = Options::new(root().join("spin.toml"));
    options.mailbox = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    options.cache_dir = root().join("target/vestibule-cache");
    options.file_overrides = [("/gateway.bin".to_owned(), gateway)].into();
    options.ready_path = Some("/health".to_owned());
    options.clock = Clock::fixed(start_unix_seconds());
    options.variables = variables(secrets);
    options.address_variables = [
        ("public_url".to_owned(), Address::Application(String::new())),
        ("mail_origin".to_owned(), Address::Mailbox(String::new())),
        ("mail_endpoint".to_owned(), Address::Mailbox("/send".to_owned())),
        ("phone_origin".to_owned(), Address::Mailbox(String::new())),
        ("phone_endpoint".to_owned(), Address::Mailbox("/send".to_owned())),
    ]
    .into();
    options
}

/// The values of the manifest's variables.
pub fn variables(secrets: &Secrets) -> BTreeMap<String, String> {
    let digest = |secret: &str| SecretDigest::of(secret).as_str().to_owned();
    [
        ("root_secret", STANDARD.encode(ROOT_SECRET)),
        ("anvil_api_key_digest", digest(&secrets.anvil_api_key)),
        ("anvil_webhook_secret", secrets.anvil_webhook_secret.clone()),
        ("cobalt_api_key_digest", digest(COBALT_API_KEY)),
        ("cobalt_webhook_secret", cobalt_webhook_secret()),
        ("supply_platform_client_secret_digest", digest(&client_secret("supply-platform"))),
        ("business_network_client_secret_digest", digest(&client_secret("business-network"))),
        ("operator_registrar_password_digest", digest(&secrets.registrar_password)),
        ("machine_key_digest", digest(MACHINE_KEY)),
        ("payment_secret", PAYMENT_SECRET.to_owned()),
        ("payment_webhook_secret", payment_webhook_secret()),
        ("operator_auditor_password_digest", digest(AUDITOR_PASSWORD)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// What the actors of a test know.
///
/// # Errors
/// Never for the constants in use; the parsers say so only by type.
pub fn secrets() -> anyhow::Result<Secrets> {
    Ok(Secrets {
        anvil_api_key: "anvil-key-of-the-tests".to_owned(),
        anvil_webhook_secret: format!("whsec_{}", STANDARD.encode([8; 32])),
        registrar_password: "registrar-password-of-the-tests".to_owned(),
        registrar_otpauth_uri: operator_otpauth_uri("registrar")?,
    })
}

/// The authenticator of an operator as an `otpauth` URI.
///
/// # Errors
/// When the text is no operator's id.
pub fn operator_otpauth_uri(operator: &str) -> anyhow::Result<String> {
    let keys = Keys::new(&ROOT_SECRET, None).map_err(|error| anyhow::anyhow!("{error}"))?;
    let id: OperatorId = operator.parse().map_err(|error| anyhow::anyhow!("{error}"))?;
    let seed = keys.operator_totp_seed(&id);
    Ok(otpauth_uri("Vestibule", operator, seed.expose(), &Parameters::authenticator_app()))
}

/// Cobalt's API key.
pub const COBALT_API_KEY: &str = "cobalt-key-of-the-tests";
/// The auditor's password.
pub const AUDITOR_PASSWORD: &str = "auditor-password-of-the-tests";

/// Cobalt's webhook secret.
pub fn cobalt_webhook_secret() -> String {
    format!("whsec_{}", STANDARD.encode([9; 32]))
}

/// What the service presents to the payment provider.
const PAYMENT_SECRET: &str = "payment-secret-of-the-tests";

/// What the payment provider signs its webhooks with.
pub fn payment_webhook_secret() -> String {
    format!("whsec_{}", STANDARD.encode([10; 32]))
}

/// A double of a payment provider that lives in the tests' time, is told by whom it is asked later, and tries again soon.
async fn payment_provider(clock: Clock) -> anyhow::Result<payment_provider::Running> {
    let now = move || jiff::Timestamp::from_second(clock.now().as_secs().cast_signed()).unwrap_or_default();
    payment_provider::start(payment_provider::Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        api_secret: PAYMENT_SECRET.to_owned(),
        webhook: None,
        retry: payment_provider::Retry { first_pause: Duration::from_millis(50), attempts: 10 },
        late: Duration::from_millis(300),
        clock: payment_provider::Clock::new(now),
    })
    .await
}

/// The secret with which an application authenticates at the token endpoint.
pub fn client_secret(client: &str) -> String {
    format!("client-secret-of-{client}")
}

fn client(id: &str) -> Application {
    Application { client_id: id.to_owned(), client_secret: ClientSecret::new(client_secret(id)) }
}

/// The repository's configuration, compiled, with the demonstration application and the payment provider at other addresses
/// and these texts replaced.
///
/// # Errors
/// When the file cannot be read, does not contain a text or is not valid.
pub fn gateway_for(
    application: SocketAddr,
    payments: SocketAddr,
    replaced: &[(String, String)],
) -> anyhow::Result<Vec<u8>> {
    let mut text = std::fs::read_to_string(root().join("gateway.toml"))?;
    for (usual, instead) in replaced {
        ensure!(text.contains(usual), "the configuration does not contain {usual:?}");
        text = text.replace(usual, instead);
    }
    let moved = text.replace("http://127.0.0.1:3002", &format!("http://{application}"));
    let moved = moved.replace("http://127.0.0.1:3003", &format!("http://{payments}"));
    Ok(Gateway::parse(&moved)?.compile()?)
}

/// The repository's manifest with these changes, to stand anywhere.
fn manifest(replaced: &[(String, String)]) -> anyhow::Result<String> {
    let mut text = std::fs::read_to_string(root().join("spin.toml"))?;
    for (usual, instead) in replaced {
        ensure!(text.contains(usual), "the manifest does not contain {usual:?}");
        text = text.replace(usual, instead);
    }
    Ok(text.replace("\"target/components/", &format!("\"{}/target/components/", root().display())))
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// A number that no other call of this process got, for names that must differ.
pub fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
