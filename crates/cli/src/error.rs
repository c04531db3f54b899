//! What a command can end with other than success, and how it is told.

use std::fmt;

use driftless_engine::{EngineError, FieldProblem};
use driftless_record::query::QueryError;
use driftless_store::StoreError;
use driftless_store_sqlite::home::HomeError;
use driftless_transport::{TokenStoreError, TransportError};
use serde_json::{Value, json};

/// How a process ends, as other programs may rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or saved to the outbox.
    Done = 0,
    /// Failed; nothing was changed unless the message says otherwise.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// An operation that this call handled waits for the user.
    Waits = 3,
    /// The server was not reached; nothing is lost.
    Away = 4,
}

/// Why a command failed: a code for programs, a sentence for people, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CliError {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) exit: Exit,
}

impl CliError {
    pub(crate) fn failed(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
            exit: Exit::Failed,
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            ..Self::failed("usage", message)
        }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// The same, with words in front of the message.
    pub(crate) fn in_front(self, words: &str) -> Self {
        Self {
            message: format!("{words}{}", self.message),
            ..self
        }
    }

    /// Something on this machine's disk: which file, and what the system said.
    pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::failed("file", format!("{}: {error}", path.display()))
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({ "code": self.code, "message": self.message, "hint": self.hint })
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "driftless: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  {hint}"),
            None => Ok(()),
        }
    }
}

