//! What each message says.

use shared::{
    message::{Body, IssuedKey},
    order::End,
    values::{Email, Money, Timestamp},
};

use super::letter::Content;

/// Who writes, and from where.
pub(super) struct Sender<'a> {
    /// The service's name.
    pub(super) service: &'a str,
    /// Where its pages are.
    pub(super) public_url: &'a str,
}

impl Sender<'_> {
    fn page(&self, path: &str) -> String {
        format!("{}{path}", self.public_url)
    }

    fn token(&self, path: &str, token: &str) -> String {
        format!("{}{path}?token={token}", self.public_url)
    }
}

/// The content of a message.
pub(super) fn content(body: &Body, by: &Sender<'_>) -> Content {
    match body {
        Body::Invitation { company, application, organisation, token, expires_at } => {
            invitation(company, application, organisation, by.token("/invite/accept", token), *expires_at)
        }
        Body::RegistrationReceived { reference, application, token } => {
            registration_received(reference, application, by.token(STATUS, token))
        }
        Body::RegistrationRejected { reference, reason } => registration_rejected(reference, reason),
        Body::Activation { organisation, user_id, token, expires_at } => {
            activation(by.service, organisation, user_id, by.token("/activate", token), *expires_at)
        }
        Body::ActivationAgain { user_id, token, expires_at } => {
            activation_again(by.service, user_id, by.token("/activate", token), *expires_at)
        }
        Body::MembershipAdded { organisation } => membership_added(organisation, by.page(SIGN_IN)),
        Body::LoginSuccess { user_id } => login_success(user_id, by.page(DASHBOARD)),
        Body::Receipt { order, total, lines } => receipt(order, *total, lines),
        Body::Licences { order, keys } => licences(order, keys, by.page("/credentials/licence")),
        Body::OrderPlaced { order, token, lines } => {
            let link = token.as_ref().map(|token| by.token("/webstore-checkout/orders", token));
            order_placed(order, lines, link)
        }
        Body::AuthenticatorAdded { product, at } => authenticator_added(product, *at),
        Body::PasswordReset { token, expires_at } => {
            password_reset(by.service, by.token("/sign-in/reset/choose", token), *expires_at)
        }
        Body::PasswordChanged { at } => password_changed(*at, by.page(RESET)),
        Body::AccountExists { reference, application, token } => {
            account_exists(reference, application, by.token(STATUS, token), by)
        }
        Body::ConfirmMailbox { application, token, expires_at, has_account } => {
            let link = by.page(&format!("/register?confirmation={token}"));
            confirm_mailbox(application, link, *expires_at, has_account.then_some(by))
        }
        Body::JoinRequested { organisation, application, person, email } => {
            join_requested(organisation, application, person, email, by.page("/administer"))
        }
        Body::RequestPassedOn { reference, organisation, token } => {
            request_passed_on(reference, organisation, by.token(STATUS, token))
        }
        Body::RequestDeclined { reference, organisation } => request_declined(reference, organisation),
        Body::PersonInvited { organisation, by: administrator, token, expires_at } => {
            person_invited(organisation, administrator, by.service, by.token("/administer/join", token), *expires_at)
        }
        Body::OperatorInvited { operator, by: colleague, token, expires_at } => {
            operator_invited(operator, colleague, by.service, by.token("/operate/enrol", token), *expires_at)
        }
        Body::PhoneAdded { product, ending, at } => phone_added(product, ending, *at),
        Body::PhoneRemoved { product, ending, at } => phone_removed(product, ending, *at),
        Body::OrderReceived { order, token, total, invoice, pay_until, lines } => {
            let link = by.token("/webstore-checkout/orders", token);
            order_received(order, lines, *total, *invoice, *pay_until, link)
        }
        Body::OrderEnded { order, why, keys_revoked } => order_ended(order, *why, *keys_revoked),
        Body::PaidInVain { order, total } => paid_in_vain(order, *total),
        Body::LicencesOfHardware { order, keys, to_ship } => {
            licences_of_hardware(order, keys, *to_ship, by.page("/credentials/licence"))
        }
        Body::TokenShipped { order, lines, carrier, tracking } => {
            token_shipped(order, lines, carrier.as_deref(), tracking.as_deref(), by.page("/credentials/licence"))
        }
    }
}

