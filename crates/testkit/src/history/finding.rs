//! What is wrong with a history, told so that a person can follow it.

use std::fmt;

use super::book::{Book, Deed};
use super::event::Event;

/// What a system did that it must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fault {
    /// A write that was called accepted is not there, and no log says what it gave way to.
    Lost,
    /// A write is there twice.
    Twice,
    /// A write stands before another that it must follow: of the same device, seen by it, or accepted before it began.
    Reordered,
    /// A value is there that nobody wrote, or before it was written.
    Unwritten,
    /// A write is there that was refused, taken back or called superseded.
    Revived,
    /// A saved write has no outcome, or gave way or waits without an entry in a log.
    Untold,
    /// A final outcome became another.
    Changed,
    /// A reader does not see any more what it saw before, or a device its own saved write.
    WentBack,
    /// The last write was to win, and an earlier one stands.
    WrongWinner,
    /// Two replicas differ when everything is at rest.
    Differs,
    /// Nobody read a list at the end, so that nothing is known of it.
    Unread,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost",
            Self::Twice => "there twice",
            Self::Reordered => "reordered",
            Self::Unwritten => "never written",
            Self::Revived => "there although it was given up",
            Self::Untold => "not told of",
            Self::Changed => "ended twice",
            Self::WentBack => "gone back",
            Self::WrongWinner => "won although it was not the last",
            Self::Differs => "not the same everywhere",
            Self::Unread => "not read at the end",
        })
    }
}

/// One fault, with what the history has of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What is wrong.
    pub fault: Fault,
    /// Where.
    pub list: String,
    /// With which token, if it is about one.
    pub token: Option<String>,
    /// Why that is wrong, in a sentence.
    pub reason: String,
    /// The events that it rests on, one a line, each with its number.
    pub story: Vec<String>,
}

impl Finding {
    /// Makes a finding about a list.
    pub(super) fn of_list(fault: Fault, list: &str, reason: String) -> Self {
        Self {
            fault,
            list: list.to_owned(),
            token: None,
            reason,
            story: Vec::new(),
        }
    }

    /// Makes a finding about a token, with its story.
    pub(super) fn of_token(
        book: &Book<'_>,
        fault: Fault,
        (list, token): (&str, &str),
        reason: String,
    ) -> Self {
        Self {
            token: Some(token.to_owned()),
            story: story(book, token),
            ..Self::of_list(fault, list, reason)
        }
    }

    /// Makes a finding about a write, with its story.
    pub(super) fn of_deed(book: &Book<'_>, fault: Fault, deed: &Deed<'_>, reason: String) -> Self {
        Self::of_token(book, fault, (deed.list, deed.token), reason)
    }

    /// Adds events to the story.
    pub(super) fn with(mut self, book: &Book<'_>, events: impl IntoIterator<Item = usize>) -> Self {
        let lines = events.into_iter().map(|at| line(at, &book.events[at]));
        self.story.extend(lines);
        self
    }

    /// Adds the story of another token.
    pub(super) fn and(mut self, book: &Book<'_>, token: &str) -> Self {
        self.story.extend(story(book, token));
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fault, list, .. } = self;
        match &self.token {
            Some(token) => write!(f, "`{token}` in {list} is {fault}: {}", self.reason)?,
            None => write!(f, "{list} is {fault}: {}", self.reason)?,
        }
        self.story.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// Tells what happened to a token itself.
fn story(book: &Book<'_>, wanted: &str) -> Vec<String> {
    let is_about = |event: &Event| match event {
        Event::Invoked { token, .. }
        | Event::Saved { token, .. }
        | Event::Denied { token, .. }
        | Event::Unanswered { token, .. }
        | Event::Decided { token, .. }
        | Event::Ended { token, .. } => token == wanted,
        Event::Told { tokens, .. } => tokens.iter().any(|token| token == wanted),
        Event::List { .. } | Event::Read { .. } | Event::Rest | Event::Note { .. } => false,
    };
    let events = book.events.iter().enumerate();
    let about = events.filter(|(_, event)| is_about(event));
    about.map(|(at, event)| line(at, event)).collect()
}

fn line(at: usize, event: &Event) -> String {
    let all = |tokens: &[String]| format!("[{}]", tokens.join(" "));
    let text = match event {
        Event::List { list, tokens, .. } => format!("{list} begins as {}", all(tokens)),
        Event::Invoked {
            device, token, seen, ..
        } => format!("{device} is asked to append `{token}` to {}", all(seen)),
        Event::Saved {
            device,
            token,
            operation,
        } => format!("{device} has saved `{token}` as {operation}"),
        Event::Denied { device, token } => format!("{device} did not save `{token}`"),
        Event::Unanswered { device, token } => format!("{device} ended without an answer about `{token}`"),
        Event::Decided { device, token } => format!("a person at {device} lets `{token}` stand"),
        Event::Ended {
            device,
            token,
            outcome,
        } => format!("{device} says that `{token}` is {outcome}"),
        Event::Told { device, tokens, .. } => format!("the log of {device} shows {}", all(tokens)),
        Event::Read { by, tokens, .. } => format!("{by} shows {}", all(tokens)),
        Event::Rest => "everything is at rest".to_owned(),
        Event::Note { text } => text.clone(),
    };
    format!("{:>5}  {text}", at + 1)
}
