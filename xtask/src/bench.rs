//! `cargo xtask bench`: measures every row several times and writes `docs/benchmarks.md`.
//!
//! The rows live in `driftless-tests`; this tool runs each in a process of its own, takes medians, and holds
//! them against the limits that were measured in the same run.

use crate::run::{cargo, say, succeeds};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

const PAGE: &str = "docs/benchmarks.md";

/// How much to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// How often each row is measured; the median counts.
    #[arg(long, default_value_t = 5)]
    repeats: usize,
    /// Records in a bulk load.
    #[arg(long, default_value_t = 100_000)]
    records: usize,
    /// Durable small writes.
    #[arg(long, default_value_t = 2_000)]
    writes: usize,
    /// The date to write; today by default.
    #[arg(long)]
    date: Option<String>,
    /// Print the page instead of writing it.
    #[arg(long)]
    print: bool,
}

/// A line that the measuring binary prints.
#[derive(Debug, Clone, Deserialize)]
struct Measured {
    name: String,
    what: String,
    unit: String,
    limit: Option<Limit>,
    value: f64,
    peak_bytes: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
struct Limit {
    row: String,
    floor: Option<f64>,
}

/// Measures, writes the page and tells whether every floor was met.
///
/// # Errors
/// When the binary does not build or run, or the page cannot be written.
pub fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    ensure!(options.repeats > 0, "--repeats must be at least 1");
    let build = ["build", "--release", "--package", "driftless-tests", "--bins"];
    ensure!(
        succeeds(cargo(&build).current_dir(&workspace.root))?,
        "the measuring binary does not build"
    );
    let binary = workspace.binary("release", "driftless-bench");
    let names: Vec<String> = lines(Command::new(&binary).arg("list"))?;
    // Beside the build output, since a folder for temporary files may be memory, where no commit is durable.
    let scratch = workspace.metadata.target_directory.join("bench");
    fs::create_dir_all(&scratch).with_context(|| format!("cannot create {scratch}"))?;
    // Round after round, so that a slow moment of the machine falls on every row alike.
    let mut rounds: Vec<Vec<Measured>> = vec![Vec::new(); names.len()];
    for round in 1..=options.repeats {
        for (row, name) in rounds.iter_mut().zip(&names) {
            let mut command = Command::new(&binary);
            command
                .arg("run")
                .arg(name)
                .arg(options.records.to_string())
                .arg(options.writes.to_string());
            command.env("TMPDIR", &scratch);
            let measured: Vec<Measured> = lines(&mut command)?;
            let measured = measured
                .into_iter()
                .next()
                .with_context(|| format!("{name} measured nothing"))?;
            say(format_args!(
                "{round}/{}  {name}: {}",
                options.repeats,
                figure(measured.value, &measured.unit)
            ));
            row.push(measured);
        }
    }
    let medians: Vec<Measured> = rounds.into_iter().filter_map(median).collect();
    let page = render(&medians, options, &machine());
    if options.print {
        say(&page);
    } else {
        fs::write(workspace.root.join(PAGE), &page).with_context(|| format!("cannot write {PAGE}"))?;
        say(format_args!("wrote {PAGE}"));
    }
    Ok(medians
        .iter()
        .all(|row| verdict(row, &medians).is_none_or(|(_, met)| met.unwrap_or(true))))
}

/// Runs a command and reads its output as JSON lines.
fn lines<T: serde::de::DeserializeOwned>(command: &mut Command) -> Result<Vec<T>> {
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{command:?} failed");
    let text = String::from_utf8(output.stdout)?;
    text.lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("not a measurement: {line}")))
        .collect()
}

/// The measurement in the middle, with the highest peak memory of all.
fn median(mut measured: Vec<Measured>) -> Option<Measured> {
    measured.sort_by(|a, b| a.value.total_cmp(&b.value));
    let peak_bytes = measured.iter().filter_map(|one| one.peak_bytes).max();
    measured
        .get(measured.len() / 2)
        .cloned()
        .map(|middle| Measured { peak_bytes, ..middle })
}

/// The ratio of a row to its limit and whether it meets the floor, if there is one; nothing for a row without a limit.
fn verdict(row: &Measured, all: &[Measured]) -> Option<(f64, Option<bool>)> {
    let limit = row.limit.as_ref()?;
    let held_against = all.iter().find(|other| other.name == limit.row)?;
    let ratio = row.value / held_against.value;
    let met = limit.floor.map(|floor| {
        if row.unit == "rows/s" {
            ratio >= floor
        } else {
            ratio <= floor
        }
    });
    Some((ratio, met))
}

