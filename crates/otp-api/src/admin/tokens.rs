//! Tokens that are there: enabled, disabled, removed, reset, and their counters found again.

use mtan_verifier::{AuditRecord, Changed, Resynced, Serial, Token, TokenChange, UserRef, Verifier};
use serde_json::json;

use super::call::Answer;
use super::error::{AdminError, no_token};
use crate::OtpApi;
use crate::params::Params;
use crate::question::user;

/// Which tokens are meant.
pub(super) struct Meant {
    /// As they were named; empty if the user was.
    named: Vec<String>,
    /// Those that are there.
    pub(super) tokens: Vec<Token>,
}

impl Meant {
    /// The tokens of the parameter `serial` (also `serial[]`), else those of `user`; both stand in the audit log then.
    pub(super) async fn find(
        api: &OtpApi,
        params: &Params,
        record: &mut AuditRecord,
    ) -> Result<Meant, AdminError> {
        let verifier = &api.inner.verifier;
        let named: Vec<String> = params.list("serial")?.into_iter().map(str::to_owned).collect();
        if !named.is_empty() {
            let tokens = by_serial(verifier, &named).await?;
            note_tokens(record, &tokens);
            return Ok(Meant { named, tokens });
        }
        let Some(user) = user(params, &api.inner.names)? else {
            return Err(AdminError::numbered(1212, "user or serial is required"));
        };
        let tokens = verifier.tokens_of(&user).await?;
        note_tokens(record, &tokens);
        note_user(record, &user);
        Ok(Meant { named, tokens })
    }

    /// The first serial under which there is nothing.
    pub(super) fn missing(&self) -> Option<&str> {
        let is_there = |name: &&String| self.tokens.iter().any(|token| token.serial.as_str() == **name);
        self.named.iter().find(|name| !is_there(name)).map(String::as_str)
    }

    /// 1102 for a serial under which there is nothing.
    pub(super) fn all_there(self) -> Result<Vec<Token>, AdminError> {
        match self.missing() {
            Some(serial) => Err(AdminError::no_token(serial)),
            None => Ok(self.tokens),
        }
    }
}

/// Those of `named` that are there, each once. A name that can be no serial is not there.
async fn by_serial(verifier: &Verifier, named: &[String]) -> Result<Vec<Token>, AdminError> {
    let mut serials: Vec<Serial> = named.iter().filter_map(|name| name.parse().ok()).collect();
    serials.sort_unstable();
    serials.dedup();
    let mut tokens = Vec::with_capacity(serials.len());
    for serial in serials {
        tokens.extend(verifier.token(&serial).await?);
    }
    Ok(tokens)
}

pub(super) fn note_tokens(record: &mut AuditRecord, tokens: &[Token]) {
    let serials: Vec<_> = tokens.iter().map(|token| token.serial.as_str()).collect();
    record.serial = (!serials.is_empty()).then(|| serials.join(","));
    if let [Token { user: Some(user), .. }] = tokens {
        note_user(record, user);
    }
}

pub(super) fn note_user(record: &mut AuditRecord, user: &UserRef) {
    record.user = Some(user.user().to_owned());
    record.realm = Some(user.realm().to_owned());
}

/// Makes the same change on each; how many there were.
pub(super) async fn change(
    verifier: &Verifier,
    tokens: &[Token],
    change: &TokenChange,
) -> Result<usize, AdminError> {
    let mut changed = 0;
    for token in tokens {
        match verifier.change_token(&token.serial, change).await? {
            Changed::Done => changed += 1,
            Changed::TooManyTokens => {
                return Err(AdminError::numbered(1105, "the user has as many SMS tokens as one may have"));
            }
            // removed meanwhile
            Changed::Unknown | Changed::Overtaken => {}
        }
    }
    Ok(changed)
}

fn counted(number: usize) -> serde_json::Value {
    number.into()
}

pub(super) async fn enable(
    api: &OtpApi,
    params: &Params,
    record: &mut AuditRecord,
) -> Result<Answer, AdminError> {
    let tokens = Meant::find(api, params, record).await?.all_there()?;
    let on = TokenChange { active: Some(true), ..TokenChange::default() };
    Ok(Answer::value(counted(change(&api.inner.verifier, &tokens, &on).await?)))
}

/// LinOTP tells an unknown serial in the answer here, and not as an error.
pub(super) async fn disable(
    api: &OtpApi,
    params: &Params,
    record: &mut AuditRecord,
) -> Result<Answer, AdminError> {
    let off = TokenChange { active: Some(false), ..TokenChange::default() };
    lenient(api, params, record, &off).await
}

pub(super) async fn reset(
    api: &OtpApi,
    params: &Params,
    record: &mut AuditRecord,
) -> Result<Answer, AdminError> {
    let reset = TokenChange { reset: true, ..TokenChange::default() };
    lenient(api, params, record, &reset).await
}

async fn lenient(
    api: &OtpApi,
    params: &Params,
    record: &mut AuditRecord,
    wanted: &TokenChange,
) -> Result<Answer, AdminError> {
    let meant = Meant::find(api, params, record).await?;
    let number = change(&api.inner.verifier, &meant.tokens, wanted).await?;
    Ok(match meant.missing() {
        Some(serial) => Answer::detailed(counted(number), json!({ "message": no_token(serial) })),
        None => Answer::value(counted(number)),
    })
}

pub(super) async fn remove(
    api: &OtpApi,
    params: &Params,
    record: &mut AuditRecord,
) -> Result<Answer, AdminError> {
    if params.list("serial")?.is_empty() && params.filled("user")?.is_none() {
        return Err(AdminError::missing("serial"));
    }
    let tokens = Meant::find(api, params, record).await?.all_there()?;
    let mut removed = 0;
    for token in &tokens {
        removed += usize::from(api.inner.verifier.remove_token(&token.serial).await?);
    }
    Ok(Answer::value(counted(removed)))
}

pub(super) async fn resync(
    api: &OtpApi,
    params: &Params,
    record: &mut AuditRecord,
) -> Result<Answer, AdminError> {
    let code = |name| params.filled(name)?.ok_or_else(|| AdminError::missing(name));
    let (first, second) = (code("otp1")?, code("otp2")?);
    let tokens = Meant::find(api, params, record).await?.all_there()?;
    let mut resynced = false;
    for token in &tokens {
        resynced |= api.inner.verifier.resync(&token.serial, first, second).await? == Resynced::Yes;
    }
    Ok(Answer::value(resynced))
}
