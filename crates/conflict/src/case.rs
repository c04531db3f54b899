//! A conflict as a policy sees it.

use driftless_record::{EntitySchema, FieldCase, Fields, RecordId, Settings, Stamp};

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
            mine_at: None,
            theirs_at: None,
            settings,
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
