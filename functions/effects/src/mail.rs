//! The wording of messages, and their way out through the provider's HTTP interface.

use edge::{Edge, Failure, Platform, platform::Outgoing};
use serde::Serialize;
use shared::message::{Body, Message};

/// The generic JSON document that a mail provider's adapter takes.
#[derive(Serialize)]
struct Document<'a> {
    id: &'a str,
    channel: &'static str,
    to: &'a str,
    from: &'a str,
    subject: &'a str,
    text: &'a str,
}

/// Delivers a message. `cause` names the effect for ever, so that a repeated delivery is recognised (MSG-1).
///
/// # Errors
/// When the provider does not answer or does not take the message.
pub(crate) async fn deliver<P: Platform>(edge: &Edge<P>, message: &Message, cause: &[u8; 16]) -> Result<(), Failure> {
    let url = edge
        .platform
        .variable("mail_endpoint")
        .await?
        .ok_or_else(|| Failure::Fault("variable mail_endpoint is empty".to_owned()))?;
    let id = shared::secret::base64url(cause);
    let (subject, text) = wording(message, &edge.gateway.service.name, &edge.public_url);
    let document = Document {
        id: &id,
        channel: "email",
        to: message.to.as_str(),
        from: edge.gateway.service.from.as_str(),
        subject: &subject,
        text: &text,
    };
    let body = serde_json::to_vec(&document).map_err(|error| Failure::Fault(format!("message: {error}")))?;
    match edge.platform.post(Outgoing { url, idempotency_key: id, body }).await? {
        200..=299 => Ok(()),
        status => Err(Failure::Fault(format!("the mail provider answered {status}"))),
    }
}

