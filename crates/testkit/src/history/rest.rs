//! What holds when everything is at rest: nothing is on its way any more.

use std::collections::BTreeSet;

use super::book::{Book, Deed, List, Read};
use super::event::{Outcome, Rule, SERVER};
use super::finding::{Fault, Finding};

/// Checks the end of a history; nothing, if there is none.
pub(super) fn check(book: &Book<'_>) -> Vec<Finding> {
    let mut findings = outcomes(book);
    let Some(rest) = book.rest else {
        return findings;
    };
    for (name, list) in &book.lists {
        let last = |by: &str| {
            let read = list.reads.iter().rfind(|read| read.by == by);
            read.filter(|read| read.at > rest).copied()
        };
        let Some(server) = last(SERVER) else {
            let reason = format!("there is no last reading of `{SERVER}`");
            findings.push(Finding::of_list(Fault::Unread, name, reason));
            continue;
        };
        let end = End {
            book,
            name,
            list,
            deeds: book.deeds_of(name),
            server,
        };
        for deed in &end.deeds {
            findings.extend(end.untold(deed));
            findings.extend(end.lost(deed));
            findings.extend(end.revived(deed));
        }
        findings.extend(end.wrong_winner());
        for device in book.devices_of(name) {
            findings.extend(end.differs(device, last(device)));
        }
    }
    findings
}

/// What was called final stays so.
fn outcomes(book: &Book<'_>) -> Vec<Finding> {
    let changed = |deed: &&Deed<'_>| {
        let changes = |pair: &[(usize, Outcome)]| pair[0].1.is_final() && pair[0].1 != pair[1].1;
        deed.outcomes.windows(2).any(changes)
    };
    let deeds = book.deeds.values().filter(changed);
    deeds
        .map(|deed| {
            let reason = "a final outcome became another".to_owned();
            Finding::of_deed(book, Fault::Changed, deed, reason)
        })
        .collect()
}

/// A list at the end.
struct End<'b, 'a> {
    book: &'b Book<'a>,
    name: &'b str,
    list: &'b List<'a>,
    deeds: Vec<&'b Deed<'a>>,
    server: Read<'a>,
}

impl End<'_, '_> {
    fn finding(&self, fault: Fault, deed: &Deed<'_>, reason: String) -> Finding {
        Finding::of_deed(self.book, fault, deed, reason).with(self.book, [self.server.at])
    }

    fn is_there(&self, token: &str) -> bool {
        self.server.tokens.iter().any(|known| known == token)
    }

    fn is_told(&self, token: &str) -> bool {
        let mut sides = self.list.told.iter();
        sides.any(|(_, tokens)| tokens.iter().any(|told| told == token))
    }

    /// Returns whether a token is there because a write carried it along that had seen it.
    fn is_carried(&self, deed: &Deed<'_>) -> bool {
        let mut carriers = self.book.carried(deed);
        carriers.any(|carrier| self.is_there(carrier.token))
    }

    /// What is saved has an outcome, and what gave way or waits is in a log.
    fn untold(&self, deed: &Deed<'_>) -> Option<Finding> {
        deed.saved?;
        let reason = match deed.outcome() {
            None => "it was saved, and nobody says what became of it",
            Some(Outcome::Superseded) => "it gave way, and no log shows it",
            Some(Outcome::Waiting) => "it waits for a person, and no log shows it",
            Some(Outcome::Accepted | Outcome::Merged | Outcome::Reverted) => return None,
        };
        let untold = deed.outcome().is_none() || !self.is_told(deed.token);
        untold.then(|| self.finding(Fault::Untold, deed, reason.to_owned()))
    }

    fn lost(&self, deed: &Deed<'_>) -> Option<Finding> {
        if !deed.outcome().is_some_and(Outcome::has_effect) || self.is_there(deed.token) {
            return None;
        }
        let reason = match self.list.rule {
            Rule::Kept => "the server had it, and does not have it any more",
            Rule::LastWins if self.is_told(deed.token) => return None,
            Rule::LastWins => "the server had it, and no log says that it gave way",
        };
        Some(self.finding(Fault::Lost, deed, reason.to_owned()))
    }

    fn revived(&self, deed: &Deed<'_>) -> Option<Finding> {
        let there = deed.is_given_up() && self.is_there(deed.token) && !self.is_carried(deed);
        let reason = match deed.outcome() {
            Some(outcome) => format!("it is {outcome}, and the server has it"),
            None => "the device did not save it, and the server has it".to_owned(),
        };
        there.then(|| self.finding(Fault::Revived, deed, reason))
    }

    /// Where the last write wins, no write stands that was over before a later one began.
    fn wrong_winner(&self) -> Option<Finding> {
        if self.list.rule == Rule::Kept {
            return None;
        }
        let winner = self.server.tokens.last()?;
        let over = match self.book.deeds.get(winner.as_str()) {
            Some(deed) => deed.over?,
            None => 0,
        };
        let counts = |deed: &Deed<'_>| {
            let outcome = deed.outcome();
            deed.saved.is_some() && !matches!(outcome, None | Some(Outcome::Reverted | Outcome::Waiting))
        };
        let is_later = |deed: &&&Deed<'_>| deed.invoked > over && counts(deed);
        let later = self.deeds.iter().find(is_later)?;
        let reason = format!("`{}` was written when it was over", later.token);
        let finding = Finding::of_token(self.book, Fault::WrongWinner, (self.name, winner), reason);
        let finding = finding.and(self.book, later.token);
        Some(finding.with(self.book, [self.server.at]))
    }

    /// Every device shows what the server has, but where something of its own waits for a person.
    fn differs(&self, device: &str, read: Option<Read<'_>>) -> Option<Finding> {
        let Some(read) = read else {
            let reason = format!("there is no last reading of `{device}`");
            return Some(Finding::of_list(Fault::Unread, self.name, reason));
        };
        let waits = |deed: &&Deed<'_>| deed.device == device && deed.outcome() == Some(Outcome::Waiting);
        if read.tokens == self.server.tokens || self.deeds.iter().any(waits) {
            return None;
        }
        let all = |read: Read<'_>| read.tokens.iter().cloned().collect::<BTreeSet<_>>();
        let (here, there) = (all(read), all(self.server));
        let only: Vec<_> = here.symmetric_difference(&there).cloned().collect();
        let reason = if only.is_empty() {
            format!("{device} has another order than {SERVER}")
        } else {
            format!("{device} and {SERVER} differ in `{}`", only.join("`, `"))
        };
        let finding = Finding::of_list(Fault::Differs, self.name, reason);
        Some(finding.with(self.book, [self.server.at, read.at]))
    }
}
