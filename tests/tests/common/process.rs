//! A child process that tells on its output when it is ready, and is killed when dropped.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// How long a process may take until it is ready.
const READY: Duration = Duration::from_secs(60);

pub(crate) struct Process {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Process {
    /// Starts a process and waits for the first line that `ready` reads something from.
    pub(crate) async fn start<T>(mut command: Command, ready: impl Fn(&str) -> Option<T>) -> (Self, T) {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let said = Arc::new(Mutex::new(String::new()));
        let (lines, mut heard) = mpsc::unbounded_channel();
        listen(child.stdout.take().unwrap(), lines.clone(), said.clone());
        listen(child.stderr.take().unwrap(), lines, said.clone());
        let found = tokio::time::timeout(READY, async {
            while let Some(line) = heard.recv().await {
                if let Some(found) = ready(&line) {
                    return Some(found);
                }
            }
            None
        });
        let Ok(Some(found)) = found.await else {
            panic!(
                "{command:?} did not become ready; it said:\n{}",
                said.lock().unwrap()
            );
        };
        (Self { child, said }, found)
    }

    /// Everything the process wrote so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Ends the process at once and waits until it is gone.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }
}

/// Reads lines until the end, so that the process never waits for a full pipe.
fn listen(
    output: impl AsyncRead + Unpin + Send + 'static,
    lines: mpsc::UnboundedSender<String>,
    said: Arc<Mutex<String>>,
) {
    tokio::spawn(async move {
        let mut output = BufReader::new(output).lines();
        while let Ok(Some(line)) = output.next_line().await {
            let mut said = said.lock().unwrap();
            said.push_str(&line);
            said.push('\n');
            drop(said);
            // Nobody listens any more once the process is ready.
            let _ = lines.send(line);
        }
    });
}
