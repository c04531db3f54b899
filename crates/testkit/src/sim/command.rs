//! What accounts of a world can be told to do.

#![expect(
    clippy::unwrap_used,
    reason = "the names are written here; a wrong one should fail at once"
)]

use driftless_record::{CommandSchema, Effect, EffectValue, EntitySchema, FieldName, Value};

use super::random::Rng;
use super::schema::{entity, field};

/// A command of accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Sets an account's status, if it is open.
    Lose,
    /// Does the same and makes another account and, where there are contacts, one that refers to it.
    Win,
    /// Makes another account, as often as it is run, and leaves its own as it is: nothing on it tells whether it was run.
    Split,
}

impl Command {
    /// Draws one.
    pub(super) fn draw(rng: &mut Rng) -> Self {
        rng.pick(&[Self::Lose, Self::Win, Self::Split])
            .unwrap_or(Self::Lose)
    }

    /// Its name in the schema.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Lose => "Lose",
            Self::Win => "Win",
            Self::Split => "Split",
        }
    }
}

/// Which records commands can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Makes {
    Accounts,
    AccountsAndContacts,
}

/// Adds the commands of accounts.
pub(super) fn add(account: &mut EntitySchema, makes: Makes) {
    let status = |code: &str| Effect::Set {
        field: field("status"),
        to: constant(Value::Choice(code.to_owned())),
    };
    let mut win = vec![
        status("won"),
        make("customer", "Account", vec![named("Customer")]),
    ];
    if makes == Makes::AccountsAndContacts {
        let of_customer = (field("account"), EffectValue::Made(field("customer")));
        win.push(make("head", "Contact", vec![named("Head"), of_customer]));
    }
    let split = vec![make("part", "Account", vec![named("Part")])];
    for (command, effects) in [
        (Command::Lose, vec![status("lost")]),
        (Command::Win, win),
        (Command::Split, split),
    ] {
        let mut schema = CommandSchema::new(command.name().try_into().unwrap());
        schema.effects = effects;
        if command != Command::Split {
            let open = vec![Value::Choice("open".to_owned()), Value::Null];
            schema.when = [(field("status"), open)].into();
        }
        account.commands.insert(schema.name.clone(), schema);
    }
}

fn constant(value: Value) -> EffectValue {
    EffectValue::Constant(value)
}

fn named(name: &str) -> (FieldName, EffectValue) {
    (field("name"), constant(Value::text(name)))
}

fn make(slot: &str, of: &str, fields: Vec<(FieldName, EffectValue)>) -> Effect {
    Effect::Make {
        slot: field(slot),
        entity: entity(of),
        fields: fields.into_iter().collect(),
        only_if: Vec::new(),
    }
}
