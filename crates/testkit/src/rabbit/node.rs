//! One run of a node: started, and awaited until it serves AMQP.

use std::fs;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::setup::Setup;
use crate::tether::Tethered;

/// Time between two looks at a node that takes seconds to boot.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// AMQP 0-9-1 §2.2.4: the protocol header that a client opens with.
const PROTOCOL_HEADER: &[u8] = b"AMQP\x00\x00\x09\x01";

/// What the node prints when a boot, definitions included, is through. Its log says so too, but not always: the
/// logger drops what comes after 500 lines in a second, and a quick boot with all its vhosts is that talkative.
const READY_LINE: &str = "Starting broker... completed with";

/// A node that serves, or `None` if it ended while booting, as it does when a port is taken.
///
/// # Panics
/// When it is neither up nor ended at `deadline`, with its logs.
pub(super) async fn boot(setup: &Setup, boot: u32, deadline: Instant) -> Option<Tethered> {
    setup.write(boot).expect("the broker's folder takes its configuration");
    let mut command = setup.node().expect("the broker's folder takes its console log");
    let mut process = Tethered::spawn(&mut command, Some(&setup.folder)).expect("rabbitmq-server starts");
    loop {
        if printed_ready(setup) && greets(setup.amqp_port).await {
            return Some(process);
        }
        if process.try_wait().expect("our own child can be waited for").is_some() {
            return None;
        }
        if Instant::now() >= deadline {
            panic!("RabbitMQ did not come up on port {}; {}", setup.amqp_port, logs(setup, boot));
        }
        sleep(LOOK_INTERVAL).await;
    }
}

/// The server's log and what it printed, for a person.
pub(super) fn logs(setup: &Setup, boot: u32) -> String {
    let read = |file| fs::read_to_string(file).unwrap_or_else(|error| format!("({error})"));
    format!("log:\n{}\nconsole:\n{}", read(setup.log_file(boot)), read(setup.console_file()))
}

fn printed_ready(setup: &Setup) -> bool {
    fs::read_to_string(setup.console_file()).is_ok_and(|printed| printed.contains(READY_LINE))
}

/// Whether a method frame on channel 0, which `connection.start` is, answers the protocol header.
async fn greets(port: u16) -> bool {
    let greeting = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(PROTOCOL_HEADER).await?;
        let mut frame = [0; 3];
        stream.read_exact(&mut frame).await?;
        Ok::<_, std::io::Error>(frame == [1, 0, 0])
    };
    matches!(timeout(Duration::from_secs(2), greeting).await, Ok(Ok(true)))
}
