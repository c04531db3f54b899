//! The name of a sending: the same for a change that the server has put off, so that a late copy of the first request
//! and the second one are one to a server that knows requests again (law L9).

use driftless_record::{Change, RequestId};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use super::run::Run;

/// Returns the name for sending a run: made of its operations, of what is asked, and of how often they were sent without
/// being put off. Whatever a person sends again after it was refused has another one (law L38).
pub(super) fn name(run: &Run, change: &Change, fresh: Uuid) -> RequestId {
    let Ok(asked) = serde_json::to_vec(&(&change.action, &change.condition)) else {
        return RequestId(fresh);
    };
    let mut hash = Sha256::new();
    for operation in &run.operations {
        let sent = operation.attempts.saturating_sub(operation.rebased);
        hash.update(operation.id.0.as_bytes());
        hash.update(sent.to_be_bytes());
    }
    hash.update(asked);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    RequestId(Builder::from_custom_bytes(bytes).into_uuid())
}
