//! The words in which the CRM schema is declared: constant tables of entities and fields.

/// An entity as it is declared.
pub(super) struct EntityDef {
    pub(super) name: &'static str,
    pub(super) set: &'static str,
    pub(super) label: &'static str,
    /// The display field; empty if there is none.
    pub(super) display: &'static str,
    pub(super) kind: Kind,
    /// Its own fields; those of the base entity come before them.
    pub(super) fields: &'static [FieldDef],
}

/// What may be done with an entity's records.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Everything.
    Open,
    /// Only reading.
    ReadOnly,
    /// Only reading and adding.
    AppendOnly,
    /// Nothing by itself: the base of others.
    Base,
    /// An activity: everything, over the base entity.
    Activity,
    /// An activity that can only be read.
    ReadOnlyActivity,
}

impl Kind {
    pub(super) fn is_activity(self) -> bool {
        matches!(self, Self::Activity | Self::ReadOnlyActivity)
    }
}

/// What values a field holds.
#[derive(Clone, Copy)]
pub(super) enum Holds {
    Bool,
    Int,
    /// Digits altogether and after the point.
    Decimal(u8, u8),
    /// An amount in the currency of the record.
    Money,
    Double,
    Text(u32),
    Date,
    DateTime,
    Duration,
    /// Code and label of each option.
    Choice(&'static [(&'static str, &'static str)]),
    Choices(&'static [(&'static str, &'static str)]),
    /// The entities pointed to.
    Lookup(&'static [&'static str]),
}

/// What happens to records that point to a deleted one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OnDelete {
    /// The target cannot be deleted while they are there.
    Refuse,
    /// They are deleted with it.
    Cascade,
}

/// A field as it is declared.
#[derive(Clone, Copy)]
pub(super) struct FieldDef {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) holds: Holds,
    pub(super) required: bool,
    pub(super) searchable: bool,
    pub(super) server_made: bool,
    pub(super) each_transition: bool,
    /// No two records have the same value.
    pub(super) unique: bool,
    /// The collection of the targets that this lookup makes up.
    pub(super) collection: Option<(&'static str, OnDelete)>,
}

pub(super) const fn field(name: &'static str, label: &'static str, holds: Holds) -> FieldDef {
    FieldDef {
        name,
        label,
        holds,
        required: false,
        searchable: false,
        server_made: false,
        each_transition: false,
        unique: false,
        collection: None,
    }
}

impl FieldDef {
    pub(super) const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    pub(super) const fn searchable(self) -> Self {
        Self {
            searchable: true,
            ..self
        }
    }

    pub(super) const fn server_made(self) -> Self {
        Self {
            server_made: true,
            ..self
        }
    }

    pub(super) const fn each_transition(self) -> Self {
        Self {
            each_transition: true,
            ..self
        }
    }

    pub(super) const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    pub(super) const fn part_of(self, collection: &'static str, on_delete: OnDelete) -> Self {
        Self {
            collection: Some((collection, on_delete)),
            ..self
        }
    }
}

/// Commands that several entities have alike.
pub(super) struct CommandsOf {
    pub(super) entities: &'static [&'static str],
    pub(super) commands: &'static [CommandDef],
}

/// A command as it is declared.
pub(super) struct CommandDef {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) parameters: &'static [FieldDef],
    /// The choices that fields must have; `None` is no value.
    pub(super) when: &'static [(&'static str, &'static [Option<&'static str>])],
    pub(super) effects: &'static [EffectDef],
}

/// One thing that a command does.
pub(super) enum EffectDef {
    Set(&'static str, From),
    Make {
        slot: &'static str,
        entity: &'static str,
        /// The parameters that can make it needless.
        only_if: &'static [&'static str],
        fields: &'static [(&'static str, From)],
    },
}

/// Where an effect takes a value from.
#[derive(Clone, Copy)]
pub(super) enum From {
    Bool(bool),
    Int(i64),
    Choice(&'static str),
    Parameter(&'static str),
    Field(&'static str),
    /// The record that the command runs on.
    Record,
    Made(&'static str),
    Now,
}

/// The owner of a record.
pub(super) const OWNER: FieldDef = field("owner_id", "Owner", Holds::Lookup(&["User"]));
/// The currency of a record's amounts.
pub(super) const CURRENCY: FieldDef = field("currency_id", "Currency", Holds::Lookup(&["Currency"]));
/// Long text about a record.
pub(super) const DESCRIPTION: FieldDef = field("description", "Description", Holds::Text(4000));
