//! What the configuration promises: every mistake at once, each with its key, none with its value.

use std::fs;
use std::path::Path;

use mtan_daemon::{Config, ProviderConfig, SenderSection, SmsSection};
use serde::Deserialize;

/// A section with everything that a section may have.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Admin {
    username: Option<String>,
    password: Option<String>,
    listen: String,
    workers: u8,
    ratio: f64,
    offset: i32,
    strict: bool,
    mode: Mode,
    origins: Vec<String>,
    ports: Vec<u16>,
    inner: Inner,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Basic,
    Bearer,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Inner {
    depth: u32,
    label: String,
}

fn config(text: &str) -> Config {
    with_environment(text, &[])
}

fn with_environment(text: &str, environment: &[(&str, &str)]) -> Config {
    let environment = environment.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    Config::parse(text, Path::new("/etc/mtan"), environment).expect("it is TOML")
}

fn in_folder(folder: &Path, text: &str) -> Config {
    Config::parse(text, folder, []).expect("it is TOML")
}

/// The mistakes as lines.
fn mistakes(config: Config) -> Vec<String> {
    config.finish().expect_err("a mistake was made").to_string().lines().map(str::to_owned).collect()
}

fn admin_mistakes(text: &str) -> Vec<String> {
    let mut config = config(text);
    config.section::<Admin>("admin");
    mistakes(config)
}

#[test]
fn a_good_section_is_read_and_an_absent_one_is_its_default() {
    let mut config = config(
        "[admin]\nusername = 'a'\nworkers = 4\nratio = 0.5\noffset = -3\nstrict = true\nmode = 'bearer'\n\
         origins = ['x', 'y']\nports = [1, 2]\n[admin.inner]\ndepth = 7",
    );
    let admin: Admin = config.section("admin");
    assert_eq!(admin.username.as_deref(), Some("a"));
    assert_eq!((admin.workers, admin.ratio, admin.offset, admin.strict), (4, 0.5, -3, true));
    assert_eq!(
        (admin.mode, admin.origins.len(), admin.ports, admin.inner.depth),
        (Mode::Bearer, 2, vec![1, 2], 7)
    );
    assert_eq!(config.section::<SenderSection>("sender"), SenderSection::default());
    config.finish().unwrap();
}

#[test]
fn every_mistake_of_a_section_is_reported_at_once() {
    let text = "[admin]\nworkers = 'four'\nstrict = 1\nlisten = 8080\nmode = 'bearr'\norigins = ['x', 3, 'y', false]\n\
                colour = 'red'\nusrename = 'x'\nports = [70000]\n[admin.inner]\ndepth = -1\nlabell = 'x'\nlabel = 1979-05-27";
    assert_eq!(
        admin_mistakes(text),
        [
            "admin.colour: no such key",
            "admin.usrename: no such key; did you mean username?",
            "admin.workers: a whole number from 0 to 255 is expected, found a string",
            "admin.strict: true or false is expected, found a whole number",
            "admin.listen: a string is expected, found a whole number",
            "admin.mode: one of basic, bearer is expected; did you mean bearer?",
            "admin.origins[1]: a string is expected, found a whole number",
            "admin.origins[3]: a string is expected, found true or false",
            "admin.ports[0]: a whole number from 0 to 65535 is expected",
            "admin.inner.labell: no such key; did you mean label?",
            "admin.inner.depth: a whole number from 0 to 4294967295 is expected, found a negative number",
            "admin.inner.label: a string is expected, found a date or time",
        ]
    );
}

#[test]
fn a_key_with_a_mistake_keeps_its_default_and_the_rest_is_read() {
    let mut config = config("[admin]\nworkers = 'four'\nlisten = 'here'");
    let admin: Admin = config.section("admin");
    assert_eq!((admin.workers, admin.listen.as_str()), (0, "here"));
    config.finish().unwrap_err();
}

#[test]
fn a_section_that_is_no_table_says_so() {
    assert_eq!(admin_mistakes("admin = 3"), ["admin: a table is expected, found a whole number"]);
    assert_eq!(admin_mistakes("[[admin]]\nworkers = 1"), ["admin: a table is expected, found a list"]);
}

