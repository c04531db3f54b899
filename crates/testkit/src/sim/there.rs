//! What happens at the server, beyond what people there do to single records.

use driftless_record::query::Comparison;
use driftless_record::settings::EntityScope;
use driftless_record::{Cause, CauseClass, Change, ChangeAction, Expr, Fields, Query, Value};

use driftless_transport::ChangeDetection;

use super::act::Act;
use super::clock::EPOCH;
use super::play::account_there;
use super::schema::{CITIES, entity, field};
use super::world::World;
use crate::backend::Sight;

/// The rules by which a server can refuse.
const RULES: [fn(&Change) -> Option<Cause>; super::act::RULES] =
    [no_second, no_contacts, no_deletes, nothing_at_all];

/// Lets something happen at the server.
pub(super) fn play(world: &mut World<'_>, act: &Act) {
    match act {
        Act::Refuse { rule } => {
            let refuse = rule.and_then(|rule| RULES.get(rule).copied());
            world.server().refuse(refuse);
            world.tell(format_args!("the server refuses by rule {rule:?}"));
        }
        Act::Rule(rule) => {
            world.settings.conflict = *rule;
            world.administer();
            world.tell(format_args!("the administrator sets {rule:?}"));
        }
        Act::Split { apart } => {
            world.settings.park_forbidden_field_alone = *apart;
            world.administer();
            world.server().refuse(Some(no_cities));
            let word = if *apart { "is split off" } else { "parks the whole" };
            world.tell(format_args!(
                "nobody may set cities, and what is forbidden {word}"
            ));
        }
        Act::Scope { contacts } => {
            let off = (!contacts).then(|| entity("Contact"));
            world.settings.excluded = off.into_iter().collect();
            world.administer();
            let word = if *contacts { "belong" } else { "do not belong" };
            world.tell(format_args!("contacts {word} on devices"));
        }
        Act::Filter { name } => filter(world, *name),
        Act::Right { of, sight } => right(world, *of, *sight),
        Act::Merge { of, into } => merge(world, *of, *into),
        Act::Reshape(how) => {
            world.shape.reshape(*how);
            world.put_shape();
            world.tell(format_args!("the form of the data changes: {how:?}"));
        }
        // Only such a checkpoint is something that the server has to know.
        Act::Forget if world.config.capabilities.changes == ChangeDetection::Delta => {
            world.server().forget_checkpoints();
            world.tell(format_args!("the server forgets how far devices have read"));
        }
        Act::Busy { millis } => {
            let until = EPOCH + world.timeline.now() + millis;
            world.server().set_busy_until(until);
            world.tell(format_args!("the server puts every change off for {millis} ms"));
        }
        _ => {}
    }
}

/// Lets only the accounts belong on devices that have another name, or all of them.
fn filter(world: &mut World<'_>, off: Option<usize>) {
    let name = entity("Account");
    let all = |name| EntityScope {
        query: Query::all(name),
        interval_seconds: None,
    };
    world.settings.scope = off.map(|off| {
        let text = Value::text(format!("v{off}"));
        let mut accounts = all(name.clone());
        accounts.query = accounts
            .query
            .filter(Expr::compare(field("name"), Comparison::Ne, text));
        [(name, accounts), (entity("Contact"), all(entity("Contact")))]
            .into_iter()
            .collect()
    });
    world.administer();
    let which = off.map_or("all".to_owned(), |off| format!("all but those called v{off}"));
    world.tell(format_args!("the accounts that belong on devices: {which}"));
}

fn right(world: &mut World<'_>, of: usize, sight: Sight) {
    let Some(id) = account_there(world, of) else {
        return;
    };
    let key = (entity("Account"), id);
    world.server().show(&key, sight);
    let name = world.record_name(("Account", &key.1));
    world.tell(format_args!("{name} is {sight:?} from the user"));
    world.office_changed();
}

fn merge(world: &mut World<'_>, of: usize, into: usize) {
    let (Some(from), Some(to)) = (account_there(world, of), account_there(world, into)) else {
        return;
    };
    if from == to {
        return;
    }
    world.server().merge(&(entity("Account"), from.clone()), &to);
    let (from, to) = (
        world.record_name(("Account", &from)),
        world.record_name(("Account", &to)),
    );
    world.tell(format_args!("the office replaces {from} by {to}"));
    world.office_changed();
}

fn cause(class: CauseClass) -> Cause {
    Cause {
        class,
        field: None,
        other: None,
        code: "NO".to_owned(),
        text: class.words().to_owned(),
    }
}

/// Refuses a value that the business does not want.
fn no_second(change: &Change) -> Option<Cause> {
    let fields: &Fields = match &change.action {
        ChangeAction::Create(fields) | ChangeAction::Update(fields) => fields,
        ChangeAction::Delete | ChangeAction::Command(_) => return None,
    };
    let bad = [field("name"), field("city")]
        .iter()
        .any(|name| fields.get(name) == Some(&Value::text("v2")));
    bad.then(|| cause(CauseClass::Validation))
}

/// Refuses everything about contacts, as if the right to them was taken away.
fn no_contacts(change: &Change) -> Option<Cause> {
    (change.entity == entity("Contact")).then(|| cause(CauseClass::Permission))
}

/// Refuses to delete anything.
fn no_deletes(change: &Change) -> Option<Cause> {
    matches!(change.action, ChangeAction::Delete).then(|| cause(CauseClass::Permission))
}

/// Refuses every change, as if all rights but to read were taken away.
fn nothing_at_all(_: &Change) -> Option<Cause> {
    Some(cause(CauseClass::Permission))
}

/// Refuses to set one field, as if the right to it was taken away.
fn no_cities(change: &Change) -> Option<Cause> {
    let (ChangeAction::Create(fields) | ChangeAction::Update(fields)) = &change.action else {
        return None;
    };
    let city = CITIES
        .map(field)
        .into_iter()
        .find(|name| fields.contains_key(name))?;
    Some(Cause {
        field: Some(city),
        ..cause(CauseClass::Permission)
    })
}