impl From<clap::Error> for CliError {
    /// Takes what is wrong, in one line, without the usage and the tips that stand below it on a terminal.
    fn from(error: clap::Error) -> Self {
        let text = error.render().to_string();
        let message = text.split("\n\n").next().unwrap_or_default();
        let message = message.strip_prefix("error: ").unwrap_or(message);
        Self::usage(message.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl From<EngineError> for CliError {
    fn from(error: EngineError) -> Self {
        let message = error.to_string();
        let (code, hint) = match error {
            EngineError::UnknownEntity { close, .. } => (
                "unknown-entity",
                Some(match close {
                    Some(close) => {
                        format!("try `{close}`, or `driftless status` for everything that is here")
                    }
                    None => "`driftless status` lists the entities on this device".to_owned(),
                }),
            ),
            EngineError::NoRecord { entity, id } => (
                "no-record",
                Some(format!("`driftless why {entity} {id}` says why it is not here")),
            ),
            EngineError::InvalidId(_) => (
                "invalid-id",
                Some("`driftless list ENTITY` shows the ids of the records here".to_owned()),
            ),
            EngineError::Exists { .. } => (
                "exists",
                Some("change it with `driftless update`, or choose another key".to_owned()),
            ),
            EngineError::Invalid { problems, .. } | EngineError::Parameters { problems, .. } => {
                ("invalid", Some(mend(&problems)))
            }
            EngineError::NoCommand { entity, .. } => (
                "unknown-command",
                Some(format!("`driftless run --list {entity}` lists the commands")),
            ),
            EngineError::CommandNotNow { .. } => (
                "not-now",
                Some("nothing was changed; `driftless get` shows the record as it is".to_owned()),
            ),
            EngineError::NotOneGroup { .. } => (
                "not-one-group",
                Some("nothing was saved; put the command and the other change into two groups".to_owned()),
            ),
            EngineError::NotAllowed { .. } => (
                "not-allowed",
                Some("the server does not offer this; nothing was changed".to_owned()),
            ),
            EngineError::NoOperation(_) => (
                "no-operation",
                Some("`driftless outbox` lists what waits to be sent".to_owned()),
            ),
            EngineError::NoLogEntry(_) => (
                "no-log-entry",
                Some("`driftless log` lists the entries".to_owned()),
            ),
            EngineError::NotPossible(reason) => ("not-possible", Some(reason.hint())),
            EngineError::NotReady => (
                "not-downloaded",
                Some("load the data first: driftless download".to_owned()),
            ),
            EngineError::OtherUser { .. } => (
                "other-user",
                Some("sign in as that user, or choose the right account with --account".to_owned()),
            ),
            EngineError::Store(error) => return error.into(),
            EngineError::Transport(error) => return error.into(),
            _ => ("internal", Some("nothing was lost; try again".to_owned())),
        };
        Self {
            hint,
            ..Self::failed(code, message)
        }
    }
}

fn mend(problems: &[FieldProblem]) -> String {
    let required: Vec<_> = problems
        .iter()
        .filter_map(|problem| match problem {
            FieldProblem::Required { field } => Some(format!("{field}=…")),
            _ => None,
        })
        .collect();
    if required.is_empty() {
        "nothing was saved; correct the fields and try again".to_owned()
    } else {
        format!("nothing was saved; add {} and try again", required.join(" "))
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        let (code, hint) = match error {
            StoreError::Busy | StoreError::Stale { .. } => ("busy", Some("try again in a moment")),
            StoreError::UnknownEntity(_) | StoreError::Unfit(_) => ("unfit", None),
            StoreError::WrongKey => ("wrong-key", None),
            StoreError::NewerFormat { .. } => (
                "other-version",
                Some("use the version that wrote this home, or another folder with --home"),
            ),
            StoreError::Damaged(_) => (
                "damaged",
                Some(
                    "`driftless repair` sets the data aside, reads from them what was not sent, and makes room to download anew",
                ),
            ),
            StoreError::Full => ("disk-full", None),
            StoreError::Closed => ("closed", Some("sign in again: driftless login URL --user U")),
            _ => ("store", None),
        };
        let message = match std::error::Error::source(&error) {
            Some(source) => format!("{message}: {source}"),
            None => message,
        };
        Self {
            hint: hint.map(str::to_owned),
            ..Self::failed(code, message)
        }
    }
}

impl From<HomeError> for CliError {
    fn from(error: HomeError) -> Self {
        let message = match std::error::Error::source(&error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        match error {
            HomeError::NewerFormat { .. } => Self::failed("other-version", message)
                .hint("use the version that wrote this home, or another folder with --home"),
            HomeError::NoAccount(_) => Self::failed("no-account", message)
                .hint("`driftless accounts` lists them; `driftless login URL --user U` adds one"),
            HomeError::InUse(_) => Self::failed("driven-elsewhere", message)
                .hint("nothing was changed; try again when the other process is done"),
            HomeError::Unsent { .. } => Self::failed("unsent", message)
                .hint("send with `driftless sync`, keep with --to-vault, or delete for ever with --discard"),
            HomeError::Copied(_) => Self::failed("copied", message)
                .hint("use the original; or, where it is gone for good or is to go on by itself, make this one a device of its own: driftless repair"),
            HomeError::StoreMissing { .. } => Self::failed("data-missing", message)
                .hint("put the file back, or begin anew: `driftless repair` keeps what is left and makes room to download"),
            HomeError::Leaving(_) => Self::failed("closed", message)
                .hint("try again when the other process is done"),
            HomeError::Store(error) => error.into(),
            _ => Self::failed("file", message),
        }
    }
}

impl From<TransportError> for CliError {
    fn from(error: TransportError) -> Self {
        const AWAY: &str =
            "nothing is lost: what you changed is in the outbox; try again when the server is back";
        let (code, exit, hint) = match &error {
            TransportError::Unreachable { .. } => ("unreachable", Exit::Away, Some(AWAY)),
            TransportError::Lost { .. } => ("connection-lost", Exit::Away, Some(AWAY)),
            TransportError::NotOurs { .. } => ("not-ours", Exit::Away, Some(AWAY)),
            TransportError::Throttled { .. } => ("throttled", Exit::Away, Some(AWAY)),
            TransportError::SignIn { .. } => (
                "sign-in",
                Exit::Failed,
                Some("sign in again: driftless login URL --user U"),
            ),
            TransportError::Certificate { .. } => ("certificate", Exit::Failed, None),
            TransportError::CheckpointGone => ("checkpoint-gone", Exit::Failed, Some("synchronize again")),
            TransportError::Incompatible { .. } => (
                "incompatible",
                Exit::Failed,
                Some("nothing was sent; the outbox stays whole"),
            ),
            TransportError::Refused(_) => ("refused", Exit::Failed, None),
            TransportError::Protocol(_) => (
                "protocol",
                Exit::Failed,
                Some("is the address that of an OData service? --trace shows the exchange"),
            ),
            TransportError::Address(_) => ("address", Exit::Failed, None),
            _ => ("transport", Exit::Failed, None),
        };
        Self {
            code,
            message: error.to_string(),
            hint: hint.map(str::to_owned),
            exit,
        }
    }
}

impl From<QueryError> for CliError {
    fn from(error: QueryError) -> Self {
        Self::failed("query", error.to_string())
    }
}

impl From<TokenStoreError> for CliError {
    fn from(error: TokenStoreError) -> Self {
        Self::failed("credentials", error.to_string()).hint("sign in again: driftless login URL --user U")
    }
}
