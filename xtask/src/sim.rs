//! `cargo xtask sim`: simulated worlds, one a seed, over the real engine.

mod record;

use crate::run::{cargo, say, succeeds};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, ensure};
use record::{Row, Runs};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

/// Which worlds to run.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// How many seeds.
    #[arg(long, default_value_t = 2_000)]
    seeds: u64,
    /// The first seed; 1, or with --record the one after the last that was recorded for this store.
    #[arg(long)]
    start: Option<u64>,
    /// Over which store.
    #[arg(long, value_enum, default_value_t = Store::Memory)]
    store: Store,
    /// Stop after so many minutes.
    #[arg(long)]
    minutes: Option<u64>,
    /// How the simulator is built: release runs fastest, debug is there after the tests were built.
    #[arg(long, value_enum, default_value_t = Build::Release)]
    build: Build,
    /// Write what came of it into docs/reliability.md, after every piece.
    #[arg(long)]
    record: bool,
    /// How many seeds a piece has. A run that is cut short goes on behind its last piece.
    #[arg(long, default_value_t = 20_000)]
    piece: u64,
    /// The date for the record, as YYYY-MM-DD; that of the last commit if it is left out.
    #[arg(long)]
    date: Option<String>,
}

impl Options {
    /// What CI runs: 2,000 seeds or ten minutes, whichever is first.
    pub(crate) fn of_ci() -> Self {
        Self {
            seeds: 2_000,
            start: None,
            store: Store::Memory,
            minutes: Some(10),
            build: Build::Debug,
            record: false,
            piece: 20_000,
            date: None,
        }
    }
}

/// A store that devices can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Store {
    /// In memory.
    Memory,
    /// On disk.
    Sqlite,
}

impl Store {
    fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "sqlite",
        }
    }
}

/// How a program is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Build {
    /// Optimized.
    Release,
    /// As the tests are.
    Debug,
}

/// Builds the simulator, runs the seeds and tells whether every world kept every law. The last line that is printed
/// says how many seeds ran, how many violations there were and how many device-hours were simulated.
///
/// # Errors
/// When the simulator does not build or cannot be started, or what came of it cannot be recorded.
pub fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    ensure!(options.seeds > 0, "--seeds must be at least 1");
    ensure!(options.piece > 0, "--piece must be at least 1");
    build(workspace, options.build)?;
    if !options.record {
        let row = piece(workspace, options, options.start.unwrap_or(1), options.seeds)?;
        return Ok(row.is_some_and(|row| row.violations == 0));
    }
    let mut runs = Runs::read(&workspace.root)?;
    let first = options
        .start
        .unwrap_or_else(|| runs.next_seed(options.store.name()));
    let (mut done, mut kept) = (0, true);
    while done < options.seeds {
        let seeds = options.piece.min(options.seeds - done);
        let row = piece(workspace, options, first + done, seeds)?;
        let row = row.context("the simulator did not sum up")?;
        kept &= row.violations == 0;
        let is_cut = row.seeds < seeds;
        done += row.seeds;
        runs.add(&row, options.date.as_deref())?;
        if is_cut {
            break;
        }
    }
    say(format_args!("recorded in {}", record::FILE));
    Ok(kept)
}

fn build(workspace: &Workspace, how: Build) -> Result<()> {
    let mut arguments = vec!["build", "--package", "driftless-tests", "--bin", "driftless-sim"];
    if how == Build::Release {
        arguments.push("--release");
    }
    ensure!(
        succeeds(cargo(&arguments).current_dir(&workspace.root))?,
        "the simulator does not build"
    );
    Ok(())
}

/// Runs a piece, passing on what it says; returns its sum, if it came to that.
fn piece(workspace: &Workspace, options: &Options, start: u64, seeds: u64) -> Result<Option<Row>> {
    let profile = match options.build {
        Build::Release => "release",
        Build::Debug => "debug",
    };
    let mut command = Command::new(workspace.binary(profile, "driftless-sim"));
    command.args([&start.to_string(), &seeds.to_string(), options.store.name()]);
    command.args(options.minutes.map(|minutes| minutes.to_string()));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("the simulator cannot be started")?;
    let mut last = String::new();
    for line in child
        .stdout
        .take()
        .into_iter()
        .flat_map(|out| BufReader::new(out).lines())
    {
        last = line?;
        say(&last);
    }
    child.wait()?;
    Ok(Row::parse(&last))
}
