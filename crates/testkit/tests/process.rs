//! A program under a story test: its output, its signals, its end, and nothing left behind.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use mtan_testkit::process::Process;
use mtan_testkit::{require, wait_until};

/// For what has to happen, on a loaded machine too.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes `a_run_that_holds_a_process` hold one.
const HOLD_VARIABLE: &str = "MTAN_TESTKIT_HOLD";

fn shell(script: &str) -> Process {
    Process::start(require("sh", "dash"), &["-c", script], &[])
}

/// The one-letter state of a process: R, S, T (stopped), Z (zombie); `None` when it is gone.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

async fn wait_for_state(pid: u32, wanted: impl Fn(Option<char>) -> bool) {
    wait_until("a state of the process", PATIENCE, async || match state(pid) {
        state if wanted(state) => Ok(()),
        state => Err(format!("{state:?}")),
    })
    .await;
}

/// The number at the end of a line such as `child 17`.
fn number(line: &str) -> u32 {
    line.rsplit(' ').next().and_then(|word| word.parse().ok()).expect("a number at the end of the line")
}

#[tokio::test]
async fn output_is_captured_line_by_line_and_the_status_is_handed_out() {
    let mut process = shell("echo one; echo two >&2; printf 'three\\r\\nno line end'; exit 7");
    assert_eq!(process.wait_for_line("thr").await, "three");
    assert_eq!(process.wait(PATIENCE).await.code(), Some(7));
    assert_eq!(process.stdout(), ["one", "three", "no line end"]);
    assert_eq!(process.stderr(), ["two"]);
    let mut lines = process.lines();
    lines.sort();
    assert_eq!(lines, ["no line end", "one", "three", "two"]);
    assert!(!process.is_running());
}

#[tokio::test]
async fn it_sees_a_clean_environment_and_its_own_folder() {
    let program = require("env", "coreutils");
    let mut process = Process::start(program, &[], &[("MTAN__LOG__LEVEL", "debug")]);
    let folder = process.folder().to_owned();
    assert!(process.wait(PATIENCE).await.success());
    let mut names: Vec<_> =
        process.lines().iter().map(|line| line.split('=').next().unwrap().to_owned()).collect();
    names.sort();
    assert_eq!(names, ["HOME", "MTAN__LOG__LEVEL", "PATH"]);
    assert!(process.lines().contains(&format!("HOME={}", folder.display())));

    std::fs::write(folder.join("note"), "hello\n").unwrap();
    drop(process);
    assert!(!folder.exists(), "a temporary folder goes with the handle");
}

#[tokio::test]
async fn a_given_folder_stays() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mtan.toml"), "colour = blue\n").unwrap();
    let mut process = Process::start_in(folder.path(), require("cat", "coreutils"), &["mtan.toml"], &[]);
    process.wait_for_line("colour = blue").await;
    drop(process);
    assert!(folder.path().join("mtan.toml").exists());
}

#[tokio::test]
async fn signals_reach_the_program() {
    let script = "trap 'echo term' TERM; trap 'echo int' INT; trap 'echo hup; exit 3' HUP; echo ready
        while :; do sleep 0.02; done";
    let mut process = shell(script);
    process.wait_for_line("ready").await;
    process.terminate();
    process.wait_for_line("term").await;
    process.interrupt();
    process.wait_for_line("int").await;
    process.hang_up();
    assert_eq!(process.wait(PATIENCE).await.code(), Some(3));
    process.terminate(); // it has ended: nothing happens
}

#[tokio::test]
async fn a_program_without_a_trap_ends_by_the_signal() {
    let mut process = Process::start(require("sleep", "coreutils"), &["1000"], &[]);
    assert!(process.is_running());
    process.terminate();
    assert_eq!(process.wait(PATIENCE).await.signal(), Some(15));
}

