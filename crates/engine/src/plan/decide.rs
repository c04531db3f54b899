//! Deciding what becomes of a run, given what the server is known to have.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_conflict::{CaseKind, MergedEdits, Resolution, conflicting_fields};
use driftless_record::{
    Applied, Cause, Change, ChangeAction, Condition, ConflictRule, EntitySchema, FieldCase, FieldEdit,
    FieldName, Fields, LogKind, Operation, OperationKind, OperationState, RawStamp, ServerRecord, Settings,
    Side, Stamp, Value, clock,
};
use driftless_store::Image;
use driftless_transport::Capabilities;

use super::case::{Case, Judging};
use super::change::{change, conditional, send, send_update, values};
use super::clocks::Clocks;
use super::command;
use super::misfit;
use super::run::{Effect, Run};
use super::settle::{case, settle_case};
use crate::obstacle::Hindrance;

/// What a decision rests on besides the run.
pub(crate) struct Facts<'a> {
    /// The entity.
    pub entity: &'a Arc<EntitySchema>,
    /// What the server is known to have.
    pub image: &'a Image,
    /// What the back end can do with the entity.
    pub capabilities: &'a Capabilities,
    /// Who wins.
    pub judging: Judging<'a>,
    /// The rule that the app gave for the run.
    pub own_rule: Option<ConflictRule>,
    /// The administrator's settings.
    pub settings: &'a Settings,
    /// Whether the image was read in this synchronization.
    pub fresh: bool,
    /// What is known of the clocks.
    pub clocks: Clocks<'a>,
}

/// A log entry to be written, without number, time and title.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    /// What it is about.
    pub kind: LogKind,
    /// The fields in question.
    pub fields: Vec<FieldCase>,
    /// Why, for people.
    pub reason: String,
    /// Values that must not be lost.
    pub kept: Fields,
}

/// What becomes of a run.
#[derive(Debug, Clone)]
pub(crate) enum Verdict {
    /// It is sent. The run comes back with corrected stamps and without what the policy gave up.
    Send {
        change: Box<Change>,
        run: Run,
        log: Option<Draft>,
    },
    /// It needs no sending: its operations end in this state.
    Finish {
        state: OperationState,
        log: Option<Draft>,
    },
    /// It waits for a person. The run comes back with corrected stamps.
    Park { run: Run, log: Draft },
    /// It waits for a person, for what the server has against these values. The run comes back with corrected stamps.
    Refuse {
        run: Run,
        cause: Box<Cause>,
        fields: Vec<FieldCase>,
        reason: Option<String>,
    },
    /// The server's record has to be read first.
    Fetch,
    /// The app's policy has to be asked first.
    Ask(Box<Case>),
    /// It cannot be sent.
    Stuck(Hindrance),
}

/// Decides what becomes of a run.
pub(crate) fn decide(facts: &Facts<'_>, mut run: Run) -> Verdict {
    facts.clocks.stamp(&mut run.operations);
    let effect = run.effect();
    if let Some(hindrance) = misfit::of_effect(facts.entity, Some(facts.image), &effect) {
        return Verdict::Stuck(hindrance);
    }
    match effect {
        Effect::Nothing => nothing(facts, &run),
        Effect::Create(edits) => create(facts, run, &edits),
        Effect::Update(edits) => update(facts, run, &edits),
        Effect::Command(call, edits) => command::decide(facts, run, call, &edits),
        Effect::Delete {
            seen,
            own,
            raw,
            stamp,
        } => delete(facts, &run, &seen, &own, (stamp, raw)),
    }
}

/// Decides about a record that was made and deleted here: nobody is told, unless the server has one of this key.
fn nothing(facts: &Facts<'_>, run: &Run) -> Verdict {
    match run.operations.last().map(|operation| &operation.kind) {
        Some(OperationKind::Delete { seen, raw, stamp }) if facts.image.present().is_some() => {
            delete(facts, run, seen, &MergedEdits::new(), (*stamp, *raw))
        }
        _ => Verdict::Finish {
            state: OperationState::Superseded,
            log: None,
        },
    }
}

