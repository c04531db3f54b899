//! Tests of reading and writing metadata.

use std::collections::BTreeMap;

use driftless_record::command::is_parameter_kind;
use driftless_record::{
    Access, ChoiceOption, Collection, CommandName, CommandSchema, Effect, EffectValue, EntityName,
    EntitySchema, FieldKind, FieldName, FieldSchema, Lookup, RecordId, Schema, Value,
};
use proptest::prelude::*;

use super::*;

const CAP: &str = r##"<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
  <edmx:Reference Uri="https://example.org/Core.xml"><edmx:Include Alias="Kern" Namespace="Org.OData.Core.V1"/></edmx:Reference>
  <edmx:DataServices>
    <Schema Namespace="Crm" xmlns="http://docs.oasis-open.org/odata/ns/edm">
      <EntityContainer Name="EntityContainer">
        <EntitySet Name="Accounts" EntityType="Crm.Accounts"><NavigationPropertyBinding Path="contacts" Target="Contacts"/></EntitySet>
        <EntitySet Name="Contacts" EntityType="Crm.Contacts"/>
        <EntitySet Name="Lines" EntityType="Crm.Lines"/>
        <Singleton Name="Me" Type="Crm.Contacts"/>
      </EntityContainer>
      <EntityType Name="Accounts">
        <Key><PropertyRef Name="ID"/></Key>
        <Property Name="ID" Type="Edm.Guid" Nullable="false"/>
        <Property Name="modifiedAt" Type="Edm.DateTimeOffset" Precision="7"/>
        <Property Name="name" Type="Edm.String" MaxLength="80" Nullable="false"/>
        <Property Name="status" Type="Edm.String" DefaultValue="open"/>
        <Property Name="revenue" Type="Edm.Decimal" Precision="15" Scale="2"/>
        <Property Name="rate" Type="Edm.Decimal" Scale="variable"/>
        <Property Name="place" Type="Edm.GeographyPoint"/>
        <Property Name="tags" Type="Collection(Edm.String)"/>
        <Property Name="address" Type="Crm.Address"/>
        <Property Name="unusual-name" Type="Edm.String"/>
        <NavigationProperty Name="contacts" Type="Collection(Crm.Contacts)" Partner="account"><OnDelete Action="Cascade"/></NavigationProperty>
      </EntityType>
      <EntityType Name="Contacts">
        <Key><PropertyRef Name="ID"/></Key>
        <Property Name="ID" Type="Edm.Guid" Nullable="false"/>
        <Property Name="name" Type="Edm.String"/>
        <Property Name="account_ID" Type="Edm.Guid"/>
        <NavigationProperty Name="account" Type="Crm.Accounts" Partner="contacts">
          <ReferentialConstraint Property="account_ID" ReferencedProperty="ID"/>
        </NavigationProperty>
        <NavigationProperty Name="loose" Type="Crm.Accounts"/>
      </EntityType>
      <EntityType Name="Lines">
        <Key><PropertyRef Name="order"/><PropertyRef Name="no"/></Key>
        <Property Name="order" Type="Edm.Int32" Nullable="false"/>
        <Property Name="no" Type="Edm.String" Nullable="false"/>
        <Property Name="mood" Type="Crm.Mood"/>
        <Property Name="moods" Type="Crm.Flags"/>
        <Property Name="short" Type="Crm.Short"/>
      </EntityType>
      <ComplexType Name="Address"><Property Name="street" Type="Edm.String"/></ComplexType>
      <EnumType Name="Mood"><Member Name="good"/><Member Name="bad" Value="7"/><Member Name="ugly"/></EnumType>
      <EnumType Name="Flags" IsFlags="true"><Member Name="a" Value="1"/><Member Name="b" Value="2"/></EnumType>
      <TypeDefinition Name="Short" UnderlyingType="Edm.String" MaxLength="5"/>
      <Annotations Target="Crm.EntityContainer/Accounts">
        <Annotation Term="Kern.OptimisticConcurrency"><Collection><PropertyPath>modifiedAt</PropertyPath></Collection></Annotation>
        <Annotation Term="Capabilities.DeleteRestrictions"><Record Type="x"><PropertyValue Property="Deletable" Bool="false"/></Record></Annotation>
        <Annotation Term="Capabilities.FilterRestrictions"><Record><PropertyValue Property="NonFilterableProperties"><Collection><PropertyPath>rate</PropertyPath></Collection></PropertyValue></Record></Annotation>
      </Annotations>
      <Annotations Target="Crm.Accounts/modifiedAt"><Annotation Term="Kern.Computed" Bool="true"/></Annotations>
      <Annotations Target="Crm.Accounts/name"><Annotation Term="Common.Label" String="Account &amp; name"/></Annotations>
      <Annotations Target="Crm.Accounts/status">
        <Annotation Term="Validation.AllowedValues"><Collection>
          <Record><Annotation Term="Kern.SymbolicName" String="Open"/><PropertyValue Property="Value" String="open"/></Record>
          <Record><PropertyValue Property="Value" String="closed"/></Record>
        </Collection></Annotation>
        <Annotation Term="Some.Unknown"><Record><PropertyValue Property="x"/></Record></Annotation>
      </Annotations>
    </Schema>
  </edmx:DataServices>
