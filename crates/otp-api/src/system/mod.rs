//! /system: what administrators set while the system runs, kept sealed in the store and taken at once by every process.

mod config;
mod live;
mod names;
mod policies;
mod provider;
mod providers;
mod reply;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use mtan_daemon::Fault;
use mtan_queue::{Provided, Queue};
use mtan_seal::ServerKey;
use mtan_verifier::{AuditRecord, Change, OpenSettings, SettingsBook, SettingsStore, StoreError, Verifier};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::OtpApi;
use crate::admin::{AdminError, Admitted, behind_the_gate, noted};
use crate::audit;
use crate::bounded::bounded;
use crate::params::Params;
use crate::settings::Settings;

pub use provider::check_provider;
use reply::Reply;

/// Another process's change is seen within this time.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A few steps of a store that each end within 300 ms, and some air.
const WITHIN: Duration = Duration::from_secs(3);
/// Changes that came between, until a caller hears that the server is busy.
const ATTEMPTS: usize = 8;

/// Reads the class and the JSON of a provider as the senders do: the kind of sender that it needs, or each mistake with its key,
/// seen from the JSON's top.
pub type ProviderCheck = Arc<dyn Fn(&str, &str) -> Result<&'static str, Vec<Fault>> + Send + Sync>;

/// Whether a provider that is set reaches the senders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It does.
    Senders,
    /// They are other processes, and without a `provider_key` they are told nothing.
    Nobody,
}

/// What administrators set, and what follows from it in this process. Clones are the same.
#[derive(Clone)]
pub struct System(Arc<Inner>);

struct Inner {
    book: SettingsBook,
    queue: Queue,
    verifier: Arc<Verifier>,
    base: live::Base,
    check: ProviderCheck,
    reach: Reach,
    provided: watch::Sender<Option<Arc<Provided>>>,
    applied: Mutex<Option<u64>>,
}

impl System {
    /// What is set in `store` under `key`, over `settings`. Nothing is read yet: see [`System::refresh`].
    pub fn new(
        store: Arc<dyn SettingsStore>,
        key: ServerKey,
        queue: Queue,
        verifier: Arc<Verifier>,
        settings: &Settings,
        reach: Reach,
        check: ProviderCheck,
    ) -> System {
        let base = live::Base {
            policies: settings.policies.clone(),
            pools: settings.pools.clone(),
            long_validity: settings.long_validity,
            provisional: settings.provisional_route,
        };
        let (book, provided) = (SettingsBook::new(store, key), watch::Sender::new(None));
        let applied = Mutex::new(None);
        System(Arc::new(Inner { book, queue, verifier, base, check, reach, provided, applied }))
    }

    /// The pools that are set, as they change; `None` until the store was read for the first time.
    pub fn provided(&self) -> watch::Receiver<Option<Arc<Provided>>> {
        self.0.provided.subscribe()
    }

    /// Reads the store, and takes what is new there.
    ///
    /// # Errors
    /// The store is away: what was taken before goes on.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let settings = self.0.book.read().await?;
        self.take(&settings);
        Ok(())
    }

    /// Looks for the changes of other processes until `stop`.
    pub async fn watch(self, stop: CancellationToken) {
        let mut away = false;
        loop {
            let looked = self.look().await;
            match (&looked, away) {
                (Err(error), false) => {
                    warn!(%error, "what administrators set cannot be read; the last of it goes on")
                }
                (Ok(()), true) => info!("what administrators set can be read again"),
                _ => {}
            }
            away = looked.is_err();
            if stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_none() {
                return;
            }
        }
    }

    async fn look(&self) -> Result<(), StoreError> {
        let revision = self.0.book.revision().await?;
        if *self.applied() == Some(revision) {
            return Ok(());
        }
        self.refresh().await
    }

    fn applied(&self) -> std::sync::MutexGuard<'_, Option<u64>> {
        self.0.applied.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What follows from `settings`; under the lock, so that a slower reader never brings an older revision back.
    fn take(&self, settings: &OpenSettings) {
        let mut applied = self.applied();
        if applied.is_some_and(|applied| applied >= settings.revision) {
            return;
        }
        for name in &settings.unreadable {
            error!(name, "a setting does not open: it was sealed with another server key, or is damaged");
        }
        let live = live::compose(&self.0.base, &settings.values, self.0.check.as_ref());
        self.0.queue.add_pools(&live.pools);
        self.0.verifier.set_policies(live.policies);
        let provided = Provided { revision: settings.revision, kinds: live.kinds };
        self.0.provided.send_replace(Some(Arc::new(provided)));
        if applied.is_some() || settings.revision > 0 {
            info!(revision = settings.revision, pools = live.pools.len(), "what administrators set is taken");
        }
        *applied = Some(settings.revision);
    }

    /// Makes the changes that `decide` finds right, seeing what is set now; others may be at it too. The decision's own answer
    /// comes back when the change is kept, and taken here.
    async fn change<T>(
        &self,
        decide: impl Fn(&OpenSettings) -> Result<(Vec<Change>, T), AdminError>,
    ) -> Result<T, AdminError> {
        for _ in 0..ATTEMPTS {
            let settings = self.0.book.read().await.map_err(store_away)?;
            let (changes, answer) = decide(&settings)?;
            if changes.is_empty() {
                return Ok(answer);
            }
            if self.0.book.change(settings.revision, &changes).await.map_err(store_away)?.is_some() {
                self.refresh().await.map_err(store_away)?;
                return Ok(answer);
            }
        }
        Err(AdminError::numbered(10, "others change the settings at the same time: try again"))
    }

    async fn read(&self) -> Result<OpenSettings, AdminError> {
        self.0.book.read().await.map_err(store_away)
    }
}

