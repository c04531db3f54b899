//! A wire that breaks on command: a TCP proxy that knows where one HTTP message ends and the next begins.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinSet;

use super::message::{Message, Unmarked};
use super::rule::{Fault, Rule};

/// A request that came through, or was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: String,
    /// What the service answered, if the request reached it.
    pub(crate) status: Option<u16>,
    pub(crate) fault: Option<Fault>,
}

/// Forwards every connection to a service, except where a [`Rule`] breaks it or the link is down.
pub(crate) struct FaultProxy {
    address: SocketAddr,
    /// Keeps the port ours while nobody listens on it.
    _reserved: TcpSocket,
    link: Option<Link>,
    shared: Arc<Shared>,
}

/// The listening and all connections; ends them when dropped.
struct Link {
    cut: oneshot::Sender<()>,
    accepting: JoinSet<()>,
}

struct Shared {
    route: Route,
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<Exchange>>,
    kept: Mutex<Vec<Message>>,
    /// Something is held back.
    held: Notify,
    /// The rules ended.
    healed: watch::Sender<()>,
}

/// Where a service is: it may come back elsewhere after a restart.
#[derive(Debug, Clone)]
pub(crate) struct Route(Arc<Mutex<SocketAddr>>);

impl Route {
    pub(crate) fn to(service: SocketAddr) -> Self {
        Self(Arc::new(Mutex::new(service)))
    }

    /// The service is here from now on.
    pub(crate) fn turn(&self, service: SocketAddr) {
        *self.0.lock().unwrap() = service;
    }
}

impl FaultProxy {
    /// Starts with the link up.
    pub(crate) fn start(service: SocketAddr) -> Self {
        Self::start_along(Route::to(service))
    }

    /// Starts with the link up, to a service that may move.
    pub(crate) fn start_along(route: Route) -> Self {
        let reserved = socket("127.0.0.1:0".parse().unwrap());
        let address = reserved.local_addr().unwrap();
        let shared = Arc::new(Shared {
            route,
            rules: Mutex::default(),
            seen: Mutex::default(),
            kept: Mutex::default(),
            held: Notify::new(),
            healed: watch::Sender::default(),
        });
        let mut proxy = Self {
            address,
            _reserved: reserved,
            link: None,
            shared,
        };
        proxy.up();
        proxy
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts every connection, and returns when they are closed; new ones are refused.
    pub(crate) async fn down(&mut self) {
        if let Some(mut link) = self.link.take() {
            // It went before, if nobody hears this.
            let _ = link.cut.send(());
            link.accepting.join_next().await;
        }
    }

    /// Listens again, on the same port.
    pub(crate) fn up(&mut self) {
        let listener = socket(self.address).listen(128).unwrap();
        let (cut, ends) = oneshot::channel();
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, self.shared.clone(), ends));
        self.link = Some(Link { cut, accepting });
    }

    pub(crate) fn is_up(&self) -> bool {
        self.link.is_some()
    }

    /// Adds a rule. The first rule that strikes decides.
    pub(crate) fn plan(&self, rule: Rule) {
        self.shared.rules.lock().unwrap().push(rule);
    }

    /// Ends all rules, cuts what they hold back, and returns how often they struck.
    pub(crate) fn heal(&self) -> usize {
        let mut rules = self.shared.rules.lock().unwrap();
        self.shared.healed.send_replace(());
        rules.drain(..).map(|rule| rule.struck()).sum()
    }

    /// Waits until a rule holds a request or a reply back.
    pub(crate) async fn held(&self) {
        self.shared.held.notified().await;
    }

    /// Sends again what was kept, as if it was new, and returns the statuses of the replies.
    pub(crate) async fn repeat_kept(&self) -> Vec<Option<u16>> {
        let kept = std::mem::take(&mut *self.shared.kept.lock().unwrap());
        let mut statuses = Vec::new();
        for request in &kept {
            let reply = self.shared.ask(&request.as_new(), "").await.unwrap();
            statuses.push(reply.status());
        }
        statuses
    }

    /// Takes what was seen since the last call.
    pub(crate) fn take_seen(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.shared.seen.lock().unwrap())
    }
}

