//! The store's URL: where Redis is, and the store's own options in the query.

use std::time::Duration;

use ::redis::io::tcp::TcpSettings;
use ::redis::{ConnectionInfo, IntoConnectionInfo, ProtocolVersion};
use url::Url;

/// How long a call may take, unless the URL says otherwise.
const TIMEOUT: Duration = Duration::from_millis(300);

/// Why a text is no URL of a Redis store. Never shows the URL: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("store URL: {0}")]
pub struct StoreUrlError(String);

impl StoreUrlError {
    /// redis-rs does not take what was parsed.
    pub(super) fn unusable() -> StoreUrlError {
        StoreUrlError("no connection can be made of it".into())
    }
}

/// What the URL says.
pub(super) struct RedisUrl {
    pub(super) info: ConnectionInfo,
    /// Replicas that must confirm a counted try and a used code.
    pub(super) wait_replicas: u32,
    /// How long a call may take.
    pub(super) timeout: Duration,
    /// What must never be shown.
    pub(super) password: Option<String>,
}

impl RedisUrl {
    pub(super) fn parse(text: &str) -> Result<RedisUrl, StoreUrlError> {
        let error = |text: &str| StoreUrlError(text.to_owned());
        let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
        let unix = match scheme {
            "redis" | "rediss" | "valkey" | "valkeys" => false,
            "unix" | "redis+unix" | "valkey+unix" => true,
            other if other.contains("cluster") || other.contains("sentinel") => {
                return Err(error("Redis Cluster and Sentinel are not supported yet: name one server"));
            }
            _ => return Err(error("redis://, rediss:// or unix:// is expected")),
        };
        let host = text.split_once("://").map_or("", |(_, rest)| rest);
        let host = host.split(['/', '?']).next().unwrap_or("").rsplit('@').next().unwrap_or("");
        if host.contains(',') {
            return Err(error("one server is expected; Redis Cluster and Sentinel are not supported yet"));
        }
        let mut url = Url::parse(text).map_err(|_| error("host, port or escaping cannot be read"))?;
        if url.fragment().is_some() {
            return Err(error("nothing is expected after a #: escape it as %23 in user and password"));
        }
        let options = Options::take(&mut url, unix)?;
        let info = url.into_connection_info().map_err(|e| {
            // redis-rs' own words on a URL are fixed texts; its detail may quote the URL.
            StoreUrlError(e.to_string().split(" - ").next().unwrap_or("not understood").to_owned())
        })?;
        // RESP3: the server's goodbye is noticed at once, also by a connection that nobody uses.
        let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let password = redis.password().filter(|p| !p.is_empty()).map(str::to_owned);
        let info = info.set_redis_settings(redis).set_tcp_settings(TcpSettings::default().set_nodelay(true));
        Ok(RedisUrl { info, wait_replicas: options.wait_replicas, timeout: options.timeout, password })
    }
}

struct Options {
    wait_replicas: u32,
    timeout: Duration,
}

impl Options {
    /// Takes the store's own options out of the query; others than redis-rs' for sockets are mistakes.
    fn take(url: &mut Url, unix: bool) -> Result<Options, StoreUrlError> {
        let mut options = Options { wait_replicas: 0, timeout: TIMEOUT };
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        url.set_query(None);
        for (name, value) in pairs {
            let number = |range: std::ops::RangeInclusive<u32>| {
                value.parse().ok().filter(|n| range.contains(n)).ok_or_else(|| {
                    StoreUrlError(format!("{name}: {} to {} is expected", range.start(), range.end()))
                })
            };
            match name.as_str() {
                "wait_replicas" => options.wait_replicas = number(0..=16)?,
                "timeout_ms" => options.timeout = Duration::from_millis(number(20..=60_000)?.into()),
                "db" | "user" | "pass" if unix => {
                    url.query_pairs_mut().append_pair(&name, &value);
                }
                _ => {
                    let known = "wait_replicas, timeout_ms; db, user and pass with unix://";
                    return Err(StoreUrlError(format!("an option that is none of {known}")));
                }
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        RedisUrl::parse(url).err().expect(url).to_string()
    }

    #[test]
    fn every_part_is_read() {
        let url = RedisUrl::parse("redis://user:p%40ss@redis.example:6380/3?wait_replicas=1&timeout_ms=500")
            .unwrap();
        assert_eq!(url.info.addr().to_string(), "redis.example:6380");
        let redis = url.info.redis_settings();
        assert_eq!((redis.db(), redis.username(), redis.password()), (3, Some("user"), Some("p@ss")));
        assert_eq!((url.wait_replicas, url.timeout), (1, Duration::from_millis(500)));
        assert_eq!(url.password.as_deref(), Some("p@ss"));
        assert!(url.info.tcp_settings().nodelay());

        let url = RedisUrl::parse("rediss://[::1]").unwrap();
        assert_eq!(url.info.addr().to_string(), "::1:6379");
        assert_eq!((url.wait_replicas, url.timeout), (0, TIMEOUT));

        let url = RedisUrl::parse("unix:///run/redis.sock?db=2&user=u&pass=p&wait_replicas=2").unwrap();
        assert_eq!(url.info.addr().to_string(), "/run/redis.sock");
        let redis = url.info.redis_settings();
        assert_eq!((redis.db(), redis.username(), redis.password()), (2, Some("u"), Some("p")));
        assert_eq!(url.wait_replicas, 2);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_the_reason_and_without_the_password() {
        for (url, words) in [
            ("", "redis://, rediss:// or unix://"),
            ("redis.example:6379", "redis://, rediss:// or unix://"),
            ("http://geheim@x", "redis://, rediss:// or unix://"),
            ("redis-cluster://:geheim@x", "Cluster and Sentinel"),
            ("redis+sentinel://:geheim@x/main", "Cluster and Sentinel"),
            ("rediss+cluster://:geheim@x", "Cluster and Sentinel"),
            ("redis://:geheim@a:1,b:2,c:3", "one server"),
            ("redis://:geheim@x:port", "cannot be read"),
            ("redis://:geh#eim@x", "cannot be read"),
            ("redis://x/#geheim", "%23"),
            ("redis://:geheim@x/notadb", "database number"),
            ("redis://:geheim@0.0.0.0", "wildcard"),
            ("redis://:geheim@x?wait_replicas=-1", "wait_replicas: 0 to 16"),
            ("redis://:geheim@x?timeout_ms=0", "timeout_ms: 20 to 60000"),
            ("redis://:geheim@x?protocol=resp2", "none of wait_replicas"),
            ("redis://x?pass=geheim", "none of wait_replicas"),
        ] {
            let text = refused(url);
            assert!(text.contains(words), "{url}: {text}");
            assert!(!text.contains("geheim"), "{url}: {text}");
        }
    }
}
