//! A loopback port that nobody listens on.

use std::net::{Ipv4Addr, TcpListener};

/// A TCP port of 127.0.0.1 that was free a moment ago.
///
/// Another process may take it before its user does; whoever starts a server on it must notice that and
/// try again with another one, as `redis` and `rabbit` do.
///
/// # Panics
/// When the system has no free port left.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("the system hands out a free loopback port")
        .port()
}