fn socket(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    #[cfg(unix)]
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, mut ends: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        let client = tokio::select! {
            came = listener.accept() => came.unwrap().0,
            _ = &mut ends => break,
        };
        let shared = shared.clone();
        connections.spawn(async move {
            // A connection that ends in an error is what this proxy is for.
            let _ = serve(client, &shared).await;
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    connections.shutdown().await;
}

async fn serve(client: TcpStream, shared: &Shared) -> io::Result<()> {
    let (read, mut write) = client.into_split();
    let mut read = BufReader::new(read);
    while let Some(request) = Message::read(&mut read, Unmarked::Empty).await? {
        let line = request.first_line();
        let mut words = line.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut healed = shared.healed.subscribe();
        let fault = shared.strike(&method, &path, &request.body);
        let seen = |status| Exchange {
            method: method.clone(),
            path: path.clone(),
            body: String::from_utf8_lossy(&request.body).into_owned(),
            status,
            fault,
        };
        if let Some(Fault::CutBefore | Fault::HoldBefore) = fault {
            shared.note(seen(None));
            if fault == Some(Fault::HoldBefore) {
                shared.hold(&mut read, &mut healed).await?;
            }
            return Ok(());
        }
        let reply = shared.ask(&request, &method).await?;
        shared.note(seen(reply.status()));
        match fault {
            Some(Fault::CutBefore | Fault::HoldBefore | Fault::CutAfter) => return Ok(()),
            Some(Fault::HoldAfter) => return shared.hold(&mut read, &mut healed).await,
            Some(Fault::HoldAt(length)) => {
                write.write_all(&reply.head).await?;
                let length = length.min(reply.body.len().saturating_sub(1));
                write.write_all(&reply.body[..length]).await?;
                return shared.hold(&mut read, &mut healed).await;
            }
            Some(Fault::Truncate(length)) => {
                write.write_all(&reply.head).await?;
                let length = length.min(reply.body.len().saturating_sub(1));
                return write.write_all(&reply.body[..length]).await;
            }
            Some(Fault::Keep) | None => {
                write.write_all(&reply.head).await?;
                write.write_all(&reply.body).await?;
                if fault.is_some() {
                    shared.kept.lock().unwrap().push(request);
                }
            }
        }
    }
    Ok(())
}

impl Shared {
    fn strike(&self, method: &str, path: &str, body: &[u8]) -> Option<Fault> {
        let mut rules = self.rules.lock().unwrap();
        rules.iter_mut().find_map(|rule| rule.strike(method, path, body))
    }

    /// Tells that something is held back, and keeps the connection until the client is gone or the rules end.
    async fn hold(
        &self,
        read: &mut (impl AsyncRead + Unpin),
        healed: &mut watch::Receiver<()>,
    ) -> io::Result<()> {
        self.held.notify_one();
        let mut rest = Vec::new();
        tokio::select! {
            read = read.read_to_end(&mut rest) => read.map(drop),
            _ = healed.changed() => Ok(()),
        }
    }

    fn note(&self, exchange: Exchange) {
        self.seen.lock().unwrap().push(exchange);
    }

    /// Passes the request on, over a connection of its own, and reads the whole reply.
    async fn ask(&self, request: &Message, method: &str) -> io::Result<Message> {
        let service = *self.route.0.lock().unwrap();
        let mut service = TcpStream::connect(service).await?;
        service.write_all(&request.head).await?;
        service.write_all(&request.body).await?;
        let mut service = BufReader::new(service);
        let unmarked = if method == "HEAD" {
            Unmarked::Empty
        } else {
            Unmarked::UntilClosed
        };
        let reply = Message::read(&mut service, unmarked).await?;
        reply.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}
