//! Passwords that everybody tries first.
//!
//! With a minimum of 15 code points the plain entries of breach lists are too short anyway; what gets through is a
//! common word repeated or padded, a run along the keyboard, or a famous phrase. Those are refused here.

/// Common words and phrases, reduced to lower-case letters and digits. Sorted, for binary search.
const COMMON: &[&str] = &[
    "00000000",
    "11111111",
    "112233",
    "11223344",
    "123123123",
    "123321",
    "12345678",
    "123456789",
    "1234567890",
    "1234qwer",
    "123qwe",
    "147258369",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "1qaz2wsx",
    "88888888",
    "987654321",
    "a1b2c3d4",
    "abc123",
    "abcd1234",
    "abcdefghijklmno",
    "access",
    "account",
    "admin",
    "admin123",
    "admin1234",
    "adminadmin",
    "administrator",
    "aerospace",
    "allyouneedislove",
    "america",
    "android",
    "apple",
    "april",
    "arsenal",
    "asdfgh",
    "asdfghjkl",
    "atleastfifteencharacters",
    "autumn",
    "averylongpassword",
    "azerty",
    "barcelona",
    "baseball",
    "basketball",
    "batman",
    "birthday",
    "business",
    "california",
    "changeit",
    "changeme",
    "changeme123",
    "changemenow",
    "charlie",
    "chelsea",
    "christmas",
    "company",
    "computer",
    "contrasena",
    "corporate",
    "correcthorsebattery",
    "correcthorsebatterystaple",
    "default",
    "defense",
    "demo",
    "demodemo",
    "dragon",
    "enter",
    "facebook",
    "february",
    "fifteencharacter",
    "fifteencharacters",
    "football",
    "forever",
    "forgotpassword",
    "freedom",
    "friday",
    "godblessamerica",
    "godisgood",
    "goodluck",
    "goodmorning",
    "google",
    "guest",
    "hallelujah",
    "halloween",
    "happybirthday",
    "happynewyear",
    "hello",
    "hello123",
    "hellohello",
    "hellokitty",
    "helloworld",
    "hockey",
    "hunter",
    "hunter2",
    "idontknow",
    "iforgot",
    "iforgotmypassword",
    "ihatepasswords",
    "ilovemycat",
    "ilovemydog",
    "ilovemyfamily",
    "iloveyou",
    "iloveyoubaby",
    "iloveyouforever",
    "iloveyousomuch",
    "ingodwetrust",
    "internet",
    "inthebeginning",
    "inthebeginningwastheword",
    "iphone",
    "itwasthebestoftimes",
    "january",
    "jennifer",
    "jesuschrist",
    "jesusislord",
    "jesuslovesme",
    "jordan",
    "juventus",
    "letmein",
    "letmein123",
    "letmeinnow",
    "letmeinplease",
    "linkedin",
    "liverpool",
    "login",
    "logon",
    "london",
    "longpassword",
    "losangeles",
    "love",
    "lovely",
    "loveyou",
    "manager",
    "manchesterunited",
    "march",
    "master",
    "maytheforcebewithyou",
    "michael",
    "microsoft",
    "monday",
    "monkey",
    "motdepasse",
    "mustang",
    "mynewpassword",
    "mypassword",
    "mypasswordis",
    "mysecret",
    "newpassword",
    "newyork",
    "newyorkcity",
    "nopassword",
    "nothing",
    "office",
    "oldpassword",
    "oncebittentwiceshy",
    "onceuponatime",
    "onetwothreefour",
    "onetwothreefourfive",
    "opensesame",
    "operator",
    "ourfatherwhoartinheaven",
    "p4ssw0rd",
    "p4ssword",
    "pa55word",
    "passphrase",
    "passw0rd",
    "password",
    "password1",
    "password12",
    "password123",
    "password1234",
    "password12345",
    "passwordpassword",
    "passwort",
    "pokemon",
    "princess",
    "private",
    "q1w2e3r4",
    "q1w2e3r4t5",
    "qazwsx",
    "qazwsxedc",
    "qwerty",
    "qwerty123",
    "qwertyuiop",
    "qwertz",
    "realmadrid",
    "root",
    "rootroot",
    "samsung",
    "secret",
    "secretsecret",
    "secure",
    "security",
    "senha",
    "sesame",
    "shadow",
    "signin",
    "soccer",
    "spiderman",
    "spring",
    "starwars",
    "summer",
    "sunday",
    "sunshine",
    "sunshine1",
    "superman",
    "superuser",
    "supervisor",
    "supplier",
    "supplychain",
    "sysadmin",
    "temp1234",
    "temporary",
    "temppassword",
    "test1234",
    "tester",
    "testing",
    "testtest",
    "texas",
    "thequickbrownfox",
    "thequickbrownfoxjumps",
    "thequickbrownfoxjumpsoverthelazydog",
    "thisisapassword",
    "thisismypassword",
    "tobeornottobe",
    "tobeornottobethatisthequestion",
    "toor",
    "topsecret",
    "trustno1",
    "unitedstates",
    "user",
    "username",
    "welcome",
    "welcome1",
    "welcome123",
    "welcomeback",
    "whatever",
    "windows",
    "winter",
    "zaq12wsx",
    "zxcvbn",
    "zxcvbnm",
];

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

/// The longest unit whose mere repetition is refused.
const MAX_REPEATED_UNIT: usize = 5;

/// Whether the password, in lower case, is common: on the list (also repeated, or padded with digits and signs), a
/// short unit repeated, or a walk along the keyboard, the digits or the alphabet in either direction.
#[must_use]
pub fn is_common(lower: &str) -> bool {
    let plain: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    let core = plain.trim_matches(|c: char| c.is_ascii_digit());
    listed(&plain) || listed(core) || repeats(lower) || repeats(&plain) || walks(&plain)
}

/// On the list, or an entry of it several times over.
fn listed(text: &str) -> bool {
    if COMMON.binary_search(&text).is_ok() {
        return true;
    }
    let unit = |entry: &&&str| text.len() > entry.len() && text.len().is_multiple_of(entry.len());
    COMMON.iter().filter(unit).any(|entry| text.split(entry).all(str::is_empty))
}

/// Nothing but a unit of a few characters over and over.
fn repeats(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (1..=MAX_REPEATED_UNIT.min(chars.len() / 2))
        .any(|unit| chars.iter().zip(chars.iter().skip(unit)).all(|(one, next)| one == next))
}

fn walks(text: &str) -> bool {
    let reversed: String = text.chars().rev().collect();
    !text.is_empty() && WALKS.iter().any(|walk| walk.contains(text) || walk.contains(&reversed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_reduced() {
        // ACT-1: binary search finds nothing in a list that is not sorted.
        assert!(COMMON.is_sorted_by(|one, next| one < next));
        assert!(COMMON.len() >= 200);
        for entry in COMMON {
            assert!(entry.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{entry}");
            assert!(is_common(entry), "{entry}");
        }
    }

    #[test]
    fn what_only_contains_a_common_word_is_not_common() {
        // ACT-1: whole passwords are compared, or every passphrase would be refused.
        for good in [
            "",
            "my password is a long river",
            "monkey trumpet lagoon",
            "abcdefghijklmno1pq",
            "1234567890 lagoons",
            "aaaaaaaaaaaaaab",
        ] {
            assert!(!is_common(good), "{good}");
        }
    }
}
