//! A client that shows what really came over the wire.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// For what has to happen, on a loaded machine too.
const PATIENCE: Duration = Duration::from_secs(20);

/// For what must not happen: long enough that a mistake shows nearly every time.
pub(crate) const SILENCE: Duration = Duration::from_millis(100);

pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).await.expect("a connection")
    }

    pub(crate) async fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(stream))
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("the peer takes it");
    }

    /// Exactly `length` bytes.
    pub(crate) async fn read(&mut self, length: usize) -> String {
        let mut bytes = vec![0; length];
        timeout(PATIENCE, self.0.read_exact(&mut bytes)).await.expect("no answer").expect("broken off");
        String::from_utf8(bytes).unwrap()
    }

    /// One response with `Content-Length`: head and body.
    pub(crate) async fn response(&mut self) -> (String, String) {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head += &self.read(1).await;
        }
        let (_, rest) = head.split_once("Content-Length: ").expect("a Content-Length");
        let length = rest.lines().next().unwrap().parse().unwrap();
        let body = self.read(length).await;
        (head, body)
    }

    /// All that came up to the end, and whether that was FIN (`Ok`) or RST.
    pub(crate) async fn until_the_end(&mut self) -> (String, Result<(), io::ErrorKind>) {
        let mut bytes = Vec::new();
        let end = timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await.expect("no end");
        (String::from_utf8(bytes).unwrap(), end.map(drop).map_err(|error| error.kind()))
    }

    /// Whether nothing came, not even an end, for a while.
    pub(crate) async fn hears_nothing(&mut self) -> bool {
        timeout(SILENCE, self.0.peek(&mut [0])).await.is_err()
    }
}

/// Sends one request on a connection of its own: all that came back, and the end.
pub(crate) async fn ask(address: SocketAddr, request: &str) -> (String, Result<(), io::ErrorKind>) {
    let mut client = Client::connect(address).await;
    client.send(request).await;
    client.until_the_end().await
}

pub(crate) fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: gateway\r\n\r\n")
}

pub(crate) fn get_and_close(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
}

pub(crate) fn post(body: &str) -> String {
    format!(
        "POST /send HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
