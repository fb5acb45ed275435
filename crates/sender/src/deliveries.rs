//! Delivery reports: what a gateway tells later, by a callback to a URL that we gave it with the SMS, or a modem by itself.
//!
//! ```text
//! hand-over ── expect() ──▶ book: awaited, ticket    the URL goes out with the SMS
//! callback  ── router() ──▶ book: is it the first?   report published, then noted as told
//! modem     ── tell()   ──▶ the same
//! ```

mod router;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use mtan_jobs::{Awaited, ClaimError, Clock, DeliveryBook, JobId, Outcome, Pool, ReportPublisher, Ticket};

use mtan_daemon::{Config, SenderSection};
use mtan_queue::Queue;

use crate::Way;
use tracing::warn;

pub use router::router;

/// A callback, as it came: all of it is the gateway's word.
#[derive(Clone, Default)]
pub struct Callback {
    /// The query, without its question mark.
    pub query: String,
    /// The media type of the body, lower-case, without parameters.
    pub media_type: String,
    /// At most 64 KiB.
    pub body: Vec<u8>,
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // numbers stand in it
        write!(f, "Callback({} + {} bytes)", self.query.len(), self.body.len())
    }
}

/// What a callback says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallbackState {
    /// The SMS reached the phone, or never will.
    Final {
        /// `Delivered` or `Undelivered`.
        outcome: Outcome,
        /// The gateway's word for it, out of the configuration.
        word: String,
        /// The gateway's own id of the SMS.
        gateway_id: Option<String>,
    },
    /// It is under way; more will come.
    UnderWay,
    /// The callback has no state where the configuration says it is.
    Unreadable,
}

/// How a gateway's callbacks are read: pure.
pub trait ReadCallback: Send + Sync + 'static {
    /// What `callback` says.
    fn read(&self, callback: &Callback) -> CallbackState;

    /// The body of the answer to a callback that was taken: some gateways look for a word.
    fn answer(&self) -> String {
        "OK".to_owned()
    }
}

/// How news of one job's delivery are told. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct ReportTo {
    /// What the gateway is to call; of no use where nobody listens for callbacks.
    pub url: String,
    /// What is presented with the news.
    pub ticket: Ticket,
}

impl fmt::Debug for ReportTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReportTo(..)")
    }
}

/// What delivery reports need; shared by the loop, which gives tickets out, and the listener, which takes them in.
#[derive(Clone)]
pub struct Deliveries {
    /// Which reports are awaited.
    pub book: Arc<dyn DeliveryBook>,
    /// Where reports go.
    pub reports: Arc<dyn ReportPublisher>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What gateways call: the listener as it is seen from outside, with a path prefix if need be, without a slash at the
    /// end. Empty where nobody listens.
    pub base_url: String,
    /// How the callbacks of each pool are read.
    pub readers: Readers,
}

/// How the callbacks of each pool are read; learns of further pools while callbacks come in. Clones are the same.
#[derive(Clone, Default)]
pub struct Readers(Arc<RwLock<BTreeMap<Pool, Arc<dyn ReadCallback>>>>);

impl Readers {
    /// The callbacks of `pool` are read by `reader` from now on.
    pub fn insert(&self, pool: Pool, reader: Arc<dyn ReadCallback>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(pool, reader);
    }

    fn get(&self, pool: &Pool) -> Option<Arc<dyn ReadCallback>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(pool).cloned()
    }
}

/// The listener for callbacks, as `[sender]` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackFace {
    /// `dlr_listen`: an address and a port.
    pub listen: String,
    /// `dlr_url`: what gateways call, without a slash at the end.
    pub base_url: String,
}

impl CallbackFace {
    /// Where a gateway of `ways` reports delivery, both keys are required. Where none does, they are taken if both are there
    /// and further ways `may_come` while the process runs; else `None`.
    pub fn read(
        config: &mut Config,
        section: &SenderSection,
        ways: &[Way],
        may_come: bool,
    ) -> Option<CallbackFace> {
        let reporting = ways.iter().find(|way| way.provider.callbacks().is_some());
        let both = section.dlr_listen.is_some() && section.dlr_url.is_some();
        let pool = match reporting {
            Some(way) => way.pool.to_string(),
            None if may_come && both => "that may come".to_owned(),
            None => return None,
        };
        let given = |config: &mut Config, key: &str, value: &Option<String>, what: &str| {
            if value.is_none() {
                config.fault(
                    format!("sender.{key}"),
                    format!("is missing: pool {pool} has DLR, which needs {what}"),
                );
            }
            value.clone()
        };
        let listen = given(
            config,
            "dlr_listen",
            &section.dlr_listen,
            "an address and port to be called at, such as 0.0.0.0:9111",
        );
        let url = given(
            config,
            "dlr_url",
            &section.dlr_url,
            "the URL of that as the gateway sees it, such as https://sms.example/mtan",
        );
        if listen.as_deref().is_some_and(|listen| !is_listen(listen)) {
            config
                .fault("sender.dlr_listen", "address:port or host:port is expected, such as 127.0.0.1:9111");
        }
        let base_url = url?.trim_end_matches('/').to_owned();
        if !is_base(&base_url) {
            config.fault(
                "sender.dlr_url",
                "an address that begins with http:// or https://, without a query, is expected",
            );
        }
        Some(CallbackFace { listen: listen?, base_url })
    }
}

