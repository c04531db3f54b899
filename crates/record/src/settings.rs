//! Settings: what an administrator decides for devices, as data from the server or a profile file.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::name::{EntityName, FieldName};
use crate::query::Query;

/// How devices may work, as the administrator sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationMode {
    /// Only with a connection.
    Online,
    /// With and without, as the connection allows.
    #[default]
    Hybrid,
    /// Without a connection, but for synchronizations that the user starts.
    Offline,
}

/// Who wins when both sides changed a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictRule {
    /// The later edit wins where both sides have stamps, else a person decides.
    #[default]
    ExecutionOrder,
    /// The server's value wins.
    ServerWins,
    /// The device's value wins.
    ClientWins,
    /// A person decides.
    Ask,
}

/// The conflict rules of an entity.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EntityConflictRules {
    /// The rule for fields without one of their own, and for deletes.
    pub rule: Option<ConflictRule>,
    /// Rules of single fields.
    pub fields: BTreeMap<FieldName, ConflictRule>,
}

/// What of an entity belongs on a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityScope {
    /// Which records: the entity and its filter. Order and paging are ignored.
    pub query: Query,
    /// Seconds between synchronizations in the background; `None` means with every one.
    pub interval_seconds: Option<u32>,
}

/// The settings in force for a user. Every part has a default, so a server may send only what it knows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The operation mode.
    pub mode: OperationMode,
    /// The conflict rule for everything without one of its own.
    pub conflict: ConflictRule,
    /// Conflict rules by entity.
    pub conflict_by_entity: BTreeMap<EntityName, EntityConflictRules>,
    /// The entities that belong on the device with their filters; `None` means every entity whole.
    pub scope: Option<BTreeMap<EntityName, EntityScope>>,
    /// Whether a field that the server forbids is split off a change, whose rest goes on.
    pub park_forbidden_field_alone: bool,
    /// Fields that belong together, by entity: none of such a group is split off while another one is changed too.
    pub field_groups: BTreeMap<EntityName, Vec<BTreeSet<FieldName>>>,
    /// Entities that belong on no device.
    pub excluded: BTreeSet<EntityName>,
    /// The most bytes of an attachment.
    pub attachment_limit_bytes: Option<u64>,
    /// Where requests for access are mailed to.
    pub request_mailbox: Option<String>,
}

/// A name in a document of settings that settings do not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// The name.
    pub name: String,
    /// The names that are known in its place.
    pub known: Vec<String>,
}

impl Settings {
    /// Returns the names in a JSON document of settings that settings do not have. Reading ignores them, as a newer
    /// server may know more than this device; whoever writes settings wants to be told.
    #[must_use]
    pub fn unknown_names(document: &Json) -> Vec<UnknownName> {
        let mut unknown = Vec::new();
        let mut check = |part: &Json, known: &[String]| {
            let names = part.as_object().into_iter().flat_map(|members| members.keys());
            unknown.extend(
                names
                    .filter(|name| !known.contains(name))
                    .map(|name| UnknownName {
                        name: name.clone(),
                        known: known.to_vec(),
                    }),
            );
        };
        check(document, &members(&Self::default()));
        let below = |name: &str| document.get(name).and_then(Json::as_object);
        for rules in below("conflict_by_entity")
            .into_iter()
            .flat_map(|all| all.values())
        {
            check(rules, &members(&EntityConflictRules::default()));
        }
        for scope in below("scope").into_iter().flat_map(|all| all.values()) {
            check(scope, &["query", "interval_seconds"].map(str::to_owned));
        }
        unknown
    }

    /// Returns whether an entity belongs on the device.
    #[must_use]
    pub fn covers(&self, entity: &EntityName) -> bool {
        !self.excluded.contains(entity) && self.scope.as_ref().is_none_or(|scope| scope.contains_key(entity))
    }

    /// Returns the conflict rule of a field, or of the whole record if `field` is `None`.
    #[must_use]
    pub fn conflict_rule(&self, entity: &EntityName, field: Option<&FieldName>) -> ConflictRule {
        let rules = self.conflict_by_entity.get(entity);
        let of_field = field.and_then(|name| rules.and_then(|r| r.fields.get(name)));
        of_field
            .copied()
            .or_else(|| rules.and_then(|r| r.rule))
            .unwrap_or(self.conflict)
    }
}

/// Returns the names of the members of a part of the settings.
fn members(part: &impl Serialize) -> Vec<String> {
    let json = serde_json::to_value(part).unwrap_or_default();
    let members = json.as_object().into_iter().flat_map(|members| members.keys());
    members.cloned().collect()
}
