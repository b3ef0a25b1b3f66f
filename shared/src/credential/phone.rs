//! Phones as authenticators (CRD-5): a code goes to the phone by SMS or voice, and proves whoever enters it.
//!
//! A code is good for 10 minutes, once, and for whoever asked for it only: the session or the link that it was asked from
//! (NIST SP 800-63B-4, 3.1.3.2). A further code replaces it and leaves the count of failures as it is. What is kept of a code
//! is an authentication code of it, whose key is not in the store: six digits would be guessed from a digest.

use core::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Credential, Factor, Judged, Opened, place};
use crate::{
    message::PhoneCode,
    refusal::Refusal,
    secret::{Entropy, Keys, MacPurpose, TokenDigest},
    values::{AccountId, CredentialId, OtpCode, ParseError, Phone, Seconds, Timestamp},
};

/// Phones that one credential can have.
pub const MAX_PHONES: usize = 3;
/// Phones that a person is advised to register, so that a lost one locks nobody out.
pub const RECOMMENDED_PHONES: usize = 2;
/// How long a code is good.
pub const CODE_LIFETIME: Seconds = Seconds::minutes(10);
/// Codes that one credential can have sent in an hour: each costs the deployment, and bothers whoever owns the number.
pub const CODES_AN_HOUR: usize = 6;
/// No further code is sent before the last one is this old.
pub const CODE_AGAIN_AFTER: Seconds = Seconds(30);

const CODES: u32 = 1_000_000;
const ASK_FIRST: &str = "Have a code sent first. One that was asked for elsewhere does not count here.";
const TOO_OLD: &str = "The code is more than ten minutes old. Have a new one sent.";
const TRIED_OUT: &str = "There were too many wrong codes. Check the number and have a new code sent.";

/// How a code reaches a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Channel {
    /// A text message.
    Sms,
    /// A call that says it.
    Voice,
}

impl Channel {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Voice => "voice",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Channel {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        [Self::Sms, Self::Voice]
            .into_iter()
            .find(|channel| channel.as_str() == text)
            .ok_or_else(|| ParseError::new("channel-unknown", "Choose a text message or a call."))
    }
}

/// A phone that was proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredPhone {
    /// The how-manieth phone of the credential it is, those that were removed included; from 1.
    pub ordinal: u16,
    /// Its number.
    pub number: Phone,
    /// How codes reach it.
    pub channel: Channel,
    /// When it was proved.
    pub added_at: Timestamp,
}

/// A phone that is to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPhone {
    /// Its number.
    pub number: Phone,
    /// How codes shall reach it.
    pub channel: Channel,
}

/// The newest code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SentCode {
    /// Of place, number and code ([`Keys::mac`]).
    mac: String,
    number: Phone,
    channel: Channel,
    /// The session or link that it was asked from.
    asked_by: TokenDigest,
    sent_at: Timestamp,
}

/// The codes that were asked for in one way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Calls {
    code: Option<SentCode>,
    /// When the codes of the last hour were sent, oldest first.
    sent: Vec<Timestamp>,
}

/// The phones of a credential.
///
/// Codes for sessions and for links have nothing to do with each other: whoever only has the password can use up the codes of
/// an hour, and must not keep the owner from replacing that password.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phones {
    registered: Vec<RegisteredPhone>,
    /// Ordinals that were given.
    given: u16,
    by_session: Calls,
    by_link: Calls,
}

/// From where a code is asked for, and entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// From a session.
    Session,
    /// By a link that replaces a forgotten password.
    Link,
}

/// Who asks for a code, or enters one, and for which credential.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The account.
    pub account: AccountId,
    /// From where.
    pub way: Way,
    /// The session or link.
    pub by: &'a TokenDigest,
    /// What codes are authenticated with.
    pub keys: &'a Keys,
}

impl Phones {
    /// The phones that were proved, oldest first.
    pub fn registered(&self) -> &[RegisteredPhone] {
        &self.registered
    }

    /// Whether one phone more can be registered.
    pub fn has_room(&self) -> bool {
        self.registered.len() < MAX_PHONES
    }

