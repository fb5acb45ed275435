//! /admin/show: tokens in a table, a page at a time, and as CSV.

use mtan_verifier::{Token, UserRef};
use serde_json::{Value, json};

use super::call::Answer;
use super::error::AdminError;
use crate::OtpApi;
use crate::csv;
use crate::params::Params;
use crate::question::{Names, user_named};
use crate::wildcard::Wildcard;

/// Tokens that are looked at in one step of the store.
const CHUNK: usize = 500;

/// Tokens of a page when the request does not say, as in LinOTP.
const PAGE: usize = 10;

/// Tokens of a page at most.
const MOST_OF_PAGE: usize = 10_000;

/// LinOTP's window of [`mtan_verifier::Verifier::resync`].
const SYNC_WINDOW: u32 = 1000;

/// LinOTP's names for a user without one, and for no realm.
const NO_USER: &str = "/:no user:/";
const NO_REALM: &str = "/:no realm:/";

/// Which tokens, and how.
struct Wish {
    serial: Option<Wildcard>,
    user: Option<Whose>,
    realms: Vec<String>,
    filter: Option<Wildcard>,
    sort: &'static Column,
    descending: bool,
    page: usize,
    page_size: usize,
    all: bool,
    info_as_json: bool,
}

enum Whose {
    Nobodys,
    One(UserRef),
    Like(Wildcard),
}

/// A column, and its value in a row.
struct Column {
    name: &'static str,
    value: fn(&Token) -> Value,
}

const fn column(name: &'static str, value: fn(&Token) -> Value) -> Column {
    Column { name, value }
}

const COLUMNS: [Column; 28] = [
    column("LinOtp.TokenSerialnumber", |token| token.serial.as_str().into()),
    column("LinOtp.TokenType", |_| "sms".into()),
    column("LinOtp.TokenDesc", |token| token.description.as_str().into()),
    column("LinOtp.TokenInfo", info),
    column("LinOtp.IdResolver", |_| "".into()),
    column("LinOtp.IdResClass", |_| "".into()),
    column("LinOtp.Userid", |token| name(token).into()),
    column("LinOtp.OtpLen", |token| token.digits.get().into()),
    column("LinOtp.MaxFail", |token| token.max_fail.into()),
    column("LinOtp.Isactive", |token| token.active.into()),
    column("LinOtp.FailCount", |token| token.fail_count.into()),
    column("LinOtp.Count", |token| token.counter.into()),
    column("LinOtp.CountWindow", |_| 1.into()),
    column("LinOtp.SyncWindow", |_| SYNC_WINDOW.into()),
    column("LinOtp.CreationDate", |token| token.created_at.strftime("%Y-%m-%d %H:%M:%S").to_string().into()),
    column("LinOtp.LastAuthSuccess", |_| "".into()),
    column("LinOtp.LastAuthMatch", |_| "".into()),
    column("LinOtp.RealmNames", |token| match &token.user {
        Some(user) => json!([user.realm()]),
        None => json!([]),
    }),
    column("User.username", |token| name(token).into()),
    column("User.userid", |token| name(token).into()),
    column("User.realm", |token| token.user.as_ref().map_or("", UserRef::realm).into()),
    column("User.description", |_| "".into()),
    column("User.surname", |_| "".into()),
    column("User.givenname", |_| "".into()),
    column("User.email", |_| "".into()),
    column("User.phone", |_| "".into()),
    column("User.mobile", |_| "".into()),
    column("LinOtp.Locked", |token| token.is_locked().into()),
];

fn name(token: &Token) -> &str {
    token.user.as_ref().map_or("", UserRef::user)
}

fn info(token: &Token) -> Value {
    json!({ "phone": token.phone.expose(), "hashlib": token.algorithm.as_str() })
}

pub(super) async fn show(api: &OtpApi, params: &Params) -> Result<Answer, AdminError> {
    let wish = Wish::new(params, &api.inner.names)?;
    let csv = wants_csv(params)?;
    let mut tokens = wish.find(api).await?;
    wish.sort(&mut tokens);
    if csv {
        return Ok(Answer::Csv("linotp-tokendata.csv", table(&tokens)));
    }
    Ok(Answer::value(wish.page(&tokens)))
}

/// LinOTP's `outform`.
pub(super) fn wants_csv(params: &Params) -> Result<bool, AdminError> {
    match params.filled("outform")? {
        None | Some("json") => Ok(false),
        Some("csv") => Ok(true),
        Some(_) => Err(AdminError::invalid("outform", "json or csv is expected")),
    }
}

impl Wish {
    fn new(params: &Params, names: &Names) -> Result<Wish, AdminError> {
        let realms = match params.filled("viewrealm")? {
            Some(list) => Some(list),
            None => params.filled("realm")?,
        };
        let realms: Vec<String> = realms.map_or_else(Vec::new, |list| {
            list.split(',').map(|realm| realm.trim().to_lowercase()).filter(|realm| realm != "*").collect()
        });
        let descending = match params.filled("sortdir")? {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => return Err(AdminError::invalid("sortdir", "asc or desc is expected")),
        };
        Ok(Wish {
            serial: params.filled("serial")?.map(Wildcard::new),
            user: params.filled("user")?.map(|text| whose(text, params, names)).transpose()?,
            realms,
            filter: params.filled("filter")?.map(|text| Wildcard::new(&format!("*{text}*"))),
            sort: sorted_by(params.filled("sortby")?.unwrap_or("TokenSerialnumber"))?,
            descending,
            page: params.number("page", 0, usize::MAX)?.unwrap_or(1).max(1),
            page_size: params.number("pagesize", 0, MOST_OF_PAGE)?.unwrap_or(PAGE),
            // LinOTP shows everything in one page unless one is asked for
            all: params.filled("page")?.is_none() && params.filled("pagesize")?.is_none(),
            info_as_json: params.filled("tokeninfo_format")?.is_some_and(|format| format == "json"),
        })
    }

