//! Passwords that follow a simple pattern: one unit over and over, a walk along the keyboard, the digits or the alphabet.

/// Keys in the order of the keyboard or the alphabet; a password that walks along one of them is no secret.
const WALKS: &[&str] = &[
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    "0123456789012345678901234567890123456789",
    "123456789012345678901234567890123456789012345678901234567890",
    "1234567890qwertyuiopasdfghjklzxcvbnm",
    "qwertyuiopasdfghjklzxcvbnm1234567890",
    "qwertyuiopqwertyuiopqwertyuiop",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "qazwsxedcrfvtgbyhnujmikolp",
];

/// The longest unit whose mere repetition is refused, in code points; of a longer one it matters what it is.
const MAX_REPEATED_UNIT: usize = 5;

/// Whether the password, in lower case, follows a simple pattern. `plain` are its letters and digits.
pub(super) fn is_simple(lower: &str, plain: &str) -> bool {
    repeats(lower) || repeats(plain) || walks(plain)
}

/// The shortest unit that the text repeats at least once, whole or begun again at the end; `None` when there is none.
pub(super) fn unit(text: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let length = (1..=chars.len() / 2)
        .find(|length| chars.iter().zip(chars.iter().skip(*length)).all(|(one, next)| one == next))?;
    Some(chars.into_iter().take(length).collect())
}

fn repeats(text: &str) -> bool {
    unit(text).is_some_and(|unit| unit.chars().count() <= MAX_REPEATED_UNIT)
}

fn walks(text: &str) -> bool {
    let reversed: String = text.chars().rev().collect();
    !text.is_empty() && WALKS.iter().any(|walk| walk.contains(text) || walk.contains(&reversed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn act_1_a_unit_is_the_shortest_and_may_begin_again() {
        // ACT-1
        for (text, expected) in [
            ("aaaa", Some("a")),
            ("abcabcab", Some("abc")),
            ("passwordpassword", Some("password")),
            ("passwordpasswordp", Some("password")),
            ("éaéa", Some("éa")),
            ("abcab", None),
            ("a", None),
            ("", None),
        ] {
            assert_eq!(unit(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn act_1_runs_and_repetitions_are_simple_and_their_beginnings_are_not() {
        // ACT-1
        for simple in
            ["aaaaaaaaaaaaaaa", "abcdefghijklmnop", "543210987654321", "qwertyuiopasdfg", "12345123451234512345"]
        {
            assert!(is_simple(simple, simple), "{simple}");
        }
        for good in ["aaaaaaaaaaaaaab", "abcdefghijklmno1pq", "1234567890 lagoons", "sevengreenkettles"] {
            assert!(!is_simple(good, good), "{good}");
        }
        assert!(is_simple("ab ab-ab ab ab ab ab", "ababababababab"), "spaces and signs hide nothing");
    }
}
