//! Finding what a person meant by a name.

use std::sync::Arc;

use driftless_record::{EntitySchema, Schema};

use crate::EngineError;

/// Returns the candidate that is closest to a text, if it is close at all: what a message suggests.
#[must_use]
pub fn closest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    let text = text.to_lowercase();
    let limit = (text.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (distance(&text, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// Returns how many letters have to be inserted, left out, replaced or swapped with their neighbour.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let left: Vec<char> = left.chars().collect();
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    rows[0] = (0..=right.len()).collect();
    for i in 1..=left.len() {
        rows[i][0] = i;
        for j in 1..=right.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[left.len()][right.len()]
}

/// Returns the entity that a text names.
pub(crate) fn entity(schema: &Schema, text: &str) -> Result<Arc<EntitySchema>, EngineError> {
    if schema.entities.is_empty() {
        return Err(EngineError::NotReady);
    }
    schema
        .find(text)
        .cloned()
        .ok_or_else(|| EngineError::UnknownEntity {
            name: text.to_owned(),
            close: closest(
                text,
                schema
                    .entities
                    .values()
                    .flat_map(|e| [e.name.as_str(), e.set.as_str()]),
            ),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_name_is_suggested_and_a_far_one_is_not() {
        let names = ["Account", "Contact", "Opportunity"];
        assert_eq!(closest("acount", names.into_iter()).as_deref(), Some("Account"));
        assert_eq!(
            closest("opportunty", names.into_iter()).as_deref(),
            Some("Opportunity")
        );
        assert_eq!(closest("acconut", names.into_iter()).as_deref(), Some("Account"));
        assert_eq!(closest("zebra", names.into_iter()), None);
    }
}