    async fn find(&self, api: &OtpApi) -> Result<Vec<Token>, AdminError> {
        let verifier = &api.inner.verifier;
        if let Some(Whose::One(user)) = &self.user {
            let tokens = verifier.tokens_of(user).await?;
            return Ok(tokens.into_iter().filter(|token| self.wants(token)).collect());
        }
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let chunk = verifier.tokens(after.as_ref(), CHUNK).await?;
            let Some(last) = chunk.last() else { return Ok(found) };
            after = Some(last.serial.clone());
            found.extend(chunk.into_iter().filter(|token| self.wants(token)));
        }
    }

    fn wants(&self, token: &Token) -> bool {
        let realm = token.user.as_ref().map(UserRef::realm);
        let user = match &self.user {
            None | Some(Whose::One(_)) => true,
            Some(Whose::Nobodys) => token.user.is_none(),
            Some(Whose::Like(like)) => token.user.as_ref().is_some_and(|user| like.fits(user.user())),
        };
        let in_realm = self.realms.is_empty()
            || self.realms.iter().any(|wanted| match realm {
                Some(realm) => wanted == realm,
                None => wanted == NO_REALM,
            });
        let seen =
            [token.serial.as_str(), token.description.as_str(), name(token), realm.unwrap_or_default()];
        user && in_realm
            && self.serial.as_ref().is_none_or(|serial| serial.fits(token.serial.as_str()))
            && self.filter.as_ref().is_none_or(|filter| seen.iter().any(|text| filter.fits(text)))
    }

    /// They come in the order of their serials, which stays among equals.
    fn sort(&self, tokens: &mut [Token]) {
        if self.sort.name != "LinOtp.TokenSerialnumber" {
            tokens.sort_by_cached_key(|token| sort_key(&(self.sort.value)(token)));
        }
        if self.descending {
            tokens.reverse();
        }
    }

    fn page(&self, tokens: &[Token]) -> Value {
        let size = if self.all { tokens.len() } else { self.page_size.max(1) };
        let skip = (self.page - 1).saturating_mul(size);
        let rows = tokens.iter().enumerate().skip(skip).take(size);
        let data: Vec<Value> = rows.map(|(place, token)| self.row(place, token)).collect();
        let pages = tokens.len().div_ceil(size.max(1));
        let resultset =
            json!({ "pages": pages, "pagesize": size, "tokens": tokens.len(), "page": self.page });
        json!({ "data": data, "resultset": resultset })
    }

    fn row(&self, place: usize, token: &Token) -> Value {
        let mut row = serde_json::Map::new();
        row.insert("LinOtp.TokenId".to_owned(), (place + 1).into());
        for column in &COLUMNS {
            let value = match (column.value)(token) {
                Value::Object(info) if !self.info_as_json => Value::Object(info).to_string().into(),
                value => value,
            };
            row.insert(column.name.to_owned(), value);
        }
        Value::Object(row)
    }
}

/// A name with a star is a pattern of names, in any realm.
fn whose(text: &str, params: &Params, names: &Names) -> Result<Whose, AdminError> {
    if text == NO_USER {
        return Ok(Whose::Nobodys);
    }
    if text.contains('*') {
        return Ok(Whose::Like(Wildcard::new(text)));
    }
    let realm = params.filled("realm")?.filter(|realm| !realm.contains(['*', ',']));
    Ok(Whose::One(user_named(text, realm, names)?))
}

/// By LinOTP's name of a column, with or without what stands before its dot.
fn sorted_by(name: &str) -> Result<&'static Column, AdminError> {
    let same = |column: &&Column| {
        let short = column.name.split_once('.').map_or(column.name, |(_, short)| short);
        column.name.eq_ignore_ascii_case(name) || short.eq_ignore_ascii_case(name)
    };
    COLUMNS.iter().find(same).ok_or_else(|| AdminError::invalid("sortby", "the name of a column is expected"))
}

/// Numbers by their size, before texts by their letters.
fn sort_key(value: &Value) -> (u64, String) {
    match value {
        Value::Number(number) => (number.as_u64().unwrap_or_default(), String::new()),
        Value::Bool(yes) => (u64::from(*yes), String::new()),
        Value::String(text) => (0, text.to_lowercase()),
        other => (0, other.to_string()),
    }
}

fn table(tokens: &[Token]) -> String {
    let names = csv::line(COLUMNS.iter().map(|column| column.name));
    let rows = tokens.iter().map(|token| {
        csv::line(COLUMNS.iter().map(|column| match (column.value)(token) {
            Value::String(text) => text,
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
            other => other.to_string(),
        }))
    });
    std::iter::once(names).chain(rows).collect()
}
