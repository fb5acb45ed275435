//! Store, queue and server key, as the configuration names them.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use anyhow::{Context, bail};
use mtan_daemon::Config;
use mtan_embedded::Embedded;
use mtan_jobs::Clock;
use mtan_queue::{Books, Queue};
use mtan_seal::{ServerKey, ServerKeyError};
use mtan_verifier::Store;

/// Where everything lies that is not configured otherwise.
const FOLDER: &str = "mtan-data";
/// The file of store and queue in that folder.
const FILE: &str = "mtan.redb";
/// Stands beside it as long as only the demo has used it.
const DEMO: &str = "demo";

/// What the configuration says about the places; nothing is opened yet.
pub(crate) struct Places {
    store: Place,
    queue: Place,
    server_key: Option<String>,
    server_key_file: Option<PathBuf>,
    folder: PathBuf,
}

/// One place.
enum Place {
    /// In the data folder.
    Embedded,
    /// A server, by its URL.
    Server(String),
}

/// Everything opened.
pub(crate) struct Backends {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) queue: Queue,
    pub(crate) books: Books,
    pub(crate) key: ServerKey,
}

impl Places {
    /// Reads `store`, `queue`, `server_key` and `server_key_file`; mistakes become faults of the configuration.
    pub(crate) fn read(config: &mut Config) -> Places {
        let mut folder = None;
        let store = place(config, "store", &["redis://", "rediss://"], &mut folder);
        let queue = place(config, "queue", &["amqp://", "amqps://"], &mut folder);
        let server_key = config.value("server_key");
        let server_key_file = config.value("server_key_file").map(|file| config.path(&file));
        if server_key.is_some() && server_key_file.is_some() {
            config.fault("server_key_file", "given beside server_key: one of the two is expected");
        }
        let folder = config.path(folder.as_deref().unwrap_or(FOLDER));
        let places = Places { store, queue, server_key, server_key_file, folder };
        places.check(config);
        places
    }

    /// What can be known without asking a server: is the address one, and is the key of a shared store there?
    fn check(&self, config: &mut Config) {
        if let Place::Server(url) = &self.queue
            && let Err(e) = Queue::check_url(url)
        {
            config.fault("queue", e.to_string());
        }
        let Place::Server(url) = &self.store else { return };
        if let Err(e) = mtan_store::redis(url) {
            config.fault("store", e.to_string());
        }
        if self.server_key.is_none()
            && let Err(e) = ServerKey::load(&self.key_file())
        {
            config.fault("server_key_file", e.to_string());
        }
    }

    fn key_file(&self) -> PathBuf {
        self.server_key_file.clone().unwrap_or_else(|| self.folder.join("server.key"))
    }

    /// The data folder; it exists only if something is embedded.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether state or queue lie in the data folder.
    pub(crate) fn uses_folder(&self) -> bool {
        matches!(self.store, Place::Embedded) || matches!(self.queue, Place::Embedded)
    }

    /// Whether nothing is shared with other processes.
    pub(crate) fn all_embedded(&self) -> bool {
        matches!((&self.store, &self.queue), (Place::Embedded, Place::Embedded))
    }

    /// Whether there are data of an earlier start.
    pub(crate) fn has_data(&self) -> bool {
        self.folder.join(FILE).exists()
    }

    /// Marks the data folder as a demo's. A folder that has served real users never becomes one: their codes would stand
    /// on an open page.
    pub(crate) fn claim_for_demo(&self) -> anyhow::Result<()> {
        let marker = self.folder.join(DEMO);
        if self.folder.join(FILE).exists() && !marker.exists() {
            bail!(
                "no SMS gateway is configured, and {} is the data of an installation that had one: the demo would show its \
                 codes on an open page. Bring the [sms] section back, or start the demo in another folder",
                self.folder.display()
            );
        }
        make_folder(&self.folder)?;
        fs::write(&marker, "made by the demo\n").with_context(|| marker.display().to_string())
    }

    /// From now on the data folder serves real users.
    pub(crate) fn leave_demo(&self) -> anyhow::Result<()> {
        match fs::remove_file(self.folder.join(DEMO)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e).context("the demo's marker"),
            _ => Ok(()),
        }
    }

    /// Opens everything. A server that is away is no error: it is waited for in the background.
    pub(crate) fn open(&self, clock: Arc<dyn Clock>) -> anyhow::Result<Backends> {
        let first_start = !self.folder.join(FILE).exists();
        if self.uses_folder() {
            make_folder(&self.folder)?;
        }
        let key = self.key(first_start)?;
        let file = self.uses_folder().then(|| Embedded::open(&self.folder.join(FILE))).transpose()?;
        let file = |what: &str| file.as_ref().with_context(|| format!("{what}: the embedded file is open"));
        let (store, books) = match &self.store {
            Place::Embedded => {
                let file = file("store")?;
                (mtan_store::embedded(file), Books::embedded(file))
            }
            Place::Server(url) => {
                (mtan_store::redis(url).context("store")?, Books::redis(url).context("store")?)
            }
        };
        let queue = match &self.queue {
            Place::Embedded => Queue::embedded(file("queue")?, &key, clock),
            Place::Server(url) => Queue::amqp(url, "mtan").context("queue")?,
        };
        Ok(Backends { store, queue, books, key })
    }

    /// The server key. Made on the very first start only, for a store of this process's own: beside an existing store, or one
    /// that others share, a new key would open nothing.
    fn key(&self, first_start: bool) -> anyhow::Result<ServerKey> {
        if let Some(text) = &self.server_key {
            return ServerKey::from_base64(text, "server_key").map_err(Into::into);
        }
        let path = self.key_file();
        let own_store = matches!(self.store, Place::Embedded);
        match ServerKey::load(&path) {
            Err(ServerKeyError::Missing(_)) if first_start && own_store => {
                let key = ServerKey::create(&path)?;
                tracing::info!(file = %path.display(), "made a server key: keep a copy of it apart from the store's");
                Ok(key)
            }
            Err(ServerKeyError::Missing(_)) if own_store => bail!(
                "no server key at {}, but {} is there: its secrets were sealed with that key. Bring the key back from its \
                 copy, or begin anew by moving the folder away",
                path.display(),
                self.folder.join(FILE).display()
            ),
            other => Ok(other?),
        }
    }
}

fn place(config: &mut Config, key: &str, servers: &[&str], folder: &mut Option<String>) -> Place {
    let Some(text) = config.value(key) else { return Place::Embedded };
    if let Some(path) = text.strip_prefix("embedded:") {
        if !path.is_empty() && folder.as_ref().is_some_and(|other| other != path) {
            config.fault(
                key,
                "store and queue share one data folder: another one is named by the other of the two",
            );
        }
        if !path.is_empty() {
            *folder = Some(path.to_owned());
        }
        return Place::Embedded;
    }
    if !servers.iter().any(|scheme| text.starts_with(scheme)) {
        config.fault(key, format!("embedded:FOLDER or {} is expected", servers.join("HOST or ") + "HOST"));
    }
    Place::Server(text)
}

fn make_folder(folder: &Path) -> anyhow::Result<()> {
    let context = || format!("the data folder {}", folder.display());
    if !folder.exists() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(context)?;
    }
    let mode = fs::metadata(folder).with_context(context)?.permissions().mode() & 0o777;
    if mode & 0o007 != 0 {
        tracing::warn!(folder = %folder.display(), mode = format!("{mode:o}"), "the data folder is open to everybody");
    }
    Ok(())
}
