//! What the measurements share: two runtimes, and servers that are started when somebody first needs them.

use std::cell::OnceCell;
use std::sync::Arc;

use anyhow::Context;
use mtan_testkit::rabbit::{RabbitServer, Vhost};
use mtan_testkit::redis::RedisServer;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, cmd};
use tokio::runtime::{Builder, Runtime};

use crate::arguments::Arguments;
use crate::cpu::Servers;
use crate::progress::Progress;

/// The servers and the runtimes.
pub(crate) struct World {
    pub(crate) arguments: Arguments,
    pub(crate) progress: Progress,
    /// What is measured runs here, ours and bare alike.
    pub(crate) server: Arc<Runtime>,
    /// The load generator and the gateway run here, on the main thread.
    pub(crate) load: Arc<Runtime>,
    redis: OnceCell<RedisServer>,
    broker: OnceCell<RabbitServer>,
}

impl World {
    pub(crate) fn new(arguments: Arguments) -> anyhow::Result<World> {
        let server = Builder::new_multi_thread().thread_name("server").enable_all().build();
        let load = Builder::new_current_thread().enable_all().build();
        Ok(World {
            arguments,
            progress: Progress::start(),
            server: Arc::new(server.context("no runtime")?),
            load: Arc::new(load.context("no runtime")?),
            redis: OnceCell::new(),
            broker: OnceCell::new(),
        })
    }

    /// The URL of a Redis with nothing in it but what earlier measurements left.
    pub(crate) fn redis(&self) -> anyhow::Result<String> {
        if let Some(redis) = self.redis.get() {
            return Ok(redis.url());
        }
        self.progress.say("starting Redis");
        let redis = self.server.block_on(RedisServer::start());
        let url = redis.url();
        self.server.block_on(set_up(&url, self.arguments.fsync.as_str())).context("setting up Redis")?;
        Ok(self.redis.get_or_init(|| redis).url())
    }

    /// A vhost that nobody has used before.
    pub(crate) fn vhost(&self) -> Vhost {
        let start = || {
            self.progress.say("starting RabbitMQ (some 10 s)");
            self.server.block_on(RabbitServer::start())
        };
        self.broker.get_or_init(start).vhost()
    }

    /// Under which conditions the figures were taken, in a line.
    pub(crate) fn conditions(&self) -> String {
        let Arguments { seconds, rounds, connections, prefetch, fsync, .. } = &self.arguments;
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        format!(
            "{cores} cores; {rounds} rounds of some {seconds} s a side; {connections} connections, prefetch {prefetch}; \
             Redis appendfsync {}, quorum queues of one RabbitMQ node; load, servers and both sides on one machine",
            fsync.as_str()
        )
    }

    /// The servers that run now.
    pub(crate) fn servers(&self) -> Servers {
        Servers {
            redis: self.redis.get().map(RedisServer::pid),
            broker: self.broker.get().map(RabbitServer::pid),
        }
    }
}

async fn set_up(url: &str, fsync: &str) -> anyhow::Result<()> {
    let mut connection = connection(url).await?;
    for (setting, value) in [
        ("appendfsync", fsync),
        // a rewrite of the append-only file in the middle of a round would be one side's bad luck
        ("auto-aof-rewrite-percentage", "0"),
    ] {
        let mut set = cmd("CONFIG");
        set.arg("SET").arg(setting).arg(value);
        let () = set.query_async(&mut connection).await?;
    }
    Ok(())
}

/// A connection as the store has one: multiplexed, without delay, RESP3 apart.
pub(crate) async fn connection(url: &str) -> anyhow::Result<MultiplexedConnection> {
    let info = url.into_connection_info()?;
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    let client = Client::open(info.set_tcp_settings(tcp))?;
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    Ok(client.get_multiplexed_async_connection_with_config(&config).await?)
}
