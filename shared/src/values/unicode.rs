//! Unicode normal forms (UAX #15).

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

/// Canonical composition: one form for what looks and means the same.
pub(crate) fn nfc(chars: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    ComposingNormalizerBorrowed::new_nfc().normalize_iter(chars)
}

/// Canonical decomposition: letters apart from their diacritics.
pub(crate) fn nfd(text: &str) -> impl Iterator<Item = char> {
    DecomposingNormalizerBorrowed::new_nfd().normalize_iter(text.chars())
}

/// What letters that have no decomposition are folded to, in lower case; empty for every other character.
pub(crate) const fn spelt_out(c: char) -> &'static str {
    match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ı' => "i",
        _ => "",
    }
}