#[test]
fn keys_that_must_be_there_are_all_missed_and_hide_nothing() {
    #[derive(Debug, Default, Deserialize)]
    struct Strict {
        #[allow(dead_code)]
        url: String,
        #[allow(dead_code)]
        retries: u8,
        #[allow(dead_code)]
        inner: StrictInner,
    }
    #[derive(Debug, Default, Deserialize)]
    struct StrictInner {
        #[allow(dead_code)]
        name: String,
        #[allow(dead_code)]
        on: bool,
    }
    let mut config = config("[token]\nurl = 5\n[token.inner]\non = 'x'");
    config.section::<Strict>("token");
    assert_eq!(
        mistakes(config),
        [
            "token.url: a string is expected, found a whole number",
            "token.inner.on: true or false is expected, found a string",
            "token.inner.name: is missing",
            "token.retries: is missing",
        ]
    );
}

#[test]
fn seconds_are_called_seconds() {
    let mut config = config("[sms]\nSMSProviderTimeout = 'five minutes'\nmax_in_flight = 0");
    config.section::<SmsSection>("sms");
    assert_eq!(
        mistakes(config),
        [
            "sms.SMSProviderTimeout: a whole number of seconds is expected, found a string",
            "sms.max_in_flight: a whole number from 1 to 65535 is expected",
        ]
    );
}

#[test]
fn a_name_at_the_top_that_nobody_knows_is_a_mistake() {
    let config = config("stroe = 'x'\ncolour = 1\nSMSProvider = 'x'\n[senders]\nx = 1");
    assert_eq!(
        mistakes(config),
        [
            "stroe: no such key; did you mean store?",
            "colour: no such key",
            "SMSProvider: no such key; it belongs into the section [sms]",
            "senders: no such key; did you mean sender?",
        ]
    );
}

#[test]
fn a_top_level_name_inside_a_section_is_explained() {
    assert_eq!(
        admin_mistakes("[admin]\nstore = 'x'"),
        ["admin.store: no such key; it belongs above the first [section]"]
    );
}

#[test]
fn a_section_that_nobody_reads_is_not_checked() {
    config("[otp_api]\nwhatever = 1").finish().unwrap();
}

#[test]
fn bad_toml_names_every_line_and_column_and_no_text() {
    let Err(error) = Config::parse("a = 1\npassword = 'hunter2\n[x\n", Path::new("."), []) else {
        panic!("accepted")
    };
    let lines: Vec<String> = error.faults().iter().map(ToString::to_string).collect();
    assert!(lines.len() >= 2, "{lines:?}");
    assert!(lines[0].starts_with("the configuration, line 2, column "), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("the configuration, line 3, column ")), "{lines:?}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn the_file_is_named_when_it_cannot_be_read_or_parsed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mtan.toml");
    let refusal = || match Config::load(Some(&path)) {
        Ok(_) => panic!("accepted"),
        Err(error) => error.to_string(),
    };
    let error = refusal();
    assert!(error.starts_with(&format!("{}: cannot be read: ", path.display())), "{error}");
    fs::write(&path, "x = = 1").unwrap();
    let error = refusal();
    assert!(error.starts_with(&format!("{}, line 1, column 5: ", path.display())), "{error}");
}

#[test]
fn paths_start_in_the_folder_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mtan.toml"), "store_file = 'store-url'").unwrap();
    fs::write(dir.path().join("store-url"), "redis://:pw@host/\n").unwrap();
    let mut config = Config::load(Some(&dir.path().join("mtan.toml"))).unwrap();
    assert_eq!(config.value("store").as_deref(), Some("redis://:pw@host/"));
    assert_eq!(config.path("server.key"), dir.path().join("server.key"));
    assert_eq!(config.path("/run/key"), Path::new("/run/key"));
    config.finish().unwrap();
}

