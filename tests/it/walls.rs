//! The walls of `docs/house.md`, read from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn metadata() -> Value {
    // For this platform only: the packages of others were never fetched.
    let version = output("RUSTC", "rustc", &["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let arguments = ["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host];
    serde_json::from_str(&output("CARGO", "cargo", &arguments)).unwrap()
}

fn output(variable: &str, program: &str, arguments: &[&str]) -> String {
    let program = std::env::var_os(variable).unwrap_or_else(|| program.into());
    let output = Command::new(program).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Room → the rooms that it may use, from the table of the map.
fn map() -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(root().join("docs/house.md")).unwrap();
    let table = text.split("## The rooms").nth(1).unwrap().split("## The seams").next().unwrap();
    table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let uses = cells[2].split(',').map(str::trim).filter(|room| !room.is_empty());
            (cells[0].trim_matches('`').to_owned(), uses.map(str::to_owned).collect())
        })
        .collect()
}

fn room(package: &str) -> String {
    package.strip_prefix("mtan-").unwrap_or(package).to_owned()
}

/// Package → the names that it depends on directly, tests' own dependencies left out.
fn direct(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let members: BTreeSet<&str> =
        metadata["workspace_members"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|package| members.contains(package["id"].as_str().unwrap()))
        .map(|package| {
            let names = package["dependencies"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
                .collect();
            (package["name"].as_str().unwrap().to_owned(), names)
        })
        .collect()
}

/// Everything below `package` in the resolved graph, tests' own dependencies left out.
fn tree(metadata: &Value, package: &str) -> BTreeSet<String> {
    let names: BTreeMap<&str, &str> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["id"].as_str().unwrap(), p["name"].as_str().unwrap()))
        .collect();
    let below: BTreeMap<&str, Vec<&str>> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| {
            let used =
                node["deps"].as_array().unwrap().iter().filter(|dep| {
                    dep["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"] != "dev")
                });
            (node["id"].as_str().unwrap(), used.map(|dep| dep["pkg"].as_str().unwrap()).collect())
        })
        .collect();
    let start = *names.iter().find(|(_, name)| **name == package).expect("the package exists").0;
    let (mut found, mut waiting) = (BTreeSet::new(), vec![start]);
    while let Some(id) = waiting.pop() {
        if found.insert(id) {
            waiting.extend(&below[id]);
        }
    }
    found.into_iter().map(|id| names[id].to_owned()).collect()
}

#[test]
fn rooms_use_only_the_rooms_that_the_map_allows() {
    let (map, direct) = (map(), direct(&metadata()));
    let rooms: BTreeSet<String> =
        direct.keys().map(|name| room(name)).filter(|name| name != "xtask" && name != "stories").collect();
    assert_eq!(rooms, map.keys().cloned().collect(), "the rooms of the map are the rooms of the workspace");
    let mut broken = Vec::new();
    for (name, used) in &direct {
        let Some(allowed) = map.get(&room(name)) else { continue };
        for other in used.iter().filter(|other| direct.contains_key(*other)) {
            if !allowed.contains(&room(other)) {
                broken.push(format!("{name} uses {other}"));
            }
        }
    }
    assert!(broken.is_empty(), "walls broken: {broken:?}");
}

#[test]
fn no_sender_can_mint_or_judge_a_code() {
    let metadata = metadata();
    let senders: Vec<String> = map()
        .into_keys()
        .filter(|name| name.starts_with("sender"))
        .map(|name| format!("mtan-{name}"))
        .collect();
    assert!(senders.contains(&"mtan-sender-http".to_owned()));
    for sender in senders {
        let tree = tree(&metadata, &sender);
        assert!(tree.contains("mtan-jobs"), "the tree of {sender} was read");
        for forbidden in ["mtan-hotp", "mtan-verifier", "mtan-store", "mtan-otp-api"] {
            assert!(!tree.contains(forbidden), "{sender} reaches {forbidden}");
        }
    }
}

#[test]
fn broker_and_redis_are_named_by_queue_and_store_only() {
    for (package, used) in direct(&metadata()) {
        let may: &[&str] = match package.as_str() {
            "mtan-queue" => &["lapin", "redis"],
            "mtan-store" => &["redis"],
            _ => &[],
        };
        for driver in ["lapin", "redis"] {
            assert!(may.contains(&driver) || !used.contains(driver), "{package} names {driver}");
        }
    }
}

#[test]
fn pure_rooms_have_no_clock_no_runtime_and_no_network() {
    let metadata = metadata();
    for (package, forbidden) in [
        ("mtan-hotp", &["tokio", "serde", "jiff"][..]),
        ("mtan-sms", &["tokio", "serde", "jiff"]),
        ("mtan-jobs", &["tokio", "lapin", "redis"]),
        ("mtan-verifier", &["tokio", "axum", "redis", "lapin"]),
    ] {
        let tree = tree(&metadata, package);
        for name in forbidden {
            assert!(!tree.contains(*name), "{package} reaches {name}");
        }
    }
}

#[test]
fn the_tests_fakes_share_no_code_with_us() {
    let tree = tree(&metadata(), "mtan-testkit");
    let ours: Vec<_> =
        tree.iter().filter(|name| name.starts_with("mtan") && *name != "mtan-testkit").collect();
    assert!(ours.is_empty(), "testkit reaches {ours:?}");
}

#[test]
fn one_tls_provider_and_nothing_unmaintained() {
    // The lock file has every platform and every feature.
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let all: BTreeSet<&str> =
        lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).collect();
    assert!(all.contains("ring"));
    for banned in ["aws-lc-sys", "aws-lc-rs", "openssl-sys", "openssl", "native-tls", "encoding", "sled"] {
        assert!(!all.contains(banned), "{banned} is in the tree");
    }
}
