//! The partner's allowance: so many requests a minute, by class of routes (INV-1).
//!
//! Counted once the request is known to be a partner's and well formed, before anything else is asked of the store: what
//! is refused earlier costs no storage operation and is not counted.

use edge::{Edge, Failure, Platform};
use shared::{config::Partner, quota::Class, values::Seconds};

/// Counts the request, and announces policy and rest as `RateLimit-Policy` and `RateLimit`
/// (draft-ietf-httpapi-ratelimit-headers).
///
/// # Errors
/// [`shared::refusal::Refusal::TooManyRequests`]; a fault of the store.
pub(crate) async fn spend<P: Platform>(edge: &Edge<P>, partner: &Partner, class: Class) -> Result<(), Failure> {
    let allowance = class.allowance(partner, &edge.keys);
    let (quota, name, Seconds(window)) = (allowance.quota, class.as_str(), allowance.window);
    edge.announce("ratelimit-policy", format!("\"{name}\";q={quota};w={window}"));
    let rest = edge.spend(&allowance).await?;
    let (left, Seconds(renewed_in)) = (rest.left.unwrap_or_default(), rest.renewed_in);
    edge.announce("ratelimit", format!("\"{name}\";r={left};t={renewed_in}"));
    Ok(rest.require()?)
}
