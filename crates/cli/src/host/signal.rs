//! Stopping when the user or the system asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Is thrown by SIGINT and SIGTERM: the first one lets a synchronization stop at the next page or batch, the second one
/// ends the process at once, which loses nothing either.
#[derive(Debug, Clone, Default)]
pub(crate) struct StopSwitch {
    pub(crate) thrown: Arc<AtomicBool>,
}

impl StopSwitch {
    /// Listens for signals from now on. Must be called within the runtime.
    pub(crate) fn listen() -> Self {
        let switch = Self::default();
        let thrown = Arc::clone(&switch.thrown);
        tokio::spawn(async move {
            while asked_to_end().await {
                if thrown.swap(true, Ordering::AcqRel) {
                    std::process::exit(crate::error::Exit::Failed as i32);
                }
                crate::output::note("stopping at the next page; once more ends at once (nothing is lost)");
            }
        });
        switch
    }

    pub(crate) fn is_thrown(&self) -> bool {
        self.thrown.load(Ordering::Acquire)
    }
}

/// Waits for a signal; `false` if there can be none.
#[cfg(unix)]
pub(crate) async fn asked_to_end() -> bool {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return false;
    };
    tokio::select! {
        got = interrupt.recv() => got.is_some(),
        got = terminate.recv() => got.is_some(),
    }
}

/// Waits for a signal; `false` if there can be none.
#[cfg(not(unix))]
pub(crate) async fn asked_to_end() -> bool {
    tokio::signal::ctrl_c().await.is_ok()
}
