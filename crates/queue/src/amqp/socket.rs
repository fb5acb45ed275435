//! One connection to the broker, on a socket that we can cut ourselves.

use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, mem};

use lapin::tcp::{AMQPUriTcpExt, OwnedTLSConfig};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{AsyncTcpStream, Connection, ConnectionProperties};

/// From the first packet to the broker's welcome.
const OPEN_WITHIN: Duration = Duration::from_secs(5);

/// A second handle on the connection's socket. lapin serves each connection by a thread of its own that ends with
/// the socket only: a broker that took the connection and says nothing would keep thread and socket for ever.
#[derive(Clone, Default)]
pub(super) struct Socket(Arc<Mutex<Phase>>);

#[derive(Default)]
enum Phase {
    #[default]
    Connecting,
    Open(TcpStream),
    Cut,
}

impl Socket {
    /// Ends it for good; also if it opens only afterwards.
    pub(super) fn cut(&self) {
        if let Phase::Open(stream) = mem::replace(&mut *self.phase(), Phase::Cut) {
            stream.shutdown(Shutdown::Both).ok(); // the peer may have been faster
        }
    }

    fn opened(&self, stream: &impl AsFd) -> io::Result<()> {
        let mut phase = self.phase();
        if let Phase::Cut = *phase {
            return Err(io::ErrorKind::TimedOut.into());
        }
        *phase = Phase::Open(TcpStream::from(stream.as_fd().try_clone_to_owned()?));
        Ok(())
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cuts the socket when opening the connection fails or is given up.
struct CutOnDrop(Option<Socket>);

impl Drop for CutOnDrop {
    fn drop(&mut self) {
        if let Some(socket) = &self.0 {
            socket.cut();
        }
    }
}

/// Connects and logs in; the name is what the broker's management shows. Never shows the password: lapin's errors
/// carry what the broker said and what the socket said.
pub(super) async fn open(uri: AMQPUri, name: &str) -> Result<(Connection, Socket), String> {
    let socket = Socket::default();
    let mut guard = CutOnDrop(Some(socket.clone()));
    let runtime = lapin::runtime::default_runtime().map_err(|e| e.to_string())?;
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let handle = socket.clone();
    let connecting = Connection::connector(
        uri,
        runtime,
        async move |uri: AMQPUri, runtime| {
            silence_this_thread();
            let plain = AMQPUri { scheme: AMQPScheme::AMQP, ..uri.clone() };
            // sets TCP_NODELAY (async-rs, which lapin connects with)
            let tcp = plain.connect_async(&runtime);
            let tcp = tokio::time::timeout(OPEN_WITHIN, tcp).await.map_err(io::Error::from)??;
            if let AsyncTcpStream::Plain(stream) = &tcp {
                handle.opened(stream.get_ref())?;
            }
            match uri.scheme {
                AMQPScheme::AMQP => Ok(tcp),
                AMQPScheme::AMQPS => {
                    Ok(tcp.into_tls(&uri.authority.host, OwnedTLSConfig::default().as_ref()).await?)
                }
            }
        },
        properties,
    );
    let connection = tokio::time::timeout(OPEN_WITHIN, connecting)
        .await
        .map_err(|_| format!("no welcome in {OPEN_WITHIN:?}"))?
        .map_err(|error| error.to_string())?;
    guard.0 = None;
    Ok((connection, socket))
}

/// lapin runs the connect closure on the connection's own thread, where it later logs every message that the broker
/// returns as unroutable, body and all: that is the text of an SMS. What matters of it reaches us as a value, and is
/// logged where it is handled; so the whole thread stays silent.
fn silence_this_thread() {
    mem::forget(tracing::dispatcher::set_default(&tracing::Dispatch::none()));
}
