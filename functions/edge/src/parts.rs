//! The parts that every page repeats, as templates of their own.
//!
//! Askama writes a parent template and every macro out wherever it is used: the frame into each page's code, a text field
//! into each of its calls. `templates/base.html` and `templates/forms.html` therefore only pass on to what stands here, once
//! in a component. A part writes into its page's output and sees the same runtime values.

use std::borrow::Borrow;

use askama::{Template, filters::HtmlSafe};

use crate as edge;
use crate::form::FormFaults;

macro_rules! parts {
    ($($part:ty),* $(,)?) => {
        $(
            // Its template has escaped what it was given.
            impl HtmlSafe for $part {}
        )*
    };
}

parts!(
    Opening<'_>,
    Navigation,
    Duty,
    Place<'_>,
    Closing,
    Csrf,
    Summary<'_>,
    Described<'_>,
    Notes<'_>,
    Mark<'_>,
    Label<'_>,
    Field<'_>,
    Further<'_>,
    Lines<'_>
);

/// The page's head, the skip link, and the header up to the service's name.
#[derive(Template)]
#[template(path = "parts/opening.html")]
pub struct Opening<'a> {
    title: &'a str,
}

/// [`Opening`] of the page with this title.
pub fn opening(title: &str) -> Opening<'_> {
    Opening { title }
}

/// A signed-in person's links, and the way out; nothing for anybody else.
#[derive(Template)]
#[template(path = "parts/navigation.html")]
pub struct Navigation;

/// The links of the operator who is on duty, and the way out; nothing for anybody else.
#[derive(Template)]
#[template(path = "parts/duty.html")]
pub struct Duty;

/// A link of a page's navigation; the one to the page itself is marked.
#[derive(Template)]
#[template(path = "parts/place.html")]
pub struct Place<'a> {
    address: &'a str,
    text: &'a str,
}

/// [`Place`] at this address.
pub fn place<'a>(address: &'a str, text: &'a str) -> Place<'a> {
    Place { address, text }
}

/// Lines one below the other, as an address has them.
#[derive(Template)]
#[template(source = r#"{% for line in lines %}{{ line }}{% if !loop.last %}<br>{% endif %}{% endfor %}"#, ext = "html")]
pub struct Lines<'a> {
    lines: &'a [String],
}

/// [`Lines`] of these.
pub const fn lines(lines: &[String]) -> Lines<'_> {
    Lines { lines }
}

/// Where a list goes on, and back to where it begins; nothing for a list of one page.
#[derive(Template)]
#[template(path = "parts/further.html")]
pub struct Further<'a> {
    first: &'a str,
    next: Option<String>,
    goes_on: bool,
}

/// [`Further`] of a list that begins at the address `first`: `next` behind `before` is the next page's address, and `goes_on`
/// whether this is a later page than the first.
pub fn further(
    first: &str,
    before: impl AsRef<str>,
    next: impl Borrow<Option<String>>,
    goes_on: impl Borrow<bool>,
) -> Further<'_> {
    let next = next.borrow().as_ref().map(|next| format!("{}{next}", before.as_ref()));
    Further { first, next, goes_on: *goes_on.borrow() }
}

/// What stands below every page.
#[derive(Template)]
#[template(path = "parts/closing.html")]
pub struct Closing;

/// The hidden token that proves a form to be ours (SIG-4).
#[derive(Template)]
#[template(path = "parts/csrf.html")]
pub struct Csrf;

/// All faults of a form, each a link to its field; nothing when there is none.
#[derive(Template)]
#[template(path = "parts/summary.html")]
pub struct Summary<'a> {
    faults: &'a FormFaults,
}

/// [`Summary`] of these faults.
pub fn summary(faults: &FormFaults) -> Summary<'_> {
    Summary { faults }
}

/// What is said about a control. As a part it is the attributes that tie the control to its hint and its fault.
#[derive(Template)]
#[template(path = "parts/described.html")]
pub struct Described<'a> {
    name: &'a str,
    hint: &'a str,
    error: Option<&'a str>,
    required: bool,
}

/// [`Described`] for the control of this name; an empty hint is none. Askama passes on a variable of a template by
/// reference, and a literal as it is.
pub fn described<'a>(
    faults: &'a FormFaults,
    name: &'a str,
    hint: &'a str,
    required: impl Borrow<bool>,
) -> Described<'a> {
    Described { name, hint, error: faults.of(name), required: *required.borrow() }
}

/// Hint and fault of a control.
#[derive(Template)]
#[template(path = "parts/notes.html")]
pub struct Notes<'a> {
    about: &'a Described<'a>,
}

/// [`Notes`] about this control.
pub fn notes<'a>(about: &'a Described<'a>) -> Notes<'a> {
    Notes { about }
}

/// The mark of what is required; nothing for what is not.
#[derive(Template)]
#[template(path = "parts/mark.html")]
pub struct Mark<'a> {
    about: &'a Described<'a>,
}

/// [`Mark`] of this control.
pub fn mark<'a>(about: &'a Described<'a>) -> Mark<'a> {
    Mark { about }
}

/// What a control is called, above its [`Notes`].
#[derive(Template)]
#[template(path = "parts/label.html")]
pub struct Label<'a> {
    about: &'a Described<'a>,
    text: &'a str,
}

/// [`Label`] of this control.
pub fn label<'a>(about: &'a Described<'a>, text: &'a str) -> Label<'a> {
    Label { about, text }
}

/// A field of one line with everything that belongs to it.
#[derive(Template)]
#[template(path = "parts/field.html")]
pub struct Field<'a> {
    about: Described<'a>,
    label: &'a str,
    kind: &'a str,
    value: &'a str,
    autocomplete: &'a str,
    input_mode: &'a str,
    width: &'a str,
}

/// An empty [`Field`] for text.
pub fn field<'a>(
    faults: &'a FormFaults,
    name: &'a str,
    label: &'a str,
    hint: &'a str,
    required: impl Borrow<bool>,
) -> Field<'a> {
    let about = described(faults, name, hint, required);
    Field { about, label, kind: "text", value: "", autocomplete: "off", input_mode: "", width: "" }
}

impl<'a> Field<'a> {
    /// The control's `type`.
    #[must_use]
    pub fn kind(self, kind: &'a str) -> Self {
        Self { kind, ..self }
    }

    /// What was entered before. A password is never repeated, whatever is given.
    #[must_use]
    pub fn value(self, value: &'a str) -> Self {
        Self { value, ..self }
    }

    /// How a browser fills it in, which keyboard suits (`inputmode`), how wide it is; empty for no preference.
    #[must_use]
    pub fn suited(self, autocomplete: &'a str, input_mode: &'a str, width: &'a str) -> Self {
        Self { autocomplete, input_mode, width, ..self }
    }
}
