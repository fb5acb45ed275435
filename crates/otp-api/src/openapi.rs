//! GET /openapi.json: every call of this face, in OpenAPI 3.1; the tests hold the document against the face.

use axum::Router;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::observed::observed;

const DOCUMENT: &str = include_str!("../openapi.json");

pub(crate) fn routes() -> Router {
    let document = get(async || {
        (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
    });
    let document = document.layer(from_fn(|request, next| observed("openapi", request, next)));
    Router::new().route("/openapi.json", document)
}
