//! What can be seen of a run, one event a line.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The reader that is no device.
pub const SERVER: &str = "server";

/// One thing that was seen of a run. Names of lists, devices and tokens are any text; tokens have no spaces, and each is
/// used for one write only. A device's events stand in the order in which they happened to it, and so do a reader's
/// reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// A field of a record begins to be a list. Comes before everything else about it.
    List {
        /// Names the record and the field.
        list: String,
        /// What becomes of writes that did not see each other.
        rule: Rule,
        /// What the field holds already.
        tokens: Vec<String>,
    },
    /// A device is about to be asked to append a token. Comes before the request.
    Invoked {
        /// The device.
        device: String,
        /// To which list.
        list: String,
        /// What is appended.
        token: String,
        /// What the device showed: the new value is this with the token behind it.
        seen: Vec<String>,
    },
    /// The device answered that the write is saved.
    Saved {
        /// The device.
        device: String,
        /// The token.
        token: String,
        /// What the device calls the write.
        operation: String,
    },
    /// The device answered that it did not save the write.
    Denied {
        /// The device.
        device: String,
        /// The token.
        token: String,
    },
    /// The device gave no answer and will give none, as its process ended: the write may be saved or not.
    Unanswered {
        /// The device.
        device: String,
        /// The token.
        token: String,
    },
    /// A person decided that a write that waited shall stand, now.
    Decided {
        /// The device.
        device: String,
        /// The token.
        token: String,
    },
    /// The device told what became of a write that it had saved. The last one counts.
    Ended {
        /// The device.
        device: String,
        /// The token.
        token: String,
        /// What became of it.
        outcome: Outcome,
    },
    /// An entry of the device's log shows these tokens on a side that gave way to another, or that waits.
    Told {
        /// The device.
        device: String,
        /// The list.
        list: String,
        /// The tokens of that side.
        tokens: Vec<String>,
    },
    /// The whole of a list was read.
    Read {
        /// A device, or [`SERVER`].
        by: String,
        /// The list.
        list: String,
        /// Its tokens in order.
        tokens: Vec<String>,
    },
    /// Everything was synchronized until nothing moved any more. What is read from here on is final.
    Rest,
    /// Something worth knowing in a story, such as that the server was killed.
    Note {
        /// What happened.
        text: String,
    },
}

/// What becomes of writes to a list that did not see each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Every accepted token stays: one device alone writes, or whoever settles a conflict keeps both sides.
    Kept,
    /// The write that was made last replaces the whole value; what it had not seen is told in a log as having given way.
    LastWins,
}

/// What a device says became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The server has it.
    Accepted,
    /// The server has it, together with what others did.
    Merged,
    /// It gave way to the server's value.
    Superseded,
    /// A person took it back.
    Reverted,
    /// It waits for a person.
    Waiting,
}

impl Outcome {
    /// Returns whether nothing can follow.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Accepted | Self::Merged | Self::Superseded | Self::Reverted => true,
            Self::Waiting => false,
        }
    }

    /// Returns whether the server took the write over.
    #[must_use]
    pub fn has_effect(self) -> bool {
        match self {
            Self::Accepted | Self::Merged => true,
            Self::Superseded | Self::Reverted | Self::Waiting => false,
        }
    }

    /// Returns whether the write is to have no effect any more.
    #[must_use]
    pub fn is_given_up(self) -> bool {
        match self {
            Self::Superseded | Self::Reverted => true,
            Self::Accepted | Self::Merged | Self::Waiting => false,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepted => "accepted",
            Self::Merged => "merged",
            Self::Superseded => "superseded",
            Self::Reverted => "reverted",
            Self::Waiting => "waiting",
        })
    }
}

/// Splits the value of a field into its tokens.
#[must_use]
pub fn tokens(value: &str) -> Vec<String> {
    value.split_whitespace().map(str::to_owned).collect()
}

/// Makes the value of a field: the tokens that were seen, with one behind them.
#[must_use]
pub fn appended(seen: &[String], token: &str) -> String {
    let all: Vec<&str> = seen.iter().map(String::as_str).chain([token]).collect();
    all.join(" ")
}
