//! A mailbox that is to be confirmed by its link: the way into the public form without JavaScript (REG-2, REG-7).
//!
//! One record for each application, e-mail and day, so that nobody's mailbox can be filled by somebody who types its
//! address into the form. A confirmed mailbox is good for one registration, whose id derives from the record's.

use serde::{Deserialize, Serialize};

use crate::{
    audit::Action,
    config::Application,
    decision::Decision,
    effect::Effect,
    message::{Body, Message},
    refusal::Refusal,
    secret::{Entropy, IndexPurpose, Keys, PlainToken, TokenDigest, TokenPurpose},
    values::{ApplicationId, Email, FormId, Seconds, Timestamp},
};

/// How long the link works after it was sent last.
pub const LINK_LIFETIME: Seconds = Seconds::hours(24);
/// How long nothing further is sent.
pub const RESEND_AFTER: Seconds = Seconds::minutes(10);
/// How many links one mailbox is sent on one day for one application.
pub const MAX_SENT: u8 = 5;
const DAY_SECONDS: i64 = 86_400;

/// A mailbox that waits to be confirmed, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxCheck {
    /// The record's id.
    pub id: [u8; 16],
    /// The application that its owner registers for.
    pub application: ApplicationId,
    /// The mailbox.
    pub email: Email,
    /// Digest of the newest link's token.
    pub token: TokenDigest,
    /// When that was sent.
    pub sent_at: Timestamp,
    /// How many were sent.
    pub sent: u8,
}

impl MailboxCheck {
    /// The record of this day.
    pub fn id_of(application: &ApplicationId, email: &Email, keys: &Keys, now: Timestamp) -> [u8; 16] {
        let email = email.normalised();
        let day = now.unix().div_euclid(DAY_SECONDS).to_be_bytes();
        keys.index(IndexPurpose::Mailbox, &[application.as_str().as_bytes(), email.as_bytes(), &day])
    }

    /// Sends the day's first link. `has_account` is told to the mailbox alone (REG-4).
    pub fn begin(
        application: &Application,
        email: Email,
        has_account: bool,
        keys: &Keys,
        now: Timestamp,
        rng: &mut dyn Entropy,
    ) -> Decision<Self> {
        let id = Self::id_of(&application.id, &email, keys, now);
        let token = PlainToken::new(id, rng);
        let digest = token.digest(TokenPurpose::Mailbox);
        let check = Self { id, application: application.id.clone(), email, token: digest, sent_at: now, sent: 1 };
        let link = check.link(&token, application, has_account);
        Decision::with(Action::MailboxLink, check, vec![link])
    }

    /// Sends another link, with which the former one ends. `None` when one has just been sent, or enough for a day: who
    /// asked is answered the same.
    pub fn again(
        mut self,
        application: &Application,
        has_account: bool,
        now: Timestamp,
        rng: &mut dyn Entropy,
    ) -> Option<Decision<Self>> {
        if self.sent >= MAX_SENT || now.since(self.sent_at) < RESEND_AFTER {
            return None;
        }
        let token = PlainToken::new(self.id, rng);
        self.token = token.digest(TokenPurpose::Mailbox);
        self.sent_at = now;
        self.sent = self.sent.saturating_add(1);
        let link = self.link(&token, application, has_account);
        Some(Decision::with(Action::MailboxLink, self, vec![link]))
    }

    fn link(&self, token: &PlainToken, application: &Application, has_account: bool) -> Effect {
        Effect::Send(Box::new(Message {
            to: self.email.clone(),
            name: self.email.as_str().to_owned(),
            body: Body::ConfirmMailbox {
                application: application.name.clone(),
                token: token.reveal(),
                expires_at: self.sent_at.plus(LINK_LIFETIME),
                has_account,
            },
        }))
    }

