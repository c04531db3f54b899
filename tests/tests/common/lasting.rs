//! Our own server as a process that is killed now and then, and started again on the same data.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tokio::sync::Mutex;

use super::http::Service;
use super::proxy::Route;
use super::reference::Reference;

/// Every user of the demonstration data has this one.
pub(crate) const PASSWORD: &str = "driftless";

/// A server whose data outlives it.
pub(crate) struct Lasting {
    data: tempfile::TempDir,
    running: Mutex<Reference>,
    /// Where devices find it, wherever it is.
    pub(crate) route: Route,
    kills: AtomicUsize,
}

impl Lasting {
    pub(crate) async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let running = Reference::start(&["--data", data.path().to_str().unwrap(), "--seed-data", "60"]).await;
        Self {
            route: Route::to(running.address()),
            running: Mutex::new(running),
            data,
            kills: AtomicUsize::new(0),
        }
    }

    /// The server as somebody sees it who looks behind the devices' backs.
    pub(crate) async fn service(&self) -> Service {
        let running = self.running.lock().await;
        Service::with_password(running.url(), "carol", PASSWORD)
    }

    /// Looks at one record, if it is there; the server is not killed meanwhile.
    pub(crate) async fn look(&self, record: &str) -> Option<Value> {
        let running = self.running.lock().await;
        let service = Service::with_password(running.url(), "carol", PASSWORD);
        let reply = service.get(record).await;
        (reply.status == 200).then_some(reply.json)
    }

    /// Kills it at a moment, and starts it again on the same data.
    pub(crate) async fn killed_at(&self, moment: impl Future<Output = ()>) {
        let mut running = self.running.lock().await;
        moment.await;
        running.kill().await;
        self.kills.fetch_add(1, Ordering::Relaxed);
        *running = Reference::start(&["--data", self.data.path().to_str().unwrap()]).await;
        self.route.turn(running.address());
    }

    pub(crate) fn kills(&self) -> usize {
        self.kills.load(Ordering::Relaxed)
    }
}
