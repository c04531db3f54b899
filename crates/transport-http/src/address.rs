//! Where a service lives, and which links still belong to it.

use std::fmt;

use driftless_transport::TransportError;
use url::{Host, Url};

/// The root of a service: the one place that requests go to.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceRoot {
    url: Url,
}

impl ServiceRoot {
    /// Reads an address as a person types it: without a scheme it means HTTPS.
    ///
    /// # Errors
    /// [`TransportError::Address`] if it is not an HTTP address, names a user, or is plain HTTP to another machine.
    pub fn parse(text: &str) -> Result<Self, TransportError> {
        let text = text.trim();
        let full = if text.contains("://") {
            text.to_owned()
        } else {
            format!("https://{text}")
        };
        let refuse = |why: &str| Err(TransportError::Address(why.to_owned()));
        let Ok(mut url) = Url::parse(&full) else {
            return refuse("this is not an address: expected something like https://crm.example.com/odata/");
        };
        if url.host().is_none() || !matches!(url.scheme(), "http" | "https") {
            return refuse("this is not the address of a service: it must start with https://");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("an address must not hold a user or password: give the user with --user");
        }
        if url.scheme() == "http" && !is_loopback(&url) {
            return refuse(
                "plain http:// would send your password readable over the network: use https://; \
                 http:// works only for a server on this machine",
            );
        }
        url.set_query(None);
        url.set_fragment(None);
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self { url })
    }

    /// Returns the root as a URL that ends in a slash.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns host and port, as errors name them.
    #[must_use]
    pub fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// Returns whether the service is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// Resolves a link that a server gave, against the URL whose answer held it.
    ///
    /// # Errors
    /// [`TransportError::Protocol`] if the link is not a URL, names a user, or leads to another origin or out of the
    /// service root.
    pub fn resolve(&self, base: &Url, link: &str) -> Result<Url, TransportError> {
        let refuse = |why: &str| Err(TransportError::Protocol(why.to_owned()));
        let Ok(mut url) = base.join(link) else {
            return refuse("it holds a link that is not a URL");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("it holds a link with a user in it");
        }
        if url.origin() != self.url.origin() {
            return refuse("it holds a link to another host");
        }
        let root = self.url.path();
        if !url.path().starts_with(root) && Some(url.path()) != root.strip_suffix('/') {
            return refuse("it holds a link out of the service");
        }
        url.set_fragment(None);
        Ok(url)
    }

    /// Makes the URL of a resource from its percent-encoded path and query below the root.
    ///
    /// # Errors
    /// [`TransportError::Protocol`] if it leads out of the service root.
    pub fn join(&self, relative: &str) -> Result<Url, TransportError> {
        // The root goes before as text: a segment with a colon must not be taken for a scheme.
        self.resolve(
            &self.url,
            &format!("{}{}", self.url, relative.trim_start_matches('/')),
        )
    }

    /// Returns what a URL below the root adds to it, or `None` if it is not below.
    #[must_use]
    pub fn relative(&self, url: &Url) -> Option<String> {
        url.as_str().strip_prefix(self.url.as_str()).map(str::to_owned)
    }
}

impl fmt::Display for ServiceRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

impl fmt::Debug for ServiceRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceRoot({})", self.url)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_mean_https_and_plain_http_stays_on_this_machine() {
        for (text, want) in [
            ("crm.example.com", Some("https://crm.example.com/")),
            (
                "crm.example.com:8443/odata",
                Some("https://crm.example.com:8443/odata/"),
            ),
            (
                " https://crm.example.com/odata/?a=b#c ",
                Some("https://crm.example.com/odata/"),
            ),
            (
                "http://127.0.0.1:4004/odata",
                Some("http://127.0.0.1:4004/odata/"),
            ),
            ("http://[::1]:1/", Some("http://[::1]:1/")),
            ("http://localhost:1", Some("http://localhost:1/")),
            ("http://crm.example.com", None),
            ("http://127.0.0.1.example.com", None),
            ("http://localhost.example.com", None),
            ("http://192.168.1.1", None),
            ("https://user:pw@crm.example.com", None),
            ("https://user@crm.example.com", None),
            ("ftp://crm.example.com", None),
            ("file:///etc/passwd", None),
            ("https://", None),
            ("", None),
            ("a b", None),
        ] {
            let got = ServiceRoot::parse(text);
            assert_eq!(got.as_ref().ok().map(|r| r.url().as_str()), want, "{text}");
            assert!(got.is_ok() || matches!(got, Err(TransportError::Address(_))));
        }
    }

    #[test]
    fn links_of_a_server_stay_in_its_service() {
        let root = ServiceRoot::parse("https://crm.example.com/odata/v4/").unwrap();
        let base = root.join("Accounts?$top=1").unwrap();
        for (link, want) in [
            ("Accounts?$skiptoken=40", Some("Accounts?$skiptoken=40")),
            (
                "https://crm.example.com/odata/v4/Accounts?x=1#f",
                Some("Accounts?x=1"),
            ),
            ("https://crm.example.com:443/odata/v4/A", Some("A")),
            ("?$skiptoken=1", Some("Accounts?$skiptoken=1")),
            ("/odata/v4/A", Some("A")),
            ("https://evil.example.com/odata/v4/A", None),
            ("https://crm.example.com.evil.example/odata/v4/A", None),
            ("https://crm.example.com:444/odata/v4/A", None),
            ("http://crm.example.com/odata/v4/A", None),
            ("//evil.example.com/odata/v4/A", None),
            ("https://crm.example.com@evil.example/odata/v4/A", None),
            ("https://u:p@crm.example.com/odata/v4/A", None),
            ("../v5/A", None),
            ("/odata/v4/%2e%2e/v5/A", None),
            ("/other", None),
            ("https://crm.examp\u{e9}le.com/odata/v4/A", None),
            ("javascript:alert(1)", None),
            ("https://[", None),
        ] {
            let got = root.resolve(&base, link);
            let relative = got.as_ref().ok().and_then(|url| root.relative(url));
            assert_eq!(relative.as_deref(), want, "{link}");
        }
    }
}