    /// Checks a presented link. Opening changes nothing.
    ///
    /// # Errors
    /// [`Refusal::LinkNotValid`] for a token that is foreign, replaced or expired.
    pub fn present(&self, token: &PlainToken, now: Timestamp) -> Result<Confirmed<'_>, Refusal> {
        let fresh = now < self.sent_at.plus(LINK_LIFETIME);
        if fresh && self.token.matches(token, TokenPurpose::Mailbox) {
            Ok(Confirmed { check: self })
        } else {
            Err(Refusal::LinkNotValid)
        }
    }

    /// From when on no link of it works and nobody sends one: two days after the day that it is for.
    pub fn ends_at(&self) -> Timestamp {
        let day = self.sent_at.unix().div_euclid(DAY_SECONDS);
        Timestamp::from_unix(day.saturating_add(3).saturating_mul(DAY_SECONDS))
    }
}

/// A mailbox whose link was presented and works.
#[derive(Debug, Clone, Copy)]
pub struct Confirmed<'a> {
    check: &'a MailboxCheck,
}

impl Confirmed<'_> {
    /// The mailbox.
    pub fn email(self) -> Email {
        self.check.email.clone()
    }

    /// The application that its owner registers for.
    pub fn application(self) -> ApplicationId {
        self.check.application.clone()
    }

    /// The one form that may be sent for it.
    pub fn form(self, keys: &Keys) -> FormId {
        FormId::from_bytes(keys.index(IndexPurpose::Registration, &[b"mailbox", &self.check.id]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn begun(has_account: bool) -> Decision<MailboxCheck> {
        let gateway = gateway();
        let network = application(&gateway, "business-network");
        MailboxCheck::begin(network, read("Ada@birch.example"), has_account, &keys(), NOW, &mut Seeded(1))
    }

    fn token(effects: &[Effect]) -> PlainToken {
        let [Effect::Send(message)] = effects else { panic!("one message") };
        let Body::ConfirmMailbox { token, .. } = &message.body else { panic!("the link") };
        read(token)
    }

    #[test]
    fn reg_7_a_link_confirms_its_mailbox_for_one_form() {
        // REG-7, REG-2
        let Decision { next: check, effects, .. } = begun(false);
        let link = token(&effects);
        let confirmed = check.present(&link, after(LINK_LIFETIME.0 - 1)).expect("its own link");
        assert_eq!(confirmed.email(), read("Ada@birch.example"));
        assert_eq!(confirmed.application(), read("business-network"));
        let again = check.present(&link, NOW).expect("opening changes nothing").form(&keys());
        assert_eq!(confirmed.form(&keys()), again);
        assert_eq!(check.present(&link, after(LINK_LIFETIME.0)).map(|_| ()), Err(Refusal::LinkNotValid));
        let foreign = PlainToken::new(check.id, &mut Seeded(2));
        assert_eq!(check.present(&foreign, NOW).map(|_| ()), Err(Refusal::LinkNotValid));
    }

    #[test]
    fn reg_7_a_mailbox_is_sent_few_links_a_day_and_the_newest_works() {
        // REG-7
        let gateway = gateway();
        let network = application(&gateway, "business-network");
        let Decision { next: mut check, effects, .. } = begun(false);
        let first = token(&effects);
        assert!(check.clone().again(network, false, after(RESEND_AFTER.0 - 1), &mut Seeded(2)).is_none());
        let mut sent = 1;
        for minute in 1..60_u64 {
            let now = after(minute * 60);
            if let Some(decision) = check.clone().again(network, false, now, &mut Seeded(minute)) {
                assert!(decision.next.present(&token(&decision.effects), now).is_ok());
                check = decision.next;
                sent += 1;
            }
        }
        assert_eq!(sent, MAX_SENT);
        assert!(check.present(&first, NOW).is_err(), "a newer link was sent");
        let tomorrow = MailboxCheck::id_of(&network.id, &check.email, &keys(), after(86_400));
        assert_ne!(tomorrow, check.id);
    }

    #[test]
    fn ops_3_a_check_ends_after_its_last_link() {
        // OPS-3: no request of the day that it is for replaces it after its end.
        let check = begun(false).next;
        assert!(check.ends_at() > NOW.plus(LINK_LIFETIME));
        assert!(check.ends_at() <= NOW.plus(Seconds::days(3)));
    }

    #[test]
    fn reg_4_only_the_mailbox_is_told_that_it_has_an_account() {
        // REG-4: the record, and with it every answer, is the same.
        let (new, known) = (begun(false), begun(true));
        assert_eq!(new.next, known.next);
        assert_ne!(new.effects, known.effects);
    }
}
