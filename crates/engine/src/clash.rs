//! Values that only one record may have, and which record has one already (law L34).

use std::borrow::Cow;

use driftless_record::query::Comparison;
use driftless_record::{
    Cause, CauseClass, Change, ChangeAction, EntitySchema, Expr, FieldName, Fields, Query, Record, RecordId,
    Sending, Timestamp, Value,
};
use driftless_store::{Image, RecordStore, StoreError};
use driftless_transport::PushResult;

use crate::confirm::News;
use crate::ground::{Ground, Key};

/// How many records with the same value are looked at.
const MOST_LOOKED_AT: u64 = 8;

/// Returns the fields whose values are taken together, as far as that can be told: those of the alternate key with the
/// field that the server named, else of the only one that the change touches.
pub(crate) fn fields(entity: &EntitySchema, change: &Change, cause: &Cause) -> Vec<FieldName> {
    let keys = &entity.alternate_keys;
    if let Some(named) = &cause.field {
        let of_key = keys.iter().find(|key| key.contains(named));
        return of_key.cloned().unwrap_or_else(|| vec![named.clone()]);
    }
    let (ChangeAction::Create(sent) | ChangeAction::Update(sent)) = &change.action else {
        return Vec::new();
    };
    let touched = |key: &&Vec<FieldName>| key.iter().any(|field| sent.contains_key(field));
    let mut touched = keys.iter().filter(touched);
    match (touched.next(), touched.next()) {
        (Some(key), None) => key.clone(),
        _ => Vec::new(),
    }
}

/// Adds to the answer that a value is taken which record has it, where the server did not tell and the device knows.
pub(crate) fn with_other<'a>(
    store: &dyn RecordStore,
    ground: &Ground,
    (sending, news): (&Sending, &'a News),
    now: Timestamp,
) -> Result<Cow<'a, News>, StoreError> {
    let News::Answer(PushResult::Failed { cause, retry_after }) = news else {
        return Ok(Cow::Borrowed(news));
    };
    if cause.class != CauseClass::Unique || cause.other.is_some() {
        return Ok(Cow::Borrowed(news));
    }
    let other = other(store, ground, (&sending.change, cause), now)?;
    if other.is_none() {
        return Ok(Cow::Borrowed(news));
    }
    let cause = Cause {
        other,
        ..cause.clone()
    };
    Ok(Cow::Owned(News::Answer(PushResult::Failed {
        cause,
        retry_after: *retry_after,
    })))
}

/// Finds the record of the server that has the values which a change was refused for; none if it is not the only one.
fn other(
    store: &dyn RecordStore,
    ground: &Ground,
    (change, cause): (&Change, &Cause),
    now: Timestamp,
) -> Result<Option<RecordId>, StoreError> {
    let place: Key = (change.entity.clone(), change.record.clone());
    let (Some(entity), Some(image)) = (ground.schema.entity(place.0.as_str()), ground.images.get(&place))
    else {
        return Ok(None);
    };
    let mine = as_sent(image, change);
    let taken = fields(entity, change, cause);
    let values: Option<Fields> = taken
        .into_iter()
        .map(|name| {
            let value = mine.get(&name).filter(|value| !value.is_null())?;
            Some((name, value.clone()))
        })
        .collect();
    let Some(values) = values.filter(|values| !values.is_empty()) else {
        return Ok(None);
    };
    let equal =
        |(name, value): (&FieldName, &Value)| Expr::compare(name.clone(), Comparison::Eq, value.clone());
    let query = Query {
        top: Some(MOST_LOOKED_AT),
        ..Query::all(place.0.clone()).filter(Expr::And(values.iter().map(equal).collect()))
    };
    let Ok(found) = store.query(&query, now) else {
        // A value that no query can compare tells nothing.
        return Ok(None);
    };
    let mut there = found
        .into_iter()
        .filter(|record| record.id != place.1 && has(ground, record, &values));
    Ok(match (there.next(), there.next()) {
        (Some(one), None) => Some(one.id),
        _ => None,
    })
}

/// Returns the values that a record would have had with a change: what was set behind it, the server has not refused.
fn as_sent(image: &Image, change: &Change) -> Fields {
    let mut values = image
        .present()
        .map(|there| there.record.fields.clone())
        .unwrap_or_default();
    if let ChangeAction::Create(sent) | ChangeAction::Update(sent) = &change.action {
        values.extend(sent.clone());
    }
    values
}

/// Returns whether the server has a record with these values, as far as the device knows: what is only in view is none.
fn has(ground: &Ground, record: &Record, values: &Fields) -> bool {
    let Some(image) = ground.images.get(&(record.entity.clone(), record.id.clone())) else {
        return true;
    };
    image.present().is_some_and(|there| {
        values
            .iter()
            .all(|(name, value)| there.record.fields.get(name) == Some(value))
    })
}
