//! What is stored as a whole: versioned private forms of operations, sendings, images, log entries and entities.
//!
//! Each form is JSON with its version in `v`. A later version adds fields with a default, so that what an older one
//! wrote stays readable; what a newer one wrote is kept away by the format number of the whole database.

mod call;
mod entity;
mod image;
mod log;
mod operation;
mod sending;
#[cfg(test)]
mod tests;
mod unreadable;
mod value;

pub(crate) use entity::{decode_entity, encode_entity};
pub(crate) use image::{decode_image, encode_image};
pub(crate) use log::{decode_log, encode_log};
pub(crate) use operation::{decode_operation, encode_operation, operation_json};
pub(crate) use sending::{decode_sending, encode_sending};
pub(crate) use unreadable::Unreadable;
