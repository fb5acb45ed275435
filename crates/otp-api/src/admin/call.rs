//! The calls of administrators: each is done, noted in the audit log, and answered; in that order.

use std::time::Duration;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use mtan_verifier::AuditRecord;
use serde_json::Value;
use tracing::info;

use super::error::AdminError;
use super::gate::Admitted;
use super::{init, owner, set, show, tokens, users};
use crate::OtpApi;
use crate::audit;
use crate::audit::search::Search;
use crate::bounded::bounded;
use crate::envelope::{Envelope, Said};
use crate::params::Params;

/// A few steps of a store that each end within 300 ms, and some air.
const CHANGED_WITHIN: Duration = Duration::from_secs(3);

/// Looks through all tokens, or the whole audit log.
const LOOKED_WITHIN: Duration = Duration::from_secs(20);

/// A call under /admin or /audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Init,
    Assign,
    Unassign,
    Enable,
    Disable,
    Remove,
    Set,
    Reset,
    Resync,
    Show,
    GetTokenOwner,
    CheckSerial,
    UserList,
    AuditSearch,
}

/// What a call answers.
pub(crate) enum Answer {
    /// In LinOTP's envelope.
    Value { value: Said, id: u32, detail: Option<Value> },
    /// JSON without an envelope.
    Bare(Value),
    /// A file of this name.
    Csv(&'static str, String),
}

impl Answer {
    /// `value`, with LinOTP's `id` of these calls.
    pub(crate) fn value(value: impl Into<Said>) -> Answer {
        Answer::Value { value: value.into(), id: 1, detail: None }
    }

    /// The same with a `detail`.
    pub(crate) fn detailed(value: impl Into<Said>, detail: Value) -> Answer {
        Answer::Value { value: value.into(), id: 1, detail: Some(detail) }
    }

    fn response(self) -> Response {
        match self {
            Answer::Value { value, id, detail } => {
                Envelope::value(value, id, detail.as_ref()).response(StatusCode::OK)
            }
            Answer::Bare(value) => axum::Json(value).into_response(),
            Answer::Csv(name, text) => {
                let disposition = format!("attachment; filename=\"{name}\"");
                let headers = [
                    (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
                    (header::CONTENT_DISPOSITION, disposition),
                ];
                (headers, text).into_response()
            }
        }
    }
}

impl Call {
    pub(crate) const ALL: [Call; 14] = [
        Call::Init,
        Call::Assign,
        Call::Unassign,
        Call::Enable,
        Call::Disable,
        Call::Remove,
        Call::Set,
        Call::Reset,
        Call::Resync,
        Call::Show,
        Call::GetTokenOwner,
        Call::CheckSerial,
        Call::UserList,
        Call::AuditSearch,
    ];

    /// Its path without the first slash: what the audit log calls it.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Call::Init => "admin/init",
            Call::Assign => "admin/assign",
            Call::Unassign => "admin/unassign",
            Call::Enable => "admin/enable",
            Call::Disable => "admin/disable",
            Call::Remove => "admin/remove",
            Call::Set => "admin/set",
            Call::Reset => "admin/reset",
            Call::Resync => "admin/resync",
            Call::Show => "admin/show",
            Call::GetTokenOwner => "admin/getTokenOwner",
            Call::CheckSerial => "admin/check_serial",
            Call::UserList => "admin/userlist",
            Call::AuditSearch => "audit/search",
        }
    }