impl CallbackFace {
    /// What to warn of where keys are set for callbacks, and no gateway of `ways` reports delivery: nobody listens.
    pub fn unused(section: &SenderSection, ways: &[Way]) -> Option<String> {
        let keys = [("dlr_listen", &section.dlr_listen), ("dlr_url", &section.dlr_url)];
        let given: Vec<&str> =
            keys.iter().filter(|(_, value)| value.is_some()).map(|(key, _)| *key).collect();
        let asked_for = ways.iter().any(|way| way.provider.callbacks().is_some());
        (!asked_for && !given.is_empty()).then(|| {
            format!(
                "sender.{} changes nothing: no pool here has DLR, so no gateway is called back",
                given.join(", sender.")
            )
        })
    }
}

fn is_listen(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

fn is_base(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    rest.is_some_and(|rest| {
        let visible = rest.bytes().all(|b| b.is_ascii_graphic() && !b"?#<>\"\\^`{|}".contains(&b));
        visible && !rest.is_empty() && !rest.starts_with(['/', ':'])
    })
}

impl Deliveries {
    /// Everything for reports; gateways call `face`. It [learns](Deliveries::learn) the ways out as they come.
    pub fn new(
        queue: &Queue,
        book: Arc<dyn DeliveryBook>,
        clock: Arc<dyn Clock>,
        face: Option<&CallbackFace>,
    ) -> Deliveries {
        let base_url = face.map(|face| face.base_url.clone()).unwrap_or_default();
        Deliveries { book, reports: queue.report_publisher(), clock, base_url, readers: Readers::default() }
    }

    /// Reads the callbacks of this way's gateway from now on. One that has none leaves the reader before it in place: the old
    /// gateway still tells of what it took.
    pub fn learn(&self, way: &Way) {
        let Some(reader) = way.provider.callbacks() else { return };
        if !self.listens() {
            warn!(
                pool = %way.pool,
                "the pool has DLR, and nobody listens: set sender.dlr_listen and sender.dlr_url and start anew; until then \
                 no delivery is reported"
            );
        }
        self.readers.insert(way.pool.clone(), reader);
    }

    /// Whether there is something for gateways to call.
    pub(crate) fn listens(&self) -> bool {
        !self.base_url.is_empty()
    }

    /// How news of this job are told. To be asked for before the hand-over: they may come before the answer.
    pub(crate) async fn expect(
        &self,
        awaited: &Awaited,
        keep_until: Timestamp,
    ) -> Result<ReportTo, ClaimError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| ClaimError("the system has no randomness".to_owned()))?;
        let ticket = self.book.expect(awaited, &Ticket::new(random), self.clock.now(), keep_until).await?;
        Ok(ReportTo { url: self.address(&awaited.pool, &awaited.job_id, &ticket), ticket })
    }

    /// Job ids hold nothing that a path would have to escape but the colon, which may stand in one.
    fn address(&self, pool: &Pool, id: &JobId, ticket: &Ticket) -> String {
        format!("{}/dlr/{pool}/{id}/{}", self.base_url, ticket.expose())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use async_trait::async_trait;
    use mtan_jobs::{ReportCode, SendJob};

    use super::*;
    use crate::{Provider, Verdict};

    struct Gateway {
        reports: bool,
    }

    #[async_trait]
    impl Provider for Gateway {
        fn kind(&self) -> &'static str {
            "http"
        }

        fn time_out(&self) -> Duration {
            Duration::from_secs(1)
        }

        async fn send(&self, _: &SendJob, _: Timestamp) -> Verdict {
            Verdict::Retry { code: ReportCode::GatewayBusy, after: None, detail: None }
        }

        fn callbacks(&self) -> Option<Arc<dyn ReadCallback>> {
            self.reports.then(|| Arc::new(Silent) as Arc<dyn ReadCallback>)
        }
    }

    struct Silent;

    impl ReadCallback for Silent {
        fn read(&self, _: &Callback) -> CallbackState {
            CallbackState::UnderWay
        }
    }

    #[test]
    fn keys_for_callbacks_without_a_gateway_that_calls_back_are_warned_of() {
        let ways = |reports| {
            let mute = Way::new(Pool::default_pool(), Arc::new(Gateway { reports: false }));
            [mute, Way::new("other".parse().unwrap(), Arc::new(Gateway { reports }))]
        };
        let given = |listen: Option<&str>, url: Option<&str>| SenderSection {
            dlr_listen: listen.map(str::to_owned),
            dlr_url: url.map(str::to_owned),
            ..SenderSection::default()
        };
        let both = given(Some("0.0.0.0:9111"), Some("https://user:hush@sms.example"));
        let warned = CallbackFace::unused(&both, &ways(false)).unwrap();
        assert!(warned.contains("sender.dlr_listen, sender.dlr_url"), "{warned}");
        assert!(!warned.contains("hush"), "{warned}");
        let warned = CallbackFace::unused(&given(None, Some("https://sms.example")), &ways(false)).unwrap();
        assert!(warned.starts_with("sender.dlr_url changes nothing"), "{warned}");
        assert_eq!(CallbackFace::unused(&both, &ways(true)), None);
        assert_eq!(CallbackFace::unused(&given(None, None), &ways(false)), None);
    }

    #[test]
    fn what_gateways_call_is_an_address_without_a_query() {
        for url in ["http://sms.example", "https://u:p@sms.example:8443/mtan/x", "http://[::1]:9111"] {
            assert!(is_base(url), "{url}");
        }
        for url in [
            "",
            "sms.example",
            "ftp://sms.example",
            "http://",
            "http:///x",
            "http://:80",
            "http://a b",
            "http://a?x",
            "http://a/<b>",
        ] {
            assert!(!is_base(url), "{url}");
        }
    }

    #[test]
    fn a_listener_has_a_host_and_a_port() {
        assert!(is_listen("127.0.0.1:9111") && is_listen("[::1]:0") && is_listen("localhost:80"));
        assert!(
            !is_listen("9111") && !is_listen(":9111") && !is_listen("127.0.0.1") && !is_listen("a:99999")
        );
    }
}
