//! Between us and the world: a TCP proxy that can be cut and paused, and an HTTP forward proxy.

mod forward;
mod gate;
mod tcp;

pub use forward::{ForwardProxy, ProxyRequest};
pub use tcp::Proxy;
