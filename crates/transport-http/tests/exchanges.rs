//! What the client makes of good and hostile servers, over real connections.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request as Incoming;
use axum::http::{HeaderMap, Response};
use driftless_transport::{Credentials, Retry, TransportError};
use driftless_transport_http::{
    Bytes, ClientOptions, Deadlines, Exchange, HttpClient, Method, Reply, Request, ServiceRoot, WireTrace,
    header,
};
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Serves on a free port of this machine.
async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Serves the same bytes to every connection after its request, then closes it or holds it open.
async fn serve_raw(answer: Vec<u8>, hold: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(&answer).await;
                if hold {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    address
}

fn options() -> ClientOptions {
    let mut options = ClientOptions::default();
    options.credentials = Some(Credentials::Password {
        user: "ann".to_owned(),
        password: "secret".to_owned(),
    });
    options.deadlines = Deadlines {
        connect: Duration::from_secs(2),
        first_byte: Duration::from_millis(300),
        idle: Duration::from_millis(300),
        total: Duration::from_secs(20),
    };
    options
}

fn client(address: SocketAddr, options: ClientOptions) -> HttpClient {
    let root = ServiceRoot::parse(&format!("http://{address}/odata/")).unwrap();
    HttpClient::new(root, options).unwrap()
}

async fn get(client: &HttpClient, path: &str) -> Result<Reply, TransportError> {
    client
        .send(&Request::get(client.root().join(path).unwrap()))
        .await
}

async fn post(client: &HttpClient, path: &str) -> Result<Reply, TransportError> {
    let request = Request::new(Method::POST, client.root().join(path).unwrap());
    client.send(&request.body(Bytes::from_static(b"{}"))).await
}

/// The kind of an error, and whether the request may have had its effect.
fn kind(result: &Result<Reply, TransportError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(TransportError::Unreachable { .. }) => "unreachable",
        Err(TransportError::Lost { .. }) => "lost",
        Err(TransportError::NotOurs { .. }) => "not ours",
        Err(TransportError::Certificate { .. }) => "certificate",
        Err(TransportError::SignIn { .. }) => "sign in",
        Err(TransportError::Throttled { .. }) => "throttled",
        Err(TransportError::Protocol(_)) => "protocol",
        Err(_) => "other",
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn every_answer_and_failure_has_one_class() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let head = |line: &str, more: &str| format!("HTTP/1.1 {line}\r\n{more}\r\n").into_bytes();
    let bomb = {
        let body = gzip(&vec![b' '; 70 << 20]);
        let mut answer = format!(
            "{ok}Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        answer.extend(body);
        answer
    };
    let huge_error = {
        let mut answer = b"HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\n\r\n".to_vec();
        answer.extend(std::iter::repeat_n(b'x', 3 << 20));
        answer
    };
    let html = "Content-Type: text/html; charset=utf-8\r\nContent-Length: 0\r\n";
    let json = "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    let none = "Content-Length: 0\r\n";
    for (name, answer, hold, want) in [
        ("fine", head("200 OK", json), false, "ok"),
        ("no content", head("204 No Content", ""), false, "ok"),
        ("refused", head("400 Bad", json), false, "ok"),
        ("refused for people", head("404 Not Found", html), false, "ok"),
        ("failed with an error", head("500 Failed", json), false, "ok"),
        ("captive page", head("200 OK", html), false, "not ours"),
        ("portal", head("403 Forbidden", html), false, "not ours"),
        ("network sign-in", head("511 Sign in", none), false, "not ours"),
        ("proxy sign-in", head("407 Sign in", none), false, "not ours"),
        (
            "elsewhere",
            head(
                "302 Found",
                "Location: http://evil.example/odata/A\r\nContent-Length: 0\r\n",
            ),
            false,
            "not ours",
        ),
        (
            "out of the service",
            head("307 Moved", "Location: /other\r\nContent-Length: 0\r\n"),
            false,
            "not ours",
        ),
        (
            "in circles",
            head(
                "301 Moved",
                "Location: /odata/A\r\nContent-Length: 0\r\nConnection: close\r\n",
            ),
            false,
            "not ours",
        ),
        ("signed out", head("401 Unauthorized", none), false, "sign in"),
        (
            "too fast",
            head("429 Slow down", "Retry-After: 7\r\nContent-Length: 0\r\n"),
            false,
            "throttled",
        ),
        (
            "too fast, no time",
            head("429 Slow down", none),
            false,
            "throttled",
        ),
        (
            "busy",
            head("503 Busy", "Retry-After: 7\r\nContent-Length: 0\r\n"),
            false,
            "throttled",
        ),
        ("down", head("503 Down", none), false, "lost"),
        ("gateway", head("502 Bad Gateway", html), false, "lost"),
        ("late", head("504 Late", none), false, "lost"),
        ("silent", Vec::new(), true, "lost"),
        ("hangs up", Vec::new(), false, "lost"),
        (
            "hangs up in the head",
            b"HTTP/1.1 200 OK\r\nConte".to_vec(),
            false,
            "lost",
        ),
        ("not HTTP", b"SSH-2.0-hello\r\n".to_vec(), false, "lost"),
        (
            "cut body",
            format!("{ok}Content-Length: 10\r\n\r\n{{}}").into_bytes(),
            false,
            "lost",
        ),
        (
            "cut chunks",
            format!("{ok}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n").into_bytes(),
            false,
            "lost",
        ),
        (
            "stops coming",
            format!("{ok}Content-Length: 10\r\n\r\n{{}}").into_bytes(),
            true,
            "lost",
        ),
        (
            "too large",
            format!("{ok}Content-Length: 99999999999\r\n\r\n").into_bytes(),
            true,
            "protocol",
        ),
        (
            "unknown encoding",
            format!("{ok}Content-Encoding: br\r\nContent-Length: 0\r\n\r\n").into_bytes(),
            false,
            "protocol",
        ),
        ("bomb", bomb, false, "protocol"),
        ("huge error", huge_error, true, "ok"),
    ] {
        let client = client(serve_raw(answer, hold).await, options());
        let got = get(&client, "A").await;
        assert_eq!(kind(&got), want, "GET {name}: {got:?}");
        if let Ok(reply) = got {
            assert!(reply.body.len() <= 64 << 10, "{name}");
        }
        let got = post(&client, "A").await;
        assert_eq!(kind(&got), want, "POST {name}: {got:?}");
        if let Err(error) = got {
            let proved = matches!(want, "sign in" | "throttled");
            assert_eq!(error.may_have_happened(), !proved, "{name}");
            assert!(!error.to_string().contains("secret"), "{name}");
        }
    }
}

#[tokio::test]
async fn nothing_left_the_device_means_no_connection_came_about() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let closed = client(address, options());
    let got = post(&closed, "A").await;
    assert_eq!(kind(&got), "unreachable", "{got:?}");

    let root = ServiceRoot::parse("https://no-such-host.invalid/odata/").unwrap();
    if let Ok(unknown) = HttpClient::new(root, options()) {
        let got = post(&unknown, "A").await;
        assert_eq!(kind(&got), "unreachable", "{got:?}");
    }

    // Plain HTTP where TLS is expected: the handshake fails, the request never leaves.
    let address = serve_raw(b"HTTP/1.1 400 Bad\r\n\r\n".to_vec(), false).await;
    let root = ServiceRoot::parse(&format!("https://{address}/odata/")).unwrap();
    if let Ok(plain) = HttpClient::new(root, options()) {
        let got = post(&plain, "A").await;
        assert_eq!(kind(&got), "unreachable", "{got:?}");
    }
}

#[tokio::test]
async fn retry_after_is_taken_from_seconds_and_dates() {
    for (value, want) in [
        ("7", 7),
        ("Sun, 06 Nov 1994 08:49:57 GMT", 20),
        ("99999999", 3600),
        ("soon", 30),
    ] {
        let answer = format!(
            "HTTP/1.1 429 Slow\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n"
        );
        let client = client(serve_raw(answer.into_bytes(), false).await, options());
        let error = get(&client, "A").await.unwrap_err();
        assert_eq!(error.retry(), Retry::After(Duration::from_secs(want)), "{value}");
    }
}

#[tokio::test]
async fn reads_follow_redirects_within_the_service_and_writes_never_do() {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&seen);
    let router = Router::new().fallback(move |request: Incoming| {
        let log = Arc::clone(&log);
        async move {
            log.lock()
                .unwrap()
                .push(format!("{} {}", request.method(), request.uri()));
            let answer = Response::builder();
            if request.uri().path() == "/odata/old" {
                answer
                    .status(307)
                    .header("Location", "new")
                    .body(Body::empty())
                    .unwrap()
            } else {
                answer.body(Body::from("here")).unwrap()
            }
        }
    });
    let client = client(serve(router).await, options());
    let reply = get(&client, "old").await.unwrap();
    assert_eq!(&reply.body[..], b"here");
    assert_eq!(reply.url, client.root().join("new").unwrap());
    assert_eq!(kind(&post(&client, "old").await), "not ours");
    assert_eq!(
        *seen.lock().unwrap(),
        ["GET /odata/old", "GET /odata/new", "POST /odata/old"]
    );
}

