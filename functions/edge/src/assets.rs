//! What every page looks like: the stylesheet under a path that names its content, and the icon.

/// The stylesheet.
pub const STYLESHEET: &[u8] = include_bytes!("../assets/vestibule.css");
/// The icon.
pub const ICON: &[u8] = include_bytes!("../assets/icon.svg");

/// Computed when the crate is compiled, so that a component that only names the stylesheet does not carry it.
const STYLESHEET_DIGEST: u64 = fnv_1a(STYLESHEET);

/// The stylesheet's path. Another stylesheet has another path, so browsers may keep this one for good.
pub fn stylesheet_path() -> String {
    format!("/assets/vestibule.{STYLESHEET_DIGEST:016x}.css")
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
    fn the_sheet_names_nothing_that_the_policy_forbids() {
        let sheet = String::from_utf8_lossy(STYLESHEET);
        for forbidden in ["url(", "@import", "@font-face", "expression("] {
            assert!(!sheet.contains(forbidden), "{forbidden}");
        }
    }
}
