//! An e-mail, written once and shown twice: as HTML and as plain text, so that both say the same.

use core::fmt;

use askama::Template;

/// The longest text that a mail client is given to show beside the subject, in characters.
const PREHEADER_CHARS_MAX: usize = 120;

/// An e-mail to one person.
#[derive(Debug, Template)]
#[template(path = "mail.html")]
pub(super) struct Letter {
    subject: String,
    /// What a list of messages shows beside the subject.
    preheader: String,
    /// How the text addresses the person.
    name: String,
    parts: Vec<Part>,
    /// Who writes.
    service: String,
    /// Where the person finds help.
    support: String,
}

/// A paragraph.
#[derive(Debug)]
pub(super) enum Part {
    Text(String),
    List {
        lead: String,
        items: Vec<String>,
    },
    /// A licence key.
    Key {
        product: String,
        key: String,
    },
    /// What the letter wants the person to do.
    Button {
        lead: String,
        label: &'static str,
        url: String,
    },
    /// What the person may do besides.
    Link {
        lead: String,
        url: String,
    },
}

/// What a letter says, before it is addressed and signed.
#[derive(Debug)]
pub(super) struct Content {
    subject: String,
    parts: Vec<Part>,
}

impl Content {
    /// Begins a letter. Names that people have chosen can stand in the subject, which is one line whatever they hold.
    pub(super) fn about(subject: impl AsRef<str>) -> Self {
        let words = subject.as_ref().split(|char: char| char.is_control() || char.is_whitespace());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        Self { subject: words.join(" "), parts: Vec::new() }
    }

    pub(super) fn text(self, text: impl Into<String>) -> Self {
        self.with(Part::Text(text.into()))
    }

    pub(super) fn list(self, lead: impl Into<String>, items: Vec<String>) -> Self {
        self.with(Part::List { lead: lead.into(), items })
    }

    pub(super) fn key(self, product: &str, key: &str) -> Self {
        self.with(Part::Key { product: product.to_owned(), key: key.to_owned() })
    }

    pub(super) fn button(self, lead: impl Into<String>, label: &'static str, url: String) -> Self {
        self.with(Part::Button { lead: lead.into(), label, url })
    }

    pub(super) fn link(self, lead: impl Into<String>, url: String) -> Self {
        self.with(Part::Link { lead: lead.into(), url })
    }

    /// The letter to this person, by this service.
    pub(super) fn letter(self, name: &str, service: &str, support: &str) -> Letter {
        let Self { subject, parts } = self;
        let first = parts.first().map(Part::beginning).unwrap_or_default();
        Letter {
            preheader: first.chars().take(PREHEADER_CHARS_MAX).collect(),
            subject,
            name: name.to_owned(),
            parts,
            service: service.to_owned(),
            support: support.to_owned(),
        }
    }

    fn with(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }
}

impl Letter {
    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// The letter as plain text.
    pub(super) fn plain(&self) -> String {
        let Self { name, parts, service, support, .. } = self;
        let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
        format!("Dear {name},\n\n{}\n\n{service}\nSupport: {support}\n", parts.join("\n\n"))
    }
}

impl Part {
    fn beginning(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::List { lead, .. } | Self::Button { lead, .. } | Self::Link { lead, .. } => lead,
            Self::Key { product, .. } => product,
        }
    }
}

impl fmt::Display for Part {
    /// As plain text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::List { lead, items } => write!(f, "{lead}\n{}", items.join("\n")),
            Self::Key { product, key } => write!(f, "{product}\n{key}"),
            Self::Button { lead, url, .. } | Self::Link { lead, url } => write!(f, "{lead}\n{url}"),
        }
    }
}
