//! The mailbox's pages. They work without JavaScript, on a phone, and with a screen reader.

use std::ops::RangeInclusive;
use std::time::Duration;

use askama::Template;
use totp_rs::TOTP;

use super::messages::Message;

/// Lengths of a code that authenticator apps show.
const CODE_DIGITS: RangeInclusive<usize> = 6..=8;

/// All messages, newest first.
#[derive(Template)]
#[template(path = "mailbox/list.html")]
pub(super) struct List {
    pub messages: Vec<Message>,
}

/// One message.
#[derive(Template)]
#[template(path = "mailbox/message.html")]
pub(super) struct One {
    message: Message,
    text: Vec<Piece>,
}

/// The demonstration authenticator.
#[derive(Template)]
#[template(path = "mailbox/authenticator.html")]
pub(super) struct Authenticator {
    uri: String,
    outcome: Outcome,
}

enum Outcome {
    Nothing,
    NotAUri,
    Code { account: String, code: String, seconds_left: u64 },
}

/// A piece of a message's text: the template escapes both kinds, and makes a link of one.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Link(String),
}

impl Message {
    /// The subject, or a name for what has none.
    fn heading(&self) -> String {
        match &self.subject {
            Some(subject) if !subject.trim().is_empty() => subject.clone(),
            _ => format!("Message {}", self.seq),
        }
    }
}

impl One {
    pub fn new(message: Message) -> Self {
        Self { text: pieces(&message.text), message }
    }
}

impl Authenticator {
    /// `now` is the time since the Unix epoch.
    pub fn new(uri: Option<&str>, now: Duration) -> Self {
        let given = uri.map(str::trim).unwrap_or_default();
        let outcome = match (given, TOTP::from_url_unchecked(given)) {
            ("", _) => Outcome::Nothing,
            (_, Ok(totp)) if totp.step > 0 && CODE_DIGITS.contains(&totp.digits) => Outcome::Code {
                account: account(&totp),
                code: totp.generate(now.as_secs()),
                seconds_left: totp.step - now.as_secs() % totp.step,
            },
            _ => Outcome::NotAUri,
        };
        Self { uri: given.to_owned(), outcome }
    }

    /// Seconds after which the page shows the next code.
    fn refresh_seconds(&self) -> Option<u64> {
        match self.outcome {
            Outcome::Code { seconds_left, .. } => Some(seconds_left),
            Outcome::Nothing | Outcome::NotAUri => None,
        }
    }
}

fn account(totp: &TOTP) -> String {
    match &totp.issuer {
        Some(issuer) => format!("{issuer}: {}", totp.account_name),
        None => totp.account_name.clone(),
    }
}

/// Cuts out what looks like an http(s) URL, up to white space or a delimiter, without the punctuation behind it.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = ["http://", "https://"].iter().filter_map(|scheme| rest.find(scheme)).min() {
        let (before, from_link) = rest.split_at(start);
        let end = from_link.find(|c: char| c.is_whitespace() || "<>\"'`(){}".contains(c)).unwrap_or(from_link.len());
        let (candidate, _) = from_link.split_at(end);
        let link = candidate.trim_end_matches(['.', ',', ';', ':', '!', '?']);
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        let (link, after) = from_link.split_at(link.len());
        // Trimming the colon of a bare scheme would leave nothing to go on with.
        let is_link = link.contains("://") && !link.ends_with("//");
        pieces.push(if is_link { Piece::Link(link.to_owned()) } else { Piece::Text(link.to_owned()) });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238's test vectors for SHA-1.
    const RFC_6238: &str =
        "otpauth://totp/Example:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example&digits=8";

    fn message(text: &str) -> Message {
        Message {
            seq: 1,
            received_at: "2026-01-01T00:00:00Z".to_owned(),
            id: "m1".to_owned(),
            channel: "email".to_owned(),
            to: "a@example.org".to_owned(),
            from: "b@example.org".to_owned(),
            reply_to: None,
            subject: Some("<b>".to_owned()),
            text: text.to_owned(),
            html: None,
            idempotency_key: "k".to_owned(),
        }
    }

    #[test]
    fn links_end_before_punctuation_and_delimiters() {
        let link = |url: &str| Piece::Link(url.to_owned());
        let text = |text: &str| Piece::Text(text.to_owned());
        assert_eq!(
            pieces("See https://a.test/x?y=1&z=2. Or (http://b.test)!"),
            [text("See "), link("https://a.test/x?y=1&z=2"), text(". Or ("), link("http://b.test"), text(")!")]
        );
        assert_eq!(pieces("no host: https:// at all"), [text("no host: "), text("https://"), text(" at all")]);
    }

    #[test]
    fn nothing_in_a_message_becomes_markup() {
        let page = One::new(message("<script>\" https://a.test/\"onclick=x")).render().expect("renders");
        assert!(!page.contains("<script>") && !page.contains("\"onclick"), "{page}");
        assert!(page.contains("<a href=\"https://a.test/\""), "{page}");
        let list = List { messages: vec![message("")] }.render().expect("renders");
        assert!(!list.contains("<b>"), "{list}");
    }

    #[test]
    fn html_is_shown_in_a_frame_that_confines_it() {
        let page = |html: Option<&str>| {
            let html = html.map(str::to_owned);
            One::new(Message { html, ..message("") }).render().expect("renders")
        };
        let shown = page(Some("<script>"));
        assert!(shown.contains("<iframe") && shown.contains("src=\"/messages/1/raw\""), "{shown}");
        assert!(shown.contains("sandbox=\"allow-popups allow-popups-to-escape-sandbox\""), "{shown}");
        assert!(!shown.contains("<script>"), "{shown}");
        assert!(!page(None).contains("<iframe"));
    }

    #[test]
    fn the_authenticator_agrees_with_rfc_6238() {
        let page =
            |seconds| Authenticator::new(Some(RFC_6238), Duration::from_secs(seconds)).render().expect("renders");
        assert!(page(59).contains("94287082"), "{}", page(59));
        assert!(page(59).contains("content=\"1\""), "{}", page(59));
        assert!(page(1_111_111_109).contains("07081804"));
    }

    #[test]
    fn what_is_not_a_uri_is_said_in_place() {
        let page = Authenticator::new(Some("\"><script>"), Duration::ZERO).render().expect("renders");
        assert!(page.contains("role=\"alert\"") && !page.contains("<script>"), "{page}");
    }
}
