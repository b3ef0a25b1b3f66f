//! What every letter says, in both of its forms.

use std::collections::BTreeSet;

use shared::{
    message::{Body, IssuedKey},
    order::End,
    values::{Money, Timestamp},
};

use super::*;

const SENDER: Sender<'static> = Sender { service: "Vestibule", public_url: "https://vestibule.example" };
const SUPPORT: &str = "support@vestibule.example";
const AT: Timestamp = Timestamp::from_unix(1_800_000_000);

/// Every message that there is; what can be absent is there in one and absent in another.
fn bodies() -> Vec<Body> {
    [other_bodies(), bodies_of_orders()].concat()
}

fn bodies_of_orders() -> Vec<Body> {
    let order = || "VO-1".to_owned();
    let total: Money = "49.00 USD".parse().expect("money");
    let received = |invoice, pay_until| {
        let lines = vec![("Mobile ID <MFA>".to_owned(), 2)];
        Body::OrderReceived { order: order(), token: "eeee".to_owned(), total, invoice, pay_until, lines }
    };
    let issued = |product: &str, of_token| IssuedKey {
        product: product.to_owned(),
        key: if of_token { "EEEE-FFFF".to_owned() } else { "AAAA-BBBB".to_owned() },
        of_token,
    };
    let shipped = |carrier: Option<&str>, tracking: Option<&str>| Body::TokenShipped {
        order: order(),
        lines: vec![("Token <1>".to_owned(), 2)],
        carrier: carrier.map(str::to_owned),
        tracking: tracking.map(str::to_owned),
    };
    let ended = |why, keys_revoked| Body::OrderEnded { order: order(), why, keys_revoked };
    vec![
        received(true, Some(AT)),
        received(false, None),
        ended(End::Lapsed, false),
        ended(End::Cancelled, true),
        ended(End::Refunded, true),
        Body::PaidInVain { order: order(), total },
        Body::LicencesOfHardware {
            order: order(),
            keys: vec![issued("Token <1>", true), issued("Mobile ID", false)],
            to_ship: true,
        },
        Body::LicencesOfHardware { order: order(), keys: vec![issued("Token <1>", true)], to_ship: false },
        shipped(Some("Swift & Post"), Some("SP-1")),
        shipped(Some("Swift & Post"), None),
        shipped(None, Some("SP-1")),
        shipped(None, None),
    ]
}

fn other_bodies() -> Vec<Body> {
    let text = str::to_owned;
    let lines = || vec![(text("Mobile ID <MFA>"), 2), (text("Hardware & cable"), 1)];
    let order_placed = |token| Body::OrderPlaced { order: text("VO-1"), token, lines: lines() };
    let confirm_mailbox = |has_account| Body::ConfirmMailbox {
        application: text("Business Network"),
        token: text("cccc"),
        expires_at: AT,
        has_account,
    };
    vec![
        Body::Invitation {
            company: text("Anvil & Sons <Aerospace>"),
            application: text("Anvil \"Supply\" Platform"),
            organisation: text("Kestrel's Machining"),
            token: text("aaaa"),
            expires_at: AT,
        },
        Body::RegistrationReceived { reference: text("VR-1"), application: text("Network"), token: text("bbbb") },
        Body::RegistrationRejected { reference: text("VR-1"), reason: text("Not a supplier.\nOr <not> yet.") },
        Body::Activation {
            organisation: text("Kestrel"),
            user_id: text("kestrela_0001"),
            token: text("dddd"),
            expires_at: AT,
        },
        Body::ActivationAgain { user_id: text("kestrela_0001"), token: text("dddd"), expires_at: AT },
        Body::MembershipAdded { organisation: text("Kestrel") },
        Body::LoginSuccess { user_id: text("kestrela_0001") },
        Body::Receipt { order: text("VO-1"), total: "49.00 USD".parse().expect("money"), lines: lines() },
        Body::Licences {
            order: text("VO-1"),
            keys: vec![(text("Mobile ID"), text("AAAA-BBBB")), (text("Mobile ID"), text("CCCC-DDDD"))],
        },
        order_placed(Some(text("eeee"))),
        order_placed(None),
        Body::AuthenticatorAdded { product: text("Mobile ID"), at: AT },
        Body::PhoneAdded { product: text("Phone Codes"), ending: text("0123"), at: AT },
        Body::PhoneRemoved { product: text("Phone Codes"), ending: text("0123"), at: AT },
        Body::PasswordReset { token: text("ffff"), expires_at: AT },
        Body::PasswordChanged { at: AT },
        Body::AccountExists { reference: text("VR-1"), application: text("Network"), token: text("gggg") },
        confirm_mailbox(true),
        confirm_mailbox(false),
        Body::JoinRequested {
            organisation: text("Kestrel"),
            application: text("Network"),
            person: text("Bea Kestrel"),
            email: "bea@kestrel.example".parse().expect("an e-mail"),
        },
        Body::RequestPassedOn { reference: text("VR-1"), organisation: text("Kestrel"), token: text("hhhh") },
        Body::RequestDeclined { reference: text("VR-1"), organisation: text("Kestrel") },
        Body::PersonInvited {
            organisation: text("Kestrel"),
            by: text("Ada O'Kestrel"),
            token: text("iiii"),
            expires_at: AT,
        },
        Body::OperatorInvited { operator: text("registrar"), by: text("Robin"), token: text("jjjj"), expires_at: AT },
    ]
}

fn letter(body: Body) -> Letter {
    let to = "ada@kestrel.example".parse().expect("an e-mail");
    written(&Message { to, name: "Ada <O'Kestrel>".to_owned(), body }, &SENDER, SUPPORT)
}

