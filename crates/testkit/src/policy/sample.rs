//! Cases to try a policy with.

use std::sync::Arc;

use driftless_conflict::{CaseKind, ConflictCase};
use driftless_record::{
    ChoiceOption, ConflictRule, EntitySchema, FieldCase, FieldKind, FieldSchema, Fields, RecordId, Settings,
    Stamp,
};

/// A case with all that it is made of.
#[derive(Debug, Clone)]
pub struct Sample {
    /// What happened.
    pub kind: CaseKind,
    /// The entity.
    pub entity: Arc<EntitySchema>,
    /// The record.
    pub record: RecordId,
    /// The fields that contradict each other.
    pub fields: Vec<FieldCase>,
    /// The record as I made it.
    pub mine: Fields,
    /// The record as the server has it.
    pub theirs: Option<Fields>,
    /// How wrong the stamps may be, in milliseconds.
    pub doubt: i64,
    /// When both sides changed the record.
    pub at: (Option<Stamp>, Option<Stamp>),
    /// The rule that the app gave for the change.
    pub own_rule: Option<ConflictRule>,
    /// The administrator's settings.
    pub settings: Settings,
}

impl Sample {
    /// Returns the case as a policy sees it.
    #[must_use]
    pub fn case(&self) -> ConflictCase<'_> {
        let case = ConflictCase::new(self.kind, &self.entity, &self.record, &self.settings)
            .of_fields(&self.fields)
            .between(&self.mine, self.theirs.as_ref())
            .at(self.at.0, self.at.1)
            .doubtful(self.doubt)
            .under(self.own_rule);
        if self.kind == CaseKind::CommandOnChanged {
            case.of_command("close")
        } else {
            case
        }
    }
}

/// Returns an entity with a field of most kinds.
#[must_use]
pub fn thing() -> EntitySchema {
    let options = |codes: [&str; 3]| {
        let option = |code: &str| ChoiceOption {
            code: code.to_owned(),
            number: None,
            label: code.to_owned(),
        };
        codes.iter().map(|code| option(code)).collect()
    };
    let fields = [
        ("title", FieldKind::Text { max_chars: None }),
        (
            "amount",
            FieldKind::Decimal {
                precision: None,
                scale: None,
            },
        ),
        ("count", FieldKind::Int { bits: 32 }),
        ("done", FieldKind::Bool),
        ("due", FieldKind::Date),
        (
            "stage",
            FieldKind::Choice {
                options: options(["new", "open", "closed"]),
            },
        ),
        (
            "tags",
            FieldKind::Choices {
                options: options(["blue", "green", "red"]),
            },
        ),
    ];
    let mut thing = entity("Thing");
    for (name, kind) in fields {
        thing.add(FieldSchema::new(field(name), kind));
    }
    thing
}

#[expect(
    clippy::unwrap_used,
    reason = "the names are written here; a wrong one should fail at once"
)]
fn entity(name: &str) -> EntitySchema {
    EntitySchema::new(name.try_into().unwrap())
}

#[expect(
    clippy::unwrap_used,
    reason = "the names are written here; a wrong one should fail at once"
)]
pub(super) fn field(name: &str) -> driftless_record::FieldName {
    name.try_into().unwrap()
}
