//! What the server promises: it answers, lets nobody hold it up, and ends when it is told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use mtan_daemon::{listen, serve};
use mtan_testkit::wait_until;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<std::io::Result<()>>,
}

impl Server {
    async fn start(router: Router) -> Server {
        let listener = listen("127.0.0.1:0").await.expect("a free port");
        let (address, stop) = (listener.local_addr().expect("bound"), CancellationToken::new());
        let served = tokio::spawn(serve(listener, router, stop.clone()));
        Server { address, stop, served }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("the server listens")
    }

    /// Waits until the server has ended.
    async fn end(self) {
        self.served.await.expect("no panic").expect("no error");
    }
}

async fn ask(stream: &mut TcpStream, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the connection is open");
}

/// What comes until the server closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("a clean close");
    text
}

/// A router whose `/slow` waits for `go`, and notes that it has begun.
fn slow(begun: Arc<Notify>, go: Arc<Notify>) -> Router {
    let handler = async move || {
        begun.notify_one();
        go.notified().await;
        "slow but sure"
    };
    Router::new().route("/slow", get(handler)).route("/", get(async || "quick"))
}

#[tokio::test]
async fn requests_are_answered_one_after_the_other_and_the_client_is_known() {
    let server = Server::start(
        Router::new().route("/", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string())),
    )
    .await;
    let mut stream = server.connect().await;
    let own = stream.local_addr().unwrap().to_string();
    for _ in 0..2 {
        ask(&mut stream, "/").await;
        let mut answer = vec![0; 1024];
        let n = stream.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..n]);
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(&own), "{answer}");
    }
    server.stop.cancel();
    assert_eq!(rest(&mut stream).await, "", "an idle connection is closed at a stop");
    server.end().await;
}

#[tokio::test]
async fn a_stop_lets_the_request_in_hand_end_and_takes_no_other() {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = Server::start(slow(begun.clone(), go.clone())).await;
    let mut stream = server.connect().await;
    ask(&mut stream, "/slow").await;
    begun.notified().await;
    server.stop.cancel();
    wait_until("the port to close", Duration::from_secs(10), async || {
        match TcpStream::connect(server.address).await {
            Ok(_) => Err("still accepting".to_owned()),
            Err(_) => Ok(()),
        }
    })
    .await;
    go.notify_one();
    let answer = rest(&mut stream).await;
    assert!(answer.ends_with("slow but sure"), "{answer}");
    server.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_is_cut_off_ten_seconds_after_a_stop() {
    let (begun, never) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = Server::start(slow(begun.clone(), never)).await;
    let mut stream = server.connect().await;
    ask(&mut stream, "/slow").await;
    begun.notified().await;
    let stopped = Instant::now();
    server.stop.cancel();
    server.end().await;
    let took = stopped.elapsed();
    assert!((10.0..10.1).contains(&took.as_secs_f64()), "{took:?}");
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_sends_no_request_is_closed_after_ten_seconds() {
    let server = Server::start(Router::new()).await;
    let opened = Instant::now();
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
    rest(&mut stream).await;
    let took = opened.elapsed();
    assert!((10.0..10.1).contains(&took.as_secs_f64()), "{took:?}");
    server.stop.cancel();
    server.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_waits_for_its_next_request_outlasts_a_proxys_sixty_seconds() {
    let server = Server::start(Router::new().route("/", get(async || "quick"))).await;
    let mut stream = server.connect().await;
    ask(&mut stream, "/").await;
    let opened = Instant::now();
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 200 "));
    let took = opened.elapsed();
    assert!((75.0..75.1).contains(&took.as_secs_f64()), "{took:?}");
    server.stop.cancel();
    server.end().await;
}

/// More than the kernel takes for a peer that reads nothing.
const LARGE: usize = 64 * 1024 * 1024;

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_its_answer_is_cut_off_after_ten_seconds() {
    let server = Server::start(Router::new().route("/", get(async || vec![b'x'; LARGE]))).await;
    let mut stream = server.connect().await;
    ask(&mut stream, "/").await;
    sleep(Duration::from_secs(11)).await;
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "the answer had begun: {end:?}");
    assert!(answer.len() < LARGE, "the rest came after all");
    server.stop.cancel();
    server.end().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_and_harms_nobody_else() {
    let server = Server::start(Router::new().route("/", get(async || "quick"))).await;
    let mut stream = server.connect().await;
    let head = format!("GET /?pass={} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(80 * 1024));
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 64];
    let n = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..n]);
    assert!(answer.starts_with("HTTP/1.1 414 ") || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let mut other = server.connect().await;
    ask(&mut other, "/").await;
    let mut answer = vec![0; 1024];
    let n = other.read(&mut answer).await.unwrap();
    assert!(answer[..n].ends_with(b"quick"), "{}", String::from_utf8_lossy(&answer[..n]));
    // only now: a stop may come before a connection is accepted
    server.stop.cancel();
    server.end().await;
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let first = listen("127.0.0.1:0").await.unwrap();
    let address = first.local_addr().unwrap().to_string();
    let error = listen(&address).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen on {address}: ")), "{error}");
}
