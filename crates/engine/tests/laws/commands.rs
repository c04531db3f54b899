//! Commands: what a person runs offline happens on the server once, in its place, with everything that rests on it.

use std::sync::Arc;

use driftless_engine::EngineError;
use driftless_record::{
    Cause, CauseClass, Change, ChangeAction, CommandSchema, Effect, EffectValue, FieldKind, FieldSchema,
    RecordId, Value,
};
use driftless_testkit::backend::Fault;
use driftless_transport::Capabilities;
use proptest::prelude::*;

use crate::chance::cases;
use crate::common::*;

/// Accounts that can be closed, and won, which makes a contact and another account that refer to each other; and whose
/// people can be met as often as one likes, of which the account itself keeps nothing.
pub(crate) fn with_commands() -> driftless_record::Schema {
    let mut schema = schema();
    let mut account = (**schema.entity("Account").unwrap()).clone();
    let constant = |code: &str| EffectValue::Constant(Value::Choice(code.to_owned()));
    let when = |codes: &[&str]| {
        let allowed = codes.iter().map(|code| Value::Choice((*code).to_owned()));
        [(name("status"), allowed.chain([Value::Null]).collect())].into()
    };
    let close = CommandSchema {
        parameters: vec![FieldSchema::new(
            name("why"),
            FieldKind::Text { max_chars: Some(9) },
        )],
        when: when(&["open"]),
        effects: vec![
            Effect::Set {
                field: name("status"),
                to: constant("lost"),
            },
            Effect::Set {
                field: name("city"),
                to: EffectValue::Parameter(name("why")),
            },
        ],
        ..CommandSchema::new("Close".try_into().unwrap())
    };
    let win = CommandSchema {
        when: when(&["open"]),
        effects: vec![
            Effect::Make {
                slot: name("customer"),
                entity: entity("Account"),
                fields: [(name("name"), EffectValue::Field(name("name")))].into(),
                only_if: Vec::new(),
            },
            Effect::Make {
                slot: name("person"),
                entity: entity("Contact"),
                fields: [
                    (name("name"), EffectValue::Constant(Value::text("Head"))),
                    (name("account"), EffectValue::Made(name("customer"))),
                ]
                .into(),
                only_if: Vec::new(),
            },
            Effect::Set {
                field: name("status"),
                to: constant("won"),
            },
        ],
        ..CommandSchema::new("Win".try_into().unwrap())
    };
    let meet = CommandSchema {
        effects: vec![Effect::Make {
            slot: name("person"),
            entity: entity("Contact"),
            fields: [(name("name"), EffectValue::Constant(Value::text("Met")))].into(),
            only_if: Vec::new(),
        }],
        ..CommandSchema::new("Meet".try_into().unwrap())
    };
    for command in [close, win, meet] {
        account.commands.insert(command.name.clone(), command);
    }
    schema.add(account);
    schema
}

/// A world with commands and one account, over a back end that can do this.
pub(crate) async fn world_with_commands(capabilities: Capabilities) -> (World, RecordId) {
    let (world, id) = World::with_one_account(capabilities).await;
    world.server().set_schema(Arc::new(with_commands()));
    world.devices[0].sync().await;
    (world, id)
}

/// Returns what the server has carried out.
pub(crate) fn runs(world: &World) -> Vec<String> {
    let told = |change: &Change| match &change.action {
        ChangeAction::Create(_) => "create".to_owned(),
        ChangeAction::Update(fields) => {
            let names: Vec<_> = fields.keys().map(|field| field.as_str()).collect();
            format!("update {}", names.join("+"))
        }
        ChangeAction::Delete => "delete".to_owned(),
        ChangeAction::Command(call) => call.name.to_string(),
    };
    world
        .server()
        .effects()
        .iter()
        .map(|effect| told(&effect.change))
        .collect()
}

