//! Carrying out the steps.

use std::collections::BTreeMap;

use driftless_engine::{Decision, Edit, EngineError, SyncOptions, TakeOver, Written};
use driftless_record::{
    FieldKind, FieldName, Fields, Handling, LogEntry, Query, RecordId, Schema, Side, Value,
};
use driftless_store::LogSelection;

use super::act::Act;
use super::device::Device;
use super::life::{Ailment, Crash, Plight};
use super::network::Weather;
use super::run::Violation;
use super::schema::{STATUSES, entity, field, fields, lookup};
use super::there;
use super::world::World;
use crate::backend::References;

/// Lets something happen.
pub(super) fn play(world: &mut World<'_>, act: &Act, salt: u64) -> Result<(), Violation> {
    match act {
        Act::Create { device, parent } => create(world, *device, *parent),
        Act::Set {
            device,
            of,
            field,
            value,
        } => {
            let Some(schema) = world.devices.get(*device).and_then(|d| d.store.schema().ok()) else {
                return Ok(());
            };
            let given = edit(&schema, *field, *value);
            let text = told(&given);
            keep_said(world, *device);
            on_account(world, *device, *of, &format!("sets {text} of"), |device, id| {
                device.engine.update("Account", id.as_str(), given.clone())
            })
        }
        Act::Delete { device, of } => on_account(world, *device, *of, "deletes", |device, id| {
            device.engine.delete("Account", id.as_str())
        }),
        Act::Again { device, of } => again(world, *device, *of),
        Act::Run { device, of, command } => {
            let did = format!("runs {} on", command.name());
            on_account(world, *device, *of, &did, |device, id| {
                device
                    .engine
                    .run("Account", id.as_str(), command.name(), Fields::new())
            })
        }
        Act::Together { device, of, value } => together(world, *device, *of, *value),
        Act::Undo { device, of } => undo(world, *device, *of),
        Act::Decide { device, of, how } => {
            keep_said(world, *device);
            decide(world, *device, *of, *how)
        }
        Act::Office { of, field, value } => {
            let Some(id) = account_there(world, *of) else {
                return Ok(());
            };
            let given = edit(&world.shape.schema(false), *field, *value);
            let text = told(&given);
            world.office_sets(&(entity("Account"), id.clone()), given);
            let name = world.record_name(("Account", &id));
            world.tell(format_args!("the office sets {text} of {name}"));
            world.office_changed();
            Ok(())
        }
        Act::OfficeCreate => world.office_creates("Office"),
        Act::OfficeDelete { of } => {
            let Some(id) = account_there(world, *of) else {
                return Ok(());
            };
            if world.config.habits.references == References::Restrict
                && world.server().is_referred_to(&(entity("Account"), id.clone()))
            {
                return Ok(());
            }
            world.server().remove_with_children(&entity("Account"), &id);
            let name = world.record_name(("Account", &id));
            world.tell(format_args!("the office deletes {name}"));
            world.office_changed();
            Ok(())
        }
        Act::Sync {
            device,
            weather,
            deadline,
            page_rows,
        } => {
            let options = SyncOptions {
                deadline_millis: *deadline,
                page_rows: *page_rows,
                take_over: TakeOver::Any,
                ..SyncOptions::default()
            };
            synchronize(world, *device, (*weather, salt), options)
        }
        Act::Kill { device, call, crash } => {
            trouble(world, *device, *call, Plight::Dies(*crash));
            Ok(())
        }
        Act::Full { device, call } => {
            trouble(world, *device, *call, Plight::Fails(Ailment::Full, Crash::Before));
            Ok(())
        }
        Act::Disk {
            device,
            call,
            ailment,
            crash,
        } => {
            trouble(world, *device, *call, Plight::Fails(*ailment, *crash));
            Ok(())
        }
        Act::KillNow { device } => world.revive(*device),
        Act::Reboot { device } => {
            if let Some(device) = world.devices.get(*device) {
                device.clock.reboot();
            }
            world.revive(*device)
        }
        Act::Turn { device, millis } => {
            if let Some(device) = world.devices.get(*device) {
                device.clock.turn(*millis);
            }
            world.tell(format_args!(
                "the wall clock of device {device} is turned by {millis} ms"
            ));
            Ok(())
        }
        Act::Cut { device, link, millis } => {
            let until = world.timeline.now() + millis;
            if let Some(device) = world.devices.get(*device) {
                device.network.cut(*link, until);
            }
            world.tell(format_args!(
                "the way of device {device} is {link:?} for {millis} ms"
            ));
            Ok(())
        }
        Act::Expire { device } => {
            sign_in(world, *device, SignIn::RunsOut);
            Ok(())
        }
        Act::SignIn { device } => {
            sign_in(world, *device, SignIn::Again);
            Ok(())
        }
        Act::Refuse { .. }
        | Act::Rule(_)
        | Act::Split { .. }
        | Act::Scope { .. }
        | Act::Filter { .. }
        | Act::Right { .. }
        | Act::Merge { .. }
        | Act::Reshape(_)
        | Act::Forget
        | Act::Busy { .. } => {
            there::play(world, act);
            Ok(())
        }
    }
}

