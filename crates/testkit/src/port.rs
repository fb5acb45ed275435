//! A loopback port that nobody listens on.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

/// Where the ports for tests begin.
const FIRST: u16 = 20_000;

/// Ports that a process tries before it comes to those that the process with the next id began with.
const STRIDE: u32 = 8;

/// Where Linux begins to hand out ports by itself, unless it is told otherwise.
const DEFAULT_EPHEMERAL: u16 = 32_768;

/// A TCP port of 127.0.0.1 that was free a moment ago, another one with each call.
///
/// It is not one of those that the system hands out by itself (`ip_local_port_range`): a server that is killed
/// finds it free when it comes back, whatever connections were made meanwhile. Another process may still take it
/// before its user does; whoever starts a server on it must notice that and try again with another one, as
/// `redis` and `rabbit` do.
///
/// # Panics
/// When there is no free port left.
pub fn free_port() -> u16 {
    static CALLS: AtomicU16 = AtomicU16::new(0);
    let ports = ports();
    for _ in ports.clone() {
        let port = nth(&ports, process::id(), CALLS.fetch_add(1, Ordering::Relaxed));
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free loopback port in {ports:?}")
}

/// The ports below the ones that the system hands out by itself.
fn ports() -> Range<u16> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let ephemeral = range.split_whitespace().next().and_then(|first| first.parse().ok());
    FIRST..ephemeral.filter(|&first| first > FIRST).unwrap_or(DEFAULT_EPHEMERAL)
}

/// Test processes that run at the same time begin at different places.
fn nth(ports: &Range<u16>, process: u32, call: u16) -> u16 {
    let place =
        process.wrapping_mul(STRIDE).wrapping_add(u32::from(call)) % u32::from(ports.end - ports.start);
    ports.start + u16::try_from(place).expect("a remainder by a u16 is one")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_port_is_given_out_twice_nor_by_the_system() {
        let ports: HashSet<_> = (0..200).map(|_| free_port()).collect();
        assert_eq!(ports.len(), 200);
        let by_system = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        assert!(!super::ports().contains(&by_system), "{by_system}");
        assert!(ports.iter().all(|port| super::ports().contains(port)));
    }

    #[test]
    fn a_port_that_is_taken_is_passed_over() {
        let taken: Vec<_> =
            (0..20).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).unwrap()).collect();
        let next = free_port();
        assert!(taken.iter().all(|listener| listener.local_addr().unwrap().port() != next));
    }

    #[test]
    fn processes_with_neighbouring_ids_begin_apart() {
        let ports = 20_000..32_768;
        assert_eq!((nth(&ports, 1, 0), nth(&ports, 1, 7), nth(&ports, 2, 0)), (20_008, 20_015, 20_016));
        assert!(ports.contains(&nth(&ports, u32::MAX, u16::MAX)));
    }
}
