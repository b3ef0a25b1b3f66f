//! `kill -9` in the middle of a load, again and again: what was acknowledged is there, and nothing happens twice.
//!
//! The host runs as a process on a durable `SQLite` store. Four clients keep it busy with requests that change something,
//! and write a journal: what they sent, and what was acknowledged. Then the process is killed and started again on the
//! same files, with a clock that is three minutes ahead, so that what a dead creator holds is free (`kv-schema/src/kv.rs`
//! says for how long). What was sent and not acknowledged is sent again, as real clients do, or never,
//! as real clients do too: then the sweep has to complete what was committed.

use std::{collections::BTreeMap, io::Write as _, net::SocketAddr, sync::Mutex, time::Duration};

use anyhow::{Context, bail, ensure};
use journeys::{by_json::solved_captcha, place::Place, process::Settings, story::Story, world};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use shared::values::FormId;

/// How often the host is killed.
const KILLS: u64 = 50;
/// Clients that send at the same time.
const CLIENTS: u64 = 4;
/// The most that one client sends between two kills.
const DEEDS_MAX: u64 = 40;
/// How much later each start is than the one before it, by the clock of the components.
const BETWEEN_STARTS: Duration = Duration::from_mins(3);
const PATIENCE: Duration = Duration::from_secs(20);

/// A request that changes something, and its repetition under the same identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    /// A partner invites somebody (INV-2).
    Invite(u64),
    /// A webstore reports a paid order (SHP-7).
    Order(u64),
    /// Somebody registers an organisation with this solved captcha (REG-5, REG-7).
    Register(u64, String),
    /// A guest orders with a promo code that works once (SHP-3).
    Redeem(u64, String),
}

/// What the clients know.
#[derive(Default)]
struct Journal {
    /// Sent, and perhaps done; nobody will send it again.
    abandoned: Vec<Deed>,
    /// Sent, and perhaps done.
    doubtful: Vec<Deed>,
    /// Acknowledged, with what was answered.
    acknowledged: BTreeMap<Deed, String>,
}

impl Deed {
    async fn numbered(number: u64, codes: &Mutex<Vec<String>>, place: &Place) -> Self {
        let code = (number % 4 == 3).then(|| codes.lock().ok()?.pop()).flatten();
        // Without an answer the host is dead; then it does not matter what is sent.
        let captcha = if number % 4 == 1 { solved_captcha(&place.service).await.ok() } else { None };
        match (number % 4, code, captcha) {
            (_, Some(code), _) => Self::Redeem(number, code),
            (_, None, Some(captcha)) => Self::Register(number, captcha),
            (0, None, None) => Self::Invite(number),
            (_, None, None) => Self::Order(number),
        }
    }

    fn email(&self) -> String {
        let (Self::Invite(number) | Self::Order(number) | Self::Register(number, _) | Self::Redeem(number, _)) = self;
        format!("client{number}@kestrel.example")
    }

    fn form(number: u64) -> String {
        let mut bytes = [7; 16];
        bytes.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
        FormId::from_bytes(bytes).to_string()
    }

