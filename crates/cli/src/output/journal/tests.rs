//! What an entry that waits offers.

use driftless_record::{Cause, CauseClass, Fields, LogId, RecordId, Timestamp};

use super::*;

fn parked(code: &str) -> LogEntry {
    LogEntry {
        id: LogId(4),
        at: Timestamp(0),
        kind: LogKind::Refused,
        record: None,
        title: String::new(),
        operations: Vec::new(),
        fields: Vec::new(),
        cause: Some(Cause {
            class: CauseClass::Unsupported,
            field: None,
            other: None,
            code: code.to_owned(),
            text: "words".to_owned(),
        }),
        reason: "why".to_owned(),
        kept: Fields::new(),
        needs_person: true,
        settled: None,
    }
}

#[test]
fn an_entry_offers_only_what_can_settle_it_and_names_who_found_the_cause() {
    for (code, who, ways) in [
        ("device:no-entity", "device", "--discard --revert"),
        ("device:no-update", "device", "--discard --revert"),
        ("device:no-field", "device", "--without FIELD --discard --revert"),
        (
            "device:field-retyped",
            "device",
            "--set FIELD=VALUE --without FIELD --discard --revert",
        ),
        (
            "device:field-required",
            "device",
            "--set FIELD=VALUE --discard --revert",
        ),
        ("unreadable", "device", "--retry --discard --revert"),
        ("no-answer", "device", "--retry --discard --revert"),
        (
            "Forbidden",
            "server",
            "--set FIELD=VALUE --retry --discard --revert",
        ),
    ] {
        let entry = parked(code);
        let offered = settles(&entry, &OutboxFacts::default());
        let offered: Vec<_> = offered
            .iter()
            .filter_map(|way| way.strip_prefix("driftless resolve 4 "))
            .collect();
        assert_eq!(offered.join(" "), ways, "{code}");
        let card = card(&entry, &OutboxFacts::default());
        assert!(card.contains(&format!("\n{who}  ")), "{card}");
    }
}

#[test]
fn a_refused_update_offers_to_go_without_a_field_and_a_new_record_does_not() {
    let mut entry = parked("Forbidden");
    let operation: OperationId = "00000000-0000-0000-0000-000000000007".parse().unwrap();
    entry.operations = vec![operation];
    let facts = OutboxFacts {
        updates: [operation].into(),
        ..OutboxFacts::default()
    };
    let offers = |entry: &LogEntry, facts: &OutboxFacts| {
        let ways = settles(entry, facts);
        ways.iter().any(|way| way.ends_with("--without FIELD"))
    };
    assert!(offers(&entry, &facts));
    assert!(!offers(&entry, &OutboxFacts::default()));
    entry.kind = LogKind::Unproved;
    assert!(!offers(&entry, &facts));
}

#[test]
fn a_taken_value_offers_another_one_and_what_was_made_here_may_be_the_other_record() {
    let mut entry = parked("NotUnique");
    let operation: OperationId = "00000000-0000-0000-0000-000000000007".parse().unwrap();
    entry.operations = vec![operation];
    entry.cause = entry.cause.map(|cause| Cause {
        class: CauseClass::Unique,
        field: Some("code".try_into().unwrap()),
        other: Some(RecordId::from_canonical("9")),
        ..cause
    });
    let facts = OutboxFacts {
        creates: [operation].into(),
        ..OutboxFacts::default()
    };
    let first = |facts: &OutboxFacts| settles(&entry, facts)[..2].join(", ");
    assert_eq!(
        first(&facts),
        "driftless resolve 4 --rename code=VALUE, driftless resolve 4 --link 9"
    );
    assert_eq!(
        first(&OutboxFacts::default()),
        "driftless resolve 4 --rename code=VALUE, driftless resolve 4 --retry"
    );
}
