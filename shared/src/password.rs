//! Passwords and security answers: what may be chosen, how it is kept (NIST SP 800-63B-4 3.1.1.2).
//!
//! Kept as Argon2id with a pepper that is not in the store. Hashing takes 19 MiB and some tens of milliseconds, for
//! an unknown user too ([`PasswordHash::decoy`]).

mod blocklist;
mod hash;
#[cfg(feature = "testing")]
mod memo;
mod pattern;

pub use blocklist::{Blocklist, MAX_QUESTIONS};
pub use hash::{AnswerHash, PasswordHash};

use core::fmt;

use zeroize::Zeroize as _;

use crate::organisation::without_legal_form;
use crate::secret::{Entropy, Secret};
use crate::values::ParseError;
use crate::values::unicode::nfc;

/// A name shorter than this is refused as the whole password, but not inside a longer one.
const MIN_CONTAINED_NAME: usize = 4;

const MAX_ANSWER_CHARS: usize = 100;
const MIN_ANSWER_CHARS: usize = 3;

/// How long a password must and may be, in code points after NFC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// At least this many: 15, or 8 where a second factor is forced at sign-in.
    pub min_code_points: usize,
    /// At most this many: 128.
    pub max_code_points: usize,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { min_code_points: 15, max_code_points: 128 }
    }
}

/// A password that the policy accepts.
pub struct NewPassword(Secret<String>);

impl NewPassword {
    /// Checks a chosen password (ACT-1). `names` are those of the service, the organisation and the person.
    ///
    /// # Errors
    /// Too short, too long, simple, on the blocklist or containing a name, with the reason for the person.
    pub fn parse(
        raw: &str,
        policy: &PasswordPolicy,
        blocklist: &Blocklist,
        names: &[&str],
    ) -> Result<Self, ParseError> {
        let password = Self(Secret::new(normalised(raw, policy.max_code_points)));
        let text = password.0.expose();
        let count = text.chars().count();
        if count < policy.min_code_points {
            return Err(ParseError::new(
                "password-too-short",
                format!(
                    "Use at least {} characters; a few unrelated words are easy to remember.",
                    policy.min_code_points
                ),
            ));
        }
        if count > policy.max_code_points {
            return Err(ParseError::new(
                "password-too-long",
                format!("Use at most {} characters.", policy.max_code_points),
            ));
        }
        if let Some(name) = names.iter().find(|name| reveals(text, name)) {
            return Err(ParseError::new(
                "password-contains-name",
                format!("Choose a password without \"{name}\": names are the first thing that others try."),
            ));
        }
        let lower = Secret::new(blocklist::lower(text));
        let plain = Secret::new(blocklist::plain(lower.expose()));
        if pattern::is_simple(lower.expose(), plain.expose()) {
            return Err(ParseError::new(
                "password-simple",
                "Choose another password: this one repeats itself or follows the order of the keyboard, the digits or the \
                 alphabet.",
            ));
        }
        if blocklist.lists(plain.expose()) {
            return Err(ParseError::new(
                "password-common",
                "Choose another password: this one is on the lists of words and stolen passwords that others try first. \
                 Digits around it, or the same again, do not help; several unrelated words do.",
            ));
        }
        Ok(password)
    }

    /// The hash to keep, with a fresh salt.
    pub fn hash(&self, pepper: &Secret<[u8; 32]>, entropy: &mut dyn Entropy) -> PasswordHash {
        PasswordHash::of(self.0.expose(), pepper, entropy)
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(..)")
    }
}

/// NFC, cut one code point beyond `max`: what is longer is refused or matches nothing, at bounded cost.
fn normalised(raw: &str, max: usize) -> String {
    nfc(raw.chars()).take(max.saturating_add(1)).collect()
}

/// Whether the password gives the name away, with or without its legal form: nobody says "Incorporated".
fn reveals(password: &str, name: &str) -> bool {
    let spoken = without_legal_form(name);
    says(password, name) || (spoken != name && says(password, spoken))
}

/// Whether the password is the name, or contains one that is not too short to be a coincidence. Case, spaces and
/// punctuation do not count.
fn says(password: &str, name: &str) -> bool {
    let mut password = letters_and_digits(password);
    let name = letters_and_digits(&nfc(name.chars()).collect::<String>());
    let length = name.chars().count();
    let says = length > 0 && (password == name || (length >= MIN_CONTAINED_NAME && password.contains(&name)));
    password.zeroize();
    says
}

