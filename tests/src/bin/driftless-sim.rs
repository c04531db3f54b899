//! Runs simulated worlds: `driftless-sim START SEEDS memory|sqlite [MINUTES]`. The last line sums up; it fails if a law
//! was broken.

use anyhow::{Context as _, Result, bail};
use driftless_store::{RecordStore, StoreError};
use driftless_store_sqlite::SqliteStore;
use driftless_testkit::sim::{Broken, MemoryStores, Stores, examine};
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const USAGE: &str = "usage: driftless-sim START SEEDS memory|sqlite [MINUTES]";

/// After how many seeds it says how far it is.
const PROGRESS: u64 = 5_000;

/// How many hundredths of a second Linux counts in a second of a process's time.
const TICKS: u64 = 100;

/// Stores on disk, in a folder that goes away with them.
struct OnDisk(std::io::Result<TempDir>);

impl Stores for OnDisk {
    fn open(&self, device: usize) -> Result<Arc<dyn RecordStore>, StoreError> {
        let folder = self.0.as_ref();
        let folder = folder.map_err(|error| StoreError::Backend(error.to_string().into()))?;
        let path = folder.path().join(format!("device-{device}.db"));
        Ok(Arc::new(SqliteStore::open(path)?))
    }
}

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (start, seeds, store, minutes) = match arguments.as_slice() {
        [start, seeds, store] => (start, seeds, store, None),
        [start, seeds, store, minutes] => (start, seeds, store, Some(minutes)),
        _ => bail!(USAGE),
    };
    let (start, seeds): (u64, u64) = (start.parse().context(USAGE)?, seeds.parse().context(USAGE)?);
    let minutes: Option<u64> = minutes
        .map(|minutes| minutes.parse().context(USAGE))
        .transpose()?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the limit is one of real time; no world sees this clock"
    )]
    let began = Instant::now();
    let limit = minutes.map(|minutes| Duration::from_secs(60 * minutes));
    let broken = Broken::default();
    let (mut violations, mut millis, mut done, mut compared) = (0u64, 0i64, 0u64, 0usize);
    let mut out = std::io::stdout();
    for seed in start..start.saturating_add(seeds) {
        if limit.is_some_and(|limit| began.elapsed() >= limit) {
            writeln!(out, "the time is over")?;
            break;
        }
        let examined = match store.as_str() {
            "memory" => examine(seed, MemoryStores::default, &broken),
            "sqlite" => examine(seed, || OnDisk(TempDir::new()), &broken),
            _ => bail!(USAGE),
        };
        match examined {
            Ok(report) => {
                millis += report.device_millis;
                compared += report.compared;
            }
            Err(failure) => {
                violations += 1;
                writeln!(out, "{failure}")?;
            }
        }
        done += 1;
        if done.is_multiple_of(PROGRESS) && done < seeds {
            writeln!(out, "{done} seeds run, {violations} violations so far")?;
        }
    }
    let hours = millis / 3_600_000;
    let spent = cpu_time().unwrap_or_else(|| began.elapsed()).as_secs_f64() / 60.0;
    writeln!(
        out,
        "{compared} final values compared with the edit that was made last"
    )?;
    writeln!(
        out,
        "seeds {done} (from {start}, {store}), violations {violations}, simulated device-hours {hours}, CPU minutes {spent:.1}"
    )?;
    Ok(if violations == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Returns how long the process has had a processor, where the system tells.
fn cpu_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in brackets, may hold anything.
    let (_, numbers) = stat.rsplit_once(')')?;
    let mut times = numbers.split_whitespace().skip(11);
    let user: u64 = times.next()?.parse().ok()?;
    let system: u64 = times.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1_000 / TICKS))
}
