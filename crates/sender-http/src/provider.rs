//! Executes a request, twice if the gateway challenges the first, and has the reply judged.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_daemon::Fault;
use mtan_jobs::{Clock, ReportCode, SendJob};
use mtan_sender::{Detail, Provider, ProviderKind, ReadCallback, ReportTo, UnknownRule, Verdict};
use reqwest::header::{AUTHORIZATION, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use tokio::time::Instant;

use crate::authorization::{Authorization, Shown};
use crate::client;
use crate::config::{HttpConfig, Method, StatusRules};
use crate::preview;
use crate::reply::Reply;
use crate::request::{self, Life, Request};

/// A code that lives shorter than this is not handed over any more: nobody could type it in.
const HURRY: Duration = Duration::from_secs(1);

/// How much of a reply is read.
const LONGEST_BODY: usize = 64 * 1024;

/// A gateway that takes SMS by HTTP.
pub struct HttpProvider {
    config: HttpConfig,
    client: Client,
    /// For codes that die before `client` would give up connecting.
    hurried: Client,
    authorization: Authorization,
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
        let client = client::build(&config, config.time_outs.connect).map_err(BuildError)?;
        let hurried = client::build(&config, config.time_outs.connect.min(HURRY)).map_err(BuildError)?;
        let authorization = Authorization::new(config.auth.as_ref());
        Ok(HttpProvider { config, client, hurried, authorization, clock })
    }

    /// The verdict and the reply behind it; an error where nothing is sent because the code is dead.
    async fn hand_over(
        &self,
        job: &SendJob,
        deadline: Timestamp,
        dlr_url: Option<&str>,
    ) -> Result<(Verdict, Option<Reply>), Dead> {
        let end = Instant::now() + self.config.time_outs.total;
        let life = self.life(deadline);
        let request = request::build(&self.config, job, life, dlr_url).map_err(|_| Dead)?;
        let shown = self.authorization.show(self.method(), &request.url);
        let mut response = self.execute(&request, shown.as_ref(), self.client_for(deadline)?, end).await;
        if let Ok(first) = &response
            && first.status() == StatusCode::UNAUTHORIZED
            && self.authorization.challenged(first.headers(), shown.as_ref())
        {
            // a 401 takes nothing, so this is still one SMS
            let shown = self.authorization.show(self.method(), &request.url);
            response = self.execute(&request, shown.as_ref(), self.client_for(deadline)?, end).await;
            if let Ok(second) = &response
                && second.status() == StatusCode::UNAUTHORIZED
            {
                self.authorization.challenged(second.headers(), shown.as_ref());
            }
        }
        let response = match response {
            Ok(response) => response,
            Err(error) => return Ok((client::unanswered(&error), None)),
        };
        Ok(match read(response, &self.config.reply.status).await {
            Ok(reply) => (reply.verdict(&self.config.reply, job, self.clock.now()), Some(reply)),
            Err(why) => {
                (Verdict::Unknown { code: ReportCode::NoAnswer, detail: Some(Detail::own(why)) }, None)
            }
        })
    }

    async fn execute(
        &self,
        request: &Request,
        shown: Option<&Shown>,
        client: &Client,
        end: Instant,
    ) -> Result<Response, reqwest::Error> {
        let mut builder = match self.config.method {
            Method::Get => client.get(request.url.clone()),
            Method::Post => client.post(request.url.clone()),
        };
        for (name, value) in &request.headers {
            builder = builder.header(name, value.clone());
        }
        if let Some((value, _)) = shown {
            builder = builder.header(AUTHORIZATION, value.clone());
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        builder.timeout(end.saturating_duration_since(Instant::now())).send().await
    }

    /// What the gateway may be told of the code's life.
    fn life(&self, deadline: Timestamp) -> Life {
        let now = self.clock.now();
        let most = self.config.longest_life.and_then(|most| now.saturating_add(most).ok());
        Life { now, deadline: most.map_or(deadline, |most| deadline.min(most)) }
    }

    fn method(&self) -> &'static str {
        match self.config.method {
            Method::Get => "GET",
            Method::Post => "POST",
        }
    }

    /// Who may take a request for a code that dies at `deadline`: a connection must be there before, for what has been
    /// begun cannot be called off. An error if nobody is quick enough.
    fn client_for(&self, deadline: Timestamp) -> Result<&Client, Dead> {
        let lives = Duration::try_from(deadline.duration_since(self.clock.now())).unwrap_or_default();
        match lives {
            lives if lives >= self.config.time_outs.connect => Ok(&self.client),
            lives if lives >= HURRY => Ok(&self.hurried),
            _ => Err(Dead),
        }
    }
}

/// The code in the job died before anything was handed over.
struct Dead;

fn too_late() -> Verdict {
    Verdict::Retry { code: ReportCode::Expired, after: None, detail: None }
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
        let handed_over = self.hand_over(job, deadline, None).await;
        handed_over.map_or_else(|Dead| too_late(), |(verdict, _)| verdict)
    }

    fn callbacks(&self) -> Option<Arc<dyn ReadCallback>> {
        self.config.callbacks.clone().map(|rules| Arc::new(rules) as Arc<dyn ReadCallback>)
    }

    async fn send_reporting_to(&self, job: &SendJob, deadline: Timestamp, to: &ReportTo) -> Verdict {
        let handed_over = self.hand_over(job, deadline, Some(&to.url)).await;
        handed_over.map_or_else(|Dead| too_late(), |(verdict, _)| verdict)
    }

    fn preview(&self, job: &SendJob, deadline: Timestamp) -> String {
        let life = self.life(deadline);
        match request::build(&self.config, job, life, None) {
            Ok(request) => preview::preview(&self.config, self.method(), &request, job),
            Err(_) => "none: less of the code's life is left than the gateway can be told".to_owned(),
        }
    }

    async fn send_and_explain(&self, job: &SendJob, deadline: Timestamp) -> (Verdict, Option<String>) {
        match self.hand_over(job, deadline, None).await {
            Err(Dead) => (too_late(), None),
            Ok((verdict, reply)) => {
                let because = reply.map(|reply| reply.because(&self.config.reply, &verdict));
                (verdict, because)
            }
        }
    }
}

impl fmt::Debug for HttpProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpProvider").field("config", &self.config).finish_non_exhaustive()
    }
}

/// The reply up to [`LONGEST_BODY`]. An error says in our own words why there is none to judge by.
async fn read(mut response: Response, rules: &StatusRules) -> Result<Reply, &'static str> {
    let status = response.status().as_u16();
    let retry_after =
        response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    while body.len() < LONGEST_BODY {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            // the status of a refusal or failure says enough; a yes must be whole
            Err(_) if !(200..300).contains(&status) && !matches!(rules, StatusRules::Ignore) => break,
            Err(e) if e.is_timeout() => return Err("the reply did not end in time"),
            Err(_) => return Err("the reply broke off"),
        }
    }
    body.truncate(LONGEST_BODY);
    Ok(Reply { status, retry_after, body })
}
