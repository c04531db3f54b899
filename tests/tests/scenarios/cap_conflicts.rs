//! What SAP CAP answers with something else than success: each answer means the right thing, and only what a person
//! must decide waits for one.

use serde_json::json;

use crate::common::{Cap, Device, SECOND, SELLER};

fn id(set: u32, row: u32) -> String {
    format!("{set:08}-0000-4000-8000-{row:012}")
}

#[tokio::test]
async fn a_412_on_different_fields_is_merged() {
    let Some(mut cap) = Cap::start().await else { return };
    let device = Device::downloaded(&cap.url(), SELLER).await;
    let account = format!("Accounts({})", id(1, 5));
    cap.wire.down().await;
    device.update("Accounts", &id(1, 5), &["phone=+00 1"]).await;
    cap.seen_by(SECOND)
        .update(&account, &json!({"city": "Theirs"}))
        .await;
    cap.wire.up();

    device.sync(0).await;
    let there = cap.seen_by(SELLER).get(&account).await.json;
    assert_eq!(
        (&there["phone"], &there["city"]),
        (&json!("+00 1"), &json!("Theirs"))
    );
    let here = device.get("Accounts", &id(1, 5)).await.unwrap();
    assert_eq!(
        (&here["phone"], &here["city"]),
        (&json!("+00 1"), &json!("Theirs"))
    );
    assert!(device.outbox().await.is_empty());
    assert!(device.waiting().await.is_empty());
    let log = device.log().await;
    assert!(log.iter().any(|entry| entry["kind"] == "merged"), "{log:?}");
}

#[tokio::test]
async fn a_412_on_one_field_waits_for_the_user_and_the_rest_flows_on() {
    let Some(mut cap) = Cap::start().await else { return };
    let device = Device::downloaded(&cap.url(), SELLER).await;
    let account = format!("Accounts({})", id(1, 5));
    cap.wire.down().await;
    device.update("Accounts", &id(1, 5), &["city=Mine"]).await;
    device.update("Accounts", &id(1, 6), &["city=Free"]).await;
    cap.seen_by(SECOND)
        .update(&account, &json!({"city": "Theirs"}))
        .await;
    cap.wire.up();

    device.sync(3).await;
    let service = cap.seen_by(SELLER);
    assert_eq!(service.get(&account).await.json["city"], "Theirs");
    assert_eq!(
        service.get(&format!("Accounts({})", id(1, 6))).await.json["city"],
        "Free"
    );
    assert_eq!(device.get("Accounts", &id(1, 5)).await.unwrap()["city"], "Mine");
    let log = device.waiting().await;
    assert_eq!(log.len(), 1, "{log:?}");
    let text = log[0].to_string();
    assert!(
        ["Mine", "Theirs", "city"].iter().all(|word| text.contains(word)),
        "{text}"
    );

    device.resolve(&log[0], &["--mine"]).await;
    device.sync(0).await;
    assert_eq!(service.get(&account).await.json["city"], "Mine");
    assert!(device.outbox().await.is_empty());
}

#[tokio::test]
async fn a_record_deleted_meanwhile_keeps_the_users_change_until_they_decide() {
    let Some(mut cap) = Cap::start().await else { return };
    let device = Device::downloaded(&cap.url(), SELLER).await;
    let other = cap.seen_by(SECOND);
    cap.wire.down().await;
    device.update("Tags", &id(7, 5), &["label=Mine"]).await;
    device.update("Accounts", &id(1, 8), &["city=Mine"]).await;
    device.delete("Tags", &id(7, 6)).await;
    device.delete("Accounts", &id(1, 9)).await;
    for gone in [
        format!("Tags({})", id(7, 5)),
        format!("Tags({})", id(7, 6)),
        format!("Accounts({})", id(1, 8)),
        format!("Accounts({})", id(1, 9)),
    ] {
        other.delete(&gone).await;
    }
    cap.wire.up();

    // Both sides deleted: nothing to decide. One changed what the other deleted: theirs to say.
    device.sync(3).await;
    let waiting = device.outbox().await;
    assert_eq!(waiting.len(), 2, "{waiting:?}");
    assert_eq!(device.waiting().await.len(), 2);
    assert_eq!(other.get(&format!("Tags({})", id(7, 5))).await.status, 404);
    assert_eq!(other.get(&format!("Accounts({})", id(1, 8))).await.status, 404);
}

#[tokio::test]
async fn a_400_parks_the_record_and_its_dependants_until_it_is_corrected() {
    let Some(mut cap) = Cap::start().await else { return };
    let device = Device::downloaded(&cap.url(), SELLER).await;
    let service = cap.seen_by(SELLER);
    cap.wire.down().await;
    // Only the service knows that a case needs a category.
    let case = device.create("Cases", &["title=Without category"]).await;
    let account = device.create("Accounts", &["name=Not held up"]).await;
    cap.wire.up();

    device.sync(3).await;
    assert_eq!(service.get(&format!("Cases({case})")).await.status, 404);
    assert_eq!(service.get(&format!("Accounts({account})")).await.status, 200);
    let log = device.waiting().await;
    assert_eq!(log.len(), 1, "{log:?}");
    assert!(log[0].to_string().contains("A case needs a category."), "{log:?}");
    assert!(device.get("Cases", &case).await.is_some());

    device.resolve(&log[0], &["--set", "category=billing"]).await;
    device.sync(0).await;
    assert_eq!(
        service.get(&format!("Cases({case})")).await.json["category"],
        "billing"
    );
    assert!(device.outbox().await.is_empty());
}

#[tokio::test]
async fn a_403_parks_the_change_and_says_why() {
    let Some(mut cap) = Cap::start().await else { return };
    let device = Device::downloaded(&cap.url(), SELLER).await;
    cap.wire.down().await;
    device.update("Approvals", &id(8, 1), &["granted=true"]).await;
    let tag = device.create("Tags", &["label=Not held up"]).await;
    cap.wire.up();

    device.sync(3).await;
    let service = cap.seen_by(SELLER);
    assert_eq!(
        service.get(&format!("Approvals({})", id(8, 1))).await.json["granted"],
        false
    );
    assert_eq!(service.get(&format!("Tags({tag})")).await.status, 200);
    let log = device.waiting().await;
    assert_eq!(log.len(), 1, "{log:?}");

    device.resolve(&log[0], &["--revert"]).await;
    device.sync(0).await;
    assert_eq!(
        device.get("Approvals", &id(8, 1)).await.unwrap()["granted"],
        false
    );
    assert!(device.outbox().await.is_empty());
}
