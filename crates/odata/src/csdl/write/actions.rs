//! Writes commands as bound actions.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use driftless_record::{CommandSchema, EntitySchema};

use super::super::vocabulary as terms;
use super::super::xml::escaped;
use super::{Role, Writer, text};

impl Writer<'_> {
    /// Writes the commands of every entity. Those of a base are repeated: one that a base has need not hold for what
    /// is over it.
    pub(super) fn actions(&self, out: &mut String) {
        let mut taken: BTreeSet<String> = self.schema.entities.keys().map(ToString::to_string).collect();
        for entity in self.schema.entities.values() {
            for command in entity.commands.values() {
                let result = self.result(out, entity, command, &mut taken);
                self.action(out, entity, command, result.as_deref());
            }
        }
    }

    /// Writes the type of what a command answers: one property for each record that it makes.
    fn result(
        &self,
        out: &mut String,
        entity: &EntitySchema,
        command: &CommandSchema,
        taken: &mut BTreeSet<String>,
    ) -> Option<String> {
        let slots = command.slots();
        if slots.is_empty() {
            return None;
        }
        let mut name = super::result_type(&entity.name, &command.name);
        while !taken.insert(name.clone()) {
            name.push('_');
        }
        let _ = write!(out, r#"<ComplexType Name="{name}">"#);
        for (slot, made) in slots {
            let type_name = self.lookup_type(std::slice::from_ref(made));
            let _ = write!(out, r#"<Property Name="{slot}" Type="{type_name}"/>"#);
        }
        out.push_str("</ComplexType>\n");
        Some(name)
    }

    fn action(&self, out: &mut String, entity: &EntitySchema, command: &CommandSchema, result: Option<&str>) {
        let mut subject = "record".to_owned();
        while command.parameter(&subject).is_some() {
            subject.push('_');
        }
        let namespace = escaped(self.namespace);
        let _ = writeln!(
            out,
            r#"<Action Name="{}" IsBound="true"><Parameter Name="{subject}" Type="{namespace}.{}" Nullable="false"/>"#,
            command.name, entity.name
        );
        for parameter in &command.parameters {
            self.property(out, "Parameter", parameter, Role::Plain);
        }
        if let Some(result) = result {
            let _ = writeln!(
                out,
                r#"<ReturnType Type="{namespace}.{result}" Nullable="false"/>"#
            );
        }
        if command.label != command.name.as_str() {
            text(out, terms::LABEL, &command.label);
        }
        // Writing what was made of plain values cannot fail.
        if !command.when.is_empty() {
            let when = serde_json::to_string(&command.when).unwrap_or_default();
            text(out, terms::COMMAND_WHEN, &when);
        }
        if !command.effects.is_empty() {
            let effects = serde_json::to_string(&command.effects).unwrap_or_default();
            text(out, terms::COMMAND_EFFECTS, &effects);
        }
        out.push_str("</Action>\n");
    }
}