/// What becomes of a sign-in.
#[derive(Clone, Copy)]
enum SignIn {
    RunsOut,
    Again,
}

fn sign_in(world: &mut World<'_>, number: usize, what: SignIn) {
    let Some(device) = world.devices.get(number) else {
        return;
    };
    match what {
        SignIn::RunsOut => {
            device.network.sign_in(false);
            world.tell(format_args!("the sign-in of device {number} runs out"));
        }
        SignIn::Again => {
            device.network.sign_in(true);
            world.tell(format_args!("the user of device {number} signs in"));
        }
    }
}

/// Begins a synchronization, unless one is under way.
pub(super) fn synchronize(
    world: &mut World<'_>,
    number: usize,
    (weather, salt): (Weather, u64),
    options: SyncOptions,
) -> Result<(), Violation> {
    let (timeline, broken) = (world.timeline.clone(), world.broken);
    let Some(device) = world
        .devices
        .get_mut(number)
        .filter(|device| device.syncing.is_none())
    else {
        return Ok(());
    };
    device.network.weather(weather, salt);
    device.begin(&timeline, &world.config, options, broken);
    world.tell(format_args!("device {number} begins to synchronize, {weather:?}"));
    world.go_on(number)
}

fn trouble(world: &mut World<'_>, number: usize, call: u64, plight: Plight) {
    if let Some(device) = world.devices.get(number) {
        device.life.plan(call, plight);
    }
    world.tell(format_args!(
        "device {number} is in for it at call {call}: {plight:?}"
    ));
}

/// Returns an edit of one field or two to one of a few values.
fn edit(schema: &Schema, which: usize, value: usize) -> Fields {
    let account = schema.entity("Account");
    let has = |name: &str| account.is_some_and(|account| account.field(field(name)).is_some());
    let text = Value::text(format!("v{value}"));
    match which % 5 {
        4 if has("city") => fields(&[("city", text.clone()), ("name", text)]),
        4 if has("town") => fields(&[("town", text.clone()), ("name", text)]),
        1 if has("city") => fields(&[("city", text)]),
        1 if has("town") => fields(&[("town", text)]),
        2 => {
            let status = STATUSES.get(value % 3).copied().unwrap_or("open");
            fields(&[("status", Value::Choice(status.into()))])
        }
        3 if has("extra") => {
            let kind = account.and_then(|account| Some(&account.field(field("extra"))?.kind));
            let whole = i64::try_from(value).unwrap_or_default();
            let value = match kind {
                Some(FieldKind::Int { .. }) => Value::Int(whole),
                // Half of them can be kept as whole numbers.
                _ if value.is_multiple_of(2) => Value::text(value.to_string()),
                _ => text,
            };
            fields(&[("extra", value)])
        }
        _ => fields(&[("name", text)]),
    }
}

fn told(given: &Fields) -> String {
    let each: Vec<String> = given
        .iter()
        .map(|(field, value)| format!("{field} = {value}"))
        .collect();
    each.join(", ")
}

/// Returns an account as a device shows it.
fn account_here(world: &World<'_>, number: usize, of: usize) -> Option<RecordId> {
    let device = world.devices.get(number)?;
    let all = device.engine.query(&Query::all(entity("Account"))).ok()?;
    let mut ids: Vec<RecordId> = all.into_iter().map(|record| record.id).collect();
    ids.sort_unstable();
    (!ids.is_empty()).then(|| ids.swap_remove(of % ids.len()))
}

