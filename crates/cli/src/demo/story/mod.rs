//! What the two people do while the server is away.

mod seller;
mod technician;

pub(super) use seller::seller;
pub(super) use technician::technician;
