//! The catalogue: which table and columns hold which entity and fields. Names of the server never reach SQL text;
//! tables and columns are named by numbers that are given here.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_record::{EntityName, EntitySchema, FieldKind, FieldName, Schema, sql};
use driftless_store::StoreError;
use rusqlite::Connection;

use crate::error::{Result, of_database, unknown, unreadable};
use crate::payload::decode_entity;

/// The whole catalogue, as of one generation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalogue {
    /// Grows with every change of the catalogue, by whichever process.
    pub(crate) generation: i64,
    /// The schema: entities that are not gone.
    pub(crate) schema: Arc<Schema>,
    /// The tables, also of entities that are gone but have rows that must stay.
    pub(crate) tables: BTreeMap<EntityName, Arc<Table>>,
}

/// Whether the rows of a table are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Rows are shown.
    Open,
    /// Rows are being loaded; queries answer with none.
    Loading,
    /// The schema has the entity no more; its table keeps the rows of unsettled records.
    Gone,
}

impl State {
    /// Returns the word in the catalogue.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Loading => "loading",
            Self::Gone => "gone",
        }
    }

    fn parse(word: &str) -> Result<Self> {
        [Self::Open, Self::Loading, Self::Gone]
            .into_iter()
            .find(|state| state.word() == word)
            .ok_or_else(|| unreadable("the catalogue"))
    }
}

/// The table of an entity.
#[derive(Debug)]
pub(crate) struct Table {
    /// The number that names the table.
    pub(crate) number: i64,
    /// Whether its rows are shown.
    pub(crate) state: State,
    /// The entity.
    pub(crate) schema: Arc<EntitySchema>,
    /// The fields, in the order of the schema.
    pub(crate) fields: Vec<Column>,
    /// The places of the fields by name.
    places: BTreeMap<FieldName, usize>,
    /// Selects every record: id, revision, and the columns of every field by name.
    pub(crate) select_all: String,
    /// Selects one record by its id: id, revision, the columns of every field by name, and the generation of the catalogue.
    pub(crate) select_one: String,
    /// The same with the image of the record, before the generation; takes the entity as the second parameter.
    pub(crate) select_with_image: String,
    /// Selects ids and revisions after an id, up to a limit.
    pub(crate) select_ids: String,
}

/// The column, or the columns, of a field.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// The field.
    pub(crate) name: FieldName,
    /// What it holds.
    pub(crate) kind: FieldKind,
    /// The number that names the columns.
    pub(crate) number: i64,
}

impl Column {
    /// Returns the quoted names of the columns, in the order of stored values.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> + '_ {
        let number = self.number;
        sql::columns(&self.kind)
            .iter()
            .map(move |part| format!("\"c{number}{}\"", part.suffix))
    }
}

impl Table {
    /// Puts a table together from the schema and the numbers of its fields.
    pub(crate) fn new(
        number: i64,
        state: State,
        schema: Arc<EntitySchema>,
        numbers: &BTreeMap<FieldName, i64>,
    ) -> Result<Self> {
        let mut fields = Vec::with_capacity(schema.fields.len());
        for field in &schema.fields {
            fields.push(Column {
                name: field.name.clone(),
                kind: field.kind.clone(),
                number: *numbers
                    .get(&field.name)
                    .ok_or_else(|| unreadable("the catalogue"))?,
            });
        }
        let places: BTreeMap<_, _> = fields
            .iter()
            .enumerate()
            .map(|(place, field)| (field.name.clone(), place))
            .collect();
        let mut select_all = "SELECT \"id\", \"revision\"".to_owned();
        for name in places.values().flat_map(|place| fields[*place].names()) {
            select_all.push_str(", ");
            select_all.push_str(&name);
        }
        let from = format!(" FROM \"e{number}\"");
        let catalogue = "(SELECT catalogue FROM position WHERE one = 1)";
        let image = "(SELECT image FROM entry WHERE entity = ?2 AND record = ?1 AND image IS NOT NULL)";
        let select_one = format!("{select_all}, {catalogue}{from} WHERE \"id\" = ?1");
        let select_with_image = format!("{select_all}, {image}, {catalogue}{from} WHERE \"id\" = ?1");
        select_all.push_str(&from);
        Ok(Self {
            number,
            state,
            schema,
            fields,
            places,
            select_one,
            select_with_image,
            select_all,
            select_ids: format!(
                "SELECT \"id\", \"revision\" FROM \"e{number}\" WHERE \"id\" > ?1 ORDER BY \"id\" LIMIT ?2"
            ),
        })
    }

    /// Returns the quoted name of the table.
    pub(crate) fn name(&self) -> String {
        format!("\"e{}\"", self.number)
    }

    /// Returns the fields in the order of their names.
    pub(crate) fn by_name(&self) -> impl ExactSizeIterator<Item = &Column> {
        self.places.values().map(|place| &self.fields[*place])
    }

    /// Returns the column of a field.
    pub(crate) fn column(&self, field: &FieldName) -> Option<&Column> {
        self.places.get(field).map(|place| &self.fields[*place])
    }
}

impl Catalogue {
    /// Returns the table of an entity of the schema.
    pub(crate) fn table(&self, entity: &EntityName) -> Result<&Arc<Table>> {
        self.tables
            .get(entity)
            .filter(|table| table.state != State::Gone)
            .ok_or_else(|| unknown(entity))
    }

    /// Reads the catalogue of the given generation.
    pub(crate) fn load(connection: &Connection, generation: i64) -> Result<Self> {
        let mut numbers = BTreeMap::<i64, BTreeMap<FieldName, i64>>::new();
        let mut statement = connection
            .prepare("SELECT entity, number, name FROM field")
            .map_err(of_database)?;
        let mut rows = statement.query([]).map_err(of_database)?;
        while let Some(row) = rows.next().map_err(of_database)? {
            let entity = row.get(0).map_err(of_database)?;
            let name: String = row.get(2).map_err(of_database)?;
            let name = FieldName::parse(&name).map_err(|_| unreadable("the catalogue"))?;
            let number = row.get(1).map_err(of_database)?;
            numbers.entry(entity).or_default().insert(name, number);
        }
        let mut catalogue = Self {
            generation,
            ..Self::default()
        };
        let mut schema = Schema {
            version: version(connection)?,
            ..Schema::default()
        };
        let mut statement = connection
            .prepare("SELECT number, state, payload FROM entity")
            .map_err(of_database)?;
        let mut rows = statement.query([]).map_err(of_database)?;
        while let Some(row) = rows.next().map_err(of_database)? {
            let number = row.get(0).map_err(of_database)?;
            let state: String = row.get(1).map_err(of_database)?;
            let payload: String = row.get(2).map_err(of_database)?;
            let entity = decode_entity(&payload).map_err(|_| unreadable("the catalogue"))?;
            let entity = Arc::new(entity);
            let numbers = numbers.remove(&number).unwrap_or_default();
            let table = Table::new(number, State::parse(&state)?, Arc::clone(&entity), &numbers)?;
            if table.state != State::Gone {
                schema.entities.insert(entity.name.clone(), Arc::clone(&entity));
            }
            catalogue.tables.insert(entity.name.clone(), Arc::new(table));
        }
        catalogue.schema = Arc::new(schema);
        Ok(catalogue)
    }
}

fn version(connection: &Connection) -> Result<String, StoreError> {
    use rusqlite::OptionalExtension as _;
    connection
        .query_row("SELECT version FROM schema", [], |row| row.get(0))
        .optional()
        .map(Option::unwrap_or_default)
        .map_err(of_database)
}