/// Whoever can make a service answer with the address of another one must not get the password with the next request:
/// only the service itself, under its own root, is ever asked.
#[tokio::test]
async fn i08_no_credential_leaves_the_service() {
    let hits: Arc<Mutex<Vec<HeaderMap>>> = Arc::default();
    let log = Arc::clone(&hits);
    let other = serve(Router::new().fallback(move |headers: HeaderMap| {
        log.lock().unwrap().push(headers);
        async { "stolen" }
    }))
    .await;
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let answer: Arc<Mutex<(u16, String)>> = Arc::default();
    let (log, given) = (Arc::clone(&asked), Arc::clone(&answer));
    let own = serve(Router::new().fallback(move |request: Incoming| {
        log.lock().unwrap().push(request.uri().to_string());
        let (status, location) = given.lock().unwrap().clone();
        async move {
            Response::builder()
                .status(status)
                .header("Location", location)
                .body(Body::empty())
                .unwrap()
        }
    }))
    .await;
    let client = client(own, options());
    for location in [
        format!("http://{other}/odata/A"),
        format!("//{other}/odata/A"),
        format!("http://ann:secret@{other}/odata/A"),
        format!("http://{own}@{other}/odata/A"),
        format!("https://{own}/odata/A"),
        format!("http://{own}/elsewhere"),
        "/odata/../elsewhere".to_owned(),
        format!("\\\\{other}\\odata"),
    ] {
        for status in [301, 302, 303, 307, 308] {
            *answer.lock().unwrap() = (status, location.clone());
            assert_eq!(kind(&get(&client, "A").await), "not ours", "{status} {location}");
            assert_eq!(kind(&post(&client, "A").await), "not ours", "{status} {location}");
        }
    }
    let direct =
        Request::get(driftless_transport_http::Url::parse(&format!("http://{other}/odata/A")).unwrap());
    assert_eq!(kind(&client.exchange(&direct).await), "protocol");
    assert!(hits.lock().unwrap().is_empty(), "another origin was asked");
    let asked = asked.lock().unwrap();
    assert!(asked.iter().all(|path| path == "/odata/A"), "{asked:?}");
}