    /// The phone that a code was sent to which still can be entered by whoever asked for it, to register the phone.
    pub fn awaited(&self, session: &TokenDigest, now: Timestamp) -> Option<NewPhone> {
        let code =
            self.code_of(Way::Session, session).filter(|code| !code.is_over(now) && !self.knows(&code.number))?;
        Some(NewPhone { number: code.number.clone(), channel: code.channel })
    }

    /// The registered phone that a code was sent to which still can be entered by whoever asked for it.
    pub fn called(&self, way: Way, by: &TokenDigest, now: Timestamp) -> Option<&RegisteredPhone> {
        let code = self.code_of(way, by).filter(|code| !code.is_over(now))?;
        self.registered.iter().find(|phone| phone.number == code.number)
    }

    /// Whether a code that was not used waits to be entered, over or not.
    pub fn has_code(&self) -> bool {
        self.by_session.code.is_some() || self.by_link.code.is_some()
    }

    /// Whether a newer code was sent in the same way, which has replaced this one.
    pub fn has_replaced(&self, code: &PhoneCode) -> bool {
        let newest = self.calls(code.way).sent.last();
        newest.is_some_and(|sent| sent.plus(CODE_LIFETIME) > code.expires_at)
    }

    /// The code that was asked for from there.
    fn code_of(&self, way: Way, by: &TokenDigest) -> Option<&SentCode> {
        self.calls(way).code.as_ref().filter(|code| code.asked_by == *by)
    }

    fn calls(&self, way: Way) -> &Calls {
        match way {
            Way::Session => &self.by_session,
            Way::Link => &self.by_link,
        }
    }

    fn calls_mut(&mut self, way: Way) -> &mut Calls {
        match way {
            Way::Session => &mut self.by_session,
            Way::Link => &mut self.by_link,
        }
    }

    fn knows(&self, number: &Phone) -> bool {
        self.registered.iter().any(|phone| phone.number == *number)
    }

    fn send(
        &mut self,
        to: NewPhone,
        credential: CredentialId,
        asker: Asker<'_>,
        now: Timestamp,
        rng: &mut dyn Entropy,
    ) -> Result<Option<PhoneCode>, Refusal> {
        let calls = self.calls_mut(asker.way);
        let repeated = |code: &SentCode| {
            let same = code.number == to.number && code.channel == to.channel && code.asked_by == *asker.by;
            same && now < code.sent_at.plus(CODE_AGAIN_AFTER)
        };
        if calls.code.as_ref().is_some_and(repeated) {
            return Ok(None);
        }
        calls.sent.retain(|sent| now.since(*sent) < Seconds::hours(1));
        let after_last = calls.sent.last().map(|last| last.plus(CODE_AGAIN_AFTER));
        let after_first = calls.sent.first().filter(|_| calls.sent.len() >= CODES_AN_HOUR);
        let not_before = after_last.max(after_first.map(|first| first.plus(Seconds::hours(1))));
        if let Some(at) = not_before.filter(|at| now < *at) {
            return Err(Refusal::TooManyRequests { retry_after: at.since(now) });
        }
        let (code, place) = (six_digits(rng), place(asker.account, credential));
        let mac = asker.keys.mac(MacPurpose::PhoneCode, &[&place, to.number.as_str().as_bytes(), &code.to_le_bytes()]);
        let NewPhone { number, channel } = to;
        calls.code = Some(SentCode { mac, number: number.clone(), channel, asked_by: *asker.by, sent_at: now });
        calls.sent.push(now);
        let expires_at = now.plus(CODE_LIFETIME);
        let code = format!("{code:06}");
        Ok(Some(PhoneCode {
            account: asker.account,
            credential,
            way: asker.way,
            to: number,
            channel,
            code,
            expires_at,
        }))
    }
}

impl SentCode {
    fn is_over(&self, now: Timestamp) -> bool {
        now.since(self.sent_at) >= CODE_LIFETIME
    }
}