#[tokio::test]
async fn a_frozen_program_goes_on_when_thawed() {
    let mut process = shell("echo ready; while :; do sleep 0.02; done");
    process.wait_for_line("ready").await;
    process.freeze();
    wait_for_state(process.pid(), |state| state == Some('T')).await;
    process.thaw();
    wait_for_state(process.pid(), |state| matches!(state, Some('R' | 'S'))).await;
    process.freeze();
    process.kill();
    assert!(!Path::new(&format!("/proc/{}", process.pid())).exists(), "frozen is no shield");
}

#[tokio::test]
async fn killed_it_is_gone_with_its_children_and_can_start_again() {
    let script = "sleep 1000 & echo child $!; echo run >> runs; echo runs $(wc -l < runs); wait";
    let mut process = shell(script);
    let child = number(&process.wait_for_line("child").await);
    assert_eq!(process.wait_for_line("runs").await, "runs 1");
    process.kill();
    assert_eq!(process.wait(PATIENCE).await.signal(), Some(9));
    wait_for_state(child, |state| matches!(state, None | Some('Z'))).await;

    let first = process.pid();
    process.restart();
    assert_ne!(process.pid(), first);
    assert_eq!(process.wait_for_line("runs").await, "runs 2", "same folder, and no line of the run before");

    let child = number(&process.wait_for_line("child").await);
    let pid = process.pid();
    drop(process);
    assert_eq!(state(pid), None);
    wait_for_state(child, |state| matches!(state, None | Some('Z'))).await;
}

#[tokio::test]
#[should_panic(expected = "2| what went wrong")]
async fn a_missing_line_shows_the_output() {
    shell("echo what went wrong >&2").wait_for_line("all is well").await;
}

#[tokio::test]
#[should_panic(expected = "still runs after 50ms; output (1 = stdout, 2 = stderr):\n1| busy")]
async fn a_missed_deadline_shows_the_output() {
    let mut process = shell("echo busy; while :; do sleep 0.02; done");
    process.wait_for_line("busy").await;
    process.wait(Duration::from_millis(50)).await;
}

#[test]
#[should_panic(expected = "/no/such/program does not start")]
fn a_program_that_is_not_there_is_named() {
    Process::start("/no/such/program", &[], &[]);
}

#[test]
fn what_is_shown_of_it_holds_no_argument_and_no_environment() {
    let process =
        Process::start(require("sleep", "coreutils"), &["1000"], &[("MTAN__ADMIN__PASSWORD", "hunter2")]);
    let shown = format!("{process:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("1000 "), "{shown}");
}

#[tokio::test]
async fn it_does_not_outlive_a_test_process_that_is_killed() {
    let this = std::env::current_exe().unwrap();
    let args = ["--exact", "a_run_that_holds_a_process", "--ignored", "--nocapture"];
    let mut run = Process::start(this, &args, &[(HOLD_VARIABLE, "1")]);
    let held = number(&run.wait_for_line("holds process").await);
    let folder = run.wait_for_line("in folder").await.rsplit(' ').next().unwrap().to_owned();
    assert!(state(held).is_some() && Path::new(&folder).exists());
    run.kill(); // the held process leads a group of its own: this does not reach it
    wait_for_state(held, |state| matches!(state, None | Some('Z'))).await;
    wait_until("its folder to be removed", PATIENCE, async || {
        if Path::new(&folder).exists() { Err(folder.clone()) } else { Ok(()) }
    })
    .await;
}

#[tokio::test]
#[ignore = "the other half of it_does_not_outlive_a_test_process_that_is_killed, which runs it"]
async fn a_run_that_holds_a_process() {
    if std::env::var_os(HOLD_VARIABLE).is_none() {
        return;
    }
    let mut process = Process::start(require("sleep", "coreutils"), &["1000"], &[]);
    println!("\nin folder {}", process.folder().display());
    println!("\nholds process {}", process.pid());
    process.wait(Duration::from_secs(1000)).await;
}