#[tokio::test]
async fn a_cut_answer_is_given_as_far_as_it_came() {
    let answer =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"responses\":["
            .to_vec();
    let client = client(serve_raw(answer, false).await, options());
    let request = Request::new(Method::POST, client.root().join("$batch").unwrap());
    let reply = client.exchange(&request).await.unwrap();
    assert_eq!(&reply.body[..], b"{\"responses\":[");
    assert!(matches!(reply.cut, Some(TransportError::Lost { .. })));
}

#[tokio::test]
async fn compressed_answers_and_times_are_understood() {
    let router = Router::new().fallback(|| async {
        Response::builder()
            .header("Content-Encoding", "gzip")
            .header("Date", "Sun, 06 Nov 1994 08:49:37 GMT")
            .body(Body::from(gzip(b"hello")))
            .unwrap()
    });
    let client = client(serve(router).await, options());
    let reply = get(&client, "A").await.unwrap();
    assert_eq!(&reply.body[..], b"hello");
    assert_eq!(reply.server_time().map(|time| time.0), Some(784_111_777_500));
}

#[derive(Default)]
struct Recorder(Mutex<Vec<Exchange>>);

impl WireTrace for Recorder {
    fn exchange(&self, exchange: &Exchange) {
        self.0.lock().unwrap().push(exchange.clone());
    }
}

#[tokio::test]
async fn a_trace_tells_no_secret() {
    let router = Router::new().fallback(|| async {
        Response::builder()
            .header("Set-Cookie", "canary=1")
            .body(Body::from("canary"))
            .unwrap()
    });
    let recorder = Arc::new(Recorder::default());
    let mut options = options();
    options.credentials = Some(Credentials::Token {
        user: "ann".to_owned(),
        token: "canary".to_owned(),
    });
    options.trace = Some(recorder.clone());
    let client = client(serve(router).await, options);
    let url = client
        .root()
        .join("Accounts('canary')?$filter=name%20eq%20'canary'")
        .unwrap();
    let request = Request::new(Method::PATCH, url).body(Bytes::from_static(b"{\"name\":\"canary\"}"));
    let request = request.header(header::IF_MATCH, "W/\"1\"").unwrap();
    client.send(&request).await.unwrap();
    let seen = recorder.0.lock().unwrap();
    let [exchange] = seen.as_slice() else {
        panic!("one exchange expected");
    };
    assert!(!format!("{exchange:?}").contains("canary"), "{exchange:?}");
    assert!(
        exchange.url.ends_with("/odata/Accounts(…)?$filter=…"),
        "{}",
        exchange.url
    );
    assert_eq!(
        (exchange.status, exchange.sent, exchange.received),
        (Some(200), 17, 6)
    );
    let told = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert!(exchange.request_headers.contains(&told("if-match", "W/\"1\"")));
    assert!(exchange.request_headers.contains(&told("authorization", "…")));
}

#[tokio::test]
async fn connections_are_kept() {
    let peers: Arc<Mutex<Vec<SocketAddr>>> = Arc::default();
    let log = Arc::clone(&peers);
    let router = Router::new().fallback(
        move |axum::extract::ConnectInfo(peer): axum::extract::ConnectInfo<SocketAddr>| {
            log.lock().unwrap().push(peer);
            async { "hello" }
        },
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let client = client(address, options());
    for _ in 0..3 {
        get(&client, "A").await.unwrap();
    }
    let peers = peers.lock().unwrap();
    assert!(
        peers.len() == 3 && peers.iter().all(|peer| *peer == peers[0]),
        "{peers:?}"
    );
}