/// Subject and text of a message.
#[expect(clippy::too_many_lines, reason = "a table: one entry a message, and the compiler keeps it complete")]
fn wording(message: &Message, service: &str, public_url: &str) -> (String, String) {
    let (subject, lines) = match &message.body {
        Body::Invitation { company, application, organisation, token, expires_at } => (
            format!("You're Invited to Collaborate with {company}"),
            vec![
                format!("{company} invites {organisation} to use {application}."),
                format!("Accept the invitation and register your organization here:\n{public_url}/invite/accept?token={token}"),
                format!("The link works until {}. Opening it commits you to nothing.", expires_at.human()),
            ],
        ),
        Body::RegistrationReceived { reference, application, token } => (
            format!("We received your registration {reference}"),
            vec![
                format!("Your registration for {application} has arrived. Its reference number is {reference}."),
                format!("Follow it here:\n{public_url}/register/status?token={token}"),
                "It will be reviewed, which takes up to two business days. After approval, every administrator that you \
                 named receives an activation e-mail with a User ID."
                    .to_owned(),
            ],
        ),
        Body::RegistrationRejected { reference, reason } => (
            format!("Your registration {reference} was not approved"),
            vec![
                format!("The reason: {reason}"),
                "If you think that this is a mistake, reply to support with your reference number.".to_owned(),
            ],
        ),
        Body::Activation { organisation, user_id, token, expires_at } => (
            format!("Activate your {service} account"),
            vec![
                format!("You have an account for {organisation}."),
                format!("Your User ID is {user_id}. You can sign in with it, or with this e-mail address."),
                format!("Choose your password here:\n{public_url}/activate?token={token}"),
                format!("The link works until {}.", expires_at.human()),
            ],
        ),
        Body::MembershipAdded { organisation } => (
            format!("You now also belong to {organisation}"),
            vec![
                format!("Your account was given a role in {organisation}."),
                format!("Sign in as usual:\n{public_url}/sign-in"),
            ],
        ),
        Body::LoginSuccess { user_id } => (
            "Login Success".to_owned(),
            vec![
                format!("Your account {user_id} is active."),
                format!("Go on with the remaining steps, now or later:\n{public_url}/dashboard"),
            ],
        ),
        Body::Receipt { order, total, lines } => (
            format!("Receipt for order {order}"),
            vec![format!("You ordered:\n{}", listed(lines)), format!("Total: {total}")],
        ),
        Body::Licences { order, keys } => (
            format!("Your licence keys for order {order}"),
            vec![
                keys.iter().map(|(product, key)| format!("{product}\n{key}")).collect::<Vec<_>>().join("\n\n"),
                format!("Sign in and enter your licence key here:\n{public_url}/credentials/licence"),
                "Each key works once, for one person. Keep this e-mail: the key cannot be read back.".to_owned(),
            ],
        ),
        Body::OrderPlaced { order, token, lines } => {
            let mut texts = vec![format!("Your order {order} is complete:\n{}", listed(lines))];
            if let Some(token) = token {
                texts.push(format!("Look at it again here:\n{public_url}/webstore-checkout/orders?token={token}"));
            }
            (format!("Your order {order}"), texts)
        }
        Body::AuthenticatorAdded { product, at } => (
            "An authenticator was added to your account".to_owned(),
            vec![
                format!("An authenticator app was registered for {product} on {}.", at.human()),
                "If that was not you, write to support at once.".to_owned(),
            ],
        ),
        Body::PasswordReset { token, expires_at } => (
            format!("Choose a new password for {service}"),
            vec![
                "Somebody, probably you, has forgotten the password of your account.".to_owned(),
                format!("Choose a new one here:\n{public_url}/sign-in/reset/choose?token={token}"),
                format!(
                    "The link works once, until {}. Besides the link you need your authenticator app or, if you have \
                     none, the answers to your security questions.",
                    expires_at.human()
                ),
                "If it was not you, do nothing: your password stays as it is.".to_owned(),
            ],
        ),
        Body::PasswordChanged { at } => (
            "Your password was changed".to_owned(),
            vec![
                format!("The password of your account was changed on {}. Every other session has ended.", at.human()),
                format!("If that was not you, choose a new one at once and write to support:\n{public_url}/sign-in/reset"),
            ],
        ),
        Body::AccountExists { reference, application, token } => (
            "You already have an account".to_owned(),
            vec![
                format!(
                    "A registration for {application} with this e-mail address has arrived. Its reference number is \
                     {reference}. Follow it here:\n{public_url}/register/status?token={token}"
                ),
                have_account(public_url),
                "If it was not you who registered, write to support.".to_owned(),
            ],
        ),
        Body::ConfirmMailbox { application, token, expires_at, has_account } => {
            let mut texts = vec![
                format!("Go on with your registration for {application} here:\n{public_url}/register?confirmation={token}"),
                format!("The link works until {}. Opening it commits you to nothing.", expires_at.human()),
            ];
            if *has_account {
                texts.push(have_account(public_url));
            }
            texts.push("If it was not you who asked for this link, there is nothing to do.".to_owned());
            ("Confirm your e-mail address".to_owned(), texts)
        }
        Body::JoinRequested { organisation, application, person, email } => (
            format!("{person} asks to join {organisation}"),
            vec![
                format!("{person} ({email}) wants to use {application} and says that they belong to {organisation}."),
                format!("If you know the person, let them in; if you do not, decline:\n{public_url}/administer"),
                "Nobody was given access so far.".to_owned(),
            ],
        ),
        Body::RequestPassedOn { reference, organisation, token } => (
            format!("Your request {reference} was passed on"),
            vec![
                format!(
                    "The administrators of {organisation} were told that you ask to be let in. Your reference number is \
                     {reference}."
                ),
                format!("Follow it here:\n{public_url}/register/status?token={token}"),
                "They decide; we cannot tell you who they are.".to_owned(),
            ],
        ),
        Body::RequestDeclined { reference, organisation } => (
            format!("Your request {reference} was not accepted"),
            vec![
                format!("The administrators of {organisation} have not let you in."),
                "If you think that this is a mistake, ask a colleague there.".to_owned(),
            ],
        ),
        Body::PersonInvited { organisation, by, token, expires_at } => (
            format!("{by} invites you to join {organisation}"),
            vec![
                format!("{by} would like you to join {organisation} on {service}."),
                format!("Accept the invitation here:\n{public_url}/administer/join?token={token}"),
                format!("The link works until {}. Opening it commits you to nothing.", expires_at.human()),
            ],
        ),
        Body::OperatorInvited { operator, by, token, expires_at } => (
            format!("Enrol as operator of {service}"),
            vec![
                format!("{by} asks you to choose a password and to register an authenticator app. Your operator id is {operator}."),
                format!("Do it here:\n{public_url}/operate/enrol?token={token}"),
                format!("The link works once, until {}.", expires_at.human()),
            ],
        ),
    };
    let text = format!("Dear {},\n\n{}\n\n{service}\n", message.name, lines.join("\n\n"));
    (subject, text)
}

fn have_account(public_url: &str) -> String {
    format!(
        "You already have an account with this e-mail address. Sign in with it:\n{public_url}/sign-in\nForgot the \
         password? Set a new one:\n{public_url}/sign-in/reset"
    )
}

fn listed(lines: &[(String, u32)]) -> String {
    lines.iter().map(|(product, quantity)| format!("{quantity} x {product}")).collect::<Vec<_>>().join("\n")
}
