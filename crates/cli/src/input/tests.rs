//! Tests of reading `name=value`, as rows: what is typed, and what comes of it.

use driftless_record::{ChoiceOption, EntityName, EntitySchema, FieldKind, FieldName, FieldSchema, Schema};

use super::fields;

fn options(codes: &[&str]) -> Vec<ChoiceOption> {
    let option = |code: &&str| ChoiceOption {
        code: (*code).to_owned(),
        number: None,
        label: format!("{code} label"),
    };
    codes.iter().map(option).collect()
}

fn schema() -> Schema {
    let entity = |name: &str| EntityName::parse(name).unwrap();
    let mut schema = Schema::default();
    for (name, key) in [
        ("Account", FieldKind::Guid),
        ("Product", FieldKind::Int { bits: 32 }),
    ] {
        let mut target = EntitySchema::new(entity(name));
        target.add(FieldSchema::new(FieldName::parse("id").unwrap(), key));
        target.key = vec![FieldName::parse("id").unwrap()];
        schema.add(target);
    }
    let lookup = |targets: &[&str]| FieldKind::Lookup {
        targets: targets.iter().map(|target| entity(target)).collect(),
    };
    let mut probe = EntitySchema::new(entity("Probe"));
    for (name, kind) in [
        ("flag", FieldKind::Bool),
        ("count", FieldKind::Int { bits: 32 }),
        (
            "amount",
            FieldKind::Decimal {
                precision: None,
                scale: None,
            },
        ),
        ("ratio", FieldKind::Double),
        ("name", FieldKind::Text { max_chars: None }),
        ("day", FieldKind::Date),
        ("at", FieldKind::Time),
        ("moment", FieldKind::DateTime),
        ("span", FieldKind::Duration),
        ("guid", FieldKind::Guid),
        ("bytes", FieldKind::Binary { max_bytes: None }),
        (
            "state",
            FieldKind::Choice {
                options: options(&["open", "closed"]),
            },
        ),
        (
            "tags",
            FieldKind::Choices {
                options: options(&["red", "blue"]),
            },
        ),
        ("account", lookup(&["Account"])),
        ("about", lookup(&["Account", "Product"])),
        ("parent_ID", lookup(&["Product"])),
    ] {
        probe.add(FieldSchema::new(FieldName::parse(name).unwrap(), kind));
    }
    schema.add(probe);
    schema
}

/// Reads one pair and writes what came of it: the value as it is kept, or the message.
fn read(pair: &str) -> String {
    let schema = schema();
    let entity = schema.find("Probe").unwrap();
    match fields(&schema, entity, &[pair.to_owned()]) {
        Ok(fields) => {
            let (name, value) = fields.into_iter().next().unwrap();
            format!("{name}={}", serde_json::to_value(&value).unwrap())
        }
        Err(error) => error.message,
    }
}

