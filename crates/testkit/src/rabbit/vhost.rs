//! Vhosts: each test gets one that no other test has touched.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// How many vhosts a broker has, `t0` to `t127`. They are made while it boots, so that a test waits for none.
pub const VHOSTS: usize = 128;

/// A vhost that belongs to one test, with the user `guest` as its administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vhost {
    /// `amqp://guest:guest@127.0.0.1:PORT/tN`
    pub url: String,
    /// `tN`
    pub name: String,
}

/// Takes the first vhost that is free. A file made with `O_EXCL` in the broker's folder is the claim, so it
/// holds between the processes of a test run too.
pub(super) fn claim(port: u16, folder: &Path) -> Vhost {
    let claims = folder.join("claims");
    fs::create_dir_all(&claims).expect("the broker's folder takes claims");
    let name = (0..VHOSTS)
        .map(|number| format!("t{number}"))
        .find(|name| take(&claims.join(name)))
        .unwrap_or_else(|| {
            panic!(
                "all {VHOSTS} vhosts of the test broker are used up: a vhost is never given out twice; \
                 share one between assertions, or raise mtan_testkit::rabbit::VHOSTS"
            )
        });
    Vhost { url: format!("amqp://guest:guest@127.0.0.1:{port}/{name}"), name }
}

fn take(claim: &Path) -> bool {
    match OpenOptions::new().write(true).create_new(true).open(claim) {
        Ok(mut file) => {
            // who took it is of use only to a person who looks into the folder
            writeln!(file, "{}", std::process::id()).is_ok()
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
        Err(error) => panic!("{} cannot be claimed: {error}", claim.display()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_vhost_is_given_out_once() {
        let folder = tempfile::tempdir().unwrap();
        let names: HashSet<_> = (0..VHOSTS).map(|_| claim(5672, folder.path()).name).collect();
        assert_eq!(names.len(), VHOSTS);
    }

    #[test]
    #[should_panic(expected = "all 128 vhosts of the test broker are used up")]
    fn an_exhausted_broker_says_so() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..=VHOSTS {
            claim(5672, folder.path());
        }
    }
}