</edmx:Edmx>"##;

fn field<'a>(metadata: &'a Metadata, entity: &str, name: &str) -> &'a FieldSchema {
    metadata.schema.entity(entity).unwrap().field(name).unwrap()
}

#[test]
fn a_record_is_named_by_what_a_person_wrote() {
    let text = r#"<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
    <Schema Namespace="S" xmlns="http://docs.oasis-open.org/odata/ns/edm">
      <EntityContainer Name="C"><EntitySet Name="People" EntityType="S.Person"/><EntitySet Name="Prices" EntityType="S.Price"/></EntityContainer>
      <EntityType Name="Person"><Key><PropertyRef Name="ID"/></Key>
        <Property Name="ID" Type="Edm.Guid" Nullable="false"/>
        <Property Name="createdBy" Type="Edm.String"/>
        <Property Name="firstName" Type="Edm.String"/>
        <Property Name="lastName" Type="Edm.String" Nullable="false"/>
      </EntityType>
      <EntityType Name="Price"><Key><PropertyRef Name="product"/></Key>
        <Property Name="product" Type="Edm.Int32" Nullable="false"/>
        <Property Name="createdBy" Type="Edm.String"/>
        <Property Name="amount" Type="Edm.Decimal"/>
      </EntityType>
      <Annotations Target="S.Person/createdBy"><Annotation Term="Org.OData.Core.V1.Computed" Bool="true"/></Annotations>
      <Annotations Target="S.Price/createdBy"><Annotation Term="Org.OData.Core.V1.Computed" Bool="true"/></Annotations>
    </Schema></edmx:DataServices></edmx:Edmx>"#;
    let metadata = read(text.as_bytes()).unwrap();
    let display = |entity: &str| metadata.schema.find(entity).unwrap().display_field.clone();
    assert_eq!(display("People").unwrap().as_str(), "lastName");
    assert_eq!(display("Prices"), None);
}

