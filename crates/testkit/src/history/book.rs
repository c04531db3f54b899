//! A history in order: what is known of each write, list and reader.

use std::collections::{BTreeMap, BTreeSet};

use super::error::HistoryError;
use super::event::{Event, Outcome, Rule, SERVER};

/// One write, from its beginning to what became of it. Places are those of events, from 0.
#[derive(Debug)]
pub(super) struct Deed<'a> {
    pub(super) device: &'a str,
    pub(super) list: &'a str,
    pub(super) token: &'a str,
    pub(super) seen: &'a [String],
    pub(super) invoked: usize,
    /// When it was certainly over: the answer, the end of its process, or a person's decision that it stands.
    pub(super) over: Option<usize>,
    pub(super) saved: Option<usize>,
    pub(super) is_denied: bool,
    pub(super) outcomes: Vec<(usize, Outcome)>,
}

impl Deed<'_> {
    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.outcomes.last().map(|(_, outcome)| *outcome)
    }

    /// Returns whether it is to have no effect, as the device or a person said.
    pub(super) fn is_given_up(&self) -> bool {
        self.is_denied || self.outcome().is_some_and(Outcome::is_given_up)
    }

    /// Returns when it was first known that the server has it.
    pub(super) fn accepted(&self) -> Option<usize> {
        let has_effect = |(_, outcome): &&(usize, Outcome)| outcome.has_effect();
        self.outcomes.iter().find(has_effect).map(|(at, _)| *at)
    }
}

/// A field to which tokens are appended.
#[derive(Debug)]
pub(super) struct List<'a> {
    pub(super) rule: Rule,
    pub(super) start: &'a [String],
    pub(super) reads: Vec<Read<'a>>,
    /// The sides that logs show as having given way or as waiting, with their devices.
    pub(super) told: Vec<(&'a str, &'a [String])>,
}

/// A list as somebody read it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read<'a> {
    pub(super) at: usize,
    pub(super) by: &'a str,
    pub(super) tokens: &'a [String],
}

/// A whole history.
#[derive(Debug)]
pub(super) struct Book<'a> {
    pub(super) events: &'a [Event],
    pub(super) deeds: BTreeMap<&'a str, Deed<'a>>,
    pub(super) lists: BTreeMap<&'a str, List<'a>>,
    pub(super) rest: Option<usize>,
}

impl<'a> Book<'a> {
    /// Sorts events by what they are about.
    pub(super) fn of(events: &'a [Event]) -> Result<Self, HistoryError> {
        let mut book = Self {
            events,
            deeds: BTreeMap::new(),
            lists: BTreeMap::new(),
            rest: None,
        };
        for (at, event) in events.iter().enumerate() {
            book.take(at, event)
                .map_err(|what| HistoryError::Impossible { event: at + 1, what })?;
        }
        Ok(book)
    }

    fn take(&mut self, at: usize, event: &'a Event) -> Result<(), String> {
        match event {
            Event::List { list, rule, tokens } => {
                let new = List {
                    rule: *rule,
                    start: tokens,
                    reads: Vec::new(),
                    told: Vec::new(),
                };
                if self.lists.insert(list, new).is_some() {
                    return Err(format!("the list `{list}` begins a second time"));
                }
            }
            Event::Invoked {
                device,
                list,
                token,
                seen,
            } => self.invoke(at, (device, list), token, seen)?,
            Event::Saved { device, token, .. } => self.answered(at, device, token)?.saved = Some(at),
            Event::Denied { device, token } => self.answered(at, device, token)?.is_denied = true,
            Event::Unanswered { device, token } => drop(self.answered(at, device, token)?),
            Event::Decided { device, token } => self.deed(device, token)?.over = Some(at),
            Event::Ended {
                device,
                token,
                outcome,
            } => {
                let deed = self.deed(device, token)?;
                if deed.is_denied {
                    return Err(format!("`{token}` was not saved and ended"));
                }
                deed.outcomes.push((at, *outcome));
            }
            Event::Told { device, list, tokens } => self.list(list)?.told.push((device, tokens)),
            Event::Read { by, list, tokens } => self.list(list)?.reads.push(Read { at, by, tokens }),
            Event::Rest => {
                if self.rest.replace(at).is_some() {
                    return Err("everything comes to rest a second time".to_owned());
                }
            }
            Event::Note { .. } => {}
        }
        Ok(())
    }

    fn invoke(
        &mut self,
        at: usize,
        (device, list): (&'a str, &'a str),
        token: &'a str,
        seen: &'a [String],
    ) -> Result<(), String> {
        if self.rest.is_some() {
            return Err(format!("`{token}` is written when everything is at rest"));
        }
        if device == SERVER {
            return Err(format!("`{SERVER}` is no name for a device"));
        }
        let start = self.list(list)?.start;
        if token.is_empty() || token.contains(char::is_whitespace) {
            return Err(format!("`{token}` is no token"));
        }
        let deed = Deed {
            device,
            list,
            token,
            seen,
            invoked: at,
            over: None,
            saved: None,
            is_denied: false,
            outcomes: Vec::new(),
        };
        if start.iter().any(|known| known == token) || self.deeds.insert(token, deed).is_some() {
            return Err(format!("the token `{token}` is used a second time"));
        }
        Ok(())
    }

    /// Notes that a write is over, which happens once.
    fn answered(&mut self, at: usize, device: &str, token: &str) -> Result<&mut Deed<'a>, String> {
        let deed = self.deed(device, token)?;
        match deed.over.replace(at) {
            Some(_) => Err(format!("`{token}` was answered before")),
            None => Ok(deed),
        }
    }

    fn deed(&mut self, device: &str, token: &str) -> Result<&mut Deed<'a>, String> {
        let deed = self.deeds.get_mut(token).filter(|deed| deed.device == device);
        deed.ok_or_else(|| format!("`{device}` never wrote `{token}`"))
    }

    fn list(&mut self, name: &str) -> Result<&mut List<'a>, String> {
        let list = self.lists.get_mut(name);
        list.ok_or_else(|| format!("there is no list `{name}`"))
    }

    /// Returns the writes to a list, in the order in which they began.
    pub(super) fn deeds_of(&self, list: &str) -> Vec<&Deed<'a>> {
        let mut deeds: Vec<_> = self.deeds.values().filter(|deed| deed.list == list).collect();
        deeds.sort_by_key(|deed| deed.invoked);
        deeds
    }

    /// Returns the writes whose new value held a token that they had seen.
    pub(super) fn carried<'b>(&'b self, deed: &'b Deed<'a>) -> impl Iterator<Item = &'b Deed<'a>> {
        let later = self.deeds.values().filter(|other| other.list == deed.list);
        later.filter(|other| other.seen.iter().any(|seen| seen == deed.token))
    }

    /// Returns everybody who wrote to a list or read it, but for the server.
    pub(super) fn devices_of(&self, name: &str) -> BTreeSet<&'a str> {
        let writers = self.deeds.values().filter(|deed| deed.list == name);
        let reads = self.lists.get(name).into_iter().flat_map(|list| &list.reads);
        let all = writers.map(|deed| deed.device).chain(reads.map(|read| read.by));
        all.filter(|device| *device != SERVER).collect()
    }
}