const STATUS: &str = "/register/status";
const SIGN_IN: &str = "/sign-in";
const RESET: &str = "/sign-in/reset";
const DASHBOARD: &str = "/dashboard";

fn invitation(company: &str, application: &str, organisation: &str, link: String, expires_at: Timestamp) -> Content {
    Content::about(format!("You're Invited to Collaborate with {company}"))
        .text(format!("{company} invites {organisation} to use {application}."))
        .button("Accept the invitation and register your organization here:", "Get started", link)
        .text(works_until(expires_at))
}

fn registration_received(reference: &str, application: &str, link: String) -> Content {
    Content::about(format!("We received your registration {reference}"))
        .text(format!("Your registration for {application} has arrived. Its reference number is {reference}."))
        .button("Follow it here:", "Follow the registration", link)
        .text(
            "It will be reviewed, which takes up to two business days. After approval, every administrator that you \
             named receives an activation e-mail with a User ID.",
        )
}

fn registration_rejected(reference: &str, reason: &str) -> Content {
    Content::about(format!("Your registration {reference} was not approved"))
        .text(format!("The reason: {reason}"))
        .text("If you think that this is a mistake, reply to support with your reference number.")
}

fn activation(service: &str, organisation: &str, user_id: &str, link: String, expires_at: Timestamp) -> Content {
    Content::about(format!("Activate your {service} account"))
        .text(format!("You have an account for {organisation}."))
        .text(format!("Your User ID is {user_id}. You can sign in with it, or with this e-mail address."))
        .button("Choose your password here:", "Activate your account", link)
        .text(format!("The link works until {}.", expires_at.human()))
}

fn activation_again(service: &str, user_id: &str, link: String, expires_at: Timestamp) -> Content {
    Content::about(format!("Activate your {service} account"))
        .text("Your account is not active yet. Here is a new link; the one before it no longer works.")
        .text(format!("Your User ID is {user_id}. You can sign in with it, or with this e-mail address."))
        .button("Choose your password here:", "Activate your account", link)
        .text(format!("The link works until {}.", expires_at.human()))
        .text("If it was not you who asked for it, do nothing.")
}

fn membership_added(organisation: &str, link: String) -> Content {
    Content::about(format!("You now also belong to {organisation}"))
        .text(format!("Your account was given a role in {organisation}."))
        .button("Sign in as usual:", "Sign in", link)
}

fn login_success(user_id: &str, link: String) -> Content {
    Content::about("Login Success").text(format!("Your account {user_id} is active.")).button(
        "Go on with the remaining steps, now or later:",
        "Go on",
        link,
    )
}

fn receipt(order: &str, total: Money, lines: &[(String, u32)]) -> Content {
    Content::about(format!("Receipt for order {order}"))
        .list("You ordered:", listed(lines))
        .text(format!("Total: {total}"))
}

fn licences(order: &str, keys: &[(String, String)], link: String) -> Content {
    let content = Content::about(format!("Your licence keys for order {order}"));
    keys.iter()
        .fold(content, |content, (product, key)| content.key(product, key))
        .button("Sign in and enter your licence key here:", "Enter the licence key", link)
        .text("Each key works once, for one person. Keep this e-mail: the key cannot be read back.")
}

/// The keys that wait for a token come last, below what is said of them.
fn licences_of_hardware(order: &str, keys: &[IssuedKey], to_ship: bool, link: String) -> Content {
    let content = Content::about(format!("Your licence keys for order {order}"));
    let with = |content: Content, of_token| {
        let wanted = keys.iter().filter(move |key| key.of_token == of_token);
        wanted.fold(content, |content, key| content.key(&key.product, &key.key))
    };
    let content = with(content, false).text(if to_ship {
        "Do not activate the licence key of a token before the token has arrived: you need the number on its back. We write to \
         you as soon as it is on its way."
    } else {
        "To activate the licence key of a token you need the serial number on its back."
    });
    with(content, true)
        .button("Then sign in and enter your licence key here:", "Enter the licence key", link)
        .text("Each key works once, for one person. Keep this e-mail: the key cannot be read back.")
}