/// Returns an account of the server.
pub(super) fn account_there(world: &World<'_>, of: usize) -> Option<RecordId> {
    let ids: Vec<RecordId> = world.server().all(&entity("Account")).into_keys().collect();
    ids.get(of.checked_rem(ids.len())?).cloned()
}

/// Returns sides for the fields that an entry is about, by turns.
fn picks(entry: &LogEntry, sides: [Side; 2]) -> BTreeMap<FieldName, Side> {
    let cases = entry.fields.iter().zip(sides.into_iter().cycle());
    cases.map(|(case, side)| (case.field.clone(), side)).collect()
}

/// Returns other values for the fields that an entry is about, as they take them now.
fn mended(device: &Device, entry: &LogEntry) -> Fields {
    let schema = device.engine.schema().unwrap_or_default();
    let of = entry
        .record
        .as_ref()
        .and_then(|(name, _)| schema.entity(name.as_str()));
    let mended = entry.fields.iter().filter_map(|case| {
        let value = match of?.field(&case.field)?.kind {
            FieldKind::Int { .. } => Value::Int(7),
            FieldKind::Choice { .. } => Value::Choice("open".to_owned()),
            _ => Value::text("mended"),
        };
        Some((case.field.clone(), value))
    });
    mended.collect()
}

/// Takes note of what an edit came to: only what returned has been promised.
fn keep(
    world: &mut World<'_>,
    number: usize,
    what: &str,
    written: Result<Written, EngineError>,
) -> Result<(), Violation> {
    let over = world
        .devices
        .get(number)
        .is_some_and(|device| device.life.is_over());
    match written {
        Ok(written) => {
            let promised = written.operation;
            let name = promised.map(|id| world.operation_name(id));
            if let (Some(id), Some(device)) = (promised, world.devices.get_mut(number)) {
                device.acknowledged.insert(id, written.record);
            }
            let name = name.unwrap_or_else(|| "nothing to do".to_owned());
            world.tell(format_args!("device {number} {what}: {name}"));
        }
        Err(error) => world.tell(format_args!("device {number} {what}: {error}")),
    }
    if over { world.revive(number) } else { Ok(()) }
}

/// Revives a device that has died of a call that is no edit.
fn after(world: &mut World<'_>, number: usize) -> Result<(), Violation> {
    match world
        .devices
        .get(number)
        .is_some_and(|device| device.life.is_over())
    {
        true => world.revive(number),
        false => Ok(()),
    }
}

fn keep_said(world: &mut World<'_>, number: usize) {
    if let Some(device) = world.devices.get_mut(number) {
        device.keep_said();
    }
}

fn on_account(
    world: &mut World<'_>,
    number: usize,
    of: usize,
    what: &str,
    write: impl Fn(&Device, &RecordId) -> Result<Written, EngineError>,
) -> Result<(), Violation> {
    let Some(id) = account_here(world, number, of) else {
        return after(world, number);
    };
    let Some(device) = world.devices.get(number) else {
        return Ok(());
    };
    let written = write(device, &id);
    let name = world.record_name(("Account", &id));
    keep(world, number, &format!("{what} {name}"), written)
}

fn create(world: &mut World<'_>, number: usize, parent: Option<usize>) -> Result<(), Violation> {
    let account = parent.and_then(|of| account_here(world, number, of));
    let Some(device) = world.devices.get(number) else {
        return Ok(());
    };
    let (what, written) = match account {
        Some(id) => {
            let given = fields(&[("name", Value::text("Kim")), ("account", lookup(&id))]);
            ("makes a contact", device.engine.create("Contact", given))
        }
        None => {
            let given = fields(&[("name", Value::text("New"))]);
            ("makes an account", device.engine.create("Account", given))
        }
    };
    keep(world, number, what, written)
}

