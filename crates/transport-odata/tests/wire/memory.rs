//! A service over records in memory that answers queries by the interpreter, with and without delta links.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use driftless_odata::payload::{DeltaForm, Layout, Numbers, PageWriter, Removed, RemovedReason};
use driftless_odata::query::{Names, Treatment, read_options};
use driftless_record::query::{Collation, Context, NoLookups, eval};
use driftless_record::{
    DateTime, EntityName, Fields, Record, RecordId, Revision, Row, Schema, Timestamp, Value,
};

use crate::support::{Answer, Seen, Service, error, field, guid, json, schema};

/// What the service is like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nature {
    /// The most rows of a page, whatever is asked for.
    pub(crate) page: usize,
    /// Whether it gives delta links.
    pub(crate) tracks: bool,
    /// Whether it keeps finer times than it tells.
    pub(crate) blurs: bool,
}

/// A change that somebody else makes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Write {
    /// Creates or changes a record.
    Put(u8),
    /// The same, with the time of a transaction that began earlier.
    PutLate(u8),
    /// Deletes a record.
    Delete(u8),
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) records: BTreeMap<RecordId, Record>,
    /// Per record, the number of the last change.
    changed: BTreeMap<RecordId, (u64, bool)>,
    seq: u64,
    /// Changes to be made before each of the next pages.
    pub(crate) coming: Vec<Vec<Write>>,
}

impl State {
    pub(crate) fn write(&mut self, entity: &str, write: Write) {
        self.seq += 1;
        let now = 1_577_836_800_000 + i64::try_from(self.seq).unwrap() * 1_000;
        let (n, at) = match write {
            Write::Put(n) | Write::Delete(n) => (n, now),
            Write::PutLate(n) => (n, now - 5_000),
        };
        let id = guid(u128::from(n));
        self.changed
            .insert(id.clone(), (self.seq, matches!(write, Write::Delete(_))));
        if matches!(write, Write::Delete(_)) {
            self.records.remove(&id);
            return;
        }
        let mut time = DateTime::from_timestamp(Timestamp(at));
        time.ticks += i64::from(n % 7) * 100;
        let mut fields: Fields = [
            (field("ID"), Value::Guid(id.as_str().parse().unwrap())),
            (field("name"), Value::text(format!("version {}", self.seq))),
        ]
        .into();
        if entity == "Accounts" {
            fields.insert(field("modifiedAt"), Value::DateTime(time));
        }
        let record = Record {
            entity: EntityName::parse(entity).unwrap(),
            id: id.clone(),
            revision: Some(Revision(format!("W/\"{}\"", self.seq))),
            fields,
        };
        self.records.insert(id, record);
    }
}

/// Starts a service for one entity over a state.
pub(crate) async fn start(entity: &'static str, nature: Nature, state: Arc<Mutex<State>>) -> Service {
    let schema = schema();
    Service::start(move |seen| {
        let mut state = state.lock().unwrap();
        let set = seen.path.split('(').next().unwrap_or_default();
        if set != entity {
            return error(404, "C");
        }
        if !seen.query.starts_with("$select=ID&$top=1") && !state.coming.is_empty() {
            for write in state.coming.remove(0) {
                state.write(entity, write);
            }
        }
        answer(&schema, entity, nature, &state, seen)
    })
    .await
}

fn answer(schema: &Schema, entity: &str, nature: Nature, state: &State, seen: &Seen) -> Answer {
    let entity = Arc::clone(schema.entity(entity).unwrap());
    let asked = match read_options(&seen.query, Names::own(schema), &entity, Treatment::Refuse) {
        Ok(asked) => asked,
        Err(why) => return error(400, &why.to_string()),
    };
    let tracks =
        nature.tracks && (seen.header("prefer").contains("track-changes") || seen.query.contains("token="));
    let layout = Layout::new(schema, &entity, &asked.query.select, None);
    let mut out = Vec::new();
    let forms = (Numbers::Strings, DeltaForm::V401);
    let row = |record: &Record| Row {
        id: record.id.clone(),
        revision: record.revision.clone(),
        values: layout
            .columns()
            .iter()
            .map(|name| blurred(record.value(name), nature.blurs))
            .collect(),
    };
    if let Some(token) = &asked.delta_token {
        // from.place: changes after `from`, in the order of the change, page by page.
        let (from, place) = token.split_once('.').unwrap();
        let (from, place): (u64, u64) = (from.parse().unwrap(), place.parse().unwrap());
        let mut changes: Vec<_> = state
            .changed
            .iter()
            .filter(|(_, (seq, _))| *seq > from.max(place))
            .map(|(id, (seq, gone))| (*seq, id, *gone))
            .collect();
        changes.sort();
        let more = changes.len() > nature.page;
        changes.truncate(nature.page);
        let mut writer = PageWriter::new(&mut out, &layout, "$metadata#Accounts/$delta", None, forms);
        for (_, id, gone) in &changes {
            if *gone {
                writer.removed(&Removed {
                    id: (*id).clone(),
                    reason: RemovedReason::Deleted,
                });
            } else {
                writer.row(&row(&state.records[*id]), &BTreeMap::new());
            }
        }
        let link = |place: u64| format!("Accounts?$deltatoken={from}.{place}");
        let last = changes.last().map_or(place, |(seq, ..)| *seq);
        match more {
            true => writer.finish(Some(&link(last)), None),
            false => writer.finish(
                None,
                Some(&format!("Accounts?$deltatoken={}.0", state.seq.max(from))),
            ),
        }
        return json(200, out);
    }
    let mut query = asked.query.clone();
    let (mut since, mut after) = (state.seq, String::new());
    if let Some(token) = &asked.skip_token {
        let (seq, place) = token.split_once('.').unwrap();
        (since, after) = (seq.parse().unwrap(), place.to_owned());
    }
    let context = Context {
        schema,
        collation: Collation::Binary,
        now: DateTime {
            ticks: 0,
            offset_minutes: 0,
        },
        lookups: &NoLookups,
    };
    let rest = state
        .records
        .values()
        .filter(|record| record.id.as_str() > after.as_str())
        .cloned();
    query.select = Vec::new();
    let found = eval::run(&query, rest, &context).unwrap();
    let page = &found[..found.len().min(nature.page)];
    let mut writer = PageWriter::new(
        &mut out,
        &layout,
        "$metadata#X",
        asked.count.then_some(found.len() as u64),
        forms,
    );
    for record in page {
        writer.row(&row(record), &BTreeMap::new());
    }
    let next = (found.len() > page.len()).then(|| {
        format!(
            "Accounts?$skiptoken={since}.{}",
            page.last().map_or("", |record| record.id.as_str())
        )
    });
    let delta = (tracks && next.is_none()).then(|| format!("Accounts?$deltatoken={since}.0"));
    writer.finish(next.as_deref(), delta.as_deref());
    let applied = if tracks { "odata.track-changes" } else { "" };
    json(200, out).with("preference-applied", applied)
}

/// A time as the service tells it: in milliseconds, if it tells less than it keeps.
fn blurred(value: &Value, blurs: bool) -> Value {
    match value {
        Value::DateTime(time) if blurs => Value::DateTime(DateTime::from_timestamp(time.to_timestamp())),
        other => other.clone(),
    }
}