fn token_shipped(
    order: &str,
    lines: &[(String, u32)],
    carrier: Option<&str>,
    tracking: Option<&str>,
    link: String,
) -> Content {
    let content = Content::about("Your token is on its way").list(format!("Shipped for order {order}:"), listed(lines));
    let content = match (carrier, tracking) {
        (Some(carrier), Some(tracking)) => {
            content.text(format!("{carrier} has it, with the tracking number {tracking}."))
        }
        (Some(carrier), None) => content.text(format!("{carrier} has it.")),
        (None, Some(tracking)) => content.text(format!("Its tracking number is {tracking}.")),
        (None, None) => content,
    };
    content
        .text(
            "Once it is in your hands, you need two things: the licence key, which came in an e-mail of its own, and the \
             serial number on the back of the token.",
        )
        .button("Then activate it here:", "Enter the licence key", link)
        .text("If it does not arrive, reply to support with the order's number.")
}

fn order_placed(order: &str, lines: &[(String, u32)], link: Option<String>) -> Content {
    let content =
        Content::about(format!("Your order {order}")).list(format!("Your order {order} is complete:"), listed(lines));
    match link {
        Some(link) => content.button("Look at it again here:", "Show the order", link),
        None => content,
    }
}

fn order_received(
    order: &str,
    lines: &[(String, u32)],
    total: Money,
    invoice: bool,
    pay_until: Option<Timestamp>,
    link: String,
) -> Content {
    let (next, act, button) = if invoice {
        (
            "You will get an invoice. As soon as it is fully paid, we send you the licence keys.",
            "Look at it here:",
            "Show the order",
        )
    } else {
        (
            "As soon as it is paid, we send you the licence keys. Did you pay just now? Then nothing is left to do.",
            "Pay by card here:",
            "Pay for the order",
        )
    };
    let content = Content::about(format!("Your order {order} waits for payment"))
        .list(format!("We received your order {order}:"), listed(lines))
        .text(format!("Total to be paid: {total}"))
        .text(next)
        .button(act, button, link);
    match pay_until {
        Some(until) if invoice => content.text(format!("If it is not paid by {}, it lapses.", until.human())),
        Some(until) => content
            .text(format!("Go to the payment page by {}. What is not paid lapses half an hour later.", until.human())),
        None => content,
    }
}

fn order_ended(order: &str, why: End, keys_revoked: bool) -> Content {
    let (subject, text) = match why {
        End::Lapsed => ("has lapsed", "It was not paid in time. If you still need it, place a new order."),
        End::Cancelled => ("was cancelled", "It was cancelled. If you had paid for it, you will get your money back."),
        End::Refunded => ("was refunded", "What you paid for it was given back."),
    };
    let content = Content::about(format!("Your order {order} {subject}")).text(text);
    let content = if keys_revoked {
        content.text("Licence keys of it that were not used do not work any more.")
    } else {
        content
    };
    content.text("If you did not expect this, reply to support with the order's number.")
}

fn paid_in_vain(order: &str, total: Money) -> Content {
    Content::about(format!("You get your money for order {order} back"))
        .text(format!("Your payment of {total} came after the order had ended, so nothing was given for it."))
        .text("You get your money back. If you still need what you had ordered, place a new order.")
}

fn authenticator_added(product: &str, at: Timestamp) -> Content {
    Content::about("An authenticator was added to your account")
        .text(format!("An authenticator app was registered for {product} on {}.", at.human()))
        .text("If that was not you, write to support at once.")
}

fn phone_added(product: &str, ending: &str, at: Timestamp) -> Content {
    Content::about("A phone was added to your account")
        .text(format!("The phone whose number ends in {ending} was registered for {product} on {}.", at.human()))
        .text("If that was not you, write to support at once.")
}

fn phone_removed(product: &str, ending: &str, at: Timestamp) -> Content {
    Content::about("A phone was removed from your account")
        .text(format!("The phone whose number ends in {ending} gets no codes for {product} since {}.", at.human()))
        .text("If that was not you, write to support at once.")
}

