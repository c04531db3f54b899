//! Requests as OData wants them, and refusals as it writes them.

use driftless_odata::ErrorBody;
use driftless_record::CauseClass;
use driftless_transport::TransportError;
use driftless_transport_http::{HeaderName, Method, Reply, Request, StatusCode, Url, header};

use crate::classify::{Refusal, plain_cause};
use crate::transport::ODataTransport;

/// What is accepted: whole numbers and decimals as text, so that no digit is lost.
pub(crate) const ACCEPT_JSON: &str = "application/json;odata.metadata=minimal;IEEE754Compatible=true";
/// What bodies are written in.
pub(crate) const WRITE_JSON: &str = "application/json;IEEE754Compatible=true";
/// The preference for stamps.
pub(crate) const PREFER_STAMPS: &str = "driftless.stamps";

pub(crate) const PREFER: HeaderName = HeaderName::from_static("prefer");
const ODATA_VERSION: HeaderName = HeaderName::from_static("odata-version");
const ODATA_MAX_VERSION: HeaderName = HeaderName::from_static("odata-maxversion");

impl ODataTransport {
    /// Makes a request with the headers that every request has.
    pub(crate) fn request(&self, method: Method, url: Url, accept: &str) -> Result<Request, TransportError> {
        // Services of version 4.0 know no other; our own speaks 4.01.
        let version = if self.learned.open().own == Some(true) {
            "4.01"
        } else {
            "4.0"
        };
        Request::new(method, url)
            .header(header::ACCEPT, accept)?
            .header(ODATA_MAX_VERSION, version)
    }

    /// Reads a URL with preferences; refusals come back as replies.
    pub(crate) async fn read(
        &self,
        url: Url,
        accept: &str,
        prefer: &[String],
    ) -> Result<Reply, TransportError> {
        let mut request = self.request(Method::GET, url, accept)?;
        if !prefer.is_empty() {
            request = request.header(PREFER, &prefer.join(","))?;
        }
        self.http.send(&request).await
    }

    /// Reads a URL of JSON; every refusal is an error.
    pub(crate) async fn read_json(&self, url: Url, prefer: &[String]) -> Result<Reply, TransportError> {
        let reply = self.read(url, ACCEPT_JSON, prefer).await?;
        self.expect_success(&reply)?;
        if !reply.is_json() {
            return Err(TransportError::NotOurs {
                host: self.http.root().host(),
                detail: "no JSON".to_owned(),
            });
        }
        Ok(reply)
    }

    /// Turns a refusal of a whole request that changes nothing into an error.
    pub(crate) fn expect_success(&self, reply: &Reply) -> Result<(), TransportError> {
        if reply.status.is_success() {
            return Ok(());
        }
        let refusal = refusal(reply);
        let class = match reply.status {
            StatusCode::FORBIDDEN => CauseClass::Permission,
            StatusCode::NOT_FOUND => CauseClass::Gone,
            StatusCode::GONE => return Err(TransportError::CheckpointGone),
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::URI_TOO_LONG => CauseClass::TooLarge,
            StatusCode::BAD_REQUEST if is_expired_token(&refusal.code) => {
                return Err(TransportError::CheckpointGone);
            }
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => CauseClass::Validation,
            status if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED => {
                return Err(TransportError::Lost {
                    host: self.http.root().host(),
                    detail: format!("status {status}"),
                });
            }
            _ => CauseClass::Unsupported,
        };
        Err(TransportError::Refused(plain_cause(&refusal, class)))
    }
}

/// Dataverse tells an expired delta token by a code, not by a status.
fn is_expired_token(code: &str) -> bool {
    code.eq_ignore_ascii_case("0x80044352")
}

/// Reads a refusal from a reply of its own.
pub(crate) fn refusal(reply: &Reply) -> Refusal {
    let refusal = Refusal {
        status: reply.status.as_u16(),
        is_own: reply.headers.contains_key(ODATA_VERSION),
        repeatability: reply.header("repeatability-result").map(str::to_owned),
        retry_after: reply.retry_after(),
        ..Refusal::default()
    };
    refusal.told(ErrorBody::read(&reply.body))
}
