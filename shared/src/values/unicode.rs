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