/// The server's own logic hangs on a command, so nothing around it is merged across: what was done before it happens
/// before it, what was done after it after.
#[tokio::test]
async fn l14_nothing_is_merged_across_a_command() {
    let (world, id) = world_with_commands(able()).await;
    let device = &world.devices[0];
    device.set(&id, "name", "before");
    device
        .engine
        .run(
            "Account",
            id.as_str(),
            "close",
            fields(&[("why", Value::text("dear"))]),
        )
        .unwrap();
    assert_eq!(
        device.text("Account", &id, "status").as_deref(),
        Some("lost"),
        "seen at once"
    );
    assert_eq!(device.text("Account", &id, "city").as_deref(), Some("dear"));
    device.set(&id, "name", "after");
    device.sync().await;
    assert_eq!(runs(&world), ["update name", "Close", "update name"]);
    assert_eq!(world.on_server(&id, "status"), Value::Choice("lost".to_owned()));
    assert_eq!(world.on_server(&id, "city"), Value::text("dear"));
    assert_eq!(world.on_server(&id, "name"), Value::text("after"));
    assert_eq!(device.engine.outbox().unwrap(), vec![]);
    assert_eq!(device.text("Account", &id, "status").as_deref(), Some("lost"));
}

#[tokio::test]
async fn a_command_that_cannot_be_run_is_told_before_anything_is_saved() {
    let (world, id) = world_with_commands(able()).await;
    let engine = &world.devices[0].engine;
    let run = |command: &str, given| engine.run("Account", id.as_str(), command, given);
    let long = fields(&[("why", Value::text("much too long"))]);
    assert!(matches!(run("Close", long), Err(EngineError::Parameters { .. })));
    let Err(EngineError::NoCommand { close, known, .. }) = run("Clse", fields(&[])) else {
        panic!("there is no such command");
    };
    assert_eq!((close.as_deref(), known.len()), (Some("Close"), 3));
    run("Close", fields(&[])).unwrap();
    let Err(EngineError::CommandNotNow { field, .. }) = run("Win", fields(&[])) else {
        panic!("it is closed");
    };
    assert_eq!(field, "status");
    assert_eq!(engine.outbox().unwrap().len(), 1);
}

fn refuse_commands(change: &Change) -> Option<Cause> {
    matches!(change.action, ChangeAction::Command(_)).then(|| Cause {
        class: CauseClass::Validation,
        field: None,
        other: None,
        code: "400".to_owned(),
        text: "no name".to_owned(),
    })
}

/// A person who is told what is missing sets it, and expects the command to go on after that: the value first, then the
/// command.
#[tokio::test]
async fn l38_a_field_that_is_set_for_a_refused_command_goes_before_it() {
    let (world, id) = world_with_commands(able()).await;
    let device = &world.devices[0];
    world.server().refuse(Some(refuse_commands));
    device
        .engine
        .run("Account", id.as_str(), "Win", fields(&[]))
        .unwrap();
    let report = device.sync().await;
    assert_eq!(
        (report.refused, report.pending),
        (1, 3),
        "{:?}",
        device.engine.outbox().unwrap()
    );
    world.server().refuse(None);
    device.set(&id, "name", "with a name");
    assert_eq!(device.open_entries(), vec![]);
    device.sync().await;
    assert_eq!(runs(&world), ["update name", "Win"]);
    assert_eq!(device.engine.outbox().unwrap(), vec![]);
}

/// What a command was expected to make is gone with it, and so is what somebody did on that.
#[tokio::test]
async fn l37_a_command_is_taken_back_with_what_it_would_have_made() {
    let (world, id) = world_with_commands(able()).await;
    let device = &world.devices[0];
    let ran = device
        .engine
        .run("Account", id.as_str(), "Win", fields(&[]))
        .unwrap();
    let [(_, customer), (_, person)] = ran.made.as_slice() else {
        panic!("{:?}", ran.made);
    };
    device.set(customer, "city", "Oslo");
    let told = device.engine.undo_preview(ran.operation.unwrap()).unwrap();
    assert_eq!(
        told.ended.len(),
        4,
        "the command, two results and the edit of one"
    );
    device.engine.undo(ran.operation.unwrap()).unwrap();
    assert_eq!(device.engine.outbox().unwrap(), vec![]);
    assert_eq!(device.text("Account", customer, "city"), None);
    assert_eq!(device.text("Contact", person, "name"), None);
    assert_eq!(device.text("Account", &id, "status").as_deref(), Some(""));
    device.sync().await;
    assert_eq!(runs(&world), Vec::<String>::new());
}

