//! What happens in a trial when nothing goes wrong, and what happens when something does.

use std::path::Path;

use driftless_fault_vfs::{Disk, Image};
use driftless_store::{
    CommitNumber, JournalReader as _, OperationSelection, RecordStore as _, ViewReader as _, WriteBatch,
};
use driftless_store_sqlite::SqliteStore;

use crate::common::dump;
use crate::open::{SOUND, connect, mount, open};
use crate::world;

/// The name of the database.
pub(crate) const STORE: &str = "store.db";

/// What a trial is about.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// A commit.
    Commit(WriteBatch),
    /// Opening the store, which may have to be made or upgraded.
    Open,
}

/// The act has happened.
const ACT: usize = 1;
/// The edit after it has happened.
const EDIT: usize = 2;

/// A store as it is after the act, after the edit, after both, or after none.
#[derive(Debug)]
struct State {
    text: String,
    position: u64,
    pending: u64,
    records: u64,
}

/// An act, the edit that follows it, and how the store is after any of the two.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) image: Image,
    act: Act,
    states: Vec<State>,
}

/// What came of the two; a number of them is `ACT`, `EDIT`, their sum, or zero.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Done {
    /// What the store shows.
    seen: usize,
    /// What was tried and failed, without the store showing it.
    failed: usize,
}

impl Story {
    pub(crate) fn new(image: Image, act: Act) -> Self {
        let states = (0..4)
            .map(|done| {
                let disk = mount(SOUND, &image);
                let path = disk.path(STORE);
                let before = look(&path).unwrap();
                let store = open(path.clone()).unwrap();
                if let (Act::Commit(batch), true) = (&act, done & ACT != 0) {
                    store.commit(batch.clone()).unwrap();
                }
                if done & EDIT != 0 {
                    store.commit(world::next_edit()).unwrap();
                }
                let (pending, records) = (store.pending().unwrap(), records(&store).unwrap());
                let position = store.position().unwrap().0;
                drop(store);
                let opened = matches!(act, Act::Commit(_)) || done & ACT != 0;
                State {
                    text: if opened { look(&path).unwrap() } else { before },
                    position,
                    pending,
                    records,
                }
            })
            .collect();
        Self { image, act, states }
    }

    /// Does the act and the edit, with `arm` called before the first. Returns the store, if it could be opened, and what
    /// came of it.
    pub(crate) fn run(&self, disk: &Disk, arm: impl FnOnce()) -> Result<(Option<SqliteStore>, Done), String> {
        let path = disk.path(STORE);
        let mut done = Done::default();
        let store = match &self.act {
            Act::Open => {
                arm();
                let Ok(store) = open(path) else {
                    done.failed = ACT;
                    return Ok((None, done));
                };
                done.seen = ACT;
                store
            }
            Act::Commit(batch) => {
                let store = open(path).unwrap();
                arm();
                self.step(&store, ACT, batch, &mut done)?;
                store
            }
        };
        self.step(&store, EDIT, &world::next_edit(), &mut done)?;
        Ok((Some(store), done))
    }

    /// Commits, and looks what the store shows then.
    fn step(
        &self,
        store: &SqliteStore,
        what: usize,
        batch: &WriteBatch,
        done: &mut Done,
    ) -> Result<(), String> {
        let before = self.states[done.seen].position;
        match store.commit(batch.clone()) {
            Ok(CommitNumber(number)) if number == before + 1 => done.seen |= what,
            Ok(CommitNumber(number)) => return Err(format!("commit {number} came after {before}")),
            // What failed may have happened all the same; then it is there from now on.
            Err(_) => match store.position() {
                Ok(CommitNumber(number)) if number == before + 1 => done.seen |= what,
                Ok(CommitNumber(number)) if number != before => {
                    return Err(format!("a failed commit led from {before} to {number}"));
                }
                _ => done.failed |= what,
            },
        }
        let expected = &self.states[done.seen];
        match (store.pending(), records(store)) {
            (Ok(pending), _) if pending != expected.pending => {
                Err(format!("{pending} operations are seen, not {}", expected.pending))
            }
            (_, Some(records)) if records != expected.records => {
                Err(format!("{records} records are seen, not {}", expected.records))
            }
            _ => Ok(()),
        }
    }

    /// Looks at a store after it was closed or cut off; says what is wrong with it.
    pub(crate) fn judge(&self, disk: &Disk, done: Done) -> Result<(), String> {
        let path = disk.path(STORE);
        let mut allowed = vec![done.seen];
        if done.failed & EDIT != 0 {
            allowed.push(done.seen | EDIT);
        }
        // What failed before something that came through cannot come back.
        if done.failed & ACT != 0 && done.seen == 0 {
            allowed.push(ACT);
        }
        let text = look(&path).map_err(|error| format!("cannot be read: {error}"))?;
        let Some(found) = allowed.iter().find(|state| self.states[**state].text == text) else {
            return Err(self.difference(&text, &allowed));
        };
        let store = open(path).map_err(|error| format!("cannot be opened again: {error:?}"))?;
        let expected = &self.states[*found];
        let all = OperationSelection::Pending(usize::MAX);
        let operations = store
            .operations(&all)
            .map_err(|error| format!("gives no operations: {error:?}"))?;
        let seen = (
            store.position().unwrap().0,
            operations.len() as u64,
            records(&store),
        );
        let wanted = (expected.position, expected.pending, Some(expected.records));
        if seen != wanted {
            return Err(format!(
                "has position, operations and records {seen:?}, not {wanted:?}"
            ));
        }
        match store.commit(world::last_edit()) {
            Ok(CommitNumber(number)) if number == expected.position + 1 => Ok(()),
            other => Err(format!(
                "the commit after {} answered {other:?}",
                expected.position
            )),
        }
    }

    fn difference(&self, text: &str, allowed: &[usize]) -> String {
        let known = self.states.iter().position(|state| state.text == text);
        let expected = &self.states[allowed[0]].text;
        let line = |text: &str, other: &str| {
            let line = text
                .lines()
                .find(|line| !other.contains(line))
                .unwrap_or("nothing");
            line.escape_debug().take(200).collect::<String>()
        };
        format!(
            "is in state {known:?}, not in one of {allowed:?}; it has\n  {}\nand not\n  {}",
            line(text, expected),
            line(expected, text)
        )
    }
}

/// Counts the accounts through a query, if one can be asked.
fn records(store: &SqliteStore) -> Option<u64> {
    let query = driftless_record::Query::all(world::account_entity());
    let count = store.count(&query, driftless_record::Timestamp(0));
    match count {
        Ok(count) => Some(count),
        // A store without a schema has none.
        Err(driftless_store::StoreError::UnknownEntity(_)) => Some(0),
        Err(_) => None,
    }
}

/// Returns the whole database as text.
fn look(path: &Path) -> rusqlite::Result<String> {
    dump(&connect(path)?)
}