    /// Its name in metrics.
    pub(crate) fn endpoint(self) -> &'static str {
        match self {
            Call::Init => "admin_init",
            Call::Assign => "admin_assign",
            Call::Unassign => "admin_unassign",
            Call::Enable => "admin_enable",
            Call::Disable => "admin_disable",
            Call::Remove => "admin_remove",
            Call::Set => "admin_set",
            Call::Reset => "admin_reset",
            Call::Resync => "admin_resync",
            Call::Show => "admin_show",
            Call::GetTokenOwner => "admin_gettokenowner",
            Call::CheckSerial => "admin_check_serial",
            Call::UserList => "admin_userlist",
            Call::AuditSearch => "audit_search",
        }
    }

    /// Whether it only looks: then GET will do.
    pub(crate) fn only_looks(self) -> bool {
        matches!(
            self,
            Call::Show | Call::GetTokenOwner | Call::CheckSerial | Call::UserList | Call::AuditSearch
        )
    }

    async fn perform(
        self,
        api: &OtpApi,
        params: &Params,
        record: &mut AuditRecord,
    ) -> Result<Answer, AdminError> {
        match self {
            Call::Init => init::init(api, params, record).await,
            Call::Assign => owner::assign(api, params, record).await.map_err(|error| error.with_id(0)),
            Call::Unassign => owner::unassign(api, params, record).await,
            Call::Enable => tokens::enable(api, params, record).await,
            Call::Disable => tokens::disable(api, params, record).await,
            Call::Remove => tokens::remove(api, params, record).await,
            Call::Set => set::set(api, params, record).await,
            Call::Reset => tokens::reset(api, params, record).await,
            Call::Resync => tokens::resync(api, params, record).await,
            Call::Show => show::show(api, params).await,
            Call::GetTokenOwner => owner::token_owner(api, params, record).await,
            Call::CheckSerial => owner::check_serial(api, params, record).await,
            Call::UserList => users::user_list(api, params).await,
            Call::AuditSearch => search(api, params).await,
        }
    }
}

async fn search(api: &OtpApi, params: &Params) -> Result<Answer, AdminError> {
    let search = Search::new(params)?;
    let csv = show::wants_csv(params)?;
    api.inner.auditor.flush().await?;
    let found = search.run(&api.inner.verifier).await?;
    Ok(if csv { Answer::Csv("mtan-audit.csv", found.csv()) } else { Answer::Bare(found.grid()) })
}

/// Does what is asked for. What was begun is ended and noted, also when the caller has gone.
pub(super) async fn answered(
    call: Call,
    State(api): State<OtpApi>,
    Extension(Admitted { administrator, .. }): Extension<Admitted>,
    request: Request,
) -> Response {
    let mut record = AuditRecord::new(api.inner.clock.now(), call.path());
    record.client = audit::address(&request);
    record.administrator = Some(administrator);
    let params = Params::read(request).await;
    let limit = if call.only_looks() { LOOKED_WITHIN } else { CHANGED_WITHIN };
    let tasks = api.inner.tasks.clone();
    let done = bounded(&tasks, limit, async move {
        let result = match &params {
            Ok(params) => {
                // in a search it is a column
                let named = params.filled("client").ok().flatten().filter(|_| call != Call::AuditSearch);
                record.client_named = named.map(audit::cleaned);
                call.perform(&api, params, &mut record).await
            }
            Err(why) => Err((*why).into()),
        };
        let result = noted(&api, record, result).await;
        match result {
            Ok(answer) => answer.response(),
            Err(error) => error.response(params.as_ref().ok()),
        }
    });
    done.await.unwrap_or_else(|why| AdminError::from(why).response(None))
}

/// Notes what became of it. A success that cannot be noted is none: the administrator has to look.
pub(crate) async fn noted<T>(
    api: &OtpApi,
    mut record: AuditRecord,
    result: Result<T, AdminError>,
) -> Result<T, AdminError> {
    record.success = result.is_ok();
    record.reason = result.as_ref().map_or_else(AdminError::reason, |_| "done".to_owned());
    let (action, reason) = (record.action.clone(), record.reason.clone());
    let (administrator, serial) = (record.administrator.clone(), record.serial.clone());
    info!(administrator, serial, action, reason, "administrator's call");
    let kept = api.inner.auditor.keep(record).await;
    match (result, kept) {
        (Ok(_), Err(error)) => {
            tracing::error!(%error, action, "the audit log was not written");
            Err(AdminError::numbered(10, "the audit log cannot be written: what was asked for may be done"))
        }
        (result, _) => result,
    }
}

/// A changing call by GET: LinOTP's small page.
pub(super) async fn post_is_expected() -> Response {
    let page = "<!doctype html>\n<html lang=en>\n<title>405 Method Not Allowed</title>\n<h1>Method Not Allowed</h1>\n\
                <p>The method is not allowed for the requested URL: POST is expected.</p>\n";
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST")], Html(page)).into_response()
}
