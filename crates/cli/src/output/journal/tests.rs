//! What an entry that waits offers.

use driftless_record::{Fields, LogId, Timestamp};

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
