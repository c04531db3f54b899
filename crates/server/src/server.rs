//! Opening, binding and running a server.

use std::fs::File;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::auth::SignIn;
use crate::db::open;
use crate::edge;
use crate::reply::{Refusal, Reply};
use crate::request::Request;
use crate::service::{Service, layouts};
use crate::{ServerError, ServerOptions};

/// Somebody who can sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct User {
    /// The name to sign in with.
    pub name: String,
    /// The password where it is no secret, as in a database that began with data; empty where none is needed.
    pub known_password: Option<&'static str>,
}

/// A server with its database open, not yet listening.
#[derive(Debug)]
pub struct Server {
    service: Arc<Service>,
    listen: String,
    body_limit: usize,
    temporary: Option<TempDir>,
    first_password: Option<String>,
    users: Vec<User>,
    notes: Vec<String>,
    is_new: bool,
    _lock: File,
}

/// A server that listens. Requests wait until [`BoundServer::run`].
#[derive(Debug)]
pub struct BoundServer {
    server: Server,
    listener: TcpListener,
    addr: SocketAddr,
}

impl Server {
    /// Opens the database, or makes it with its data. Blocks, for seconds where it makes a large data set.
    ///
    /// # Errors
    /// [`ServerError`]; a database that could not be made whole is not there afterwards.
    pub fn open(options: ServerOptions) -> Result<Self, ServerError> {
        let opened = open::open(&options)?;
        let service = Service {
            layouts: layouts(&opened.schema, opened.facts.as_ref()),
            schema: opened.schema,
            metadata: opened.metadata,
            facts: opened.facts,
            tables: opened.tables,
            pool: opened.pool,
            database: opened.database,
            feed_kept: options.feed_kept,
            sign_in: SignIn::new([edge::random_id(), edge::random_id()]),
        };
        Ok(Self {
            service: Arc::new(service),
            listen: options.listen,
            body_limit: options.body_limit,
            temporary: opened.temporary,
            first_password: opened.first_password,
            users: opened.users,
            notes: opened.notes,
            is_new: opened.is_new,
            _lock: opened.lock,
        })
    }

    /// Returns who can sign in.
    #[must_use]
    pub fn users(&self) -> &[User] {
        &self.users
    }

    /// Returns what of the schema file is not served, and why, for people.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns whether the database was made by this call; the data of the options are in it only then.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Returns the password of the user `admin` if it was made up just now, for a new database without data. It is
    /// told nowhere else.
    #[must_use]
    pub fn first_password(&self) -> Option<&str> {
        self.first_password.as_deref()
    }

    #[cfg(test)]
    pub(crate) fn service(&self) -> &Service {
        &self.service
    }

    /// Begins to listen.
    ///
    /// # Errors
    /// [`ServerError::Listen`] if the address is taken or not one of this machine.
    pub async fn bind(self) -> Result<BoundServer, ServerError> {
        let failed = |source| ServerError::Listen {
            address: self.listen.clone(),
            source,
        };
        let listener = TcpListener::bind(&self.listen).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        Ok(BoundServer {
            server: self,
            listener,
            addr,
        })
    }
}

impl BoundServer {
    /// Returns the address that the server listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the address to sign in to, such as `http://127.0.0.1:8080/`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.addr)
    }

    /// Answers requests until `shutdown` is done, then finishes those that are under way.
    ///
    /// # Errors
    /// [`ServerError::Stopped`] if the network fails.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ServerError> {
        let door = Door {
            service: Arc::clone(&self.server.service),
            body_limit: self.server.body_limit,
            root: self.url(),
        };
        let router = Router::new().fallback(answer).with_state(Arc::new(door));
        let result = axum::serve(self.listener, router)
            .with_graceful_shutdown(shutdown)
            .await;
        drop(self.server.temporary);
        result.map_err(ServerError::Stopped)
    }
}

/// What every request needs to get in.
struct Door {
    service: Arc<Service>,
    body_limit: usize,
    /// The address of the service for clients that do not say which one they use.
    root: String,
}

async fn answer(State(door): State<Arc<Door>>, request: http::Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, door.body_limit).await else {
        let refusal = Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "BodyTooLarge",
            format!("a request can have {} bytes", door.body_limit),
        );
        return response(refusal.into(), "4.01");
    };
    let request = inner(&door, &parts, bytes.to_vec());
    let version = request.odata_version();
    let service = Arc::clone(&door.service);
    let reply = tokio::task::spawn_blocking(move || service.respond(&request, edge::now())).await;
    let failed = |_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "Failed", "the request failed").into();
    response(reply.unwrap_or_else(failed), version)
}

fn inner(door: &Door, parts: &Parts, body: Vec<u8>) -> Request {
    let host = parts.headers.get("host").and_then(|host| host.to_str().ok());
    Request {
        method: parts.method.clone(),
        path: parts.uri.path().trim_start_matches('/').to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers.clone(),
        body,
        root: host.map_or_else(|| door.root.clone(), |host| format!("http://{host}/")),
    }
}

fn response(reply: Reply, version: &'static str) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = reply.status;
    let headers = response.headers_mut();
    headers.insert("odata-version", HeaderValue::from_static(version));
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}
