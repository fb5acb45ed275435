//! /admin/userlist: the users of realms with a resolver, filtered as LinOTP filters them.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::Profile;
use crate::OtpApi;
use crate::admin::AdminError;
use crate::envelope::Envelope;
use crate::params::{Params, Unreadable};

/// What can be filtered by, beside the realm.
const FILTERS: [&str; 8] =
    ["username", "userid", "description", "email", "givenname", "surname", "phone", "mobile"];

/// `value` is the list. `realm` names one realm, or `*` all of them; none given = the default realm.
pub(crate) async fn user_list(State(api): State<OtpApi>, request: Request) -> Response {
    let params = match Params::read(request).await {
        Ok(params) => params,
        Err(why) => return AdminError::from(why).response(None),
    };
    match listed(&api, &params).await {
        Ok(users) => Envelope::<()>::value(Value::Array(users), 1, None).response(StatusCode::OK),
        Err(error) => error.response(Some(&params)),
    }
}

async fn listed(api: &OtpApi, params: &Params) -> Result<Vec<Value>, AdminError> {
    let wanted = params.filled("realm")?.unwrap_or(&api.inner.names.default_realm).to_lowercase();
    let filters = filters(params)?;
    let mut users = Vec::new();
    for (realm, resolver) in api.inner.users.realms() {
        if wanted != "*" && wanted != realm {
            continue;
        }
        let everybody = resolver.everybody().await;
        let everybody = everybody.map_err(|error| AdminError::numbered(10, error.to_string()))?;
        users.extend(everybody.iter().filter(|user| fits(user, &filters)).map(|user| row(user, realm)));
    }
    Ok(users)
}

fn row(user: &Profile, realm: &str) -> Value {
    let mut row = json!(user);
    row["realm"] = realm.into();
    row
}

fn filters(params: &Params) -> Result<Vec<(&'static str, String)>, Unreadable> {
    let mut filters = Vec::new();
    for name in FILTERS {
        if let Some(pattern) = params.filled(name)? {
            filters.push((name, pattern.to_lowercase()));
        }
    }
    Ok(filters)
}

fn fits(user: &Profile, filters: &[(&'static str, String)]) -> bool {
    filters.iter().all(|(name, pattern)| matches(pattern, &field(user, name).to_lowercase()))
}

fn field<'a>(user: &'a Profile, name: &str) -> &'a str {
    match name {
        "username" => &user.username,
        "userid" => &user.userid,
        "description" => &user.description,
        "email" => &user.email,
        "givenname" => &user.givenname,
        "surname" => &user.surname,
        "phone" => &user.phone,
        _ => &user.mobile,
    }
}

/// Whether `text` is what `pattern` says, in which `*` stands for anything. Its time grows with the product of both
/// lengths at most.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, expected) in [
            ("alice", "alice", true),
            ("alice", "alicea", false),
            ("*", "", true),
            ("a*", "alice", true),
            ("*e", "alice", true),
            ("*lic*", "alice", true),
            ("a*i*e", "alice", true),
            ("a*i*i*e", "alice", false),
            ("ab*ba", "aba", false),
            ("", "alice", false),
            ("**", "x", true),
            ("*ü*", "müller", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
