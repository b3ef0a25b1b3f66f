//! The operator's machines: the timer that calls the sweep, and the doctor. They have a secret instead of a session.

use shared::{audit::Actor, refusal::Refusal, secret::SecretDigest};

use crate::{edge::Edge, failure::Failure, platform::Platform, request::Request};

/// Holds the SHA-256 of the secret, in hexadecimal.
const KEY_DIGEST: &str = "machine_key_digest";

/// Requires the machines' secret as `Authorization: Bearer`, compared by its digest. Without a configured digest nobody
/// is let in.
///
/// # Errors
/// [`Refusal::ApiKeyNotValid`]; a fault when the configured digest is none.
pub async fn authenticate<P: Platform>(edge: &Edge<P>, request: &Request) -> Result<(), Failure> {
    let presented = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let presented = presented.ok_or(Refusal::ApiKeyNotValid)?;
    let digest = edge.platform.variable(KEY_DIGEST).await?.ok_or(Refusal::ApiKeyNotValid)?;
    let digest: SecretDigest =
        digest.parse().map_err(|error| Failure::Fault(format!("variable {KEY_DIGEST}: {error}")))?;
    if !digest.matches(presented) {
        return Err(Refusal::ApiKeyNotValid.into());
    }
    edge.acts(Actor::Machine);
    Ok(())
}
