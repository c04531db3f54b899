//! How a back end behaves beyond what its capabilities say.

/// How a back end behaves beyond what its capabilities say. The default is the kindest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Habits {
    /// What becomes of the rest of a request when one of its changes fails.
    pub on_failure: OnFailure,
    /// What it tells of a record that it has changed.
    pub reply: Reply,
    /// How coarsely it keeps the times of stamps, in milliseconds; 0 and 1 keep them as they are.
    pub stamp_grain: i64,
    /// What it does about references.
    pub references: References,
    /// Whether it says why a record has left.
    pub reasons: Reasons,
    /// Whether the values that it is sent have to fit its schema.
    pub values: Values,
    /// What it tells of fields without a value, where it tells of one record.
    pub nulls: Nulls,
    /// What it says to a create under a key that is taken.
    pub taken: Taken,
    /// Whether it says which record has a value that only one may have.
    pub others: Others,
}

/// What becomes of the rest of a request when one of its changes fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// It is carried out, but for what depends on the one that failed.
    #[default]
    Continues,
    /// It is left out.
    Stops,
}

/// What a back end tells of a record that it has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reply {
    /// Its revision, if it tells revisions at all.
    #[default]
    Revision,
    /// Nothing.
    Nothing,
    /// The whole record.
    Record,
}

/// What a back end does about references.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum References {
    /// They may lead nowhere.
    #[default]
    Unchecked,
    /// A record that others refer to cannot be deleted, and no reference may lead nowhere.
    Restrict,
    /// A record is deleted with those that refer to it, and no reference may lead nowhere.
    Cascade,
}

/// Whether a back end says why a record has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reasons {
    /// Whether it was deleted, or is out of sight.
    #[default]
    Told,
    /// Only that it has left.
    Hidden,
}

/// Whether the values that a back end is sent have to fit its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Values {
    /// It takes whatever it is sent.
    #[default]
    Unchecked,
    /// It refuses fields that it does not have, values that do not fit, and creates without what is required.
    Checked,
}

/// What a back end tells of fields without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Nulls {
    /// That they have none.
    #[default]
    Told,
    /// Nothing.
    LeftOut,
}

/// What a back end says to a create under a key that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Taken {
    /// That it contradicts what is there: 409.
    #[default]
    Conflict,
    /// That its condition does not hold: 412.
    Precondition,
}

/// Whether a back end says which record has a value that only one may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Others {
    /// It names the record, if the user may see it.
    #[default]
    Told,
    /// It says only that there is one.
    Hidden,
    /// It says only that something is taken, and not even of which field.
    Unnamed,
}
