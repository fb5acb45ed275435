//! One broker for all tests of a run.

use std::env;
use std::path::PathBuf;

use tokio::sync::OnceCell;

use super::broker::RabbitServer;
use super::vhost::{self, Vhost};

/// Names the broker of the test run as `PORT:FOLDER`. `cargo xtask test` sets it.
pub const SHARED_BROKER_VARIABLE: &str = "MTAN_TEST_RABBITMQ";

/// A fresh vhost of the broker that all tests of this run share.
///
/// `cargo xtask test` starts that broker once. Without it (a plain `cargo test`) the first call in a process
/// starts one, which takes some 8 s, and it ends with the process. Never kill or freeze it: a test that
/// breaks a broker starts a [`RabbitServer`] of its own.
///
/// # Panics
/// When RabbitMQ is missing or does not come up, when `MTAN_TEST_RABBITMQ` is malformed, and when all vhosts
/// are used up.
pub async fn shared() -> Vhost {
    // a static is never dropped: the tether ends the broker when the process ends
    static OWN: OnceCell<RabbitServer> = OnceCell::const_new();
    match env::var(SHARED_BROKER_VARIABLE) {
        Ok(broker) => {
            let (port, folder) = parse(&broker).unwrap_or_else(|| {
                panic!("{SHARED_BROKER_VARIABLE} is \"{broker}\"; it has to be PORT:FOLDER")
            });
            vhost::claim(port, &folder)
        }
        Err(_) => OWN.get_or_init(RabbitServer::start).await.vhost(),
    }
}

fn parse(broker: &str) -> Option<(u16, PathBuf)> {
    let (port, folder) = broker.split_once(':')?;
    let folder = PathBuf::from(folder);
    Some((port.parse().ok()?, folder)).filter(|(_, folder)| folder.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_is_named_by_port_and_folder() {
        assert_eq!(parse("5673:/tmp/broker"), Some((5673, PathBuf::from("/tmp/broker"))));
        assert_eq!(parse("5673"), None);
        assert_eq!(parse("5673:relative"), None);
        assert_eq!(parse("port:/tmp/broker"), None);
    }
}
