//! Ways to break a good history, each with the fault that it is.

use driftless_testkit::history::{Event, Fault, Outcome, Rule, SERVER};
use proptest::sample::Index;

#[derive(Debug, Clone, Copy)]
pub(super) enum Break {
    Lose,
    LoseFromTheLog,
    Repeat,
    Reorder,
    Invent,
    Mix,
    Revive,
    Forget,
    Silence,
    EndAgain,
    GoBack,
    LetTheEarlierWin,
    Differ,
    LookAway,
}

/// A write, as far as the breaks need it.
#[derive(Debug, Clone)]
struct Deed {
    list: String,
    device: String,
    token: String,
    seen: Vec<String>,
    invoked: usize,
    answered: Option<usize>,
    outcome: Option<Outcome>,
    is_saved: bool,
}

impl Break {
    pub(super) fn fault(self) -> Fault {
        match self {
            Self::Lose | Self::LoseFromTheLog => Fault::Lost,
            Self::Repeat => Fault::Twice,
            Self::Reorder => Fault::Reordered,
            Self::Invent | Self::Mix => Fault::Unwritten,
            Self::Revive => Fault::Revived,
            Self::Forget | Self::Silence => Fault::Untold,
            Self::EndAgain => Fault::Changed,
            Self::GoBack => Fault::WentBack,
            Self::LetTheEarlierWin => Fault::WrongWinner,
            Self::Differ => Fault::Differs,
            Self::LookAway => Fault::Unread,
        }
    }

    /// Breaks a history in one of the places where it can be broken in this way; `None` if there is none.
    pub(super) fn carry_out(self, events: &mut Vec<Event>, place: &Index) -> Option<()> {
        let deeds = deeds(events);
        let rest = events.iter().position(|event| *event == Event::Rest)?;
        match self {
            Self::Lose => {
                let kept =
                    |deed: &Deed| is(deed, Outcome::Accepted) && rule(events, &deed.list) == Rule::Kept;
                let deed = one(deeds.into_iter().filter(kept), place)?;
                each_read(events, rest, &deed.list, |tokens| {
                    tokens.retain(|t| *t != deed.token)
                });
            }
            Self::LoseFromTheLog => {
                let last = last_value(events, "summary");
                let gone = |deed: &Deed| {
                    deed.list == "summary" && is(deed, Outcome::Accepted) && !last.contains(&deed.token)
                };
                let deed = one(deeds.into_iter().filter(gone), place)?;
                silence(events, &deed.token);
            }
            Self::Repeat => change_a_read(events, place, |tokens| {
                let token = tokens.first()?.clone();
                tokens.push(token);
                Some(())
            })?,
            Self::Reorder => {
                let of = |token: &String| deeds.iter().find(|deed| deed.token == *token).cloned();
                change_a_read(events, place, |tokens| {
                    let own = |token: &String| of(token).map(|deed| deed.device);
                    let (mut places, mut found) = (0..tokens.len(), None);
                    while let (None, Some(at)) = (found, places.next()) {
                        let later = at + 1..tokens.len();
                        let same =
                            |to: &usize| own(&tokens[at]).is_some() && own(&tokens[at]) == own(&tokens[*to]);
                        found = { later }.find(same).map(|to| (at, to));
                    }
                    let (at, to) = found?;
                    tokens.swap(at, to);
                    Some(())
                })?;
            }
            Self::Invent => change_a_read(events, place, |tokens| {
                tokens.push("ghost".to_owned());
                Some(())
            })?,
            Self::Mix => {
                // The last token alone, without what its write had seen.
                let summary = |event: &Event| matches!(event, Event::Read { list, tokens, .. } if list == "summary" && tokens.len() > 2);
                let at = one(at_which(events, summary).into_iter(), place)?;
                if let Event::Read { tokens, .. } = &mut events[at] {
                    tokens.remove(1);
                }
            }
            Self::Revive => {
                let denied: Vec<String> = events.iter().filter_map(denied).collect();
                let given_up = |deed: &Deed| is(deed, Outcome::Reverted) || denied.contains(&deed.token);
                let deed = one(deeds.into_iter().filter(given_up), place)?;
                each_read(events, rest, &deed.list, |tokens| tokens.push(deed.token.clone()));
            }
            Self::Forget => {
                let deed = one(deeds.into_iter().filter(|deed| deed.is_saved), place)?;
                events.retain(|event| !matches!(event, Event::Ended { token, .. } if *token == deed.token));
            }
            Self::Silence => {
                let gave_way = deeds.into_iter().filter(|deed| is(deed, Outcome::Superseded));
                let deed = one(gave_way, place)?;
                silence(events, &deed.token);
            }
            Self::EndAgain => {
                let ended = deeds.into_iter().filter(|deed| is(deed, Outcome::Accepted));
                let deed = one(ended, place)?;
                events.push(Event::Ended {
                    device: deed.device,
                    token: deed.token,
                    outcome: Outcome::Reverted,
                });
            }
            Self::GoBack => {
                let there = deeds
                    .into_iter()
                    .filter(|deed| rule(events, &deed.list) == Rule::Kept && !is(deed, Outcome::Reverted));
                let there: Vec<(Deed, Vec<usize>)> = there
                    .map(|deed| {
                        let shows = |event: &Event| matches!(event, Event::Read { by, list, tokens } if by == SERVER && *list == deed.list && tokens.contains(&deed.token));
                        let reads = at_which(events, shows);
                        (deed, reads)
                    })
                    .filter(|(_, reads)| reads.len() > 1)
                    .collect();
                let (deed, reads) = one(there.into_iter(), place)?;
                if let Event::Read { tokens, .. } = &mut events[reads[1]] {
                    tokens.retain(|token| *token != deed.token);
                }
            }
            Self::LetTheEarlierWin => {
                let last = last_value(events, "summary");
                let winner = deeds
                    .iter()
                    .find(|deed| Some(&deed.token) == last.last())?
                    .clone();
                let earlier = |deed: &Deed| {
                    deed.list == "summary" && deed.answered.is_some_and(|at| at < winner.invoked)
                };
                let effective = winner.is_saved;
                let deed = one(
                    { deeds }.into_iter().filter(|deed| effective && earlier(deed)),
                    place,
                )?;
                let mut value = deed.seen;
                value.push(deed.token);
                each_read(events, rest, "summary", |tokens| tokens.clone_from(&value));
            }
            Self::Differ => {
                let of_device = |event: &Event| matches!(event, Event::Read { by, tokens, .. } if by != SERVER && tokens.len() > 1);
                let last = at_which(events, of_device).into_iter().filter(|at| *at > rest);
                let at = one(last, place)?;
                if let Event::Read { tokens, .. } = &mut events[at] {
                    tokens.pop();
                }
            }
            Self::LookAway => {
                let read = |event: &Event| matches!(event, Event::Read { .. });
                let last = at_which(events, read).into_iter().filter(|at| *at > rest);
                // Who never had anything to do with a list need not read it.
                let at = one(last, place)?;
                let Event::Read { by, list, .. } = events[at].clone() else {
                    return None;
                };
                let takes_part =
                    by == SERVER || deeds.iter().any(|deed| deed.device == by && deed.list == list);
                takes_part.then(|| drop(events.remove(at)))?;
            }
        }
        Some(())
    }
}

