//! `noeviction` is asserted: a Redis that throws keys away to make room throws away counted tries.

use std::collections::HashMap;

use ::redis::aio::MultiplexedConnection;
use ::redis::{ErrorKind, RedisError, cmd};

const SETTING: &str = "maxmemory-policy";

/// What is wrong with the server's settings; nothing if it does not let us ask.
pub(super) async fn fault(socket: &mut MultiplexedConnection) -> Result<Option<String>, RedisError> {
    let asked: Result<HashMap<String, String>, _> =
        cmd("CONFIG").arg("GET").arg(SETTING).query_async(socket).await;
    match asked {
        Ok(settings) => Ok(settings.get(SETTING).and_then(|policy| judge(policy))),
        // No right to ask, or no such command, as with many hosted servers.
        Err(e) if matches!(e.kind(), ErrorKind::Server(_) | ErrorKind::Extension) => Ok(None),
        Err(e) => Err(e),
    }
}

fn judge(policy: &str) -> Option<String> {
    (policy != "noeviction").then(|| {
        format!("Redis has {SETTING} {policy}: it would evict counted tries and open challenges; noeviction is expected")
    })
}
