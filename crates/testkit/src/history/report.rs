//! What came of checking a history.

use std::fmt;

use super::book::Book;
use super::event::Outcome;
use super::finding::Finding;

/// What a history holds, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How many events there are.
    pub events: usize,
    /// How many lists.
    pub lists: usize,
    /// How many writes began.
    pub writes: usize,
    /// How many of them were acknowledged as saved.
    pub saved: usize,
    /// How many of them never got an answer.
    pub unanswered: usize,
    /// How many the server took over.
    pub accepted: usize,
    /// How many gave way.
    pub superseded: usize,
    /// How many were taken back.
    pub reverted: usize,
    /// How many wait for a person.
    pub waiting: usize,
    /// How many times a list was read.
    pub reads: usize,
    /// Whether everything came to rest, so that what is missing is lost.
    pub is_at_rest: bool,
    /// What is wrong, in the order of the lists.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(book: &Book<'_>, findings: Vec<Finding>) -> Self {
        let ended = |wanted: fn(Outcome) -> bool| {
            let outcomes = book.deeds.values().filter_map(|deed| deed.outcome());
            outcomes.filter(|outcome| wanted(*outcome)).count()
        };
        let open = |deed: &&super::book::Deed<'_>| deed.saved.is_none() && !deed.is_denied;
        Self {
            events: book.events.len(),
            lists: book.lists.len(),
            writes: book.deeds.len(),
            saved: book.deeds.values().filter(|deed| deed.saved.is_some()).count(),
            unanswered: book.deeds.values().filter(open).count(),
            accepted: ended(Outcome::has_effect),
            superseded: ended(|outcome| outcome == Outcome::Superseded),
            reverted: ended(|outcome| outcome == Outcome::Reverted),
            waiting: ended(|outcome| outcome == Outcome::Waiting),
            reads: book.lists.values().map(|list| list.reads.len()).sum(),
            is_at_rest: book.rest.is_some(),
            findings,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        write!(
            f,
            "events {}, lists {}, writes {} (saved {}, unanswered {}; accepted {}, superseded {}, reverted {}, waiting {}), \
             reads {}, {}, findings {}",
            self.events,
            self.lists,
            self.writes,
            self.saved,
            self.unanswered,
            self.accepted,
            self.superseded,
            self.reverted,
            self.waiting,
            self.reads,
            if self.is_at_rest { "at rest" } else { "not at rest" },
            self.findings.len()
        )
    }
}
