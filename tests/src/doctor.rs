//! Proves on a live deployment what everything else relies on (OPS-1): contenders over HTTP, many at once, fight over
//! records and counters of the store that the service runs on; then what each was told is compared with what stands.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use futures_util::future::join_all;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use shared::{secret::Entropy, values::FormId};

/// Contenders at the same time.
const CONTENDERS: u32 = 12;
/// Records that they create, one after the other.
const CREATIONS: usize = 10;
/// What each of them adds to one record, and counts on one counter.
const ADDITIONS: u32 = 8;
/// How often a contender that is told to try again does so.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);
/// How long the service may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A guarantee, and what was seen of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What everything else relies on.
    pub guarantee: &'static str,
    /// Whether it held.
    pub held: bool,
    /// What was seen.
    pub evidence: String,
}

/// The service that is examined.
struct Patient<'a> {
    client: Client,
    service: &'a str,
    key: &'a str,
}

/// What the contenders of one trial were told about their additions.
#[derive(Default)]
struct Told {
    /// Acknowledged.
    added: BTreeSet<u32>,
    /// Acknowledged although the store had called the swap a failure.
    reported_as_failed: usize,
    /// Neither acknowledged nor refused.
    unknown: BTreeSet<u32>,
}

/// Examines the service at this address with the machines' secret. What it makes it also removes.
///
/// # Errors
/// When the service does not answer, does not accept the secret, or the system gives no random bytes. A broken guarantee
/// is a [`Finding`].
pub async fn examine(service: &str, key: &str, entropy: &mut dyn Entropy) -> anyhow::Result<Vec<Finding>> {
    let client = Client::builder().timeout(PATIENCE).build()?;
    let patient = Patient { client, service: service.trim_end_matches('/'), key };
    let trials: Vec<FormId> = (0..=CREATIONS).map(|_| FormId::random(entropy)).collect();
    let examined = patient.examine(&trials).await;
    for trial in &trials {
        let ended = patient.insist_on_end(trial).await;
        // What went wrong first is what is told.
        if examined.is_ok() {
            ended?;
        }
    }
    examined
}

