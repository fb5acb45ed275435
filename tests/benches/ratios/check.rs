//! `/validate/check`, `/validate/check_t` and `/validate/simplecheck` over Redis, against a bare handler that runs one script.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use mtan_jobs::{ReportConsumer, ReportDelivery, SystemClock};
use mtan_otp_api::{OtpApi, Settings};
use mtan_verifier::Verifier;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::bare_check::BareCheck;
use crate::desk::{self, Desk, Open, PIN, Phone};
use crate::http::{post, volley};
use crate::rounds::{Comparison, Lap, Side};
use crate::world::World;

const TARGET: f64 = 0.7;

/// What stands in the request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// The challenge by its id, and the code.
    Transaction,
    /// PIN and code.
    Pin,
    /// The challenge alone names the token: check_t.
    TransactionAlone,
    /// PIN and code, answered in a line of text: simplecheck.
    Line,
}

pub(crate) fn comparison(world: &World, name: &'static str, kind: Kind) -> anyhow::Result<Comparison> {
    let redis = world.redis()?;
    Ok(Comparison {
        name,
        target: Some(TARGET),
        ours: Box::new(Check::new(world, &redis, kind)?),
        bare: Box::new(BareCheck::new(world, &redis, 1, None)?),
    })
}

/// Our side: the real router on a real socket. Challenges are opened before, for each of them is answered once.
struct Check {
    kind: Kind,
    desk: Desk,
    api: Api,
    server: Arc<Runtime>,
    requests: Vec<Vec<u8>>,
}

impl Check {
    fn new(world: &World, redis: &str, kind: Kind) -> anyhow::Result<Check> {
        world.server.block_on(async {
            let desk = Desk::new(redis)?;
            let api =
                Api::start(world, desk.verifier(Arc::new(Phone::default())), Box::new(NoReports)).await?;
            Ok(Check { kind, desk, api, server: world.server.clone(), requests: Vec::new() })
        })
    }

    fn request(&self, open: &Open) -> Vec<u8> {
        let Open { user, transaction, code } = open;
        let with_pin = format!("user={user}&pass={PIN}{code}");
        match self.kind {
            Kind::Transaction => {
                post("/validate/check", &format!("user={user}&pass={code}&transactionid={transaction}"))
            }
            Kind::Pin => post("/validate/check", &with_pin),
            Kind::TransactionAlone => {
                post("/validate/check_t", &format!("transactionid={transaction}&pass={code}"))
            }
            Kind::Line => post("/validate/simplecheck", &with_pin),
        }
    }
}

impl Side for Check {
    fn prepare(&mut self, n: usize) -> anyhow::Result<()> {
        let open = self.server.clone().block_on(self.desk.open(n))?;
        self.requests = open.iter().map(|open| self.request(open)).collect();
        Ok(())
    }

    fn run(&mut self) -> anyhow::Result<Lap> {
        self.api.volley(std::mem::take(&mut self.requests))
    }
}

/// The HTTP face as `mtan-otp-api` serves it, with its relay and its clerk beside it. Dropped = stopped.
pub(crate) struct Api {
    address: SocketAddr,
    stop: CancellationToken,
    load: Arc<Runtime>,
    connections: u16,
}

impl Api {
    pub(crate) async fn start(
        world: &World,
        verifier: Arc<Verifier>,
        reports: Box<dyn ReportConsumer>,
    ) -> anyhow::Result<Api> {
        let settings = Settings { policies: desk::policy().into(), ..Settings::default() };
        let api = OtpApi::new(verifier, &settings, Arc::new(SystemClock));
        let stop = CancellationToken::new();
        let listener = mtan_daemon::listen("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        api.spawn_background(reports, stop.clone());
        tokio::spawn(mtan_daemon::serve(listener, api.router(), stop.clone()));
        Ok(Api { address, stop, load: world.load.clone(), connections: world.arguments.connections })
    }

    pub(crate) fn volley(&self, requests: Vec<Vec<u8>>) -> anyhow::Result<Lap> {
        self.load.block_on(volley(self.address, requests, self.connections))
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// There is no sender, so there are no reports.
struct NoReports;

#[async_trait]
impl ReportConsumer for NoReports {
    async fn next(&mut self) -> Option<ReportDelivery> {
        pending().await
    }
}
