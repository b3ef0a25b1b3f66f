//! What was entered so far, on its way from page to page: sealed, so that nobody can change or read it in between.
//!
//! Each page carries the draft as it stood when the page was shown. A cookie has the newest one, so that a step that is
//! sent from an older page, from a second tab or after going back, adds to what was entered on later pages instead of losing
//! it. Whose draft is too long for a cookie, or who keeps none, goes on with what the page carries; so does whoever begins a
//! second registration meanwhile, since a browser keeps one.

use edge::{
    Edge, Platform, Request, cookies,
    session::{open_text, seal_text},
};
use serde::{Deserialize, Serialize};
use shared::{
    registration::RawRegistration,
    secret::{Entropy, Keys, SealPurpose, Sealed},
    values::{ApplicationId, Email, FormId, OrganisationId, Seconds, Timestamp},
};

/// How long a page of the form may stay open.
pub(crate) const LIFETIME: Seconds = Seconds::hours(2);
const PLACE: &str = "register";
/// The longest cookie that every browser keeps has 4,096 bytes, name and attributes included.
const COOKIE_BYTES_MAX: usize = 3_900;

/// What to do when the draft does not open or is too old.
pub(crate) const LOST: &str =
    "This form was open for more than two hours, or did not arrive whole. Nothing was submitted: please begin again.";
/// What to do when the draft does not fit into a form field.
pub(crate) const TOO_LONG: &str =
    "Together these entries are too long for one registration. Name fewer people now; more can be added later.";

/// Where the registration comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Source {
    /// The invitation's token.
    Invitation(String),
    /// The public form, for which a captcha was solved (REG-7).
    Solved(FormId),
    /// The public form, for which the mailbox was confirmed (REG-7).
    Confirmed(FormId),
}

/// A registration that is being filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Draft {
    pub(crate) source: Source,
    pub(crate) application: ApplicationId,
    /// For an invitation, name and e-mail are the invitee's.
    pub(crate) registration: RawRegistration,
    /// Organisations that were shown as possibly the same (REG-3).
    pub(crate) shown: Vec<OrganisationId>,
    /// Those of them that are not the same.
    pub(crate) dismissed: Vec<OrganisationId>,
    /// Whether the review was reached: what is edited then leads back to it.
    pub(crate) reviewing: bool,
    expires_at: Timestamp,
    /// How often it was sealed.
    serial: u32,
}

impl Draft {
    pub(crate) fn new(
        source: Source,
        application: ApplicationId,
        registration: RawRegistration,
        now: Timestamp,
    ) -> Self {
        let (shown, dismissed, expires_at) = (Vec::new(), Vec::new(), now.plus(LIFETIME));
        Self { source, application, registration, shown, dismissed, reviewing: false, expires_at, serial: 0 }
    }

    /// Opens what [`Draft::seal`] sealed.
    pub(crate) fn open(text: &str, keys: &Keys) -> Option<Self> {
        open_text(keys, SealPurpose::Draft, PLACE, text)
    }

    /// Seals the draft, which lives as long again from now; `None` when it is too long to be opened again.
    pub(crate) fn seal(&self, keys: &Keys, rng: &mut dyn Entropy, now: Timestamp) -> Option<String> {
        let (expires_at, serial) = (now.plus(LIFETIME), self.serial.saturating_add(1));
        let renewed = Self { expires_at, serial, ..self.clone() };
        seal_text(keys, SealPurpose::Draft, PLACE, &renewed, rng).filter(|text| Sealed::from_text(text).is_ok())
    }

    /// The newer one of this draft and the browser's, if that is of the same registration.
    pub(crate) fn or_newer<P: Platform>(self, edge: &Edge<P>, request: &Request) -> Self {
        let kept = request.cookie(cookies::REGISTRATION).and_then(|text| Self::open(text, &edge.keys));
        match kept {
            Some(kept) if kept.is_of_the_same(&self) && kept.serial > self.serial && kept.is_fresh(edge.now) => kept,
            _ => self,
        }
    }

    /// Has the browser keep what [`Draft::seal`] sealed, or nothing when it cannot: an older state is worse than none.
    pub(crate) fn keep<P: Platform>(edge: &Edge<P>, sealed: &str) {
        if sealed.len() <= COOKIE_BYTES_MAX {
            edge.set_cookie_for(cookies::REGISTRATION, sealed, LIFETIME);
        } else {
            edge.clear_cookie(cookies::REGISTRATION);
        }
    }

    fn is_of_the_same(&self, other: &Self) -> bool {
        (&self.source, &self.application) == (&other.source, &other.application)
    }

    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    pub(crate) fn is_invited(&self) -> bool {
        matches!(self.source, Source::Invitation(_))
    }

    /// The mailbox that an invitation or a link proved.
    pub(crate) fn proved_email(&self) -> Option<Email> {
        let proved = !matches!(self.source, Source::Solved(_));
        proved.then(|| self.registration.email.parse().ok()).flatten()
    }

    /// The address of the form's first page.
    pub(crate) fn begin_at(&self) -> String {
        match &self.source {
            Source::Invitation(token) => format!("/register?token={token}"),
            Source::Solved(_) | Source::Confirmed(_) => format!("/register?application={}", self.application),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(u8);

    impl Entropy for Counting {
        fn fill(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                self.0 = self.0.wrapping_add(1);
                *byte = self.0;
            }
        }
    }

    fn keys() -> Keys {
        Keys::new(&[7; 32], None).expect("32 bytes are enough")
    }

    fn draft(now: Timestamp) -> Draft {
        let entered = RawRegistration { given_name: "Ada".to_owned(), ..RawRegistration::default() };
        let application = "business-network".parse().expect("a slug");
        Draft::new(Source::Solved(FormId::from_bytes([1; 16])), application, entered, now)
    }

    #[test]
    fn a_draft_comes_back_as_it_left_and_lives_two_hours() {
        let now = Timestamp::from_unix(1_800_000_000);
        let text = draft(now).seal(&keys(), &mut Counting(0), now).expect("short enough");
        let back = Draft::open(&text, &keys()).expect("its own text");
        assert_eq!(back, Draft { serial: 1, ..draft(now) });
        assert!(back.is_fresh(now.plus(Seconds(7_199))));
        assert!(!back.is_fresh(now.plus(Seconds(7_200))));
    }

    #[test]
    fn a_changed_draft_does_not_open() {
        let now = Timestamp::from_unix(1_800_000_000);
        let text = draft(now).seal(&keys(), &mut Counting(0), now).expect("short enough");
        for at in [0, 5, text.len() / 2, text.len() - 2] {
            let changed: String = text
                .chars()
                .enumerate()
                .map(|(n, c)| if n == at { if c == 'A' { 'B' } else { 'A' } } else { c })
                .collect();
            assert_eq!(Draft::open(&changed, &keys()), None, "{at}");
        }
        assert_eq!(Draft::open("", &keys()), None);
    }

    #[test]
    fn a_draft_that_could_not_be_opened_again_is_not_sealed() {
        let now = Timestamp::from_unix(1_800_000_000);
        let mut long = draft(now);
        long.registration.profile.legal_name = "a".repeat(6_000);
        assert_eq!(long.seal(&keys(), &mut Counting(0), now), None);
    }
}
