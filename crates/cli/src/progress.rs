//! Progress of a synchronization on standard error: a bar on a terminal, lines elsewhere.

use std::sync::{Mutex, PoisonError};

use driftless_engine::{Progress, ProgressSink, Stage};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::note;

/// How many of the stages a first synchronization counts: all but sending.
const STAGES: usize = 6;

/// Shows progress on standard error.
pub(crate) struct Shown {
    bar: Option<ProgressBar>,
    last: Mutex<Option<(Stage, Option<String>, u64)>>,
}

impl Shown {
    /// Makes a bar if standard error is a terminal, otherwise lines.
    pub(crate) fn new() -> Self {
        let bar = console::Term::stderr().is_term().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(spinner());
            bar
        });
        Self {
            bar,
            last: Mutex::new(None),
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((Stage::Import, Some(entity), done)) = last {
            self.told(&entity, done);
        }
    }

    /// Tells how many records of an entity came, if any did.
    fn told(&self, entity: &str, done: u64) {
        if done > 0 {
            self.tell(&format!("      {entity}: {done}"));
        }
    }

    /// Tells a new stage, and the entity before when it is done.
    fn lines(&self, progress: &Progress) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let entity = progress.entity.as_ref().map(ToString::to_string);
        let (is_stage_new, is_entity_new) = match &*last {
            Some((stage, before, _)) => (*stage != progress.stage, *before != entity),
            None => (true, false),
        };
        if (is_stage_new || is_entity_new)
            && let Some((Stage::Import, Some(before), done)) = &*last
        {
            self.told(before, *done);
        }
        if is_stage_new {
            self.tell(&format!("{} {}", number(progress.stage), progress.stage.words()));
        }
        *last = Some((progress.stage, entity, progress.done));
    }

    fn tell(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| note(line)),
            None => note(line),
        }
    }
}

impl ProgressSink for Shown {
    fn progress(&self, progress: &Progress) {
        self.lines(progress);
        let Some(bar) = &self.bar else { return };
        match progress.total {
            Some(total) => {
                bar.set_style(counted());
                bar.set_length(total);
            }
            None => {
                bar.unset_length();
                bar.set_style(spinner());
            }
        }
        let entity = progress.entity.as_ref().map(ToString::to_string);
        bar.set_message(entity.unwrap_or_else(|| progress.stage.words().to_owned()));
        bar.set_position(progress.done);
    }
}

fn number(stage: Stage) -> String {
    let place = match stage {
        Stage::LoadSystemData => 1,
        Stage::LoadStructure => 2,
        Stage::UpdateStructure => 3,
        Stage::LoadSystemSettings => 4,
        Stage::CheckForData => 5,
        Stage::Import => 6,
        Stage::Send => return "[send]".to_owned(),
    };
    format!("[{place}/{STAGES}]")
}

fn counted() -> ProgressStyle {
    ProgressStyle::with_template("      {msg:24} {bar:30} {human_pos}/{human_len} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("      {msg:24} {spinner} {human_pos}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}
