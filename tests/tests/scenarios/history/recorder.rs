//! Notes events in the order in which they are learned.

use std::fs::File;
use std::io::Write as _;
use std::sync::Mutex;

use driftless_testkit::history::{Event, History, Outcome, Report, tokens};
use serde_json::Value;

/// A list: where it is, and what it is called in the history.
#[derive(Debug, Clone)]
pub(super) struct List {
    pub(super) name: String,
    pub(super) record: String,
    pub(super) field: &'static str,
}

impl List {
    pub(super) const ENTITY: &str = "Competitor";

    pub(super) fn new(record: &str, field: &'static str) -> Self {
        Self {
            name: format!("{} {record} {field}", Self::ENTITY),
            record: record.to_owned(),
            field,
        }
    }

    /// The list's tokens in a record's fields.
    pub(super) fn in_fields(&self, fields: &Value) -> Vec<String> {
        tokens(fields[self.field].as_str().unwrap_or_default())
    }
}

/// What was seen of a run so far.
pub(super) struct Recorder(Mutex<Inner>);

struct Inner {
    history: History,
    file: Option<File>,
}

impl Recorder {
    /// Writes each event to the file that the environment names, if it names one.
    pub(super) fn to_file() -> Self {
        let path = std::env::var_os("DRIFTLESS_HISTORY_FILE");
        Self(Mutex::new(Inner {
            history: History::default(),
            file: path.map(|path| File::create(path).unwrap()),
        }))
    }

    pub(super) fn note(&self, event: Event) {
        let mut inner = self.0.lock().unwrap();
        if let Some(file) = &mut inner.file {
            writeln!(file, "{}", serde_json::to_string(&event).unwrap()).unwrap();
        }
        inner.history.events.push(event);
    }

    pub(super) fn say(&self, text: &str) {
        self.note(Event::Note {
            text: text.to_owned(),
        });
    }

    pub(super) fn read(&self, by: &str, list: &List, tokens: Vec<String>) {
        self.note(Event::Read {
            by: by.to_owned(),
            list: list.name.clone(),
            tokens,
        });
    }

    pub(super) fn check(&self) -> Report {
        self.0.lock().unwrap().history.check().unwrap()
    }
}

/// What a command says became of a write; `None` while it is pending.
pub(super) fn outcome(answer: &Value) -> Option<Outcome> {
    match answer["outcome"].as_str() {
        Some("pending") => None,
        Some(word) => Some(serde_json::from_value(word.into()).unwrap()),
        None => panic!("no outcome: {answer}"),
    }
}
