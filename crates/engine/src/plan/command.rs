//! Deciding what becomes of a command, given what the server is known to have.

use driftless_conflict::{CaseKind, MergedEdits, Resolution, conflicting_fields};
use driftless_record::{
    ChangeAction, CommandCall, FieldCase, FieldEdit, FieldName, Fields, LogKind, OperationState,
    ServerRecord, Side, Value,
};

use super::case::Case;
use super::change::{conditional, send};
use super::decide::{Draft, Facts, Verdict, field_case};
use super::run::Run;
use super::settle::case;

/// Decides what becomes of a command. It is never merged with anything, and runs only on the record that it was
/// compared with.
pub(super) fn decide(facts: &Facts<'_>, run: Run, call: CommandCall, edits: &MergedEdits) -> Verdict {
    let Some(theirs) = facts.image.present() else {
        if !facts.image.gone {
            return Verdict::Fetch;
        }
        let reason = "this record was deleted on the server, so the command cannot be run on it".to_owned();
        return park(facts, run, Vec::new(), reason);
    };
    let stand_against = facts
        .entity
        .commands
        .get(&call.name)
        .map(|command| command.forbidden_by(&theirs.record.fields))
        .unwrap_or_default();
    if !stand_against.is_empty() {
        if !facts.fresh {
            // The record may be as it should be again since it was read.
            return Verdict::Fetch;
        }
        let same = |(name, edit): (_, &FieldEdit)| theirs.record.fields.get(name) == Some(&edit.new);
        if stand_against.iter().all(|name| edits.contains_key(*name))
            && edits.iter().all(same)
            && call.makes.is_empty()
        {
            return superseded(&call);
        }
        let names: Vec<_> = stand_against.iter().map(|name| name.as_str()).collect();
        let reason = format!(
            "someone else has changed {} meanwhile, and the command cannot be run on the record as it is now",
            names.join(", ")
        );
        let cases = stand_against
            .into_iter()
            .filter_map(|name| Some((name, edits.get(name)?)));
        let value = |name: &FieldName| theirs.record.fields.get(name).unwrap_or(&Value::Null);
        let cases = cases.map(|(name, edit)| field_case(name, edit, value(name), theirs));
        let cases = cases.collect();
        return park(facts, run, cases, reason);
    }
    let conflicting = conflicting_fields(
        edits,
        |field| theirs.record.fields.get(field),
        |field| theirs.stamps.get(field).copied(),
    );
    if conflicting.is_empty() {
        return run_on(facts, theirs, (&run, &call), edits, None);
    }
    settle(facts, theirs, (run, call), edits, conflicting)
}

/// Asks the policy about a command whose effect contradicts what somebody did meanwhile.
fn settle(
    facts: &Facts<'_>,
    theirs: &ServerRecord,
    (run, call): (Run, CommandCall),
    edits: &MergedEdits,
    mut fields: Vec<FieldCase>,
) -> Verdict {
    let mine: Fields = {
        let mut all = theirs.record.fields.clone();
        all.extend(
            edits
                .iter()
                .map(|(field, edit)| (field.clone(), edit.new.clone())),
        );
        all
    };
    let first = run.first();
    let doubts = edits
        .values()
        .filter_map(|edit| Some(facts.clocks.doubt(first, edit.stamp?, edit.raw)));
    let case = Case {
        command: Some(call.name.to_string()),
        mine_at: edits.values().filter_map(|edit| edit.stamp).max(),
        theirs_at: fields.iter().filter_map(|case| case.theirs_at).max(),
        doubt: doubts.max().unwrap_or_default(),
        ..case(facts, CaseKind::CommandOnChanged, fields.clone(), mine)
    };
    let Some(answer) = facts.judging.answer(&case) else {
        return Verdict::Ask(Box::new(case));
    };
    // A command is run whole or not at all.
    let (side, reason) = match answer {
        Resolution::Keep { side, reason } => (Some(side), reason),
        Resolution::Fields { reason, .. } | Resolution::Ask { reason } => (None, reason),
    };
    for field in &mut fields {
        field.winner = side;
    }
    let draft = |reason| Draft {
        kind: LogKind::Overwritten,
        fields: fields.clone(),
        reason,
        kept: Fields::new(),
    };
    match side {
        Some(Side::Mine) => run_on(facts, theirs, (&run, &call), edits, Some(&draft(reason))),
        Some(Side::Theirs) if call.makes.is_empty() => Verdict::Finish {
            state: OperationState::Superseded,
            log: Some(Draft {
                kept: call.parameters,
                ..draft(reason)
            }),
        },
        Some(Side::Theirs) | None => {
            for field in &mut fields {
                field.winner = None;
            }
            park(facts, run, fields, reason)
        }
    }
}

fn run_on(
    facts: &Facts<'_>,
    theirs: &ServerRecord,
    (run, call): (&Run, &CommandCall),
    edits: &MergedEdits,
    log: Option<&Draft>,
) -> Verdict {
    conditional(facts, theirs, |condition| {
        let action = ChangeAction::Command(call.clone());
        send(facts, run.clone(), edits, action, condition, log.cloned())
    })
}

fn superseded(call: &CommandCall) -> Verdict {
    Verdict::Finish {
        state: OperationState::Superseded,
        log: Some(Draft {
            kind: LogKind::Merged,
            fields: Vec::new(),
            reason: "someone else has done the same meanwhile, so it was not done again".to_owned(),
            kept: call.parameters.clone(),
        }),
    }
}

fn park(facts: &Facts<'_>, run: Run, fields: Vec<FieldCase>, reason: String) -> Verdict {
    let kept = crate::fold::fold(facts.image, &run.operations);
    Verdict::Park {
        run,
        log: Draft {
            kind: LogKind::Conflict,
            fields,
            reason,
            kept: kept.map(|record| record.fields).unwrap_or_default(),
        },
    }
}
