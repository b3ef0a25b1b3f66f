//! The id under which a partner knows an invitation.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::values::{InvitationSlotId, ParseError};

/// One invitation: the slot of its application and e-mail, and its number there. `qj3...-1` where partners read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationId {
    /// Where the invitations of this application and e-mail live.
    pub slot: InvitationSlotId,
    /// Counts the slot's invitations from 1.
    pub generation: u32,
}

impl fmt::Display for InvitationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.slot, self.generation)
    }
}

impl FromStr for InvitationId {
    type Err = ParseError;

    /// Strict: exactly what `Display` gives.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let invalid = || ParseError::new("id-invalid", "Use the identifier exactly as you were given it.");
        let (slot, generation) = text.split_once('-').ok_or_else(invalid)?;
        let id = Self { slot: slot.parse()?, generation: generation.parse().map_err(|_| invalid())? };
        if id.generation > 0 && id.to_string() == text { Ok(id) } else { Err(invalid()) }
    }
}
