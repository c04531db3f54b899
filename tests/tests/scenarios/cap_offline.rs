//! The main job against SAP CAP: download, work without a network, sync; the service then has that work exactly once
//! and the device has other people's.

use serde_json::{Value, json};

use crate::common::{Cap, Device, SECOND, SELLER, Service};

fn id(set: u32, row: u32) -> String {
    format!("{set:08}-0000-4000-8000-{row:012}")
}

/// Every entity set of the service: its name, the parts of its key, and how many rows it starts with.
const SETS: [(&str, &[&str], usize); 8] = [
    ("Accounts", &["ID"], 130),
    ("Contacts", &["ID"], 90),
    ("Activities", &["ID"], 100),
    ("Cases", &["ID"], 60),
    ("Products", &["number"], 95),
    ("Prices", &["priceList", "product"], 85),
    ("Tags", &["ID"], 70),
    ("Approvals", &["ID"], 5),
];

/// A row's key as the command line writes it.
fn key(row: &Value, parts: &[&str]) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match parts {
        [one] => text(&row[*one]),
        many => {
            let quoted = |value: &Value| {
                value.as_str().map_or_else(
                    || value.to_string(),
                    |text| format!("'{}'", text.replace('\'', "''")),
                )
            };
            let parts: Vec<_> = many
                .iter()
                .map(|part| format!("{part}={}", quoted(&row[*part])))
                .collect();
            parts.join(",")
        }
    }
}

/// The keys of all rows that the service has, sorted.
async fn keys(service: &Service, set: &str, parts: &[&str]) -> Vec<String> {
    let path = format!("{set}?$orderby={}", parts.join(","));
    let mut keys: Vec<_> = service
        .rows(&path)
        .await
        .iter()
        .map(|row| key(row, parts))
        .collect();
    keys.sort();
    keys
}

/// Device and service have the same records of every entity.
async fn agree(device: &Device, service: &Service) {
    for (set, parts, _) in SETS {
        assert_eq!(device.ids(set).await, keys(service, set, parts).await, "{set}");
    }
}

#[tokio::test]
async fn a_download_brings_every_row_over_all_pages() {
    let Some(cap) = Cap::start().await else { return };
    let device = Device::downloaded(&cap.url(), SELLER).await;
    for (set, _, rows) in SETS {
        assert_eq!(device.ids(set).await.len(), rows, "{set}");
    }
    agree(&device, &cap.seen_by(SELLER)).await;
    let account = device.get("Accounts", &id(1, 7)).await.unwrap();
    let theirs = cap
        .seen_by(SELLER)
        .get(&format!("Accounts({})", id(1, 7)))
        .await
        .json;
    for field in ["name", "city", "phone", "rating", "founded", "active"] {
        assert_eq!(account[field], theirs[field], "{field}");
    }
}

