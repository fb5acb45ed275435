//! A connection, plain or within TLS, as lines that come and bytes that go.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Bytes that go both ways, and the socket under them.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {
    fn socket(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Stream for TlsStream<Box<dyn Stream>> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0.socket()
    }
}

pub(super) struct Wire {
    stream: BufReader<Box<dyn Stream>>,
    /// What is known of the TLS around it.
    tls: Option<Tls>,
}

#[derive(Clone, Copy)]
struct Tls {
    client_certificate: bool,
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Wire {
        Wire { stream: BufReader::new(Box::new(stream)), tls: None }
    }

    /// The same connection within TLS. What the client has sent before it is refused: somebody slipped it in.
    pub(super) async fn secured(self, acceptor: &TlsAcceptor) -> io::Result<Wire> {
        if !self.stream.buffer().is_empty() {
            return Err(io::Error::new(ErrorKind::InvalidData, "commands behind STARTTLS"));
        }
        let stream = acceptor.accept(self.stream.into_inner()).await?;
        let client_certificate = stream.get_ref().1.peer_certificates().is_some();
        Ok(Wire { stream: BufReader::new(Box::new(stream)), tls: Some(Tls { client_certificate }) })
    }

    pub(super) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    pub(super) fn has_client_certificate(&self) -> bool {
        self.tls.is_some_and(|tls| tls.client_certificate)
    }

    /// The next bytes up to and with a CR LF. `UnexpectedEof` when the client has left.
    pub(super) async fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            if self.stream.read_until(b'\n', &mut line).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(line)
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// FIN, within TLS its own farewell before it.
    pub(super) async fn close(mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// RST instead of FIN, as in a crash.
    pub(super) fn reset(self) {
        // fails only when the connection is broken already
        self.stream.get_ref().socket().set_zero_linger().ok();
    }

    /// Returns when the client has left.
    pub(super) async fn client_left(&mut self) {
        while let Ok(bytes) = self.stream.fill_buf().await {
            let count = bytes.len();
            if count == 0 {
                return;
            }
            self.stream.consume(count);
        }
    }
}