/// A number below a million, each as likely as any other.
fn six_digits(rng: &mut dyn Entropy) -> u32 {
    // The largest multiple of a million that 32 bits hold: what is drawn above it would favour small codes.
    const EVEN: u32 = u32::MAX - u32::MAX % CODES;
    loop {
        let mut bytes = [0; 4];
        rng.fill(&mut bytes);
        let drawn = u32::from_le_bytes(bytes);
        if drawn < EVEN {
            return drawn % CODES;
        }
    }
}

impl Credential {
    /// Its phones, if it has or had any.
    pub fn phones(&self) -> Option<&Phones> {
        match &self.authenticator {
            super::Authenticator::Phones(phones) => Some(phones),
            _ => None,
        }
    }

    fn phones_mut(&mut self) -> Option<&mut Phones> {
        match &mut self.authenticator {
            super::Authenticator::Phones(phones) => Some(phones),
            _ => None,
        }
    }

    /// Has a code sent to a phone that is to be registered (CRD-5). `None` when that was done just now.
    ///
    /// # Errors
    /// A field fault for a number that is registered, [`Refusal::WrongStage`] when there is no room or the credential has
    /// expired, [`Refusal::CredentialLocked`], [`Refusal::TooManyRequests`].
    pub(crate) fn call_new_phone(
        &mut self,
        phone: NewPhone,
        asker: Asker<'_>,
        now: Timestamp,
        rng: &mut dyn Entropy,
    ) -> Result<Option<PhoneCode>, Refusal> {
        // As with the first app of a credential (`begin_enrolment`): nothing is guarded so far, and whoever may ask has signed
        // in. Ten tries for each of six codes an hour prove no number of somebody else's in a useful time.
        if !self.registered() {
            self.failures = 0;
        }
        self.may_be_called(now)?;
        let id = self.grant.id;
        if matches!(self.authenticator, super::Authenticator::Missing) {
            self.authenticator = super::Authenticator::Phones(Box::default());
        }
        let phones = self.phones_mut().ok_or(Refusal::NotFound)?;
        if phones.knows(&phone.number) {
            return Err(Refusal::field(
                "number",
                "phone-registered",
                "This phone is registered already. Enter another.",
            ));
        }
        if !phones.has_room() {
            return Err(Refusal::WrongStage { hint: "Three phones are registered. Remove one first." });
        }
        phones.send(phone, id, asker, now, rng)
    }

    /// Has a code sent to a registered phone. `None` when that was done just now.
    ///
    /// # Errors
    /// A field fault when there is no such phone; as for a new phone.
    pub(crate) fn call_phone(
        &mut self,
        ordinal: u16,
        asker: Asker<'_>,
        now: Timestamp,
        rng: &mut dyn Entropy,
    ) -> Result<Option<PhoneCode>, Refusal> {
        self.may_be_called(now)?;
        let id = self.grant.id;
        let unknown = || Refusal::field("phone", "missing", "Choose one of your phones.");
        let phones = self.phones_mut().ok_or_else(unknown)?;
        let phone = phones.registered.iter().find(|phone| phone.ordinal == ordinal).ok_or_else(unknown)?;
        let to = NewPhone { number: phone.number.clone(), channel: phone.channel };
        phones.send(to, id, asker, now, rng)
    }

    fn may_be_called(&self, now: Timestamp) -> Result<(), Refusal> {
        if self.expired(now) {
            return Err(Refusal::WrongStage { hint: super::EXPIRED });
        }
        if self.locked() {
            return Err(Refusal::CredentialLocked);
        }
        Ok(())
    }

    /// Whether this is the code that was sent.
    ///
    /// # Errors
    /// A field fault when none was sent to whoever enters it, or it is over.
    pub(super) fn is_sent_code(&self, code: &OtpCode, asker: Asker<'_>, now: Timestamp) -> Result<bool, Refusal> {
        let sent = self.phones().and_then(|phones| phones.code_of(asker.way, asker.by));
        let sent = sent.ok_or_else(|| Refusal::field("code", "code-not-sent", ASK_FIRST))?;
        if sent.is_over(now) {
            return Err(Refusal::field("code", "code-over", TOO_OLD));
        }
        let digits = code.value().to_le_bytes();
        let place = place(asker.account, self.grant.id);
        let parts: [&[u8]; 3] = [&place, sent.number.as_str().as_bytes(), &digits];
        Ok(code.digits() == 6 && asker.keys.mac_matches(MacPurpose::PhoneCode, &parts, &sent.mac))
    }

