//! The client: one call is one attempt.

use std::time::Duration;

use bytes::Bytes;
use driftless_transport::{Credentials, TransportError};
use http::header::{ACCEPT_ENCODING, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use reqwest::redirect::Policy;
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::body::BodyReader;
use crate::failure::{classify, detail};
use crate::trace::{redact_headers, redact_url};
use crate::{ClientOptions, Exchange, Limits, Reply, ServiceRoot, tls};

/// The most redirects of a read.
const MAX_REDIRECTS: usize = 5;
/// How slowly a request body may leave before its answer counts as late, in bytes a second.
const SLOWEST_UPLOAD: u64 = 32 << 10;
/// How long an idle connection is kept.
const KEEP_IDLE: Duration = Duration::from_secs(30);
/// The most decoded bytes of an error that are looked at before the rest is left unread.
const ERROR_READ_BYTES: usize = 1 << 20;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Bytes>,
}

impl Request {
    /// Makes a request without headers and body.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
        }
    }

    /// Makes a read.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// Sets a header.
    ///
    /// # Errors
    /// [`TransportError::Protocol`] if the value has characters that no header may have.
    pub fn header(mut self, name: HeaderName, value: &str) -> Result<Self, TransportError> {
        let value = HeaderValue::from_str(value).map_err(|_| {
            TransportError::Protocol(format!("a value for {name} cannot be sent as a header"))
        })?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: Bytes) -> Self {
        self.body = Some(body);
        self
    }
}

/// HTTP to one service. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct HttpClient {
    root: ServiceRoot,
    client: reqwest::Client,
    options: ClientOptions,
}