    /// The request; `city` and the like are what another request under the same identity would have differently.
    fn request(&self, place: &Place, client: &Client, differs: bool) -> anyhow::Result<RequestBuilder> {
        let url = |path: &str| format!("{}{path}", place.service);
        let name = if differs { "Grace" } else { "Ada" };
        Ok(match self {
            Self::Invite(number) => client
                .post(url("/invite"))
                .bearer_auth(&place.secrets.anvil_api_key)
                .header("idempotency-key", format!("invitation-{number}"))
                .json(&json!({
                    "application": "supply-platform", "organisation": "Kestrel Machining",
                    "given_name": name, "family_name": "Kestrel", "email": self.email(),
                })),
            Self::Register(_, captcha) => client.post(url("/register")).json(&json!({
                "application": "business-network", "captcha": captcha, "organisation": "none",
                "given_name": name, "family_name": "Kestrel", "email": self.email(), "phone": "+1 419 555 0123",
                "profile": { "legal_name": "Kestrel Machining LLC", "street": "12 Lathe Street", "city": "Toledo",
                             "postal_code": "43604", "country": "US" },
            })),
            Self::Redeem(number, code) => {
                // Another order with the same code.
                let form = Self::form(if differs { number + 1_000_000 } else { *number });
                client.post(url("/webstore-checkout/cobalt/checkout")).json(&json!({
                    "form": form, "given_name": name, "family_name": "Kestrel", "email": self.email(),
                    "lines": [{ "product": "cobalt-mobile-id", "quantity": 1 }],
                    "promo_code": code, "action": "place",
                }))
            }
            Self::Order(number) => {
                let mut ignore = |_| {};
                let story = Story::new(place, &self.email(), &mut ignore);
                let mut event = story.paid_order(&format!("AN-{number}"), "anvil-mobile-id");
                if differs {
                    *event.pointer_mut("/data/lines/0/quantity").context("a line")? = json!(2);
                }
                story.webhook(client, &event)?
            }
        })
    }

    /// Sends it. `None` when nobody can tell whether it was done.
    async fn send(&self, place: &Place, client: &Client) -> anyhow::Result<Option<String>> {
        let Ok(response) = self.request(place, client, false)?.send().await else {
            return Ok(None);
        };
        let status = response.status();
        let Ok(body) = response.text().await else {
            return Ok(None);
        };
        match status {
            StatusCode::SERVICE_UNAVAILABLE => Ok(None),
            _ if status.is_success() => self.identity(&body).map(Some),
            _ => bail!("{self:?} was answered {status}: {body}"),
        }
    }

    /// What the first answer and every repetition have in common.
    fn identity(&self, body: &str) -> anyhow::Result<String> {
        let body: Value = serde_json::from_str(body)?;
        let name = match self {
            Self::Invite(_) => "id",
            Self::Register(..) => "reference",
            Self::Order(_) | Self::Redeem(..) => "order",
        };
        Ok(body.get(name).and_then(Value::as_str).with_context(|| format!("{self:?}: no {name} in {body}"))?.to_owned())
    }

    /// Shows that the deed is there: something else under the same identity is refused for that reason.
    async fn is_there(&self, place: &Place, client: &Client) -> anyhow::Result<()> {
        let expected = match self {
            Self::Invite(_) => "idempotency-key-reused",
            Self::Order(_) => "order-contradicted",
            Self::Register(..) => "form-reused",
            Self::Redeem(..) => "promo-not-usable",
        };
        let response = self.request(place, client, true)?.send().await?;
        let (status, body) = (response.status(), response.text().await?);
        let refused = status.is_client_error() || matches!(self, Self::Order(_)) && status == StatusCode::ACCEPTED;
        ensure!(refused && body.contains(expected), "{self:?} is lost: {status} {body}");
        Ok(())
    }

    /// Every second client never comes back, as far as it can be told later whether its change was made.
    fn may_be_abandoned(&self) -> bool {
        matches!(self, Self::Register(number, _) | Self::Order(number) if number % 8 < 4)
    }

    /// The subjects of what its person receives, each once.
    fn subjects(&self) -> &'static [&'static str] {
        match self {
            Self::Invite(_) => &["You're Invited"],
            Self::Register(..) => &["We received your registration"],
            Self::Order(_) | Self::Redeem(..) => &["Receipt", "Your licence key", "Your order"],
        }
    }
}

