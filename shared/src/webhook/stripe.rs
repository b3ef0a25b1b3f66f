//! Stripe's signatures: one header has the time and the signatures, which cover time and body
//! (<https://docs.stripe.com/webhooks/signature>).

use super::{Claim, RawWebhook, SIGNATURES_MAX, unix_seconds};

/// Elements of the header that are looked at: the time, and signatures of this scheme and of others.
const ELEMENTS_MAX: usize = 32;

pub(super) fn claim<'a>(raw: &RawWebhook<'a>) -> Option<Claim<'a>> {
    let header = raw.signature?;
    let mut times = elements(header, "t");
    // Which of two times was signed would be a guess.
    let timestamp = times.next().filter(|_| times.next().is_none())?;
    Some(Claim {
        signed: vec![timestamp.as_bytes(), b".", raw.body],
        sent_at: Some(unix_seconds(timestamp)?),
        signatures: elements(header, "v1").take(SIGNATURES_MAX).filter_map(unhex).collect(),
    })
}

/// The values of the elements with this name. Those of other schemes are left out: `v0` is for Stripe's own tests, and a
/// sender may add one.
fn elements<'a>(header: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let named = header.split(',').take(ELEMENTS_MAX).filter_map(|element| element.split_once('='));
    named.filter(move |(given, _)| *given == name).map(|(_, value)| value)
}

/// The bytes of a signature in hexadecimal.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    let shaped = odd.is_empty() && text.len() == 64;
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = pairs.iter().filter(|_| shaped).map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    bytes.collect::<Option<Vec<u8>>>().filter(|_| shaped)
}
