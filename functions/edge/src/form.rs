//! What a form shows beside its fields when it was refused.

use shared::refusal::{FieldFault, Refusal};

use crate::problem::Problem;

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
