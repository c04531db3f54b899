//! Checks a history that was recorded to a file: `cargo run -p driftless-testkit --example check_history FILE`.
//! Prints what is wrong with it, each with its story; the last line sums up. Ends with 1 if anything is.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Write as _};
use std::process::ExitCode;

use driftless_testkit::history::History;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let file = std::env::args_os().nth(1).ok_or("usage: check_history FILE")?;
    let report = History::read(BufReader::new(File::open(file)?))?.check()?;
    writeln!(std::io::stdout(), "{report}")?;
    Ok(if report.findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