    /// Counts the outcome for a code that was sent to a registered phone, and uses it up (CRD-5, OTP-2, OTP-3).
    pub(super) fn judge_called(&mut self, right: bool, way: Way) -> Judged {
        match self.phones_mut() {
            Some(phones) if phones.calls(way).code.as_ref().is_some_and(|code| phones.knows(&code.number)) => {
                if right {
                    phones.calls_mut(way).code = None;
                }
            }
            _ => return Judged::Unusable(ASK_FIRST),
        }
        self.outcome(right)
    }

    /// Counts the outcome for the code that proves a new phone, and registers the phone (CRD-5). While none is registered,
    /// failures do not lock the credential, which nobody could unlock by another way; they kill the code.
    pub(crate) fn prove_phone(&mut self, right: bool, now: Timestamp) -> Judged {
        if self.expired(now) {
            return Judged::Unusable(super::EXPIRED);
        }
        if self.locked() {
            return Judged::Locked;
        }
        let Some(phones) = self.phones_mut() else {
            return Judged::Unusable(ASK_FIRST);
        };
        let expected = phones.by_session.code.as_ref().filter(|code| !phones.knows(&code.number) && phones.has_room());
        let Some(SentCode { number, channel, .. }) = expected.cloned() else {
            return Judged::Unusable(ASK_FIRST);
        };
        if right {
            phones.given = phones.given.saturating_add(1);
            phones.registered.push(RegisteredPhone { ordinal: phones.given, number, channel, added_at: now });
            phones.by_session.code = None;
        }
        let judged = self.outcome(right);
        if self.locked() && !self.registered() {
            self.failures = 0;
            if let Some(phones) = self.phones_mut() {
                phones.by_session.code = None;
            }
            return Judged::TriedOut;
        }
        judged
    }

    fn outcome(&mut self, right: bool) -> Judged {
        if right {
            self.failures = 0;
            Judged::Right
        } else {
            self.count_failure()
        }
    }

    /// Removes a phone (CRD-9). Gives it, or `None` when it is gone already.
    ///
    /// # Errors
    /// [`Refusal::WrongStage`] for the last one: the credential would have no authenticator left.
    pub(crate) fn remove_phone(&mut self, ordinal: u16) -> Result<Option<RegisteredPhone>, Refusal> {
        let Some(phones) = self.phones_mut() else {
            return Ok(None);
        };
        let Some(at) = phones.registered.iter().position(|phone| phone.ordinal == ordinal) else {
            return Ok(None);
        };
        if phones.registered.len() == 1 {
            return Err(Refusal::WrongStage { hint: "This is your only phone. Register another one first." });
        }
        let removed = phones.registered.remove(at);
        for calls in [&mut phones.by_session, &mut phones.by_link] {
            calls.code = calls.code.take().filter(|code| code.number != removed.number);
        }
        Ok(Some(removed))
    }

    /// What is proved by a code that is right.
    pub(crate) fn factor(&self, opened: &Opened) -> Factor {
        let Opened::Sent { way, .. } = opened else { return Factor::App };
        let sent = self.phones().and_then(|phones| phones.calls(*way).code.as_ref());
        match sent.map(|code| code.channel) {
            None => Factor::App,
            Some(Channel::Sms) => Factor::Sms,
            Some(Channel::Voice) => Factor::Voice,
        }
    }
}

/// What whoever has tried too often is told, while no phone is registered.
pub(crate) fn tried_out() -> Refusal {
    Refusal::field("code", "code-over", TRIED_OUT)
}

/// The end of a number, by which its owner knows it.
pub fn ending(number: &Phone) -> String {
    let digits = number.as_str();
    digits.get(digits.len().saturating_sub(4)..).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
