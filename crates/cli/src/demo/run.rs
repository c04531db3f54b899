//! The command: its arguments and its answer.

use super::report::text;
use super::teller::Teller;
use super::tour;
use crate::error::{CliError, Exit};
use crate::output::Answer;

/// See the whole thing work: two devices, one server, and a network that goes and comes
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Runs in a temporary folder, apart from everything that is on this device: a server with sample data,
and two people who download it, lose the network, work, come back and synchronize. It ends with a
report and proves that devices and server agree: exit code 0 if they do, also where work waits for
someone, else 1.

Examples:
  driftless demo --headless
  driftless demo --headless --seed-data 2000 --json")]
pub(crate) struct DemoArgs {
    /// Run on the command line, without the graphical reference app
    #[arg(long)]
    pub(crate) headless: bool,

    /// How many records the server begins with
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1_000..=200_000))]
    pub(crate) seed_data: u32,
}

/// Runs the main job and proves what it came to: the answer is a failure unless devices and server agree.
pub(crate) async fn run(arguments: &DemoArgs, as_json: bool) -> Result<Answer, CliError> {
    let teller = Teller::new(as_json);
    if !arguments.headless {
        teller.say("The graphical reference app comes with a later version; this is what --headless does.");
    }
    let records = usize::try_from(arguments.seed_data).unwrap_or(usize::MAX);
    let (report, schema) = tour::take(records, teller).await?;
    let exit = if report.agree() { Exit::Done } else { Exit::Failed };
    Ok(Answer::new(report.to_json(&schema), text(&report)).exit(exit))
}
