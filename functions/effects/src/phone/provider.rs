//! The interfaces that take text messages and calls: what each wants to be told, and what its answers mean.
//!
//! Only what would be refused for ever is given up: a number that cannot be reached this way. Everything else is put right by
//! somebody, and the code waits meanwhile, for as long as it is good.

use askama::Template;
use base64ct::{Base64, Encoding as _};
use edge::{
    platform::{Answered, FORM, JSON, Outgoing},
    request::from_json,
};
use serde::{Deserialize, Serialize};
use shared::{config::PhoneProvider, credential::phone::Channel};

use crate::outbound::Verdict;

/// A text message or a call as it leaves.
pub(super) struct Call<'a> {
    /// The same at every try.
    pub(super) id: &'a str,
    pub(super) to: &'a str,
    pub(super) from: &'a str,
    pub(super) channel: Channel,
    pub(super) text: &'a str,
}

/// The document of the generic interface.
#[derive(Serialize)]
struct Generic<'a> {
    id: &'a str,
    channel: &'static str,
    to: &'a str,
    from: &'a str,
    text: &'a str,
}

/// What Twilio is told to do in a call.
#[derive(Template)]
#[template(source = "<Response><Say>{{ text }}</Say></Response>", ext = "xml")]
struct Twiml<'a> {
    text: &'a str,
}

/// What Twilio says of a refusal.
#[derive(Deserialize)]
struct TwilioFault {
    code: u32,
}

/// Twilio's words for a number that is none, cannot be reached from here, has no text messages, or wants none of ours.
const TWILIO_NEVER: [u32; 6] = [21_211, 21_214, 21_217, 21_610, 21_612, 21_614];

/// How the message is posted to this interface, by whoever this secret shows us to be.
///
/// # Errors
/// When there is no secret and the provider wants one.
pub(super) fn outgoing(
    provider: PhoneProvider,
    endpoint: String,
    secret: Option<String>,
    call: &Call<'_>,
) -> Result<Outgoing, String> {
    match provider {
        PhoneProvider::Json => generic(endpoint, secret, call),
        PhoneProvider::Twilio => twilio(
            &endpoint,
            &secret.ok_or("variable phone_secret is empty, and Twilio wants to know who we are")?,
            call,
        ),
    }
}

fn generic(url: String, secret: Option<String>, call: &Call<'_>) -> Result<Outgoing, String> {
    let &Call { id, to, from, channel, text } = call;
    let document = Generic { id, channel: channel.as_str(), to, from, text };
    let body = serde_json::to_vec(&document).map_err(|error| format!("message: {error}"))?;
    let headers = secret.map(|key| ("authorization", format!("Bearer {key}"))).into_iter().collect();
    Ok(Outgoing { url, media_type: JSON, idempotency_key: id.to_owned(), headers, body })
}

/// `POST .../Messages.json` or `.../Calls.json` of the account (Twilio's API 2010-04-01).
fn twilio(account: &str, secret: &str, call: &Call<'_>) -> Result<Outgoing, String> {
    let &Call { id, to, from, channel, text } = call;
    let (resource, name, value) = match channel {
        Channel::Sms => ("Messages", "Body", text.to_owned()),
        Channel::Voice => ("Calls", "Twiml", Twiml { text }.render().map_err(|error| format!("call: {error}"))?),
    };
    let fields = [("To", to), ("From", from), (name, &value)];
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Ok(Outgoing {
        url: format!("{}/{resource}.json", account.trim_end_matches('/')),
        media_type: FORM,
        idempotency_key: id.to_owned(),
        headers: vec![("authorization", format!("Basic {}", Base64::encode_string(secret.as_bytes())))],
        body: body.into_bytes(),
    })
}

/// What the provider's answer means for the message.
pub(super) fn verdict(provider: PhoneProvider, answered: &Answered) -> Verdict {
    match (provider, answered.status) {
        (_, 200..=299) => Verdict::Taken,
        (PhoneProvider::Json, 422) => Verdict::Never,
        (PhoneProvider::Twilio, 400) => match from_json(&answered.body) {
            Ok(TwilioFault { code }) if TWILIO_NEVER.contains(&code) => Verdict::Never,
            _ => Verdict::Later,
        },
        _ => Verdict::Later,
    }
}
