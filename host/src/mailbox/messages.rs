//! The messages, in a SQLite file of their own.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use serde::Serialize;
use tokio::sync::watch;

/// Messages kept; older ones are dropped.
const MAX_KEPT: i64 = 10_000;
/// Messages in one answer.
const MAX_LISTED: usize = 1_000;

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS message (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    idempotency_key TEXT NOT NULL UNIQUE,
    received_at     TEXT NOT NULL,
    id              TEXT NOT NULL,
    channel         TEXT NOT NULL,
    recipient       TEXT NOT NULL,
    sender          TEXT NOT NULL,
    subject         TEXT,
    text            TEXT NOT NULL,
    html            TEXT,
    reply_to        TEXT
)";
/// The file may be older than this column.
const ADD_REPLY_TO: &str = "ALTER TABLE message ADD COLUMN reply_to TEXT";
const INSERT: &str = "INSERT INTO message
    (idempotency_key, received_at, id, channel, recipient, sender, reply_to, subject, text, html)
    VALUES (:idempotency_key, :received_at, :id, :channel, :recipient, :sender, :reply_to, :subject, :text, :html)
    ON CONFLICT (idempotency_key) DO NOTHING";
const COLUMNS: &str =
    "seq, idempotency_key, received_at, id, channel, recipient, sender, reply_to, subject, text, html";

/// A message that was received.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Message {
    /// Its place in the order of arrival, from 1; chosen when it is inserted.
    pub seq: i64,
    /// RFC 3339.
    pub received_at: String,
    pub id: String,
    pub channel: String,
    pub to: String,
    pub from: String,
    pub reply_to: Option<String>,
    pub subject: Option<String>,
    pub text: String,
    pub html: Option<String>,
    pub idempotency_key: String,
}

/// Which messages to list; nothing given lists the newest.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub to: Option<String>,
    pub after: Option<i64>,
}

/// The messages.
pub(super) struct Messages {
    connection: Arc<Mutex<Connection>>,
    arrived: watch::Sender<()>,
}

impl Messages {
    pub fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        let connection = match file {
            Some(file) => Connection::open(file).with_context(|| format!("{}: cannot be opened", file.display()))?,
            None => Connection::open_in_memory()?,
        };
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.execute(SCHEMA, []).context("the mailbox's table cannot be created")?;
        if !connection.column_exists(None, "message", "reply_to")? {
            connection.execute(ADD_REPLY_TO, []).context("the mailbox's table cannot be extended")?;
        }
        Ok(Self { connection: Arc::new(Mutex::new(connection)), arrived: watch::Sender::new(()) })
    }

    /// Changes whenever a message arrives.
    pub fn arrivals(&self) -> watch::Receiver<()> {
        self.arrived.subscribe()
    }

    /// Keeps the message, unless one with its idempotency key is there already; the number of the one that is kept.
    pub async fn insert(&self, message: Message) -> anyhow::Result<i64> {
        let (seq, new) = self.with(move |connection| insert(connection, &message)).await?;
        if new {
            self.arrived.send_replace(());
        }
        Ok(seq)
    }

    /// Oldest first. Without `after`, the last 1,000; with it, the first 1,000 behind it.
    pub async fn list(&self, filter: Filter) -> anyhow::Result<Vec<Message>> {
        self.with(move |connection| list(connection, &filter)).await
    }

    pub async fn find(&self, seq: i64) -> anyhow::Result<Option<Message>> {
        self.with(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM message WHERE seq = ?1");
            connection.prepare_cached(&sql)?.query_row([seq], read).optional()
        })
        .await
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let connection = Arc::clone(&self.connection);
        let run = move || work(&connection.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(tokio::task::spawn_blocking(run).await??)
    }
}

fn insert(connection: &Connection, message: &Message) -> rusqlite::Result<(i64, bool)> {
    let inserted = connection.prepare_cached(INSERT)?.execute(named_params! {
        ":idempotency_key": message.idempotency_key,
        ":received_at": message.received_at,
        ":id": message.id,
        ":channel": message.channel,
        ":recipient": message.to,
        ":sender": message.from,
        ":reply_to": message.reply_to,
        ":subject": message.subject,
        ":text": message.text,
        ":html": message.html,
    })?;
    let seq: i64 = connection
        .prepare_cached("SELECT seq FROM message WHERE idempotency_key = ?1")?
        .query_row([&message.idempotency_key], |row| row.get(0))?;
    connection.prepare_cached("DELETE FROM message WHERE seq <= ?1")?.execute([seq - MAX_KEPT])?;
    Ok((seq, inserted == 1))
}

fn list(connection: &Connection, filter: &Filter) -> rusqlite::Result<Vec<Message>> {
    let order = if filter.after.is_some() { "ASC" } else { "DESC" };
    let sql = format!(
        "SELECT {COLUMNS} FROM message WHERE seq > ?1 AND (?2 IS NULL OR recipient = ?2) ORDER BY seq {order} LIMIT ?3"
    );
    let found = connection
        .prepare_cached(&sql)?
        .query_map(params![filter.after.unwrap_or(0), filter.to, MAX_LISTED], read)?
        .collect::<rusqlite::Result<Vec<_>>>();
    found.map(|mut messages| {
        messages.sort_by_key(|message| message.seq);
        messages
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        seq: row.get("seq")?,
        received_at: row.get("received_at")?,
        id: row.get("id")?,
        channel: row.get("channel")?,
        to: row.get("recipient")?,
        from: row.get("sender")?,
        reply_to: row.get("reply_to")?,
        subject: row.get("subject")?,
        text: row.get("text")?,
        html: row.get("html")?,
        idempotency_key: row.get("idempotency_key")?,
    })
}
