//! What a form shows beside its fields when it was refused.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Visitor},
};
use shared::refusal::{FieldFault, Refusal};

use crate::{problem::Problem, request::TARGET_BYTES_MAX};

/// A form's faults. Templates ask it by field name.
#[derive(Debug, Clone, Default)]
pub struct FormFaults(Vec<Fault>);

/// One fault as a page shows it.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The field's name.
    pub field: String,
    /// What to do next.
    pub message: String,
}

impl FormFaults {
    /// No faults: a form that was not sent yet.
    pub fn none() -> Self {
        Self::default()
    }

    /// What a refusal means for the form: field faults stay with their fields, anything else goes to `field`.
    pub fn of_refusal(refusal: &Refusal, field: &str) -> Self {
        match refusal {
            Refusal::InvalidInput(faults) => Self(faults.iter().map(Fault::from).collect()),
            other => {
                let problem = Problem::of_refusal(other);
                let message = format!("{} {}", problem.detail, problem.next);
                Self(vec![Fault { field: field.to_owned(), message: message.trim().to_owned() }])
            }
        }
    }

    /// The same, with what belongs to a field that the page does not draw at another one.
    #[must_use]
    pub fn moved(mut self, absent: &str, drawn: &str) -> Self {
        for fault in self.0.iter_mut().filter(|fault| fault.field == absent) {
            drawn.clone_into(&mut fault.field);
        }
        self
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in the order of the fields.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }

    /// The message that belongs to one field.
    pub fn of(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|fault| fault.field == field).map(|fault| fault.message.as_str())
    }
}

impl<'a> IntoIterator for &'a FormFaults {
    type Item = &'a Fault;
    type IntoIter = std::slice::Iter<'a, Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<&FieldFault> for Fault {
    fn from(fault: &FieldFault) -> Self {
        Self { field: fault.field.clone(), message: fault.hint.clone() }
    }
}

/// The query of a page that a link with a token opens.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenQuery {
    /// The token as the link has it; nothing is checked yet.
    pub token: String,
}

/// The query of a page that leads on to another one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContinueQuery {
    /// Where to go on; it becomes a [`LocalPath`].
    #[serde(default, rename = "continue")]
    pub continue_to: Option<String>,
}

/// The wish to sign out, of whoever it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSignOut {
    /// The form's token.
    #[serde(default)]
    pub csrf: Option<String>,
}

/// Nobody is signed in now.
#[derive(Debug, Serialize)]
pub struct SignedOut {
    /// Always true: signing out twice is harmless.
    pub signed_out: bool,
}

/// A path on this site that a request asks to go on to. Anything that a browser could take for another site is not one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPath(String);

impl LocalPath {
    /// The longest path and query, in bytes: what a request may have.
    pub const BYTES_MAX: usize = TARGET_BYTES_MAX;

    /// The requested path, or `default` when there is none or it is not one of this site.
    pub fn or(requested: Option<&str>, default: &'static str) -> Self {
        let local = requested.filter(|path| Self::is_local(path));
        Self(local.unwrap_or(default).to_owned())
    }

    fn is_local(path: &str) -> bool {
        path.len() <= Self::BYTES_MAX
            && path.starts_with('/')
            && !path.starts_with("//")
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address of a page that goes on to this path.
    pub fn after(&self, page: &str) -> String {
        let escaped: String = form_urlencoded::byte_serialize(self.0.as_bytes()).collect();
        format!("{page}?continue={escaped}")
    }

    /// Gives the path away.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Decodes a checkbox: `true` or `false` in JSON; `yes`, `on` or `true` in a form, where an unticked box is absent.
///
/// # Errors
/// For any other value.
pub fn ticked<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    struct Ticked;

    impl Visitor<'_> for Ticked {
        type Value = bool;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a ticked or unticked box")
        }

        fn visit_bool<E>(self, value: bool) -> Result<bool, E> {
            Ok(value)
        }

        fn visit_str<E: de::Error>(self, value: &str) -> Result<bool, E> {
            match value {
                "yes" | "on" | "true" => Ok(true),
                "" | "no" | "false" => Ok(false),
                other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
            }
        }
    }

    deserializer.deserialize_any(Ticked)
}

/// The paragraphs of a text from the configuration: what blank lines separate, each on one line.
pub fn paragraphs(text: &str) -> Vec<String> {
    let one_line = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    text.split("\n\n").map(one_line).filter(|paragraph| !paragraph.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_site_are_followed() {
        for good in ["/", "/dashboard", "/launch/authorize?client_id=a&state=%2F"] {
            assert_eq!(LocalPath::or(Some(good), "/d").as_str(), good);
        }
        let long = format!("/{}", "a".repeat(LocalPath::BYTES_MAX));
        for bad in
            ["", "dashboard", "//evil.example", "https://evil.example", "/\\evil.example", "/a b", "/a\nb", &long]
        {
            assert_eq!(LocalPath::or(Some(bad), "/d").as_str(), "/d", "{bad}");
        }
        assert_eq!(LocalPath::or(None, "/d").as_str(), "/d");
        let path = LocalPath::or(Some("/invite/accept?link=a%2Bb&c"), "/d");
        assert_eq!(path.after("/sign-in"), "/sign-in?continue=%2Finvite%2Faccept%3Flink%3Da%252Bb%26c");
    }
}