/// Keeps the host busy until it is gone; every client writes down what it sends and what it is answered.
async fn load(
    place: &Place,
    next: &Mutex<u64>,
    codes: &Mutex<Vec<String>>,
    journal: &Mutex<Journal>,
) -> anyhow::Result<()> {
    let client = Client::builder().timeout(PATIENCE).build()?;
    let locked = || journal.lock().map_err(|_| anyhow::anyhow!("a client failed"));
    for _ in 0..DEEDS_MAX {
        let number = {
            let mut next = next.lock().map_err(|_| anyhow::anyhow!("a client failed"))?;
            *next += 1;
            *next
        };
        let deed = Deed::numbered(number, codes, place).await;
        locked()?.doubtful.push(deed.clone());
        let Some(identity) = deed.send(place, &client).await? else {
            return Ok(());
        };
        let mut journal = locked()?;
        journal.doubtful.retain(|other| *other != deed);
        journal.acknowledged.insert(deed, identity);
    }
    Ok(())
}

/// Sends again what was not acknowledged, as a client would.
async fn catch_up(place: &Place, client: &Client, journal: &mut Journal) -> anyhow::Result<()> {
    for deed in std::mem::take(&mut journal.doubtful) {
        if deed.may_be_abandoned() {
            journal.abandoned.push(deed);
            continue;
        }
        let identity = deed.send(place, client).await?;
        let identity = identity.with_context(|| format!("{deed:?} cannot be completed after the restart"))?;
        journal.acknowledged.insert(deed, identity);
    }
    Ok(())
}

/// One turn of the sweep; says whether there is more to do at once.
async fn sweep(place: &Place, client: &Client) -> anyhow::Result<bool> {
    let request = client.post(format!("{}/operate/sweep", place.service)).bearer_auth(world::MACHINE_KEY);
    match request.send().await?.status() {
        StatusCode::ACCEPTED => Ok(true),
        StatusCode::OK => Ok(false),
        status => bail!("the sweep was answered {status}"),
    }
}

/// Sweeps until there is nothing more to do.
async fn sweep_all(place: &Place, client: &Client) -> anyhow::Result<()> {
    while sweep(place, client).await? {}
    Ok(())
}

/// What was never repeated.
#[derive(Default)]
struct Abandoned {
    deeds: usize,
    /// Of these, how many happened.
    committed: usize,
    /// Of these, how many had messages that were not out before the sweep.
    completed: usize,
}

/// How many messages of each deed are out.
async fn mailed(place: &Place, deeds: &[Deed]) -> anyhow::Result<Vec<usize>> {
    let mut mailed = Vec::new();
    for deed in deeds {
        mailed.push(place.mails(&deed.email()).await?.len());
    }
    Ok(mailed)
}

impl Abandoned {
    /// What was abandoned either happened, and then its messages are out although nobody asked again, or it did not.
    async fn check(
        &mut self,
        place: &Place,
        client: &Client,
        deeds: &[Deed],
        before: &BTreeMap<Deed, usize>,
    ) -> anyhow::Result<()> {
        let mailed = mailed(place, deeds).await?;
        for (deed, mails) in deeds.iter().zip(mailed) {
            self.deeds += 1;
            if deed.is_there(place, client).await.is_ok() {
                self.committed += 1;
                self.completed += usize::from(before.get(deed).is_some_and(|before| *before < mails));
                ensure!(mails == deed.subjects().len(), "{deed:?} was left undone: {mails} messages");
            } else {
                ensure!(mails == 0, "{deed:?} did not happen, and there are {mails} messages");
            }
        }
        Ok(())
    }
}

/// Every acknowledged deed of the journal is there, gives the same answer again, and had its effects once.
async fn check(place: &Place, client: &Client, deeds: &BTreeMap<Deed, String>) -> anyhow::Result<()> {
    for (deed, identity) in deeds {
        deed.is_there(place, client).await?;
        let again = deed.send(place, client).await?;
        ensure!(again.as_ref() == Some(identity), "{deed:?} was answered {identity}, then {again:?}");
    }
    for deed in deeds.keys() {
        let mails = place.mails(&deed.email()).await?;
        for subject in deed.subjects() {
            let count = mails.iter().filter(|mail| mail.subject.starts_with(subject)).count();
            ensure!(count == 1, "{deed:?}: {count} messages {subject:?}");
        }
        ensure!(mails.len() == deed.subjects().len(), "{deed:?}: {mails:?}");
    }
    Ok(())
}