fn html(letter: &Letter) -> String {
    letter.render().expect("every part can be shown")
}

fn unescaped(text: &str) -> String {
    let entities = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, char)| text.replace(entity, char))
}

/// The lines that a person reads in the HTML, the label of a button and the word about it apart.
fn read(html: &str) -> Vec<String> {
    let (_, article) = html.split_once("<p").expect("a paragraph");
    let broken = format!("<p{article}").replace("<br>", "\n").replace("</p>", "\n").replace("</li>", "\n");
    let mut text = String::new();
    for (n, part) in broken.split('<').enumerate() {
        text.push_str(if n == 0 { part } else { part.split_once('>').map_or("", |(_, text)| text) });
    }
    let buttons: Vec<&str> = html.split("class=\"button\"").skip(1).filter_map(within).collect();
    let lines = text.lines().map(|line| unescaped(line.trim())).filter(|line| !line.is_empty());
    let lines = lines.filter(|line| !buttons.contains(&line.as_str()));
    lines.map(|line| line.replace("If the button does not work: ", "")).collect()
}

/// The text in an element.
fn within(rest: &str) -> Option<&str> {
    rest.split_once('>')?.1.split_once('<').map(|(text, _)| text)
}

fn hrefs(html: &str) -> BTreeSet<String> {
    let links = html.split("href=\"").skip(1).filter_map(|rest| rest.split_once('"'));
    links.map(|(url, _)| unescaped(url)).filter(|url| !url.starts_with("mailto:")).collect()
}

fn links(text: &str) -> BTreeSet<String> {
    text.split_whitespace().filter(|word| word.starts_with("https://")).map(str::to_owned).collect()
}

// MSG-1: links, names, deadlines and everything else; a mail client shows one of the two.
#[test]
fn msg_1_both_forms_say_the_same() {
    for body in bodies() {
        let letter = letter(body.clone());
        let (html, plain) = (html(&letter), letter.plain());
        let lines: Vec<&str> = plain.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(read(&html), lines, "{body:?}");
        assert_eq!(hrefs(&html), links(&plain), "{body:?}");
    }
}

// Every message is among them: a new one has to be added here to compile.
#[test]
fn msg_1_every_message_is_looked_at() {
    let number = |body: &Body| match body {
        Body::Invitation { .. } => 0,
        Body::RegistrationReceived { .. } => 1,
        Body::RegistrationRejected { .. } => 2,
        Body::Activation { .. } => 3,
        Body::MembershipAdded { .. } => 4,
        Body::LoginSuccess { .. } => 5,
        Body::Receipt { .. } => 6,
        Body::Licences { .. } => 7,
        Body::OrderPlaced { .. } => 8,
        Body::AuthenticatorAdded { .. } => 9,
        Body::PasswordReset { .. } => 10,
        Body::PasswordChanged { .. } => 11,
        Body::AccountExists { .. } => 12,
        Body::ConfirmMailbox { .. } => 13,
        Body::JoinRequested { .. } => 14,
        Body::RequestPassedOn { .. } => 15,
        Body::RequestDeclined { .. } => 16,
        Body::PersonInvited { .. } => 17,
        Body::OperatorInvited { .. } => 18,
        Body::ActivationAgain { .. } => 19,
        Body::PhoneAdded { .. } => 20,
        Body::PhoneRemoved { .. } => 21,
        Body::OrderReceived { .. } => 22,
        Body::OrderEnded { .. } => 23,
        Body::PaidInVain { .. } => 24,
        Body::LicencesOfHardware { .. } => 25,
        Body::TokenShipped { .. } => 26,
    };
    let seen: BTreeSet<usize> = bodies().iter().map(number).collect();
    assert_eq!(seen, (0..27).collect());
}

// INV-6, MSG-1: whatever people have called themselves is text, and the subject is one line.
#[test]
fn msg_1_what_people_have_entered_stays_text() {
    let company = "<script>alert(1)</script>\" onclick=\"x\r\nBcc: everybody@kestrel.example".to_owned();
    let body = Body::Invitation {
        organisation: company.clone(),
        application: company.clone(),
        company,
        token: "aaaa".to_owned(),
        expires_at: AT,
    };
    let letter = letter(body);
    let html = html(&letter);
    assert!(!html.contains("<script") && !html.contains("\" onclick"), "{html}");
    let subject = "You're Invited to Collaborate with <script>alert(1)</script>\" onclick=\"x Bcc: \
                   everybody@kestrel.example";
    assert_eq!(letter.subject(), subject);
}

// MSG-1: it is read without images, in the dark, and by a screen reader that knows its language.
#[test]
fn msg_1_the_frame_asks_nothing_of_a_mail_client() {
    for body in bodies() {
        let html = html(&letter(body));
        for absent in ["<img", "<table", "<script", "url(", "<link"] {
            assert!(!html.contains(absent), "{absent} in {html}");
        }
        for there in ["<html lang=\"en\">", "color-scheme", "prefers-color-scheme: dark", "<title>", "display: none"] {
            assert!(html.contains(there), "{there} is not in {html}");
        }
    }
}

// INV-6
#[test]
fn inv_6_the_invitation_as_it_arrives() {
    let letter = letter(bodies().swap_remove(0));
    insta::assert_snapshot!(letter.plain(), @r#"
    Dear Ada <O'Kestrel>,

    Anvil & Sons <Aerospace> invites Kestrel's Machining to use Anvil "Supply" Platform.

    Accept the invitation and register your organization here:
    https://vestibule.example/invite/accept?token=aaaa

    The link works until 15 January 2027, 08:00 UTC. Opening it commits you to nothing.

    Vestibule
    Support: support@vestibule.example
    "#);
    insta::assert_snapshot!("invitation", html(&letter));
}