fn is(deed: &Deed, outcome: Outcome) -> bool {
    deed.outcome == Some(outcome)
}

fn denied(event: &Event) -> Option<String> {
    match event {
        Event::Denied { token, .. } => Some(token.clone()),
        _ => None,
    }
}

fn one<T>(from: impl Iterator<Item = T>, place: &Index) -> Option<T> {
    let mut all: Vec<T> = from.collect();
    (!all.is_empty()).then(|| all.swap_remove(place.index(all.len())))
}

fn at_which(events: &[Event], wanted: impl Fn(&Event) -> bool) -> Vec<usize> {
    (0..events.len()).filter(|at| wanted(&events[*at])).collect()
}

fn rule(events: &[Event], name: &str) -> Rule {
    let mut rules = events.iter().filter_map(|event| match event {
        Event::List { list, rule, .. } if list == name => Some(*rule),
        _ => None,
    });
    rules.next().unwrap()
}

fn last_value(events: &[Event], name: &str) -> Vec<String> {
    let mut values = events.iter().filter_map(|event| match event {
        Event::Read { by, list, tokens } if by == SERVER && list == name => Some(tokens.clone()),
        _ => None,
    });
    values.next_back().unwrap_or_default()
}

/// Changes what everybody reads of a list at the end.
fn each_read(events: &mut [Event], rest: usize, name: &str, change: impl Fn(&mut Vec<String>)) {
    for event in &mut events[rest..] {
        match event {
            Event::Read { list, tokens, .. } if list == name => change(tokens),
            _ => {}
        }
    }
}

/// Changes one reading that can be changed in this way.
fn change_a_read(
    events: &mut [Event],
    place: &Index,
    change: impl Fn(&mut Vec<String>) -> Option<()>,
) -> Option<()> {
    let can = |event: &Event| match event {
        Event::Read { tokens, .. } => change(&mut tokens.clone()).is_some(),
        _ => false,
    };
    let at = one(at_which(events, can).into_iter(), place)?;
    match &mut events[at] {
        Event::Read { tokens, .. } => change(tokens),
        _ => None,
    }
}

/// Takes a token out of all logs.
fn silence(events: &mut [Event], silent: &str) {
    for event in events {
        if let Event::Told { tokens, .. } = event {
            tokens.retain(|token| token != silent);
        }
    }
}

fn deeds(events: &[Event]) -> Vec<Deed> {
    let mut deeds: Vec<Deed> = Vec::new();
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::Invoked {
                device,
                list,
                token,
                seen,
            } => deeds.push(Deed {
                list: list.clone(),
                device: device.clone(),
                token: token.clone(),
                seen: seen.clone(),
                invoked: at,
                answered: None,
                outcome: None,
                is_saved: false,
            }),
            Event::Saved { token, .. } => {
                let deed = of(&mut deeds, token);
                (deed.answered, deed.is_saved) = (Some(at), true);
            }
            Event::Denied { token, .. } | Event::Unanswered { token, .. } => {
                of(&mut deeds, token).answered = Some(at)
            }
            Event::Ended { token, outcome, .. } => of(&mut deeds, token).outcome = Some(*outcome),
            _ => {}
        }
    }
    deeds
}

fn of<'a>(deeds: &'a mut [Deed], wanted: &str) -> &'a mut Deed {
    deeds.iter_mut().find(|deed| deed.token == wanted).unwrap()
}