/// One-time promo codes, made by the registrar before anything is killed.
async fn promo_codes(place: &Place) -> anyhow::Result<Vec<String>> {
    let mut ignore = |_| {};
    let mut story = Story::new(place, "nobody@kestrel.example", &mut ignore);
    story.promo_codes(100).await
}

// INV-2 REG-5 SHP-3 SHP-6 SHP-7 OPS-3: acknowledged changes survive 50 kills, and each happens once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_acknowledged_is_lost_or_doubled_by_kills() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let settings = Settings {
        program: env!("CARGO_BIN_EXE_host_process").into(),
        state: directory.path().join("state"),
        gateway: directory.path().join("gateway.bin"),
    };
    // The load is more than a partner's allowance.
    let quotas = "[partners.anvil.quotas]\nchanges_per_minute = 60000\n\n[partners.anvil]";
    let replaced = [("[partners.anvil]".to_owned(), quotas.to_owned())];
    std::fs::write(
        &settings.gateway,
        world::gateway_for(
            SocketAddr::from(([127, 0, 0, 1], 3002)),
            SocketAddr::from(([127, 0, 0, 1], 3003)),
            &replaced,
        )?,
    )?;
    let mut ahead = Duration::ZERO;
    let mut host = settings.start(ahead)?;
    let codes = Mutex::new(promo_codes(&host.place).await?);
    let (next, journal) = (Mutex::new(0), Mutex::new(Journal::default()));
    let mut all = BTreeMap::new();
    let (mut unanswered, mut abandoned) = (0, Abandoned::default());
    for kill in 0..KILLS {
        let place = host.place.clone();
        let clients = futures_util::future::join_all((0..CLIENTS).map(|_| load(&place, &next, &codes, &journal)));
        // The sweep is killed as well: it goes on until nobody answers any more.
        let sweeping = async {
            let client = Client::new();
            while !matches!(sweep(&place, &client).await, Err(error) if error.is::<reqwest::Error>()) {}
        };
        // Spread over what requests do, from the first read to the last message.
        let moment = tokio::time::sleep(Duration::from_millis(30 + kill * 37 % 190));
        let (answers, (), killed) = tokio::join!(clients, sweeping, async {
            moment.await;
            host.kill()
        });
        killed?;
        answers.into_iter().collect::<anyhow::Result<()>>()?;
        ahead += BETWEEN_STARTS;
        host = settings.start(ahead)?;
        let client = Client::builder().timeout(PATIENCE).build()?;
        let mut journal = std::mem::take(&mut *journal.lock().map_err(|_| anyhow::anyhow!("a client failed"))?);
        unanswered += journal.doubtful.len();
        let before = journal.doubtful.iter().cloned().zip(mailed(&host.place, &journal.doubtful).await?).collect();
        sweep_all(&host.place, &client).await?;
        catch_up(&host.place, &client, &mut journal).await?;
        abandoned.check(&host.place, &client, &journal.abandoned, &before).await?;
        check(&host.place, &client, &journal.acknowledged).await?;
        all.append(&mut journal.acknowledged);
    }
    check(&host.place, &Client::builder().timeout(PATIENCE).build()?, &all).await?;
    // Not through the harness, which would keep it to itself: this is what README tells.
    writeln!(
        std::io::stderr(),
        "{KILLS} kills struck {unanswered} requests; {} changes acknowledged, none lost, none doubled; {} requests never \
         repeated, {} of them committed, of which the sweep completed {}",
        all.len(),
        abandoned.deeds,
        abandoned.committed,
        abandoned.completed
    )?;
    ensure!(unanswered > 0, "no kill struck a request");
    ensure!(abandoned.completed > 0, "no kill left the sweep anything to complete");
    Ok(())
}
