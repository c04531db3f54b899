//! Server images as they are stored. The entity and the id of the record are columns beside the payload.

use driftless_record::{EntityName, Record, RecordId, Revision, ServerRecord};
use serde::{Deserialize, Serialize};

use super::Unreadable;
use super::value::{StoredFields, StoredStamps, fields, read_fields, read_stamps, stamps};

#[derive(Debug, Serialize, Deserialize)]
struct ImageV1 {
    v: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<ServerV1>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    gone: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct ServerV1 {
    revision: Option<Revision>,
    fields: StoredFields,
    #[serde(default, skip_serializing_if = "StoredStamps::is_empty")]
    stamps: StoredStamps,
}

/// Writes the server's side of an image.
pub(crate) fn encode_image(server: Option<&ServerRecord>, gone: bool) -> Result<String, Unreadable> {
    Ok(serde_json::to_string(&ImageV1 {
        v: 1,
        server: server.map(|server| ServerV1 {
            revision: server.record.revision.clone(),
            fields: fields(&server.record.fields),
            stamps: stamps(&server.stamps),
        }),
        gone,
    })?)
}

/// Reads the server's side of the image of a record, and whether the server no longer has it.
pub(crate) fn decode_image(
    entity: &EntityName,
    id: &RecordId,
    payload: &str,
) -> Result<(Option<ServerRecord>, bool), Unreadable> {
    let stored: ImageV1 = serde_json::from_str(payload)?;
    let Some(server) = stored.server else {
        return Ok((None, stored.gone));
    };
    let record = Record {
        entity: entity.clone(),
        id: id.clone(),
        revision: server.revision,
        fields: read_fields(server.fields)?,
    };
    let stamps = read_stamps(server.stamps);
    Ok((Some(ServerRecord { record, stamps }), stored.gone))
}
