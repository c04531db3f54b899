//! Runs simulated worlds: `driftless-sim START SEEDS memory|sqlite`. The last line sums up; it fails if a law was broken.

use anyhow::{Context as _, Result, bail};
use driftless_store::{RecordStore, StoreError};
use driftless_store_sqlite::SqliteStore;
use driftless_testkit::sim::{Broken, MemoryStores, Stores, examine};
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use tempfile::TempDir;

const USAGE: &str = "usage: driftless-sim START SEEDS memory|sqlite";

/// After how many seeds it says how far it is.
const PROGRESS: u64 = 5_000;

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
    let [start, seeds, store] = arguments.as_slice() else {
        bail!(USAGE);
    };
    let (start, seeds): (u64, u64) = (start.parse().context(USAGE)?, seeds.parse().context(USAGE)?);
    let broken = Broken::default();
    let (mut violations, mut millis) = (0u64, 0i64);
    let mut out = std::io::stdout();
    for seed in start..start.saturating_add(seeds) {
        let examined = match store.as_str() {
            "memory" => examine(seed, MemoryStores::default, &broken),
            "sqlite" => examine(seed, || OnDisk(TempDir::new()), &broken),
            _ => bail!(USAGE),
        };
        match examined {
            Ok(report) => millis += report.device_millis,
            Err(failure) => {
                violations += 1;
                writeln!(out, "{failure}")?;
            }
        }
        let done = seed - start + 1;
        if done % PROGRESS == 0 && done < seeds {
            writeln!(out, "{done} seeds run, {violations} violations so far")?;
        }
    }
    let hours = millis / 3_600_000;
    writeln!(
        out,
        "seeds {seeds} (from {start}, {store}), violations {violations}, simulated device-hours {hours}"
    )?;
    Ok(if violations == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
