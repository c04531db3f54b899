//! A client of a few lines: one connection a request, bodies of known length.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use driftless_server::{Server, ServerOptions};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// A running server and a user of it.
pub(crate) struct Running {
    pub(crate) url: String,
    pub(crate) user: &'static str,
    stop: Option<oneshot::Sender<()>>,
    ended: tokio::task::JoinHandle<()>,
}

/// What the server answered.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn etag(&self) -> String {
        self.header("etag").unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The body of a refusal of this status and code.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.code(), code, "{}", self.text);
        self.json()["error"].clone()
    }
}

impl Running {
    pub(crate) async fn start(options: ServerOptions) -> Self {
        let server = Server::open(options).unwrap().bind().await.unwrap();
        let url = server.url();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            server.run(shutdown).await.unwrap();
        });
        Self {
            url,
            user: "alice",
            stop: Some(stop),
            ended,
        }
    }

    /// A server with the built-in schema and so many records, in a temporary place.
    pub(crate) async fn with_data(count: usize) -> Self {
        let mut options = ServerOptions::default();
        options.seed_data = Some(count);
        Self::start(options).await
    }

    pub(crate) async fn stop(mut self) {
        self.stop.take();
        self.ended.await.unwrap();
    }

    /// Sends a request; `path` may be an absolute link of this server.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let password = if self.user == "demo" { "" } else { "driftless" };
        self.send_as(Some((self.user, password)), method, path, headers, body)
            .await
    }

    pub(crate) async fn send_as(
        &self,
        who: Option<(&str, &str)>,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let host = self.url.trim_start_matches("http://").trim_end_matches('/');
        let path = path.strip_prefix(&self.url).unwrap_or(path).replace(' ', "%20");
        let mut text = format!(
            "{method} /{} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n",
            path.trim_start_matches('/')
        );
        if let Some((user, password)) = who {
            let encoded = STANDARD.encode(format!("{user}:{password}"));
            text.push_str(&format!("authorization: Basic {encoded}\r\n"));
        }
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            text.push_str("content-type: application/json\r\n");
        }
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        // A server that refuses early may close before it has read everything.
        let _ = stream.write_all(body.as_bytes()).await;
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        });
        Reply {
            status,
            headers: headers.collect(),
            text: body.to_owned(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], "").await
    }

    pub(crate) async fn post(&self, set: &str, body: &Value) -> Reply {
        self.send("POST", set, &[], &body.to_string()).await
    }

    /// All rows of a set, over all its pages, and the link at the end.
    pub(crate) async fn pages(&self, path: &str, prefer: &str) -> (Vec<Value>, Option<String>) {
        let mut rows = Vec::new();
        let mut next = path.to_owned();
        loop {
            let page = self
                .send("GET", &next, &[("prefer", prefer)], "")
                .await
                .expect(200)
                .json();
            rows.extend(page["value"].as_array().unwrap().iter().cloned());
            match page["@odata.nextLink"].as_str() {
                Some(link) => next = link.to_owned(),
                None => return (rows, page["@odata.deltaLink"].as_str().map(str::to_owned)),
            }
        }
    }
}