#[test]
fn a_cap_service_becomes_a_schema() {
    let metadata = read(CAP.as_bytes()).unwrap();
    assert_eq!(metadata.schema.entities.len(), 3);
    let accounts = metadata.schema.entity("Accounts").unwrap();
    assert_eq!(
        accounts.access,
        Access {
            create: true,
            update: true,
            delete: false
        }
    );
    assert_eq!(accounts.display_field.as_ref().unwrap().as_str(), "name");
    assert_eq!(accounts.modified_field.as_ref().unwrap().as_str(), "modifiedAt");
    let contacts = accounts.collections.get("contacts").unwrap();
    assert_eq!(
        (contacts.via.as_str(), contacts.cascade_delete),
        ("account_ID", true)
    );

    let name = field(&metadata, "Accounts", "name");
    assert_eq!(
        (name.label.as_str(), name.required, name.nullable),
        ("Account & name", true, false)
    );
    assert_eq!(name.kind, FieldKind::Text { max_chars: Some(80) });
    assert!(
        !field(&metadata, "Accounts", "ID").required,
        "a device makes guids itself"
    );
    assert!(field(&metadata, "Accounts", "modifiedAt").server_made);
    assert_eq!(
        field(&metadata, "Accounts", "rate").kind,
        FieldKind::Decimal {
            precision: None,
            scale: None
        }
    );
    let FieldKind::Choice { options } = &field(&metadata, "Accounts", "status").kind else {
        panic!("no choice")
    };
    assert_eq!(
        (options[0].label.as_str(), options[1].code.as_str()),
        ("Open", "closed")
    );
    let lookup = field(&metadata, "Contacts", "account_ID");
    assert_eq!(
        lookup.kind,
        FieldKind::Lookup {
            targets: vec!["Accounts".try_into().unwrap()]
        }
    );

    let facts = &metadata.facts["Accounts"];
    assert_eq!(facts.concurrency.as_deref(), Some(&["modifiedAt".to_owned()][..]));
    assert!(facts.not_filterable.contains("rate"));
    assert_eq!(
        metadata.facts["Contacts"].navigations["account_ID"]["Accounts"],
        "account"
    );

    let lines = metadata.schema.entity("Lines").unwrap();
    assert_eq!(lines.key.len(), 2);
    let FieldKind::Choice { options } = &field(&metadata, "Lines", "mood").kind else {
        panic!("no choice")
    };
    assert_eq!(
        options.iter().map(|o| o.number).collect::<Vec<_>>(),
        [Some(0), Some(7), Some(8)]
    );
    assert!(matches!(
        field(&metadata, "Lines", "moods").kind,
        FieldKind::Choices { .. }
    ));
    assert_eq!(
        metadata.facts["Lines"].wire["moods"],
        WireType::Enum("Crm.Flags".to_owned())
    );
    assert_eq!(
        field(&metadata, "Lines", "short").kind,
        FieldKind::Text { max_chars: Some(5) }
    );

    let left_out: Vec<_> = metadata
        .notes
        .iter()
        .map(|n| n.property.as_deref().unwrap_or(&n.entity))
        .collect();
    assert_eq!(
        left_out,
        ["Me", "place", "tags", "address", "unusual-name", "loose"]
    );
}

#[test]
fn inheritance_and_lookups_with_several_targets_are_understood() {
    let document = r#"<Edmx Version="4.01"><DataServices><Schema Namespace="mscrm" Alias="self">
      <EntityType Name="base" Abstract="true"/>
      <EntityType Name="pointer" BaseType="self.base"><Key><PropertyRef Name="id"/></Key>
        <Property Name="id" Type="Edm.Guid" Nullable="false"/><Property Name="subject" Type="Edm.String"/></EntityType>
      <EntityType Name="task" BaseType="mscrm.pointer"><Property Name="_who_value" Type="Edm.Guid"/>
        <NavigationProperty Name="who_task" Type="mscrm.task"><ReferentialConstraint Property="_who_value" ReferencedProperty="id"/></NavigationProperty>
        <NavigationProperty Name="who_pointer" Type="mscrm.pointer"><ReferentialConstraint Property="_who_value" ReferencedProperty="id"/></NavigationProperty>
      </EntityType>
      <EntityType Name="loop" BaseType="self.loop"/>
      <EntityContainer Name="System"><EntitySet Name="pointers" EntityType="mscrm.pointer"/>
        <EntitySet Name="tasks" EntityType="self.task"/><EntitySet Name="again" EntityType="self.task"/>
        <EntitySet Name="loops" EntityType="self.loop"/><EntitySet Name="lost" EntityType="self.lost"/></EntityContainer>
    </Schema></DataServices></Edmx>"#;
    let metadata = read(document.as_bytes()).unwrap();
    let task = metadata.schema.entity("task").unwrap();
    assert_eq!(task.base.as_ref().unwrap().as_str(), "pointer");
    assert_eq!(task.fields.len(), 3);
    assert_eq!(task.guid_key().unwrap().as_str(), "id");
    let FieldKind::Lookup { targets } = &field(&metadata, "task", "_who_value").kind else {
        panic!("no lookup")
    };
    assert_eq!(targets.len(), 2);
    assert_eq!(metadata.schema.entity("again").unwrap().set, "again");
    assert_eq!(
        metadata
            .notes
            .iter()
            .map(|note| note.entity.as_str())
            .collect::<Vec<_>>(),
        ["lost", "loop"]
    );
}

