//! Webhooks that could not be acted upon.

use askama::Template;
use edge::{Edge, Platform};
use serde::{Deserialize, Serialize};
use shared::{
    dead_letter::{DeadLetter, Sender, Standing},
    values::{DeadLetterId, OperatorId, PartnerId, Timestamp},
};

use super::Further;

/// What the last form has done, on its way to the page behind it.
#[derive(Serialize, Deserialize)]
pub(crate) struct JustTried {
    pub(crate) by: OperatorId,
    /// Whether the letter is settled.
    pub(crate) done: bool,
}

/// A fault of a webhook.
#[derive(Serialize)]
pub(crate) struct FaultView {
    field: String,
    hint: String,
}

/// A dead letter.
#[derive(Serialize)]
pub(crate) struct LetterView {
    id: DeadLetterId,
    /// `webstore` or `payments`.
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner: Option<String>,
    state: &'static str,
    code: String,
    faults: Vec<FaultView>,
    came_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_by: Option<OperatorId>,
}

impl LetterView {
    pub(crate) fn of<P: Platform>(edge: &Edge<P>, letter: &DeadLetter) -> Self {
        let (source, partner) = match &letter.sender {
            Sender::Webstore { partner, .. } => ("webstore", Some(partner)),
            Sender::Payments(_) => ("payments", None),
        };
        let name = |id: &PartnerId| edge.gateway.partner(id).map_or_else(|| id.to_string(), |known| known.name.clone());
        let faults = letter.reason.faults.iter();
        let (state, settled_at, settled_by) = match &letter.standing {
            Standing::Waiting => ("waiting", None, None),
            Standing::Settled { how, by, at } => (how.as_str(), Some(*at), Some(by.clone())),
        };
        Self {
            id: letter.id,
            source,
            partner: partner.map(name),
            state,
            code: letter.reason.code.clone(),
            faults: faults.map(|(field, hint)| FaultView { field: field.clone(), hint: hint.clone() }).collect(),
            came_at: letter.came_at,
            settled_at,
            settled_by,
        }
    }
}

/// The letters that wait.
#[derive(Serialize, Template)]
#[template(path = "letters.html")]
pub(crate) struct LettersPage {
    #[serde(skip)]
    title: &'static str,
    letters: Vec<LetterView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip)]
    goes_on: bool,
}

impl LettersPage {
    pub(crate) fn of<P: Platform>(edge: &Edge<P>, letters: &[DeadLetter], further: Further) -> Self {
        Self {
            title: "Webhooks to look at",
            letters: letters.iter().map(|letter| LetterView::of(edge, letter)).collect(),
            next: further.next.map(|after| format!("/operate/dead-letters?after={after}")),
            goes_on: further.goes_on,
        }
    }
}

/// One letter with what it says.
#[derive(Serialize, Template)]
#[template(path = "letter.html")]
pub(crate) struct LetterPage {
    #[serde(skip)]
    title: &'static str,
    #[serde(flatten)]
    letter: LetterView,
    /// `None` when it was sealed with a root secret that is gone.
    body: Option<String>,
    #[serde(skip)]
    may_act: bool,
    /// Whether the last try has settled it.
    #[serde(skip)]
    notice: Option<bool>,
}

impl LetterPage {
    pub(crate) fn of<P: Platform>(
        edge: &Edge<P>,
        letter: &DeadLetter,
        may_act: bool,
        notice: Option<JustTried>,
    ) -> Self {
        Self {
            title: "A webhook that could not be acted upon",
            letter: LetterView::of(edge, letter),
            body: letter.open(&edge.keys).ok().map(|body| String::from_utf8_lossy(&body).into_owned()),
            may_act,
            notice: notice.map(|notice| notice.done),
        }
    }
}