/// Makes writes that belong together.
fn together(world: &mut World<'_>, number: usize, of: usize, value: usize) -> Result<(), Violation> {
    let Some(id) = account_here(world, number, of) else {
        return after(world, number);
    };
    let Some(device) = world.devices.get(number) else {
        return Ok(());
    };
    let create = |name: &str, fields| Edit::Create {
        entity: name.to_owned(),
        fields,
    };
    let mut edits = vec![
        Edit::Update {
            entity: "Account".to_owned(),
            id: id.to_string(),
            fields: fields(&[("name", Value::text(format!("v{value}")))]),
        },
        create("Account", fields(&[("name", Value::text("Branch"))])),
    ];
    if device
        .store
        .schema()
        .is_ok_and(|schema| schema.entity("Contact").is_some())
    {
        let given = fields(&[("name", Value::text("Sam")), ("account", lookup(&id))]);
        edits.push(create("Contact", given));
    }
    let written = device.engine.edit_together(&edits, Handling::default());
    let name = world.record_name(("Account", &id));
    match written {
        Ok(all) => {
            for written in all {
                keep(
                    world,
                    number,
                    &format!("writes together, about {name},"),
                    Ok(written),
                )?;
            }
            Ok(())
        }
        Err(error) => keep(
            world,
            number,
            &format!("writes together, about {name},"),
            Err(error),
        ),
    }
}

fn again(world: &mut World<'_>, number: usize, of: usize) -> Result<(), Violation> {
    if world.config.server_keys {
        return after(world, number);
    }
    let Some(id) = account_here(world, number, of) else {
        return after(world, number);
    };
    on_account(world, number, of, "deletes", |device, id| {
        device.engine.delete("Account", id.as_str())
    })?;
    let (Some(device), Ok(key)) = (world.devices.get(number), id.as_str().parse()) else {
        return Ok(());
    };
    let given = fields(&[("id", Value::Guid(key)), ("name", Value::text("Again"))]);
    let written = device.engine.create("Account", given);
    keep(world, number, "makes an account with its key", written)
}

fn undo(world: &mut World<'_>, number: usize, of: usize) -> Result<(), Violation> {
    let Some(device) = world.devices.get_mut(number) else {
        return Ok(());
    };
    let outbox = device.engine.outbox().unwrap_or_default();
    let Some(id) = outbox.get(of).map(|item| item.operation.id) else {
        return after(world, number);
    };
    // Whether it was carried out is not known if the process ends meanwhile; the person has asked for it.
    let planned = device.engine.undo_preview(id);
    let done = device.engine.undo(id);
    let ended = [&planned, &done];
    let ended = ended.into_iter().flatten().flat_map(|touched| &touched.ended);
    let ended: Vec<_> = ended.map(|(id, _)| *id).collect();
    device.decided.extend(ended);
    let name = world.operation_name(id);
    let how = match done {
        Ok(_) => "done".to_owned(),
        Err(error) => error.to_string(),
    };
    world.tell(format_args!("device {number} takes {name} back: {how}"));
    after(world, number)
}

fn decide(world: &mut World<'_>, number: usize, of: usize, how: usize) -> Result<(), Violation> {
    let Some(device) = world.devices.get_mut(number) else {
        return Ok(());
    };
    let open = device.engine.log(&LogSelection::Open).unwrap_or_default();
    let Some(entry) = open.get(of.checked_rem(open.len()).unwrap_or_default()) else {
        return after(world, number);
    };
    let decision = match how {
        0 => Decision::Mine,
        1 => Decision::Theirs,
        2 => Decision::Retry,
        3 => Decision::Discard,
        4 => Decision::Without(entry.fields.iter().map(|case| case.field.clone()).collect()),
        5 => Decision::Set(mended(device, entry)),
        6 => Decision::Pick(picks(entry, [Side::Mine, Side::Theirs])),
        7 => Decision::Pick(picks(entry, [Side::Theirs, Side::Mine])),
        _ => Decision::Revert,
    };
    device.decided.extend(entry.operations.iter().copied());
    let planned = device.engine.resolve_preview(entry.id, &decision);
    let done = device.engine.resolve(entry.id, &decision);
    for touched in [&planned, &done].into_iter().flatten() {
        let ended = touched.ended.iter().map(|(id, _)| *id);
        device.decided.extend(ended);
    }
    device.may_do_again(entry, &decision, &done);
    let id = entry.id;
    let said = match done {
        Ok(_) => "done".to_owned(),
        Err(error) => error.to_string(),
    };
    world.tell(format_args!(
        "device {number} decides entry {id} by {decision:?}: {said}"
    ));
    after(world, number)
}
