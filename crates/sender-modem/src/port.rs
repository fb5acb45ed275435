//! Ports: found, locked against others, opened, and what is wrong when they cannot be.

mod lock_file;
mod refusal;

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep, timeout};
use tokio_serial::{FlowControl, SerialPort, SerialPortBuilderExt, SerialStream};

use crate::gnokiirc::{Line, Pace, Place};
use lock_file::LockFile;
pub use refusal::OpenError;

/// How long a terminal server has to take a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// How long DTR is low when a modem is woken by it.
const DTR_LOW: Duration = Duration::from_secs(1);

/// An opened port. The modem is gone when a read ends with nothing, or with an error.
#[derive(Debug)]
pub struct Port {
    stream: Stream,
    require_dcd: bool,
    pace: Pace,
    /// The pause after the last byte written.
    pause: Option<Pin<Box<Sleep>>>,
    /// Held as long as the port is open.
    _lock_file: Option<LockFile>,
}

#[derive(Debug)]
enum Stream {
    Serial(SerialStream),
    Tcp(TcpStream),
}

/// Every port that is there now and that `place` stands for, by name. A path without `*`, `?` and `[…]` is one, whether it is there or not.
pub fn find(place: &Place) -> Vec<Place> {
    let Place::Port(pattern) = place else { return vec![place.clone()] };
    if !pattern.contains(['*', '?', '[']) {
        return vec![place.clone()];
    }
    let found = glob::glob(pattern).into_iter().flatten().filter_map(Result::ok);
    let mut found: Vec<Place> = found.map(|path| Place::Port(path.to_string_lossy().into_owned())).collect();
    found.sort();
    found
}

/// The port behind a stable name: `/dev/serial/by-id/…` is a symbolic link that outlives a replug.
pub fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

impl Port {
    /// Opens `place`, one of [`find`], and drives it as `line` says. Nobody else can have it meanwhile.
    ///
    /// # Errors
    /// It is not there, others have it, it may not be opened, or it is no port.
    pub async fn open(line: &Line, place: &Place) -> Result<Port, OpenError> {
        let (stream, lock_file) = match place {
            Place::Tcp(address) => (connect(address).await?, None),
            Place::Port(path) => serial(line, Path::new(path))?,
        };
        let (require_dcd, pace) = (line.require_dcd, line.pace);
        Ok(Port { stream, require_dcd, pace, pause: None, _lock_file: lock_file })
    }

    /// Wakes a modem by its DTR line, where there is one.
    pub async fn toggle_dtr(&mut self) {
        let Stream::Serial(stream) = &mut self.stream else { return };
        // a pseudo terminal has no such line
        if stream.write_data_terminal_ready(false).is_err() {
            return;
        }
        sleep(DTR_LOW).await;
        drop(stream.write_data_terminal_ready(true));
    }

    /// Whether the modem shows a carrier; where there is no such line nobody can say no.
    fn has_carrier(&mut self) -> bool {
        match &mut self.stream {
            Stream::Serial(stream) => stream.read_carrier_detect().unwrap_or(true),
            Stream::Tcp(_) => true,
        }
    }

    fn stream(&mut self) -> Pin<&mut (dyn Duplex + '_)> {
        match &mut self.stream {
            Stream::Serial(stream) => Pin::new(stream),
            Stream::Tcp(stream) => Pin::new(stream),
        }
    }
}

trait Duplex: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

async fn connect(address: &str) -> Result<Stream, OpenError> {
    let refused = |e: io::Error| OpenError::of_connection(address, &e);
    let stream = timeout(CONNECT, TcpStream::connect(address)).await;
    let stream = stream.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(refused)?;
    stream.set_nodelay(true).map_err(refused)?;
    Ok(Stream::Tcp(stream))
}

/// The lock file comes first: programs that look at it must not find the port open without it.
fn serial(line: &Line, path: &Path) -> Result<(Stream, Option<LockFile>), OpenError> {
    let real = real(path);
    let lock_file = if line.lock_file { LockFile::take(&real)? } else { None };
    let flow = if line.hardware_handshake { FlowControl::Hardware } else { FlowControl::None };
    let builder = tokio_serial::new(real.to_string_lossy(), line.baud_rate).flow_control(flow);
    let mut stream = builder.open_native_async().map_err(|e| OpenError::of_port(path, &real, &e))?;
    // tty_ioctl(4): TIOCEXCL stops everybody but root, and not everybody looks at lock files. A pseudo terminal is also open
    // to the program that made it.
    if let Some(pid) = refusal::holder(&real).filter(|_| !real.starts_with("/dev/pts")) {
        return Err(OpenError::busy(&real, Some(pid)));
    }
    if line.raise_dtr {
        // a pseudo terminal has no such lines
        drop(stream.write_data_terminal_ready(true));
        if !line.hardware_handshake {
            drop(stream.write_request_to_send(true));
        }
    }
    Ok((Stream::Serial(stream), lock_file))
}

impl AsyncRead for Port {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(cx, buf)
    }
}

impl AsyncWrite for Port {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.require_dcd && !self.has_carrier() {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "the modem shows no carrier (DCD)",
            )));
        }
        let Pace::Bytes(pause) = self.pace else { return self.stream().poll_write(cx, bytes) };
        if let Some(waiting) = self.pause.as_mut() {
            ready!(waiting.as_mut().poll(cx));
            self.pause = None;
        }
        let written = ready!(self.stream().poll_write(cx, &bytes[..bytes.len().min(1)]));
        if written.is_ok() && !pause.is_zero() {
            self.pause = Some(Box::pin(sleep(pause)));
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            // written is written: to wait until the last bit is on the line would block the thread (tcdrain)
            Stream::Serial(_) => Poll::Ready(Ok(())),
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Serial(_) => Poll::Ready(Ok(())),
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests;
