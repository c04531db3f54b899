#![doc = include_str!("../README.md")]

mod batch;
mod error;
mod fit;
mod layer;
mod memory;
mod port;

pub use batch::{CommitNumber, FileRow, Image, Write, WriteBatch};
pub use error::{Retry, StoreError};
pub use fit::{check_schema, convert, fit, former_name};
pub use layer::Layer;
pub use memory::MemoryStore;
pub use port::{JournalReader, LogSelection, OperationSelection, RecordStore, ViewReader};
