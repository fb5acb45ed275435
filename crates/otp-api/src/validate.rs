//! /validate: a request becomes a question, the verifier decides, the answer is logged and counted once.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use mtan_jobs::{JobId, Outcome as SendOutcome};
use mtan_verifier::{AuditRecord, Reason, Sent, Subject, Verifier};
use tokio::time::{sleep, timeout};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::info;

use crate::OtpApi;
use crate::audit;
use crate::bounded::{Unanswered, bounded};
use crate::endpoint::{Endpoint, PanicIsNo};
use crate::envelope::Envelope;
use crate::observed::{count_answer, observed};
use crate::outcome::{Beside, Outcome, Owner, Why};
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

/// What a caller called, and from where.
pub(crate) struct Called {
    name: &'static str,
    client: Option<String>,
}

impl Called {
    pub(crate) fn new(name: &'static str, request: &Request) -> Called {
        Called { name, client: audit::address(request) }
    }

    /// In the audit log: a page asks an endpoint's question under a name of its own.
    fn action(&self) -> String {
        match self.name.strip_prefix("auth_") {
            Some(page) => format!("auth/{page}"),
            None => format!("validate/{}", self.name),
        }
    }
}

impl OtpApi {
    async fn answer(&self, endpoint: Endpoint, request: Request) -> Response {
        let called = Called::new(endpoint.name(), &request);
        let question = self.question(endpoint, request).await;
        let (outcome, beside) = self.decide(endpoint, called, question).await;
        endpoint.render(&outcome, &beside, self.inner.style, self.inner.clock.now())
    }

    /// Decides what `endpoint` is asked, then logs and counts the answer under the name of `called`, and has it kept in the
    /// audit log.
    pub(crate) async fn decide(
        &self,
        endpoint: Endpoint,
        called: Called,
        question: Result<Question, Unreadable>,
    ) -> (Outcome, Beside) {
        let mut record = AuditRecord::new(self.inner.clock.now(), called.action());
        record.client = called.client;
        let (subject, outcome, beside) = match question {
            Ok(question) => {
                record.client_named = question.client.as_deref().map(audit::cleaned);
                record.transaction = question.transaction.as_ref().map(ToString::to_string);
                let question = self.inner.users.looked_up(question, &self.inner.nobody).await;
                let subject = question.subject.clone();
                let (outcome, mut beside) = self.outcome(endpoint, question).await;
                if let Some(owner) = &mut beside.owner {
                    owner.profile = self.inner.users.profile(owner.user.as_ref()).await;
                }
                (Some(subject), outcome, beside)
            }
            Err(why) => {
                tracing::debug!(%why, "unreadable request");
                (None, Outcome::Rejected(Why::Rule(Reason::Malformed)), Beside::default())
            }
        };
        note(called.name, subject.as_ref(), &outcome);
        self.inner.auditor.put(audit::of_validate(record, endpoint, subject.as_ref(), &outcome));
        (outcome, beside)
    }

    async fn question(&self, endpoint: Endpoint, request: Request) -> Result<Question, Unreadable> {
        Question::new(endpoint, &Params::read(request).await?, &self.inner.names)
    }

