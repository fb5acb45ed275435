//! What administrators call: LinOTP's /admin, and our own /api/v1/explain; every one of them stands behind the gate.

mod error;
mod explain;
mod gate;
mod init;
mod throttle;

use std::any::Any;
use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use tower_http::catch_panic::CatchPanicLayer;

use crate::OtpApi;
use crate::envelope::Envelope;
use crate::observed::observed;

pub(crate) use gate::Gate;

/// The routes of administrators.
pub(crate) fn routes(api: &OtpApi) -> Router {
    Router::new()
        .route("/admin/init", behind_the_gate(api, "admin_init", post(init::init)))
        .route("/api/v1/explain", behind_the_gate(api, "explain", get(explain::explain)))
}

fn behind_the_gate(api: &OtpApi, endpoint: &'static str, call: MethodRouter<OtpApi>) -> MethodRouter {
    call.with_state(api.clone())
        .layer::<_, Infallible>(from_fn_with_state(api.clone(), guarded))
        .layer(CatchPanicLayer::custom(move |panic| broken(endpoint, panic)))
        .layer(from_fn(move |request, next| observed(endpoint, request, next)))
}

/// Lets an administrator through, and nobody else.
async fn guarded(State(api): State<OtpApi>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get().map(|ConnectInfo::<SocketAddr>(peer)| peer.ip());
    let mut response = match gate::admit(api.inner.gate.as_ref(), peer, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            tracing::warn!(reason = refusal.reason(), "admin request refused");
            refusal.into_response()
        }
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What a panic becomes.
fn broken(endpoint: &'static str, _: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!(endpoint, "a request ended in a panic");
    Envelope::error(-311, "an error of the server's own; its log says more")
        .response(StatusCode::INTERNAL_SERVER_ERROR)
}
