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
    reported_as_failed: BTreeSet<u32>,
    /// Others were faster, every time.
    refused: BTreeSet<u32>,
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
    let mut left = Vec::new();
    for trial in &trials {
        if let Err(error) = patient.insist_on_end(trial).await {
            left.push(format!("{trial} ({error:#})"));
        }
    }
    let kept = || {
        format!(
            "not removed: {}; post {{\"act\":\"end\"}} to /operate/self-check/ and each of these, with the machines' secret",
            left.join(", ")
        )
    };
    match examined {
        Ok(findings) if left.is_empty() => Ok(findings),
        Ok(_) => bail!("{}", kept()),
        Err(error) if left.is_empty() => Err(error),
        Err(error) => Err(error.context(kept())),
    }
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

    /// Tries again while others are in the way. `None` when nobody can tell what came of it.
    async fn insist(&self, trial: &FormId, act: &str, number: u32) -> anyhow::Result<Option<Value>> {
        let mut tries = 1;
        loop {
            match self.act(trial, act, number).await? {
                Some(answer) if outcome(&answer) == "busy" && tries < TRIES => tokio::time::sleep(PAUSE).await,
                answer => return Ok(answer),
            }
            tries += 1;
        }
    }

    /// Tries again until it is answered. Only for what may be done twice.
    async fn until_answered(&self, trial: &FormId, act: &str) -> anyhow::Result<Value> {
        for _ in 0..TRIES {
            if let Some(answer) = self.insist(trial, act, 0).await? {
                return Ok(answer);
            }
            tokio::time::sleep(PAUSE).await;
        }
        bail!("the service stays busy: {act} was not answered in {TRIES} tries")
    }

    /// Removes what a trial has made.
    async fn insist_on_end(&self, trial: &FormId) -> anyhow::Result<()> {
        let mut last = Ok(None);
        for _ in 0..TRIES {
            last = self.act(trial, "end", 0).await;
            if matches!(last, Ok(Some(_))) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        last?.map(drop).context("the service stays busy")
    }

    /// Of many that create the same record, one does, and everybody is told who. Whoever is not answered may be that one.
    async fn one_creator(&self, trials: &[FormId]) -> anyhow::Result<Finding> {
        let (mut wrong, mut decided) = (Vec::new(), 0);
        for trial in trials {
            let answers = join_all((1..=CONTENDERS).map(|number| self.insist(trial, "create", number))).await;
            let answers = answers.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
            let unknown = (1..=CONTENDERS).zip(&answers).filter(|(_, answer)| answer.is_none());
            let unknown: BTreeSet<u64> = unknown.map(|(number, _)| u64::from(number)).collect();
            let answered = || answers.iter().flatten();
            let created = answered().filter(|answer| outcome(answer) == "created").count();
            let stands = self.until_answered(trial, "look").await?;
            let winner = stands.get("winner").and_then(Value::as_u64);
            let told = answered().filter(|answer| outcome(answer) != "busy");
            let agreed = told.into_iter().all(|answer| answer.get("winner").and_then(Value::as_u64) == winner);
            let explained = match (created, winner) {
                (1, Some(_)) => true,
                (0, Some(winner)) => unknown.contains(&winner),
                (0, None) => !unknown.is_empty(),
                _ => false,
            };
            decided += created;
            if !explained || !agreed {
                wrong.push(format!(
                    "{created} of {CONTENDERS} were told that they created one record, {} were not answered; {winner:?} \
                     stands",
                    unknown.len()
                ));
            }
        }
        let good = format!(
            "{} records, {CONTENDERS} contenders each: one creator of {decided}, and all who were answered were told the same",
            trials.len()
        );
        Ok(Finding {
            guarantee: "a record is created by one of those who try",
            held: wrong.is_empty() && decided > 0,
            evidence: if wrong.is_empty() { good } else { wrong.join("; ") },
        })
    }

    /// Everything that was acknowledged is in the record, and nothing that was refused; and nothing twice, also where the
    /// store called the write a failure.
    async fn no_update_lost(&self, trial: &FormId) -> anyhow::Result<[Finding; 2]> {
        self.until_answered(trial, "create").await?;
        let told = join_all((0..CONTENDERS).map(|contender| self.add(trial, contender))).await;
        let mut all = Told::default();
        for one in told.into_iter().collect::<anyhow::Result<Vec<_>>>()? {
            all.added.extend(one.added);
            all.refused.extend(one.refused);
            all.reported_as_failed.extend(one.reported_as_failed);
        }
        let stands = self.until_answered(trial, "look").await?;
        let mut times: BTreeMap<u32, u32> = BTreeMap::new();
        for number in stands.get("added").and_then(Value::as_array).context("a trial")? {
            *times.entry(u32::try_from(number.as_u64().context("a number")?)?).or_default() += 1;
        }
        let lost = all.added.iter().filter(|number| !times.contains_key(number)).count();
        let strange = all.refused.iter().filter(|number| times.contains_key(number)).count();
        let twice = times.values().filter(|times| **times > 1).count();
        let failed = all.reported_as_failed.len();
        let once = all.reported_as_failed.iter().filter(|number| times.get(number) == Some(&1)).count();
        let seen = format!(
            "{} of {} updates acknowledged: {lost} lost; {} refused: {strange} applied all the same",
            all.added.len(),
            CONTENDERS * ADDITIONS,
            all.refused.len()
        );
        let counted = format!(
            "the store reported {failed} of {} applied writes as failed: {once} of these stand once; {twice} of all were \
             applied twice",
            all.added.len()
        );
        Ok([
            Finding {
                guarantee: "no acknowledged update is lost",
                held: lost == 0 && strange == 0 && !all.added.is_empty(),
                evidence: seen,
            },
            Finding {
                guarantee: "a write counts once, also when it is reported as failed",
                held: twice == 0 && once == failed && !times.is_empty(),
                evidence: counted,
            },
        ])
    }

    async fn add(&self, trial: &FormId, contender: u32) -> anyhow::Result<Told> {
        let mut told = Told::default();
        for addition in 0..ADDITIONS {
            let number = contender * ADDITIONS + addition;
            // Of what is not answered nothing can be said.
            let Some(answer) = self.insist(trial, "add", number).await? else { continue };
            match outcome(&answer) {
                "added" => drop(told.added.insert(number)),
                "busy" => drop(told.refused.insert(number)),
                _ => bail!("an addition was answered {answer}"),
            }
            if answer.get("reported_as_failed").and_then(Value::as_bool).unwrap_or_default() {
                told.reported_as_failed.insert(number);
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
        let stands = self.until_answered(trial, "look").await?;
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
