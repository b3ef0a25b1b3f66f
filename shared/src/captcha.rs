//! The captcha of the public form (REG-7): a proof of work that the browser does by itself, after version 1 of the
//! ALTCHA protocol, or a provider's word.
//!
//! A challenge is not stored. It carries our signature, its salt carries its end, and whoever solves it finds the number
//! that was drawn for it. A solved challenge becomes the id of one form, and from that the registration's id derives: used
//! again, it meets the registration that it was used for, so that it works once without a record of its own.

use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::{
    config::CaptchaService,
    refusal::Refusal,
    secret::{Entropy, IndexPurpose, Keys, MacPurpose, digest256_hex, hex, same},
    values::{FormId, Seconds, Timestamp, host_of},
};

/// How long a challenge can be used. A page is left open for a while before it is sent.
pub const CHALLENGE_LIFETIME: Seconds = Seconds::hours(1);
/// The one algorithm.
const ALGORITHM: &str = "SHA-256";
const SALT_BYTES: usize = 12;
/// The longest response of a provider's widget that is passed on; theirs have up to 2,048 characters.
const RESPONSE_BYTES_MAX: usize = 4096;

/// A challenge as the widget expects it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// `SHA-256`.
    pub algorithm: String,
    /// SHA-256 of salt and number, hexadecimal.
    pub challenge: String,
    /// The number is at most this.
    pub maxnumber: u64,
    /// Random, with its end: `...?expires=<unix seconds>&`.
    pub salt: String,
    /// Ours, over the challenge.
    pub signature: String,
}

impl Challenge {
    /// A fresh challenge whose number is at most `max_number`.
    pub fn issue(max_number: u32, keys: &Keys, now: Timestamp, rng: &mut dyn Entropy) -> Self {
        let mut random = [0; SALT_BYTES];
        rng.fill(&mut random);
        let mut drawn = [0; 8];
        rng.fill(&mut drawn);
        let number = u64::from_be_bytes(drawn) % (u64::from(max_number) + 1);
        // The delimiter at the end keeps digits of the salt from being taken for some of the number.
        let salt = format!("{}?expires={}&", hex(&random), now.plus(CHALLENGE_LIFETIME).unix());
        let challenge = digest256_hex(format!("{salt}{number}").as_bytes());
        let signature = keys.mac(MacPurpose::Captcha, &[challenge.as_bytes()]);
        Self { algorithm: ALGORITHM.to_owned(), challenge, maxnumber: u64::from(max_number), salt, signature }
    }
}

/// What the widget sends back: nothing is checked yet.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSolution {
    /// As in the challenge.
    pub algorithm: String,
    /// As in the challenge.
    pub challenge: String,
    /// The number that was found.
    pub number: u64,
    /// As in the challenge.
    pub salt: String,
    /// As in the challenge.
    pub signature: String,
    /// How long it took in the browser; the published widget adds it, and nobody needs it.
    #[serde(default)]
    pub took: Option<IgnoredAny>,
}

/// Somebody did what a challenge or a provider demands; holds the id of the one form that may be sent for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Solved(FormId);

impl Solved {
    /// The form that may be sent.
    pub fn form(self) -> FormId {
        self.0
    }
}

impl RawSolution {
    /// The form that this solution is for, whether it is right or not: whoever repeats a submission meets its
    /// registration, also when the challenge has ended meanwhile.
    pub fn form(&self, keys: &Keys) -> FormId {
        form_of(&self.challenge, keys)
    }

    /// Checks that the challenge is ours, not over, and solved.
    ///
    /// # Errors
    /// A fault of the field `captcha`: one answer for everything that is wrong with it.
    pub fn check(&self, keys: &Keys, now: Timestamp) -> Result<Solved, Refusal> {
        let ours = keys.mac_matches(MacPurpose::Captcha, &[self.challenge.as_bytes()], &self.signature);
        let found = digest256_hex(format!("{}{}", self.salt, self.number).as_bytes());
        let solved = same(found.as_bytes(), self.challenge.as_bytes());
        let fresh = expires(&self.salt).is_some_and(|until| now < until);
        if ours && solved && fresh && self.algorithm == ALGORITHM {
            Ok(Solved(self.form(keys)))
        } else {
            Err(not_solved())
        }
    }
}

