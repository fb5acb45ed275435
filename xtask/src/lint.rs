//! `cargo xtask lint`: what a reader should not have to look for.

use mtan_testkit::find_program;

use crate::run::{cargo, run, say};

/// Formatting, clippy, documentation; dependency rules where `cargo-deny` is at hand (`tests/it/walls.rs` keeps the hard ones).
pub(crate) fn run_all() -> anyhow::Result<()> {
    run(&mut cargo(["fmt", "--all", "--check"]))?;
    run(&mut cargo(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))?;
    run(cargo(["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    if find_program("cargo-deny").is_some() {
        return run(&mut cargo(["deny", "check", "bans", "licenses", "sources"]));
    }
    say("cargo-deny is not installed: deny.toml was not checked (`cargo install --locked cargo-deny`).");
    Ok(())
}
