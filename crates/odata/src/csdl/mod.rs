//! Metadata documents: CSDL XML 4.0 and 4.01 to a schema, and a schema to CSDL XML.

mod actions;
mod annotations;
mod keys;
mod links;
mod metadata;
mod read;
mod types;
mod vocabulary;
mod write;
mod xml;

pub use metadata::{CsdlError, EntityFacts, Metadata, Note, WireType};
pub use read::read;
pub use vocabulary::navigation_name;
pub use write::{result_type, write};
pub use xml::{MAX_BYTES, MAX_DEPTH};

#[cfg(test)]
mod tests;
