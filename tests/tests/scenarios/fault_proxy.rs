//! The wire that breaks, on its own: each fault does what its name says, and nothing else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};

use crate::common::{Fault, FaultProxy, Route, Rule};

/// A service that counts what it has done.
async fn counting_service() -> (SocketAddr, Arc<AtomicUsize>) {
    let done = Arc::new(AtomicUsize::new(0));
    let add = |State(done): State<Arc<AtomicUsize>>, body: String| async move {
        done.fetch_add(1, Ordering::SeqCst);
        format!("took {}", body.len())
    };
    let service = Router::new()
        .route("/add", post(add))
        .route("/read", get(|| async { "0123456789".repeat(1000) }))
        .with_state(done.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, service).await });
    (address, done)
}

/// A client, and where it talks to.
struct Client {
    http: reqwest::Client,
    root: String,
}

impl Client {
    fn new(address: SocketAddr) -> Self {
        Self {
            http: crate::common::client(),
            root: format!("http://{address}"),
        }
    }

    async fn add(&self, body: &str) -> Result<String, reqwest::Error> {
        let request = self.http.post(format!("{}/add", self.root)).body(body.to_owned());
        request.send().await?.text().await
    }

    async fn read(&self) -> Result<String, reqwest::Error> {
        self.http
            .get(format!("{}/read", self.root))
            .send()
            .await?
            .text()
            .await
    }
}

#[tokio::test]
async fn without_a_rule_everything_passes() {
    let (service, done) = counting_service().await;
    let proxy = FaultProxy::start(service);
    let client = Client::new(proxy.address());
    for size in [0, 1, 100_000] {
        assert_eq!(
            client.add(&"x".repeat(size)).await.unwrap(),
            format!("took {size}")
        );
    }
    assert_eq!(client.read().await.unwrap().len(), 10_000);
    assert_eq!(done.load(Ordering::SeqCst), 3);
    let seen: Vec<_> = proxy
        .take_seen()
        .into_iter()
        .map(|one| (one.method, one.path, one.status))
        .collect();
    let post = ("POST".to_owned(), "/add".to_owned(), Some(200));
    let get = ("GET".to_owned(), "/read".to_owned(), Some(200));
    assert_eq!(seen, [post.clone(), post.clone(), post, get]);
}

#[tokio::test]
async fn a_cut_before_leaves_the_service_untouched() {
    let (service, done) = counting_service().await;
    let proxy = FaultProxy::start(service);
    let client = Client::new(proxy.address());
    proxy.plan(Rule::next(Fault::CutBefore, "POST", "/add"));
    client.add("one").await.unwrap_err();
    assert_eq!(done.load(Ordering::SeqCst), 0);
    client.add("two").await.unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 1);
    assert_eq!(proxy.heal(), 1);
}

#[tokio::test]
async fn a_cut_after_loses_the_reply_alone() {
    let (service, done) = counting_service().await;
    let proxy = FaultProxy::start(service);
    let client = Client::new(proxy.address());
    proxy.plan(Rule::next(Fault::CutAfter, "POST", "/add"));
    client.add("one").await.unwrap_err();
    assert_eq!(done.load(Ordering::SeqCst), 1);
    assert_eq!(proxy.take_seen()[0].status, Some(200));
}

#[tokio::test]
async fn a_truncated_reply_is_never_whole() {
    let (service, _) = counting_service().await;
    let proxy = FaultProxy::start(service);
    let client = Client::new(proxy.address());
    for length in [0, 5_000, usize::MAX] {
        proxy.plan(Rule::next(Fault::Truncate(length), "GET", "/read"));
        client.read().await.unwrap_err();
    }
    client.read().await.unwrap();
}

#[tokio::test]
async fn a_rule_strikes_only_what_it_names_and_as_often_as_it_says() {
    let (service, done) = counting_service().await;
    let proxy = FaultProxy::start(service);
    let client = Client::new(proxy.address());
    proxy.plan(
        Rule::next(Fault::CutBefore, "POST", "/add")
            .holding("bad")
            .after(1)
            .times(2),
    );
    client.add("good").await.unwrap();
    client.add("bad 1 passes").await.unwrap();
    client.add("bad 2").await.unwrap_err();
    client.add("good").await.unwrap();
    client.add("bad 3").await.unwrap_err();
    client.add("bad 4 passes").await.unwrap();
    client.read().await.unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 4);
    assert_eq!(proxy.heal(), 2);
}

#[tokio::test]
async fn a_link_that_is_down_refuses_and_comes_back_on_the_same_port() {
    let (service, done) = counting_service().await;
    let mut proxy = FaultProxy::start(service);
    let client = Client::new(proxy.address());
    client.add("one").await.unwrap();
    for _ in 0..5 {
        proxy.down().await;
        // The connection that this client keeps may not have noticed yet; a new client has none.
        client.add("lost").await.unwrap_err();
        let new = Client::new(proxy.address());
        assert!(new.add("lost").await.unwrap_err().is_connect());
        proxy.up();
        client.add("again").await.unwrap();
    }
    assert_eq!(done.load(Ordering::SeqCst), 6);
}

#[tokio::test]
async fn what_is_held_back_is_told_and_never_arrives() {
    let (service, done) = counting_service().await;
    let proxy = FaultProxy::start(service);
    for (fault, effects) in [
        (Fault::HoldBefore, 0),
        (Fault::HoldAfter, 1),
        (Fault::HoldAt(3), 1),
    ] {
        proxy.plan(Rule::next(fault, "", "/add"));
        let client = Client::new(proxy.address());
        let before = done.load(Ordering::SeqCst);
        // The client is dropped, as a process is killed, once it is known that something is held.
        tokio::select! {
            reply = client.add("one") => panic!("{reply:?}"),
            () = proxy.held() => {}
        }
        assert_eq!(done.load(Ordering::SeqCst), before + effects, "{fault:?}");
    }
    assert_eq!(proxy.heal(), 3);
}

#[tokio::test]
async fn a_service_that_moved_is_found_again() {
    let (first, _) = counting_service().await;
    let (second, done) = counting_service().await;
    let route = Route::to(first);
    let proxy = FaultProxy::start_along(route.clone());
    let client = Client::new(proxy.address());
    client.add("there").await.unwrap();
    route.turn(second);
    client.add("here").await.unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 1);
}