fn letters_and_digits(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The answer to a security question, reduced to what a person remembers of it: NFC, lower case, single spaces.
///
/// Not NFKC: its tables would take an eighth of a component's size for letters that hardly anybody types.
pub struct SecurityAnswer(Secret<String>);

impl SecurityAnswer {
    /// Checks an answer (ACT-2): 3 to 100 characters after the reduction.
    ///
    /// # Errors
    /// Too short or too long.
    pub fn parse(raw: &str) -> Result<Self, ParseError> {
        let answer = Self(Secret::new(remembered(raw)));
        match answer.0.expose().chars().count() {
            ..MIN_ANSWER_CHARS => Err(ParseError::new(
                "answer-too-short",
                format!("Give an answer of at least {MIN_ANSWER_CHARS} characters."),
            )),
            MIN_ANSWER_CHARS..=MAX_ANSWER_CHARS => Ok(answer),
            _ => Err(ParseError::new(
                "answer-too-long",
                format!("Give an answer of at most {MAX_ANSWER_CHARS} characters."),
            )),
        }
    }

    /// The hash to keep, with a fresh salt.
    pub fn hash(&self, pepper: &Secret<[u8; 32]>, entropy: &mut dyn Entropy) -> AnswerHash {
        AnswerHash::of(self.0.expose(), pepper, entropy)
    }
}

impl fmt::Debug for SecurityAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecurityAnswer(..)")
    }
}

