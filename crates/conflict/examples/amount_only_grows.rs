//! A business rule as a policy: an opportunity's amount only grows; everything else goes by the administrator's rules.

use driftless_conflict::{ByRules, CaseKind, ConflictCase, ConflictPolicy, Pick, Resolution};
use driftless_record::{EntitySchema, FieldCase, RecordId, Settings, Side, Value};

/// The larger amount wins.
pub(crate) struct AmountOnlyGrows;

impl ConflictPolicy for AmountOnlyGrows {
    fn resolve(&self, case: &ConflictCase<'_>) -> Resolution {
        let by_rules = ByRules.resolve(case);
        // Where another record is gone or has the value, or one side deleted this one, sizes say nothing.
        if case.kind != CaseKind::UpdateUpdate {
            return by_rules;
        }
        let Some((amount, side)) = case
            .fields
            .iter()
            .find_map(|field| Some((&field.field, larger(field)?)))
        else {
            return by_rules;
        };
        let picks = case.fields.iter().filter_map(|field| {
            let pick = if field.field == *amount {
                Some(Pick::Side(side))
            } else {
                by_rules.pick(&field.field)
            };
            Some((field.field.clone(), pick?))
        });
        if case.fields.len() == 1 {
            return Resolution::fields(picks, "an opportunity's amount only grows");
        }
        Resolution::fields(
            picks,
            format!("an opportunity's amount only grows; {}", by_rules.reason()),
        )
    }
}

/// Returns the side with the larger amount, if this is the amount.
fn larger(field: &FieldCase) -> Option<Side> {
    match (&field.mine, &field.theirs) {
        (Value::Decimal(mine), Value::Decimal(theirs)) if field.field.as_str() == "amount" => {
            Some(if mine > theirs { Side::Mine } else { Side::Theirs })
        }
        _ => None,
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let entity = EntitySchema::new("Opportunity".try_into()?);
    let (record, settings) = (RecordId::from_canonical("1"), Settings::default());
    let amount = |text: &str| Ok::<_, Box<dyn std::error::Error>>(Value::Decimal(text.parse()?));
    for (mine, theirs, winner) in [("250", "200", Side::Mine), ("250", "300", Side::Theirs)] {
        let fields = [FieldCase::new(
            "amount".try_into()?,
            amount("100")?,
            amount(mine)?,
            amount(theirs)?,
        )];
        let case = ConflictCase::new(CaseKind::UpdateUpdate, &entity, &record, &settings).of_fields(&fields);
        let answer = AmountOnlyGrows.resolve(&case);
        if answer.pick(&fields[0].field) != Some(Pick::Side(winner)) {
            return Err(format!("{mine} against {theirs}: {answer:?}").into());
        }
    }
    Ok(())
}
