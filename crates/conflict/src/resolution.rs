//! What a policy decides.

use std::collections::BTreeMap;

use driftless_record::{FieldName, Side, Value};

/// What becomes of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// The value of a side.
    Side(Side),
    /// A value that neither side has need to have: made of both, such as the union of two lists.
    Made(Value),
}

impl From<Side> for Pick {
    fn from(side: Side) -> Self {
        Self::Side(side)
    }
}

/// What a policy decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// Field by field. A field of the case that is not named waits for a person; others are left alone.
    Fields {
        /// What becomes of each field.
        picks: BTreeMap<FieldName, Pick>,
        /// Why, in a sentence for people.
        reason: String,
    },
    /// One side for the whole record.
    ///
    /// Mine, where the record was deleted on the server: it is made again, whole. Theirs, where I deleted it: it stays.
    /// Mine, in a case of a command: it is carried out on the record as it is now. Theirs: it is given up.
    ///
    /// Theirs, where the server did not take a value (it is taken, or leads nowhere): the change goes without it, which is
    /// kept in the log; a new record is not sent without what a person gave it, so he decides. Mine: he decides too, for
    /// the server would refuse it again; what helps is a value that the policy makes ([`Pick::Made`]). Nothing that a
    /// policy says makes one record of two.
    Keep {
        /// Who wins.
        side: Side,
        /// Why, in a sentence for people.
        reason: String,
    },
    /// A person has to decide.
    Ask {
        /// Why, in a sentence for people.
        reason: String,
    },
}

impl Resolution {
    /// Decides field by field.
    pub fn fields(picks: impl IntoIterator<Item = (FieldName, Pick)>, reason: impl Into<String>) -> Self {
        Self::Fields {
            picks: picks.into_iter().collect(),
            reason: reason.into(),
        }
    }

    /// Lets one side win the whole record.
    pub fn keep(side: Side, reason: impl Into<String>) -> Self {
        Self::Keep {
            side,
            reason: reason.into(),
        }
    }

    /// Leaves it to a person.
    pub fn ask(reason: impl Into<String>) -> Self {
        Self::Ask {
            reason: reason.into(),
        }
    }

    /// Returns what becomes of a field of the case; `None` if that is left to a person.
    #[must_use]
    pub fn pick(&self, field: &FieldName) -> Option<Pick> {
        match self {
            Self::Fields { picks, .. } => picks.get(field).cloned(),
            Self::Keep { side, .. } => Some(Pick::Side(*side)),
            Self::Ask { .. } => None,
        }
    }

    /// Returns why, in a sentence for people.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Fields { reason, .. } | Self::Keep { reason, .. } | Self::Ask { reason } => reason,
        }
    }
}
