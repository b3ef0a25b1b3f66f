//! Crockford's base32 symbols, for codes that people type from paper.

use zeroize::Zeroizing;

use crate::secret::Entropy;

/// Digits and upper-case letters without I, L, O and U. A symbol's place is its value.
const ALPHABET: [u8; 32] = *b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Five random bits a value.
pub(super) fn random_values<const N: usize>(entropy: &mut dyn Entropy) -> Zeroizing<[u8; N]> {
    let mut values = Zeroizing::new([0; N]);
    entropy.fill(values.as_mut());
    for value in values.iter_mut() {
        *value &= 31;
    }
    values
}

/// Exactly `N` symbol values. Case, dashes and spaces are ignored; O reads as 0, I and L read as 1.
pub(super) fn read_values<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    let mut values = Zeroizing::new([0; N]);
    let mut symbols = text.chars().filter(|c| !c.is_whitespace() && *c != '-');
    for value in values.iter_mut() {
        *value = value_of(symbols.next()?)?;
    }
    symbols.next().is_none().then_some(values)
}

/// The symbols of the values.
pub(super) fn symbols<const N: usize>(values: &[u8; N]) -> [u8; N] {
    values.map(|value| ALPHABET.get(usize::from(value)).copied().unwrap_or_default())
}

/// The symbols in groups of these sizes, joined by dashes.
pub(super) fn grouped(symbols: &[u8], group_sizes: &[usize]) -> String {
    let mut text = String::with_capacity(symbols.len() + group_sizes.len());
    let mut rest = symbols.iter();
    for size in group_sizes {
        if !text.is_empty() {
            text.push('-');
        }
        text.extend(rest.by_ref().take(*size).map(|symbol| char::from(*symbol)));
    }
    text
}

/// Whether this is one of the symbols, in its one spelling.
pub(super) fn is_symbol(symbol: u8) -> bool {
    ALPHABET.contains(&symbol)
}

fn value_of(symbol: char) -> Option<u8> {
    let symbol = match symbol.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let place = ALPHABET.iter().position(|known| char::from(*known) == symbol)?;
    u8::try_from(place).ok()
}
