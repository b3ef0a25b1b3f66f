//! E-mail addresses.

use core::fmt;
use core::str::FromStr;

use email_address::{EmailAddress, Options};
use serde::{Deserialize, Serialize};

use super::ParseError;

/// RFC 5321 4.5.3.1.3 with the angle brackets taken off.
const MAX_BYTES: usize = 254;

/// An e-mail address: at most 254 ASCII bytes, the domain in lower case with at least two labels.
///
/// Quoted local parts, domain literals and display names are refused: no person's mailbox needs them, and each
/// has been used to smuggle a second recipient past a check.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Email(String);

impl Email {
    /// The address as mail is sent to it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The whole address in lower case: what indexes use, so that two spellings of one mailbox meet.
    pub fn normalised(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// The part after the `@`, in lower case.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Email {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ParseError::new("email-missing", "Enter an e-mail address."));
        }
        if text.len() > MAX_BYTES {
            return Err(ParseError::new("email-too-long", "Enter an e-mail address of at most 254 characters."));
        }
        let options = Options::default().with_required_tld().without_domain_literal().without_display_text();
        let plain = text.is_ascii() && !text.starts_with('"');
        match text.rsplit_once('@') {
            Some((local, domain)) if plain && EmailAddress::parse_with_options(text, options).is_ok() => {
                Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
            }
            _ => Err(ParseError::new("email-invalid", "Enter an e-mail address like name@example.com.")),
        }
    }
}

impl TryFrom<String> for Email {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_read_as_mail_systems_read_them() {
        let email: Email = "  Ada.Lovelace+anvil@Mail.EXAMPLE.com ".parse().expect("an address");
        assert_eq!(email.as_str(), "Ada.Lovelace+anvil@mail.example.com");
        assert_eq!(email.normalised(), "ada.lovelace+anvil@mail.example.com");
        assert_eq!(email.domain(), "mail.example.com");
        assert!("o'brien@xn--bcher-kva.example".parse::<Email>().is_ok());
    }

    #[test]
    fn what_is_no_mailbox_is_refused() {
        for wrong in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "ada@example.com, eve@example.com",
            "ada@example.com\r\nBcc: eve@example.com",
            "Ada <ada@example.com>",
            "\"ada eve\"@example.com",
            "ada@[127.0.0.1]",
            "ada@exa mple.com",
            "ada..l@example.com",
            "äda@example.com",
            "ada@bücher.example",
        ] {
            assert!(wrong.parse::<Email>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn at_most_254_bytes() {
        let domain = format!("{}.{}.{}.com", "a".repeat(63), "b".repeat(63), "c".repeat(63));
        let address = |local: usize| format!("{}@{domain}", "x".repeat(local));
        let local = 254 - domain.len() - 1;
        assert!(address(local).parse::<Email>().is_ok());
        assert_eq!(address(local + 1).parse::<Email>().map_err(|error| error.code), Err("email-too-long"));
    }

    proptest! {
        #[test]
        fn addresses_survive_their_text(text in "[a-zA-Z0-9.+_-]{1,20}@[a-zA-Z0-9-]{1,10}\\.[a-zA-Z]{2,6}") {
            if let Ok(email) = text.parse::<Email>() {
                prop_assert_eq!(email.as_str().parse::<Email>(), Ok(email.clone()));
                prop_assert_eq!(email.normalised(), text.to_lowercase());
                let stored = postcard::to_allocvec(&email).expect("text");
                prop_assert_eq!(postcard::from_bytes::<Email>(&stored), Ok(email));
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,40}") {
            let _ = text.parse::<Email>();
        }
    }
}
