//! Carrying out what a policy answers about a case of edits.

use driftless_conflict::{CaseKind, MergedEdits, Pick, Resolution};
use driftless_record::{
    ChangeAction, Condition, EntitySchema, FieldCase, FieldName, Fields, LogKind, OperationKind,
    OperationState, Side, Value,
};

use super::case::Case;
use super::change::{send, send_update};
use super::decide::{Draft, Facts, Verdict};
use super::run::{Effect, Run};
use crate::fold::fold;
use crate::validate::{Purpose, problems};

/// Asks the policy about a case of edits, and carries its answer out.
pub(super) fn settle_case(
    facts: &Facts<'_>,
    run: Run,
    edits: &MergedEdits,
    kind: CaseKind,
    mut fields: Vec<FieldCase>,
) -> Verdict {
    let mine = fold(facts.image, &run.operations)
        .map(|record| record.fields)
        .unwrap_or_default();
    let theirs = facts.image.present();
    let case = Case {
        doubt: doubt(facts, &run, edits, &fields),
        ..case(facts, kind, fields.clone(), mine.clone())
    };
    let Some(answer) = facts.judging.answer(&case) else {
        return Verdict::Ask(Box::new(case));
    };
    if kind == CaseKind::UpdateDelete
        && let Resolution::Keep { side, reason } = answer
    {
        return settle_gone(facts, run, edits, side, reason, mine);
    }
    let mut reason = answer.reason().to_owned();
    for field in &mut fields {
        match decided(facts.entity, &answer, &field.field) {
            Ok((winner, made)) => (field.winner, field.made) = (winner, made),
            Err(Misfit) => reason.push_str(&format!(
                "; but {} cannot take the value made of both",
                field.field
            )),
        }
    }
    if kind == CaseKind::UpdateDelete || fields.iter().any(|field| field.winner.is_none()) {
        return Verdict::Park {
            run,
            log: Draft {
                kind: LogKind::Conflict,
                fields,
                reason,
                kept: mine,
            },
        };
    }
    let revision = theirs.and_then(|theirs| theirs.record.revision.clone());
    let mut run = apply_sides(run, &fields);
    for operation in &mut run.operations {
        operation.base_revision.clone_from(&revision);
    }
    let edits: MergedEdits = match run.effect() {
        Effect::Create(edits) | Effect::Update(edits) => edits,
        Effect::Delete { .. } | Effect::Nothing | Effect::Command(..) => MergedEdits::new(),
    };
    let log = Draft {
        kind: LogKind::Overwritten,
        fields,
        reason,
        kept: Fields::new(),
    };
    send_update(facts, &run, &edits, Some(log))
}

/// Returns how wrong the stamps of the edits in a case may be, in milliseconds.
pub(super) fn doubt(facts: &Facts<'_>, run: &Run, edits: &MergedEdits, fields: &[FieldCase]) -> i64 {
    let doubts = fields.iter().filter_map(|case| {
        let edit = edits.get(&case.field)?;
        Some(facts.clocks.doubt(run.first(), edit.stamp?, edit.raw))
    });
    doubts.max().unwrap_or_default()
}

/// Makes a case of what the facts say, without times.
pub(super) fn case(facts: &Facts<'_>, kind: CaseKind, fields: Vec<FieldCase>, mine: Fields) -> Case {
    Case {
        kind,
        entity: facts.entity.clone(),
        record: facts.image.id.clone(),
        fields,
        mine,
        theirs: facts.image.present().map(|theirs| theirs.record.fields.clone()),
        doubt: 0,
        mine_at: None,
        theirs_at: None,
        own_rule: facts.own_rule,
        settings: facts.settings.clone(),
        command: None,
    }
}

/// A value that a policy made, and that the field does not take.
pub(super) struct Misfit;

/// Returns who wins a field, and the value that takes the place of both if the policy made one.
pub(super) fn decided(
    entity: &EntitySchema,
    answer: &Resolution,
    field: &FieldName,
) -> Result<(Option<Side>, Option<Value>), Misfit> {
    match answer.pick(field) {
        None => Ok((None, None)),
        Some(Pick::Side(side)) => Ok((Some(side), None)),
        Some(Pick::Made(value)) => {
            let fields = Fields::from([(field.clone(), value.clone())]);
            if problems(entity, &fields, Purpose::Update).is_empty() {
                Ok((Some(Side::Mine), Some(value)))
            } else {
                Err(Misfit)
            }
        }
    }
}

fn settle_gone(
    facts: &Facts<'_>,
    run: Run,
    edits: &MergedEdits,
    side: Side,
    reason: String,
    mine: Fields,
) -> Verdict {
    if side == Side::Theirs {
        let log = Draft {
            kind: LogKind::Overwritten,
            fields: Vec::new(),
            reason,
            kept: mine,
        };
        return Verdict::Finish {
            state: OperationState::Superseded,
            log: Some(log),
        };
    }
    if !facts.entity.access.create || facts.entity.server_makes_key() {
        let reason = "this record was deleted on the server and cannot be made again".to_owned();
        return Verdict::Park {
            run,
            log: Draft {
                kind: LogKind::Conflict,
                fields: Vec::new(),
                reason,
                kept: mine,
            },
        };
    }
    let log = Draft {
        kind: LogKind::Overwritten,
        fields: Vec::new(),
        reason,
        kept: Fields::new(),
    };
    let full = creatable(facts.entity, &mine);
    send(
        facts,
        run,
        edits,
        ChangeAction::Create(full),
        Condition::Absent,
        Some(log),
    )
}

/// Returns the fields of a record that a create may carry.
pub(crate) fn creatable(entity: &EntitySchema, fields: &Fields) -> Fields {
    let writable = |name: &FieldName| entity.field(name).is_some_and(|f| !f.server_made && !f.read_only);
    fields
        .iter()
        .filter(|(name, value)| writable(name) && !value.is_null())
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect()
}

/// Takes the fields that the server won out of the run, and rests the others on the server's values.
pub(super) fn apply_sides(mut run: Run, fields: &[FieldCase]) -> Run {
    for operation in &mut run.operations {
        let (OperationKind::Create(edits) | OperationKind::Update(edits)) = &mut operation.kind else {
            continue;
        };
        for case in fields {
            match case.winner {
                Some(Side::Theirs) => {
                    edits.remove(&case.field);
                }
                Some(Side::Mine) => {
                    if let Some(edit) = edits.get_mut(&case.field) {
                        edit.old = case.theirs.clone();
                        edit.new = case.made.clone().unwrap_or_else(|| edit.new.clone());
                    }
                }
                None => {}
            }
        }
    }
    run
}