impl HttpClient {
    /// Makes a client for one service. Nothing is sent.
    ///
    /// # Errors
    /// [`TransportError::Certificate`] if the authorities cannot be read; [`TransportError::Address`] if the
    /// credentials cannot be sent.
    pub fn new(root: ServiceRoot, options: ClientOptions) -> Result<Self, TransportError> {
        let host = root.host();
        if let Some(Credentials::Password { user, .. }) = &options.credentials
            && user.contains(':')
        {
            return Err(TransportError::Address(
                "a user name must not have a colon".to_owned(),
            ));
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("driftless/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(options.deadlines.connect)
            .pool_idle_timeout(KEEP_IDLE)
            .tcp_keepalive(KEEP_IDLE)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only();
        if root.is_loopback() {
            builder = builder.no_proxy();
        }
        let config = if root.url().scheme() == "https" {
            tls::config(options.ca_pem.as_deref())
        } else {
            tls::unused()
        };
        builder = builder.tls_backend_preconfigured(
            config.map_err(|detail| TransportError::Certificate { host, detail })?,
        );
        let client = builder
            .build()
            .map_err(|error| TransportError::Address(format!("no client can be made: {}", detail(&error))))?;
        Ok(Self {
            root,
            client,
            options,
        })
    }

    /// Returns the root of the service.
    #[must_use]
    pub fn root(&self) -> &ServiceRoot {
        &self.root
    }

    /// Returns the user name of the credentials.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.options.credentials.as_ref().map(Credentials::user)
    }

    /// Sends a request and returns the complete answer of the service itself.
    ///
    /// # Errors
    /// As [`HttpClient::exchange`], for a body that was cut, and for what [`Reply::check`] refuses.
    pub async fn send(&self, request: &Request) -> Result<Reply, TransportError> {
        let mut reply = self.exchange(request).await?;
        reply.check(&self.root.host())?;
        match reply.cut.take() {
            Some(error) => Err(error),
            None => Ok(reply),
        }
    }

    /// Sends a request and returns whatever answered, with the body as far as it came.
    ///
    /// Only reads follow redirects, within the service root.
    ///
    /// # Errors
    /// [`TransportError::Unreachable`] and [`TransportError::Certificate`] if nothing left the device,
    /// [`TransportError::Lost`] if no head came back, [`TransportError::NotOurs`] for a redirect that a read must not
    /// follow, [`TransportError::Protocol`] for an answer beyond the limits or a URL outside the service.
    pub async fn exchange(&self, request: &Request) -> Result<Reply, TransportError> {
        let mut url = self.root.resolve(self.root.url(), request.url.as_str())?;
        for _ in 0..=MAX_REDIRECTS {
            let reply = self.attempt(request, &url).await?;
            let follow =
                request.method == Method::GET && matches!(reply.status.as_u16(), 301..=303 | 307 | 308);
            if !follow {
                return Ok(reply);
            }
            let target = reply.header(LOCATION.as_str()).unwrap_or_default();
            url = self
                .root
                .resolve(&reply.url, target)
                .map_err(|_| self.not_ours("it sends us elsewhere"))?;
        }
        Err(self.not_ours("it sends us around in circles"))
    }

    async fn attempt(&self, request: &Request, url: &Url) -> Result<Reply, TransportError> {
        let started = Instant::now();
        let prepared = self.prepare(request, url)?;
        let headers = prepared.headers().clone();
        let outcome = self.perform(prepared, url, request.body.as_ref(), started).await;
        if let Some(trace) = &self.options.trace {
            let reply = outcome.as_ref().ok();
            let failure = match &outcome {
                Ok(reply) => reply.cut.as_ref(),
                Err(error) => Some(error),
            };
            trace.exchange(&Exchange {
                method: request.method.to_string(),
                url: redact_url(url),
                status: reply.map(|reply| reply.status.as_u16()),
                sent: request.body.as_ref().map_or(0, |body| body.len() as u64),
                received: reply.map_or(0, |reply| reply.received),
                millis: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                request_headers: redact_headers(&headers),
                response_headers: reply
                    .map(|reply| redact_headers(&reply.headers))
                    .unwrap_or_default(),
                failure: failure.map(ToString::to_string),
            });
        }
        outcome
    }

    fn prepare(&self, request: &Request, url: &Url) -> Result<reqwest::Request, TransportError> {
        let encoding = if self.root.is_loopback() {
            "identity"
        } else {
            "gzip"
        };
        let mut builder = self
            .client
            .request(request.method.clone(), url.clone())
            .header(ACCEPT_ENCODING, encoding)
            .headers(request.headers.clone());
        builder = match &self.options.credentials {
            Some(Credentials::Password { user, password }) => builder.basic_auth(user, Some(password)),
            Some(Credentials::Token { token, .. }) => builder.bearer_auth(token),
            None => builder,
        };
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        builder
            .build()
            .map_err(|error| classify(error, &self.root.host()))
    }

    async fn perform(
        &self,
        prepared: reqwest::Request,
        url: &Url,
        body: Option<&Bytes>,
        started: Instant,
    ) -> Result<Reply, TransportError> {
        let deadlines = self.options.deadlines;
        let end = started + deadlines.total;
        let upload = Duration::from_secs(body.map_or(0, |body| body.len() as u64 / SLOWEST_UPLOAD));
        // Connecting has a deadline of its own, below; what exceeds this one has been sent, at least in part.
        let head = started + deadlines.connect + deadlines.first_byte + upload;
        let mut response = timeout_at(head.min(end), self.client.execute(prepared))
            .await
            .map_err(|_| self.lost("no answer in time"))?
            .map_err(|error| classify(error, &self.root.host()))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let is_error = status.is_client_error() || status.is_server_error();
        let limits = match self.options.limits {
            limits if is_error => Limits {
                body_bytes: limits.body_bytes.min(ERROR_READ_BYTES),
                ..limits
            },
            limits => limits,
        };
        let expected = response.content_length().filter(|_| !is_error);
        let mut reader = BodyReader::new(&headers, expected, limits).map_err(TransportError::Protocol)?;
        let cut = loop {
            let until = (Instant::now() + deadlines.idle).min(end);
            match timeout_at(until, response.chunk()).await {
                Err(_) => break Some(self.lost("the answer stopped coming")),
                Ok(Err(error)) => break Some(self.lost(&detail(&error))),
                Ok(Ok(None)) => break None,
                Ok(Ok(Some(chunk))) => match reader.push(&chunk) {
                    Ok(()) => {}
                    Err(_) if is_error => break None,
                    Err(why) => break Some(TransportError::Protocol(why)),
                },
            }
        };
        let received = reader.received() as u64;
        let (mut body, complete) = reader.finish();
        if is_error {
            body.truncate(limits.error_bytes);
        }
        let unfinished = !complete && !is_error;
        Ok(Reply {
            url: url.clone(),
            status,
            headers,
            body,
            received,
            cut: cut.or_else(|| unfinished.then(|| self.lost("its compressed body is not complete"))),
        })
    }

    fn lost(&self, detail: &str) -> TransportError {
        TransportError::Lost {
            host: self.root.host(),
            detail: detail.to_owned(),
        }
    }

    fn not_ours(&self, detail: &str) -> TransportError {
        TransportError::NotOurs {
            host: self.root.host(),
            detail: detail.to_owned(),
        }
    }
}