fn create(facts: &Facts<'_>, run: Run, edits: &MergedEdits) -> Verdict {
    let Some(theirs) = facts.image.present() else {
        return send(
            facts,
            run,
            edits,
            ChangeAction::Create(values(edits)),
            Condition::Absent,
            None,
        );
    };
    let differing: Vec<FieldCase> = edits
        .iter()
        .filter_map(|(field, edit)| {
            let value = theirs.record.fields.get(field)?;
            (*value != edit.new).then(|| field_case(field, edit, value, theirs))
        })
        .collect();
    if !differing.is_empty() {
        return settle_case(facts, run, edits, CaseKind::CreateCreate, differing);
    }
    // What the server has nothing of contradicts nothing, and is not there yet.
    let lacks = |(field, edit): &(&FieldName, &FieldEdit)| {
        !facts.entity.key.contains(field) && !edit.new.is_null() && !theirs.record.fields.contains_key(*field)
    };
    let lacking: MergedEdits = edits
        .iter()
        .filter(lacks)
        .map(|(field, edit)| (field.clone(), edit.clone()))
        .collect();
    if lacking.is_empty() {
        return Verdict::Finish {
            state: OperationState::Applied(Applied::Accepted),
            log: None,
        };
    }
    send_update(facts, &run, &lacking, None)
}

fn update(facts: &Facts<'_>, run: Run, edits: &MergedEdits) -> Verdict {
    let Some(theirs) = facts.image.present() else {
        return settle_case(facts, run, edits, CaseKind::UpdateDelete, Vec::new());
    };
    let mut conflicting = conflicting_fields(
        edits,
        |field| theirs.record.fields.get(field),
        |field| theirs.stamps.get(field).copied(),
    );
    conflicting.retain(|case| !run.passes_through(&case.field, &case.theirs));
    conflicting.extend(set_again(facts, &run, edits, theirs));
    if !conflicting.is_empty() {
        return settle_case(facts, run, edits, CaseKind::UpdateUpdate, conflicting);
    }
    send_update(facts, &run, edits, None)
}

/// Returns the fields that somebody else has set after me, or may have as far as the clocks can tell, to a value that they had before my last edit: no
/// contradiction by their values, and still the later edit where the order of edits decides (law L27).
fn set_again(facts: &Facts<'_>, run: &Run, edits: &MergedEdits, theirs: &ServerRecord) -> Vec<FieldCase> {
    // Nobody has changed the record since the edit, or it was not there to be changed. An earlier operation of the run
    // may rest on something newer, after a person has decided on it.
    let untouched = |field: &FieldName| {
        let edits_it = |operation: &&Operation| {
            operation
                .kind
                .edits()
                .is_some_and(|edits| edits.contains_key(field))
        };
        let first = run.operations.iter().find(edits_it);
        let base = first.and_then(|operation| operation.base_revision.as_ref());
        base.is_none() || base == theirs.record.revision.as_ref()
    };
    let first = run.operations.first();
    let own_rule = first.and_then(|operation| operation.handling.conflict);
    let rule = |field: &FieldName| {
        own_rule.unwrap_or_else(|| facts.settings.conflict_rule(&facts.entity.name, Some(field)))
    };
    let again = |(field, edit): (&FieldName, &FieldEdit)| {
        let value = theirs.record.fields.get(field)?;
        let (mine_at, theirs_at) = (edit.stamp?, *theirs.stamps.get(field)?);
        let doubt = facts.clocks.doubt(run.first(), mine_at, edit.raw);
        let is_later = theirs_at.device != mine_at.device
            && clock::order(mine_at, theirs_at, doubt) != Some(Ordering::Greater);
        let is_known = *value == edit.old || run.passes_through(field, value);
        let decides = rule(field) == ConflictRule::ExecutionOrder;
        (decides && is_later && is_known && *value != edit.new && !untouched(field))
            .then(|| field_case(field, edit, value, theirs))
    };
    edits.iter().filter_map(again).collect()
}

/// Returns whether a run ends with the delete of a record that somebody else has changed: then its own changes go
/// before, since they stay if the delete gives way (law L12).
pub(super) fn is_contested(facts: &Facts<'_>, run: &Run) -> bool {
    match run.effect() {
        Effect::Delete { seen, own, .. } => {
            let theirs = facts.image.present();
            !own.is_empty() && theirs.is_some_and(|theirs| !changed(facts, theirs, &seen, &own).is_empty())
        }
        Effect::Create(_) | Effect::Update(_) | Effect::Nothing | Effect::Command(..) => false,
    }
}