/// Whether an administrator has set a provider in `store`, which is sealed with `key`.
///
/// # Errors
/// The store is away.
pub async fn any_provider_set(store: Arc<dyn SettingsStore>, key: ServerKey) -> Result<bool, StoreError> {
    let settings = SettingsBook::new(store, key).read().await?;
    Ok(!live::providers(&settings.values).is_empty())
}

fn store_away(error: StoreError) -> AdminError {
    warn!(%error, "a call of /system found no store");
    AdminError::numbered(10, "the store is away")
}

/// The routes under /system; changing calls are POST only.
pub(crate) fn routes(api: &OtpApi) -> Router {
    macro_rules! routes {
        ($($path:literal $endpoint:literal $method:ident $call:path;)+) => {
            Router::new()$(.route(
                concat!("/system/", $path),
                behind_the_gate(api, $endpoint, $method(|State(api): State<OtpApi>, request: Request| async move {
                    let action = concat!("system/", $path);
                    answer(api, request, action, |system, params| async move { $call(&system, &params).await }).await
                })),
            ))+
        };
    }
    let changing = routes! {
        "setConfig" "system_set_config" post config::set;
        "delConfig" "system_del_config" post config::remove;
        "setDefault" "system_set_default" post config::set_default;
        "setProvider" "system_set_provider" post providers::set;
        "delProvider" "system_del_provider" post providers::remove;
        "setDefaultProvider" "system_set_default_provider" post providers::set_default;
        "testProvider" "system_test_provider" post providers::test;
        "setPolicy" "system_set_policy" post policies::set;
        "delPolicy" "system_del_policy" post policies::remove;
    };
    let reading = [
        ("/system/getConfig", "system_get_config"),
        ("/system/getProvider", "system_get_provider"),
        ("/system/getProviderDef", "system_get_provider_def"),
        ("/system/getPolicy", "system_get_policy"),
    ];
    let [config, provider, def, policy] = reading;
    changing
        .route(config.0, behind_the_gate(api, config.1, get(get_config).post(get_config)))
        .route(provider.0, behind_the_gate(api, provider.1, get(get_provider).post(get_provider)))
        .route(def.0, behind_the_gate(api, def.1, get(get_provider_def).post(get_provider_def)))
        .route(policy.0, behind_the_gate(api, policy.1, get(get_policy).post(get_policy)))
}

async fn get_config(State(api): State<OtpApi>, request: Request) -> Response {
    answer(
        api,
        request,
        "system/getConfig",
        |system, params| async move { config::get(&system, &params).await },
    )
    .await
}

async fn get_provider(State(api): State<OtpApi>, request: Request) -> Response {
    answer(api, request, "system/getProvider", |system, params| async move {
        providers::get(&system, &params).await
    })
    .await
}

async fn get_policy(State(api): State<OtpApi>, request: Request) -> Response {
    answer(
        api,
        request,
        "system/getPolicy",
        |system, params| async move { policies::get(&system, &params).await },
    )
    .await
}

async fn get_provider_def(State(api): State<OtpApi>, request: Request) -> Response {
    answer(api, request, "system/getProviderDef", |_, params| async move { providers::definitions(&params) })
        .await
}

/// Reads the request, notes in the audit log what came of it, and makes the response of what `call` says. A call that has
/// begun is ended and noted, whoever hangs up.
async fn answer<F>(
    api: OtpApi,
    request: Request,
    action: &'static str,
    call: impl FnOnce(System, Arc<Params>) -> F + Send + 'static,
) -> Response
where
    F: Future<Output = Result<Reply, AdminError>> + Send + 'static,
{
    let Some(system) = api.inner.system.clone() else {
        return AdminError::plain("/system is off in this process").response(None);
    };
    let administrator =
        request.extensions().get().map(|Admitted { administrator, .. }| administrator.clone());
    let client = audit::address(&request);
    let params = match Params::read(request).await {
        Ok(params) => Arc::new(params),
        Err(why) => return AdminError::from(why).response(None),
    };
    let record = AuditRecord { administrator, client, ..record(&api, action, &params) };
    let (tasks, asked) = (api.inner.tasks.clone(), params.clone());
    let called = bounded(&tasks, WITHIN, async move {
        let result = call(system, params).await;
        noted(&api, record, result).await
    });
    match called.await.map_err(AdminError::from).flatten() {
        Ok(reply) => reply.response(),
        Err(error) => error.response(Some(&asked)),
    }
}

/// What is done, and to which provider, setting or policy; values stay out.
fn record(api: &OtpApi, action: &str, params: &Params) -> AuditRecord {
    let named = |key| params.filled(key).ok().flatten();
    let action = match named("name").or_else(|| named("key")) {
        Some(name) => format!("{action} {}", audit::cleaned(name)),
        None => action.to_owned(),
    };
    let client_named = named("client").filter(|_| !action.contains("Policy")).map(audit::cleaned);
    AuditRecord { client_named, ..AuditRecord::new(api.inner.clock.now(), action) }
}
