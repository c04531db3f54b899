//! A business rule as a policy: an opportunity's amount only grows; everything else goes by the administrator's rules.

use std::collections::BTreeMap;

use driftless_conflict::{ByRules, CaseKind, ConflictCase, ConflictPolicy, Resolution};
use driftless_record::{EntitySchema, FieldCase, Fields, RecordId, Settings, Side, Value};

struct AmountOnlyGrows;

impl ConflictPolicy for AmountOnlyGrows {
    fn resolve(&self, case: &ConflictCase<'_>) -> Resolution {
        let grows = |field: &FieldCase| match (&field.mine, &field.theirs) {
            (Value::Decimal(mine), Value::Decimal(theirs)) if field.field.as_str() == "amount" => {
                Some(if mine > theirs { Side::Mine } else { Side::Theirs })
            }
            _ => None,
        };
        let amount = case
            .fields
            .iter()
            .find_map(|field| Some((field.field.clone(), grows(field)?)));
        let Some((field, side)) = amount else {
            return ByRules.resolve(case);
        };
        let mut sides = match ByRules.resolve(case) {
            Resolution::Fields { sides, .. } => sides,
            Resolution::Keep { side, .. } => case.fields.iter().map(|f| (f.field.clone(), side)).collect(),
            Resolution::Ask { .. } => BTreeMap::new(),
        };
        sides.insert(field, side);
        Resolution::Fields {
            sides,
            reason: "an opportunity's amount only grows".to_owned(),
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let entity = EntitySchema::new("Opportunity".try_into()?);
    let field = FieldCase {
        field: "amount".try_into()?,
        base: Value::Decimal("100".parse()?),
        mine: Value::Decimal("250".parse()?),
        theirs: Value::Decimal("200".parse()?),
        mine_at: None,
        theirs_at: None,
        winner: None,
    };
    let (record, settings, none) = (RecordId::from_canonical("1"), Settings::default(), Fields::new());
    let fields = [field];
    let case = ConflictCase::new(
        CaseKind::UpdateUpdate,
        &entity,
        &record,
        &fields,
        (&none, None),
        &settings,
    );
    let Resolution::Fields { sides, .. } = AmountOnlyGrows.resolve(&case) else {
        return Err("not decided".into());
    };
    assert_eq!(sides.values().next(), Some(&Side::Mine));
    Ok(())
}