fn render(rows: &[Measured], options: &Options, machine: &str) -> String {
    let mut page = String::from("# Benchmarks\n\n");
    let date = options.date.clone().unwrap_or_else(today);
    let _ = writeln!(
        page,
        "Written by `cargo xtask bench --repeats {} --records {} --writes {}` on {date}.\n\n\
         Machine: {machine}. Each figure is the median of {} runs, each in a process of its own; limits were \
         measured in the same run. Figures drift from machine to machine, the ratios are what counts.\n",
        options.repeats, options.records, options.writes, options.repeats
    );
    page.push_str(
        "| row | measured | limit | ratio | demanded | peak memory | what |\n|---|--:|--:|--:|---|--:|---|\n",
    );
    for row in rows {
        let memory = row.peak_bytes.map_or_else(
            || "-".to_owned(),
            |bytes| format!("{:.0} MiB", bytes as f64 / 1_048_576.0),
        );
        let (limit, ratio, demanded) = match (&row.limit, verdict(row, rows)) {
            (Some(limit), Some((ratio, met))) => {
                let held_against = rows.iter().find(|other| other.name == limit.row);
                let value = held_against.map_or_else(String::new, |other| figure(other.value, &other.unit));
                let bound = if row.unit == "rows/s" {
                    "at least"
                } else {
                    "at most"
                };
                let demanded = limit.floor.zip(met).map(|(floor, met)| {
                    let met = if met { "met" } else { "**missed**" };
                    format!("{bound} {floor}: {met}")
                });
                (
                    format!("{value} ({})", limit.row),
                    format!("{ratio:.2}"),
                    demanded.unwrap_or_else(|| "-".to_owned()),
                )
            }
            _ => ("-".to_owned(), "-".to_owned(), "-".to_owned()),
        };
        let measured = figure(row.value, &row.unit);
        let _ = writeln!(
            page,
            "| {} | {measured} | {limit} | {ratio} | {demanded} | {memory} | {} |",
            row.name, row.what
        );
    }
    page
}

/// A figure with its unit, thousands set apart.
fn figure(value: f64, unit: &str) -> String {
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {unit}")
}

/// Cores, processor and system of this machine, in words.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let model = processor().unwrap_or_else(|| "unknown processor".to_owned());
    format!(
        "{cores} cores, {model}, {} {}",
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

fn processor() -> Option<String> {
    if Path::new("/proc/cpuinfo").exists() {
        let facts = fs::read_to_string("/proc/cpuinfo").ok()?;
        let line = facts.lines().find(|line| line.starts_with("model name"))?;
        return line.split_once(':').map(|(_, model)| model.trim().to_owned());
    }
    let output = Command::new("sysctl")
        .args(["-n", "machdep.cpu.brand_string"])
        .output()
        .ok()?;
    String::from_utf8(output.stdout)
        .ok()
        .map(|model| model.trim().to_owned())
        .filter(|model| !model.is_empty())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the page says when it was measured; nothing replays it"
)]
fn today() -> String {
    jiff::Zoned::now().date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, value: f64, unit: &str, limit: Option<(&str, f64)>) -> Measured {
        let limit = limit.map(|(row, floor)| Limit {
            row: row.to_owned(),
            floor: Some(floor),
        });
        let what = String::new();
        Measured {
            name: name.to_owned(),
            what,
            unit: unit.to_owned(),
            limit,
            value,
            peak_bytes: None,
        }
    }

    #[test]
    fn rates_have_a_floor_and_times_a_ceiling() {
        let rows = [
            row("bare", 100.0, "rows/s", None),
            row("sync", 50.0, "rows/s", Some(("bare", 0.5))),
            row("slow", 49.0, "rows/s", Some(("bare", 0.5))),
            row("commit", 100.0, "us", None),
            row("write", 151.0, "us", Some(("commit", 1.5))),
        ];
        let met = |name: &str| {
            rows.iter()
                .find(|row| row.name == name)
                .and_then(|row| verdict(row, &rows))
        };
        assert_eq!(met("bare"), None);
        assert!(met("sync").is_some_and(|(ratio, met)| met == Some(true) && ratio == 0.5));
        assert!(met("slow").is_some_and(|(_, met)| met == Some(false)));
        assert!(met("write").is_some_and(|(_, met)| met == Some(false)));
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(figure(1_234_567.4, "us"), "1,234,567 us");
        assert_eq!(figure(12.0, "us"), "12 us");
    }
}
