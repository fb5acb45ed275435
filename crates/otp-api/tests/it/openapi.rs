//! The document and the face agree: every documented operation answers as it says, and every call is documented.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use crate::house::{FORM, House, Reply};

fn document() -> Value {
    serde_json::from_str(include_str!("../../openapi.json")).unwrap()
}

/// One documented call.
struct Operation {
    path: String,
    method: Method,
    about: Value,
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, about) in methods.as_object().unwrap() {
            let method = method.to_uppercase().parse().unwrap();
            all.push(Operation { path: path.clone(), method, about: about.clone() });
        }
    }
    all
}

/// Served by the process around the face.
fn is_of_the_process(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/metrics")
}

fn encoded(fields: &Map<String, Value>) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let field = |(name, value): (&String, &Value)| {
        format!("{name}={}", utf8_percent_encode(&text(value), NON_ALPHANUMERIC))
    };
    fields.iter().map(field).collect::<Vec<_>>().join("&")
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn is_secured(&self) -> bool {
        self.about.get("security").is_some()
    }

    /// The request of its example, as a form or as JSON.
    fn example(&self, media: &str) -> axum::http::request::Builder {
        let query = self.about.get("x-example").and_then(Value::as_object).map(encoded);
        let uri = query.map_or_else(|| self.path.clone(), |query| format!("{}?{query}", self.path));
        Request::builder().method(self.method.clone()).uri(uri).header(header::CONTENT_TYPE, media)
    }

    fn body(&self, media: &str) -> Body {
        let example = &self.about["requestBody"]["content"][media]["example"];
        match (example.as_object(), media) {
            (None, _) => Body::empty(),
            (Some(fields), FORM) => Body::from(encoded(fields)),
            (Some(_), _) => Body::from(example.to_string()),
        }
    }

    /// Whether the answer is one of those that are documented.
    fn check(&self, document: &Value, reply: &Reply) {
        let status = reply.status.as_str();
        let documented = &self.about["responses"][status];
        assert!(documented.is_object(), "{}: {status} is not documented: {reply:?}", self.name());
        let Some(content) = documented.get("content").and_then(Value::as_object) else {
            assert!(reply.body.is_empty(), "{}: {reply:?}", self.name());
            return;
        };
        let media = content.get(reply.content_type());
        let media =
            media.unwrap_or_else(|| panic!("{}: {} is not documented", self.name(), reply.content_type()));
        let Some(schema) = media.get("schema") else { return };
        let mut whole = json!({ "components": document["components"] });
        whole.as_object_mut().unwrap().extend(schema.as_object().unwrap().clone());
        let body = serde_json::from_str(&reply.body).unwrap_or_else(|_| Value::from(reply.body.as_str()));
        let validator = jsonschema::validator_for(&whole).unwrap();
        let faults: Vec<String> = validator.iter_errors(&body).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{}: {faults:?}: {}", self.name(), reply.body);
    }
}

#[tokio::test]
async fn every_documented_operation_answers_as_documented() {
    let document = document();
    for operation in operations(&document) {
        if is_of_the_process(&operation.path) {
            continue;
        }
        for media in [FORM, "application/json"] {
            let house = House::with_system().await;
            house.trigger().await; // so that there is something to tell
            let mut request = operation.example(media);
            if operation.is_secured() {
                request = request.header(header::AUTHORIZATION, "Bearer s3cret");
            }
            let reply = house.send(request.body(operation.body(media)).unwrap()).await;
            operation.check(&document, &reply);
        }
    }
}

#[tokio::test]
async fn what_is_said_to_be_secured_lets_nobody_in_and_says_so() {
    let document = document();
    let mut secured = 0;
    for operation in operations(&document).iter().filter(|operation| operation.is_secured()) {
        let house = House::with_admin().await;
        let reply = house.send(operation.example(FORM).body(operation.body(FORM)).unwrap()).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{}", operation.name());
        operation.check(&document, &reply);
        secured += 1;
    }
    assert!(secured > 1);
}

#[tokio::test]
async fn methods_that_are_not_documented_are_refused() {
    let document = document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        if is_of_the_process(path) {
            continue;
        }
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
            if methods.get(method.as_str().to_lowercase()).is_some() {
                continue;
            }
            let house = House::with_admin().await;
            let request = Request::builder().method(method.clone()).uri(path);
            let request = request.header(header::AUTHORIZATION, "Bearer s3cret").body(Body::empty()).unwrap();
            let reply = house.send(request).await;
            assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_document_is_served_as_it_is_checked_in_and_tells_the_version() {
    let reply = House::new().await.get("/openapi.json").await;
    assert_eq!((reply.status, reply.content_type()), (StatusCode::OK, "application/json"));
    assert_eq!(reply.json(), document());
    assert_eq!(document()["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document()["openapi"], "3.1.0");
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document = document();
    let text = document.to_string();
    for part in text.split("\"$ref\":\"#").skip(1) {
        let pointer = part.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    let ids: Vec<String> = operations(&document)
        .iter()
        .map(|operation| operation.about["operationId"].as_str().unwrap().to_owned())
        .collect();
    let distinct: std::collections::HashSet<&String> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "{ids:?}");
}
