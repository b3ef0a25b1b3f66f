//! Why a text was not accepted as a value.

use core::fmt;

/// Why a text was not accepted, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Stable, for programs: `email-invalid`.
    pub code: &'static str,
    /// For the person who typed the text. It never repeats a secret.
    pub hint: String,
}

impl ParseError {
    /// A fault with its stable code and the next step for the person.
    pub fn new(code: &'static str, hint: impl Into<String>) -> Self {
        Self { code, hint: hint.into() }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hint)
    }
}

impl core::error::Error for ParseError {}
