//! Server images as they are stored: a byte with the version, then the form of that version in `postcard`, which is
//! half the size of JSON; an edit writes one. The entity and the id of the record are columns beside the payload.

use driftless_record::{EntityName, Record, RecordId, Revision, ServerRecord};
use serde::{Deserialize, Serialize};

use super::Unreadable;
use super::value::{StoredFields, StoredStamps, read_stamps, stamps};

#[derive(Debug, Serialize, Deserialize)]
struct ImageV1<'a> {
    server: Option<ServerV1<'a>>,
    gone: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct ServerV1<'a> {
    revision: Option<Revision>,
    fields: StoredFields<'a>,
    stamps: StoredStamps,
}

/// Writes the server's side of an image.
pub(crate) fn encode_image(server: Option<&ServerRecord>, gone: bool) -> Result<Vec<u8>, Unreadable> {
    let stored = ImageV1 {
        server: server.map(|server| ServerV1 {
            revision: server.record.revision.clone(),
            fields: (&server.record.fields).into(),
            stamps: stamps(&server.stamps),
        }),
        gone,
    };
    postcard::to_extend(&stored, vec![1]).map_err(|_| Unreadable)
}

/// Reads the server's side of the image of a record, and whether the server no longer has it.
pub(crate) fn decode_image(
    entity: &EntityName,
    id: &RecordId,
    payload: &[u8],
) -> Result<(Option<ServerRecord>, bool), Unreadable> {
    let [1, payload @ ..] = payload else {
        return Err(Unreadable);
    };
    let stored: ImageV1<'_> = postcard::from_bytes(payload).map_err(|_| Unreadable)?;
    let Some(server) = stored.server else {
        return Ok((None, stored.gone));
    };
    let record = Record {
        entity: entity.clone(),
        id: id.clone(),
        revision: server.revision,
        fields: server.fields.into(),
    };
    let stamps = read_stamps(server.stamps);
    Ok((Some(ServerRecord { record, stamps }), stored.gone))
}
