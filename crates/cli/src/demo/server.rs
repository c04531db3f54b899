//! The embedded reference server: up, really away, and up again at the same address.

use std::path::{Path, PathBuf};
use std::time::Duration;

use driftless_server::{Server, ServerError, ServerOptions};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::error::CliError;

/// How long the server may take to finish what is under way.
const PATIENCE: Duration = Duration::from_secs(10);

/// The server of the demo, on a loopback port.
pub(super) struct Embedded {
    data: PathBuf,
    seed_data: usize,
    listen: String,
    url: String,
    running: Option<Running>,
}

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServerError>>,
}

impl Embedded {
    /// Makes the database with its data and begins to serve it.
    pub(super) async fn start(data: &Path, seed_data: usize) -> Result<Self, CliError> {
        let mut embedded = Self {
            data: data.to_owned(),
            seed_data,
            listen: "127.0.0.1:0".to_owned(),
            url: String::new(),
            running: None,
        };
        embedded.up().await?;
        Ok(embedded)
    }

    /// The address to sign in to.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Begins to serve, at the same address as before.
    pub(super) async fn up(&mut self) -> Result<(), CliError> {
        let mut options = ServerOptions::default();
        options.data = Some(self.data.clone());
        options.listen.clone_from(&self.listen);
        options.seed_data = Some(self.seed_data);
        let opened = tokio::task::spawn_blocking(move || Server::open(options));
        let server = opened
            .await
            .map_err(|error| failed(&error))?
            .map_err(|error| failed(&error))?;
        let bound = server.bind().await.map_err(|error| failed(&error))?;
        self.listen = bound.addr().to_string();
        self.url = bound.url();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(bound.run(async move {
            // A sender that is gone means the same as its word.
            let _ = stopped.await;
        }));
        self.running = Some(Running { stop, task });
        Ok(())
    }

    /// Stops serving: from here on connections are refused.
    pub(super) async fn down(&mut self) -> Result<(), CliError> {
        let Some(running) = self.running.take() else {
            return Ok(());
        };
        // A server that ended already has nobody listening.
        let _ = running.stop.send(());
        match tokio::time::timeout(PATIENCE, running.task).await {
            Ok(Ok(ended)) => ended.map_err(|error| failed(&error)),
            Ok(Err(error)) => Err(failed(&error)),
            Err(_) => Err(CliError::failed("server", "the embedded server does not stop")),
        }
    }
}

fn failed(error: &dyn std::error::Error) -> CliError {
    CliError::failed("server", error.to_string())
}
