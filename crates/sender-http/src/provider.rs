//! Builds the client, executes a request, and classifies what went wrong on the way.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use data_encoding::BASE64;
use jiff::Timestamp;
use mtan_daemon::Fault;
use mtan_jobs::{Clock, ReportCode, SendJob};
use mtan_sender::{About, Detail, Provider, ProviderKind, UnknownRule, Verdict};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, redirect};

use crate::config::{HttpConfig, Login};
use crate::reply::Reply;
use crate::request::{self, Request};

/// How much of a reply is read.
const LONGEST_BODY: usize = 64 * 1024;

/// A connection that is idle for so long is not used again: less than the 5 s after which common servers close theirs,
/// for a request that meets a closing connection is a request of unknown outcome.
const IDLE: Duration = Duration::from_secs(4);

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// A gateway that takes SMS by HTTP.
pub struct HttpProvider {
    config: HttpConfig,
    client: Client,
    authorization: Option<HeaderValue>,
    clock: Arc<dyn Clock>,
}

/// Why no client could be built. Never shows the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no HTTP client: {0}")]
pub struct BuildError(String);

impl HttpProvider {
    /// A way out from the JSON of `SMSProviderConfig`, in which relative paths start in `folder`; the faults name its keys
    /// and never a value.
    pub fn from_json(
        text: &str,
        folder: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<dyn Provider>, Vec<Fault>> {
        let whole = |e: BuildError| vec![Fault { key: String::new(), message: e.to_string() }];
        let provider = HttpProvider::new(HttpConfig::from_json(text, folder)?, clock).map_err(whole)?;
        Ok(Arc::new(provider))
    }

    /// Connects to nothing yet.
    pub fn new(config: HttpConfig, clock: Arc<dyn Clock>) -> Result<HttpProvider, BuildError> {
        let client = client(&config).map_err(|e| BuildError(innermost(&e.without_url())))?;
        let authorization = config.login.as_ref().map(basic);
        Ok(HttpProvider { config, client, authorization, clock })
    }

    async fn execute(&self, request: Request, time_out: Duration) -> Result<Response, reqwest::Error> {
        let builder = match request.form {
            None => self.client.get(request.url),
            Some(form) => self.client.post(request.url).header(CONTENT_TYPE, FORM).body(form),
        };
        let builder = match &self.authorization {
            None => builder,
            Some(basic) => builder.header(AUTHORIZATION, basic.clone()),
        };
        builder.timeout(time_out).send().await
    }

    /// The time for everything; `None` if the code is dead. Connecting takes a part of it: where the code dies before a
    /// connection must be there, the cut comes at its death, and no request goes out after it.
    fn time_left(&self, deadline: Timestamp) -> Option<Duration> {
        let left = Duration::try_from(deadline.duration_since(self.clock.now())).unwrap_or_default();
        let total = if left < self.config.time_outs.connect { left } else { self.config.time_outs.total };
        (!total.is_zero()).then_some(total)
    }
}

#[async_trait]
impl Provider for HttpProvider {
    fn kind(&self) -> &'static str {
        ProviderKind::Http.as_str()
    }

    fn time_out(&self) -> Duration {
        self.config.time_outs.total
    }

    fn unknown_rule(&self) -> UnknownRule {
        self.config.ambiguous
    }

    fn warnings(&self) -> &[String] {
        self.config.warnings()
    }

    async fn send(&self, job: &SendJob, deadline: Timestamp) -> Verdict {
        let Some(time_out) = self.time_left(deadline) else {
            return Verdict::Retry { code: ReportCode::Expired, after: None, detail: None };
        };
        let request = request::build(&self.config, job);
        let response = match self.execute(request, time_out).await {
            Ok(response) => response,
            Err(error) => return unanswered(&error),
        };
        match read(response).await {
            Ok(reply) => reply.verdict(&self.config.success, job, self.clock.now()),
            Err(why) => Verdict::Unknown { code: ReportCode::NoAnswer, detail: Some(Detail::own(why)) },
        }
    }
}

impl fmt::Debug for HttpProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpProvider").field("config", &self.config).finish_non_exhaustive()
    }
}

fn client(config: &HttpConfig) -> Result<Client, reqwest::Error> {
    // whoever came first has installed the same one: ring is the only provider in the tree
    drop(rustls::crypto::ring::default_provider().install_default());
    let builder = Client::builder()
        .user_agent(concat!("mtan/", env!("CARGO_PKG_VERSION")))
        // a POST that becomes a GET loses the SMS, and a stranger must not get it
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(config.time_outs.connect)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true);
    let builder = match &config.proxy {
        // without PROXY no proxy, whatever the environment says
        None => builder.no_proxy(),
        Some(proxy) => {
            let all = reqwest::Proxy::all(proxy.url.clone())?;
            builder.proxy(match &proxy.login {
                None => all,
                Some(login) => all.basic_auth(&login.user, &login.password),
            })
        }
    };
    builder.build()
}

fn basic(login: &Login) -> HeaderValue {
    let credentials = BASE64.encode(format!("{}:{}", login.user, login.password).as_bytes());
    let mut value = HeaderValue::try_from(format!("Basic {credentials}")).expect("Base64 is ASCII");
    value.set_sensitive(true);
    value
}

/// The reply up to [`LONGEST_BODY`]. An error says in our own words why there is none to judge by.
async fn read(mut response: Response) -> Result<Reply, &'static str> {
    let status = response.status().as_u16();
    let retry_after =
        response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    while body.len() < LONGEST_BODY {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            // the status of a refusal or failure says enough; a yes must be whole
            Err(_) if !(200..300).contains(&status) => break,
            Err(e) if e.is_timeout() => return Err("the reply did not end in time"),
            Err(_) => return Err("the reply broke off"),
        }
    }
    body.truncate(LONGEST_BODY);
    Ok(Reply { status, retry_after, body })
}

/// No reply at all. While there was no connection nothing was sent; from then on nobody knows.
fn unanswered(error: &reqwest::Error) -> Verdict {
    let detail = |words: &str| Some(Detail::own(words));
    if error.is_connect() && proxy_wants_credentials(error) {
        let (about, code) = (About::Gateway, ReportCode::GatewayAuthFailed);
        return Verdict::Rejected { about, code, detail: detail("the proxy wants other credentials") };
    }
    if error.is_connect() || error.is_builder() {
        let words = if error.is_timeout() { "no connection in time".to_owned() } else { innermost(error) };
        return Verdict::Retry { code: ReportCode::GatewayUnreachable, after: None, detail: detail(&words) };
    }
    let words = if error.is_timeout() { "no reply in time" } else { "the connection broke before a reply" };
    Verdict::Unknown { code: ReportCode::NoAnswer, detail: detail(words) }
}

/// A 407 to CONNECT comes as an error whose type is private; its words are the only sign of it.
fn proxy_wants_credentials(error: &reqwest::Error) -> bool {
    chain(error).any(|cause| cause.to_string().ends_with("proxy authorization required"))
}

/// The root of the trouble, as in `Connection refused`: the outer ones name the URL.
fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&cause| cause.source())
}
