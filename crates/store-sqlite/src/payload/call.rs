//! Calls of commands as they are stored, in operations and in sendings.

use std::collections::BTreeMap;

use driftless_record::{CommandCall, CommandName, EntityName, FieldName};
use serde::{Deserialize, Serialize};

use super::value::StoredFields;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredCall<'a> {
    name: CommandName,
    #[serde(borrow)]
    parameters: StoredFields<'a>,
    makes: BTreeMap<FieldName, EntityName>,
}

impl<'a> From<&'a CommandCall> for StoredCall<'a> {
    fn from(call: &'a CommandCall) -> Self {
        Self {
            name: call.name.clone(),
            parameters: (&call.parameters).into(),
            makes: call.makes.clone(),
        }
    }
}

impl From<StoredCall<'_>> for CommandCall {
    fn from(stored: StoredCall<'_>) -> Self {
        Self {
            name: stored.name,
            parameters: stored.parameters.into(),
            makes: stored.makes,
        }
    }
}
