//! From bound actions to commands.

use driftless_record::command::is_parameter_kind;
use driftless_record::{CommandName, CommandSchema, EntitySchema, FieldKind};

use super::annotations::Annotations;
use super::metadata::WireType;
use super::read::Reader;
use super::types::label;
use super::vocabulary as terms;
use super::xml::Element;

impl<'a> Reader<'a> {
    /// Reads the actions that are bound to an entity or, in the documents of others, to one of its bases.
    pub(super) fn commands(&mut self, entity: &mut EntitySchema) {
        let Some(type_name) = self.out.facts.get(&entity.name).map(|f| f.type_name.clone()) else {
            return;
        };
        let bound_to = if self.own {
            vec![type_name]
        } else {
            self.lineage(&type_name)
                .into_iter()
                .map(|(name, _)| name)
                .collect()
        };
        for type_name in bound_to {
            let actions = self.types.actions.get(&type_name).cloned().unwrap_or_default();
            for (qualified, action) in actions {
                match self.command(entity, &type_name, &qualified, action) {
                    Ok(command) => {
                        if let Some(facts) = self.out.facts.get_mut(&entity.name) {
                            facts.actions.insert(command.name.clone(), qualified);
                        }
                        // That of an entity itself stands for the one of its base.
                        entity.commands.insert(command.name.clone(), command);
                    }
                    Err(why) => {
                        let name = action.get("Name").unwrap_or_default();
                        self.note(entity.name.as_str(), Some(name), why);
                    }
                }
            }
        }
    }

    fn command(
        &mut self,
        entity: &EntitySchema,
        type_name: &str,
        qualified: &str,
        action: &'a Element,
    ) -> Result<CommandSchema, &'static str> {
        let text = action.get("Name").unwrap_or_default();
        let name = CommandName::parse(text).map_err(|_| "the name cannot be used for a command")?;
        let overload = format!("{qualified}({type_name})");
        let about = Annotations::of(action, &overload, self.targets).and(qualified, self.targets);
        let mut command = CommandSchema::new(name);
        if let Some(label) = label(&about) {
            label.clone_into(&mut command.label);
        }
        if let Some(when) = about.text(terms::COMMAND_WHEN) {
            command.when = serde_json::from_str(when).map_err(|_| "what allows it cannot be read")?;
        }
        if let Some(effects) = about.text(terms::COMMAND_EFFECTS) {
            command.effects = serde_json::from_str(effects).map_err(|_| "its effects cannot be read")?;
        }
        for parameter in action.named("Parameter").skip(1) {
            let name = parameter.get("Name").unwrap_or_default();
            let about = Annotations::of(parameter, &format!("{overload}/{name}"), self.targets)
                .and(&format!("{qualified}/{name}"), self.targets);
            let why = match self.field(parameter, &about, false) {
                // Written as one text, which the command alone cannot tell.
                Ok((field, Some(WireType::Enum(_)))) if matches!(field.kind, FieldKind::Choices { .. }) => {
                    "several members of an enumeration in one value are not supported"
                }
                Ok((field, _)) if is_parameter_kind(&field.kind) => {
                    command.parameters.push(field);
                    continue;
                }
                Ok(_) => "files are not supported",
                Err(why) => why,
            };
            let is_optional =
                !parameter.is("Nullable", "false") || about.get(terms::OPTIONAL_PARAMETER).is_some();
            if !is_optional {
                return Err("a parameter that it needs has a type that is not supported");
            }
            self.note(entity.name.as_str(), Some(&format!("{text}/{name}")), why);
        }
        Ok(command)
    }
}
