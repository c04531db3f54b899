//! What a checkpoint holds. The engine keeps it as text and does not look inside.

use driftless_record::{DateTime, RecordId};
use driftless_transport::{Checkpoint, TransportError};
use serde::{Deserialize, Serialize};

/// How far an entity has been read, and by which way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "snake_case")]
pub(crate) enum Mark {
    /// By the links that the service gives.
    Delta(DeltaPlace),
    /// By modification date and key.
    Watermark {
        /// Records changed since then belong to this set; `None` means all.
        since: Option<DateTime>,
        /// The largest modification date seen so far.
        high: Option<DateTime>,
        /// The last record read in this set.
        at: Option<Place>,
    },
    /// By key, everything.
    Full {
        /// The last record read in this set.
        at: Option<RecordId>,
        /// Where to go on by modification date when the set is complete.
        then: Option<DateTime>,
    },
    /// Ids only, by key.
    Sweep {
        /// The last record read.
        at: RecordId,
    },
}

/// A place in a chain of links.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DeltaPlace {
    /// The next link, relative to the service root.
    pub(crate) link: String,
    /// How many pages of this set were read.
    pub(crate) pages: u32,
    /// How many of them in a row were empty.
    pub(crate) empty: u32,
    /// Whether this set is the first, of all records; later ones are of changes.
    pub(crate) is_first_set: bool,
    /// The largest modification date of the first set, in case the service offers no link at its end.
    pub(crate) high: Option<DateTime>,
}

/// A place in the order by modification date and key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The modification date.
    pub(crate) modified: Option<DateTime>,
    /// The record.
    pub(crate) id: RecordId,
}

/// A mark with the version of its form.
#[derive(Serialize, Deserialize)]
struct Versioned {
    v: u32,
    #[serde(flatten)]
    mark: Mark,
}

const VERSION: u32 = 1;

impl Mark {
    /// Reads a checkpoint. One that this connector did not write, or wrote in another form, is no longer known.
    pub(crate) fn read(checkpoint: &Checkpoint) -> Result<Self, TransportError> {
        match serde_json::from_str::<Versioned>(&checkpoint.0) {
            Ok(read) if read.v == VERSION => Ok(read.mark),
            _ => Err(TransportError::CheckpointGone),
        }
    }

    /// Writes the checkpoint.
    pub(crate) fn write(self) -> Result<Checkpoint, TransportError> {
        serde_json::to_string(&Versioned {
            v: VERSION,
            mark: self,
        })
        .map(Checkpoint)
        .map_err(|error| TransportError::Protocol(format!("a checkpoint cannot be kept: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_survive_text_and_unknown_ones_are_gone() {
        let at = RecordId::from_canonical("a=1,b='x\"y'");
        let time = DateTime {
            ticks: 17_000_000_000_000_001,
            offset_minutes: 120,
        };
        for mark in [
            Mark::Delta(DeltaPlace {
                link: "Accounts?$deltatoken=a%22b".to_owned(),
                pages: 3,
                empty: 0,
                is_first_set: false,
                high: None,
            }),
            Mark::Watermark {
                since: Some(time),
                high: Some(time),
                at: Some(Place {
                    modified: None,
                    id: at.clone(),
                }),
            },
            Mark::Full {
                at: Some(at.clone()),
                then: None,
            },
            Mark::Sweep { at },
        ] {
            let text = mark.clone().write().unwrap();
            assert_eq!(Mark::read(&text), Ok(mark));
        }
        for text in [
            "",
            "7",
            "{\"v\":2,\"way\":\"full\"}",
            "{\"v\":1,\"way\":\"other\"}",
        ] {
            let got = Mark::read(&Checkpoint(text.to_owned()));
            assert_eq!(got, Err(TransportError::CheckpointGone), "{text}");
        }
    }
}
