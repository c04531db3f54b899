//! Files beside the store.

use driftless_store::{FileRow, RecordStore, Write};

use crate::store::StoreFactory;
use crate::store::sample::{account, batch, entity, field, schema_batch};

/// Bytes that no file row names are swept; all others stay, sent or not.
pub fn unnamed_files_are_swept(factory: &mut impl StoreFactory) {
    let store = factory.open();
    let Some(files) = factory.files() else {
        return;
    };
    store.commit(schema_batch()).unwrap();
    let contents: Vec<_> = ["named", "unnamed", "dropped"]
        .map(|text| files.write(text.as_bytes()))
        .into();
    let row = |content: &String| FileRow {
        content: content.clone(),
        entity: entity("Account"),
        id: account(1),
        field: field("contract"),
        size: 5,
        sent: false,
    };
    let named = [
        Write::PutFile(row(&contents[0])),
        Write::PutFile(row(&contents[2])),
    ];
    store.commit(batch(named)).unwrap();
    store
        .commit(batch([Write::DropFile(contents[2].clone())]))
        .unwrap();
    let store = factory.reopen(store);
    files.sweep(&store);
    assert_eq!(files.read(&contents[0]), Some(b"named".to_vec()));
    assert_eq!(files.read(&contents[1]), None);
    assert_eq!(files.read(&contents[2]), None);
}
