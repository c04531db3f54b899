//! Our own server as a real process: `driftless serve`.

use std::net::SocketAddr;

use driftless_tests::machine;
use tokio::process::Command;

use super::process::Process;

/// A running `driftless serve`.
pub(crate) struct Reference {
    process: Process,
    url: String,
}

impl Reference {
    /// Starts it on a free port; the first line of its output is its address.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(machine::driftless_bin());
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
        let (process, url) = Process::start(command, |line| {
            let at = line.find("http://")?;
            line[at..].split_whitespace().next().map(str::to_owned)
        })
        .await;
        Self { process, url }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens, for a wire that breaks.
    pub(crate) fn address(&self) -> SocketAddr {
        let host = self.url.trim_start_matches("http://");
        host.split('/').next().unwrap().parse().unwrap()
    }

    pub(crate) fn log(&self) -> String {
        self.process.said()
    }

    /// Ends it at once, as a crash would.
    pub(crate) async fn kill(&mut self) {
        self.process.kill().await;
    }
}
