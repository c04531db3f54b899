//! A plain HTTP client, to look at a service's data and to change it as somebody else would.

use std::sync::Once;

use reqwest::Method;
use serde_json::Value;

/// One service, seen by one user.
#[derive(Clone)]
pub(crate) struct Service {
    client: reqwest::Client,
    root: String,
    user: &'static str,
    password: String,
}

/// A client that asks no proxy but ours.
pub(crate) fn client() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // An error says that there is a provider already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// What the service answered.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
    pub(crate) json: Value,
}

impl Service {
    /// The root ends in a slash; the user's password is the name with `-pw`.
    pub(crate) fn new(root: &str, user: &'static str) -> Self {
        Self::with_password(root, user, &format!("{user}-pw"))
    }

    pub(crate) fn with_password(root: &str, user: &'static str, password: &str) -> Self {
        Self {
            client: client(),
            root: root.to_owned(),
            user,
            password: password.to_owned(),
        }
    }

    /// Where the service is.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Reply {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.root))
            .basic_auth(self.user, Some(&self.password));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let etag = response
            .headers()
            .get("etag")
            .map(|tag| tag.to_str().unwrap().to_owned());
        let text = response.text().await.unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Reply { status, etag, json }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], None).await
    }

    /// All rows, over all pages of the server; those behind a delta link come in the order of their commits.
    pub(crate) async fn rows(&self, path: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let reply = self.get(&path).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.json);
            rows.extend(reply.json["value"].as_array().unwrap().iter().cloned());
            next = reply.json["@odata.nextLink"]
                .as_str()
                .map(|link| self.relative(link));
        }
        rows
    }

    /// Where the changes of a set from now on are told.
    pub(crate) async fn delta_link(&self, set: &str) -> String {
        let headers = [("prefer", "odata.track-changes")];
        let mut path = set.to_owned();
        loop {
            let reply = self.send(Method::GET, &path, &headers, None).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.json);
            if let Some(link) = reply.json["@odata.deltaLink"].as_str() {
                return self.relative(link);
            }
            path = self.relative(reply.json["@odata.nextLink"].as_str().unwrap());
        }
    }

    /// A link of the service's, wherever it runs now.
    fn relative(&self, link: &str) -> String {
        link.trim_start_matches(&self.root).to_owned()
    }

    /// Creates a record as somebody else; it must succeed.
    pub(crate) async fn create(&self, set: &str, body: &Value) -> Reply {
        let reply = self.send(Method::POST, set, &[], Some(body)).await;
        assert_eq!(reply.status, 201, "{set}: {}", reply.json);
        reply
    }

    /// Changes a record as somebody else, whatever its version; it must succeed.
    pub(crate) async fn update(&self, record: &str, body: &Value) -> Reply {
        let reply = self
            .send(Method::PATCH, record, &[("if-match", "*")], Some(body))
            .await;
        assert_eq!(reply.status, 200, "{record}: {}", reply.json);
        reply
    }

    /// Deletes a record as somebody else, whatever its version; it must succeed.
    pub(crate) async fn delete(&self, record: &str) {
        let reply = self
            .send(Method::DELETE, record, &[("if-match", "*")], None)
            .await;
        assert_eq!(reply.status, 204, "{record}: {}", reply.json);
    }
}
