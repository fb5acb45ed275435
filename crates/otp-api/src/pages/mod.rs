//! The sample pages under /auth: forms that a person fills in, answered by the verifier as /validate is, without a script.

mod form;
mod language;
mod origin;
mod screen;
mod texts;
mod view;

use std::any::Any;
use std::convert::Infallible;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use mtan_verifier::Subject;
use tower_http::catch_panic::CatchPanicLayer;

use crate::OtpApi;
use crate::endpoint::Endpoint;
use crate::observed::observed;
use crate::outcome::Outcome;
use crate::validate::Called;
use form::Form;
use screen::{Said, Screen, Step};
use texts::Texts;

const STYLE: &str = include_str!("pages.css");
const ICON: &str = include_str!("icon.svg");

/// Nothing comes from elsewhere, nothing runs, nothing frames or keeps a page.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// A page: its story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page {
    /// User and PIN, an SMS, its code, welcome.
    RequestSms,
    /// User, and PIN and code in one field.
    Index,
    /// User, PIN and code in a field each; the PIN alone sends an SMS.
    Index3,
    /// User and PIN, an SMS, then transaction and code.
    ChallengeResponse,
}

impl Page {
    const ALL: [Page; 4] = [Page::RequestSms, Page::Index, Page::Index3, Page::ChallengeResponse];

    fn path(self) -> &'static str {
        match self {
            Page::RequestSms => "/auth/requestsms",
            Page::Index => "/auth/index",
            Page::Index3 => "/auth/index3",
            Page::ChallengeResponse => "/auth/challenge-response",
        }
    }

    /// A metric label and a log field.
    fn name(self) -> &'static str {
        match self {
            Page::RequestSms => "auth_requestsms",
            Page::Index => "auth_index",
            Page::Index3 => "auth_index3",
            Page::ChallengeResponse => "auth_challenge_response",
        }
    }
}

/// The pages and the two files that they show.
pub(crate) fn routes(api: &OtpApi) -> Router {
    let files = Router::new()
        .route("/auth/pages.css", get(async || (HEADERS, [(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)))
        .route("/auth/icon.svg", get(async || (HEADERS, [(CONTENT_TYPE, "image/svg+xml")], ICON)));
    Page::ALL.into_iter().fold(files, |router, page| router.route(page.path(), route(api, page)))
}

fn route(api: &OtpApi, page: Page) -> MethodRouter {
    let (shown, answered) = (
        async move |headers: HeaderMap| shown(page, &headers),
        async move |State(api): State<OtpApi>, request: Request| answered(&api, page, request).await,
    );
    get(shown)
        .post(answered)
        .with_state(api.clone())
        .layer::<_, Infallible>(CatchPanicLayer::custom(move |panic| broken(page, panic)))
        .layer(from_fn(move |request: Request, next: Next| observed(page.name(), request, next)))
}

/// The empty form. Whatever stands in the query is passed over: no PIN and no code belongs there.
fn shown(page: Page, headers: &HeaderMap) -> Response {
    rendered(StatusCode::OK, headers, &Screen { page, said: None, step: Step::Ask { user: "" } })
}

async fn answered(api: &OtpApi, page: Page, request: Request) -> Response {
    debug_assert_eq!(request.method(), Method::POST);
    let headers = request.headers().clone();
    if !origin::is_ours(&headers) {
        tracing::warn!(reason = "cross_site", "{}", page.name());
        let screen = Screen { page, said: Some(Said::Stranger), step: Step::Ask { user: "" } };
        return rendered(StatusCode::FORBIDDEN, &headers, &screen);
    }
    let called = Called::new(page.name(), &request);
    let form = Form::read(request).await.unwrap_or_else(|why| {
        tracing::debug!(%why, "unreadable form");
        Form::default()
    });
    let question = form.question(page, api);
    // as it is known from here on: what can be no name is not shown again
    let user = match question.as_ref().map(|question| &question.subject) {
        Ok(Subject::User(_)) => form.user.as_str(),
        _ => "",
    };
    let endpoint = match page {
        Page::RequestSms if form.transaction.is_empty() => Endpoint::SmsPin,
        _ => Endpoint::Check,
    };
    let (outcome, _) = api.decide(endpoint, called, question).await;
    rendered(StatusCode::OK, &headers, &after(page, user, &form, &outcome))
}

/// What a person sees of an outcome: yes, an SMS, or one plain no for every reason.
fn after<'a>(page: Page, user: &'a str, form: &'a Form, outcome: &'a Outcome) -> Screen<'a> {
    let (said, step) = match outcome {
        Outcome::Accepted(_) => (Said::Welcome, Step::Welcome { user }),
        Outcome::Challenged(sent) => {
            let said = if sent.already { Said::AlreadySent } else { Said::Sent };
            (said, Step::Code { user, transaction: sent.transaction.as_str() })
        }
        Outcome::Told(_) | Outcome::Rejected(_) if form.transaction.is_empty() => {
            (Said::No, Step::Ask { user })
        }
        Outcome::Told(_) | Outcome::Rejected(_) => {
            (Said::No, Step::Code { user, transaction: &form.transaction })
        }
    };
    Screen { page, said: Some(said), step }
}

fn rendered(status: StatusCode, headers: &HeaderMap, screen: &Screen<'_>) -> Response {
    let texts = Texts::of(language::preferred(headers));
    let vary = [(VARY, HeaderValue::from(ACCEPT_LANGUAGE))];
    (status, HEADERS, vary, Html(view::html(screen, texts).into_string())).into_response()
}

/// What a panic becomes: the plain no.
fn broken(page: Page, _: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!(endpoint = page.name(), "a request ended in a panic");
    let screen = Screen { page, said: Some(Said::No), step: Step::Ask { user: "" } };
    rendered(StatusCode::INTERNAL_SERVER_ERROR, &HeaderMap::new(), &screen)
}