/// What somebody does with the results of a command while it waits.
#[derive(Debug, Clone, Copy)]
enum Then {
    Rename,
    NewContact,
    Refer,
    DeletePerson,
    Sync,
}

fn then() -> impl Strategy<Value = Vec<Then>> {
    let one = prop_oneof![
        Just(Then::Rename),
        Just(Then::NewContact),
        Just(Then::Refer),
        Just(Then::DeletePerson),
        Just(Then::Sync),
    ];
    prop::collection::vec(one, 0..7)
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        3 => Just(Fault::None),
        1 => Just(Fault::RequestLost),
        1 => Just(Fault::ReplyLost),
        1 => Just(Fault::Twice),
        1 => Just(Fault::Late),
        1 => Just(Fault::KilledBefore),
        1 => Just(Fault::KilledAfter),
    ]
}

proptest! {
    #![proptest_config(cases(60))]

    /// The server chooses what the results of a command are called. Whatever was done on them before under their
    /// temporary names goes to them and to nothing else, once, however often replies are lost; the temporary names lead
    /// to them for ever, and never leave the device.
    #[test]
    fn l35_results_of_a_command_take_the_ids_that_the_server_made(then in then(), faults in prop::collection::vec(fault(), 0..5)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move {
            let (mut world, id) = world_with_commands(able()).await;
            let ran = world.devices[0].engine.run("Account", id.as_str(), "Win", fields(&[])).unwrap();
            let [(_, customer), (_, person)] = ran.made.clone().try_into().unwrap();
            world.server().fail(faults);
            let mut deleted = false;
            let mut contacts = 0;
            for (number, step) in then.iter().enumerate() {
                let device = &world.devices[0];
                match step {
                    Then::Rename => device.set(&customer, "name", &format!("name {number}")),
                    Then::NewContact => {
                        let given = fields(&[("name", Value::text("New")), ("account", lookup(&customer))]);
                        device.engine.create("Contact", given).unwrap();
                        contacts += 1;
                    }
                    Then::Refer if !deleted => {
                        let given = fields(&[("account", lookup(&id))]);
                        device.engine.update("Contact", person.as_str(), given).unwrap();
                    }
                    Then::DeletePerson if !deleted => {
                        device.engine.delete("Contact", person.as_str()).unwrap();
                        deleted = true;
                    }
                    Then::Sync => world.devices[0].sync_or_die().await,
                    Then::Refer | Then::DeletePerson => {}
                }
            }
            let named = world.devices[0].text("Account", &customer, "name");
            world.server().heal();
            for _ in 0..8 {
                world.pass(40 * 60 * 1000);
                world.devices[0].sync().await;
            }
            let device = &world.devices[0];
            assert_eq!(device.engine.outbox().unwrap(), vec![]);
            assert_eq!(runs(&world).iter().filter(|run| *run == "Win").count(), 1);
            let accounts = world.server().all(&entity("Account"));
            let people = world.server().all(&entity("Contact"));
            assert!(!accounts.contains_key(&customer) && !people.contains_key(&person), "temporary ids stay here");
            assert_eq!(accounts.len(), 2);
            assert_eq!(people.len(), contacts + usize::from(!deleted));
            let made = accounts.keys().find(|other| **other != id).unwrap();
            assert_eq!(Some(accounts[made][&name("name")].to_string()), named);
            assert_eq!(device.engine.get("Account", customer.as_str()).unwrap().id, *made);
            for (contact, known) in &people {
                let here = device.engine.get("Contact", contact.as_str()).unwrap();
                assert_eq!(here.value(&name("account")), &known[&name("account")]);
                assert_ne!(known[&name("account")], lookup(&customer));
            }
        });
    }
}
