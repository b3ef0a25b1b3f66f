//! People's names.

use serde::{Deserialize, Serialize};

use super::Line;

/// A person's name as it is written to and about the person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PersonName {
    /// First name or names.
    pub given: Line<80>,
    /// Last name or names.
    pub family: Line<80>,
}

impl PersonName {
    /// First and last name: `Ada Lovelace`.
    pub fn full(&self) -> String {
        format!("{} {}", self.given, self.family)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_given_name_then_family_name() {
        let name = PersonName { given: "Ada".parse().expect("a line"), family: "Lovelace".parse().expect("a line") };
        assert_eq!(name.full(), "Ada Lovelace");
    }
}
