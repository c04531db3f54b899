//! The change that carries a run to the server, and the condition that it goes under.

use std::collections::BTreeMap;

use driftless_conflict::MergedEdits;
use driftless_record::{
    Applied, Change, ChangeAction, Condition, FieldEdit, FieldName, Fields, OperationState, ServerRecord,
    Stamp,
};
use driftless_transport::CompareAndSet;

use super::decide::{Draft, Facts, Verdict};
use super::run::Run;
use crate::obstacle::Obstacle;

pub(super) fn send_update(facts: &Facts<'_>, run: &Run, edits: &MergedEdits, log: Option<Draft>) -> Verdict {
    let Some(theirs) = facts.image.present() else {
        return Verdict::Fetch;
    };
    // Where the server keeps stamps, a value that it has already still tells when it was set (law L17), unless it was
    // set later, or is this very edit, as far as the server's stamps can show it.
    let tells = |field: &FieldName, edit: &FieldEdit| {
        let kept = theirs.stamps.get(field).copied();
        let apart = edit
            .stamp
            .zip(kept)
            .map(|(mine, kept)| mine.time.millis_since(kept.time));
        let is_later = edit.stamp > kept && apart.is_none_or(|apart| apart >= facts.clocks.grain);
        theirs.record.fields.get(field) != Some(&edit.new) || (facts.capabilities.stamps && is_later)
    };
    let sent: MergedEdits = edits
        .iter()
        .filter(|(field, edit)| tells(field, edit))
        .map(|(f, e)| (f.clone(), e.clone()))
        .collect();
    if sent.is_empty() {
        let untouched = run.operations.iter().all(|o| {
            o.base_revision.as_ref().filter(|base| !base.is_untold()) == theirs.record.revision.as_ref()
        });
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
pub(super) fn conditional(
    facts: &Facts<'_>,
    theirs: &ServerRecord,
    make: impl Fn(Condition) -> Verdict,
) -> Verdict {
    match (facts.capabilities.compare_and_set, &theirs.record.revision) {
        (CompareAndSet::Revision, Some(revision)) => make(Condition::Revision(revision.clone())),
        (CompareAndSet::Revision, None) if facts.fresh => Verdict::Stuck(Obstacle::RevisionHidden.into()),
        (CompareAndSet::Revision, None) => Verdict::Fetch,
        // Without revisions the record is read right before the write; the gap that remains is small.
        (CompareAndSet::None, _) if facts.fresh => make(Condition::Exists),
        (CompareAndSet::None, _) => Verdict::Fetch,
    }
}

pub(super) fn send(
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

pub(super) fn change(
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

pub(super) fn values(edits: &MergedEdits) -> Fields {
    edits
        .iter()
        .map(|(field, edit)| (field.clone(), edit.new.clone()))
        .collect()
}
