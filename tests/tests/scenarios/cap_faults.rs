//! A reply from SAP CAP that is lost, or cut short, after the service has committed: afterwards every change is there
//! exactly once.

use serde_json::{Value, json};

use crate::common::{Cap, Device, Fault, Rule, SECOND, SELLER, Service};

fn id(set: u32, row: u32) -> String {
    format!("{set:08}-0000-4000-8000-{row:012}")
}

/// Makes one change of each kind while the network is away, and brings it back.
async fn changed_offline(cap: &mut Cap) -> Device {
    let device = Device::downloaded(&cap.url(), SELLER).await;
    cap.wire.down().await;
    device.create("Accounts", &["name=Once"]).await;
    device.create("Tags", &["label=Once"]).await;
    device
        .create("Prices", &["priceList=once", "product=1", "amount=1.0000"])
        .await;
    device.update("Accounts", &id(1, 10), &["city=Once"]).await;
    device.update("Tags", &id(7, 10), &["label=Changed once"]).await;
    device.delete("Accounts", &id(1, 11)).await;
    device.delete("Tags", &id(7, 11)).await;
    cap.wire.up();
    cap.wire.take_seen();
    device
}

/// Each change is there once, and nothing else is different.
async fn there_once(service: &Service) {
    let named =
        |rows: Vec<Value>, field: &str, value: &str| rows.iter().filter(|row| row[field] == value).count();
    let accounts = service.rows("Accounts").await;
    let tags = service.rows("Tags").await;
    assert_eq!((accounts.len(), tags.len()), (130, 70));
    assert_eq!(named(accounts.clone(), "name", "Once"), 1);
    assert_eq!(named(accounts.clone(), "city", "Once"), 1);
    assert_eq!(named(tags.clone(), "label", "Once"), 1);
    assert_eq!(named(tags.clone(), "label", "Changed once"), 1);
    assert_eq!(named(accounts, "ID", &id(1, 11)), 0);
    assert_eq!(named(tags, "ID", &id(7, 11)), 0);
    assert_eq!(
        service.get("Prices(priceList='once',product=1)").await.status,
        200
    );
    assert_eq!(service.rows("Prices").await.len(), 86);
}

/// One rule for each method that writes, singly or in a batch.
fn writes(fault: Fault, times: usize) -> Vec<Rule> {
    ["POST", "PATCH", "PUT", "DELETE"]
        .map(|method| Rule::next(fault, method, "").times(times))
        .into()
}

/// Breaks the first sending as `fault` says, until nothing is left of it, and checks what the service has.
async fn survives(rules: Vec<Rule>) {
    let Some(mut cap) = Cap::start().await else { return };
    let device = changed_offline(&mut cap).await;
    for rule in rules {
        cap.wire.plan(rule);
    }
    let first = device.run(&["sync"]).await;
    assert!([0, 4].contains(&first.code), "{first:?}");
    let struck = cap.wire.heal();
    assert!(struck > 0, "no rule struck: {:?}", cap.wire.take_seen());
    device.sync(0).await;
    assert!(device.outbox().await.is_empty());
    let waiting = device.waiting().await;
    assert!(
        waiting.is_empty(),
        "nothing here needs a person: {waiting:?}\n{}",
        cap.log()
    );
    there_once(&cap.seen_by(SELLER)).await;
}

#[tokio::test]
async fn a_lost_reply_is_applied_exactly_once() {
    survives(writes(Fault::CutAfter, 1)).await;
}

#[tokio::test]
async fn replies_lost_again_and_again_are_applied_exactly_once() {
    survives(writes(Fault::CutAfter, 3)).await;
}

#[tokio::test]
async fn a_request_that_never_arrived_is_sent_again() {
    survives(writes(Fault::CutBefore, 1)).await;
}

#[tokio::test]
async fn a_reply_cut_short_counts_only_as_far_as_it_is_whole() {
    for length in [0, 40, 600, 1500] {
        survives(writes(Fault::Truncate(length), 1)).await;
    }
}