#[test]
fn the_environment_wins_and_becomes_what_the_key_needs() {
    let mut config = with_environment(
        "store = 'embedded:'\n[admin]\nworkers = 1\nusername = 'file'\n[admin.inner]\ndepth = 1\nlabel = 'kept'",
        &[
            ("MTAN__STORE", "redis://elsewhere/"),
            ("MTAN__ADMIN__WORKERS", "7"),
            ("MTAN__ADMIN__STRICT", "TRUE"),
            ("MTAN__ADMIN__RATIO", "0.25"),
            ("MTAN__ADMIN__OFFSET", "-3"),
            ("MTAN__ADMIN__MODE", "bearer"),
            ("MTAN__ADMIN__ORIGINS", "a, b"),
            ("MTAN__ADMIN__PORTS", "1,2,3"),
            ("MTAN__ADMIN__PASSWORD", "12345"),
            ("MTAN__ADMIN__INNER__DEPTH", "9"),
            ("MTAN_CONFIG", "passed over"),
            ("PATH", "passed over"),
        ],
    );
    let admin: Admin = config.section("admin");
    let expected = Admin {
        username: Some("file".to_owned()),
        password: Some("12345".to_owned()),
        listen: String::new(),
        workers: 7,
        ratio: 0.25,
        offset: -3,
        strict: true,
        mode: Mode::Bearer,
        origins: vec!["a".to_owned(), "b".to_owned()],
        ports: vec![1, 2, 3],
        inner: Inner { depth: 9, label: "kept".to_owned() },
    };
    assert_eq!(admin, expected);
    assert_eq!(config.value("store").as_deref(), Some("redis://elsewhere/"));
    config.finish().unwrap();
}

#[test]
fn a_variable_finds_keys_of_mixed_case() {
    let mut config =
        with_environment("", &[("MTAN__SMS__SMSPROVIDERTIMEOUT", "120"), ("MTAN__sms__SMSProvider", "Http")]);
    let sms: SmsSection = config.section("sms");
    assert_eq!((sms.sms_provider_timeout, sms.sms_provider.as_deref()), (120, Some("Http")));
    config.finish().unwrap();
}

#[test]
fn a_variable_that_names_no_key_or_holds_the_wrong_kind_is_a_mistake() {
    let mut config = with_environment(
        "",
        &[
            ("MTAN__ADMIN__WORKRES", "7"),
            ("MTAN__ADMIN__WORKERS", "seven"),
            ("MTAN__ADMIN__STRICT", "perhaps"),
            ("MTAN__ADMIN__USERNAME__FIRST", "x"),
            ("MTAN__STROE", "x"),
            ("MTAN__", "x"),
        ],
    );
    config.section::<Admin>("admin");
    assert_eq!(
        mistakes(config),
        [
            "MTAN__STROE: names no known key; did you mean store?",
            "MTAN__: names no known key",
            "MTAN__ADMIN__WORKRES: names no known key; did you mean workers?",
            "admin.workers: a whole number from 0 to 255 is expected (from MTAN__ADMIN__WORKERS)",
            "admin.strict: true or false is expected (from MTAN__ADMIN__STRICT)",
            "admin.username: a string is expected, found a table",
        ]
    );
}

#[test]
fn a_key_given_by_two_variables_is_a_mistake() {
    let mut config = with_environment("", &[("MTAN__ADMIN__LISTEN", "a"), ("MTAN__ADMIN__listen", "b")]);
    config.section::<Admin>("admin");
    assert_eq!(
        mistakes(config),
        ["admin.listen: MTAN__ADMIN__LISTEN and MTAN__ADMIN__listen exclude each other"]
    );
}

#[test]
fn a_secret_may_lie_in_a_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("admin-password"), "hunter2\n").unwrap();
    let mut config = in_folder(dir.path(), "[admin]\npassword_file = 'admin-password'");
    assert_eq!(config.section::<Admin>("admin").password.as_deref(), Some("hunter2"));
    config.finish().unwrap();

    let path = dir.path().join("admin-password").display().to_string();
    let variables = [("MTAN__ADMIN__PASSWORD_FILE", path.as_str())];
    let mut config = with_environment("[admin]\npassword = 'of the file'", &variables);
    assert_eq!(config.section::<Admin>("admin").password.as_deref(), Some("hunter2"));
    config.finish().unwrap();
}

#[test]
fn a_secret_given_in_both_ways_is_a_mistake() {
    let twice = "admin.password_file: either password or password_file is expected, found both";
    assert_eq!(admin_mistakes("[admin]\npassword = 'x'\npassword_file = 'y'"), [twice]);
    let variables = [("MTAN__ADMIN__PASSWORD", "x"), ("MTAN__ADMIN__PASSWORD_FILE", "y")];
    let mut config = with_environment("", &variables);
    config.section::<Admin>("admin");
    assert_eq!(mistakes(config), [twice]);
}

