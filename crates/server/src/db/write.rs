//! Creating, changing and deleting records inside a transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_record::{
    DateTime, DeviceId, EntitySchema, FieldKind, FieldName, Fields, RecordId, Schema, Stamp, Timestamp, Value,
};
use http::StatusCode;
use rusqlite::{Connection, params};

use super::row::{self, Stamps, StoredRow};
use super::table::{Table, Tables};
use super::{feed, rights, state, unique};
use crate::check;
use crate::reply::Refusal;

/// How many records one delete may take with it.
const MOST_CASCADED: usize = 100_000;

/// What a client wants to have written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Body {
    /// The fields that it names.
    pub(crate) fields: Fields,
    /// When they were edited, as far as it says so.
    pub(crate) stamps: BTreeMap<FieldName, Stamp>,
}

/// A transaction that writes.
pub(crate) struct Writing<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) tables: &'a Tables,
    pub(crate) schema: &'a Schema,
    /// The server's time at its begin.
    pub(crate) now: Timestamp,
    /// The server's own id in stamps.
    pub(crate) device: DeviceId,
    /// Whether an administrator writes.
    pub(crate) is_admin: bool,
    /// The last number taken.
    pub(crate) seq: i64,
}

impl Writing<'_> {
    /// Takes the next number and notes the change in the feed.
    fn changed(&mut self, table: &Table, id: &RecordId) -> rusqlite::Result<i64> {
        self.seq += 1;
        feed::append(self.connection, table, self.seq, id.as_str())?;
        Ok(self.seq)
    }

    /// Returns the stamp of what the server itself does in this change.
    fn own_stamp(&self) -> Stamp {
        Stamp {
            time: self.now,
            // Numbers never repeat, so their low part tells changes of one millisecond apart.
            counter: u32::try_from((self.seq + 1) & 0xffff_ffff).unwrap_or_default(),
            device: self.device,
        }
    }

    /// Creates a record; `id` is the one in the address, if there is one.
    pub(crate) fn create(
        &mut self,
        table: &Table,
        id: Option<&RecordId>,
        body: Body,
    ) -> Result<StoredRow, Refusal> {
        let mut fields = body.fields;
        // A new record has nothing that an empty value could take away.
        let set = fields.iter().filter(|(_, value)| !value.is_null());
        self.check_rights(table, set.map(|(name, _)| name))?;
        self.give_key(table, id, &mut fields)?;
        self.make_values(table, &mut fields)?;
        check::create(&table.entity, &fields)?;
        self.references(table.entity.name.as_str(), &fields)?;
        let key: Vec<Value> = table
            .entity
            .key
            .iter()
            .filter_map(|name| fields.get(name).cloned())
            .collect();
        let id = RecordId::from_key(&table.entity, &key)
            .map_err(|error| Refusal::bad("InvalidKey", error.to_string()))?;
        if row::exists(self.connection, table, &id)? {
            return Err(Refusal::new(
                StatusCode::CONFLICT,
                "DuplicateKey",
                format!("{}({id}) exists already", table.entity.set),
            ));
        }
        unique::check(self.connection, table, (&id, &fields), None)?;
        let mut stamps = Stamps {
            of_row: Some(self.own_stamp()),
            of_fields: BTreeMap::new(),
        };
        stamps.of_fields = body.stamps;
        let mut row = StoredRow {
            key: 0,
            version: self.changed(table, &id)?,
            id,
            stamps,
            fields,
        };
        row::write(self.connection, table, &row, false)?;
        row.key = self.connection.last_insert_rowid();
        Ok(row)
    }

    /// Changes a record.
    pub(crate) fn update(&mut self, table: &Table, row: StoredRow, body: Body) -> Result<StoredRow, Refusal> {
        let mut given = body.fields;
        given.retain(|name, _| !is_made_by_server(table, name));
        self.check_rights(table, given.keys())?;
        self.put(table, row, given, &body.stamps)
    }

    fn check_rights<'a>(
        &self,
        table: &Table,
        fields: impl Iterator<Item = &'a FieldName>,
    ) -> Result<(), Refusal> {
        if self.is_admin {
            return Ok(());
        }
        rights::check(self.connection, table, fields)
    }

    /// Changes fields of a record as the server itself does, also those that clients have no say in.
    pub(crate) fn set(
        &mut self,
        table: &Table,
        row: StoredRow,
        fields: Fields,
    ) -> Result<StoredRow, Refusal> {
        self.put(table, row, fields, &BTreeMap::new())
    }

    fn put(
        &mut self,
        table: &Table,
        mut row: StoredRow,
        mut given: Fields,
        stamps: &BTreeMap<FieldName, Stamp>,
    ) -> Result<StoredRow, Refusal> {
        let stamp = self.own_stamp();
        given.retain(|name, _| !table.entity.is_key(name));
        check::update(&table.entity, &given)?;
        self.references(table.entity.name.as_str(), &given)?;
        let named: BTreeSet<FieldName> = given.keys().cloned().collect();
        for (name, value) in given {
            let edited = stamps.get(&name).copied().unwrap_or(stamp);
            row.stamps.of_fields.insert(name.clone(), edited);
            row.fields.insert(name, value);
        }
        unique::check(self.connection, table, (&row.id, &row.fields), Some(&named))?;
        if let Some(name) = &table.entity.modified_field {
            row.fields.insert(name.clone(), self.time());
        }
        row.version = self.changed(table, &row.id)?;
        row::write(self.connection, table, &row, true)?;
        Ok(row)
    }

    /// Deletes a record with the children that go with it.
    pub(crate) fn delete(&mut self, table: &Table, id: &RecordId, key: i64) -> Result<(), Refusal> {
        let mut waiting = vec![(table.entity.name.clone(), id.clone(), key)];
        let mut count = 0;
        while let Some((entity, id, key)) = waiting.pop() {
            count += 1;
            if count > MOST_CASCADED {
                return Err(Refusal::new(
                    StatusCode::CONFLICT,
                    "TooManyChildren",
                    "too many records would be deleted with it",
                ));
            }
            let Some(table) = self.tables.get(entity.as_str()) else {
                continue;
            };
            row::delete(self.connection, table, key)?;
            self.changed(table, &id)?;
            for (name, collection) in &table.entity.collections {
                let Some(children) = self.tables.get(collection.entity.as_str()) else {
                    continue;
                };
                for (child, key) in self.children(children, &collection.via, table, &id)? {
                    if !collection.cascade_delete {
                        return Err(Refusal::new(
                            StatusCode::CONFLICT,
                            "HasChildren",
                            format!(
                                "{}({id}) still has {name}: delete or move them first",
                                table.entity.set
                            ),
                        )
                        .target(name.to_string()));
                    }
                    waiting.push((collection.entity.clone(), child, key));
                }
            }
        }
        Ok(())
    }

    fn children(
        &self,
        children: &Table,
        via: &FieldName,
        parent: &Table,
        id: &RecordId,
    ) -> rusqlite::Result<Vec<(RecordId, i64)>> {
        let several = children
            .entity
            .field(via)
            .is_some_and(|field| matches!(&field.kind, FieldKind::Lookup { targets } if targets.len() != 1));
        let of_entity = if several {
            format!(" AND \"{via}_e\" = ?2")
        } else {
            " AND ?2 = ?2".to_owned()
        };
        let sql = format!(
            "SELECT \"$id\", \"$key\" FROM {} WHERE \"{via}\" = ?1{of_entity}",
            children.name
        );
        self.connection
            .prepare_cached(&sql)?
            .query_map(params![id.as_str(), parent.entity.name.as_str()], |row| {
                Ok((RecordId::from_canonical(row.get_ref(0)?.as_str()?), row.get(1)?))
            })?
            .collect()
    }

    /// Fills in the key: from the address, or made by the server where the client gave none.
    fn give_key(&mut self, table: &Table, id: Option<&RecordId>, fields: &mut Fields) -> Result<(), Refusal> {
        if let Some(id) = id {
            let values = id
                .key_values(&table.entity)
                .map_err(|error| Refusal::bad("InvalidKey", error.to_string()))?;
            for (name, value) in table.entity.key.iter().zip(values) {
                fields.insert(name.clone(), value);
            }
            return Ok(());
        }
        for name in &table.entity.key {
            let given = fields.get(name).is_some_and(|value| !value.is_null());
            match table.entity.field(name).map(|field| &field.kind) {
                Some(FieldKind::Guid) if !given => {
                    fields.insert(name.clone(), Value::Guid(crate::edge::random_id()));
                }
                Some(FieldKind::Int { .. }) if !given && table.entity.key.len() == 1 => {
                    let number = state::make_number(self.connection, table.number)?;
                    fields.insert(name.clone(), Value::Int(number));
                }
                Some(FieldKind::Int { .. }) if table.entity.key.len() == 1 => {
                    if let Some(Value::Int(number)) = fields.get(name) {
                        state::raise_number(self.connection, table.number, *number)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn time(&self) -> Value {
        Value::DateTime(DateTime::from_timestamp(self.now))
    }

    /// Sets the values that the server makes, and defaults where null is no value.
    fn make_values(&self, table: &Table, fields: &mut Fields) -> Result<(), Refusal> {
        for field in table
            .entity
            .fields
            .iter()
            .filter(|field| !table.entity.is_key(&field.name))
        {
            let is_time = table.entity.modified_field.as_ref() == Some(&field.name) || field.server_made;
            let made = match field.kind {
                FieldKind::DateTime if is_time => Some(self.time()),
                FieldKind::Text { .. } if field.server_made => {
                    let number = state::make_number(self.connection, table.number)?;
                    let prefix: String = table.entity.name.as_str().chars().take(3).collect();
                    Some(Value::Text(format!("{}-{number:06}", prefix.to_uppercase())))
                }
                _ if field.server_made => Some(Value::Null),
                _ if !field.nullable && !field.required && !fields.contains_key(&field.name) => {
                    check::default_value(&field.kind)
                }
                _ => None,
            };
            if let Some(value) = made {
                fields.insert(field.name.clone(), value);
            }
        }
        Ok(())
    }

    /// Refuses lookups to records that are not there; `owner` is what the fields belong to.
    pub(crate) fn references(&self, owner: &str, fields: &Fields) -> Result<(), Refusal> {
        for (name, value) in fields {
            let Value::Lookup(lookup) = value else {
                continue;
            };
            let found = match self.tables.get(lookup.entity.as_str()) {
                Some(target) => row::exists(self.connection, target, &lookup.id)?,
                None => self.exists_in_derived(lookup.entity.as_str(), &lookup.id)?,
            };
            if !found {
                return Err(Refusal::bad(
                    "MissingReference",
                    format!(
                        "`{name}` of {owner} points to a {} that is not there",
                        lookup.entity
                    ),
                )
                .target(name.to_string()));
            }
        }
        Ok(())
    }

    /// Returns whether one of the entities over a base entity has a record.
    fn exists_in_derived(&self, base: &str, id: &RecordId) -> rusqlite::Result<bool> {
        let is_over =
            |entity: &&Arc<EntitySchema>| entity.base.as_ref().is_some_and(|name| name.as_str() == base);
        for entity in self.schema.entities.values().filter(is_over) {
            if let Some(table) = self.tables.get(entity.name.as_str())
                && row::exists(self.connection, table, id)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Returns whether clients have no say in a field's value.
fn is_made_by_server(table: &Table, name: &FieldName) -> bool {
    table.entity.field(name).is_some_and(|field| {
        field.server_made || field.read_only || table.entity.modified_field.as_ref() == Some(name)
    })
}
