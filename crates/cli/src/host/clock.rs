//! The clocks of this machine: the one place that reads them.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use driftless_engine::Clock;
use driftless_record::{BootId, Timestamp};
use futures_util::future::BoxFuture;
use uuid::Uuid;

/// The clocks of this machine.
///
/// On Linux, monotonic time counts from the start of the machine, sleep included, and the boot id is the kernel's, so
/// that edits of several processes can be compared. Elsewhere each process counts from its own start under a boot id of
/// its own; edits of earlier processes are then corrected by the wall clock's known skew.
pub(crate) struct SystemClock {
    boot: BootId,
    since: Since,
}

enum Since {
    #[cfg(target_os = "linux")]
    Boot,
    Start(Instant),
}

impl SystemClock {
    /// Makes the clocks; `fallback` becomes the boot id where the system tells none.
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge reads the clock here, for everyone else"
    )]
    pub(crate) fn new(fallback: Uuid) -> Self {
        #[cfg(target_os = "linux")]
        if let Some(boot) = kernel_boot() {
            return Self {
                boot,
                since: Since::Boot,
            };
        }
        Self {
            boot: BootId(fallback),
            since: Since::Start(Instant::now()),
        }
    }
}

#[cfg(target_os = "linux")]
fn kernel_boot() -> Option<BootId> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    text.trim().parse().ok()
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge reads the clock here, for everyone else"
    )]
    fn now(&self) -> Timestamp {
        let millis = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis),
        };
        Timestamp(millis)
    }

    fn monotonic(&self) -> i64 {
        match &self.since {
            #[cfg(target_os = "linux")]
            Since::Boot => {
                let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
                time.tv_sec
                    .saturating_mul(1000)
                    .saturating_add(time.tv_nsec / 1_000_000)
            }
            Since::Start(start) => i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX),
        }
    }

    fn boot(&self) -> BootId {
        self.boot
    }

    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(millis)))
    }
}
