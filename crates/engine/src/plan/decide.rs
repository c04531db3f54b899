//! Deciding what becomes of a run, given what the server is known to have.

use std::collections::BTreeMap;

use driftless_conflict::{
    CaseKind, ConflictCase, ConflictPolicy, MergedEdits, Resolution, conflicting_fields, resolve_guarded,
};
use driftless_record::{
    Applied, Change, ChangeAction, Condition, EntitySchema, FieldCase, FieldEdit, FieldName, Fields, LogKind,
    Operation, OperationKind, OperationState, RawStamp, Revision, ServerRecord, Settings, Side, Stamp, Value,
};
use driftless_store::Image;
use driftless_transport::{Capabilities, CompareAndSet};

use super::clocks::Clocks;
use super::run::{Effect, Run};
use crate::fold::fold;
use crate::obstacle::Obstacle;

/// What a decision rests on besides the run.
pub(crate) struct Facts<'a> {
    /// The entity.
    pub entity: &'a EntitySchema,
    /// What the server is known to have.
    pub image: &'a Image,
    /// What the back end can do with the entity.
    pub capabilities: &'a Capabilities,
    /// Who wins.
    pub policy: &'a dyn ConflictPolicy,
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
    /// The server's record has to be read first.
    Fetch,
    /// It cannot be sent.
    Stuck(Obstacle),
}

/// Decides what becomes of a run.
pub(crate) fn decide(facts: &Facts<'_>, mut run: Run) -> Verdict {
    facts.clocks.stamp(&mut run.operations);
    match run.effect() {
        Effect::Nothing => Verdict::Finish {
            state: OperationState::Superseded,
            log: None,
        },
        Effect::Create(edits) => create(facts, run, &edits),
        Effect::Update(edits) => update(facts, run, &edits),
        Effect::Delete {
            seen,
            own,
            raw,
            stamp,
        } => delete(facts, &run, &seen, &own, (stamp, raw)),
    }
}

