#![doc = include_str!("../README.md")]

pub mod clock;
pub mod command;
pub mod id;
pub mod log;
pub mod name;
pub mod operation;
pub mod query;
pub mod record;
pub mod schema;
pub mod settings;
pub mod sql;
pub mod time;
pub mod value;

pub use clock::{ClockSample, RawStamp, Stamp};
pub use command::{CommandCall, CommandSchema, Effect, EffectValue};
pub use id::{BootId, DeviceId, OperationId, RecordId, RequestId, Revision, TenantId, UserId};
pub use log::{Cause, CauseClass, FieldCase, LogEntry, LogKind, Settled, Side};
pub use name::{CollectionName, CommandName, EntityName, FieldName};
pub use operation::{
    Applied, Change, ChangeAction, Condition, FieldEdit, GroupId, Handling, LogId, Operation, OperationKind,
    OperationState, Sending, Urgency,
};
pub use query::{Collation, Expr, Query};
pub use record::{Fields, Record, Row, RowSet, ServerRecord};
pub use schema::{Access, ChoiceOption, Collection, EntitySchema, FieldKind, FieldSchema, Schema};
pub use settings::{ConflictRule, OperationMode, Settings};
pub use time::{DateTime, Duration, Timestamp};
pub use value::{FileValue, Lookup, Value};
