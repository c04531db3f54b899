//! Writing to standard output and standard error.

use std::io::{ErrorKind, Write as _};

use serde_json::Value;

use crate::error::{CliError, Exit};

/// What a command has to say at its end.
#[derive(Debug)]
pub(crate) struct Answer {
    /// For programs: the whole document.
    pub(crate) json: Value,
    /// For people.
    pub(crate) text: String,
    /// How the process ends.
    pub(crate) exit: Exit,
}

impl Answer {
    pub(crate) fn new(json: Value, text: impl Into<String>) -> Self {
        Self {
            json,
            text: text.into(),
            exit: Exit::Done,
        }
    }

    pub(crate) fn exit(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }
}

/// Prints an answer or an error, in the form asked for, and returns how the process ends.
pub(crate) fn print(outcome: Result<Answer, CliError>, as_json: bool) -> Exit {
    match outcome {
        Ok(answer) => {
            if as_json {
                let mut text = serde_json::to_string_pretty(&answer.json).unwrap_or_default();
                text.push('\n');
                line(&text);
            } else if !answer.text.is_empty() {
                let end = if answer.text.ends_with('\n') { "" } else { "\n" };
                line(&format!("{}{end}", answer.text));
            }
            answer.exit
        }
        Err(error) => {
            if as_json {
                line(&format!("{}\n", serde_json::json!({ "error": error.to_json() })));
            } else {
                note(&error.to_string());
            }
            error.exit
        }
    }
}

/// Writes to standard output; a reader that went away, such as `head`, ends the process quietly.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if let Err(error) = written
        && error.kind() == ErrorKind::BrokenPipe
    {
        std::process::exit(Exit::Done as i32);
    }
}

/// Writes a line to standard error; one that cannot be written is not worth failing for.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
