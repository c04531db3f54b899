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

const WAREHOUSE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0"><edmx:DataServices>
<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Warehouse">
  <EnumType Name="Marks" IsFlags="true"><Member Name="Fragile" Value="1"/><Member Name="Cold" Value="2"/></EnumType>
  <EntityType Name="Item"><Key><PropertyRef Name="No"/></Key>
    <Property Name="No" Type="Edm.String" MaxLength="9" Nullable="false"/>
    <Property Name="Shelf" Type="Edm.Byte"/>
    <Property Name="Marks" Type="Warehouse.Marks"/></EntityType>
  <EntityType Name="Move"><Key><PropertyRef Name="Number"/></Key>
    <Property Name="Number" Type="Edm.Int32" Nullable="false"/>
    <Property Name="ItemNo" Type="Edm.String"/>
    <NavigationProperty Name="Item" Type="Warehouse.Item"><ReferentialConstraint Property="ItemNo" ReferencedProperty="No"/></NavigationProperty></EntityType>
  <EntityContainer Name="All"><EntitySet Name="Items" EntityType="Warehouse.Item"/><EntitySet Name="Moves" EntityType="Warehouse.Move"/>
    <Singleton Name="Me" Type="Warehouse.Item"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"#;

fn warehouse(folder: &std::path::Path) -> ServerOptions {
    let seed = json!({
        "Items": [{"No": "a", "Shelf": 200, "Marks": "Fragile,Cold"}, {"No": "b", "Shelf": 1}],
        "Moves": [{"Number": 1, "ItemNo": "a"}, {"Number": 2, "ItemNo": "b"}],
    });
    let mut options = options(folder, &seed.to_string());
    std::fs::write(folder.join("schema.xml"), WAREHOUSE).unwrap();
    options.data = Some(folder.join("data"));
    options
}

#[tokio::test]
async fn a_schema_file_is_served_with_its_own_names_and_types() {
    let folder = tempfile::tempdir().unwrap();
    let asked = warehouse(folder.path());
    drop(Server::open(asked.clone()).unwrap());
    // Also by a server that is started without naming the file again.
    let mut again = ServerOptions::default();
    again.data = asked.data;
    let server = Running::start(again).await;
    let metadata = server.get("$metadata").await.expect(200).text;
    for told in [
        "Namespace=\"Warehouse\"",
        "<Property Name=\"Shelf\" Type=\"Edm.Byte\"/>",
        "<Property Name=\"Marks\" Type=\"Warehouse.Marks\"/>",
        "<NavigationProperty Name=\"Item\" Type=\"Warehouse.Item\">",
        "<Annotations Target=\"Warehouse.All/Items\">",
    ] {
        assert!(metadata.contains(told), "{told}: {metadata}");
    }
    let read = driftless_odata::csdl::read(metadata.as_bytes()).unwrap();
    let before = driftless_odata::csdl::read(WAREHOUSE.as_bytes()).unwrap();
    assert_eq!(read.schema, before.schema);
    assert!(
        read.facts
            .values()
            .all(|facts| facts.change_tracking == Some(true) && facts.concurrency.is_some())
    );
    let item = server.get("Items('a')").await.expect(200).json();
    assert_eq!(
        (&item["Marks"], &item["Shelf"]),
        (&json!("Cold,Fragile"), &json!(200))
    );
    let moves = server
        .get("Moves?$filter=Item/Shelf eq 200")
        .await
        .expect(200)
        .json();
    assert_eq!(moves["value"].as_array().unwrap().len(), 1, "{moves}");
}

#[test]
fn a_second_server_on_one_directory_is_refused_and_an_old_database_is_told_from_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let first = Server::open(warehouse(folder.path())).unwrap();
    assert!(first.is_new());
    assert_eq!(first.notes(), ["Me: singletons are not supported"]);
    let users: Vec<_> = first
        .users()
        .iter()
        .map(|user| (user.name.as_str(), user.known_password))
        .collect();
    assert!(
        users.contains(&("alice", Some("driftless"))) && users.contains(&("demo", Some(""))),
        "{users:?}"
    );
    let error = Server::open(warehouse(folder.path())).unwrap_err();
    assert!(matches!(&error, ServerError::InUse(_)), "{error}");
    drop(first);
    assert!(!Server::open(warehouse(folder.path())).unwrap().is_new());
    let empty = Server::open(ServerOptions::default()).unwrap();
    assert_eq!(empty.users().len(), 1);
    assert_eq!(empty.users()[0].known_password, None);
}
