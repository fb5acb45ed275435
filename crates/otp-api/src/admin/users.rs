//! Users of realms that know them: looked up for a token, and /admin/userlist.

use mtan_verifier::UserRef;
use serde_json::{Value, json};

use super::call::Answer;
use super::error::AdminError;
use crate::OtpApi;
use crate::params::{Params, Unreadable};
use crate::users::{Known, Profile, ResolverError};
use crate::wildcard::Wildcard;

/// What can be filtered by, beside the realm.
const FILTERS: [&str; 8] =
    ["username", "userid", "description", "email", "givenname", "surname", "phone", "mobile"];

/// What is known of a user who is to have a token; LinOTP's error `code` where nobody has that name.
pub(super) async fn profile(
    api: &OtpApi,
    user: &UserRef,
    code: i32,
) -> Result<Option<Box<Profile>>, AdminError> {
    match api.inner.users.known(user).await? {
        Known::AnyName => Ok(None),
        Known::As(profile) => Ok(Some(profile)),
        Known::Nobody => {
            Err(AdminError::numbered(code, format!("no user is called {:?} in the realm", user.user())))
        }
    }
}

/// `value` is the list. `realm` names one realm, or `*` all of them; none given = the default realm.
pub(super) async fn user_list(api: &OtpApi, params: &Params) -> Result<Answer, AdminError> {
    let wanted = params.filled("realm")?.unwrap_or(&api.inner.names.default_realm).to_lowercase();
    let filters = filters(params)?;
    let mut users = Vec::new();
    for (realm, resolver) in api.inner.users.realms() {
        if wanted != "*" && wanted != realm {
            continue;
        }
        let everybody = resolver.everybody().await?;
        users.extend(everybody.iter().filter(|user| fits(user, &filters)).map(|user| row(user, realm)));
    }
    Ok(Answer::value(Value::Array(users)))
}

fn row(user: &Profile, realm: &str) -> Value {
    let mut row = json!(user);
    row["realm"] = realm.into();
    row
}

fn filters(params: &Params) -> Result<Vec<(&'static str, Wildcard)>, Unreadable> {
    let mut filters = Vec::new();
    for name in FILTERS {
        filters.extend(params.filled(name)?.map(|pattern| (name, Wildcard::new(pattern))));
    }
    Ok(filters)
}

fn fits(user: &Profile, filters: &[(&'static str, Wildcard)]) -> bool {
    filters.iter().all(|(name, pattern)| pattern.fits(field(user, name)))
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

impl From<ResolverError> for AdminError {
    fn from(error: ResolverError) -> AdminError {
        tracing::error!(%error, "the users cannot be looked up");
        AdminError::numbered(10, "the users of the realm cannot be looked up")
    }
}