/// The end that a salt of ours names; nothing but digits stands between its mark and the delimiter.
fn expires(salt: &str) -> Option<Timestamp> {
    let (_, parameters) = salt.split_once('?')?;
    let seconds = parameters.strip_prefix("expires=")?.strip_suffix('&')?;
    let digits = seconds.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| seconds.parse().ok().map(Timestamp::from_unix)).flatten()
}

fn form_of(cause: &str, keys: &Keys) -> FormId {
    FormId::from_bytes(keys.index(IndexPurpose::Registration, &[b"captcha", cause.as_bytes()]))
}

/// What a provider's widget put into the form: only the provider knows whether it is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderResponse(String);

impl ProviderResponse {
    /// The response as it came.
    ///
    /// # Errors
    /// A fault of the field `captcha`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let shaped = text.len() <= RESPONSE_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
        if shaped && !text.is_empty() { Ok(Self(text.to_owned())) } else { Err(not_solved()) }
    }

    /// The response, for the provider.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that this response is for, whether it is good or not.
    pub fn form(&self, keys: &Keys) -> FormId {
        form_of(&self.0, keys)
    }

    /// What the answer of this service means for ours, at this origin. A response that was given on another site is that
    /// site's: somebody has visitors of his own solve captchas for our form.
    ///
    /// # Errors
    /// A fault of the field `captcha` when the service does not vouch for the response, or does not say that it is for us.
    pub fn judged(
        &self,
        verdict: &Verdict,
        service: CaptchaService,
        origin: &str,
        keys: &Keys,
    ) -> Result<Solved, Refusal> {
        let named = verdict.hostname.as_deref().is_some_and(|host| host.eq_ignore_ascii_case(host_of(origin)));
        let here = named || !service.vouches_for_host();
        if verdict.success && here { Ok(Solved(self.form(keys))) } else { Err(not_solved()) }
    }
}

/// What a provider answers to its `siteverify` call, as far as it counts; it says more.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Verdict {
    /// Whether somebody solved it, and nobody has asked about it before.
    pub success: bool,
    /// The host on whose page that was, without a port.
    pub hostname: Option<String>,
}

