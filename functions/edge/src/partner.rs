//! A partner's system: its API key, the `Idempotency-Key` of its requests, and how many it may send (INV-1, INV-2).

use shared::{audit::Actor, config::Partner, quota::Class, refusal::Refusal, secret::SecretDigest, values::Seconds};

use crate::{edge::Edge, failure::Failure, platform::Platform, request::Request};

const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;

/// The partner whose API key the request carries (INV-1). Every key of every partner is compared, so that time tells
/// nothing about which one was close.
///
/// # Errors
/// [`Refusal::ApiKeyNotValid`]; a fault when a configured digest is none.
pub async fn authenticate<P: Platform>(edge: &Edge<P>, request: &Request) -> Result<Partner, Failure> {
    let presented = bearer(request).ok_or(Refusal::ApiKeyNotValid)?;
    let mut found = None;
    for partner in &edge.gateway.partners {
        for (number, variable) in (0..).zip(&partner.api_key_digest_variables) {
            let Some(digest) = edge.platform.variable(variable).await? else {
                continue;
            };
            let digest = digest
                .parse::<SecretDigest>()
                .map_err(|error| Failure::Fault(format!("variable {variable}: {error}")))?;
            if digest.matches(presented) {
                found = Some((partner.clone(), number));
            }
        }
    }
    let (partner, key) = found.ok_or(Refusal::ApiKeyNotValid)?;
    edge.acts(Actor::Partner { partner: partner.id.clone(), key });
    Ok(partner)
}

/// The bearer token of the `Authorization` header (RFC 6750, 2.1).
fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.header("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The `Idempotency-Key` header (draft-ietf-httpapi-idempotency-key-header): 1 to 128 visible ASCII characters. The draft
/// writes it in quotation marks; they do not count, so that the key is the same with and without.
///
/// # Errors
/// [`Refusal::IdempotencyKeyMissing`].
pub fn idempotency_key(request: &Request) -> Result<&str, Refusal> {
    let value = request.header("idempotency-key").ok_or(Refusal::IdempotencyKeyMissing)?;
    let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Some(quoted.unwrap_or(value))
        .filter(|key| (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len()))
        .filter(|key| key.bytes().all(|byte| byte.is_ascii_graphic()))
        .ok_or(Refusal::IdempotencyKeyMissing)
}

/// Counts the request against the partner's allowance of so many a minute, by class of routes (INV-1), and announces policy and rest as `RateLimit-Policy` and `RateLimit`
/// (draft-ietf-httpapi-ratelimit-headers).
///
/// Do it once the request is known to be a partner's and well formed, before anything else is asked of the store: what is
/// refused earlier costs no storage operation and is not counted.
///
/// # Errors
/// [`Refusal::TooManyRequests`]; a fault of the store.
pub async fn spend<P: Platform>(edge: &Edge<P>, partner: &Partner, class: Class) -> Result<(), Failure> {
    let allowance = class.allowance(partner, &edge.keys);
    let (quota, name, Seconds(window)) = (allowance.quota, class.as_str(), allowance.window);
    edge.announce("ratelimit-policy", format!("\"{name}\";q={quota};w={window}"));
    let rest = edge.spend(&allowance).await?;
    let (left, Seconds(renewed_in)) = (rest.left.unwrap_or_default(), rest.renewed_in);
    edge.announce("ratelimit", format!("\"{name}\";r={left};t={renewed_in}"));
    Ok(rest.require()?)
}
