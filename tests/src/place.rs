//! Where the actors find everything, and the secrets that each of them holds.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

/// A running deployment as its actors see it.
#[derive(Debug, Clone)]
pub struct Place {
    /// The service, for example `http://127.0.0.1:3000`.
    pub service: String,
    /// The mailbox, for example `http://127.0.0.1:3001`.
    pub mailbox: String,
    /// What partner systems, the webstore and the operator know.
    pub secrets: Secrets,
    /// What tells the time and lets it pass.
    pub time: Time,
}

/// What partner systems, the webstore and the operator know.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// Anvil's API key.
    pub anvil_api_key: String,
    /// Anvil's webhook secret, `whsec_...`.
    pub anvil_webhook_secret: String,
    /// The registrar's password.
    pub registrar_password: String,
    /// The registrar's authenticator as an `otpauth` URI.
    pub registrar_otpauth_uri: String,
}

/// How an actor knows the time, and how it waits.
#[derive(Clone)]
pub enum Time {
    /// The real one.
    Real,
    /// The clock of a host under test: waiting moves it.
    Test(vestibule_host::Clock),
}

impl std::fmt::Debug for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Real => "Real",
            Self::Test(_) => "Test",
        })
    }
}

impl Time {
    /// Unix seconds.
    pub fn unix_seconds(&self) -> u64 {
        match self {
            Self::Real => u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default(),
            Self::Test(clock) => clock.now().as_secs(),
        }
    }

    /// Lets time pass.
    pub async fn pass(&self, duration: Duration) {
        match self {
            Self::Real => tokio::time::sleep(duration).await,
            Self::Test(clock) => clock.advance(duration),
        }
    }
}

/// A message in the mailbox.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Its number, counted upwards.
    pub seq: u64,
    /// Subject.
    pub subject: String,
    /// Text.
    pub text: String,
}

impl Mail {
    /// The first word of the text that starts with this.
    ///
    /// # Errors
    /// When there is none.
    pub fn word_starting(&self, start: &str) -> anyhow::Result<String> {
        let word = self.text.split_whitespace().find(|word| word.starts_with(start));
        word.map(str::to_owned).with_context(|| format!("{:?} has nothing that starts with {start:?}", self.subject))
    }
}

impl Place {
    /// Waits for the newest message to this person whose subject contains the text.
    ///
    /// # Errors
    /// When none arrives within five seconds.
    pub async fn mail(&self, to: &str, subject: &str) -> anyhow::Result<Mail> {
        for _ in 0..50 {
            if let Some(mail) = self.mails(to).await?.into_iter().rev().find(|mail| mail.subject.contains(subject)) {
                return Ok(mail);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("no message {subject:?} to {to} arrived")
    }

    /// All messages to this person, oldest first.
    ///
    /// # Errors
    /// When the mailbox does not answer.
    pub async fn mails(&self, to: &str) -> anyhow::Result<Vec<Mail>> {
        let url = format!("{}/messages", self.mailbox);
        let list: Value = reqwest::Client::new().get(url).query(&[("to", to)]).send().await?.json().await?;
        let list = list.as_array().or_else(|| list.get("messages")?.as_array()).context("the mailbox lists nothing")?;
        Ok(list
            .iter()
            .map(|mail| Mail {
                seq: mail["seq"].as_u64().unwrap_or_default(),
                subject: mail["subject"].as_str().unwrap_or_default().to_owned(),
                text: mail["text"].as_str().unwrap_or_default().to_owned(),
            })
            .collect())
    }
}
