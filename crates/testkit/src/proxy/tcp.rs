//! A TCP proxy in front of a server: the network between, for a test to cut and to mend.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpStream, ToSocketAddrs};

use super::gate::Gate;
use crate::door::{self, Door, Visitor};
use crate::wait_until;

/// Time for connections to end, with room for a loaded machine.
const END_DEADLINE: Duration = Duration::from_secs(30);

/// Passes bytes between its own loopback port and a target, unchanged, ends and resets too. Dropped = refused
/// from that moment on, and every connection ends.
#[derive(Debug)]
pub struct Proxy {
    door: Door,
    gate: Arc<Gate>,
}

impl Proxy {
    /// Starts one in front of `target`, which may be away: it is called anew for every connection.
    ///
    /// # Panics
    /// When `target` is no address, or the system has no free port left.
    pub async fn start(target: impl ToSocketAddrs) -> Self {
        let target = tokio::net::lookup_host(target).await.ok().and_then(|mut found| found.next());
        let target = target.expect("the target of a proxy is an address");
        let gate = Arc::new(Gate::new());
        let of_connections = Arc::clone(&gate);
        let door = Door::open(move |visitor| carry(visitor, target, Arc::clone(&of_connections)));
        Self { door, gate }
    }

    /// Where it listens; stays the same over [`cut`](Self::cut).
    pub fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address().port()
    }

    /// The line is cut: every connection is reset (RST) on both sides, new ones are refused. What a pause had
    /// kept is lost.
    ///
    /// # Panics
    /// When connections do not end in 30 s.
    pub async fn cut(&self) {
        self.door.close();
        wait_until("the proxy's connections to end", END_DEADLINE, async || match self.door.visiting() {
            0 => Ok(()),
            open => Err(format!("{open} open")),
        })
        .await;
    }

    /// A blip: every connection is told to reset (RST) on both sides, new ones are welcome all the while.
    pub fn reset(&self) {
        self.door.dismiss();
    }

    /// Silence: connections stay open and new ones are taken, but from here on no byte passes, no end and no
    /// reset. All of it is kept, as far as the sockets' buffers go.
    pub fn pause(&self) {
        self.gate.shut();
    }

    /// Mends what was cut, and lets go what was kept.
    pub fn resume(&self) {
        self.gate.open();
        self.door.reopen();
    }

    /// Connections open now.
    pub fn open_connections(&self) -> usize {
        self.door.visiting()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.door.accepted()
    }
}

/// Carries one connection until both sides have closed, one breaks, or the line is cut.
async fn carry(visitor: Visitor, target: SocketAddr, gate: Arc<Gate>) {
    let Visitor { stream: mut near, mut dismissal, counted: _counted, .. } = visitor;
    let mut far = tokio::select! {
        biased;
        () = dismissal.told() => return door::reset(near),
        far = connect(target, &gate) => match far {
            Ok(far) => far,
            Err(_) => return door::reset(near), // as near to "refused" as a proxy can come
        },
    };
    let (from_near, to_near) = near.split();
    let (from_far, to_far) = far.split();
    let ended = tokio::select! {
        biased;
        () = dismissal.told() => false,
        ends = async { tokio::try_join!(gate.pump(from_near, to_far), gate.pump(from_far, to_near)) } => ends.is_ok(),
    };
    if !ended {
        door::reset(far);
        door::reset(near);
    }
}

async fn connect(target: SocketAddr, gate: &Gate) -> std::io::Result<TcpStream> {
    gate.opened().await;
    let far = TcpStream::connect(target).await?;
    far.set_nodelay(true)?;
    Ok(far)
}
