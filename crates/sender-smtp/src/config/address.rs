//! Mail addresses and server addresses, as they may stand in a configuration.

use std::net::{IpAddr, Ipv6Addr};

use lettre::Address;

/// The longest path of RFC 5321 §4.5.3.1.3, without its angle brackets.
const LONGEST: usize = 254;

/// `local@domain` as lettre takes it, of ASCII, without quotes and address literals: nothing in it could become another
/// command or header, and every server of old takes it.
pub(crate) fn mail_address(text: &str) -> Option<Address> {
    let address: Address = text.parse().ok()?;
    let in_name = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let plain = text.is_ascii() && !address.user().contains('"') && address.domain().bytes().all(in_name);
    (plain && text.len() <= LONGEST).then_some(address)
}

/// `host`, `host:port`, `[v6]:port`, `[v6]` or `v6`.
pub(super) fn server(text: &str) -> Option<(String, Option<u16>)> {
    let text = text.trim();
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Some((address.to_string(), None));
    }
    if let Some((address, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let address = address.parse::<Ipv6Addr>().ok()?;
        let port = if rest.is_empty() { None } else { Some(port(rest.strip_prefix(':')?)?) };
        return Some((address.to_string(), port));
    }
    let (host, port) = match text.split_once(':') {
        None => (text, None),
        Some((host, number)) => (host, Some(port(number)?)),
    };
    is_host(host).then(|| (host.to_owned(), port))
}

fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port > 0)
}

fn is_host(text: &str) -> bool {
    let label = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    // a name may end with the dot of the root
    let name = text.strip_suffix('.').unwrap_or(text);
    name.len() <= 253 && name.split('.').all(|piece| !piece.is_empty() && piece.bytes().all(label))
}

/// Whether `host` is this machine for sure.
pub(super) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_that_needs_no_quotes() {
        for good in ["a@b", "mailadress@smstp-gateway", "+491701234567@sms.example.com", "a.b+c=d@b_c.de"] {
            assert_eq!(mail_address(good).unwrap().to_string(), good);
        }
        let long = format!("{}@b", "x".repeat(65));
        for bad in [
            "",
            "a",
            "@b",
            "a@",
            "a@b@c",
            "A <a@b>",
            "<a@b>",
            "a@b>",
            "a b@c",
            "a\r\n@b",
            "a@b\r\nDATA",
            ".a@b",
            "a..b@c",
            "a@b.",
            "ä@b",
            "a@bücher.de",
            "\"a\"@b",
            "a@[127.0.0.1]",
            "a@b,c@d",
            "a@b!c",
            "a@-b",
            "\"a b\"@c",
            "a@b\u{ad}c",
            long.as_str(),
        ] {
            assert_eq!(mail_address(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_server_is_a_host_and_perhaps_a_port() {
        for (text, host, port) in [
            ("smtp.yourdomain.com", "smtp.yourdomain.com", None),
            (" mail:2525 ", "mail", Some(2525)),
            ("127.0.0.1:25", "127.0.0.1", Some(25)),
            ("mx.example.", "mx.example.", None),
            ("[2001:db8::1]:25", "2001:db8::1", Some(25)),
            ("[::1]", "::1", None),
            ("2001:db8::1", "2001:db8::1", None),
        ] {
            assert_eq!(server(text), Some((host.to_owned(), port)), "{text}");
        }
        for bad in [
            "",
            ":25",
            "mail:",
            "mail:0",
            "mail:65536",
            "smtp://mail",
            "mail/x",
            "a b",
            "[::1",
            "[::1]25",
            "[x]:25",
            "mäil",
        ] {
            assert_eq!(server(bad), None, "{bad}");
        }
    }

    #[test]
    fn this_machine_is_known() {
        assert!(["localhost", "127.0.0.1", "127.9.9.9", "::1"].into_iter().all(is_loopback));
        assert!(!is_loopback("mail.example") && !is_loopback("192.0.2.1"));
    }
}
