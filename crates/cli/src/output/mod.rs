//! What a command says: one JSON document for programs, or text for people.

pub(crate) mod command;
pub(crate) mod journal;
pub(crate) mod json;
pub(crate) mod record;
pub(crate) mod report;
mod say;
pub(crate) mod text;
mod written;

pub(crate) use say::{Answer, line, note, print};
pub(crate) use written::{written_json, written_text};