/// Sends what is queued, once with all replies lost and then without.
async fn sent_with_a_lost_reply(cap: &mut Cap, device: &Device) {
    for rule in writes(Fault::CutAfter, 1) {
        cap.wire.plan(rule);
    }
    cap.wire.up();
    device.run(&["sync"]).await;
    assert!(
        cap.wire.heal() > 0,
        "nothing was written: {:?}",
        cap.wire.take_seen()
    );
    device.sync(0).await;
    assert!(device.outbox().await.is_empty());
    let waiting = device.waiting().await;
    assert!(
        waiting.is_empty(),
        "nothing here needs a person: {waiting:?}\n{}",
        cap.log()
    );
    cap.wire.down().await;
}

#[tokio::test]
async fn each_kind_of_change_alone_survives_its_lost_reply() {
    let Some(mut cap) = Cap::start().await else { return };
    let device = Device::downloaded(&cap.url(), SELLER).await;
    let service = cap.seen_by(SELLER);
    cap.wire.down().await;
    for (entity, made, changed, rows) in [
        ("Accounts", "name=Once", "city=Once", 130),
        ("Tags", "label=Once", "colour=Once", 70),
    ] {
        let id = device.create(entity, &[made]).await;
        sent_with_a_lost_reply(&mut cap, &device).await;
        assert_eq!(service.rows(entity).await.len(), rows + 1);

        device.update(entity, &id, &[changed]).await;
        sent_with_a_lost_reply(&mut cap, &device).await;
        let (field, value) = changed.split_once('=').unwrap();
        assert_eq!(service.get(&format!("{entity}({id})")).await.json[field], value);

        device.delete(entity, &id).await;
        sent_with_a_lost_reply(&mut cap, &device).await;
        assert_eq!(service.get(&format!("{entity}({id})")).await.status, 404);
        assert_eq!(service.rows(entity).await.len(), rows);
    }
}

#[tokio::test]
async fn a_lost_update_that_others_built_upon_is_no_conflict() {
    let Some(mut cap) = Cap::start().await else { return };
    let device = Device::downloaded(&cap.url(), SELLER).await;
    let account = format!("Accounts({})", id(1, 12));
    cap.wire.down().await;
    device.update("Accounts", &id(1, 12), &["city=Mine"]).await;
    // The reply is lost, and the network with it, before the device can look.
    for rule in writes(Fault::CutAfter, 1) {
        cap.wire.plan(rule);
    }
    cap.wire
        .plan(Rule::next(Fault::CutBefore, "GET", &account).times(usize::MAX));
    cap.wire.up();
    device.run(&["sync"]).await;
    cap.wire.heal();
    cap.seen_by(SECOND)
        .update(&account, &json!({"phone": "Theirs"}))
        .await;

    device.sync(0).await;
    let there = cap.seen_by(SELLER).get(&account).await.json;
    assert_eq!(
        (&there["city"], &there["phone"]),
        (&json!("Mine"), &json!("Theirs"))
    );
    assert_eq!(
        device.get("Accounts", &id(1, 12)).await.unwrap()["phone"],
        "Theirs"
    );
    assert!(device.outbox().await.is_empty());
    assert!(device.waiting().await.is_empty());
}

#[tokio::test]
async fn a_download_cut_short_goes_on_where_it_was() {
    let Some(cap) = Cap::start().await else { return };
    let device = Device::new();
    device.sign_in(&cap.url(), SELLER).await.expect_code(0);
    cap.wire
        .plan(Rule::next(Fault::Truncate(2_000), "GET", "Accounts?").after(1));
    cap.wire.plan(Rule::next(Fault::CutBefore, "GET", "Tags?"));
    let mut runs = 0;
    while device.run(&["download"]).await.code != 0 {
        runs += 1;
        assert!(runs < 5, "the download never ends: {:?}", cap.wire.take_seen());
    }
    assert_eq!(device.ids("Accounts").await.len(), 130);
    assert_eq!(device.ids("Tags").await.len(), 70);
}
