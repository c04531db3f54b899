//! Running other programs: steps with a name, a verdict and the time they took.

use anyhow::{Context as _, Result};
use std::fmt::Display;
use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

/// Writes a line to standard output; a reader that went away is no failure.
pub fn say(line: impl Display) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It did what it should.
    Passed,
    /// It failed, and so does the whole run.
    Failed,
    /// It failed, which is reported and does not block.
    Reported,
}

/// A list of named steps, run one after another; a failing step does not stop the others.
#[derive(Debug, Default)]
pub struct Steps {
    done: Vec<(String, Verdict, Duration)>,
}

impl Steps {
    /// Runs a command as a step.
    ///
    /// # Errors
    /// When the program cannot be started at all.
    pub fn command(&mut self, name: &str, command: &mut Command) -> Result<()> {
        self.step(name, || succeeds(command))
    }

    /// Runs a command whose failure is told but does not fail the run.
    ///
    /// # Errors
    /// When the program cannot be started at all.
    pub fn advisory(&mut self, name: &str, command: &mut Command) -> Result<()> {
        self.command(name, command)?;
        if let Some((_, verdict, _)) = self.done.last_mut()
            && *verdict == Verdict::Failed
        {
            *verdict = Verdict::Reported;
        }
        Ok(())
    }

    /// Runs anything that can tell whether it passed.
    ///
    /// # Errors
    /// What the step returns.
    pub fn step(&mut self, name: &str, work: impl FnOnce() -> Result<bool>) -> Result<()> {
        say(format_args!("\n=== {name}"));
        let started = now();
        let verdict = if work()? { Verdict::Passed } else { Verdict::Failed };
        self.done.push((name.to_owned(), verdict, started.elapsed()));
        Ok(())
    }

    /// Prints every step with its time, and tells whether all that must pass did.
    pub fn finish(&self) -> bool {
        say("\n=== steps");
        for (name, verdict, took) in &self.done {
            let word = match verdict {
                Verdict::Passed => "ok",
                Verdict::Failed => "FAILED",
                Verdict::Reported => "failed, reported only",
            };
            say(format_args!("{:>8.1} s  {name}: {word}", took.as_secs_f64()));
        }
        !self
            .done
            .iter()
            .any(|(_, verdict, _)| *verdict == Verdict::Failed)
    }
}

/// A cargo command of the toolchain in use.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Runs a command with this terminal's output and tells whether it succeeded.
///
/// # Errors
/// When the program cannot be started.
pub fn succeeds(command: &mut Command) -> Result<bool> {
    say(format_args!("$ {}", shown(command)));
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    Ok(status.success())
}

/// A command as one would type it.
fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program
        .file_name()
        .unwrap_or(program.as_os_str())
        .to_string_lossy()
        .into_owned();
    let arguments = command
        .get_args()
        .map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(name)
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The monotonic clock, read here and nowhere else in this tool.
#[expect(
    clippy::disallowed_methods,
    reason = "the tool reports how long its steps took; nothing replays it"
)]
fn now() -> Instant {
    Instant::now()
}