fn not_solved() -> Refusal {
    Refusal::field(
        "captcha",
        "captcha-not-solved",
        "The check did not work or is too old. Reload the page and try again.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use proptest::prelude::*;

    const MAX: u32 = 500;

    fn issued(seed: u64) -> Challenge {
        Challenge::issue(MAX, &keys(), NOW, &mut Seeded(seed))
    }

    /// What a browser does.
    fn solve(challenge: &Challenge) -> RawSolution {
        let found =
            |number: &u64| digest256_hex(format!("{}{number}", challenge.salt).as_bytes()) == challenge.challenge;
        RawSolution {
            algorithm: challenge.algorithm.clone(),
            challenge: challenge.challenge.clone(),
            number: (0..=challenge.maxnumber).find(found).expect("there is one"),
            salt: challenge.salt.clone(),
            signature: challenge.signature.clone(),
            took: None,
        }
    }

    #[test]
    fn reg_7_a_solved_challenge_is_good_until_it_ends() {
        // REG-7
        let solution = solve(&issued(1));
        assert_eq!(solution.check(&keys(), NOW).map(Solved::form), Ok(solution.form(&keys())));
        assert!(solution.check(&keys(), after(CHALLENGE_LIFETIME.0 - 1)).is_ok());
        assert!(solution.check(&keys(), after(CHALLENGE_LIFETIME.0)).is_err());
        let others = solve(&issued(2));
        assert_ne!(others.form(&keys()), solution.form(&keys()), "each challenge is for one form");
    }

    #[test]
    fn reg_7_whatever_is_changed_spoils_the_solution() {
        // REG-7
        let good = solve(&issued(1));
        let spliced = format!("{}{}", good.salt, good.number);
        let (head, tail) = spliced.split_at(spliced.len() - 1);
        let later = good.salt.replace("expires=", "expires=9");
        let other_end = RawSolution { salt: later.clone(), challenge: String::new(), ..good.clone() };
        let other_end = RawSolution {
            challenge: digest256_hex(format!("{}{}", other_end.salt, other_end.number).as_bytes()),
            ..other_end
        };
        for spoilt in [
            RawSolution { number: good.number + 1, ..good.clone() },
            RawSolution { algorithm: "SHA-1".to_owned(), ..good.clone() },
            RawSolution { signature: issued(2).signature, ..good.clone() },
            RawSolution { signature: String::new(), ..good.clone() },
            RawSolution { challenge: issued(2).challenge, ..good.clone() },
            RawSolution { salt: later, ..good.clone() },
            RawSolution { salt: head.to_owned(), number: tail.parse().expect("a digit"), ..good.clone() },
            other_end,
        ] {
            assert_eq!(faulty_fields(spoilt.check(&keys(), NOW)), ["captcha"], "{spoilt:?}");
        }
        let elsewhere = Keys::new(&[8; 32], None).expect("32 bytes");
        assert!(good.check(&elsewhere, NOW).is_err(), "another deployment's challenge");
    }

    #[test]
    fn reg_7_a_salt_names_its_end_once() {
        // REG-7
        assert_eq!(expires("ab?expires=7&"), Some(Timestamp::from_unix(7)));
        for wrong in
            ["", "ab", "ab?expires=7", "ab?expires=&", "ab?expires=7&8", "ab?expires=-7&", "ab?expires=7&expires=9&"]
        {
            assert_eq!(expires(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn reg_7_a_providers_response_is_passed_on_and_its_word_taken() {
        // REG-7
        let response = ProviderResponse::parse("03AFcWeA-token").expect("text");
        let verdict = |success, host: Option<&str>| Verdict { success, hostname: host.map(str::to_owned) };
        let by = |service, success, host, origin| response.judged(&verdict(success, host), service, origin, &keys());
        let judged = |success, host, origin| by(CaptchaService::Turnstile, success, host, origin);
        for origin in ["https://vestibule.example", "https://vestibule.example:8443"] {
            let good = judged(true, Some("Vestibule.example"), origin);
            assert_eq!(good.map(Solved::form), Ok(response.form(&keys())));
        }
        assert!(judged(true, Some("::1"), "http://[::1]:3000").is_ok());
        let ours = "https://vestibule.example";
        assert!(judged(false, Some("vestibule.example"), ours).is_err());
        for host in [None, Some(""), Some("example"), Some("www.vestibule.example"), Some("vestibule.example.org")] {
            assert_eq!(faulty_fields(judged(true, host, ours)), ["captcha"], "{host:?}");
            assert!(by(CaptchaService::ReCaptcha, true, host, ours).is_err(), "{host:?}");
        }
        // It is asked about our site key instead.
        assert!(by(CaptchaService::HCaptcha, true, Some("not-provided"), ours).is_ok());
        assert!(by(CaptchaService::HCaptcha, false, Some("vestibule.example"), ours).is_err());
        for wrong in ["", "a b", "a\nb", &"a".repeat(4097)] {
            assert!(ProviderResponse::parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn reg_7_no_solution_makes_the_check_panic_or_pass(salt in "\\PC{0,40}", challenge in "\\PC{0,70}", number: u64) {
            // REG-7
            let signature = challenge.clone();
            let raw = RawSolution { algorithm: ALGORITHM.to_owned(), challenge, number, salt, signature, took: None };
            prop_assert!(raw.check(&keys(), NOW).is_err());
        }
    }
}
