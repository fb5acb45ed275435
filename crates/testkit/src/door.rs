//! A loopback port that is ours from start to drop, whether it takes connections or refuses them.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};

/// Connections that the kernel takes before we do: enough for every test that opens a thousand at once.
const BACKLOG: u32 = 1024;

/// A listener that can be closed and opened again on the same port. Dropped = refused from that moment on,
/// and every connection ends.
#[derive(Debug)]
pub(crate) struct Door {
    address: SocketAddr,
    // bound and never listening: while the door is closed the kernel refuses, and gives the port to nobody else
    _reserved: TcpSocket,
    runtime: Handle,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    listener: Mutex<Option<TcpListener>>,
    reopened: Notify,
    dismissals: watch::Sender<()>,
    accepted: AtomicUsize,
    visiting: Arc<AtomicUsize>,
}

/// A connection that came in.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) stream: TcpStream,
    /// 1 for the first one.
    pub(crate) number: usize,
    pub(crate) dismissal: Dismissal,
    pub(crate) counted: Counted,
}

/// Tells a connection that the door was closed behind it.
#[derive(Debug)]
pub(crate) struct Dismissal(watch::Receiver<()>);

/// Counts a connection as open while it lives.
#[derive(Debug)]
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Door {
    /// Opens a free loopback port; each connection gets a task of its own, and TCP_NODELAY.
    ///
    /// # Panics
    /// When the system has no free port left, or outside a tokio runtime.
    pub(crate) fn open<F>(serve: impl Fn(Visitor) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let reserved = bind(0).expect("the system hands out a free loopback port");
        let address = reserved.local_addr().expect("a bound socket has an address");
        let listener = listen(address.port()).expect("a port that we have reserved can be listened on");
        let shared = Arc::new(Shared {
            listener: Mutex::new(Some(listener)),
            reopened: Notify::new(),
            dismissals: watch::Sender::new(()),
            accepted: AtomicUsize::new(0),
            visiting: Arc::new(AtomicUsize::new(0)),
        });
        let accepting = tokio::spawn(accept_all(Arc::clone(&shared), serve)).abort_handle();
        Self { address, _reserved: reserved, runtime: Handle::current(), shared, accepting }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections accepted so far.
    pub(crate) fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Connections open now.
    pub(crate) fn visiting(&self) -> usize {
        self.shared.visiting.load(Ordering::SeqCst)
    }

    /// From here on new connections are refused, and every open one has been told to end.
    pub(crate) fn close(&self) {
        drop(self.shared.listener().take());
        self.dismiss();
    }

    /// Tells every connection that was accepted before this call to end.
    pub(crate) fn dismiss(&self) {
        let _listener = self.shared.listener(); // between two accepts, so that none is missed
        self.shared.dismissals.send_replace(());
    }

    /// Takes connections again, on the same port; nothing if it is open.
    pub(crate) fn reopen(&self) {
        let _runtime = self.runtime.enter();
        let mut listener = self.shared.listener();
        if listener.is_none() {
            *listener = Some(listen(self.address.port()).expect("the port was reserved all the time"));
            self.shared.reopened.notify_one();
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        drop(self.shared.listener().take());
        self.accepting.abort(); // and with it the tasks of all connections
    }
}

impl Dismissal {
    /// Returns when the door was closed, or dropped, after this connection came in.
    pub(crate) async fn told(&mut self) {
        // an error means that the door is gone: the same answer
        self.0.changed().await.ok();
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shared {
    fn listener(&self) -> MutexGuard<'_, Option<TcpListener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next connection; waits while the door is closed.
    async fn next_visitor(&self) -> io::Result<Visitor> {
        loop {
            let accepted = poll_fn(|context| {
                let listener = self.listener();
                let Some(open) = listener.as_ref() else { return Poll::Pending };
                // counted under the lock: after `close` there is no connection that nobody knows of
                open.poll_accept(context).map_ok(|(stream, _)| self.admit(stream))
            });
            tokio::select! {
                visitor = accepted => return visitor,
                () = self.reopened.notified() => {} // look again, at the new listener
            }
        }
    }

    fn admit(&self, stream: TcpStream) -> Visitor {
        self.visiting.fetch_add(1, Ordering::SeqCst);
        Visitor {
            stream,
            number: self.accepted.fetch_add(1, Ordering::SeqCst) + 1,
            dismissal: Dismissal(self.dismissals.subscribe()),
            counted: Counted(Arc::clone(&self.visiting)),
        }
    }
}

async fn accept_all<F>(shared: Arc<Shared>, serve: impl Fn(Visitor) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_ended) = connections.join_next() => {} // a panic in it was printed by the panic hook
            visitor = shared.next_visitor() => match visitor {
                Ok(visitor) => {
                    // fails only when the peer has gone already
                    visitor.stream.set_nodelay(true).ok();
                    connections.spawn(serve(visitor));
                }
                // it went before we took it, or this process has too many files open
                Err(error) => {
                    eprintln!("testkit: a connection could not be accepted: {error}");
                    tokio::task::yield_now().await;
                }
            },
        }
    }
}

fn bind(port: u16) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?; // lets the reserving and the listening socket share the port
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    Ok(socket)
}

fn listen(port: u16) -> io::Result<TcpListener> {
    bind(port)?.listen(BACKLOG)
}

/// Ends a connection with RST instead of FIN: what the peer has not read may be lost, as in a crash.
pub(crate) fn reset(stream: TcpStream) {
    // fails only when the connection is broken already
    stream.set_zero_linger().ok();
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::wait_until;

    fn door() -> Door {
        Door::open(async |visitor| {
            let Visitor { stream: _open, mut dismissal, counted: _counted, .. } = visitor;
            dismissal.told().await;
        })
    }

    #[tokio::test]
    async fn a_closed_door_refuses_until_it_is_opened_again() {
        let door = door();
        let mut open = TcpStream::connect(door.address()).await.unwrap();
        wait_until("the visit", Duration::from_secs(5), async || {
            if door.visiting() == 1 { Ok(()) } else { Err(format!("{} visiting", door.visiting())) }
        })
        .await;
        door.close();
        let refused = TcpStream::connect(door.address()).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(open.read(&mut [0]).await.unwrap(), 0, "open connections were told to end");

        door.reopen();
        TcpStream::connect(door.address()).await.unwrap();
        drop(door);
    }

    #[tokio::test]
    async fn a_closed_door_keeps_its_port() {
        let door = door();
        door.close();
        let other = TcpSocket::new_v4().unwrap().bind(door.address()).unwrap_err();
        assert_eq!(other.kind(), io::ErrorKind::AddrInUse);
    }

    #[tokio::test]
    async fn every_connection_has_nodelay_and_its_number() {
        let (seen, mut visits) = tokio::sync::mpsc::unbounded_channel();
        let door = Door::open(move |visitor| {
            seen.send((visitor.stream.nodelay().unwrap(), visitor.number)).unwrap();
            async {}
        });
        for number in 1..=2 {
            TcpStream::connect(door.address()).await.unwrap();
            assert_eq!(visits.recv().await, Some((true, number)));
        }
        assert_eq!(door.accepted(), 2);
    }

    #[tokio::test]
    async fn a_dropped_door_refuses_at_once() {
        let door = door();
        let address = door.address();
        drop(door);
        assert!(TcpStream::connect(address).await.is_err());
    }
}
