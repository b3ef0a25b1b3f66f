use proptest::prelude::*;

use super::*;

/// The vector that the reference libraries of the specification share.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const SENT_AT: i64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const FOREIGN: &str = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";

const VECTOR: RawWebhook<'static> =
    RawWebhook { id: Some(ID), timestamp: Some("1614265330"), signature: Some(SIGNATURE), body: BODY };

fn secret(text: &str) -> WebhookSecret {
    text.parse().expect("a secret")
}

fn verify(raw: &RawWebhook<'_>, secrets: &[WebhookSecret], at: i64) -> Result<Vec<u8>, Refusal> {
    VerifiedWebhook::verify(raw, secrets, Timestamp::from_unix(at)).map(|webhook| webhook.body().to_vec())
}

#[test]
fn shp_7_the_specifications_vector() {
    // SHP-7
    assert_eq!(verify(&VECTOR, &[secret(SECRET)], SENT_AT), Ok(BODY.to_vec()));
}

#[test]
fn shp_7_one_of_several_signatures_and_one_of_several_secrets_are_enough() {
    // SHP-7: two secrets are live during rotation.
    let other = secret("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
    let several = format!("{FOREIGN} v2,{FOREIGN} v1a,AAAA {SIGNATURE} {FOREIGN}");
    let raw = RawWebhook { signature: Some(&several), ..VECTOR };
    assert!(verify(&raw, &[other, secret(SECRET)], SENT_AT).is_ok());
}

#[test]
fn shp_7_everything_that_was_signed_counts() {
    // SHP-7
    let foreign = secret("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
    let bare = SIGNATURE.trim_start_matches("v1,");
    let shortened = SIGNATURE.get(..20).expect("longer than that");
    for raw in [
        RawWebhook { body: br#"{"test":2432232314}"#, ..VECTOR },
        RawWebhook { body: b"", ..VECTOR },
        RawWebhook { id: Some("msg_p5jXN8AQM9LWM0D4loKWxJeK"), ..VECTOR },
        RawWebhook { id: Some("msg.p5jXN8AQM9LWM0D4loKWxJek"), ..VECTOR },
        RawWebhook { id: Some(""), ..VECTOR },
        RawWebhook { id: None, ..VECTOR },
        RawWebhook { timestamp: Some("1614265331"), ..VECTOR },
        RawWebhook { timestamp: Some("+1614265330"), ..VECTOR },
        RawWebhook { timestamp: Some("01614265330"), ..VECTOR },
        RawWebhook { timestamp: Some("1614265330.0"), ..VECTOR },
        RawWebhook { timestamp: Some(""), ..VECTOR },
        RawWebhook { timestamp: None, ..VECTOR },
        RawWebhook { signature: Some(FOREIGN), ..VECTOR },
        RawWebhook { signature: Some(bare), ..VECTOR },
        RawWebhook { signature: Some(shortened), ..VECTOR },
        RawWebhook { signature: Some("v1,"), ..VECTOR },
        RawWebhook { signature: Some(""), ..VECTOR },
        RawWebhook { signature: None, ..VECTOR },
    ] {
        assert_eq!(verify(&raw, &[secret(SECRET)], SENT_AT), Err(Refusal::WebhookNotVerified), "{raw:?}");
    }
    assert_eq!(verify(&VECTOR, &[foreign], SENT_AT), Err(Refusal::WebhookNotVerified));
    assert_eq!(verify(&VECTOR, &[], SENT_AT), Err(Refusal::WebhookNotVerified), "an unknown partner");
}

#[test]
fn shp_7_five_minutes_either_way() {
    // SHP-7
    for (off, stale) in [(0, false), (300, false), (-300, false), (301, true), (-301, true), (1_000_000, true)] {
        let outcome = verify(&VECTOR, &[secret(SECRET)], SENT_AT + off);
        assert_eq!(outcome.is_err_and(|refusal| refusal == Refusal::WebhookStale), stale, "{off}");
    }
    let wrong = RawWebhook { signature: Some(FOREIGN), ..VECTOR };
    let outcome = verify(&wrong, &[secret(SECRET)], SENT_AT + 301);
    assert_eq!(outcome, Err(Refusal::WebhookNotVerified), "a stranger learns nothing about the time");
}

#[test]
fn msg_3_what_goes_out_is_signed_with_every_live_secret() {
    // MSG-3
    let other = secret("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
    let sent_at = Timestamp::from_unix(SENT_AT);
    assert_eq!(signatures_of(&[secret(SECRET)], ID, sent_at, BODY), SIGNATURE);
    let both = signatures_of(&[other, secret(SECRET)], ID, sent_at, BODY);
    assert!(both.ends_with(&format!(" {SIGNATURE}")) && both.split(' ').count() == 2, "{both}");
    let raw = RawWebhook { signature: Some(&both), ..VECTOR };
    for known in [SECRET, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"] {
        assert!(verify(&raw, &[secret(known)], SENT_AT).is_ok(), "whichever of them the receiver knows");
    }
}

/// A secret as Stripe and Shopify use it: as it stands.
const VERBATIM: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "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";
/// What Stripe's library for JavaScript signs with it: `1614265330.{"test": 2432232314}`.
const STRIPE: &str = "2e37df5d4a028c51a7f3133d64ae1e300d2c2c900f1b1d49d4369ad2530f8964";
/// What Shopify's signs with it: the body.
const SHOPIFY: &str = "gOyKic480iEzoQZsrstNBP6nRnZXyFFNcX7ELDilyUw=";

fn of(dialect: Dialect, text: &str) -> WebhookSecret {
    dialect.secret(text).expect("a secret")
}

fn signed_alone(signature: &str) -> RawWebhook<'_> {
    RawWebhook { id: None, timestamp: None, signature: Some(signature), body: BODY }
}

#[test]
fn shp_7_what_stripe_signs_is_verified() {
    // SHP-7: other schemes are left out, one of several signatures is enough, and so is one of several secrets.
    let secrets = || [of(Dialect::Stripe, OTHER), of(Dialect::Stripe, VERBATIM)];
    let wrong = "0".repeat(64);
    for header in [
        format!("t=1614265330,v1={STRIPE}"),
        format!("t=1614265330,v1={}", STRIPE.to_ascii_uppercase()),
        format!("v1={STRIPE},t=1614265330"),
        format!("t=1614265330,v1={wrong},v1={STRIPE},v0={wrong}"),
        format!("t=1614265330,v2=,v0,=,v1=,v1={STRIPE}"),
    ] {
        assert_eq!(verify(&signed_alone(&header), &secrets(), SENT_AT), Ok(BODY.to_vec()), "{header}");
    }
}

#[test]
fn shp_7_everything_that_stripe_signed_counts() {
    // SHP-7
    let good = format!("t=1614265330,v1={STRIPE}");
    let secrets = || [of(Dialect::Stripe, VERBATIM)];
    let eight = format!("v1={},", "0".repeat(64)).repeat(SIGNATURES_MAX);
    for header in [
        format!("t=1614265331,v1={STRIPE}"),
        format!("t=+1614265330,v1={STRIPE}"),
        format!("t=01614265330,v1={STRIPE}"),
        format!("t=1614265330,t=1614265330,v1={STRIPE}"),
        format!("t=,v1={STRIPE}"),
        format!("v1={STRIPE}"),
        format!("t=1614265330,v0={STRIPE}"),
        format!("t=1614265330, v1={STRIPE}"),
        format!("t=1614265330,v1={STRIPE}00"),
        format!("t=1614265330,v1={}", &STRIPE[..62]),
        format!("t=1614265330,v1={}", &STRIPE[..63]),
        format!("t=1614265330,v1={}", STRIPE.replacen("2e", "+e", 1)),
        format!("t=1614265330,v1={}", STRIPE.replacen('2', "3", 1)),
        format!("t=1614265330,{eight}v1={STRIPE}"),
        format!("{}t=1614265330,v1={STRIPE}", "v0=,".repeat(40)),
        "t=1614265330".to_owned(),
        String::new(),
    ] {
        let outcome = verify(&signed_alone(&header), &secrets(), SENT_AT);
        assert_eq!(outcome, Err(Refusal::WebhookNotVerified), "{header}");
    }
    let changed = RawWebhook { body: br#"{"test": 2432232315}"#, ..signed_alone(&good) };
    assert_eq!(verify(&changed, &secrets(), SENT_AT), Err(Refusal::WebhookNotVerified));
    let missing = RawWebhook { signature: None, ..signed_alone(&good) };
    assert_eq!(verify(&missing, &secrets(), SENT_AT), Err(Refusal::WebhookNotVerified));
    for foreign in [vec![of(Dialect::Stripe, OTHER)], Vec::new()] {
        assert_eq!(verify(&signed_alone(&good), &foreign, SENT_AT), Err(Refusal::WebhookNotVerified));
    }
}

#[test]
fn shp_7_stripes_time_is_five_minutes_either_way() {
    // SHP-7
    let good = format!("t=1614265330,v1={STRIPE}");
    for (off, stale) in [(0, false), (300, false), (-300, false), (301, true), (-301, true), (1_000_000, true)] {
        let outcome = verify(&signed_alone(&good), &[of(Dialect::Stripe, VERBATIM)], SENT_AT + off);
        assert_eq!(outcome.is_err_and(|refusal| refusal == Refusal::WebhookStale), stale, "{off}");
    }
    let outcome = verify(&signed_alone(&good), &[of(Dialect::Stripe, OTHER)], SENT_AT + 301);
    assert_eq!(outcome, Err(Refusal::WebhookNotVerified), "a stranger learns nothing about the time");
}

#[test]
fn shp_7_shopify_signs_the_body_alone() {
    // SHP-7
    let secrets = || [of(Dialect::Shopify, OTHER), of(Dialect::Shopify, VERBATIM)];
    for off in [0, 301, 1_000_000] {
        let outcome = verify(&signed_alone(SHOPIFY), &secrets(), SENT_AT + off);
        assert_eq!(outcome, Ok(BODY.to_vec()), "no time is signed, so none can be held against it");
    }
    for wrong in
        ["", "gOyKic480iEzoQZsrstNBP6nRnZXyFFNcX7ELDilyUw", "gOyKic480iEzoQZsrstNBP6nRnZXyFFNcX7ELDilyUx=", "!"]
    {
        assert_eq!(verify(&signed_alone(wrong), &secrets(), SENT_AT), Err(Refusal::WebhookNotVerified), "{wrong}");
    }
    let two = format!("{SHOPIFY},{SHOPIFY}");
    assert_eq!(verify(&signed_alone(&two), &secrets(), SENT_AT), Err(Refusal::WebhookNotVerified));
    for raw in [
        RawWebhook { body: br#"{"test": 2432232315}"#, ..signed_alone(SHOPIFY) },
        RawWebhook { signature: None, ..signed_alone(SHOPIFY) },
    ] {
        assert_eq!(verify(&raw, &secrets(), SENT_AT), Err(Refusal::WebhookNotVerified), "{raw:?}");
    }
    for foreign in [vec![of(Dialect::Shopify, OTHER)], Vec::new()] {
        assert_eq!(verify(&signed_alone(SHOPIFY), &foreign, SENT_AT), Err(Refusal::WebhookNotVerified));
    }
}

#[test]
fn shp_7_a_signature_of_one_dialect_is_none_in_another() {
    // SHP-7: the same characters are a secret in each of the three.
    let stripe = format!("t=1614265330,v1={STRIPE}");
    let webhooks = [
        (Dialect::Standard, VECTOR),
        (Dialect::Stripe, signed_alone(&stripe)),
        (Dialect::Shopify, signed_alone(SHOPIFY)),
    ];
    for (signed, raw) in webhooks {
        for (_, dialect) in Dialect::NAMES {
            let everything = RawWebhook { id: VECTOR.id, timestamp: VECTOR.timestamp, ..raw };
            let outcome = verify(&everything, &[of(dialect, VERBATIM)], SENT_AT);
            assert_eq!(outcome.is_ok(), dialect == signed, "signed as {signed:?}, read as {dialect:?}");
        }
    }
}

#[test]
fn shp_7_only_the_headers_of_the_dialect_are_asked_for() {
    // SHP-7
    let asked = |dialect| {
        let names = core::cell::RefCell::new(Vec::new());
        let header = |name| {
            names.borrow_mut().push(name);
            Some("said")
        };
        let raw = RawWebhook::read(dialect, header, BODY);
        assert_eq!((raw.signature, raw.body), (Some("said"), BODY));
        assert_eq!(raw.id.is_some() && raw.timestamp.is_some(), dialect == Dialect::Standard);
        names.into_inner()
    };
    assert_eq!(asked(Dialect::Standard), ["webhook-id", "webhook-timestamp", "webhook-signature"]);
    assert_eq!(asked(Dialect::Stripe), ["stripe-signature"]);
    assert_eq!(asked(Dialect::Shopify), ["x-shopify-hmac-sha256"]);
    let missing = RawWebhook::read(Dialect::Standard, |_| None, BODY);
    assert_eq!((missing.id, missing.timestamp, missing.signature), (None, None, None));
}

#[test]
fn shp_7_the_same_signed_bytes_are_the_same_event() {
    // SHP-7
    let event = |raw: &RawWebhook<'_>, secret| {
        let verified = VerifiedWebhook::verify(raw, &[secret], Timestamp::from_unix(SENT_AT));
        verified.map(VerifiedWebhook::event_id)
    };
    let ours = event(&VECTOR, secret(SECRET));
    let theirs = event(&signed_alone(SHOPIFY), of(Dialect::Shopify, VERBATIM));
    assert_eq!(ours, theirs);
    assert_eq!(ours, Ok(digest256(BODY)));
}

#[test]
fn shp_7_a_secret_of_stripe_and_shopify_is_the_key_as_it_stands() {
    // SHP-7
    for dialect in [Dialect::Stripe, Dialect::Shopify] {
        for good in [&"x".repeat(24), &"x".repeat(256), VERBATIM, &format!(" {OTHER}\n")] {
            assert!(dialect.secret(good).is_ok(), "{good}");
        }
        for wrong in
            ["", &"x".repeat(23), &"x".repeat(257), &format!("{}ü", "x".repeat(30)), "two words, 24 characters"]
        {
            assert_eq!(dialect.secret(wrong).map(drop).map_err(|fault| fault.code), Err("webhook-secret-invalid"));
        }
        let hint = dialect.secret("hunter2").map(drop).map_err(|fault| fault.hint);
        assert!(hint.is_err_and(|hint| !hint.contains("hunter2")), "a secret is not repeated");
        assert_eq!(format!("{:?}", of(dialect, OTHER)), "WebhookSecret(..)");
    }
    assert_eq!(Dialect::default(), Dialect::Standard);
    for (name, dialect) in Dialect::NAMES {
        assert_eq!(name, format!("{dialect:?}").to_ascii_lowercase());
    }
}

#[test]
fn only_a_long_enough_secret_is_one() {
    for wrong in
        ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAA", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!"]
    {
        assert!(wrong.parse::<WebhookSecret>().is_err(), "{wrong}");
    }
    assert_eq!(format!("{:?}", secret(SECRET)), "WebhookSecret(..)");
}

proptest! {
    #[test]
    fn shp_7_whatever_the_headers_say_nothing_unsigned_is_verified(id in "\\PC{0,40}", time in "[0-9]{0,14}", header in "\\PC{0,200}") {
        // SHP-7
        let elements = format!("t={time},v1={header}");
        for signature in [header.as_str(), elements.as_str()] {
            let raw = RawWebhook { id: Some(&id), timestamp: Some(&time), signature: Some(signature), body: BODY };
            for (_, dialect) in Dialect::NAMES {
                let outcome = verify(&raw, &[of(dialect, VERBATIM)], SENT_AT);
                prop_assert_eq!(outcome, Err(Refusal::WebhookNotVerified));
            }
        }
    }

    #[test]
    fn shp_7_no_byte_of_the_body_can_change(place in 0..BODY.len(), bit in 0..8_u8) {
        // SHP-7
        let mut body = BODY.to_vec();
        body.get_mut(place).into_iter().for_each(|byte| *byte ^= 1 << bit);
        let stripe = format!("t=1614265330,v1={STRIPE}");
        let webhooks =
            [(Dialect::Standard, VECTOR), (Dialect::Stripe, signed_alone(&stripe)), (Dialect::Shopify, signed_alone(SHOPIFY))];
        for (dialect, raw) in webhooks {
            let raw = RawWebhook { body: &body, ..raw };
            prop_assert_eq!(verify(&raw, &[of(dialect, VERBATIM)], SENT_AT), Err(Refusal::WebhookNotVerified));
        }
    }
}
