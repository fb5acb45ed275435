//! /admin/login and /admin/logout: a session begins with name and password, and ends.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mtan_verifier::AuditRecord;
use serde_json::json;
use tracing::{info, warn};

use super::error::AdminError;
use super::gate::{Refusal, of_our_site};
use super::session::{Session, came_by_https, no_cookies};
use crate::OtpApi;
use crate::audit;
use crate::envelope::Envelope;
use crate::params::Params;

pub(super) async fn login(State(api): State<OtpApi>, request: Request) -> Response {
    let https = came_by_https(request.headers());
    let mut record = AuditRecord::new(api.inner.clock.now(), "admin/login");
    record.client = audit::address(&request);
    let (session, name) = begin(&api, request).await;
    record.administrator = name.as_deref().map(audit::cleaned);
    record.success = session.is_ok();
    record.reason = session.as_ref().map_or_else(|refusal| refusal.reason(), |_| "right_password").to_owned();
    let (reason, administrator) = (record.reason.clone(), record.administrator.clone());
    match &session {
        Ok(_) => info!(administrator, "administrator logged in"),
        Err(_) => warn!(reason, "administrator's login refused"),
    }
    if let Err(error) = api.inner.auditor.keep(record).await {
        // No session without its record; a refusal stays one.
        if session.is_ok() {
            return AdminError::from(error).response(None);
        }
    }
    answer(&api, session, https)
}

/// The session or why there is none, and the name that was given.
async fn begin(api: &OtpApi, request: Request) -> (Result<Session, Refusal>, Option<String>) {
    let gate = match of_our_site(api.inner.gate.as_ref(), request.headers()) {
        Ok(gate) => gate,
        Err(refusal) => return (Err(refusal), None),
    };
    let peer = request.extensions().get().map(|ConnectInfo::<SocketAddr>(peer)| peer.ip());
    let Ok(params) = Params::read(request).await else { return (Err(Refusal::Missing), None) };
    let (Ok(Some(username)), Ok(Some(password))) = (params.filled("username"), params.filled("password"))
    else {
        return (Err(Refusal::Missing), None);
    };
    (gate.login(peer, username, password), Some(username.to_owned()))
}

fn answer(api: &OtpApi, session: Result<Session, Refusal>, https: bool) -> Response {
    match session {
        Ok(session) => {
            let detail = json!({ "message": format!("Login successful for {}", session.sub) });
            let mut response = Envelope::value(true, 1, Some(&detail)).response(StatusCode::OK);
            if let Some(gate) = &api.inner.gate {
                for cookie in gate.sessions.cookies(&session, https) {
                    response.headers_mut().append(header::SET_COOKIE, cookie);
                }
            }
            response
        }
        Err(Refusal::Wrong | Refusal::Missing) => {
            let detail = json!({ "message": "Bad username or password" });
            Envelope::value(false, 1, Some(&detail)).response(StatusCode::UNAUTHORIZED)
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// Takes the cookies away. A session is nowhere but in its cookie: a copy of it lives on to its hour.
pub(super) async fn logout(State(api): State<OtpApi>, request: Request) -> Response {
    if let Err(refusal) = of_our_site(api.inner.gate.as_ref(), request.headers()) {
        return refusal.into_response();
    }
    let mut response = Envelope::<()>::value(true, 1, None).response(StatusCode::OK);
    for cookie in no_cookies() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// What every answer here has: no copy of it is kept on the way.
pub(super) fn not_stored(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
