//! The real servers that tests need: found, or installed where that is possible, or named with the command.

use std::process::Command;

use anyhow::{Context, bail};
use mtan_testkit::find_program;

use crate::run::{run, say};

/// Program and the Debian package that has it.
const NEEDED: [(&str, &str); 2] = [("redis-server", "redis-server"), ("rabbitmq-server", "rabbitmq-server")];

/// Makes sure that every server is there.
pub(crate) fn ensure() -> anyhow::Result<()> {
    let missing: Vec<&str> = NEEDED
        .iter()
        .filter(|(program, _)| find_program(program).is_none())
        .map(|(_, package)| *package)
        .collect();
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
    run(apt_get().args(["install", "-y", "--no-install-recommends"]).args(&missing))?;
    match NEEDED.iter().find(|(program, _)| find_program(program).is_none()) {
        Some((program, _)) => bail!("apt-get has run and {program} is still missing"),
        None => Ok(()),
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
