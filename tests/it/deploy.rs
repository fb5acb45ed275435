//! What operations take from `deploy/`: each file is read by the program that it is for, or by its rules.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use mtan_testkit::require;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy").join(name)
}

/// Name and text of every unit.
fn units() -> Vec<(String, String)> {
    let mut units: Vec<_> = std::fs::read_dir(folder("systemd"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|file| {
            (file.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(file).unwrap())
        })
        .collect();
    units.sort();
    units
}

fn value<'a>(unit: &'a str, key: &str) -> &'a str {
    unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or_default()
}

#[test]
fn every_process_has_a_unit_of_its_own_and_no_unit_runs_another() {
    let processes = ["mtan", "mtan-otp-api", "mtan-sender-http", "mtan-sender-modem", "mtan-sender-smtp"];
    let mut found = BTreeSet::new();
    for (name, unit) in units() {
        let process = name.strip_suffix(".service").unwrap();
        let up = if process == "mtan" { " up" } else { "" };
        let start = format!("/usr/bin/{process} --config /etc/mtan/mtan.toml{up}");
        assert_eq!(value(&unit, "ExecStart"), start);
        assert_eq!(
            value(&unit, "RestartPreventExitStatus"),
            "2",
            "{name}: a wrong configuration stays wrong"
        );
        let stop: u64 = value(&unit, "TimeoutStopSec").parse().unwrap();
        let drain = 30; // the default of [sender] drain_seconds, which a stop may take
        assert!(stop > drain, "{name}: killed while it drains");
        found.insert(process.to_owned());
    }
    assert_eq!(found, processes.map(str::to_owned).into());
}

/// The programs are not installed where tests run: `true` stands for them.
fn installed(folder: &Path) -> Vec<PathBuf> {
    units()
        .into_iter()
        .map(|(name, unit)| {
            let start = value(&unit, "ExecStart").to_owned();
            let file = folder.join(name);
            std::fs::write(&file, unit.replace(&start, "/bin/true")).unwrap();
            file
        })
        .collect()
}

#[test]
fn systemd_takes_every_unit_without_a_word_and_finds_it_well_locked() {
    let analyze = require("systemd-analyze", "systemd");
    let folder = tempfile::tempdir().unwrap();
    for unit in installed(folder.path()) {
        let verify = Command::new(&analyze).args(["verify", "--man=no"]).arg(&unit).output().unwrap();
        let said = String::from_utf8_lossy(&verify.stderr);
        let about_us: Vec<&str> = said.lines().filter(|line| line.contains("mtan")).collect();
        assert!(verify.status.success() && about_us.is_empty(), "{}: {said}", unit.display());
        // 2.0 of 10 at the most, where 9.6 is a unit without any hardening
        let security = ["security", "--offline=yes", "--no-pager", "--threshold=20"];
        let security = Command::new(&analyze).args(security).arg(&unit).output().unwrap();
        assert!(security.status.success(), "{}", String::from_utf8_lossy(&security.stdout));
    }
}

#[test]
fn the_udev_rules_mark_modems_for_us_and_jump_to_labels_that_exist() {
    let rules = std::fs::read_to_string(folder("udev/70-mtan-modem.rules")).unwrap();
    let lines: Vec<&str> =
        rules.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let words = |begin: &str| -> Vec<&str> {
        let pairs = lines.iter().flat_map(|line| line.split(", "));
        pairs.filter_map(|pair| pair.strip_prefix(begin)?.strip_suffix('"')).collect()
    };
    let (jumps, labels) = (words("GOTO=\""), words("LABEL=\""));
    assert!(jumps.len() > 5 && jumps.iter().all(|to| labels.contains(to)), "{jumps:?} {labels:?}");
    for pair in lines.iter().flat_map(|line| line.split(", ")) {
        let (key, rest) = pair.split_at(pair.find(['=', '!', '+']).unwrap());
        let known = ["ACTION", "SUBSYSTEM", "ATTRS{idVendor}", "GOTO", "LABEL", "GROUP", "MODE"];
        assert!(known.contains(&key) || key.starts_with("ENV{ID_MM_"), "{pair}");
        let value = rest.trim_start_matches(['=', '!', '+']);
        assert!(value.len() >= 2 && value.starts_with('"') && value.ends_with('"'), "{pair}");
    }
    assert!(rules.contains(r#"ENV{ID_MM_DEVICE_IGNORE}="1""#) && rules.contains(r#"GROUP="dialout""#));
}