    async fn outcome(&self, endpoint: Endpoint, question: Question) -> (Outcome, Beside) {
        let verifier = self.inner.verifier.clone();
        let work = decided(verifier, endpoint, question);
        let answer = bounded(&self.inner.tasks, ANSWER_WITHIN, work).await;
        // Whatever the answer, an entry may lie in the outbox now.
        self.inner.stirred.notify_one();
        match answer {
            Ok((outcome, beside)) => (self.with_report(outcome).await, beside),
            Err(Unanswered::TimedOut) => (Outcome::Rejected(Why::TimedOut), Beside::default()),
            Err(Unanswered::Broken) => (Outcome::Rejected(Why::Broken), Beside::default()),
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

    /// Of several SMS one that was accepted is enough; the last report of all else.
    async fn final_report(&self, sent: &Sent) -> SendOutcome {
        let mut waited_for: Vec<&JobId> = sent.sms.iter().map(|sms| &sms.job_id).collect();
        loop {
            let mut waiting = Vec::with_capacity(waited_for.len());
            for job in waited_for {
                match self.report_of(job).await {
                    Some(SendOutcome::Accepted) => return SendOutcome::Accepted,
                    Some(other) if sent.sms.len() == 1 => return other,
                    Some(_) => {}
                    None => waiting.push(job),
                }
            }
            if waiting.is_empty() {
                return SendOutcome::Rejected;
            }
            waited_for = waiting;
            sleep(LOOK_EVERY).await;
        }
    }

    async fn report_of(&self, job: &JobId) -> Option<SendOutcome> {
        let entry = self.inner.verifier.ledger_entry(job).await;
        let entry = entry.inspect_err(|error| tracing::debug!(%error, "the ledger did not answer"));
        entry.ok().flatten().and_then(|entry| entry.outcome).map(|report| report.outcome)
    }
}

/// What the verifier says, and what is told beside it.
async fn decided(verifier: Arc<Verifier>, endpoint: Endpoint, question: Question) -> (Outcome, Beside) {
    if !question.of_our_type {
        return (Outcome::Rejected(Why::Rule(Reason::NoToken)), Beside::default());
    }
    let mut beside = Beside::default();
    let outcome = match (endpoint, &question.transaction) {
        (Endpoint::SmsPin, _) => verifier.ask_for_sms(&question.ask()).await.into(),
        (Endpoint::CheckT, Some(transaction)) => {
            let answered = verifier.check_transaction(transaction, &question.pass).await;
            beside.transaction = Some((transaction.clone(), answered.token));
            answered.answer.into()
        }
        (Endpoint::CheckStatus, Some(transaction)) => {
            match verifier.status(question.asked_for(), &question.pass, transaction).await {
                Ok(trails) => Outcome::Told(trails),
                Err(reason) => Outcome::Rejected(Why::Rule(reason)),
            }
        }
        _ => verifier.ask(&question.ask()).await.into(),
    };
    tell_more(&verifier, &question, &outcome, &mut beside).await;
    (outcome, beside)
}

/// What the request or a policy wants to be told of a yes or a no.
async fn tell_more(verifier: &Verifier, question: &Question, outcome: &Outcome, beside: &mut Beside) {
    let policies = verifier.policies();
    let policy = policies.of(question.subject.user());
    beside.prompt.clone_from(&policy.prompt);
    match outcome {
        Outcome::Rejected(_) if policy.detail_on_fail => beside.why = outcome.audit_text(),
        Outcome::Accepted(serial) => {
            let wanted = policies.default.detail_on_success
                || policies.realms.values().any(|policy| policy.detail_on_success);
            if !wanted && !question.auth_info {
                return;
            }
            // a yes is a yes, also where its details are not to be had
            let Ok(Some(token)) = verifier.token(serial).await else { return };
            if question.auth_info {
                let digits = usize::from(token.digits.get());
                beside.lengths = Some((question.pass.chars().count().saturating_sub(digits), digits));
            }
            if policies.of(token.user.as_ref()).detail_on_success {
                beside.owner = Some(Owner { user: token.user, serial: token.serial, profile: None });
            }
        }
        _ => {}
    }
}

/// The one log line of a request, and its count.
fn note(called: &'static str, subject: Option<&Subject>, outcome: &Outcome) {
    let (user, named) = match subject {
        Some(Subject::User(user)) => (Some(user.to_string()), None),
        Some(Subject::Serial(serial)) => (None, Some(serial.to_string())),
        _ => (None, None),
    };
    let (serial, job) = match outcome {
        Outcome::Accepted(serial) => (Some(serial.to_string()), None),
        Outcome::Challenged(sent) => (
            Some(joined(sent.sms.iter().map(|sms| sms.serial.as_str()))),
            Some(joined(sent.sms.iter().map(|sms| sms.job_id.as_str()))),
        ),
        Outcome::Told(_) | Outcome::Rejected(_) => (named, None),
    };
    let (result, reason) = (outcome.result(), outcome.reason());
    info!(user, serial, job.id = job, result, reason, "{called}");
    count_answer(called, result, reason);
}

fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.collect::<Vec<_>>().join(",")
}
