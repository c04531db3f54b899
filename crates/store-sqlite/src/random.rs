//! The one place that takes random names: what they name is told apart by them and by nothing else.

use uuid::Uuid;

/// Makes a name of 32 hexadecimal digits.
pub(crate) fn name() -> String {
    id().simple().to_string()
}

/// Makes an id.
#[expect(
    clippy::disallowed_methods,
    reason = "names of files and ids of devices are made at this edge; no run replays by them"
)]
pub(crate) fn id() -> Uuid {
    Uuid::new_v4()
}
