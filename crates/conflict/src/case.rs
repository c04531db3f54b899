//! A conflict as a policy sees it.

use std::cmp::Ordering;

use driftless_record::{
    ConflictRule, EntitySchema, FieldCase, FieldName, Fields, RecordId, Settings, Side, Stamp, clock,
};

/// Which changes contradict each other: first mine, then theirs. More kinds may come: a policy asks a person about one
/// that it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CaseKind {
    /// Both changed the same fields.
    UpdateUpdate,
    /// I changed a record that was deleted on the server.
    UpdateDelete,
    /// I deleted a record that was changed on the server.
    DeleteUpdate,
    /// Both made a record with the same key.
    CreateCreate,
    /// I set a field to a value that only one record may have, and another one has it: the case has that field, where
    /// `theirs` is the server's value of my record.
    UniqueClash,
    /// I made a lookup point to a record that the server does not have (any more): the case has that field, where
    /// `theirs` is the server's value of my record.
    LostReference,
    /// I gave a command to a record that was changed on the server meanwhile: the case has the fields that both changed,
    /// where `mine` is what the command is expected to make of them.
    CommandOnChanged,
}

impl CaseKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::UpdateUpdate,
        Self::UpdateDelete,
        Self::DeleteUpdate,
        Self::CreateCreate,
        Self::UniqueClash,
        Self::LostReference,
        Self::CommandOnChanged,
    ];

    /// Returns what happened, as the beginning of a sentence for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::UpdateUpdate => "you and someone else changed the same field",
            Self::UpdateDelete => "you changed this record while someone else deleted it",
            Self::DeleteUpdate => "you deleted this record while someone else changed it",
            Self::CreateCreate => "the server already has another record with this key",
            Self::UniqueClash => "another record already has this value, which only one may have",
            Self::LostReference => "this refers to a record that the server does not have any more",
            Self::CommandOnChanged => "you gave a command to this record while someone else changed it",
        }
    }

    /// Returns whether such a case is decided field by field.
    #[must_use]
    pub fn is_of_fields(self) -> bool {
        match self {
            Self::UpdateUpdate | Self::CreateCreate | Self::UniqueClash | Self::LostReference => true,
            Self::UpdateDelete | Self::DeleteUpdate | Self::CommandOnChanged => false,
        }
    }
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

/// A record without fields, for the sides that have none.
static NO_FIELDS: Fields = Fields::new();

/// A conflict of one record: copies of what both sides know, for a policy to decide on.
///
/// Made with [`ConflictCase::new`] and the methods that return it with more, so that tests of policies stay valid when
/// cases tell more.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ConflictCase<'a> {
    /// What happened.
    pub kind: CaseKind,
    /// The entity.
    pub entity: &'a EntitySchema,
    /// The record.
    pub record: &'a RecordId,
    /// The fields that contradict each other; none when a side deleted the record.
    pub fields: &'a [FieldCase],
    /// The record as I made it, all fields; none if I deleted it.
    pub mine: &'a Fields,
    /// The record as the server has it; `None` if it was deleted there.
    pub theirs: Option<&'a Fields>,
    /// How wrong the stamps of both sides may be together, in milliseconds: the order of two that are nearer to each
    /// other is open. See [`ConflictCase::later`].
    pub doubt: i64,
    /// When I made the change, for cases that are not decided field by field.
    pub mine_at: Option<Stamp>,
    /// When the server's record was last changed, for cases that are not decided field by field, if its stamps are known.
    pub theirs_at: Option<Stamp>,
    /// The name of the command that I gave, in a case of one.
    pub command: Option<&'a str>,
    /// The rule that the app gave for this change, before any of the administrator's. See [`ConflictCase::rule`].
    pub own_rule: Option<ConflictRule>,
    /// The administrator's settings.
    pub settings: &'a Settings,
}

impl<'a> ConflictCase<'a> {
    /// Makes a case of a record of which both sides have no fields.
    #[must_use]
    pub fn new(
        kind: CaseKind,
        entity: &'a EntitySchema,
        record: &'a RecordId,
        settings: &'a Settings,
    ) -> Self {
        Self {
            kind,
            entity,
            record,
            fields: &[],
            mine: &NO_FIELDS,
            theirs: None,
            doubt: 0,
            mine_at: None,
            theirs_at: None,
            command: None,
            own_rule: None,
            settings,
        }
    }

    /// Returns the case with the fields that contradict each other.
    #[must_use]
    pub fn of_fields(self, fields: &'a [FieldCase]) -> Self {
        Self { fields, ..self }
    }

    /// Returns the case with the whole record as both sides have it.
    #[must_use]
    pub fn between(self, mine: &'a Fields, theirs: Option<&'a Fields>) -> Self {
        Self { mine, theirs, ..self }
    }

    /// Returns the case with what both sides' stamps may be wrong by, in milliseconds.
    #[must_use]
    pub fn doubtful(self, doubt: i64) -> Self {
        Self { doubt, ..self }
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

    /// Returns the case with the command that I gave.
    #[must_use]
    pub fn of_command(self, command: &'a str) -> Self {
        Self {
            command: Some(command),
            ..self
        }
    }

    /// Returns the case with the rule that the app gave for this change.
    #[must_use]
    pub fn under(self, own_rule: Option<ConflictRule>) -> Self {
        Self { own_rule, ..self }
    }

    /// Returns the rule in force for a field, or for the whole record if `field` is `None`: the app's for this change,
    /// else the administrator's for the field, the entity or everything.
    #[must_use]
    pub fn rule(&self, field: Option<&FieldName>) -> ConflictRule {
        self.own_rule
            .unwrap_or_else(|| self.settings.conflict_rule(&self.entity.name, field))
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
}
