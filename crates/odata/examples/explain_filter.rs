//! Reads a filter against a metadata document and shows how a service would get it:
//! `cargo run --example explain_filter -- metadata.xml Account "contains(name,'x')"`.

use std::error::Error;
use std::io::Write as _;

use driftless_odata::query::{Names, parse_filter, raise};
use driftless_odata::{csdl, syntax};

const SAMPLE: &str = r#"<Edmx Version="4.0"><DataServices><Schema Namespace="Crm">
    <EntityType Name="Account"><Key><PropertyRef Name="id"/></Key>
        <Property Name="id" Type="Edm.Guid" Nullable="false"/>
        <Property Name="name" Type="Edm.String"/>
        <Property Name="modifiedAt" Type="Edm.DateTimeOffset"/>
    </EntityType>
    <EntityContainer Name="C"><EntitySet Name="Accounts" EntityType="Crm.Account"/></EntityContainer>
</Schema></DataServices></Edmx>"#;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (document, entity, filter) = match arguments.as_slice() {
        [file, entity, filter] => (std::fs::read(file)?, entity.as_str(), filter.as_str()),
        _ => (
            SAMPLE.as_bytes().to_vec(),
            "Account",
            "contains(name,'R&D') and modifiedAt ge 2026-01-01",
        ),
    };
    let metadata = csdl::read(&document)?;
    let entity = metadata
        .schema
        .find(entity)
        .ok_or("there is no such entity in the document")?;
    let names = Names {
        schema: &metadata.schema,
        facts: Some(&metadata.facts),
    };
    let filter = parse_filter(filter, names, entity)?;
    let url = syntax::to_query(&raise(&filter, names, entity)?);
    writeln!(std::io::stdout(), "{}?$filter={url}", entity.set)?;
    Ok(())
}
