//! Who is who: a realm's users, looked up where they are kept. A realm without a resolver knows every name.

mod passwd;
mod passwd_file;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use mtan_daemon::Config;
use mtan_verifier::{Subject, UserRef};
use serde::Serialize;

use crate::question::Question;

pub use passwd_file::PasswdFile;

/// What a user store knows of a person; what it does not know is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// The name to log in with.
    pub username: String,
    /// The store's own name of the person, such as a number.
    pub userid: String,
    /// Free text.
    pub description: String,
    /// An address.
    pub email: String,
    /// The given name.
    pub givenname: String,
    /// The surname.
    pub surname: String,
    /// A telephone.
    pub phone: String,
    /// The telephone that takes SMS.
    pub mobile: String,
}

/// The store could not be asked; the text says why and holds no user's data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ResolverError(pub String);

/// The users of a realm, wherever they are kept. Clones of an `Arc` are asked from many requests at once.
#[async_trait]
pub trait UserResolver: Send + Sync + 'static {
    /// What is known of `user`; `None` if there is nobody of that name. Answers in the same time either way.
    async fn find(&self, user: &str) -> Result<Option<Profile>, ResolverError>;

    /// Everybody, in the order of their names.
    async fn everybody(&self) -> Result<Vec<Profile>, ResolverError>;
}

/// Whether a user is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// The realm has no resolver: every name is one.
    AnyName,
    /// This is who it is.
    As(Box<Profile>),
    /// Nobody has this name.
    Nobody,
}

/// The resolvers by realm. Clones share them.
#[derive(Clone, Default)]
pub struct Users {
    realms: BTreeMap<String, Arc<dyn UserResolver>>,
}

impl Users {
    /// Whether `user` is known, and as whom.
    pub async fn known(&self, user: &UserRef) -> Result<Known, ResolverError> {
        let Some(resolver) = self.realms.get(user.realm()) else { return Ok(Known::AnyName) };
        let profile = resolver.find(user.user()).await?;
        Ok(profile.map_or(Known::Nobody, |profile| Known::As(Box::new(profile))))
    }

    /// What is known of a token's owner; details that cannot be had are none.
    pub(crate) async fn profile(&self, owner: Option<&UserRef>) -> Option<Box<Profile>> {
        match self.known(owner?).await {
            Ok(Known::As(profile)) => Some(profile),
            Ok(Known::AnyName | Known::Nobody) => None,
            Err(error) => {
                tracing::error!(%error, "the users cannot be looked up");
                None
            }
        }
    }

    /// The question as it is asked: about nobody, where the user is not known or the store cannot be asked.
    pub(crate) async fn looked_up(&self, question: Question, nobody: &Subject) -> Question {
        let Some(user) = question.subject.user() else { return question };
        match self.known(user).await {
            Ok(Known::AnyName | Known::As(_)) => question,
            Ok(Known::Nobody) => question.about(nobody.clone()),
            Err(error) => {
                tracing::error!(%error, "the users cannot be looked up");
                question.about(nobody.clone())
            }
        }
    }

    /// The resolver of `realm`, whose users it then knows; in place of the one before.
    pub fn set(&mut self, realm: &UserRef, resolver: Arc<dyn UserResolver>) {
        self.realms.insert(realm.realm().to_owned(), resolver);
    }

    /// Each realm that has a resolver.
    pub(crate) fn realms(&self) -> impl Iterator<Item = (&str, &Arc<dyn UserResolver>)> {
        self.realms.iter().map(|(realm, resolver)| (realm.as_str(), resolver))
    }

    /// Reads the passwd file that `key` names; its mistakes become faults, each with its line.
    pub(crate) fn read_passwd(&mut self, config: &mut Config, key: &str, realm: &UserRef, path: &str) {
        match PasswdFile::open(config.path(path)) {
            Ok(file) => self.set(realm, Arc::new(file)),
            // a key has one fault: it holds all lines
            Err(mistakes) => config.fault(key, mistakes.join("; ")),
        }
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.realms.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One;

    #[async_trait]
    impl UserResolver for One {
        async fn find(&self, user: &str) -> Result<Option<Profile>, ResolverError> {
            Ok((user == "alice").then(Profile::default))
        }

        async fn everybody(&self) -> Result<Vec<Profile>, ResolverError> {
            Ok(vec![Profile::default()])
        }
    }

    #[tokio::test]
    async fn a_realm_without_a_resolver_knows_every_name() {
        let mut users = Users::default();
        let user = |name, realm| UserRef::new(name, realm).unwrap();
        users.set(&user("x", "Work"), Arc::new(One));
        assert_eq!(users.known(&user("bob", "home")).await, Ok(Known::AnyName));
        assert_eq!(users.known(&user("bob", "work")).await, Ok(Known::Nobody));
        assert!(matches!(users.known(&user("alice", "WORK")).await, Ok(Known::As(_))));
        assert_eq!(format!("{users:?}"), "{\"work\"}");
    }
}