fn remembered(raw: &str) -> String {
    let mut remembered = String::new();
    // Lower case may decompose a letter, so it is composed again. What is cut is the result: leading spaces may be
    // many, but they cost nothing.
    let lower = nfc(nfc(raw.chars()).flat_map(char::to_lowercase));
    let mut gap = false;
    for c in lower {
        if c.is_whitespace() {
            gap = !remembered.is_empty();
            continue;
        }
        if gap {
            remembered.push(' ');
            gap = false;
        }
        remembered.push(c);
        if remembered.chars().count() > MAX_ANSWER_CHARS {
            break;
        }
    }
    remembered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::testing::Seeded;
    use proptest::prelude::*;

    const NAMES: [&str; 5] = ["Vestibule", "Anvil Aerospace", "Ada", "Łukasz", "lovelacea_0042"];

    fn blocklist() -> Blocklist {
        let listed =
            ["password", "welcome", "iloveyouforever", "Correct Horse Battery Staple", "may the force be with you"];
        Blocklist::of(listed).expect("a filter")
    }

    fn parse(raw: &str, policy: &PasswordPolicy, names: &[&str]) -> Result<NewPassword, ParseError> {
        NewPassword::parse(raw, policy, &blocklist(), names)
    }

    fn fault(raw: &str) -> Result<(), &'static str> {
        parse(raw, &PasswordPolicy::default(), &NAMES).map(|_| ()).map_err(|error| error.code)
    }

    #[test]
    fn act_1_length_counts_code_points_after_nfc() {
        // ACT-1: 15 to 128, both sides.
        let unusual = |count: usize| "zq7 vbw9 xk3 mdp1 ".chars().cycle().take(count).collect::<String>();
        for (count, expected) in [
            (0, Err("password-too-short")),
            (14, Err("password-too-short")),
            (15, Ok(())),
            (64, Ok(())),
            (128, Ok(())),
            (129, Err("password-too-long")),
            (100_000, Err("password-too-long")),
        ] {
            assert_eq!(fault(&unusual(count)), expected, "{count}");
        }
        // One emoji is one code point, four bytes.
        assert_eq!(fault("🦀🐙🦑🐍🐢🐸🐳🐬🐟🐠🐡🦈🐊🐆"), Err("password-too-short"));
        assert_eq!(fault("🦀🐙🦑🐍🐢🐸🐳🐬🐟🐠🐡🦈🐊🐆🐅"), Ok(()));
        // A letter and its accent are composed before they are counted.
        assert_eq!(fault("e\u{301}a\u{300}o\u{302}u\u{308}i\u{301}n\u{303}y\u{301}"), Err("password-too-short"));
    }

    #[test]
    fn act_1_the_least_length_is_configured() {
        // ACT-1
        let policy = PasswordPolicy { min_code_points: 20, ..PasswordPolicy::default() };
        assert!(parse("twenty unusual signs", &policy, &[]).is_ok());
        assert!(parse("19 unusual signs ok", &policy, &[]).is_err_and(|error| error.hint.contains("20")));
    }

    #[test]
    fn act_1_any_character_is_allowed() {
        // ACT-1: no composition rules, spaces and control characters included.
        for good in [
            "all lower case words",
            "ALL UPPER CASE WORDS",
            "9471 8530 2269 1",
            "\t tabs\u{7F}and more\0",
            "пароль из пяти слов",
            "tent clay ride moss",
        ] {
            assert_eq!(fault(good), Ok(()), "{good:?}");
        }
    }

    #[test]
    fn act_1_names_are_refused_with_the_name() {
        // ACT-1: of the service, the organisation and the person; however they are written.
        for bad in [
            "my vestibule entry code",
            "V-e-s-t-i-b-u-l-e here we go",
            "anvilaerospace!2031",
            "ANVIL aerospace supplier",
            "łukasz the second of that name",
            "Lovelacea 0042 was my name",
        ] {
            assert_eq!(fault(bad), Err("password-contains-name"), "{bad}");
        }
        let with_form = ["Kestrel Machining LLC"];
        for bad in ["kestrel machining 2026", "my Kestrel-Machining, LLC"] {
            assert!(parse(bad, &PasswordPolicy::default(), &with_form).is_err(), "{bad}");
        }
        assert!(parse("machining is our trade", &PasswordPolicy::default(), &with_form).is_ok());
        let refused = parse("the vestibule door", &PasswordPolicy::default(), &NAMES);
        assert!(refused.is_err_and(|error| error.hint.contains("Vestibule")));
    }

    #[test]
    fn act_1_a_short_name_counts_alone_only() {
        // ACT-1: three letters occur in many words.
        assert_eq!(fault("canadian moose lake"), Ok(()));
        let policy = PasswordPolicy { min_code_points: 3, ..PasswordPolicy::default() };
        assert!(parse("ADA!", &policy, &NAMES).is_err());
        // A name without letters refuses nothing.
        assert!(parse("!!! 12 different", &policy, &["", "--"]).is_ok());
    }

    #[test]
    fn act_1_patterns_and_listed_passwords_are_refused_with_the_reason() {
        // ACT-1: however they are capitalised, composed, spaced, padded or repeated.
        for bad in ["aaaaaaaaaaaaaaa", "abcabcabcabcabc", "123456789012345", "543210987654321", "qwertyuiopasdfg"] {
            assert_eq!(fault(bad), Err("password-simple"), "{bad}");
        }
        for bad in [
            "passwordpassword",
            "Password1234567890",
            "password password password!!",
            "CorrectHorseBatteryStaple",
            "correct horse battery staple",
            "111iloveyouforever222",
            "welcomewelcomewelcome",
            "May the force be with you!",
        ] {
            assert_eq!(fault(bad), Err("password-common"), "{bad}");
        }
        let accented = Blocklist::of(["Quick \u{e9}t\u{e9} River"]).expect("a filter");
        let composed =
            NewPassword::parse("quick E\u{301}te\u{301} river 7", &PasswordPolicy::default(), &accented, &[]);
        assert_eq!(composed.map(|_| ()).map_err(|error| error.code), Err("password-common"));
    }

    #[test]
    fn act_2_answers_are_reduced_to_what_is_remembered() {
        // ACT-2
        for (raw, expected) in
            [("  Saint   Mary's\tSchool ", "saint mary's school"), ("St. Ma\u{301}ry", "st. máry"), ("ÇA VA", "ça va")]
        {
            assert_eq!(remembered(raw), expected);
        }
        let fault = |raw: &str| SecurityAnswer::parse(raw).map(|_| ()).map_err(|error| error.code);
        assert_eq!(fault("  a b"), Ok(()));
        assert_eq!(fault(" ab "), Err("answer-too-short"));
        assert_eq!(fault(""), Err("answer-too-short"));
        assert_eq!(fault(&"x".repeat(100)), Ok(()));
        assert_eq!(fault(&"x".repeat(101)), Err("answer-too-long"));
        assert_eq!(fault(&"x".repeat(1_000_000)), Err("answer-too-long"));
    }

    #[test]
    fn nothing_chosen_is_shown() {
        let password = parse("tent clay ride moss", &PasswordPolicy::default(), &[]);
        assert_eq!(format!("{password:?}"), "Ok(NewPassword(..))");
        assert_eq!(format!("{:?}", SecurityAnswer::parse("blue")), "Ok(SecurityAnswer(..))");
        let pepper = Secret::new([1; 32]);
        let answer = SecurityAnswer::parse("blue").expect("an answer").hash(&pepper, &mut Seeded(1));
        assert_eq!(format!("{answer:?}"), "AnswerHash(..)");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(text in "\\PC{0,140}", name in "\\PC{0,10}") {
            let policy = PasswordPolicy { min_code_points: 0, ..PasswordPolicy::default() };
            let _ = parse(&text, &policy, &[&name]);
            let _ = SecurityAnswer::parse(&text);
        }

        #[test]
        fn act_2_reducing_twice_changes_nothing(text in "\\PC{0,60}") {
            // ACT-2: an answer read back from anywhere stays the same answer.
            let once = remembered(&text);
            prop_assert_eq!(remembered(&once), once);
        }
    }
}