#[test]
fn actions_bound_to_a_record_are_commands_of_its_entity_and_of_what_is_over_it() {
    let document = r#"<Edmx Version="4.0"><DataServices><Schema Namespace="mscrm" Alias="self">
      <EntityType Name="pointer" Abstract="true"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.Guid" Nullable="false"/></EntityType>
      <EntityType Name="task" BaseType="mscrm.pointer"/>
      <EntityType Name="lead"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.Guid" Nullable="false"/></EntityType>
      <EnumType Name="Mood"><Member Name="good"/></EnumType>
      <EnumType Name="Marks" IsFlags="true"><Member Name="a" Value="1"/></EnumType>
      <Action Name="Close" IsBound="true"><Parameter Name="on" Type="self.pointer"/><Parameter Name="note" Type="Edm.String"/></Action>
      <Action Name="Close" IsBound="true"><Parameter Name="on" Type="self.task"/>
        <Parameter Name="mood" Type="self.Mood" Nullable="false"/><Parameter Name="marks" Type="self.Marks"/></Action>
      <Action Name="Qualify" IsBound="true"><Parameter Name="lead" Type="mscrm.lead" Nullable="false"/>
        <Parameter Name="create" Type="Edm.Boolean" Nullable="false"/>
        <Parameter Name="count" Type="Edm.Int32" Nullable="false"><Annotation Term="Org.OData.Core.V1.OptionalParameter"/></Parameter>
        <Parameter Name="currency" Type="mscrm.lead"/></Action>
      <Action Name="Merge" IsBound="true"><Parameter Name="lead" Type="mscrm.lead"/><Parameter Name="with" Type="mscrm.lead" Nullable="false"/></Action>
      <Action Name="CloseAll" IsBound="true"><Parameter Name="on" Type="Collection(mscrm.lead)"/></Action>
      <Action Name="WhoAmI"/>
      <Annotations Target="self.Qualify(self.lead)"><Annotation Term="Common.Label" String="Qualify it"/></Annotations>
      <Annotations Target="self.Qualify/create"><Annotation Term="Common.Label" String="Make one"/></Annotations>
      <EntityContainer Name="System"><EntitySet Name="pointers" EntityType="mscrm.pointer"/>
        <EntitySet Name="tasks" EntityType="self.task"/><EntitySet Name="leads" EntityType="self.lead"/></EntityContainer>
    </Schema></DataServices></Edmx>"#;
    let metadata = read(document.as_bytes()).unwrap();
    let told = |entity: &str| -> Vec<String> {
        let entity = metadata.schema.entity(entity).unwrap();
        let commands = entity.commands.values().map(|command| {
            let of: Vec<_> = command
                .parameters
                .iter()
                .map(|p| format!("{}{}", p.name, if p.required { "!" } else { "" }))
                .collect();
            format!("{}: {}", command.label, of.join(" "))
        });
        commands.collect()
    };
    assert_eq!(told("pointer"), ["Close: note"]);
    assert_eq!(
        told("task"),
        ["Close: mood!"],
        "its own stands for that of its base"
    );
    assert_eq!(told("lead"), ["Qualify it: create! count"]);
    let lead = metadata.schema.entity("lead").unwrap();
    assert_eq!(lead.command("Qualify").unwrap().parameters[0].label, "Make one");
    assert_eq!(metadata.facts["lead"].actions["Qualify"], "mscrm.Qualify");
    let left_out: Vec<_> = metadata
        .notes
        .iter()
        .map(|note| format!("{}.{}", note.entity, note.property.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(
        left_out,
        ["task.Close/marks", "lead.Qualify/currency", "lead.Merge"]
    );
}

#[test]
fn a_command_whose_declaration_cannot_be_read_is_left_out() {
    let mut schema = Schema::default();
    let mut entity = EntitySchema::new(EntityName::parse("Lead").unwrap());
    let id = FieldName::parse("id").unwrap();
    entity.key = vec![id.clone()];
    entity.add(FieldSchema::new(id.clone(), FieldKind::Guid));
    let command = CommandSchema {
        effects: vec![Effect::Set {
            field: id,
            to: EffectValue::Now,
        }],
        ..CommandSchema::new(CommandName::parse("Touch").unwrap())
    };
    entity.commands.insert(command.name.clone(), command);
    schema.add(entity);
    let document = write(&schema, "Crm");
    let broken = document.replace("[{&quot;set&quot;", "[{&quot;sets&quot;");
    assert_ne!(document, broken);
    let metadata = read(broken.as_bytes()).unwrap();
    assert!(metadata.schema.entity("Lead").unwrap().commands.is_empty());
    assert_eq!(metadata.notes[0].text, "its effects cannot be read");
}

#[test]
fn documents_that_could_do_harm_are_refused() {
    let laughs = r#"<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><Edmx Version="4.0">&b;</Edmx>"#;
    assert_eq!(read(laughs.as_bytes()), Err(CsdlError::Entities));
    assert_eq!(
        read(b"<Edmx Version=\"4.0\">&b;</Edmx>"),
        Err(CsdlError::Entities)
    );
    assert_eq!(read(b"<Edmx Version=\"&b;\"/>"), Err(CsdlError::Entities));
    assert_eq!(read("<a>".repeat(100_000).as_bytes()), Err(CsdlError::TooDeep));
    assert!(matches!(
        read(b"{\"error\":{}}"),
        Err(CsdlError::NotXml { .. } | CsdlError::NotCsdl(_))
    ));
    assert!(matches!(
        read(b"<html><body></html>"),
        Err(CsdlError::NotXml { .. })
    ));
    assert!(matches!(
        read(b"<Edmx Version=\"2.0\"/>"),
        Err(CsdlError::NotCsdl(_))
    ));
    assert!(matches!(read(b"\xff\xfe"), Err(CsdlError::NotXml { .. })));
    let cut = CAP.get(..CAP.len() / 2).unwrap();
    assert!(matches!(read(cut.as_bytes()), Err(CsdlError::NotXml { .. })));
}

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z][A-Za-z0-9_]{0,10}"
}

