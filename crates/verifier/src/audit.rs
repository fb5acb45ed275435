//! The audit log: who did what and how it ended; never a code, PIN, seed or text, and numbers masked.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{StoreError, Verifier};

/// One thing that happened. What does not apply is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// When.
    pub at: Timestamp,
    /// The call: `validate/check`, `admin/disable`.
    pub action: String,
    /// Whether it did what was asked for: a login was let in, an SMS is under way, a token was changed.
    pub success: bool,
    /// What became of it, from a closed set: `right_code`, `wrong_pin`, `ERR1102`.
    pub reason: String,
    /// The user.
    pub user: Option<String>,
    /// The user's realm.
    pub realm: Option<String>,
    /// The token; several with commas.
    pub serial: Option<String>,
    /// The challenge.
    pub transaction: Option<String>,
    /// The caller's address.
    pub client: Option<String>,
    /// Whom the caller says that it asks for: the parameter `client`.
    pub client_named: Option<String>,
    /// The administrator.
    pub administrator: Option<String>,
}

impl AuditRecord {
    /// A record of `action`; nothing else is known yet.
    pub fn new(at: Timestamp, action: impl Into<String>) -> AuditRecord {
        AuditRecord {
            at,
            action: action.into(),
            success: false,
            reason: String::new(),
            user: None,
            realm: None,
            serial: None,
            transaction: None,
            client: None,
            client_named: None,
            administrator: None,
        }
    }
}

/// A record as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its place; an older one has a smaller place. Its form is the store's.
    pub id: String,
    /// What happened.
    pub record: AuditRecord,
}

/// Where audit records are kept, in the order of their coming.
#[async_trait]
pub trait AuditLog: Send + Sync + 'static {
    /// Keeps `records`, all or none; of all that are kept about the newest `keep` stay, and never fewer.
    async fn note(&self, records: &[AuditRecord], keep: u64) -> Result<(), StoreError>;

    /// Up to `most` records that came before the one at `before`, or the newest ones; the newest first. An id that is none
    /// of the store's has nothing before it.
    async fn audited(&self, before: Option<&str>, most: usize) -> Result<Vec<AuditEntry>, StoreError>;
}

impl Verifier {
    /// [`AuditLog::note`] of the store.
    pub async fn note(&self, records: &[AuditRecord], keep: u64) -> Result<(), StoreError> {
        self.store.note(records, keep).await
    }

    /// [`AuditLog::audited`] of the store.
    pub async fn audited(&self, before: Option<&str>, most: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.store.audited(before, most).await
    }
}
