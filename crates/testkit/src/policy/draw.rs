//! Drawing cases.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_conflict::CaseKind;
use driftless_record::{
    ConflictRule, DeviceId, EntitySchema, FieldCase, FieldSchema, Fields, RecordId, Settings, Stamp,
    Timestamp, Value, settings::EntityConflictRules,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::Sample;
use super::values::of_kind;

/// The rules, and no rule.
const RULES: [ConflictRule; 4] = [
    ConflictRule::ExecutionOrder,
    ConflictRule::ServerWins,
    ConflictRule::ClientWins,
    ConflictRule::Ask,
];

/// One field as both sides have it: places in the values of its kind, behind the last of which is null.
#[derive(Debug, Clone)]
struct Drawn {
    base: usize,
    mine: usize,
    theirs: usize,
    mine_at: Option<i64>,
    theirs_at: Option<i64>,
    rule: Option<usize>,
}

/// Returns the fields of an entity that people set.
pub(super) fn writable(entity: &EntitySchema) -> Vec<&FieldSchema> {
    let fields = entity.fields.iter();
    fields
        .filter(|field| !field.read_only && !field.server_made && !entity.is_key(&field.name))
        .collect()
}

/// Draws cases of every kind about an entity.
pub(super) fn samples(entity: Arc<EntitySchema>) -> impl Strategy<Value = Sample> {
    let at = || prop::option::of(0..12i64);
    let rule = || prop::option::of(0..RULES.len());
    let drawn = (0..9usize, 0..9usize, 0..9usize, at(), at(), rule()).prop_map(
        |(base, mine, theirs, mine_at, theirs_at, rule)| Drawn {
            base,
            mine,
            theirs,
            mine_at,
            theirs_at,
            rule,
        },
    );
    let count = writable(&entity).len();
    let fields = prop::collection::vec(drawn, count);
    let rules = (rule(), rule(), 0..RULES.len());
    let whole = (at(), at(), 0..6i64);
    (0..CaseKind::ALL.len(), fields, rules, whole).prop_map(move |(kind, fields, rules, whole)| {
        sample(&entity, CaseKind::ALL[kind], &fields, rules, whole)
    })
}

fn sample(
    entity: &Arc<EntitySchema>,
    kind: CaseKind,
    drawn: &[Drawn],
    (own_rule, of_entity, of_all): (Option<usize>, Option<usize>, usize),
    (mine_at, theirs_at, doubt): (Option<i64>, Option<i64>, i64),
) -> Sample {
    let mut cases = Vec::new();
    let (mut mine, mut theirs) = (Fields::new(), Fields::new());
    let mut rules = BTreeMap::new();
    for (field, drawn) in writable(entity).into_iter().zip(drawn) {
        let values = of_kind(&field.kind);
        let value = |place: usize| {
            values
                .get(place % (values.len() + 1))
                .cloned()
                .unwrap_or(Value::Null)
        };
        let (base, now) = (value(drawn.base), value(drawn.theirs));
        // Nobody edits a record that he gives a command to, and a value that is taken or leads nowhere is mine alone.
        let (made, now) = match kind {
            CaseKind::CommandOnChanged => (base.clone(), now),
            CaseKind::UniqueClash | CaseKind::LostReference => (value(drawn.mine), base.clone()),
            _ => (value(drawn.mine), now),
        };
        let in_case = match kind {
            CaseKind::UpdateUpdate => base != made && base != now && made != now,
            CaseKind::CreateCreate => made != now,
            CaseKind::CommandOnChanged => base != now,
            CaseKind::UniqueClash | CaseKind::LostReference => cases.is_empty() && base != made,
            _ => false,
        };
        if in_case {
            let base = if kind == CaseKind::CreateCreate {
                Value::Null
            } else {
                base
            };
            let case = FieldCase::new(field.name.clone(), base, made.clone(), now.clone());
            cases.push(case.at(stamp(drawn.mine_at, 1), stamp(drawn.theirs_at, 2)));
        }
        mine.insert(field.name.clone(), made);
        theirs.insert(field.name.clone(), now);
        rules.extend(drawn.rule.map(|rule| (field.name.clone(), RULES[rule])));
    }
    let of_entity = EntityConflictRules {
        rule: of_entity.map(|rule| RULES[rule]),
        fields: rules,
    };
    Sample {
        kind,
        entity: entity.clone(),
        record: RecordId::from_canonical("1"),
        fields: cases,
        mine: if kind == CaseKind::DeleteUpdate {
            Fields::new()
        } else {
            mine
        },
        theirs: (kind != CaseKind::UpdateDelete).then_some(theirs),
        doubt,
        at: (stamp(mine_at, 1), stamp(theirs_at, 2)),
        own_rule: own_rule.map(|rule| RULES[rule]),
        settings: Settings {
            conflict: RULES[of_all],
            conflict_by_entity: BTreeMap::from([(entity.name.clone(), of_entity)]),
            ..Settings::default()
        },
    }
}

fn stamp(at: Option<i64>, device: u128) -> Option<Stamp> {
    at.map(|at| Stamp {
        time: Timestamp(at),
        counter: 0,
        device: DeviceId(Uuid::from_u128(device)),
    })
}