#[test]
fn the_environment_replaces_a_secret_file() {
    let mut config =
        with_environment("[admin]\npassword_file = 'nowhere'", &[("MTAN__ADMIN__PASSWORD", "hunter2")]);
    assert_eq!(config.section::<Admin>("admin").password.as_deref(), Some("hunter2"));
    config.finish().unwrap();
}

#[test]
fn a_secret_file_that_cannot_be_read_names_key_and_path_once() {
    let mut config = config("[admin]\npassword_file = 'nowhere'\nlisten_file = 3\nnonsense_file = 'x'");
    config.section::<Admin>("admin");
    config.fault("admin.password", "is missing: follows from the unreadable file");
    let lines = mistakes(config);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[0], "admin.nonsense_file: no such key");
    assert!(lines[1].starts_with("admin.password_file: /etc/mtan/nowhere cannot be read: "), "{lines:?}");
    assert_eq!(lines[2], "admin.listen_file: the path of a file is expected");
}

#[test]
fn the_server_key_is_a_path_or_a_text_and_the_environment_decides() {
    let mut both = config("server_key = 'x'\nserver_key_file = 'y'");
    both.value("server_key");
    both.value("server_key_file");
    assert_eq!(mistakes(both), ["server_key: either server_key or server_key_file is expected, found both"]);

    let mut path = config("server_key_file = 'server.key'");
    assert_eq!(
        (path.value("server_key_file").as_deref(), path.value("server_key")),
        (Some("server.key"), None)
    );
    path.finish().unwrap();

    let mut text = with_environment("server_key_file = 'server.key'", &[("MTAN__SERVER_KEY", "c2VjcmV0")]);
    assert_eq!(
        (text.value("server_key_file"), text.value("server_key").as_deref()),
        (None, Some("c2VjcmV0"))
    );
    text.finish().unwrap();
}

#[test]
fn a_value_at_the_top_must_be_a_string() {
    let mut config = config("store = 3\n[queue]\nx = 1");
    assert_eq!((config.value("store"), config.value("queue")), (None, None));
    assert_eq!(
        mistakes(config),
        ["store: a string is expected, found a whole number", "queue: a string is expected, found a table"]
    );
}

#[test]
fn no_mistake_repeats_a_value() {
    #[derive(Debug, Default, Deserialize)]
    #[serde(try_from = "String")]
    struct Picky;
    impl TryFrom<String> for Picky {
        type Error = String;
        fn try_from(text: String) -> Result<Picky, String> {
            Err(format!("cannot understand {text:?}"))
        }
    }
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Token {
        #[allow(dead_code)]
        a: Picky,
        #[allow(dead_code)]
        b: u8,
        #[allow(dead_code)]
        c: Mode,
        #[allow(dead_code)]
        d: bool,
        #[allow(dead_code)]
        e: Vec<Picky>,
    }
    let secrets = "[token]\na = 'hunter2'\nb = 9876\nc = 'hunter2'\nd = 'hunter2'\ne = ['hunter2']";
    let mut config = with_environment(secrets, &[("MTAN__TOKEN__D", "hunter2")]);
    config.section::<Token>("token");
    let lines = mistakes(config);
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert_eq!(lines[0], "token.a: this value is not accepted");
    assert!(lines.iter().all(|line| !line.contains("hunter2") && !line.contains("9876")), "{lines:?}");
}

#[test]
fn a_cross_check_of_the_caller_joins_the_rest_and_repeats_nothing() {
    let mut config = config("[admin]\nworkers = 'x'");
    let admin: Admin = config.section("admin");
    config.fault("admin.workers", "follows from the first mistake: no news");
    if admin.listen.is_empty() {
        config.fault("admin.listen", "is missing");
    }
    config.section::<Admin>("admin"); // a second reader of the same section finds the same
    assert_eq!(
        mistakes(config),
        [
            "admin.workers: a whole number from 0 to 255 is expected, found a string",
            "admin.listen: is missing"
        ]
    );
}

#[test]
fn provider_configuration_never_prints() {
    let text = ProviderConfig::Text("{\"PASSWORD\": \"hunter2\"}".to_owned());
    assert_eq!(format!("{text:?}"), "Text(..)");
}