fn password_reset(service: &str, link: String, expires_at: Timestamp) -> Content {
    Content::about(format!("Choose a new password for {service}"))
        .text("Somebody, probably you, has forgotten the password of your account.")
        .button("Choose a new one here:", "Choose a new password", link)
        .text(format!(
            "The link works once, until {}. Besides the link you need a one-time code or, if you have nothing that gives \
             you one, the answers to your security questions.",
            expires_at.human()
        ))
        .text("If it was not you, do nothing: your password stays as it is.")
}

fn password_changed(at: Timestamp, link: String) -> Content {
    Content::about("Your password was changed")
        .text(format!("The password of your account was changed on {}. Every other session has ended.", at.human()))
        .link("If that was not you, choose a new one at once and write to support:", link)
}

fn account_exists(reference: &str, application: &str, link: String, by: &Sender<'_>) -> Content {
    let content = Content::about("You already have an account")
        .text(format!(
            "A registration for {application} with this e-mail address has arrived. Its reference number is {reference}."
        ))
        .button("Follow it here:", "Follow the registration", link);
    have_account(content, by).text("If it was not you who registered, write to support.")
}

/// `account` is there when the e-mail has an account already (REG-4).
fn confirm_mailbox(application: &str, link: String, expires_at: Timestamp, account: Option<&Sender<'_>>) -> Content {
    let content = Content::about("Confirm your e-mail address")
        .button(format!("Go on with your registration for {application} here:"), "Go on with the registration", link)
        .text(works_until(expires_at));
    let content = match account {
        Some(by) => have_account(content, by),
        None => content,
    };
    content.text("If it was not you who asked for this link, there is nothing to do.")
}

fn join_requested(organisation: &str, application: &str, person: &str, email: &Email, link: String) -> Content {
    Content::about(format!("{person} asks to join {organisation}"))
        .text(format!("{person} ({email}) wants to use {application} and says that they belong to {organisation}."))
        .button("If you know the person, let them in; if you do not, decline:", "Decide", link)
        .text("Nobody was given access so far.")
}

fn request_passed_on(reference: &str, organisation: &str, link: String) -> Content {
    Content::about(format!("Your request {reference} was passed on"))
        .text(format!(
            "The administrators of {organisation} were told that you ask to be let in. Your reference number is \
             {reference}."
        ))
        .button("Follow it here:", "Follow the request", link)
        .text("They decide; we cannot tell you who they are.")
}

fn request_declined(reference: &str, organisation: &str) -> Content {
    Content::about(format!("Your request {reference} was not accepted"))
        .text(format!("The administrators of {organisation} have not let you in."))
        .text("If you think that this is a mistake, ask a colleague there.")
}

fn person_invited(organisation: &str, by: &str, service: &str, link: String, expires_at: Timestamp) -> Content {
    Content::about(format!("{by} invites you to join {organisation}"))
        .text(format!("{by} would like you to join {organisation} on {service}."))
        .button("Accept the invitation here:", "Get started", link)
        .text(works_until(expires_at))
}

fn operator_invited(operator: &str, by: &str, service: &str, link: String, expires_at: Timestamp) -> Content {
    Content::about(format!("Enrol as operator of {service}"))
        .text(format!(
            "{by} asks you to choose a password and to register an authenticator app. Your operator id is {operator}."
        ))
        .button("Do it here:", "Enrol", link)
        .text(format!("The link works once, until {}.", expires_at.human()))
}

fn have_account(content: Content, by: &Sender<'_>) -> Content {
    content
        .text("You already have an account with this e-mail address.")
        .link("Sign in with it:", by.page(SIGN_IN))
        .link("Forgot the password? Set a new one:", by.page(RESET))
}

fn works_until(expires_at: Timestamp) -> String {
    format!("The link works until {}. Opening it commits you to nothing.", expires_at.human())
}

fn listed(lines: &[(String, u32)]) -> Vec<String> {
    lines.iter().map(|(product, quantity)| format!("{quantity} x {product}")).collect()
}
