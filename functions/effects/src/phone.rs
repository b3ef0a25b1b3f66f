//! Codes to phones (MSG-1, CRD-5): worded for reading or for listening, and handed to the configured provider's HTTP
//! interface.

mod provider;
#[cfg(test)]
mod tests;

use edge::{Edge, Failure, Platform};
use shared::{
    account::Account,
    credential::{Credential, phone::Channel},
    message::PhoneCode,
    values::{Seconds, Timestamp, host_of},
};

use self::provider::Call;
use crate::outbound::hand_over;

/// Sends a code, unless it is no use any more: over, or replaced by a newer one. `cause` names the effect for ever, so that a provider that knows such keys
/// recognises a repetition.
///
/// # Errors
/// When the provider does not answer, or does not take the code now; when the configuration has no provider.
pub(crate) async fn deliver<P: Platform>(edge: &Edge<P>, code: &PhoneCode, cause: &[u8; 16]) -> Result<(), Failure> {
    if code.expires_at <= edge.now || is_replaced(edge, code).await? {
        return Ok(());
    }
    let missing = || Failure::Fault("gateway.toml says no more how codes reach phones".to_owned());
    let phone = edge.gateway.messages.phone.as_ref().ok_or_else(missing)?;
    let call = Call {
        id: &shared::secret::base64url(cause),
        to: code.to.as_str(),
        from: phone.from.as_str(),
        channel: code.channel,
        text: &worded(code, &edge.gateway.service.name, &edge.public_url, edge.now),
    };
    let endpoint = edge.required_variable("phone_endpoint").await?;
    let secret = edge.platform.variable("phone_secret").await?;
    let outgoing = provider::outgoing(phone.provider, endpoint, secret, &call).map_err(Failure::Fault)?;
    hand_over(edge, outgoing, "phone", |answered| provider::verdict(phone.provider, answered)).await
}

/// Watched: a plain read could be older than the newer code.
async fn is_replaced<P: Platform>(edge: &Edge<P>, code: &PhoneCode) -> Result<bool, Failure> {
    let account = edge.kv().load::<Account>(&code.account).await?;
    let credential = account.as_ref().and_then(|account| account.value().credential(code.credential).ok());
    Ok(credential.and_then(Credential::phones).is_some_and(|phones| phones.has_replaced(code)))
}

/// What is read or heard. The last line of a text message binds the code to our pages: phones then offer it there, and
/// nowhere else (WICG, Origin-bound one-time codes delivered via SMS).
fn worded(code: &PhoneCode, service: &str, public_url: &str, now: Timestamp) -> String {
    let Seconds(left) = code.expires_at.since(now);
    let minutes = left.div_ceil(60);
    match code.channel {
        Channel::Sms => {
            let host = host_of(public_url);
            let code = &code.code;
            format!(
                "{code} is your code for {service}. It works for {minutes} minutes. Nobody from {service} will ask you for \
                 it.\n\n@{host} #{code}"
            )
        }
        Channel::Voice => {
            let digits: Vec<String> = code.code.chars().map(String::from).collect();
            let digits = digits.join(", ");
            format!(
                "Your code for {service} is: {digits}. Once more: {digits}. Nobody from {service} will ask you for it."
            )
        }
    }
}
