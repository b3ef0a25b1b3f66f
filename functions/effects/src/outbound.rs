//! What leaves for a provider of messages, and what becomes of a message then (MSG-1).

use edge::{
    Edge, Failure, Platform,
    platform::{Answered, Outgoing},
};
use shared::values::Seconds;

/// How long the provider may take: whoever waits for the page waits for it too. What takes longer is tried again by the sweep.
const PATIENCE: Seconds = Seconds(5);

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a message that was not taken waits"]
pub(crate) enum Verdict {
    /// The provider has it.
    Taken,
    /// The provider may take it at another time.
    Later,
    /// The provider will never take it.
    Never,
}

/// Hands a message to its provider.
///
/// # Errors
/// When the provider does not answer, or does not take the message now. One that it will never take is done with: the log
/// says so, without saying to whom it was.
pub(crate) async fn hand_over<P: Platform>(
    edge: &Edge<P>,
    outgoing: Outgoing,
    provider: &str,
    verdict: impl FnOnce(&Answered) -> Verdict,
) -> Result<(), Failure> {
    let answered = edge.platform.post(outgoing, Some(PATIENCE)).await?;
    let fault = |what: &str| Failure::Fault(format!("the {provider} provider {what}: {}", answered.status));
    match verdict(&answered) {
        Verdict::Taken => Ok(()),
        Verdict::Later => Err(fault("did not take it")),
        Verdict::Never => {
            edge.log_failure("message dropped", &fault("will never take it"));
            Ok(())
        }
    }
}
