//! The documents that describe the service.

use crate::client::Running;

#[tokio::test]
async fn the_metadata_document_reads_back_to_the_schema() {
    let server = Running::with_data(100).await;
    let document = server.get("$metadata").await.expect(200);
    assert!(
        document
            .header("content-type")
            .unwrap()
            .starts_with("application/xml")
    );
    let metadata = driftless_odata::csdl::read(document.text.as_bytes()).unwrap();
    assert_eq!(metadata.schema, driftless_server::crm::schema().unwrap());
}

#[tokio::test]
async fn every_entity_set_of_the_service_document_can_be_read() {
    let server = Running::with_data(200).await;
    let document = server.get("").await.expect(200);
    assert_eq!(document.header("odata-version"), Some("4.01"));
    assert!(document.header("date").is_some(), "devices compare clocks by it");
    let sets = document.json()["value"].as_array().unwrap().clone();
    assert!(sets.len() > 30);
    let mut total = 0;
    for set in sets {
        let count = server
            .get(&format!("{}/$count", set["url"].as_str().unwrap()))
            .await
            .expect(200);
        total += count.text.parse::<usize>().unwrap();
    }
    assert_eq!(total, 200);
}

#[tokio::test]
async fn methods_that_a_resource_does_not_have_are_refused() {
    let server = Running::with_data(100).await;
    for (method, path) in [
        ("DELETE", "Accounts"),
        ("PUT", "$metadata"),
        ("GET", "$batch"),
        ("POST", "driftless/me"),
    ] {
        server
            .send(method, path, &[], "{}")
            .await
            .refused(405, "MethodNotAllowed");
    }
}