impl Patient<'_> {
    async fn examine(&self, trials: &[FormId]) -> anyhow::Result<Vec<Finding>> {
        let (last, created) = trials.split_last().context("there are trials")?;
        let mut findings = vec![self.one_creator(created).await?];
        findings.extend(self.no_update_lost(last).await?);
        findings.push(self.increments_count(last).await?);
        Ok(findings)
    }

    /// One move; `None` when nobody can tell whether it was made.
    async fn act(&self, trial: &FormId, act: &str, number: u32) -> anyhow::Result<Option<Value>> {
        let request = self.client.post(format!("{}/operate/self-check/{trial}", self.service));
        let response = request.bearer_auth(self.key).json(&json!({ "act": act, "number": number })).send().await?;
        let status = response.status();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return Ok(None);
        }
        let text = response.text().await?;
        ensure!(status.is_success(), "{} answered {status} to {act}: {text}", self.service);
        Ok(Some(serde_json::from_str(&text)?))
    }

    /// Tries again while others are in the way. `None` when it was never said what came of it.
    async fn insist(&self, trial: &FormId, act: &str, number: u32) -> anyhow::Result<Option<Value>> {
        for _ in 0..TRIES {
            match self.act(trial, act, number).await? {
                Some(answer) if outcome(&answer) == "busy" => tokio::time::sleep(PAUSE).await,
                answer => return Ok(answer),
            }
        }
        Ok(None)
    }

    /// Removes what a trial has made.
    async fn insist_on_end(&self, trial: &FormId) -> anyhow::Result<()> {
        for _ in 0..TRIES {
            if self.act(trial, "end", 0).await?.is_some() {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        bail!("the trial {trial} could not be removed: run the examination again, or leave it to the sweep")
    }

    /// Of many that create the same record, one does, and everybody is told who.
    async fn one_creator(&self, trials: &[FormId]) -> anyhow::Result<Finding> {
        let mut wrong = Vec::new();
        for trial in trials {
            let answers = join_all((1..=CONTENDERS).map(|number| self.insist(trial, "create", number))).await;
            let answers: Vec<Value> =
                answers.into_iter().collect::<anyhow::Result<Vec<_>>>()?.into_iter().flatten().collect();
            let created = answers.iter().filter(|answer| outcome(answer) == "created").count();
            let stands = self.act(trial, "look", 0).await?.context("the service stays busy")?;
            let winner = stands.get("winner").and_then(Value::as_u64);
            let agreed = answers.iter().all(|answer| answer.get("winner").and_then(Value::as_u64) == winner);
            if created != 1 || winner.is_none() || !agreed {
                wrong.push(format!(
                    "{created} of {CONTENDERS} were told that they created one record; {winner:?} stands"
                ));
            }
        }
        let good =
            format!("{} records, {CONTENDERS} contenders each: one creator, and all were told the same", trials.len());
        Ok(Finding {
            guarantee: "a record is created by one of those who try",
            held: wrong.is_empty(),
            evidence: if wrong.is_empty() { good } else { wrong.join("; ") },
        })
    }

    /// Everything that was acknowledged is in the record, once; also where the store called the write a failure.
    async fn no_update_lost(&self, trial: &FormId) -> anyhow::Result<[Finding; 2]> {
        self.insist(trial, "create", 0).await?.context("no record can be created")?;
        let told = join_all((0..CONTENDERS).map(|contender| self.add(trial, contender))).await;
        let mut all = Told::default();
        for one in told.into_iter().collect::<anyhow::Result<Vec<_>>>()? {
            all.added.extend(one.added);
            all.unknown.extend(one.unknown);
            all.reported_as_failed += one.reported_as_failed;
        }
        let stands = self.act(trial, "look", 0).await?.context("the service stays busy")?;
        let mut times: BTreeMap<u32, u32> = BTreeMap::new();
        for number in stands.get("added").and_then(Value::as_array).context("a trial")? {
            *times.entry(u32::try_from(number.as_u64().context("a number")?)?).or_default() += 1;
        }
        let lost = all.added.iter().filter(|number| !times.contains_key(number)).count();
        let twice = times.values().filter(|times| **times > 1).count();
        let strange =
            times.keys().filter(|number| !all.added.contains(number) && !all.unknown.contains(number)).count();
        let held = lost == 0 && twice == 0 && strange == 0 && !all.added.is_empty();
        let seen = format!(
            "{} of {} updates acknowledged: {lost} lost, {twice} applied twice, {strange} applied though refused",
            all.added.len(),
            CONTENDERS * ADDITIONS
        );
        let failed = format!(
            "the store reported {} of {} applied writes as failed{}",
            all.reported_as_failed,
            all.added.len(),
            if held { "; each was recognised, and applied once" } else { "" }
        );
        Ok([
            Finding { guarantee: "no acknowledged update is lost", held, evidence: seen },
            Finding { guarantee: "a write that is applied but reported as failed counts once", held, evidence: failed },
        ])
    }

    async fn add(&self, trial: &FormId, contender: u32) -> anyhow::Result<Told> {
        let mut told = Told::default();
        for addition in 0..ADDITIONS {
            let number = contender * ADDITIONS + addition;
            match self.insist(trial, "add", number).await? {
                Some(answer) => {
                    ensure!(outcome(&answer) == "added", "an addition was answered {answer}");
                    let failed = answer.get("reported_as_failed").and_then(Value::as_bool).unwrap_or_default();
                    told.reported_as_failed += usize::from(failed);
                    told.added.insert(number);
                }
                None => drop(told.unknown.insert(number)),
            }
        }
        Ok(told)
    }

    /// A counter counts every increment once. That each is told its own value is more than is relied on.
    async fn increments_count(&self, trial: &FormId) -> anyhow::Result<Finding> {
        let count = || async {
            let mut values = Vec::new();
            for _ in 0..ADDITIONS {
                let answer = self.act(trial, "count", 0).await?;
                values.push(answer.and_then(|answer| answer.get("counter").and_then(Value::as_i64)));
            }
            anyhow::Ok(values)
        };
        let told = join_all((0..CONTENDERS).map(|_| count())).await;
        let told: Vec<Option<i64>> =
            told.into_iter().collect::<anyhow::Result<Vec<_>>>()?.into_iter().flatten().collect();
        let values: Vec<i64> = told.iter().flatten().copied().collect();
        let (counted, unknown) = (values.len(), told.len() - values.len());
        let distinct = values.iter().collect::<BTreeSet<_>>().len();
        let stands = self.act(trial, "look", 0).await?.context("the service stays busy")?;
        let stands = stands.get("counter").and_then(Value::as_i64).context("a counter")?;
        let held = usize::try_from(stands).is_ok_and(|stands| (counted..=counted + unknown).contains(&stands));
        let own = if distinct == counted {
            "each was told a value of its own"
        } else {
            "some were told another's value: there the swap decides who creates, as on Cosmos DB"
        };
        let evidence =
            format!("{counted} increments acknowledged, {unknown} not answered; the counter stands at {stands}; {own}");
        Ok(Finding { guarantee: "a counter counts every increment once", held, evidence })
    }
}

fn outcome(answer: &Value) -> &str {
    answer.get("outcome").and_then(Value::as_str).unwrap_or_default()
}