#[test]
fn values_are_read_by_the_kind_of_their_field() {
    const GUID: &str = "0b9d3c1e-aaaa-4000-8000-000000000001";
    let guid = format!("guid={}", GUID.to_uppercase());
    let account = format!("account={}", GUID.to_uppercase());
    let about = format!("about=accounts:{GUID}");
    for (pair, want) in [
        ("flag=true", r#"flag={"type":"bool","value":true}"#),
        ("FLAG=False", r#"flag={"type":"bool","value":false}"#),
        ("count=-7", r#"count={"type":"int","value":-7}"#),
        ("amount=1234.50", r#"amount={"type":"decimal","value":"1234.50"}"#),
        ("ratio=0.5", r#"ratio={"type":"double","value":0.5}"#),
        ("name= a=b ", r#"name={"type":"text","value":" a=b "}"#),
        ("name=", r#"name={"type":"text","value":""}"#),
        ("name=null", r#"name={"type":"null"}"#),
        ("count=", r#"count={"type":"null"}"#),
        ("day=2026-11-22", r#"day={"type":"date","value":"2026-11-22"}"#),
        ("at=08:30:00", r#"at={"type":"time","value":"08:30:00"}"#),
        (
            "moment=2026-11-22T08:30:00+01:00",
            r#"moment={"type":"date_time","value":{"offset_minutes":60,"ticks":17953326000000000}}"#,
        ),
        ("span=PT1H30M", r#"span={"type":"duration","value":54000000000}"#),
        ("bytes=_-8", r#"bytes={"type":"binary","value":[255,239]}"#),
        ("state=OPEN", r#"state={"type":"choice","value":"open"}"#),
        (
            "state=closed label",
            r#"state={"type":"choice","value":"closed"}"#,
        ),
        (
            "tags=red, blue,red",
            r#"tags={"type":"choices","value":["blue","red"]}"#,
        ),
        (
            guid.as_str(),
            r#"guid={"type":"guid","value":"0b9d3c1e-aaaa-4000-8000-000000000001"}"#,
        ),
        (
            account.as_str(),
            r#"account={"type":"lookup","value":{"entity":"Account","id":"0b9d3c1e-aaaa-4000-8000-000000000001","name":null}}"#,
        ),
        (
            about.as_str(),
            r#"about={"type":"lookup","value":{"entity":"Account","id":"0b9d3c1e-aaaa-4000-8000-000000000001","name":null}}"#,
        ),
        (
            "parent=7",
            r#"parent_ID={"type":"lookup","value":{"entity":"Product","id":"7","name":null}}"#,
        ),
        (
            "about=Product:7",
            r#"about={"type":"lookup","value":{"entity":"Product","id":"7","name":null}}"#,
        ),
    ] {
        assert_eq!(read(pair), want, "{pair}");
    }
}

#[test]
fn what_cannot_be_read_says_what_was_expected() {
    for (pair, want) in [
        ("nonsense", "`nonsense` is not of the form name=value"),
        ("cuont=1", "no field `cuont` (did you mean `count`?)"),
        ("a b=1", "no field `a b`"),
        ("flag=yes", "`flag` must be true or false"),
        ("count=1.5", "`count` must be a whole number such as 12"),
        (
            "amount=a lot",
            "`amount` must be a decimal number such as 1234.50",
        ),
        (
            "amount=0.12345678901234567890123456789012",
            "`amount` must be a decimal number such as 1234.50",
        ),
        ("ratio=NaN", "`ratio` must be a finite number such as 0.5"),
        ("day=22.11.2026", "`day` must be a date such as 2026-11-22"),
        ("day=2026-02-30", "`day` must be a date such as 2026-11-22"),
        ("at=8", "`at` must be a time of day such as 08:30:00"),
        (
            "moment=2026-11-22T08:30:00",
            "`moment` must be a date-time with offset such as 2026-11-22T08:30:00Z",
        ),
        ("span=P1Y", "`span` must be a duration such as PT1H30M"),
        ("state=new", "`state` must be one of open, closed"),
        (
            "tags=red,green",
            "`tags` must be some of red, blue, separated by commas",
        ),
        (
            "account=7",
            "`account` must be the id of a record of Account (a guid)",
        ),
        ("about=7", "`about` must be Account:ID or Product:ID"),
        ("about=Probe:7", "`about` must be Account:ID or Product:ID"),
    ] {
        let got = read(pair);
        let got = got.strip_prefix("Probe was not saved: ").unwrap_or(&got);
        assert_eq!(got, want, "{pair}");
    }
}

#[test]
fn a_field_is_given_once_and_all_problems_are_told_at_once() {
    let schema = schema();
    let entity = schema.find("Probe").unwrap();
    let read = |pairs: &[&str]| {
        let pairs: Vec<_> = pairs.iter().map(|pair| (*pair).to_owned()).collect();
        fields(&schema, entity, &pairs).unwrap_err().message
    };
    assert_eq!(read(&["count=1", "COUNT=2"]), "`count` is given twice");
    let both = read(&["count=x", "flag=x"]);
    assert!(both.contains("count") && both.contains("flag"), "{both}");
}
