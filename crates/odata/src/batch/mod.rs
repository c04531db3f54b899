//! Batch requests and responses, as JSON and as multipart, read and written on both sides.

mod error;
mod json;
mod multipart;
mod part;

pub use error::BatchError;
pub use json::{read_json_requests, read_json_responses, write_json_requests, write_json_responses};
pub use multipart::{
    read_multipart_requests, read_multipart_responses, write_multipart_requests, write_multipart_responses,
};
pub use part::{BatchLimits, Request, Response, Responses};

#[cfg(test)]
mod tests;
