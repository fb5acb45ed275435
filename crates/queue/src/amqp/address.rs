//! Where the broker is and how to log in, without ever showing the password.

use std::fmt;

use lapin::uri::{AMQPScheme, AMQPUri};

use super::link::Role;
use crate::queue::QueueUrlError;

/// Seconds between heartbeats, unless the URL says `?heartbeat=`: a frozen broker is noticed after twice that.
const HEARTBEAT_SECONDS: u16 = 10;

/// The largest frame, unless the URL says `?frame_max=`. lapin holds two buffers of 32 frames for each connection.
///
/// What we publish fits well: bodies are split into frames, and all headers of a message of ours together are below
/// 8 KiB (see `properties.rs`).
const FRAME_TO_PUBLISH: u32 = 32 * 1024;
/// What others publish comes with headers of theirs, and headers are not split: they may fill a frame of what RabbitMQ
/// allows by default. A job with such headers would end a connection with smaller frames each time it is delivered.
/// Said here, and not left to the broker, it has lapin take memory that is not resident before it is used.
const FRAME_TO_CONSUME: u32 = 128 * 1024;

/// What the URL has to look like. An error says this, never the URL itself: the password is in there.
const SHAPE: &str = "amqp://USER:PASSWORD@HOST:PORT/VHOST is expected, special characters percent-encoded";

/// A broker's address. `Debug` and `Display` show host, port and vhost only.
#[derive(Clone)]
pub(super) struct Address {
    uri: AMQPUri,
}

impl Address {
    /// Reads `amqp://` and, where built with the feature `amqps`, `amqps://`. No vhost, or an empty one, is `/`.
    pub(super) fn parse(url: &str) -> Result<Address, QueueUrlError> {
        let mut uri: AMQPUri = url.parse().map_err(|_| refused(SHAPE))?;
        if uri.scheme == AMQPScheme::AMQPS && !cfg!(feature = "amqps") {
            return Err(refused("amqps:// is not built in: build with the feature \"amqps\""));
        }
        if let Some(host) = bracketed_host(url) {
            uri.authority.host = host; // lapin's own parser takes an IPv6 address for "no host" = localhost
        }
        if uri.vhost.is_empty() {
            uri.vhost = "/".to_owned(); // a slash at the end is a habit; nobody names a vhost ""
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        Ok(Address { uri })
    }

    /// The address for a connection of `role`.
    pub(super) fn uri(&self, role: Role) -> AMQPUri {
        let mut uri = self.uri.clone();
        uri.query.frame_max.get_or_insert(match role {
            Role::Publish => FRAME_TO_PUBLISH,
            Role::Consume => FRAME_TO_CONSUME,
        });
        uri
    }
}

fn refused(reason: &str) -> QueueUrlError {
    QueueUrlError::new("broker", reason)
}

/// The IPv6 address of `scheme://user@[address]:port/`.
fn bracketed_host(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (_, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (address, _) = host.strip_prefix('[')?.split_once(']')?;
    Some(address.to_owned())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = &self.uri.authority;
        write!(f, "{}:{} vhost {}", authority.host, authority.port, self.uri.vhost)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vhosts_and_credentials_are_percent_decoded() {
        let uri = Address::parse("amqp://m%40n:p%2fw%3a@broker.example:5673/%2fsms%20out").unwrap().uri;
        assert_eq!(uri.authority.userinfo.username, "m@n");
        assert_eq!(uri.authority.userinfo.password, "p/w:");
        assert_eq!((uri.authority.host.as_str(), uri.authority.port), ("broker.example", 5673));
        assert_eq!(uri.vhost, "/sms out");
        assert_eq!(uri.query.heartbeat, Some(10));
    }

    #[test]
    fn no_vhost_and_an_empty_one_are_the_default_vhost() {
        for url in
            ["amqp://broker", "amqp://broker/", "amqp://broker/%2f", "amqp://broker:5672/?heartbeat=20"]
        {
            assert_eq!(Address::parse(url).unwrap().uri.vhost, "/", "{url}");
        }
        assert_eq!(Address::parse("amqp://broker/?heartbeat=20").unwrap().uri.query.heartbeat, Some(20));
    }

    #[test]
    fn frames_are_small_where_we_publish_and_as_the_url_says() {
        let frames = |url: &str| {
            let address = Address::parse(url).unwrap();
            [Role::Publish, Role::Consume].map(|role| address.uri(role).query.frame_max)
        };
        assert_eq!(frames("amqp://broker/v"), [Some(32_768), Some(131_072)]);
        assert_eq!(frames("amqp://broker/v?frame_max=65536"), [Some(65_536); 2]);
    }

    #[test]
    fn an_ipv6_address_is_a_host() {
        let uri = Address::parse("amqp://u:p%40@[2001:db8::1]:5673/v").unwrap().uri;
        assert_eq!((uri.authority.host.as_str(), uri.authority.port), ("2001:db8::1", 5673));
        assert_eq!(Address::parse("amqp://[::1]").unwrap().uri.authority.host, "::1");
    }

    #[test]
    fn no_password_shows_in_debug_display_or_errors() {
        let address = Address::parse("amqp://user:hush@broker/v").unwrap();
        assert_eq!(format!("{address} {address:?}"), "broker:5672 vhost v Address(broker:5672 vhost v)");
        for bad in [
            "amqp:user:hush",
            "http://user:hush@broker",
            "amqp://user:hush@broker:99999/",
            "user:hush@broker",
            "",
        ] {
            let error = Address::parse(bad).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hush"), "{shown}");
        }
    }

    #[cfg(not(feature = "amqps"))]
    #[test]
    fn amqps_without_its_feature_is_refused_with_the_way_to_get_it() {
        let error = Address::parse("amqps://user:hush@broker/").unwrap_err().to_string();
        assert!(error.contains("feature \"amqps\""), "{error}");
    }
}
