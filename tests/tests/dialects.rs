//! SHP-7: what the libraries of Standard Webhooks, Stripe and Shopify sign is verified, and nothing else. Needs `node` and
//! `npm`: README, "Run it".

use anyhow::{Context, ensure};
use journeys::signer::{Signer, Unsigned};
use shared::{
    refusal::Refusal,
    values::Timestamp,
    webhook::{Dialect, RawWebhook, TOLERANCE, VerifiedWebhook, WebhookSecret},
};

const SENT_AT: u64 = 1_800_000_000;
/// With a character that takes more than one byte: what is signed is bytes.
const BODY: &str = r#"{"id": 820982911946154508, "note": "Zoë", "price": 12.50}"#;
const WEBHOOK: Unsigned<'static> =
    Unsigned { id: "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", unix_seconds: SENT_AT, body: BODY };

/// Two secrets of each dialect, as each of the three makes them.
const SECRETS: [(Dialect, [&str; 2]); 3] = [
    (Dialect::Standard, ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"]),
    (
        Dialect::Stripe,
        ["whsec_8Rk2vXq0bTgYw3zNd6LmPfJh1sCe7uAx", "whsec_4f1b0c9d2e8a7365b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6"],
    ),
    (Dialect::Shopify, ["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", "9c8d7e64f1b0c9d2e8a7365b1c0d9e8f"]),
];

/// A webhook as it arrives.
struct Arrived {
    dialect: Dialect,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Arrived {
    fn verify(&self, secrets: &[&str], now: Timestamp) -> anyhow::Result<Result<Vec<u8>, Refusal>> {
        let header = |name: &str| self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
        let raw = RawWebhook::read(self.dialect, header, &self.body);
        let secrets: Vec<WebhookSecret> =
            secrets.iter().map(|secret| self.dialect.secret(secret)).collect::<Result<_, _>>()?;
        Ok(VerifiedWebhook::verify(&raw, &secrets, now).map(|webhook| webhook.body().to_vec()))
    }
}

fn sent_at() -> anyhow::Result<Timestamp> {
    Ok(Timestamp::from_unix(i64::try_from(SENT_AT)?))
}

/// Each dialect's webhook with its two secrets, signed with the first.
fn webhooks() -> anyhow::Result<Vec<(Arrived, [&'static str; 2])>> {
    let library = Signer::install()?;
    let signed = |(dialect, secrets): (Dialect, [&'static str; 2])| {
        let headers = library.sign(dialect, secrets[0], WEBHOOK)?;
        Ok((Arrived { dialect, headers, body: BODY.into() }, secrets))
    };
    SECRETS.into_iter().map(signed).collect()
}

#[test]
fn shp_7_what_the_libraries_sign_is_verified() -> anyhow::Result<()> {
    // SHP-7: with either of two live secrets.
    for (webhook, [ours, other]) in webhooks()? {
        for secrets in [&[ours][..], &[ours, other], &[other, ours]] {
            ensure!(webhook.verify(secrets, sent_at()?)? == Ok(BODY.into()), "{:?}", webhook.dialect);
        }
    }
    Ok(())
}

#[test]
fn shp_7_another_body_secret_or_dialect_is_not_verified() -> anyhow::Result<()> {
    // SHP-7: whichever byte of the body is another one.
    let now = sent_at()?;
    for (mut webhook, [ours, other]) in webhooks()? {
        let dialect = webhook.dialect;
        ensure!(webhook.verify(&[other], now)? == Err(Refusal::WebhookNotVerified), "{dialect:?}");
        for place in 0..BODY.len() {
            let byte = webhook.body.get_mut(place).context("a byte of the body")?;
            *byte ^= 1;
            ensure!(webhook.verify(&[ours], now)? == Err(Refusal::WebhookNotVerified), "{dialect:?} {place}");
            webhook.body = BODY.into();
        }
        webhook.body.push(b'\n');
        ensure!(webhook.verify(&[ours], now)? == Err(Refusal::WebhookNotVerified), "{dialect:?}: a line end");
        webhook.body = BODY.into();
        for (foreign, [secret, _]) in SECRETS.into_iter().filter(|(foreign, _)| *foreign != dialect) {
            webhook.dialect = foreign;
            ensure!(webhook.verify(&[secret], now)? == Err(Refusal::WebhookNotVerified), "{dialect:?} as {foreign:?}");
        }
    }
    Ok(())
}

#[test]
fn shp_7_the_time_counts_where_it_is_signed() -> anyhow::Result<()> {
    // SHP-7: Shopify signs none. What is told from its body does no harm when it is told again (docs/webstores.md).
    let tolerance = i64::try_from(TOLERANCE.0)?;
    for (webhook, [ours, other]) in webhooks()? {
        let dialect = webhook.dialect;
        let timeless = dialect == Dialect::Shopify;
        for (off, fresh) in [(tolerance, true), (tolerance + 1, false), (-tolerance, true), (-tolerance - 1, false)] {
            let now = Timestamp::from_unix(sent_at()?.unix() + off);
            let expected = if fresh || timeless { Ok(BODY.into()) } else { Err(Refusal::WebhookStale) };
            ensure!(webhook.verify(&[ours], now)? == expected, "{dialect:?} {off}");
            ensure!(webhook.verify(&[other], now)? == Err(Refusal::WebhookNotVerified), "{dialect:?} {off}");
        }
    }
    Ok(())
}

#[test]
fn shp_7_a_signed_time_cannot_be_changed() -> anyhow::Result<()> {
    // SHP-7
    let (sent, later) = (SENT_AT.to_string(), (SENT_AT + 60).to_string());
    for (mut webhook, [ours, _]) in webhooks()? {
        let mut changed = false;
        for (_, value) in &mut webhook.headers {
            changed |= value.contains(&sent);
            *value = value.replace(&sent, &later);
        }
        ensure!(changed == (webhook.dialect != Dialect::Shopify), "{:?}", webhook.dialect);
        if changed {
            ensure!(webhook.verify(&[ours], sent_at()?)? == Err(Refusal::WebhookNotVerified), "{:?}", webhook.dialect);
        }
    }
    Ok(())
}
