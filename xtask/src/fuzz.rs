//! `cargo xtask fuzz`: odd input for the readers, with libFuzzer, on stable Rust.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use mtan_testkit::find_program;

use crate::run::{cargo, root, run};

/// What `cargo-fuzz` asks of the compiler, less the sanitizer, which takes nightly and finds nothing in rooms without `unsafe`.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1";

/// What may be said beside `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long each target runs
    #[arg(long, default_value_t = 120)]
    seconds: u32,
    /// A file's name in fuzz/src/bin, without its ending; all of them if it is left out
    target: Option<String>,
}

/// Builds the targets and runs one after the other; the first input that breaks a promise ends the run.
pub(crate) fn run_all(arguments: &Arguments) -> anyhow::Result<()> {
    let targets = chosen(arguments.target.as_deref())?;
    let compilers = ["c++", "g++", "clang++"];
    if std::env::var_os("CXX").is_none() && compilers.iter().all(|name| find_program(name).is_none()) {
        bail!(
            "libFuzzer is built from its source: a C++ compiler is needed (`apt-get install g++`, or CXX=…)"
        );
    }
    let host = host()?;
    build(&host, &targets)?;
    targets.iter().try_for_each(|target| fuzz(target, &host, arguments.seconds))
}

fn chosen(wanted: Option<&str>) -> anyhow::Result<Vec<String>> {
    let folder = root().join("fuzz/src/bin");
    let files = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let names = files.filter_map(|file| Some(file.ok()?.path().file_stem()?.to_str()?.to_owned()));
    let mut all: Vec<String> = names.collect();
    all.sort();
    match wanted {
        None => Ok(all),
        Some(name) if all.iter().any(|target| target == name) => Ok(vec![name.to_owned()]),
        Some(name) => bail!("there is no target {name}; there are: {}", all.join(", ")),
    }
}

/// The platform that we run on. Naming it keeps [`COVERAGE`] away from build scripts, which could not be linked with it.
fn host() -> anyhow::Result<String> {
    let output =
        Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-vV").output();
    let version = String::from_utf8(output.context("cannot start rustc")?.stdout)?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_owned())
}

fn build(host: &str, targets: &[String]) -> anyhow::Result<()> {
    let mut command = cargo(["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", host]);
    command.arg("--target-dir").arg(place(""));
    for target in targets {
        command.args(["--bin", target]);
    }
    run(command.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", COVERAGE))
}

fn fuzz(target: &str, host: &str, seconds: u32) -> anyhow::Result<()> {
    let [corpus, found] = [place("corpus").join(target), place("found").join(target)];
    for folder in [&corpus, &found] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut command = Command::new(place(host).join("release").join(target));
    command.arg(format!("-max_total_time={seconds}"));
    command.args(["-timeout=5", "-print_final_stats=1", "-max_len=1024"]);
    command.arg(format!("-artifact_prefix={}/", found.display())).arg(corpus);
    let seeds = root().join("fuzz/seeds").join(target);
    run(command.args(Some(seeds).filter(|seeds| seeds.is_dir())).current_dir(root()))
}

/// A place under the workspace's target folder: nothing of a run is to be committed.
fn place(under: &str) -> PathBuf {
    Path::new(root()).join("target/fuzz").join(under)
}
