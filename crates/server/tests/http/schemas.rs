//! Any schema from a metadata document, with data from a file.

use driftless_server::{Server, ServerError, ServerOptions};
use serde_json::json;

use crate::client::Running;

const SCHEMA: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0"><edmx:DataServices>
<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Shop">
  <EntityType Name="State"><Key><PropertyRef Name="Code"/></Key>
    <Property Name="Code" Type="Edm.String" MaxLength="2" Nullable="false"/>
    <Property Name="Title" Type="Edm.String" Nullable="false"/></EntityType>
  <EntityType Name="Order"><Key><PropertyRef Name="Number"/></Key>
    <Property Name="Number" Type="Edm.Int32" Nullable="false"/>
    <Property Name="StateCode" Type="Edm.String"/>
    <Property Name="Total" Type="Edm.Decimal" Precision="28" Scale="4"/>
    <NavigationProperty Name="State" Type="Shop.State"><ReferentialConstraint Property="StateCode" ReferencedProperty="Code"/></NavigationProperty></EntityType>
  <EntityType Name="Line"><Key><PropertyRef Name="Order"/><PropertyRef Name="Place"/></Key>
    <Property Name="Order" Type="Edm.Int32" Nullable="false"/>
    <Property Name="Place" Type="Edm.String" Nullable="false"/>
    <Property Name="Text" Type="Edm.String"/></EntityType>
  <EntityContainer Name="C"><EntitySet Name="States" EntityType="Shop.State"/><EntitySet Name="Orders" EntityType="Shop.Order"/>
    <EntitySet Name="Lines" EntityType="Shop.Line"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"#;

fn options(folder: &std::path::Path, seed: &str) -> ServerOptions {
    std::fs::write(folder.join("schema.xml"), SCHEMA).unwrap();
    std::fs::write(folder.join("seed.json"), seed).unwrap();
    let mut options = ServerOptions::default();
    options.schema_file = Some(folder.join("schema.xml"));
    options.seed_file = Some(folder.join("seed.json"));
    options
}

#[tokio::test]
async fn any_metadata_document_is_served_with_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let seed = json!({
        "States": [{"Code": "A'", "Title": "Open"}],
        "Orders": [{"Number": 41, "StateCode": "A'", "Total": "123456789012345678901234.5678"}],
        "Lines": [{"Order": 41, "Place": "a,b", "Text": "first"}],
    });
    let server = Running::start(options(folder.path(), &seed.to_string())).await;
    let order = server
        .send(
            "GET",
            "Orders(41)",
            &[("accept", "application/json;IEEE754Compatible=true")],
            "",
        )
        .await;
    assert_eq!(order.expect(200).json()["Total"], "123456789012345678901234.5678");
    assert_eq!(
        server.get("States('A''')").await.expect(200).json()["Title"],
        "Open"
    );
    let line = "Lines(Order=41,Place='a,b')";
    assert_eq!(server.get(line).await.expect(200).json()["Text"], "first");
    server
        .send("PATCH", line, &[("if-match", "*")], "{\"Text\":\"second\"}")
        .await
        .expect(204);
    let made = server.post("Orders", &json!({})).await.expect(201).json();
    assert_eq!(
        made["Number"], 42,
        "the server makes whole numbers where none is given"
    );
    server
        .post("Orders", &json!({"StateCode": "ZZ"}))
        .await
        .refused(400, "MissingReference");
    server
        .post("Lines", &json!({"Order": 1}))
        .await
        .refused(400, "Required");
    let (_, link) = server.pages("Lines", "track-changes").await;
    server
        .send("DELETE", line, &[("if-match", "*")], "")
        .await
        .expect(204);
    let (changes, _) = server.pages(&link.unwrap(), "").await;
    assert!(changes[0]["@id"].as_str().unwrap().starts_with("Lines("));
}

#[test]
fn a_seed_that_does_not_fit_leaves_no_database() {
    let folder = tempfile::tempdir().unwrap();
    for (seed, told) in [
        (json!({"Nothings": []}).to_string(), "Nothings"),
        (
            json!({"Orders": [{"Number": 1}, {"Number": "x"}]}).to_string(),
            "record 2",
        ),
        (
            json!({"Orders": [{"Number": 1}, {"Number": 1}]}).to_string(),
            "record 2",
        ),
        ("[]".to_owned(), "JSON object"),
    ] {
        let mut options = options(folder.path(), &seed);
        options.data = Some(folder.path().join("data"));
        let error = Server::open(options.clone()).unwrap_err();
        assert!(
            matches!(&error, ServerError::Seed(_)) && error.to_string().contains(told),
            "{error}"
        );
    }
    let mut whole = options(folder.path(), "{}");
    whole.data = Some(folder.path().join("data"));
    drop(Server::open(whole.clone()).unwrap());
    drop(Server::open(whole.clone()).unwrap());
    whole.schema_file = None;
    drop(Server::open(whole.clone()).unwrap());
    std::fs::write(folder.path().join("other.xml"), SCHEMA.replace("Title", "Name")).unwrap();
    whole.schema_file = Some(folder.path().join("other.xml"));
    assert!(matches!(
        Server::open(whole).unwrap_err(),
        ServerError::OtherSchema
    ));
}
