//! An HTTP forward proxy, RFC 9110 §7.7: absolute-form for http, CONNECT for https, Basic credentials.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use data_encoding::BASE64;
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use crate::door::{self, Door, Visitor};
use crate::http::{self, Connection, Head};

/// A forward proxy on a free loopback port that writes down who asked for what. Dropped = refused from that
/// moment on, and every connection ends.
#[derive(Debug)]
pub struct ForwardProxy {
    door: Door,
    state: Arc<State>,
}

/// What a client asked the proxy for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyRequest {
    /// `CONNECT` for https.
    pub method: String,
    /// The whole URL, or `host:port` for `CONNECT`.
    pub target: String,
    /// Header fields in their order, those for the proxy too.
    pub headers: Vec<(String, String)>,
    /// Whether the credentials were right, or none were needed. Refused ones got 407.
    pub passed: bool,
}

#[derive(Debug)]
struct State {
    wanted: Option<String>, // the value that Proxy-Authorization has to have
    destination: Mutex<Option<SocketAddr>>,
    requests: Mutex<Vec<ProxyRequest>>,
}

impl ForwardProxy {
    /// Starts one that lets everybody through.
    ///
    /// # Panics
    /// When the system has no free port left.
    pub async fn start() -> Self {
        Self::open(None)
    }

    /// Starts one that answers 407 to everybody without these Basic credentials.
    ///
    /// # Panics
    /// When the system has no free port left.
    pub async fn start_with_credentials(user: &str, password: &str) -> Self {
        Self::open(Some(format!("Basic {}", BASE64.encode(format!("{user}:{password}").as_bytes()))))
    }

    fn open(wanted: Option<String>) -> Self {
        let state = Arc::new(State { wanted, destination: Mutex::default(), requests: Mutex::default() });
        let of_connections = Arc::clone(&state);
        let door = Door::open(move |visitor| serve(Arc::clone(&of_connections), visitor));
        Self { door, state }
    }

    /// `http://127.0.0.1:PORT`, without credentials.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// Leads every request to `destination`, whatever host it names: a host name that does not exist then
    /// proves that the client left finding it to the proxy.
    pub fn lead_to(&self, destination: SocketAddr) {
        *lock(&self.state.destination) = Some(destination);
    }

    /// All that it was asked for, in order.
    pub fn requests(&self) -> Vec<ProxyRequest> {
        lock(&self.state.requests).clone()
    }

    /// How many requests and tunnels it let through.
    pub fn passed(&self) -> usize {
        lock(&self.state.requests).iter().filter(|request| request.passed).count()
    }

    /// How many it answered with 407.
    pub fn refused(&self) -> usize {
        lock(&self.state.requests).iter().filter(|request| !request.passed).count()
    }
}

impl ProxyRequest {
    /// The first header field of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        http::header(&self.headers, name)
    }
}

/// One connection: requests that are refused leave it open for the next try; one that passes uses it up.
async fn serve(state: Arc<State>, visitor: Visitor) {
    let Visitor { stream, mut dismissal, counted: _counted, .. } = visitor;
    tokio::select! {
        () = dismissal.told() => {}
        _broken_off = converse(&state, Connection::new(stream)) => {} // by one of the two sides; the other was told
    }
}

async fn converse(state: &State, mut client: Connection) -> io::Result<()> {
    while let Some(head) = client.read_head().await? {
        let body = client.read_body(&head).await?;
        if state.admits(&head) {
            return match head.method.as_str() {
                "CONNECT" => tunnel(state, client, &head).await,
                _ => forward(state, client, &head, &body).await,
            };
        }
        answer(&mut client, 407, &[("Proxy-Authenticate", "Basic realm=\"proxy\"")]).await?;
    }
    Ok(())
}

/// Bytes both ways, whatever they are, RFC 9110 §9.3.6.
async fn tunnel(state: &State, mut client: Connection, head: &Head) -> io::Result<()> {
    let Ok(mut server) = state.connect(&head.target).await else {
        return answer(&mut client, 502, &[]).await;
    };
    client.write(http::response_head(200, []).as_bytes()).await?;
    let (mut client, early) = client.into_parts();
    server.write_all(&early).await?;
    join(&mut client, &mut server).await.inspect_err(|_| door::reset(client))
}

/// One request to the server in origin form, on a connection of its own, and its answer back as it comes. The
/// end of that connection is the end of the client's one.
async fn forward(state: &State, mut client: Connection, head: &Head, body: &[u8]) -> io::Result<()> {
    let (Some(authority), path) = http::split_target(&head.target) else {
        return answer(&mut client, 400, &[]).await; // a proxy needs absolute form, RFC 9112 §3.2.2
    };
    let authority = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
    let Ok(mut server) = state.connect(&authority).await else {
        return answer(&mut client, 502, &[]).await;
    };
    server.write_all(&[origin_request(head, &path, body).as_bytes(), body].concat()).await?;
    let (mut client, _) = client.into_parts();
    join(&mut client, &mut server).await.inspect_err(|_| door::reset(client))
}

/// The request's head for the server: what is for the proxy and for this connection only stays here, and the
/// body that follows has a length.
fn origin_request(head: &Head, path: &str, body: &[u8]) -> String {
    let mut request = format!("{} {path} HTTP/1.1\r\n", head.method);
    for (name, value) in &head.headers {
        let stays = [
            "connection",
            "proxy-connection",
            "proxy-authorization",
            "transfer-encoding",
            "content-length",
            "expect",
        ]
        .iter()
        .any(|hop| name.eq_ignore_ascii_case(hop));
        if !stays {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    let has_body = !body.is_empty() || head.header("content-length").is_some();
    let length = if has_body { format!("Content-Length: {}\r\n", body.len()) } else { String::new() };
    format!("{request}{length}Connection: close\r\n\r\n")
}

async fn join(client: &mut TcpStream, server: &mut TcpStream) -> io::Result<()> {
    copy_bidirectional(client, server).await.map(drop)
}

async fn answer(client: &mut Connection, status: u16, fields: &[(&str, &str)]) -> io::Result<()> {
    let fields = fields.iter().copied().chain([("Content-Length", "0")]);
    client.write(http::response_head(status, fields).as_bytes()).await
}

impl State {
    /// Writes the request down, and says whether it may pass.
    fn admits(&self, head: &Head) -> bool {
        let passed = self.wanted.is_none() || head.header("proxy-authorization") == self.wanted.as_deref();
        lock(&self.requests).push(ProxyRequest {
            method: head.method.clone(),
            target: head.target.clone(),
            headers: head.headers.clone(),
            passed,
        });
        passed
    }

    async fn connect(&self, authority: &str) -> io::Result<TcpStream> {
        let destination = *lock(&self.destination);
        let server = match destination {
            Some(destination) => TcpStream::connect(destination).await?,
            None => TcpStream::connect(authority).await?,
        };
        server.set_nodelay(true)?;
        Ok(server)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
