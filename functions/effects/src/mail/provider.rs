//! The interfaces that take e-mail: what each wants to be told, and what its answers mean.
//!
//! Only what would be refused for ever is given up: an address that its provider does not write to. A wrong key, a sender
//! that is not confirmed yet, a limit and a breakdown are put right by somebody, so the message waits meanwhile.

use edge::{
    platform::{Answered, JSON, Outgoing},
    request::from_json,
};
use serde::{Deserialize, Serialize};
use shared::config::MailProvider;

use crate::outbound::Verdict;

/// An e-mail as it leaves.
pub(super) struct Mail<'a> {
    /// The same at every try.
    pub(super) id: &'a str,
    pub(super) to: &'a str,
    pub(super) from: &'a str,
    /// The sender's name.
    pub(super) from_name: &'a str,
    pub(super) reply_to: &'a str,
    pub(super) subject: &'a str,
    pub(super) text: &'a str,
    pub(super) html: &'a str,
}

/// The document of the generic interface.
#[derive(Serialize)]
struct Generic<'a> {
    id: &'a str,
    channel: &'static str,
    to: &'a str,
    from: &'a str,
    reply_to: &'a str,
    subject: &'a str,
    text: &'a str,
    html: &'a str,
}

/// Postmark's. Nothing is tracked: a link that leads over a third party would show it the token.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Postmark<'a> {
    from: &'a str,
    to: &'a str,
    reply_to: &'a str,
    subject: &'a str,
    text_body: &'a str,
    html_body: &'a str,
    track_opens: bool,
    track_links: &'static str,
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    id: &'a str,
}

/// Resend's.
#[derive(Serialize)]
struct Resend<'a> {
    from: &'a str,
    to: [&'a str; 1],
    reply_to: &'a str,
    subject: &'a str,
    text: &'a str,
    html: &'a str,
}

/// What Postmark says of a refusal.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PostmarkFault {
    error_code: u16,
}

/// What Resend says of a refusal.
#[derive(Deserialize)]
struct ResendFault {
    name: String,
}

/// Postmark's "invalid email request" and "inactive recipient".
const POSTMARK_NEVER: [u16; 2] = [300, 406];

/// How the message is posted to this interface, by whoever this secret shows us to be.
///
/// # Errors
/// When there is no secret and the provider wants one.
pub(super) fn outgoing(
    provider: MailProvider,
    url: String,
    secret: Option<String>,
    mail: &Mail<'_>,
) -> Result<Outgoing, String> {
    let Mail { id, to, from, reply_to, subject, text, html, .. } = *mail;
    let sender = named(mail.from_name, from);
    let body = match provider {
        MailProvider::Json => {
            serde_json::to_vec(&Generic { id, channel: "email", to, from, reply_to, subject, text, html })
        }
        MailProvider::Postmark => serde_json::to_vec(&Postmark {
            from: &sender,
            to,
            reply_to,
            subject,
            text_body: text,
            html_body: html,
            track_opens: false,
            track_links: "None",
            metadata: Metadata { id },
        }),
        MailProvider::Resend => serde_json::to_vec(&Resend { from: &sender, to: [to], reply_to, subject, text, html }),
    };
    let body = body.map_err(|error| format!("message: {error}"))?;
    let headers = credential(provider, secret)?.into_iter().collect();
    Ok(Outgoing { url, media_type: JSON, idempotency_key: id.to_owned(), headers, body })
}

fn credential(provider: MailProvider, secret: Option<String>) -> Result<Option<(&'static str, String)>, String> {
    match (provider, secret) {
        (MailProvider::Json, None) => Ok(None),
        (MailProvider::Postmark | MailProvider::Resend, None) => {
            Err("variable mail_secret is empty, and the provider wants to know who we are".to_owned())
        }
        (MailProvider::Postmark, Some(token)) => Ok(Some(("x-postmark-server-token", token))),
        (MailProvider::Json | MailProvider::Resend, Some(key)) => Ok(Some(("authorization", format!("Bearer {key}")))),
    }
}

/// What the provider's answer means for the message.
pub(super) fn verdict(provider: MailProvider, answered: &Answered) -> Verdict {
    match (provider, answered.status) {
        (_, 200..=299) => Verdict::Taken,
        (MailProvider::Json, 422) => Verdict::Never,
        (MailProvider::Postmark, 422) => match from_json(&answered.body) {
            Ok(PostmarkFault { error_code }) if POSTMARK_NEVER.contains(&error_code) => Verdict::Never,
            _ => Verdict::Later,
        },
        (MailProvider::Resend, 400 | 409 | 422) => match from_json(&answered.body) {
            Ok(ResendFault { name }) if name == "validation_error" => Verdict::Never,
            // It was sent under this key, in the wording of an earlier release.
            Ok(ResendFault { name }) if name == "invalid_idempotent_request" => Verdict::Taken,
            _ => Verdict::Later,
        },
        _ => Verdict::Later,
    }
}

/// `"Name" <address>`, as RFC 5322 quotes names.
fn named(name: &str, address: &str) -> String {
    let mut text = String::with_capacity(name.len() + address.len() + 8);
    text.push('"');
    for char in name.chars() {
        if matches!(char, '"' | '\\') {
            text.push('\\');
        }
        text.push(char);
    }
    text.push_str("\" <");
    text.push_str(address);
    text.push('>');
    text
}