fn text() -> impl Strategy<Value = String> {
    "[ -~äß\n\t]{0,12}"
}

fn options() -> impl Strategy<Value = Vec<ChoiceOption>> {
    let option = (text(), any::<Option<i64>>(), text()).prop_map(|(code, number, label)| ChoiceOption {
        code,
        number,
        label,
    });
    proptest::collection::vec(option, 0..4)
}

fn kind() -> impl Strategy<Value = FieldKind> {
    prop_oneof![
        Just(FieldKind::Bool),
        prop_oneof![Just(8u8), Just(16), Just(32), Just(64)].prop_map(|bits| FieldKind::Int { bits }),
        any::<(Option<u8>, Option<u8>)>()
            .prop_map(|(precision, scale)| FieldKind::Decimal { precision, scale }),
        (any::<u8>(), proptest::option::of(name())).prop_map(|(scale, currency)| FieldKind::Money {
            scale,
            currency: currency.map(|name| FieldName::parse(&name).unwrap()),
        }),
        Just(FieldKind::Double),
        any::<Option<u32>>().prop_map(|max_chars| FieldKind::Text { max_chars }),
        Just(FieldKind::Date),
        Just(FieldKind::Time),
        Just(FieldKind::DateTime),
        Just(FieldKind::Duration),
        Just(FieldKind::Guid),
        any::<Option<u32>>().prop_map(|max_bytes| FieldKind::Binary { max_bytes }),
        options().prop_map(|options| FieldKind::Choice { options }),
        options().prop_map(|options| FieldKind::Choices { options }),
        proptest::collection::vec(0usize..6, 1..4).prop_map(|targets| FieldKind::Lookup {
            targets: targets
                .into_iter()
                .map(|n| EntityName::parse(&format!("E{n}")).unwrap())
                .collect(),
        }),
        Just(FieldKind::File),
    ]
}

