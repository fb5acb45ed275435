//! What a whole process promises: how it stops, how it ends, what it writes to stderr. The tests marked `ignore` are the
//! child processes: each starts this program again for itself.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};

use anyhow::Context;
use mtan_daemon::{Config, LogSection, exit_code, init_logs, stop_on_signals};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// This program again, running the one test `name`, with nothing of ours in its environment.
fn child(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", name, "--ignored", "--nocapture"]).stdin(Stdio::null());
    command.env_remove("RUST_LOG").env_remove("MTAN_CONFIG").env("MTAN_TEST_CHILD", "1");
    command.env_remove("RUST_BACKTRACE");
    command
}

fn is_child() -> bool {
    std::env::var_os("MTAN_TEST_CHILD").is_some()
}

fn stderr(command: &mut Command) -> String {
    let Output { stderr, .. } = command.output().expect("this program starts");
    String::from_utf8(stderr).expect("text")
}

/// A child that is killed when its test fails.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Running {
    fn start(mut command: Command) -> Running {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("this program starts");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        Running { child, stdout }
    }

    /// Reads on until a line with `words` comes.
    fn until(&mut self, words: &str) {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            let n = self.stdout.read_line(&mut line).expect("text");
            assert!(n > 0, "the process ended without saying {words:?}");
        }
    }

    /// The next line of stderr.
    fn logged(&mut self) -> String {
        let (stderr, mut line) = (self.child.stderr.as_mut().expect("piped"), String::new());
        BufReader::new(stderr).read_line(&mut line).expect("text");
        line
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("process ids are small");
        kill(Pid::from_raw(pid), signal).expect("our own child takes signals");
    }

    /// How it ended, and what it wrote to stderr.
    fn end(mut self) -> (ExitStatus, String) {
        let mut text = String::new();
        let stderr = self.child.stderr.as_mut().expect("piped");
        stderr.read_to_string(&mut text).expect("text");
        (self.child.wait().expect("our own child"), text)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill() {
            eprintln!("the child was gone: {error}");
        }
    }
}

#[test]
#[ignore = "a child process of another test"]
fn child_that_stops_on_signals() {
    if !is_child() {
        return;
    }
    init_logs(&LogSection::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stop = stop_on_signals();
        println!("\nready");
        stop.cancelled().await;
        println!("\nstopping");
        std::future::pending::<()>().await;
    });
}

#[test]
fn the_first_signal_asks_and_the_second_ends_at_once() {
    for (first, second, code) in [
        (Signal::SIGTERM, Signal::SIGTERM, 143),
        (Signal::SIGINT, Signal::SIGINT, 130),
        (Signal::SIGTERM, Signal::SIGINT, 130),
    ] {
        let mut process = Running::start(child("child_that_stops_on_signals"));
        process.until("ready");
        process.signal(first);
        process.until("stopping");
        process.signal(second);
        let (status, log) = process.end();
        assert_eq!(status.code(), Some(code), "{first} {second}");
        let lines: Vec<_> = log.lines().filter(|line| line.contains("stopping")).collect();
        assert_eq!(lines.len(), 1, "one line says so: {log}");
        assert!(lines[0].contains(first.as_str()), "{log}");
    }
}

#[test]
fn a_hang_up_is_survived_and_told() {
    let mut process = Running::start(child("child_that_stops_on_signals"));
    process.until("ready");
    for _ in 0..2 {
        process.signal(Signal::SIGHUP);
        let line = process.logged();
        let told =
            "SIGHUP: this process does not read its configuration anew; restart it to take another one";
        assert!(line.contains("WARN") && line.contains(told), "{line:?}");
    }
    process.signal(Signal::SIGTERM);
    process.until("stopping");
    process.signal(Signal::SIGTERM);
    let (status, log) = process.end();
    assert_eq!(status.code(), Some(143), "it still stops as ever: {log}");
}

#[test]
#[ignore = "a child process of another test"]
fn child_with_a_configuration() {
    if !is_child() {
        return;
    }
    let mut config = Config::load(None).unwrap();
    println!("\nstore={:?}", config.value("store"));
    if let Err(error) = config.finish() {
        println!("{error}");
    }
}

