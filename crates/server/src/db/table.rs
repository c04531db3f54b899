//! The table of an entity: its columns and the statements over it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_record::sql::columns;
use driftless_record::{EntityName, EntitySchema, FieldName, FieldSchema, Schema};

use crate::ServerError;

/// The columns before those of the fields, in every statement that returns rows.
pub(crate) const LEADING: &str = "\"$key\", \"$id\", \"$version\", \"$stamp\", \"$stamps\"";
/// How many there are.
pub(crate) const LEADING_COUNT: usize = 5;

/// The table of an entity.
#[derive(Debug)]
pub(crate) struct Table {
    /// Stands for the entity in the feed.
    pub(crate) number: i64,
    /// The entity.
    pub(crate) entity: Arc<EntitySchema>,
    /// For each field, where its columns begin among those of all fields, and how many it has.
    pub(crate) spans: Vec<(usize, usize)>,
    /// The quoted name.
    pub(crate) name: String,
    /// The quoted columns of all fields.
    pub(crate) columns: Vec<String>,
}

/// The tables of a schema.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    by_entity: BTreeMap<EntityName, Arc<Table>>,
    by_set: BTreeMap<String, EntityName>,
}

impl Tables {
    /// Plans the tables of a schema; `number` gives each entity its number.
    pub(crate) fn new(
        schema: &Schema,
        mut number: impl FnMut(&str) -> rusqlite::Result<i64>,
    ) -> Result<Self, ServerError> {
        let mut tables = Self::default();
        let mut folded = BTreeSet::new();
        for entity in schema.entities.values().filter(|entity| !entity.is_abstract) {
            if !folded.insert(entity.name.as_str().to_lowercase()) {
                return Err(ServerError::Schema(format!(
                    "two entities are called `{}` but for case",
                    entity.name
                )));
            }
            let table = Table::new(Arc::clone(entity), number(entity.name.as_str())?)?;
            tables.by_set.insert(entity.set.clone(), entity.name.clone());
            tables.by_entity.insert(entity.name.clone(), Arc::new(table));
        }
        Ok(tables)
    }

    pub(crate) fn get(&self, entity: &str) -> Option<&Arc<Table>> {
        self.by_entity.get(entity)
    }

    pub(crate) fn by_set(&self, set: &str) -> Option<&Arc<Table>> {
        self.get(self.by_set.get(set)?.as_str())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.by_entity.values()
    }
}

/// Quotes an identifier; the caller has checked that it is a name.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

impl Table {
    fn new(entity: Arc<EntitySchema>, number: i64) -> Result<Self, ServerError> {
        let (mut spans, mut names) = (Vec::new(), Vec::new());
        let mut folded = BTreeSet::new();
        for field in &entity.fields {
            let parts = columns(&field.kind);
            spans.push((names.len(), parts.len()));
            for part in parts {
                let name = format!("{}{}", field.name, part.suffix);
                if !folded.insert(name.to_lowercase()) {
                    return Err(ServerError::Schema(format!(
                        "the name `{}.{}` meets that of another field",
                        entity.name, field.name
                    )));
                }
                names.push(quoted(&name));
            }
        }
        Ok(Self {
            number,
            spans,
            name: quoted(entity.name.as_str()),
            columns: names,
            entity,
        })
    }

    /// Returns the place of a field among the fields.
    pub(crate) fn position(&self, field: &FieldName) -> Option<usize> {
        self.entity.fields.iter().position(|known| known.name == *field)
    }

    /// Returns a field with the place of its first column and how many it has.
    pub(crate) fn field(&self, name: &FieldName) -> Option<(&FieldSchema, (usize, usize))> {
        let position = self.position(name)?;
        Some((self.entity.fields.get(position)?, *self.spans.get(position)?))
    }

    /// Returns the statement that makes the table, without indexes.
    pub(crate) fn create(&self) -> String {
        let mut sql = format!(
            "CREATE TABLE {} (\"$key\" INTEGER PRIMARY KEY AUTOINCREMENT, \"$id\" TEXT NOT NULL, \
             \"$version\" INTEGER NOT NULL, \"$stamp\" TEXT, \"$stamps\" TEXT",
            self.name
        );
        let parts = self.entity.fields.iter().flat_map(|field| columns(&field.kind));
        for (name, part) in self.columns.iter().zip(parts) {
            sql.push_str(", ");
            sql.push_str(name);
            sql.push(' ');
            sql.push_str(part.sqlite);
        }
        sql.push_str(") STRICT");
        sql
    }

    /// Returns the statements that make the table's indexes: of the id, the alternate keys, the modification
    /// date, and the lookups by which parents find their children.
    pub(crate) fn indexes(&self, children: &BTreeSet<(EntityName, FieldName)>) -> Vec<String> {
        let bare = self.entity.name.as_str();
        let mut statements = vec![format!(
            "CREATE UNIQUE INDEX \"{bare}$id\" ON {} (\"$id\")",
            self.name
        )];
        for (number, key) in self.entity.alternate_keys.iter().enumerate() {
            let columns: Vec<&str> = key
                .iter()
                .filter_map(|name| Some(self.columns.get(self.field(name)?.1.0)?.as_str()))
                .collect();
            // What looks for others is quick; what is in the data from the start may not be unique.
            statements.push(format!(
                "CREATE INDEX \"{bare}$unique{number}\" ON {} ({})",
                self.name,
                columns.join(", ")
            ));
        }
        for field in &self.entity.fields {
            let is_child = children.contains(&(self.entity.name.clone(), field.name.clone()));
            if is_child || self.entity.modified_field.as_ref() == Some(&field.name) {
                let name = &field.name;
                statements.push(format!(
                    "CREATE INDEX \"{bare}${name}\" ON {} (\"{name}\")",
                    self.name
                ));
            }
        }
        statements
    }

    /// Returns the statement that inserts a row: id, version, stamp, stamps, then the columns of all fields.
    pub(crate) fn insert(&self) -> String {
        let marks = vec!["?"; self.columns.len() + LEADING_COUNT - 1].join(", ");
        format!(
            "INSERT INTO {} (\"$id\", \"$version\", \"$stamp\", \"$stamps\"{}) VALUES ({marks})",
            self.name,
            self.list()
        )
    }

    /// Returns the statement that replaces a row found by its key: id, version, stamp, stamps, columns, key.
    pub(crate) fn update(&self) -> String {
        let columns: String = self.columns.iter().map(|name| format!(", {name} = ?")).collect();
        format!(
            "UPDATE {} SET \"$id\" = ?, \"$version\" = ?, \"$stamp\" = ?, \"$stamps\" = ?{columns} WHERE \"$key\" = ?",
            self.name
        )
    }

    /// Returns the beginning of a statement that reads rows: leading columns, then those of all fields.
    pub(crate) fn select(&self) -> String {
        format!("SELECT {LEADING}{} FROM {}", self.list(), self.name)
    }

    fn list(&self) -> String {
        self.columns.iter().map(|name| format!(", {name}")).collect()
    }
}

/// Returns the lookups that make up the collections of a schema.
pub(crate) fn child_lookups(schema: &Schema) -> BTreeSet<(EntityName, FieldName)> {
    let collections = schema
        .entities
        .values()
        .flat_map(|entity| entity.collections.values());
    collections
        .map(|collection| (collection.entity.clone(), collection.via.clone()))
        .collect()
}
