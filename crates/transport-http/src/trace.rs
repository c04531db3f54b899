//! The wire trace: what went over the wire, without what must not be told.

use http::HeaderMap;
use url::Url;

/// Headers whose values say nothing about people or secrets.
const HARMLESS: &[&str] = &[
    "accept",
    "accept-encoding",
    "age",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "etag",
    "if-match",
    "if-none-match",
    "odata-maxversion",
    "odata-version",
    "prefer",
    "preference-applied",
    "repeatability-first-sent",
    "repeatability-request-id",
    "repeatability-result",
    "retry-after",
    "server",
    "transfer-encoding",
    "user-agent",
];

/// One exchange on the wire. Nothing in it is secret: keys, query values, unknown headers and bodies are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The method.
    pub method: String,
    /// The URL with `…` for keys and query values.
    pub url: String,
    /// The status, if an answer came.
    pub status: Option<u16>,
    /// The bytes of the request body.
    pub sent: u64,
    /// The bytes of the answer's body as they came over the wire.
    pub received: u64,
    /// The milliseconds from the request to the end of the answer.
    pub millis: u64,
    /// The headers of the request, `…` for values that are not told.
    pub request_headers: Vec<(String, String)>,
    /// The headers of the answer, `…` for values that are not told.
    pub response_headers: Vec<(String, String)>,
    /// Why no complete answer came.
    pub failure: Option<String>,
}

/// Is told of each exchange after it ended. Called on the thread that waited for it: do not block.
pub trait WireTrace: Send + Sync {
    /// Takes one exchange.
    fn exchange(&self, exchange: &Exchange);
}

const _: fn(&dyn WireTrace) = |_| {};

/// Returns headers with the values that must not be told as `…`.
pub(crate) fn redact_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let told = HARMLESS.contains(&name.as_str()) && !value.is_sensitive();
            let text = value.to_str().ok().filter(|_| told).unwrap_or("…");
            (name.as_str().to_owned(), text.to_owned())
        })
        .collect()
}

/// Returns a URL with `…` for what stands in parentheses and for query values.
pub(crate) fn redact_url(url: &Url) -> String {
    let mut text = format!("{}://", url.scheme());
    text.push_str(url.host_str().unwrap_or_default());
    if let Some(port) = url.port() {
        text.push_str(&format!(":{port}"));
    }
    // From the first parenthesis to the last: a key may hold slashes and parentheses itself.
    let path = url.path();
    match (path.find('('), path.rfind(')')) {
        (Some(open), Some(close)) if open < close => {
            text.push_str(&format!("{}(…){}", &path[..open], &path[close + 1..]));
        }
        (Some(open), _) => text.push_str(&format!("{}(…", &path[..open])),
        (None, _) => text.push_str(path),
    }
    for (index, part) in url.query().into_iter().flat_map(|q| q.split('&')).enumerate() {
        text.push(if index == 0 { '?' } else { '&' });
        match part.split_once('=') {
            Some((name, _)) => text.push_str(&format!("{name}=…")),
            None => text.push('…'),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn nothing_secret_is_told() {
        let url = Url::parse(
            "https://crm.example.com:8443/odata/Accounts('Jane/x)')/contacts?$filter=name eq 'Jane'&Jane",
        )
        .unwrap();
        assert_eq!(
            redact_url(&url),
            "https://crm.example.com:8443/odata/Accounts(…)/contacts?$filter=…&…"
        );
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Basic c2VjcmV0"),
            ("cookie", "a=b"),
            ("set-cookie", "a=b"),
            ("x-csrf-token", "t"),
            ("location", "/Accounts('Jane')"),
            ("prefer", "return=minimal"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        for (name, value) in redact_headers(&headers) {
            assert_eq!(value == "return=minimal", name == "prefer", "{name}");
            assert!(value == "…" || name == "prefer");
        }
    }
}