#[test]
fn mtan_config_names_the_file_and_the_process_environment_goes_over_it() {
    use std::os::unix::ffi::OsStrExt;

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mtan.toml");
    std::fs::write(&path, "store_file = 'url'\nqueue = 'embedded:'").unwrap();
    std::fs::write(dir.path().join("url"), "redis://file/\n").unwrap();
    let stdout = |command: &mut Command| String::from_utf8(command.output().unwrap().stdout).unwrap();

    let seen = stdout(child("child_with_a_configuration").env("MTAN_CONFIG", &path));
    assert!(seen.contains("store=Some(\"redis://file/\")"), "{seen}");
    let seen = stdout(
        child("child_with_a_configuration").env("MTAN_CONFIG", &path).env("MTAN__STORE", "redis://env/"),
    );
    assert!(seen.contains("store=Some(\"redis://env/\")"), "{seen}");
    let seen = stdout(&mut child("child_with_a_configuration"));
    assert!(seen.contains("store=None"), "no file is no mistake: {seen}");
    let latin1 = std::ffi::OsStr::from_bytes(b"caf\xe9");
    let seen = stdout(child("child_with_a_configuration").env("MTAN__QUEUE", latin1));
    assert!(seen.contains("\nMTAN__QUEUE: UTF-8 is expected\n"), "{seen}");
}

#[test]
#[ignore = "a child process of another test"]
fn child_that_logs() {
    if !is_child() {
        return;
    }
    let format = std::env::var("CHILD_LOG").unwrap();
    let mut config = Config::parse(&format!("[log]\n{format}"), ".".as_ref(), []).unwrap();
    init_logs(&config.section("log"));
    config.finish().unwrap();
    tracing::info!(target: "mtan_example", pool = "backup", "an info line");
    tracing::debug!(target: "mtan_example", "a debug line");
    tracing::warn!(target: "lapin::channel", "a library warns");
    tracing::info!(target: "lapin::channel", "a library informs");
    tracing::debug!(target: "lapin::channel", "a library shows a frame");
}

fn logged(section: &str, rust_log: Option<&str>) -> String {
    let mut command = child("child_that_logs");
    rust_log.map(|filter| command.env("RUST_LOG", filter));
    stderr(command.env("CHILD_LOG", section))
}

#[test]
fn a_log_line_is_plain_text_where_no_terminal_is() {
    let log = logged("level = 'info'", None);
    assert!(log.contains("an info line") && log.contains("pool=\"backup\""), "{log}");
    assert!(log.contains("a library warns"), "{log}");
    assert!(!log.contains("a debug line") && !log.contains("a library informs"), "{log}");
    assert!(!log.contains('\u{1b}'), "no colours: {log:?}");
}

#[test]
fn a_log_line_in_json_is_one_object() {
    let log = logged("format = 'json'", None);
    let line = log.lines().find(|line| line.contains("an info line")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&line["level"], &line["message"], &line["pool"]),
        (&"INFO".into(), &"an info line".into(), &"backup".into())
    );
}

#[test]
fn rust_log_wins_but_no_library_ever_shows_what_it_carries() {
    let log = logged("level = 'error'", Some("debug"));
    assert!(log.contains("a debug line") && log.contains("a library warns"), "{log}");
    assert!(!log.contains("a library informs"), "{log}");
    let log = logged("level = 'error'", Some("trace,lapin=trace"));
    assert!(log.contains("a library informs") && !log.contains("a library shows a frame"), "{log}");
    let log = logged("level = 'info'", Some("a=b=c"));
    assert!(log.contains("RUST_LOG is no filter") && log.contains("an info line"), "{log}");
}

#[test]
#[ignore = "a child process of another test"]
fn child_that_fails() {
    if !is_child() {
        return;
    }
    let mut config = Config::parse("stroe = 1\nqueu = 2", ".".as_ref(), []).unwrap();
    config.fault("admin.password", "is missing");
    let error = config.finish().context("cannot start").unwrap_err();
    assert_eq!(exit_code(Err(error)), std::process::ExitCode::from(2));
    let error = std::io::Error::other("the disk is full");
    let error = anyhow::Error::from(error).context("cannot write the key").context("cannot start");
    assert_eq!(exit_code(Err(error)), std::process::ExitCode::from(1));
    assert_eq!(exit_code(Ok(())), std::process::ExitCode::SUCCESS);
}

#[test]
fn an_error_ends_the_process_with_its_code_and_every_line_of_its_story() {
    let mut command = child("child_that_fails");
    let Output { stderr, status, .. } = command.output().unwrap();
    let told = String::from_utf8(stderr).unwrap();
    assert!(status.success(), "the codes are as promised: {told}");
    let config = "the configuration is not usable:\nadmin.password: is missing\nstroe: no such key; did you mean store?\n\
                  queu: no such key; did you mean queue?\n";
    assert!(told.contains(config), "{told}");
    assert!(
        told.contains(": cannot start\n  because: cannot write the key\n  because: the disk is full\n"),
        "{told}"
    );
}
