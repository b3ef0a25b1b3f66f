//! Unicode normal forms (UAX #15).

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

// Statics of one crate share their tables; a constant in another crate brings them once more (19 kB of a component).
static COMPOSING: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();
static DECOMPOSING: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfd();

/// Canonical composition: one form for what looks and means the same.
pub(crate) fn nfc(chars: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    COMPOSING.normalize_iter(chars)
}

/// Canonical decomposition: letters apart from their diacritics.
pub(crate) fn nfd(text: &str) -> impl Iterator<Item = char> {
    DECOMPOSING.normalize_iter(text.chars())
}

/// Lower case, diacritics dropped, ligatures and barred letters spelt out.
pub(crate) fn folded(text: &str) -> impl Iterator<Item = char> {
    let letters = nfd(text).filter(|c| !is_combining(*c)).flat_map(char::to_lowercase);
    letters.flat_map(|c| {
        let spelt = spelt_out(c);
        spelt.chars().chain(spelt.is_empty().then_some(c))
    })
}

/// The diacritics of Latin, Greek and Cyrillic letters, decomposed.
const fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}')
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
