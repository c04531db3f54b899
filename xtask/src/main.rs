//! `cargo xtask`: test, demo, tidy, ci, laws, sim, history, bench.

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;
use xtask::run::say;
use xtask::workspace::Workspace;
use xtask::{bench, ci, demo, history, laws, sim, suites, tidy};

/// The tasks of this project.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every test this machine has the tools for, and say what was skipped.
    Test {
        /// Fail, instead of skipping, where a tool or a file is missing.
        #[arg(long)]
        all: bool,
    },
    /// Show the main job: two devices, one server, no network in between, nothing lost.
    Demo {
        /// Passed on to `driftless demo`, for example `--records 1000`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Hold the tree against the house rules: layers, docs, file sizes, features, changelogs.
    Tidy,
    /// Everything that must be green before a change is merged.
    Ci {
        /// Only the parts that run no test: format, lints, tidy, features, docs, licences.
        #[arg(long = "static")]
        static_only: bool,
    },
    /// Print each law with its tests and mutants; fails while one lacks them.
    Laws(laws::Options),
    /// Run simulated worlds, one a seed, over the real engine; fails if one breaks a law, and tells its story.
    Sim(sim::Options),
    /// Cut down real devices, a real server and what is between them; check the recorded history for lost, repeated and
    /// reordered effects.
    History(history::Options),
    /// Measure, hold the figures against the limit of this machine, and write docs/benchmarks.md.
    Bench(bench::Options),
}

fn main() -> ExitCode {
    match dispatch(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            say(format_args!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: Cli) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    let passed = match cli.task {
        Task::Test { all } => suites::run(&workspace, suites::Missing::fails_if(all))?,
        Task::Demo { args } => return demo::run(&workspace, &args),
        Task::Tidy => tidy::run(&workspace),
        Task::Ci { static_only } => ci::run(
            &workspace,
            if static_only {
                ci::Parts::Static
            } else {
                ci::Parts::All
            },
        )?,
        Task::Laws(options) => laws::run(&workspace, &options)?,
        Task::Sim(options) => sim::run(&workspace, &options)?,
        Task::History(options) => history::run(&workspace, &options)?,
        Task::Bench(options) => bench::run(&workspace, &options)?,
    };
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
