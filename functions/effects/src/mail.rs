//! E-mail (MSG-1): written, and handed to the configured provider's HTTP interface.

mod letter;
mod provider;
#[cfg(test)]
mod tests;
mod wording;

use askama::Template;
use edge::{Edge, Failure, Platform};
use shared::message::Message;

use self::{letter::Letter, provider::Mail, wording::Sender};
use crate::outbound::hand_over;

/// Delivers a message. `cause` names the effect for ever, so that a repeated delivery is recognised (MSG-1).
///
/// # Errors
/// When the provider does not answer, or does not take the message now. One that it will never take is done with: the log
/// says so, without saying to whom it was.
pub(crate) async fn deliver<P: Platform>(edge: &Edge<P>, message: &Message, cause: &[u8; 16]) -> Result<(), Failure> {
    let url = edge.required_variable("mail_endpoint").await?;
    let secret = edge.platform.variable("mail_secret").await?;
    let (service, messages) = (&edge.gateway.service, &edge.gateway.messages);
    let sender = Sender { service: &service.name, public_url: &edge.public_url };
    let letter = written(message, &sender, service.support_email.as_str());
    let html = letter.render().map_err(|error| Failure::Fault(format!("message: {error}")))?;
    let mail = Mail {
        id: &shared::secret::base64url(cause),
        to: message.to.as_str(),
        from: messages.from.as_str(),
        from_name: &service.name,
        reply_to: messages.reply_to.as_str(),
        subject: letter.subject(),
        text: &letter.plain(),
        html: &html,
    };
    let outgoing = provider::outgoing(messages.provider, url, secret, &mail).map_err(Failure::Fault)?;
    hand_over(edge, outgoing, "mail", |answered| provider::verdict(messages.provider, answered)).await
}

fn written(message: &Message, by: &Sender<'_>, support: &str) -> Letter {
    wording::content(&message.body, by).letter(&message.name, by.service, support)
}
