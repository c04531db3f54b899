//! A conflict as a policy sees it.

use std::cmp::Ordering;

use driftless_record::{EntitySchema, FieldCase, Fields, RecordId, Settings, Side, Stamp, clock};

/// Which changes contradict each other: first mine, then theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseKind {
    /// Both changed the same fields.
    UpdateUpdate,
    /// I changed a record that was deleted on the server.
    UpdateDelete,
    /// I deleted a record that was changed on the server.
    DeleteUpdate,
    /// Both made a record with the same key.
    CreateCreate,
}

/// Which of two changes was made later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Later {
    /// This side's.
    Known(Side),
    /// A side does not tell when it made its change.
    NotTold,
    /// Both were made at nearly the same time, nearer than their clocks can tell.
    TooNear,
}

impl Later {
    /// Returns the side that changed later, if that is known.
    #[must_use]
    pub fn side(self) -> Option<Side> {
        match self {
            Self::Known(side) => Some(side),
            Self::NotTold | Self::TooNear => None,
        }
    }
}

/// A conflict of one record: copies of what both sides know, for a policy to decide on.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConflictCase<'a> {
    /// What happened.
    pub kind: CaseKind,
    /// The entity.
    pub entity: &'a EntitySchema,
    /// The record.
    pub record: &'a RecordId,
    /// The fields that both sides set to different values; none when a side deleted the record.
    pub fields: &'a [FieldCase],
    /// The record as I made it, all fields.
    pub mine: &'a Fields,
    /// The record as the server has it; `None` if it was deleted there.
    pub theirs: Option<&'a Fields>,
    /// How wrong the stamps of both sides may be together, in milliseconds: the order of two that are nearer to each
    /// other is open. See [`ConflictCase::later`].
    pub doubt: i64,
    /// When I made the change, for cases without fields.
    pub mine_at: Option<Stamp>,
    /// When the server's record was last changed, for cases without fields, if its stamps are known.
    pub theirs_at: Option<Stamp>,
    /// The administrator's settings.
    pub settings: &'a Settings,
}

impl<'a> ConflictCase<'a> {
    /// Makes a case without stamps for the whole record.
    #[must_use]
    pub fn new(
        kind: CaseKind,
        entity: &'a EntitySchema,
        record: &'a RecordId,
        fields: &'a [FieldCase],
        (mine, theirs): (&'a Fields, Option<&'a Fields>),
        settings: &'a Settings,
    ) -> Self {
        Self {
            kind,
            entity,
            record,
            fields,
            mine,
            theirs,
            doubt: 0,
            mine_at: None,
            theirs_at: None,
            settings,
        }
    }

    /// Returns the case with what both sides' stamps may be wrong by, in milliseconds.
    #[must_use]
    pub fn doubtful(self, doubt: i64) -> Self {
        Self { doubt, ..self }
    }

    /// Says which of two changes was made later, as far as that can be told.
    #[must_use]
    pub fn later(&self, mine: Option<Stamp>, theirs: Option<Stamp>) -> Later {
        let (Some(mine), Some(theirs)) = (mine, theirs) else {
            return Later::NotTold;
        };
        match clock::order(mine, theirs, self.doubt) {
            Some(Ordering::Greater) => Later::Known(Side::Mine),
            Some(Ordering::Less | Ordering::Equal) => Later::Known(Side::Theirs),
            None => Later::TooNear,
        }
    }

    /// Returns the case with stamps for the whole record.
    #[must_use]
    pub fn at(self, mine_at: Option<Stamp>, theirs_at: Option<Stamp>) -> Self {
        Self {
            mine_at,
            theirs_at,
            ..self
        }
    }
}
