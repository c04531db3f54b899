//! Databases whose pages were overwritten: moved aside and kept as they are, and what is readable in the outbox is read.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use common::{dump, mix, rounds, seed};
use driftless_record::{Operation, OperationState};
use driftless_store::{JournalReader as _, OperationSelection, RecordStore as _, Write};
use driftless_store_sqlite::SqliteStore;
use driftless_testkit::store::sample::{
    account, batch, image, operation, operation_id, put_account, put_operation, schema_batch,
};
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rusqlite::Connection;

/// The size of a page of a database.
const PAGE: usize = 4096;
/// How many operations there are.
const OPERATIONS: u64 = 400;

/// Makes a store with many pending operations, and closes it.
fn fill(path: &Path) -> BTreeMap<u64, Operation> {
    let store = SqliteStore::open(path).unwrap();
    store.commit(schema_batch()).unwrap();
    for n in 1..=OPERATIONS {
        let queued = operation(n, &account(n.into()), OperationState::Queued);
        let edit = [
            put_account(n.into(), "some text that takes room"),
            Write::PutImage(image(n.into(), "what the server has")),
            put_operation(queued),
        ];
        store.commit(batch(edit)).unwrap();
    }
    let all = store
        .operations(&OperationSelection::Pending(usize::MAX))
        .unwrap();
    all.into_iter()
        .map(|operation| (operation.sequence, operation))
        .collect()
}

/// Returns the pages without which nothing can be found in the table of operations, and the operations on each other
/// page of it.
fn pages(path: &Path) -> (BTreeSet<usize>, BTreeMap<usize, BTreeSet<u64>>) {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection
        .prepare("SELECT pageno, pagetype FROM dbstat WHERE name IN ('entry', 'sqlite_schema')")
        .unwrap();
    let found: Vec<(usize, String)> = statement
        .query_map([], |row| {
            Ok((usize::try_from(row.get::<_, i64>(0)?).unwrap(), row.get(1)?))
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let bytes = fs::read(path).unwrap();
    let (mut needed, mut leaves) = (BTreeSet::from([1]), BTreeMap::new());
    for (page, kind) in found {
        let content = &bytes[(page - 1) * PAGE..page * PAGE];
        let holds = |n: &u64| {
            let id = operation_id(u128::from(*n)).0;
            content.windows(16).any(|window| window == id.as_bytes())
        };
        let held: BTreeSet<u64> = (1..=OPERATIONS).filter(holds).collect();
        if kind == "leaf" && !held.is_empty() {
            leaves.insert(page, held);
        } else {
            needed.insert(page);
        }
    }
    (needed, leaves)
}

#[test]
fn what_is_readable_of_the_outbox_is_read_and_the_damaged_database_is_kept_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let whole = directory.path().join("whole.db");
    let operations = fill(&whole);
    let (needed, leaves) = pages(&whole);
    let bytes = fs::read(&whole).unwrap();
    assert!(leaves.len() > 20, "{} pages of operations", leaves.len());
    let (mut read, mut damaged_pages) = (0, 0);
    let trials = 60 * rounds();
    for trial in 0..trials {
        let mut random = StdRng::seed_from_u64(mix(seed(), &format!("damage {trial}")));
        let mut damaged = BTreeSet::new();
        // Half of the trials aim at the operations.
        let candidates: Vec<usize> = if trial % 2 == 0 {
            leaves.keys().copied().collect()
        } else {
            (1..=bytes.len() / PAGE).collect()
        };
        for _ in 0..random.random_range(1..=5) {
            damaged.insert(candidates[random.random_range(0..candidates.len())]);
        }
        let mut torn = bytes.clone();
        for page in &damaged {
            random.fill_bytes(&mut torn[(page - 1) * PAGE..page * PAGE]);
        }
        let path = directory.path().join(format!("{trial}.db"));
        fs::write(&path, &torn).unwrap();
        let moved = SqliteStore::quarantine(path.clone()).unwrap();
        let told = format!("seed {}, trial {trial}, pages {damaged:?}", seed());
        assert_eq!(fs::read(&moved.path).unwrap(), torn, "{told}");
        let found: BTreeSet<u64> = moved
            .operations
            .iter()
            .map(|operation| operation.sequence)
            .collect();
        assert_eq!(
            found.len(),
            moved.operations.len(),
            "{told}: an operation is there twice"
        );
        for operation in &moved.operations {
            assert_eq!(Some(operation), operations.get(&operation.sequence), "{told}");
        }
        assert!(
            moved.incomplete || found.len() == operations.len(),
            "{told}: says that this is all"
        );
        if damaged.is_disjoint(&needed) {
            let intact = leaves.iter().filter(|(page, _)| !damaged.contains(page));
            let missed: Vec<_> = intact.flat_map(|(_, held)| held.difference(&found)).collect();
            assert!(missed.is_empty(), "{told}: did not read {missed:?}");
        }
        let fresh = SqliteStore::open(path.clone()).unwrap();
        assert_eq!(fresh.pending().unwrap(), 0, "{told}");
        assert!(
            dump(&Connection::open(&path).unwrap())
                .unwrap()
                .ends_with("integrity: ok\n"),
            "{told}"
        );
        read += found.len() as u64;
        damaged_pages += damaged.len();
    }
    println!(
        "damage: {damaged_pages} pages overwritten in {trials} databases, {read} of {} operations read",
        trials * OPERATIONS
    );
}
