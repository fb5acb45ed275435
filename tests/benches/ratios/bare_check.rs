//! The baseline of a check: an axum handler that runs one script of similar size over the same Redis crate, and answers
//! a constant of the same length.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::ListenerExt;
use lapin::Channel;
use redis::Script;
use redis::aio::MultiplexedConnection;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::broker;
use crate::desk;
use crate::http::{self, volley};
use crate::rounds::{Lap, Side};
use crate::world::{World, connection};

/// Seven fields read and one try counted, as the store's first script does.
const SCRIPT: &str = r"
local token = redis.call('HMGET', KEYS[1], 'record', 'created', 'counter', 'fails', 'active', 'max', 'open')
if not token[1] then return false end
local fails = redis.call('HINCRBY', KEYS[1], 'fails', 1)
return { ARGV[1], token[1], token[2], token[3], fails, token[5], token[7] }
";

/// Bytes of a token's record.
const RECORD: usize = 360;

/// Hashes that one command to Redis makes.
const AT_ONCE: usize = 500;

/// As long as a job.
const JOB: [u8; 220] = [b'j'; 220];

const ANSWER: &str =
    r#"{"version":"mtan 0.1.0","jsonrpc":"2.0","result":{"status":true,"value":true},"id":0}"#;

/// What the script answers.
type Found = Option<(String, Vec<u8>, String, u64, u64, u8, String)>;

#[derive(Clone)]
struct Bare {
    redis: MultiplexedConnection,
    script: Arc<Script>,
    scripts: usize,
    publish: Option<Channel>,
}

/// The bare side.
pub(crate) struct BareCheck {
    address: SocketAddr,
    redis: MultiplexedConnection,
    server: Arc<Runtime>,
    load: Arc<Runtime>,
    connections: u16,
    hashes: usize,
    requests: Vec<Vec<u8>>,
}

impl BareCheck {
    /// A handler that runs so many scripts, one after the other, and then publishes a job of usual size if it has a
    /// channel to do so.
    pub(crate) fn new(
        world: &World,
        redis: &str,
        scripts: usize,
        publish: Option<Channel>,
    ) -> anyhow::Result<BareCheck> {
        world.server.block_on(async {
            let redis = connection(redis).await?;
            let bare = Bare { redis: redis.clone(), script: Arc::new(Script::new(SCRIPT)), scripts, publish };
            let router = Router::new().route("/validate/check", post(answer)).with_state(bare);
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            // a socket that cannot be set is one that is lost: its reader will find out
            let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap_or_default());
            tokio::spawn(axum::serve(listener, router).into_future());
            Ok(BareCheck {
                address,
                redis,
                server: world.server.clone(),
                load: world.load.clone(),
                connections: world.arguments.connections,
                hashes: 0,
                requests: Vec::new(),
            })
        })
    }
}

async fn answer(State(mut bare): State<Bare>, body: Bytes) -> Response {
    let form = std::str::from_utf8(&body).unwrap_or_default();
    let user = form.split('&').find_map(|pair| pair.strip_prefix("user=")).unwrap_or_default();
    let mut script = bare.script.prepare_invoke();
    script.key(key(user)).arg("counted");
    for _ in 0..bare.scripts {
        let found: redis::RedisResult<Found> = script.invoke_async(&mut bare.redis).await;
        if !matches!(found, Ok(Some(_))) {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    }
    if let Some(channel) = &bare.publish
        && broker::publish(channel, broker::SEND, "default", &JOB).await.is_err()
    {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    ([(header::CONTENT_TYPE, "application/json")], ANSWER).into_response()
}

fn key(user: &str) -> String {
    format!("{{bare}}:token:{user}")
}

impl Side for BareCheck {
    fn prepare(&mut self, n: usize) -> anyhow::Result<()> {
        let missing: Vec<usize> = (self.hashes..n).collect();
        for some in missing.chunks(AT_ONCE) {
            let mut pipe = redis::pipe();
            for number in some {
                pipe.cmd("HSET").arg(key(&desk::user(*number))).arg("record").arg("r".repeat(RECORD));
                pipe.arg("created").arg("2026-01-01T00:00:00Z").arg("counter").arg(1).arg("fails").arg(0);
                pipe.arg("active").arg(1).arg("max").arg(10).arg("open").arg("12345678901234567").ignore();
            }
            let () = self.server.block_on(pipe.query_async(&mut self.redis))?;
        }
        self.hashes = self.hashes.max(n);
        let form =
            |number| format!("user={}&pass=123456&transactionid=12345678901234567", desk::user(number));
        self.requests = (0..n).map(|number| http::post("/validate/check", &form(number))).collect();
        Ok(())
    }

    fn run(&mut self) -> anyhow::Result<Lap> {
        self.load.block_on(volley(self.address, std::mem::take(&mut self.requests), self.connections))
    }
}
