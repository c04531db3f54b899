//! Our own server as a process: where it is, and that it is gone when it is killed.

use crate::common::{FaultProxy, Reference, client};

#[tokio::test]
async fn it_tells_its_address_first_and_answers_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Reference::start(&["--data", folder.path().to_str().unwrap()]).await;
    let proxy = FaultProxy::start(server.address());
    let reply = client()
        .get(format!("http://{}/", proxy.address()))
        .send()
        .await
        .unwrap();
    assert!(reply.status().as_u16() < 500, "{}", server.log());
    server.kill().await;
    assert!(client().get(server.url()).send().await.unwrap_err().is_connect());
}
