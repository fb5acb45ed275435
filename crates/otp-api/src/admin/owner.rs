//! Whose token it is: given, taken away, told; and whether a serial is free.

use mtan_verifier::{AuditRecord, Changed, Pin, Serial, Token, TokenChange};
use serde_json::json;

use super::call::Answer;
use super::error::AdminError;
use super::tokens::{Meant, change, note_user};
use super::users;
use crate::OtpApi;
use crate::params::Params;
use crate::question::user;

/// The tokens of `serial`: here a user does not name any.
async fn named(
    api: &OtpApi,
    params: &Params,
    record: &mut AuditRecord,
) -> Result<(usize, Vec<Token>), AdminError> {
    let number = params.list("serial")?.len();
    if number == 0 {
        return Err(AdminError::missing("serial"));
    }
    Ok((number, Meant::find(api, params, record).await?.all_there()?))
}

/// `id` is the number of serials, as in LinOTP. Without a `pin` the token keeps its own.
pub(super) async fn assign(
    api: &OtpApi,
    params: &Params,
    record: &mut AuditRecord,
) -> Result<Answer, AdminError> {
    let verifier = &api.inner.verifier;
    let (number, tokens) = named(api, params, record).await?;
    let owner = user(params, &api.inner.names)?.ok_or_else(|| AdminError::missing("user"))?;
    note_user(record, &owner);
    users::profile(api, &owner, 1205).await?;
    let pin = params.get("pin")?.map(Pin::new);
    for token in &tokens {
        let pin = match &pin {
            Some(pin) => Some(verifier.pin_hash(&token.serial, Some(&owner), pin).await?),
            None => None,
        };
        let wanted = TokenChange { owner: Some(Some(owner.clone())), pin, ..TokenChange::default() };
        match verifier.change_token(&token.serial, &wanted).await? {
            Changed::Done => {}
            Changed::Unknown | Changed::Overtaken => return Err(AdminError::no_token(token.serial.as_str())),
            Changed::TooManyTokens => {
                return Err(AdminError::numbered(
                    1105,
                    format!("{}: the user has as many SMS tokens as one may have", token.serial),
                ));
            }
        }
    }
    let id = u32::try_from(number).unwrap_or(u32::MAX);
    Ok(Answer::Value { value: true.into(), id, detail: None })
}

pub(super) async fn unassign(
    api: &OtpApi,
    params: &Params,
    record: &mut AuditRecord,
) -> Result<Answer, AdminError> {
    let (_, tokens) = named(api, params, record).await?;
    let nobodys = TokenChange { owner: Some(None), ..TokenChange::default() };
    change(&api.inner.verifier, &tokens, &nobodys).await?;
    Ok(Answer::value(true))
}

pub(super) async fn token_owner(
    api: &OtpApi,
    params: &Params,
    record: &mut AuditRecord,
) -> Result<Answer, AdminError> {
    let (_, tokens) = named(api, params, record).await?;
    let owner = tokens.into_iter().next().and_then(|token| token.user);
    Ok(Answer::value(match owner {
        None => json!({}),
        Some(user) => json!({ "username": user.user(), "userid": user.user(), "realm": user.realm() }),
    }))
}

/// Whether the serial is free, and one that is.
pub(super) async fn check_serial(
    api: &OtpApi,
    params: &Params,
    record: &mut AuditRecord,
) -> Result<Answer, AdminError> {
    let text = params.filled("serial")?.ok_or_else(|| AdminError::missing("serial"))?;
    let read = |text: &str| text.parse::<Serial>().map_err(|e| AdminError::invalid("serial", e.to_string()));
    let serial = read(text)?;
    record.serial = Some(serial.to_string());
    let (mut free, mut number) = (serial.clone(), 0_u32);
    while api.inner.verifier.token(&free).await?.is_some() {
        number += 1;
        free = read(&format!("{serial}_{number:02}"))?;
    }
    Ok(Answer::value(json!({ "unique": free == serial, "new_serial": free.as_str() })))
}
