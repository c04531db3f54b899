#![doc = include_str!("../README.md")]

pub mod batch;
pub mod csdl;
mod error_body;
pub mod headers;
pub mod payload;
pub mod query;
mod suggest;
pub mod syntax;

pub use error_body::{ErrorBody, ErrorDetail, MAX_ERROR_BYTES};
pub use suggest::nearest;
