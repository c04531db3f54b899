//! The wire trace on standard error.

use driftless_transport_http::{Exchange, WireTrace};

use crate::output::note;

/// Writes each exchange to standard error. Secrets, keys and values were taken out before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StderrTrace;

impl WireTrace for StderrTrace {
    fn exchange(&self, exchange: &Exchange) {
        let headers = |mark: &str, headers: &[(String, String)]| -> String {
            headers
                .iter()
                .map(|(name, value)| format!("\n  {mark} {name}: {value}"))
                .collect()
        };
        let status = match (&exchange.status, &exchange.failure) {
            (Some(status), None) => status.to_string(),
            (Some(status), Some(failure)) => format!("{status}, {failure}"),
            (None, failure) => failure.clone().unwrap_or_default(),
        };
        note(&format!(
            "trace: {} {} -> {status} ({} ms, {} bytes sent, {} received){}{}",
            exchange.method,
            exchange.url,
            exchange.millis,
            exchange.sent,
            exchange.received,
            headers(">", &exchange.request_headers),
            headers("<", &exchange.response_headers),
        ));
    }
}
