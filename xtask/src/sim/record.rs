//! The record of long runs in `docs/reliability.md`: a row for each piece, and the sums below.

use anyhow::{Context as _, Result, ensure};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where it is.
pub(super) const FILE: &str = "docs/reliability.md";

/// The line after which the rows stand.
const HEAD: &str = "|---|---|---|---|---|---|---|---|";

/// The line before the sums.
const SUMS: &str = "Altogether:";

/// What came of a piece.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) store: String,
    pub(super) start: u64,
    pub(super) seeds: u64,
    pub(super) violations: u64,
    hours: u64,
    minutes: f64,
}

impl Row {
    /// Reads the last line of the simulator.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("seeds ")?;
        let (seeds, rest) = rest.split_once(" (from ")?;
        let (start, rest) = rest.split_once(", ")?;
        let (store, rest) = rest.split_once("), violations ")?;
        let (violations, rest) = rest.split_once(", simulated device-hours ")?;
        let (hours, minutes) = rest.split_once(", CPU minutes ")?;
        Some(Self {
            store: store.to_owned(),
            start: start.parse().ok()?,
            seeds: seeds.parse().ok()?,
            violations: violations.parse().ok()?,
            hours: hours.parse().ok()?,
            minutes: minutes.parse().ok()?,
        })
    }

    /// Reads a row of the table.
    fn of_table(line: &str) -> Option<Self> {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [_, _, store, start, seeds, violations, hours, minutes] = cells.as_slice() else {
            return None;
        };
        Some(Self {
            store: (*store).to_owned(),
            start: start.parse().ok()?,
            seeds: seeds.parse().ok()?,
            violations: violations.parse().ok()?,
            hours: hours.parse().ok()?,
            minutes: minutes.parse().ok()?,
        })
    }
}

/// The record.
#[derive(Debug)]
pub(super) struct Runs {
    root: PathBuf,
    text: String,
    /// The commit that the simulator is built from: the last one when the run begins.
    commit: String,
}

impl Runs {
    /// Reads it.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let path = root.join(FILE);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(text.contains(HEAD), "{FILE} has no table to add a row to");
        let commit = git(root, &["log", "-1", "--format=%h"])?;
        let root = root.to_owned();
        Ok(Self { root, text, commit })
    }

    fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        self.text.lines().filter_map(Row::of_table)
    }

    /// Returns the seed after the last that was recorded for a store.
    pub(super) fn next_seed(&self, store: &str) -> u64 {
        let of_store = self.rows().filter(|row| row.store == store);
        of_store.map(|row| row.start + row.seeds).max().unwrap_or(1)
    }

    /// Adds a row and writes the sums anew.
    pub(super) fn add(&mut self, row: &Row, date: Option<&str>) -> Result<()> {
        let date = match date {
            Some(date) => date.to_owned(),
            None => git(&self.root, &["log", "-1", "--format=%cs"])?,
        };
        self.put(row, &date);
        fs::write(self.root.join(FILE), &self.text).with_context(|| format!("cannot write {FILE}"))
    }

    fn put(&mut self, row: &Row, date: &str) {
        let table = self.text.split_once(SUMS).map_or(&*self.text, |(table, _)| table);
        let mut text = table.trim_end().to_owned();
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "\n| {date} | {} | {} | {} | {} | {} | {} | {:.1} |",
            self.commit, row.store, row.start, row.seeds, row.violations, row.hours, row.minutes
        );
        self.text = text;
        let sums = self.sums();
        self.text.push_str(&sums);
    }

    fn sums(&self) -> String {
        let mut sums: BTreeMap<String, (u64, u64, u64, f64)> = BTreeMap::new();
        for row in self.rows() {
            let sum = sums.entry(row.store).or_default();
            sum.0 += row.seeds;
            sum.1 += row.violations;
            sum.2 += row.hours;
            sum.3 += row.minutes;
        }
        let mut text = format!("\n{SUMS}\n\n");
        for (store, (seeds, violations, hours, minutes)) in sums {
            // Writing to a text cannot fail.
            let _ = writeln!(
                text,
                "- {store}: {seeds} seeds, {violations} violations, {hours} device-hours in {minutes:.0} CPU minutes"
            );
        }
        text
    }
}

fn git(root: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(root)
        .output()
        .context("git cannot be started; give --date")?;
    ensure!(output.status.success(), "git does not tell the last commit");
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        "seeds 20000 (from 1, memory), violations 0, simulated device-hours 950000, CPU minutes 2.5";

    #[test]
    fn pieces_add_up_and_the_next_one_begins_behind_the_last() {
        let mut runs = Runs {
            root: PathBuf::new(),
            text: format!("# Runs\n\n| date |\n{HEAD}\n"),
            commit: "abc1234".to_owned(),
        };
        assert_eq!(runs.next_seed("memory"), 1);
        let row = Row::parse(LINE).unwrap();
        runs.put(&row, "2026-11-22");
        let second = Row { start: 20_001, ..row };
        runs.put(&second, "2026-11-22");
        assert_eq!(runs.next_seed("memory"), 40_001);
        assert_eq!(runs.next_seed("sqlite"), 1);
        assert_eq!(runs.rows().count(), 2);
        let end = "- memory: 40000 seeds, 0 violations, 1900000 device-hours in 5 CPU minutes\n";
        assert!(runs.text.ends_with(end), "{}", runs.text);
        assert_eq!(runs.text.matches(SUMS).count(), 1);
    }
}
