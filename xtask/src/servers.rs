//! The real servers that tests need: found, or installed where that is possible, or named with the command.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use mtan_testkit::find_program;

use crate::run::{run, say};

/// Program, the Debian package that has it, and the service that the package brings and nobody needs, if it does.
const NEEDED: [(&str, &str, Option<&str>); 7] = [
    ("redis-server", "redis-server", Some("redis-server")),
    ("rabbitmq-server", "rabbitmq-server", Some("rabbitmq-server")),
    ("exim4", "exim4-daemon-light", Some("exim4")),
    ("gnokii", "gnokii-cli", None),
    ("chromium", "chromium", None),
    ("chromedriver", "chromium-driver", None),
    ("systemd-analyze", "systemd", None),
];

/// What Debian asks before a package's service is started.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Makes sure that every server is there.
pub(crate) fn ensure() -> anyhow::Result<()> {
    let needed: Vec<_> = NEEDED.iter().filter(|(program, ..)| find_program(program).is_none()).collect();
    let missing: Vec<&str> = needed.iter().map(|(_, package, _)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let by_hand = format!("apt-get update && apt-get install -y {}", missing.join(" "));
    if find_program("apt-get").is_none() || !is_root()? {
        bail!(
            "the tests need {}; install with: sudo sh -c '{by_hand}'\n(on another system: any package that brings these \
             programs; the tests start them themselves on ports of their own)",
            missing.join(" and ")
        );
    }
    say(&format!("The tests need {}: installing with apt-get.", missing.join(" and ")));
    run(apt_get().arg("update"))?;
    let no_daemons = NoDaemons::begin()?;
    run(apt_get().args(["install", "-y", "--no-install-recommends"]).args(&missing))?;
    drop(no_daemons);
    for service in needed.iter().filter_map(|(.., service)| *service) {
        // nor at the next boot; a system without such a service has nothing to be told
        if let Err(error) = run(Command::new("update-rc.d").args([service, "disable"])) {
            say(&format!("The service {service} may start at the next boot: {error}"));
        }
    }
    match NEEDED.iter().find(|(program, ..)| find_program(program).is_none()) {
        Some((program, ..)) => bail!("apt-get has run and {program} is still missing"),
        None => Ok(()),
    }
}

/// While it lives, no package starts its service: the tests start their servers themselves, on ports of their own.
struct NoDaemons {
    /// Whether the policy is ours; another one stays.
    ours: bool,
}

impl NoDaemons {
    fn begin() -> anyhow::Result<NoDaemons> {
        let ours = !Path::new(POLICY).exists();
        if ours {
            fs::write(POLICY, "#!/bin/sh\nexit 101\n").context("cannot write policy-rc.d")?; // 101: forbidden
            fs::set_permissions(POLICY, Permissions::from_mode(0o755))
                .context("cannot change policy-rc.d")?;
        }
        Ok(NoDaemons { ours })
    }
}

impl Drop for NoDaemons {
    fn drop(&mut self) {
        if self.ours && fs::remove_file(POLICY).is_err() {
            say(&format!("{POLICY} could not be removed: services stay forbidden until somebody does"));
        }
    }
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> anyhow::Result<bool> {
    let id = Command::new("id").arg("-u").output().context("cannot start: id -u")?;
    Ok(id.stdout.trim_ascii() == b"0")
}