fn field_schema() -> impl Strategy<Value = FieldSchema> {
    let flags = any::<(bool, bool, bool, bool, bool, bool)>();
    let former = proptest::collection::vec(name(), 0..2);
    (name(), text(), kind(), flags, former).prop_map(|(name, label, kind, flags, former)| FieldSchema {
        name: FieldName::parse(&name).unwrap(),
        label,
        kind,
        required: flags.0,
        nullable: flags.1,
        read_only: flags.2,
        server_made: flags.3,
        each_transition_matters: flags.4,
        searchable: flags.5,
        former_names: former
            .iter()
            .map(|name| FieldName::parse(name).unwrap())
            .collect(),
    })
}

fn field_name() -> impl Strategy<Value = FieldName> {
    name().prop_map(|name| FieldName::parse(&name).unwrap())
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<i64>().prop_map(|n| Value::Decimal(n.into())),
        (-1e9..1e9f64).prop_map(Value::double),
        text().prop_map(Value::Text),
        text().prop_map(Value::Choice),
        any::<u128>().prop_map(|n| Value::Lookup(Lookup {
            entity: EntityName::parse("E1").unwrap(),
            id: RecordId::guid(uuid::Uuid::from_u128(n)),
            name: None,
        })),
    ]
}

fn effect_value() -> impl Strategy<Value = EffectValue> {
    prop_oneof![
        value().prop_map(EffectValue::Constant),
        field_name().prop_map(EffectValue::Parameter),
        field_name().prop_map(EffectValue::Field),
        Just(EffectValue::Record),
        field_name().prop_map(EffectValue::Made),
        Just(EffectValue::Now),
    ]
}

fn effect() -> impl Strategy<Value = Effect> {
    let fields = proptest::collection::btree_map(field_name(), effect_value(), 0..3);
    let only_if = proptest::collection::vec(field_name(), 0..3);
    prop_oneof![
        (field_name(), effect_value()).prop_map(|(field, to)| Effect::Set { field, to }),
        (field_name(), 0usize..6, fields, only_if).prop_map(|(slot, n, fields, only_if)| Effect::Make {
            slot,
            entity: EntityName::parse(&format!("E{n}")).unwrap(),
            fields,
            only_if,
        }),
    ]
}

fn command() -> impl Strategy<Value = CommandSchema> {
    // Files are no parameters.
    let parameter = field_schema().prop_filter("a file", |field| is_parameter_kind(&field.kind));
    let parameters = proptest::collection::vec(parameter, 0..3);
    let when = proptest::collection::btree_map(field_name(), proptest::collection::vec(value(), 0..3), 0..2);
    let effects = proptest::collection::vec(effect(), 0..3);
    let built = (name(), text(), parameters, when, effects);
    built.prop_map(|(name, label, parameters, when, effects)| CommandSchema {
        name: CommandName::parse(&name).unwrap(),
        label,
        parameters,
        when,
        effects,
    })
}

