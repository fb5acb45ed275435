//! The HTTP face as one thing: its routes, and what runs beside them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use mtan_jobs::{Clock, ReportConsumer};
use mtan_verifier::{Random, Subject, SystemRandom, UserRef, Verifier};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::Gate;
use crate::audit::Auditor;
use crate::endpoint::Style;
use crate::question::Names;
use crate::settings::Settings;
use crate::system::System;
use crate::users::Users;
use crate::{admin, background, observed, openapi, pages, system, validate};

/// The HTTP face of one process. Clones share it.
#[derive(Clone)]
pub struct OtpApi {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) verifier: Arc<Verifier>,
    /// What administrators set; `None` = /system is off.
    pub(crate) system: Option<System>,
    pub(crate) gate: Option<Gate>,
    pub(crate) auditor: Arc<Auditor>,
    pub(crate) names: Names,
    pub(crate) style: Style,
    pub(crate) report_wait: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) explain_hours: u32,
    /// Who the users of realms are.
    pub(crate) users: Users,
    /// The name under which nobody is asked for.
    pub(crate) nobody: Subject,
    /// Whether the sample pages are served.
    pub(crate) pages: bool,
    /// Requests that are being decided.
    pub(crate) tasks: TaskTracker,
    /// Tells the relay that something may lie in the outbox.
    pub(crate) stirred: Arc<Notify>,
}

impl OtpApi {
    /// The face of `verifier` as `settings` want it, without /system; the clock is the verifier's.
    pub fn new(verifier: Arc<Verifier>, settings: &Settings, clock: Arc<dyn Clock>) -> OtpApi {
        OtpApi::with_system(verifier, settings, clock, None)
    }

    /// The same, with `system` for what administrators set while it runs.
    pub fn with_system(
        verifier: Arc<Verifier>,
        settings: &Settings,
        clock: Arc<dyn Clock>,
        system: Option<System>,
    ) -> OtpApi {
        observed::describe();
        let section = &settings.otp_api;
        let inner = Inner {
            gate: settings.admin.as_ref().map(|admin| Gate::new(&verifier, admin, clock.clone())),
            auditor: Arc::new(Auditor::new(verifier.clone(), &settings.audit)),
            verifier,
            system,
            clock,
            explain_hours: section.explain_hours,
            users: settings.users.clone(),
            nobody: nobody(),
            pages: section.pages,
            names: Names {
                default_realm: section.default_realm.clone(),
                split_at_sign: section.split_at_sign,
            },
            style: Style { compat: section.compat, simplecheck_bare: section.simplecheck_bare },
            report_wait: Duration::from_millis(section.report_wait_ms),
            tasks: TaskTracker::new(),
            stirred: Arc::default(),
        };
        OtpApi { inner: Arc::new(inner) }
    }

    /// The routes under /validate, /admin, /system and /api/v1, and the sample pages under /auth where they are wanted. Merge
    /// others beside them; an unknown path is 404.
    pub fn router(&self) -> Router {
        let router = validate::routes(self).merge(admin::routes(self)).merge(system::routes(self));
        let router = router.merge(openapi::routes());
        if self.inner.pages { router.merge(pages::routes(self)) } else { router }
    }

    /// Starts the outbox relay, the audit log's clerk and the ledger's. The relay ends with `stop`, the clerk when `reports` ends: give both the
    /// same token, and wait for the tracker.
    pub fn spawn_background(&self, reports: Box<dyn ReportConsumer>, stop: CancellationToken) -> TaskTracker {
        let background = TaskTracker::new();
        let verifier = &self.inner.verifier;
        background.spawn(background::relay(verifier.clone(), self.inner.stirred.clone(), stop.clone()));
        background.spawn(self.inner.auditor.clone().clerk(stop.clone()));
        if let Some(system) = &self.inner.system {
            background.spawn(system.clone().watch(stop.clone()));
        }
        background.spawn(background::ledger(verifier.clone(), reports, stop));
        background.close();
        background
    }
}

/// A user whom no token can have: another one in each process, and too long to be guessed.
fn nobody() -> Subject {
    let mut name = [0; 32];
    SystemRandom.fill(&mut name);
    let name = data_encoding::HEXLOWER.encode(&name);
    Subject::User(UserRef::new(&name, &name).expect("64 letters and digits are a name and a realm"))
}