/// Returns the fields of a record that are not as they were seen before a run with a delete at its end.
fn changed<'a>(
    facts: &Facts<'a>,
    theirs: &ServerRecord,
    seen: &Fields,
    own: &MergedEdits,
) -> Vec<&'a FieldName> {
    let before = |field: &FieldName| {
        own.get(field)
            .map_or_else(|| seen.get(field), |edit| Some(&edit.old))
    };
    let now = |field: &FieldName| theirs.record.fields.get(field);
    let fields = facts.entity.fields.iter();
    fields
        .filter(|field| !field.server_made && !field.read_only)
        .map(|field| &field.name)
        .filter(|name| now(name).is_some_and(|now| before(name).is_some_and(|before| before != now)))
        .collect()
}

fn delete(
    facts: &Facts<'_>,
    run: &Run,
    seen: &Fields,
    own: &MergedEdits,
    (stamp, raw): (Option<Stamp>, RawStamp),
) -> Verdict {
    let Some(theirs) = facts.image.present() else {
        return Verdict::Finish {
            state: OperationState::Applied(Applied::Accepted),
            log: None,
        };
    };
    let changed = changed(facts, theirs, seen, own);
    if changed.is_empty() {
        return conditional(facts, theirs, |condition| {
            let change = change(facts, ChangeAction::Delete, condition, BTreeMap::new());
            Verdict::Send {
                change: Box::new(change),
                run: run.clone(),
                log: None,
            }
        });
    }
    let theirs_at = changed
        .iter()
        .filter_map(|name| theirs.stamps.get(*name))
        .max()
        .copied();
    let case = Case {
        theirs_at,
        mine_at: stamp,
        doubt: stamp.map_or(0, |at| facts.clocks.doubt(run.first(), at, raw)),
        ..case(facts, CaseKind::DeleteUpdate, Vec::new(), Fields::new())
    };
    let Some(answer) = facts.judging.answer(&case) else {
        return Verdict::Ask(Box::new(case));
    };
    match answer {
        Resolution::Keep {
            side: Side::Mine,
            reason,
        } => conditional(facts, theirs, |condition| {
            let change = change(facts, ChangeAction::Delete, condition, BTreeMap::new());
            let kept = theirs.record.fields.clone();
            let log = Draft {
                kind: LogKind::Overwritten,
                fields: Vec::new(),
                reason: format!("someone else has changed the record, and the delete goes on: {reason}"),
                kept,
            };
            Verdict::Send {
                change: Box::new(change),
                run: run.clone(),
                log: Some(log),
            }
        }),
        Resolution::Keep {
            side: Side::Theirs,
            reason,
        } => Verdict::Finish {
            state: OperationState::Superseded,
            log: Some(Draft {
                kind: LogKind::Overwritten,
                fields: Vec::new(),
                reason: format!("someone else has changed the record, and the delete gives way: {reason}"),
                // Changes that go with it in one change set give way with it.
                kept: values(own),
            }),
        },
        Resolution::Ask { reason } | Resolution::Fields { reason, .. } => Verdict::Park {
            run: run.clone(),
            log: Draft {
                kind: LogKind::Conflict,
                fields: Vec::new(),
                reason,
                kept: theirs.record.fields.clone(),
            },
        },
    }
}

pub(super) fn field_case(
    field: &FieldName,
    edit: &FieldEdit,
    theirs: &Value,
    record: &ServerRecord,
) -> FieldCase {
    FieldCase::new(field.clone(), edit.old.clone(), edit.new.clone(), theirs.clone())
        .at(edit.stamp, record.stamps.get(field).copied())
}

/// Returns whether an operation was changed on the server's side of its record since the user saw it.
pub(crate) fn overtaken(operation: &Operation, condition: &Condition) -> bool {
    match condition {
        Condition::Revision(revision) => operation
            .base_revision
            .as_ref()
            .is_some_and(|base| !base.is_untold() && base != revision),
        Condition::Absent | Condition::Exists => false,
    }
}