#[tokio::test]
async fn work_done_offline_is_on_the_service_exactly_once() {
    let Some(mut cap) = Cap::start().await else { return };
    let device = Device::downloaded(&cap.url(), SELLER).await;
    let service = cap.seen_by(SELLER);
    cap.wire.down().await;

    // UUID keys: a parent and its child, made here; a change; a deletion.
    let account = device
        .create(
            "Accounts",
            &["name=Made offline", "city=Turku", "revenue=1234.50"],
        )
        .await;
    let contact = device
        .create(
            "Contacts",
            &["lastName=Offline", &format!("account_ID={account}")],
        )
        .await;
    let case = device
        .create(
            "Cases",
            &[
                "title=Offline case",
                "category=billing",
                &format!("account_ID={account}"),
            ],
        )
        .await;
    device.update("Accounts", &account, &["city=Graz"]).await;
    device
        .update("Activities", &id(3, 5), &["subject=Changed offline", "done=true"])
        .await;
    device.delete("Activities", &id(3, 6)).await;
    // An integer key, a composite key, and no modification date.
    let product = device
        .create("Products", &["number=7", "name=Seven", "price=7.7500"])
        .await;
    device.update("Products", "10", &["name=Ten"]).await;
    device.delete("Products", "20").await;
    let price = device
        .create("Prices", &["priceList=o'hara", "product=7", "amount=1.5000"])
        .await;
    device
        .update("Prices", "priceList='retail',product=30", &["amount=3.2500"])
        .await;
    device.delete("Prices", "priceList='trade',product=10").await;
    let tag = device.create("Tags", &["label=Offline", "colour=red"]).await;
    device.update("Tags", &id(7, 1), &["label=Renamed"]).await;
    device.delete("Tags", &id(7, 2)).await;
    assert_eq!(product, "7");
    assert_eq!(price, "priceList='o''hara',product=7");

    // It is all there on the device, and nothing of it on the service.
    assert_eq!(device.get("Accounts", &account).await.unwrap()["city"], "Graz");
    assert!(device.get("Tags", &id(7, 2)).await.is_none());
    assert_eq!(device.outbox().await.len(), 15);
    device.sync(4).await;
    assert_eq!(device.outbox().await.len(), 15);
    assert_eq!(service.rows("Accounts").await.len(), 130);

    cap.wire.up();
    device.sync(0).await;
    assert_eq!(device.outbox().await, Vec::<Value>::new());
    let there = |path: String| {
        let service = service.clone();
        async move { service.get(&path).await.json }
    };
    let made = there(format!("Accounts({account})")).await;
    assert_eq!(
        (&made["name"], &made["city"]),
        (&json!("Made offline"), &json!("Graz"))
    );
    assert_eq!(made["revenue"], json!(1234.5));
    assert_eq!(
        there(format!("Contacts({contact})")).await["account_ID"],
        json!(account)
    );
    let number = there(format!("Cases({case})")).await["number"].clone();
    assert_eq!(device.get("Cases", &case).await.unwrap()["number"], number);
    let activity = there(format!("Activities({})", id(3, 5))).await;
    assert_eq!(
        (&activity["subject"], &activity["done"]),
        (&json!("Changed offline"), &json!(true))
    );
    assert_eq!(there("Products(10)".to_owned()).await["name"], "Ten");
    assert_eq!(
        there("Prices(priceList='o''hara',product=7)".to_owned()).await["amount"],
        json!(1.5)
    );
    assert_eq!(
        there("Prices(priceList='retail',product=30)".to_owned()).await["amount"],
        json!(3.25)
    );
    assert_eq!(there(format!("Tags({tag})")).await["colour"], "red");
    assert_eq!(there(format!("Tags({})", id(7, 1))).await["label"], "Renamed");
    // One more and one less everywhere, and the same on both sides.
    for (set, rows) in [
        ("Activities", 99),
        ("Products", 95),
        ("Prices", 85),
        ("Tags", 70),
        ("Accounts", 131),
    ] {
        assert_eq!(service.rows(set).await.len(), rows, "{set}");
    }
    agree(&device, &service).await;
}

#[tokio::test]
async fn other_peoples_work_arrives_with_its_deletions() {
    let Some(cap) = Cap::start().await else { return };
    let device = Device::downloaded(&cap.url(), SELLER).await;
    let other = cap.seen_by(SECOND);
    other
        .create("Accounts", &json!({"ID": id(9, 1), "name": "New from elsewhere"}))
        .await;
    other
        .update(&format!("Accounts({})", id(1, 3)), &json!({"city": "Elsewhere"}))
        .await;
    other
        .create("Tags", &json!({"ID": id(9, 2), "label": "New tag"}))
        .await;
    other
        .update(&format!("Tags({})", id(7, 3)), &json!({"label": "Changed tag"}))
        .await;
    other
        .update("Products(30)", &json!({"name": "Changed product"}))
        .await;
    for gone in [
        format!("Accounts({})", id(1, 4)),
        format!("Tags({})", id(7, 4)),
        "Products(40)".to_owned(),
        "Prices(priceList='retail',product=30)".to_owned(),
    ] {
        other.delete(&gone).await;
    }

    device.sync(0).await;
    assert_eq!(
        device.get("Accounts", &id(9, 1)).await.unwrap()["name"],
        "New from elsewhere"
    );
    assert_eq!(
        device.get("Accounts", &id(1, 3)).await.unwrap()["city"],
        "Elsewhere"
    );
    assert_eq!(
        device.get("Tags", &id(7, 3)).await.unwrap()["label"],
        "Changed tag"
    );
    assert_eq!(
        device.get("Products", "30").await.unwrap()["name"],
        "Changed product"
    );
    assert!(device.get("Accounts", &id(1, 4)).await.is_none());
    assert!(
        device
            .get("Prices", "priceList='retail',product=30")
            .await
            .is_none()
    );
    agree(&device, &other).await;
}
