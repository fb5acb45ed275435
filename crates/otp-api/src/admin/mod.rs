//! What administrators call: LinOTP's /admin and /audit, and our own /api/v1/explain; every one of them stands behind the
//! gate.

mod call;
pub(crate) mod error;
mod explain;
mod gate;
mod init;
mod login;
mod owner;
mod session;
mod set;
mod show;
mod throttle;
mod tokens;
mod users;

use std::any::Any;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, get, on, post};
use tokio::time::timeout;
use tower_http::catch_panic::CatchPanicLayer;

use crate::OtpApi;
use crate::envelope::Envelope;
use crate::observed::observed;
use crate::params::{MOST, Params};

use call::Call;
pub(crate) use call::noted;
pub(crate) use error::AdminError;
use gate::Refusal;
pub(crate) use gate::{Admitted, Gate};
use login::not_stored;
use session::Session;

/// Where a session's second secret comes back.
const CSRF_HEADER: &str = "x-csrf-token";

/// The same in a form.
const CSRF_FIELD: &str = "csrf_token";

/// How long a client may take to bring its body.
const BODY_WITHIN: Duration = Duration::from_secs(5);

/// The routes of administrators.
pub(crate) fn routes(api: &OtpApi) -> Router {
    let outside = |endpoint, call: MethodRouter<OtpApi>| {
        let call = call.with_state(api.clone()).layer::<_, Infallible>(axum::middleware::map_response(
            async |response: Response| not_stored(response),
        ));
        with_care(endpoint, call)
    };
    let login = post(login::login).fallback(call::post_is_expected);
    let router = Router::new()
        .route("/admin/login", outside("admin_login", login))
        .route("/admin/logout", outside("admin_logout", get(login::logout).post(login::logout)))
        .route("/api/v1/explain", behind_the_gate(api, "explain", get(explain::explain)));
    Call::ALL.into_iter().fold(router, |router, call| {
        let methods = match call.only_looks() {
            true => MethodFilter::GET.or(MethodFilter::POST),
            false => MethodFilter::POST,
        };
        let answer =
            on(methods, move |state, admitted, request| call::answered(call, state, admitted, request));
        let answer = answer.fallback(call::post_is_expected);
        router.route(&format!("/{}", call.path()), behind_the_gate(api, call.endpoint(), answer))
    })
}

/// Only administrators come to `call`; it finds in the request's extensions who that is ([`Admitted`]).
pub(crate) fn behind_the_gate(
    api: &OtpApi,
    endpoint: &'static str,
    call: MethodRouter<OtpApi>,
) -> MethodRouter {
    let call = call.with_state(api.clone()).layer::<_, Infallible>(from_fn_with_state(api.clone(), guarded));
    with_care(endpoint, call)
}

fn with_care(endpoint: &'static str, call: MethodRouter) -> MethodRouter {
    call.layer(CatchPanicLayer::custom(move |panic| broken(endpoint, panic)))
        .layer(from_fn(move |request, next| observed(endpoint, request, next)))
}

/// Lets an administrator through, and nobody else.
async fn guarded(State(api): State<OtpApi>, request: Request, next: Next) -> Response {
    not_stored(match admitted(&api, request).await {
        Ok(request) => next.run(request).await,
        Err(refusal) => {
            tracing::warn!(reason = refusal.reason(), "admin request refused");
            refusal.into_response()
        }
    })
}

async fn admitted(api: &OtpApi, request: Request) -> Result<Request, Refusal> {
    let peer = request.extensions().get().map(|ConnectInfo::<SocketAddr>(peer)| peer.ip());
    let admitted = gate::admit(api.inner.gate.as_ref(), peer, request.headers())?;
    let mut request = match &admitted.session {
        Some(session) if request.method() != Method::GET => authentic(session, request).await?,
        _ => request,
    };
    request.extensions_mut().insert(admitted);
    Ok(request)
}

/// A change by a session: the page that makes it can read the session's second cookie, a page of another site cannot.
async fn authentic(session: &Session, request: Request) -> Result<Request, Refusal> {
    if let Some(given) = request.headers().get(CSRF_HEADER) {
        return if session.is_authentic(given.as_bytes()) { Ok(request) } else { Err(Refusal::NotAuthentic) };
    }
    let (head, body) = request.into_parts();
    let reading = timeout(BODY_WITHIN, to_bytes(body, MOST)).await;
    let body = reading.ok().and_then(Result::ok).ok_or(Refusal::NotAuthentic)?;
    let given = field(&head.headers, &body).ok_or(Refusal::NotAuthentic)?;
    if !session.is_authentic(given.as_bytes()) {
        return Err(Refusal::NotAuthentic);
    }
    Ok(Request::from_parts(head, Body::from(body)))
}

/// Out of the body only: addresses are written to logs.
fn field(headers: &HeaderMap, body: &Bytes) -> Option<String> {
    let params = Params::parse(headers, b"", body).ok()?;
    params.get(CSRF_FIELD).ok().flatten().map(str::to_owned)
}

/// What a panic becomes.
fn broken(endpoint: &'static str, _: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!(endpoint, "a request ended in a panic");
    Envelope::error(-311, "an error of the server's own; its log says more")
        .response(StatusCode::INTERNAL_SERVER_ERROR)
}
