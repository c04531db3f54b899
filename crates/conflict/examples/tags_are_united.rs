//! A business rule that makes values: tags that both sides gave to a record are united, so that nobody's is lost;
//! everything else goes by the administrator's rules.

use driftless_conflict::{ByRules, CaseKind, ConflictCase, ConflictPolicy, Pick, Resolution};
use driftless_record::{EntitySchema, FieldCase, RecordId, Settings, Side, Value};

/// What either side added is there in the end, what either side took away is gone.
pub(crate) struct TagsAreUnited;

impl ConflictPolicy for TagsAreUnited {
    fn resolve(&self, case: &ConflictCase<'_>) -> Resolution {
        let by_rules = ByRules.resolve(case);
        if case.kind != CaseKind::UpdateUpdate {
            return by_rules;
        }
        let lists = case.fields.iter().filter(|field| united(field).is_some()).count();
        if lists == 0 {
            return by_rules;
        }
        let picks = case.fields.iter().filter_map(|field| {
            let pick = united(field).or_else(|| by_rules.pick(&field.field));
            Some((field.field.clone(), pick?))
        });
        if lists == case.fields.len() {
            return Resolution::fields(picks, "the tags of both are kept");
        }
        Resolution::fields(picks, format!("the tags of both are kept; {}", by_rules.reason()))
    }
}

/// Returns what becomes of a field, if it holds several choices on both sides.
fn united(field: &FieldCase) -> Option<Pick> {
    let (Value::Choices(mine), Value::Choices(theirs)) = (&field.mine, &field.theirs) else {
        return None;
    };
    let base: &[String] = match &field.base {
        Value::Choices(base) => base,
        _ => &[],
    };
    let gone = |tag: &String| base.contains(tag) && !(mine.contains(tag) && theirs.contains(tag));
    let mut tags: Vec<String> = mine
        .iter()
        .chain(theirs)
        .filter(|tag| !gone(tag))
        .cloned()
        .collect();
    tags.sort();
    tags.dedup();
    // What a side has already is that side's.
    Some(if tags == *theirs {
        Pick::Side(Side::Theirs)
    } else if tags == *mine {
        Pick::Side(Side::Mine)
    } else {
        Pick::Made(Value::Choices(tags))
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let entity = EntitySchema::new("Contact".try_into()?);
    let (record, settings) = (RecordId::from_canonical("1"), Settings::default());
    let tags = |text: &str| Value::Choices(text.split_whitespace().map(str::to_owned).collect());
    let fields = [FieldCase::new(
        "tags".try_into()?,
        tags("cold new"),
        tags("cold fair"),
        tags("key new"),
    )];
    let case = ConflictCase::new(CaseKind::UpdateUpdate, &entity, &record, &settings).of_fields(&fields);
    let answer = TagsAreUnited.resolve(&case);
    if answer.pick(&fields[0].field) != Some(Pick::Made(tags("fair key"))) {
        return Err(format!("{answer:?}").into());
    }
    Ok(())
}
