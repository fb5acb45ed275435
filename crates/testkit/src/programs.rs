//! Programs that tests need from the system: found, or named with the command that installs them.

use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Places beside `PATH`: an ordinary user's `PATH` lacks the sbin folders, and Debian keeps RabbitMQ's own
/// start script, which does not change the user, in the last one.
const MORE_PLACES: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/usr/lib/rabbitmq/bin"];

/// Where `program` is, by `PATH` and the places that Debian uses beside it.
pub fn find_program(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(MORE_PLACES.iter().map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| is_executable(file))
}

/// Where `program` is. A test that needs a server fails without it; it never skips in silence.
///
/// # Panics
/// When the program is missing, with the command that installs `debian_package`.
pub fn require(program: &str, debian_package: &str) -> PathBuf {
    find_program(program).unwrap_or_else(|| {
        panic!("{program} is missing and this test needs it; install it with: apt-get install -y {debian_package}")
    })
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_path() {
        assert!(require("sh", "dash").ends_with("sh"));
    }

    #[test]
    #[should_panic(expected = "apt-get install -y no-such-package")]
    fn a_missing_program_fails_with_the_command_that_installs_it() {
        require("no-such-program-anywhere", "no-such-package");
    }
}
