//! /validate: a request becomes a question, the verifier decides, the answer is logged and counted once.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use mtan_jobs::Outcome as SendOutcome;
use mtan_verifier::{Reason, Sent, Subject};
use tokio::time::{sleep, timeout};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::info;

use crate::OtpApi;
use crate::bounded::{Unanswered, bounded};
use crate::endpoint::{Endpoint, PanicIsNo};
use crate::envelope::Envelope;
use crate::observed::{count_answer, observed};
use crate::outcome::{Outcome, Why};
use crate::params::{Params, Unreadable};
use crate::question::Question;

/// The verifier answers within this; a second with what stands around it.
const ANSWER_WITHIN: Duration = Duration::from_millis(900);

/// Time between two looks into the ledger.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The routes under /validate.
pub(crate) fn routes(api: &OtpApi) -> Router {
    let ok = on(MethodFilter::GET.or(MethodFilter::POST), ok)
        .layer(from_fn(|request, next| observed("ok", request, next)));
    Endpoint::ALL.into_iter().fold(Router::new().route("/validate/ok", ok), |router, endpoint| {
        let methods = match endpoint {
            Endpoint::HttpCheck => MethodFilter::POST,
            _ => MethodFilter::GET.or(MethodFilter::POST),
        };
        let (api, style) = (api.clone(), api.inner.style);
        let answer = async move |request: Request| api.answer(endpoint, request).await;
        let route = on(methods, answer)
            .layer(CatchPanicLayer::custom(PanicIsNo(endpoint, style)))
            .layer(from_fn(move |request, next| observed(endpoint.name(), request, next)));
        router.route(&format!("/validate/{}", endpoint.name()), route)
    })
}

/// LinOTP's constant yes. A request that carries a `pass` is a login gone astray, and no login is let in here.
async fn ok(request: Request) -> Response {
    let params = Params::read(request).await;
    let asks_nothing = params.is_ok_and(|params| params.get("pass") == Ok(None));
    Envelope::<()>::value(asks_nothing, 0, None).response(StatusCode::OK)
}

impl OtpApi {
    async fn answer(&self, endpoint: Endpoint, request: Request) -> Response {
        let (question, outcome) = match self.question(request).await {
            Ok(question) => {
                let subject = question.subject.clone();
                (Some(subject), self.outcome(endpoint, question).await)
            }
            Err(why) => {
                tracing::debug!(%why, "unreadable request");
                (None, Outcome::Rejected(Why::Rule(Reason::Malformed)))
            }
        };
        note(endpoint, question.as_ref(), &outcome);
        endpoint.render(&outcome, self.inner.style)
    }

    async fn question(&self, request: Request) -> Result<Question, Unreadable> {
        Question::new(&Params::read(request).await?, &self.inner.names)
    }

    async fn outcome(&self, endpoint: Endpoint, question: Question) -> Outcome {
        let verifier = self.inner.verifier.clone();
        let work = async move {
            let Question { subject, pass, transaction } = question;
            match endpoint {
                Endpoint::SmsPin => verifier.smspin(Some(&subject), &pass).await,
                _ => verifier.check(Some(&subject), &pass, transaction.as_ref()).await,
            }
        };
        let answer = bounded(&self.inner.tasks, ANSWER_WITHIN, work).await;
        // Whatever the answer, an entry may lie in the outbox now.
        self.inner.stirred.notify_one();
        match answer {
            Ok(answer) => self.with_report(answer.into()).await,
            Err(Unanswered::TimedOut) => Outcome::Rejected(Why::TimedOut),
            Err(Unanswered::Broken) => Outcome::Rejected(Why::Broken),
        }
    }

    /// A fresh trigger waits for its final report, if the installation wants that. No report in time is no failure.
    async fn with_report(&self, outcome: Outcome) -> Outcome {
        let wait = self.inner.report_wait;
        match outcome {
            Outcome::Challenged(sent) if !sent.already && !wait.is_zero() => {
                match timeout(wait, self.final_report(&sent)).await {
                    Ok(SendOutcome::Accepted) | Err(_) => Outcome::Challenged(sent),
                    Ok(_) => Outcome::Rejected(Why::SendingFailed),
                }
            }
            other => other,
        }
    }

    async fn final_report(&self, sent: &Sent) -> SendOutcome {
        loop {
            match self.inner.verifier.ledger_entry(&sent.job_id).await {
                Ok(entry) => {
                    if let Some(report) = entry.and_then(|entry| entry.outcome) {
                        return report.outcome;
                    }
                }
                Err(error) => tracing::debug!(%error, "the ledger did not answer"),
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

/// The one log line of a request, and its count.
fn note(endpoint: Endpoint, subject: Option<&Subject>, outcome: &Outcome) {
    let (user, named) = match subject {
        Some(Subject::User(user)) => (Some(user.to_string()), None),
        Some(Subject::Serial(serial)) => (None, Some(serial)),
        _ => (None, None),
    };
    let (serial, job) = match outcome {
        Outcome::Accepted(serial) => (Some(serial), None),
        Outcome::Challenged(sent) => (Some(&sent.serial), Some(sent.job_id.as_str())),
        Outcome::Rejected(_) => (named, None),
    };
    let (result, reason) = (outcome.result(), outcome.reason());
    info!(user, serial = serial.map(|s| s.as_str()), job.id = job, result, reason, "{}", endpoint.name());
    count_answer(endpoint.name(), result, reason);
}
