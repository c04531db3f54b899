//! Measures one row of `cargo xtask bench`, or lists them; prints JSON lines.

use anyhow::{Context as _, Result, bail};
use driftless_tests::bench::{Measured, ROWS, Scale, peak_bytes, serve};
use std::io::Write as _;

const USAGE: &str = "usage: driftless-bench list | driftless-bench run NAME [RECORDS [WRITES]] | driftless-bench serve RECORDS";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["list"] => ROWS
            .iter()
            .try_for_each(|row| print(&serde_json::json!(row.name))),
        ["serve", records] => serve(records.parse().context(USAGE)?),
        ["run", name, scale @ ..] if scale.len() <= 2 => run(name, scale),
        _ => bail!(USAGE),
    }
}

fn run(name: &str, scale: &[&str]) -> Result<()> {
    let row = ROWS
        .iter()
        .find(|row| row.name == name)
        .with_context(|| format!("no row is called {name}"))?;
    let number = |index: usize, default: usize| match scale.get(index) {
        Some(text) => text
            .parse()
            .with_context(|| format!("{text} is not a number; {USAGE}")),
        None => Ok(default),
    };
    let value = (row.measure)(Scale {
        records: number(0, 100_000)?,
        writes: number(1, 2_000)?,
    })?;
    let measured = Measured {
        name: row.name,
        what: row.what,
        unit: row.unit,
        limit: row.limit,
        value,
        peak_bytes: peak_bytes(),
    };
    print(&serde_json::to_value(measured)?)
}

fn print(line: &serde_json::Value) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").context("cannot write to standard output")
}
