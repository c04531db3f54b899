//! What holds of every reading, whenever and by whomever.

use std::collections::BTreeMap;

use super::book::{Book, Deed, List, Read};
use super::event::Rule;
use super::finding::{Fault, Finding};

/// Checks all readings of all lists.
pub(super) fn check(book: &Book<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, list) in &book.lists {
        let deeds = book.deeds_of(name);
        let mut last: BTreeMap<&str, Read<'_>> = BTreeMap::new();
        for read in &list.reads {
            let page = Page {
                book,
                name,
                list,
                deeds: &deeds,
                read: *read,
            };
            findings.extend(page.twice());
            findings.extend(page.unwritten());
            findings.extend(page.reordered());
            if list.rule == Rule::Kept {
                findings.extend(page.went_back(last.insert(read.by, *read)));
                findings.extend(page.own());
            }
        }
    }
    findings
}

/// One reading of a list, and all that was ever written to it.
struct Page<'b, 'a> {
    book: &'b Book<'a>,
    name: &'b str,
    list: &'b List<'a>,
    deeds: &'b [&'b Deed<'a>],
    read: Read<'a>,
}

impl Page<'_, '_> {
    fn finding(&self, fault: Fault, token: &str, reason: String) -> Finding {
        let finding = Finding::of_token(self.book, fault, (self.name, token), reason);
        finding.with(self.book, [self.read.at])
    }

    fn place(&self, token: &str) -> Option<usize> {
        self.read.tokens.iter().position(|known| known == token)
    }

    fn shows(&self, token: &str) -> bool {
        self.place(token).is_some()
    }

    fn twice(&self) -> Option<Finding> {
        let tokens = self.read.tokens;
        let again = (1..tokens.len()).find(|at| tokens[..*at].contains(&tokens[*at]))?;
        let reason = format!("{} shows it more than once", self.read.by);
        Some(self.finding(Fault::Twice, &tokens[again], reason))
    }

    /// Tokens from nowhere, and, where the whole value is one write's, a value that no write made.
    fn unwritten(&self) -> Option<Finding> {
        let written = |token: &String| {
            let deed = self.book.deeds.get(token.as_str());
            let deed = deed.filter(|deed| deed.list == self.name && deed.invoked < self.read.at);
            deed.is_some() || self.list.start.contains(token)
        };
        if let Some(token) = self.read.tokens.iter().find(|token| !written(token)) {
            let reason = format!("nobody had written it when {} showed it", self.read.by);
            return Some(self.finding(Fault::Unwritten, token, reason));
        }
        if self.list.rule == Rule::Kept || self.read.tokens == self.list.start {
            return None;
        }
        let split = self.read.tokens.split_last();
        let made =
            |deed: &Deed<'_>| split.is_some_and(|(last, before)| last == deed.token && before == deed.seen);
        let is_one = self.deeds.iter().any(|deed| made(deed));
        let reason = format!("{} shows a value that no write made", self.read.by);
        let last = self.read.tokens.last().map_or("", String::as_str);
        (!is_one).then(|| self.finding(Fault::Unwritten, last, reason))
    }

    fn reordered(&self) -> Option<Finding> {
        let start = self.list.start.iter().filter_map(|token| self.place(token));
        let start: Vec<usize> = start.collect();
        let shown: Vec<(usize, &Deed<'_>)> = self
            .deeds
            .iter()
            .filter_map(|deed| Some((self.place(deed.token)?, *deed)))
            .collect();
        let first = shown.iter().map(|(place, _)| *place).min();
        let is_before = start
            .last()
            .zip(first)
            .is_some_and(|(start, first)| first < *start);
        if !start.is_sorted() || is_before {
            let token = self.read.tokens.first().map_or("", String::as_str);
            let reason = format!("{} shows it before what was there at first", self.read.by);
            return Some(self.finding(Fault::Reordered, token, reason));
        }
        for (place, later) in &shown {
            for (other, earlier) in &shown {
                let Some(why) = (other > place).then(|| precedes(earlier, later)).flatten() else {
                    continue;
                };
                let reason = format!(
                    "{} shows it before `{}`, which {why}",
                    self.read.by, earlier.token
                );
                let finding = self.finding(Fault::Reordered, later.token, reason);
                return Some(finding.and(self.book, earlier.token));
            }
        }
        None
    }

    fn went_back(&self, before: Option<Read<'_>>) -> Option<Finding> {
        let before = before?;
        let deed = |token: &String| self.book.deeds.get(token.as_str());
        let stays = |token: &&String| deed(token).is_none_or(|deed| !deed.is_given_up());
        let is_gone = |token: &&String| stays(token) && !self.shows(token);
        let gone = before.tokens.iter().find(is_gone)?;
        let reason = format!("{} showed it before and does not any more", self.read.by);
        let finding = Finding::of_token(self.book, Fault::WentBack, (self.name, gone), reason);
        Some(finding.with(self.book, [before.at, self.read.at]))
    }

    /// A device shows what was saved on it.
    fn own(&self) -> Option<Finding> {
        let hidden = |deed: &&&Deed<'_>| {
            deed.device == self.read.by
                && deed.saved.is_some_and(|saved| saved < self.read.at)
                && !deed.is_given_up()
                && !self.shows(deed.token)
        };
        let deed = self.deeds.iter().find(hidden)?;
        let reason = format!("{} has saved it and does not show it", self.read.by);
        Some(self.finding(Fault::WentBack, deed.token, reason))
    }
}

/// Says why one write must stand before another, if it must.
fn precedes(earlier: &Deed<'_>, later: &Deed<'_>) -> Option<&'static str> {
    if later.seen.iter().any(|token| token == earlier.token) {
        return Some("it had seen");
    }
    if earlier.device == later.device && earlier.invoked < later.invoked {
        return Some("the same device wrote before it");
    }
    let accepted = earlier.accepted().is_some_and(|at| at < later.invoked);
    accepted.then_some("the server had before it was written")
}
