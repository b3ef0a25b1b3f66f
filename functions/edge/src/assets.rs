//! What every page looks like: the stylesheet under a path that names its content, and the icon. And the script of pages on
//! which a password is chosen, under such a path too.

/// The stylesheet.
pub const STYLESHEET: &[u8] = include_bytes!("../assets/vestibule.css");
/// The icon.
pub const ICON: &[u8] = include_bytes!("../assets/icon.svg");

/// The script that advises while a password is typed.
pub const PASSWORD_SCRIPT: &[u8] = include_bytes!("../assets/password.js");

/// Computed when the crate is compiled, so that a component that only names the stylesheet does not carry it.
const STYLESHEET_DIGEST: u64 = fnv_1a(STYLESHEET);
const PASSWORD_SCRIPT_DIGEST: u64 = fnv_1a(PASSWORD_SCRIPT);

/// The stylesheet's path. Another stylesheet has another path, so browsers may keep this one for good.
pub fn stylesheet_path() -> String {
    format!("/assets/vestibule.{STYLESHEET_DIGEST:016x}.css")
}

/// The script's path, as the stylesheet's.
pub fn password_script_path() -> String {
    format!("/assets/password.{PASSWORD_SCRIPT_DIGEST:016x}.js")
}

/// FNV-1a with 64 bits: it tells versions of our own file apart, and proves nothing.
const fn fnv_1a(mut bytes: &[u8]) -> u64 {
    let mut digest = 0xcbf2_9ce4_8422_2325_u64;
    while let Some((first, rest)) = bytes.split_first() {
        // A byte always fits.
        digest = (digest ^ *first as u64).wrapping_mul(0x0100_0000_01b3);
        bytes = rest;
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_published_vectors() {
        // Fowler, Noll, Vo: test vectors of FNV-1a, 64 bits.
        for (text, digest) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            assert_eq!(fnv_1a(text.as_bytes()), digest, "{text}");
        }
    }

    #[test]
    fn act_1_the_script_is_small_and_knows_no_rule_of_its_own() {
        // ACT-1: how many code points are needed comes with the page.
        let script = String::from_utf8_lossy(PASSWORD_SCRIPT);
        assert!(script.len() < 2_048, "{} bytes", script.len());
        assert!(script.contains("dataset.passwordMin") && !script.contains("15"));
        for forbidden in ["innerHTML", "eval(", "fetch(", "localStorage", "console."] {
            assert!(!script.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn the_sheet_names_nothing_that_the_policy_forbids() {
        let sheet = String::from_utf8_lossy(STYLESHEET);
        for forbidden in ["url(", "@import", "@font-face", "expression("] {
            assert!(!sheet.contains(forbidden), "{forbidden}");
        }
    }
}
