//! From the command line to a command, and from its outcome to the end of the process.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::commands;
use crate::context::Context;
use crate::demo;
use crate::error::{CliError, Exit};
use crate::output::{Answer, print};

/// Work on business records with and without a network
///
/// driftless keeps the records of a business system on this device. You list, create, change and delete
/// them whether there is a network or not; `driftless sync` sends what you changed, exactly once and in
/// order, and loads what others changed. Where both sides changed the same, nothing is silently lost: it
/// is merged by a rule, or it waits for you in `driftless log`.
#[derive(Debug, Parser)]
#[command(name = "driftless", version, max_term_width = 100)]
#[command(after_help = "\
First steps:
  driftless serve --seed-data 2000                      a server to try things with
  driftless login http://127.0.0.1:8080 --user alice    sign in (the password is driftless)
  driftless download                                    load everything
  driftless list Account --top 5                        work, with or without a network
  driftless create Account name='Northern Lights Ltd'
  driftless sync                                        send and load
  driftless log                                         what happened, and what waits for you

Exit codes: 0 done, or saved to the outbox; 1 failed; 2 wrong usage; 3 something this call handled waits \
for you (sync, wait, resolve); 4 the server cannot be reached, nothing is lost (login, download, sync, wait).")]
struct Cli {
    /// The folder that holds everything this device knows
    #[arg(
        long,
        global = true,
        help_heading = "For every command",
        value_name = "DIR",
        env = "DRIFTLESS_HOME"
    )]
    home: Option<PathBuf>,
    /// The account to work with: its id, its user, or user@host; else the one signed in last
    #[arg(long, global = true, help_heading = "For every command", value_name = "A")]
    account: Option<String>,
    /// Answer with one JSON document on standard output, errors included
    #[arg(long, global = true, help_heading = "For every command")]
    json: bool,
    /// Write every exchange with the server to standard error, without secrets and values
    #[arg(long, global = true, help_heading = "For every command")]
    trace: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(commands::Serve),
    Demo(demo::DemoArgs),
    Login(commands::Login),
    Logout(commands::Logout),
    Accounts(commands::Accounts),
    Settings(commands::Settings),
    Repair(commands::Repair),
    Download(commands::Download),
    Sync(commands::Sync),
    Status(commands::Status),
    Ready(commands::Ready),
    Mode(commands::Mode),
    List(commands::List),
    Get(commands::Get),
    Watch(commands::Watch),
    Why(commands::Why),
    Create(commands::Create),
    Update(commands::Update),
    Delete(commands::Delete),
    Run(commands::Run),
    Group(commands::Group),
    Outbox(commands::Outbox),
    Log(commands::Log),
    Resolve(commands::Resolve),
    Undo(commands::Undo),
    Wait(commands::Wait),
    Events(commands::Events),
}

/// Runs the command line of this process.
pub(crate) fn run() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let exit = match Cli::try_parse_from(&arguments) {
        Ok(cli) => start(cli),
        Err(error) => misused(error, &arguments),
    };
    ExitCode::from(exit as u8)
}

/// Tells what is wrong with the command line, or the help that was asked for.
fn misused(error: clap::Error, arguments: &[OsString]) -> Exit {
    let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if is_help || !arguments.iter().any(|argument| argument == "--json") {
        // A terminal that is gone is no reason to fail differently.
        let _ = error.print();
        return if is_help { Exit::Done } else { Exit::Usage };
    }
    print(
        Err(CliError::from(error).hint("`driftless --help` lists the commands")),
        true,
    )
}

fn start(cli: Cli) -> Exit {
    let context = Context {
        home: cli.home,
        account: cli.account,
        json: cli.json,
        trace: cli.trace,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let exit = runtime.block_on(dispatch(cli.command, &context));
            // A request that nobody waits for any more does not hold the process up.
            runtime.shutdown_background();
            exit
        }
        Err(error) => print(
            Err(CliError::failed(
                "system",
                format!("the system gives no thread: {error}"),
            )),
            context.json,
        ),
    }
}

async fn dispatch(command: Command, context: &Context) -> Exit {
    let answer: Result<Answer, CliError> = match command {
        Command::Serve(command) => return ended(command.run(context).await, context),
        Command::Watch(command) => return ended(command.run(context).await, context),
        Command::Events(command) => return ended(command.run(context).await, context),
        Command::Demo(arguments) => demo::run(&arguments, context.json).await,
        Command::Login(command) => command.run(context).await,
        Command::Logout(command) => command.run(context),
        Command::Accounts(command) => command.run(context),
        Command::Settings(command) => command.run(context),
        Command::Repair(command) => command.run(context),
        Command::Download(command) => command.run(context).await,
        Command::Sync(command) => command.run(context).await,
        Command::Status(command) => command.run(context),
        Command::Ready(command) => command.run(context),
        Command::Mode(command) => command.run(context),
        Command::List(command) => command.run(context),
        Command::Get(command) => command.run(context),
        Command::Why(command) => command.run(context),
        Command::Create(command) => command.run(context).await,
        Command::Update(command) => command.run(context).await,
        Command::Delete(command) => command.run(context).await,
        Command::Run(command) => command.run(context).await,
        Command::Group(command) => command.run(context).await,
        Command::Outbox(command) => command.run(context),
        Command::Log(command) => command.run(context),
        Command::Resolve(command) => command.run(context).await,
        Command::Undo(command) => command.run(context),
        Command::Wait(command) => command.run(context).await,
    };
    print(answer, context.json)
}

/// Ends a command that has said everything already.
fn ended(outcome: Result<Exit, CliError>, context: &Context) -> Exit {
    match outcome {
        Ok(exit) => exit,
        Err(error) => print(Err(error), context.json),
    }
}