prop_compose! {
    fn entity(n: usize)(
        fields in proptest::collection::vec(field_schema(), 1..6),
        (set, label) in (name(), text()),
        keys in 1usize..3,
        base in proptest::option::of(0usize..6),
        flags in any::<(bool, bool, bool, bool, bool, bool)>(),
        inherits in any::<bool>(),
        collections in proptest::collection::vec((name(), 0usize..6, name(), any::<bool>()), 0..3),
        commands in proptest::collection::vec(command(), 0..3),
    ) -> (EntitySchema, bool) {
        let mut entity = EntitySchema::new(EntityName::parse(&format!("E{n}")).unwrap());
        for field in fields {
            entity.add(field);
        }
        entity.set = format!("{set}{n}");
        entity.label = label;
        entity.key = entity.fields.iter().take(keys).map(|field| field.name.clone()).collect();
        let (first, last) = (entity.fields[0].name.clone(), entity.fields[entity.fields.len() - 1].name.clone());
        if flags.4 {
            entity.alternate_keys = vec![vec![last.clone()], vec![last, first]];
        }
        entity.commands = commands.into_iter().map(|command| (command.name.clone(), command)).collect();
        entity.base = base.map(|n| EntityName::parse(&format!("E{n}")).unwrap());
        entity.is_abstract = flags.0;
        entity.append_only = flags.1;
        entity.local_only = flags.2;
        entity.access = Access { create: flags.3, update: flags.4, delete: flags.5 };
        entity.display_field = entity.fields.last().map(|field| field.name.clone()).filter(|_| flags.0);
        entity.modified_field = entity.fields.first().map(|field| field.name.clone()).filter(|_| flags.1);
        entity.collections = collections
            .into_iter()
            .map(|(name, n, via, cascade_delete)| {
                let entity = EntityName::parse(&format!("E{n}")).unwrap();
                (name.as_str().try_into().unwrap(), Collection { entity, via: via.as_str().try_into().unwrap(), cascade_delete })
            })
            .collect::<BTreeMap<_, _>>();
        (entity, inherits)
    }
}

prop_compose! {
    fn schema()(
        version in text(),
        mut entities in (entity(0), entity(1), entity(2), entity(3)),
    ) -> Schema {
        // Some entities begin with all that their base has, as inheritance asks for.
        let first = entities.0.0.clone();
        for (entity, inherits) in [&mut entities.1, &mut entities.2] {
            if *inherits {
                let own = std::mem::replace(&mut entity.fields, first.fields.clone());
                own.into_iter().filter(|field| first.field(&field.name).is_none()).for_each(|field| entity.fields.push(field));
                entity.key = first.key.clone();
                entity.base = Some(first.name.clone());
            }
        }
        let mut schema = Schema { version, ..Schema::default() };
        for (entity, _) in [entities.0, entities.1, entities.2, entities.3] {
            schema.add(entity);
        }
        schema
    }
}

proptest! {
    #[test]
    fn our_schema_survives_write_and_read(schema in schema()) {
        let document = write(&schema, "Crm.Test");
        let metadata = read(document.as_bytes()).unwrap();
        prop_assert_eq!(&metadata.schema, &schema, "{}", document);
        for (name, entity) in &schema.entities {
            let told: Vec<_> = metadata.facts[name].actions.iter().map(|(name, told)| (name.clone(), told.clone())).collect();
            let want: Vec<_> = entity.commands.keys().map(|name| (name.clone(), format!("Crm.Test.{name}"))).collect();
            prop_assert_eq!(told, want);
        }
        prop_assert!(metadata.facts.values().all(|facts| facts.change_tracking == Some(true) && facts.concurrency.is_some()));
    }

    #[test]
    fn no_document_makes_the_reader_panic(cut in 0usize..CAP.len(), at in 0usize..CAP.len(), byte in any::<u8>(), other in ".{0,60}") {
        let mut bytes = CAP.as_bytes().to_vec();
        bytes[at] = byte;
        let _ = read(&bytes);
        let _ = read(&bytes[..cut]);
        let _ = read(other.as_bytes());
    }
}