fn create(facts: &Facts<'_>, run: Run, edits: &MergedEdits) -> Verdict {
    let Some(theirs) = present(facts.image) else {
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
    if differing.is_empty() {
        return Verdict::Finish {
            state: OperationState::Applied(Applied::Accepted),
            log: None,
        };
    }
    settle_case(facts, run, edits, CaseKind::CreateCreate, differing)
}

fn update(facts: &Facts<'_>, run: Run, edits: &MergedEdits) -> Verdict {
    let Some(theirs) = present(facts.image) else {
        return settle_case(facts, run, edits, CaseKind::UpdateDelete, Vec::new());
    };
    let conflicting = conflicting_fields(
        edits,
        |field| theirs.record.fields.get(field),
        |field| theirs.stamps.get(field).copied(),
    );
    if !conflicting.is_empty() {
        return settle_case(facts, run, edits, CaseKind::UpdateUpdate, conflicting);
    }
    send_update(facts, &run, edits, None)
}

fn delete(
    facts: &Facts<'_>,
    run: &Run,
    seen: &Fields,
    own: &MergedEdits,
    (stamp, raw): (Option<Stamp>, RawStamp),
) -> Verdict {
    let Some(theirs) = present(facts.image) else {
        return Verdict::Finish {
            state: OperationState::Applied(Applied::Accepted),
            log: None,
        };
    };
    let before = |field: &FieldName| {
        own.get(field)
            .map_or_else(|| seen.get(field), |edit| Some(&edit.old))
    };
    let changed: Vec<&FieldName> = facts
        .entity
        .fields
        .iter()
        .filter(|field| !field.server_made && !field.read_only)
        .map(|field| &field.name)
        .filter(|name| {
            theirs
                .record
                .fields
                .get(*name)
                .is_some_and(|now| before(name).is_some_and(|b| b != now))
        })
        .collect();
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
    let none = Fields::new();
    let case = ConflictCase::new(
        CaseKind::DeleteUpdate,
        facts.entity,
        &facts.image.id,
        &[],
        (&none, Some(&theirs.record.fields)),
        facts.settings,
    )
    .at(stamp, theirs_at)
    .doubtful(stamp.map_or(0, |at| facts.clocks.doubt(run.first(), at, raw)));
    match resolve_guarded(facts.policy, &case) {
        Resolution::Keep {
            side: Side::Mine,
            reason,
        } => conditional(facts, theirs, |condition| {
            let change = change(facts, ChangeAction::Delete, condition, BTreeMap::new());
            let kept = theirs.record.fields.clone();
            let log = Draft {
                kind: LogKind::Overwritten,
                fields: Vec::new(),
                reason: reason.clone(),
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
                reason,
                kept: Fields::new(),
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

/// Asks the policy about a case of edits, and carries its answer out.
fn settle_case(
    facts: &Facts<'_>,
    run: Run,
    edits: &MergedEdits,
    kind: CaseKind,
    mut fields: Vec<FieldCase>,
) -> Verdict {
    let mine = fold(facts.image, &run.operations)
        .map(|record| record.fields)
        .unwrap_or_default();
    let theirs = present(facts.image);
    let in_case = edits
        .iter()
        .filter(|(field, _)| fields.iter().any(|case| case.field == **field));
    let first = run.first();
    let doubts = in_case.filter_map(|(_, edit)| Some(facts.clocks.doubt(first, edit.stamp?, edit.raw)));
    let doubt = doubts.max().unwrap_or_default();
    let answer = {
        let both = (&mine, theirs.map(|t| &t.record.fields));
        let case = ConflictCase::new(kind, facts.entity, &facts.image.id, &fields, both, facts.settings)
            .doubtful(doubt);
        resolve_guarded(facts.policy, &case)
    };
    let (sides, reason) = match answer {
        Resolution::Ask { reason } => (BTreeMap::new(), reason),
        Resolution::Fields { sides, reason } => (sides, reason),
        Resolution::Keep { side, reason } if kind == CaseKind::UpdateDelete => {
            return settle_gone(facts, run, edits, side, reason, mine);
        }
        Resolution::Keep { side, reason } => {
            (fields.iter().map(|f| (f.field.clone(), side)).collect(), reason)
        }
    };
    for field in &mut fields {
        field.winner = sides.get(&field.field).copied();
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
    let run = apply_sides(run, &fields, revision.as_ref());
    let edits: MergedEdits = match run.effect() {
        Effect::Create(edits) | Effect::Update(edits) => edits,
        Effect::Delete { .. } | Effect::Nothing => MergedEdits::new(),
    };
    let log = Draft {
        kind: LogKind::Overwritten,
        fields,
        reason,
        kept: Fields::new(),
    };
    send_update(facts, &run, &edits, Some(log))
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

/// Takes the fields that the server won out of the run, and rests the others on the server's values and revision.
fn apply_sides(mut run: Run, fields: &[FieldCase], revision: Option<&Revision>) -> Run {
    for operation in &mut run.operations {
        operation.base_revision = revision.cloned();
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
                    }
                }
                None => {}
            }
        }
    }
    run
}

fn send_update(facts: &Facts<'_>, run: &Run, edits: &MergedEdits, log: Option<Draft>) -> Verdict {
    let Some(theirs) = present(facts.image) else {
        return Verdict::Fetch;
    };
    // Where the server keeps stamps, a value that it has already still tells when it was set (law L17).
    let tells = |field: &FieldName, edit: &FieldEdit| {
        facts.capabilities.stamps || theirs.record.fields.get(field) != Some(&edit.new)
    };
    let sent: MergedEdits = edits
        .iter()
        .filter(|(field, edit)| tells(field, edit))
        .map(|(f, e)| (f.clone(), e.clone()))
        .collect();
    if sent.is_empty() {
        let untouched = run
            .operations
            .iter()
            .all(|o| o.base_revision == theirs.record.revision);
        let state = match (&log, untouched) {
            (Some(_), _) => OperationState::Superseded,
            (None, true) => OperationState::Applied(Applied::Accepted),
            (None, false) => OperationState::Applied(Applied::Merged),
        };
        return Verdict::Finish { state, log };
    }
    conditional(facts, theirs, |condition| {
        send(
            facts,
            run.clone(),
            &sent,
            ChangeAction::Update(values(&sent)),
            condition,
            log.clone(),
        )
    })
}

/// Makes a verdict with the condition that the server's record is still the one that was compared with.
fn conditional(facts: &Facts<'_>, theirs: &ServerRecord, make: impl Fn(Condition) -> Verdict) -> Verdict {
    match (facts.capabilities.compare_and_set, &theirs.record.revision) {
        (CompareAndSet::Revision, Some(revision)) => make(Condition::Revision(revision.clone())),
        (CompareAndSet::Revision, None) if facts.fresh => Verdict::Stuck(Obstacle::RevisionHidden),
        (CompareAndSet::Revision, None) => Verdict::Fetch,
        // Without revisions the record is read right before the write; the gap that remains is small.
        (CompareAndSet::None, _) if facts.fresh => make(Condition::Exists),
        (CompareAndSet::None, _) => Verdict::Fetch,
    }
}

fn send(
    facts: &Facts<'_>,
    run: Run,
    edits: &MergedEdits,
    action: ChangeAction,
    condition: Condition,
    log: Option<Draft>,
) -> Verdict {
    let stamps = edits
        .iter()
        .filter_map(|(field, edit)| Some((field.clone(), edit.stamp?)))
        .collect();
    let change = change(facts, action, condition, stamps);
    Verdict::Send {
        change: Box::new(change),
        run,
        log,
    }
}

fn change(
    facts: &Facts<'_>,
    action: ChangeAction,
    condition: Condition,
    stamps: BTreeMap<FieldName, Stamp>,
) -> Change {
    let stamps = if facts.capabilities.stamps {
        stamps
    } else {
        BTreeMap::new()
    };
    Change {
        entity: facts.entity.name.clone(),
        record: facts.image.id.clone(),
        action,
        condition,
        stamps,
    }
}

fn present(image: &Image) -> Option<&ServerRecord> {
    image.server.as_ref().filter(|_| !image.gone)
}

fn values(edits: &MergedEdits) -> Fields {
    edits
        .iter()
        .map(|(field, edit)| (field.clone(), edit.new.clone()))
        .collect()
}

fn field_case(field: &FieldName, edit: &FieldEdit, theirs: &Value, record: &ServerRecord) -> FieldCase {
    FieldCase {
        field: field.clone(),
        base: edit.old.clone(),
        mine: edit.new.clone(),
        theirs: theirs.clone(),
        mine_at: edit.stamp,
        theirs_at: record.stamps.get(field).copied(),
        winner: None,
    }
}

/// Returns whether an operation was changed on the server's side of its record since the user saw it.
pub(crate) fn overtaken(operation: &Operation, condition: &Condition) -> bool {
    match condition {
        Condition::Revision(revision) => operation
            .base_revision
            .as_ref()
            .is_some_and(|base| base != revision),
        Condition::Absent | Condition::Exists => false,
    }
}
