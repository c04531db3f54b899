//! Every stored form, as bytes: whoever changes one sees it here, and raises the version or reads the old form too.

use std::fmt::Debug;

use driftless_record::settings::{EntityConflictRules, EntityScope};
use driftless_record::{BootId, ClockSample, ConflictRule, FieldName, OperationMode, Query, Timestamp};
use driftless_store::{MemoryStore, WriteBatch};
use driftless_transport::Checkpoint;
use uuid::Uuid;

use super::*;
use crate::contacts::Contacts;

fn put(store: &MemoryStore, note: &Note, bytes: &str) {
    let writes = vec![Write::PutNote(note.name(), Some(bytes.as_bytes().to_vec()))];
    store.commit(WriteBatch { expect: None, writes }).unwrap();
}

#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(note: &Note, data: &T, expected: &str) {
    let Write::PutNote(_, Some(bytes)) = write(note, data) else {
        panic!("nothing is written");
    };
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    let store = MemoryStore::new();
    put(&store, note, expected);
    assert_eq!(read::<T>(&store, note).unwrap().as_ref(), Some(data));
    put(&store, note, &expected.replacen("\"v\":1", "\"v\":2", 1));
    assert_eq!(
        read::<T>(&store, note).unwrap(),
        None,
        "of a version that is not known"
    );
}

#[test]
fn the_forms_in_which_notes_are_kept_stay_as_they_are() {
    let entity = EntityName::parse("Account").unwrap();
    let of_entity = Note::Entity(entity.clone());
    let mark = EntityMark {
        checkpoint: Some(Checkpoint("next".to_owned())),
        complete: true,
        read_at: Some(Timestamp(7)),
        filter: "null".to_owned(),
        sweep_due: true,
        within: false,
    };
    let marked = r#"{"v":1,"data":{"checkpoint":"next","complete":true,"read_at":7,"filter":"null","sweep_due":true,"within":false}}"#;
    check(&of_entity, &mark, marked);
    check(&Note::LastSync, &Timestamp(7), r#"{"v":1,"data":7}"#);
    let mut contacts = Contacts::default();
    contacts.reached(Timestamp(7), 3, &[]);
    check(&Note::Contacts, &contacts, r#"{"v":1,"data":{"marks":[[3,7]]}}"#);
    let sample = ClockSample {
        server: Timestamp(1),
        wall: Timestamp(2),
        monotonic: 3,
        boot: BootId(Uuid::nil()),
        error: 4,
    };
    let sampled = r#"{"v":1,"data":{"server":1,"wall":2,"monotonic":3,"boot":"00000000-0000-0000-0000-000000000000","error":4}}"#;
    check(&Note::Clock, &sample, sampled);
    let rules = EntityConflictRules {
        rule: Some(ConflictRule::Ask),
        fields: [(FieldName::parse("city").unwrap(), ConflictRule::ServerWins)].into(),
    };
    let scope = EntityScope {
        query: Query::all(entity.clone()),
        interval_seconds: Some(60),
    };
    let name = |text| FieldName::parse(text).unwrap();
    let settings = Settings {
        park_forbidden_field_alone: true,
        field_groups: [(entity.clone(), vec![["city", "name"].map(name).into()])].into(),
        mode: OperationMode::Offline,
        conflict: ConflictRule::ClientWins,
        conflict_by_entity: [(entity.clone(), rules)].into(),
        scope: Some([(entity.clone(), scope)].into()),
        excluded: [entity].into(),
        attachment_limit_bytes: Some(5),
        request_mailbox: Some("m".to_owned()),
    };
    check(
        &Note::Settings,
        &settings,
        include_str!("settings.json").trim_end(),
    );
    // As they were kept before a change could be split.
    let store = MemoryStore::new();
    put(
        &store,
        &Note::Settings,
        include_str!("settings-before-parts.json").trim_end(),
    );
    let before = Settings {
        park_forbidden_field_alone: false,
        field_groups: std::collections::BTreeMap::new(),
        ..settings
    };
    assert_eq!(read(&store, &Note::Settings).unwrap(), Some(before));
    let (whole, part) = (OperationId(Uuid::from_u128(1)), OperationId(Uuid::from_u128(2)));
    check(
        &Note::Parts(whole),
        &vec![part],
        r#"{"v":1,"data":["00000000-0000-0000-0000-000000000002"]}"#,
    );
}
