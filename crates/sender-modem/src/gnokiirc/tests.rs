//! Every row of the table of gnokii's keys.

use std::time::Duration;

use super::*;

const SEED: &str = "[global]\nmodel = AT\nport = /dev/ttyACM1\nconnection = serial\n";

fn parse(text: &str) -> Result<Gnokiirc, Vec<String>> {
    Gnokiirc::parse(text, "gnokiirc", &[], true)
}

/// The seed's file with further lines.
fn with(lines: &str) -> Gnokiirc {
    parse(&format!("{SEED}{lines}\n")).unwrap()
}

fn line_with(lines: &str) -> Line {
    with(lines).lines.remove(0)
}

fn refusal(text: &str) -> String {
    parse(text).unwrap_err().join("\n")
}

#[test]
fn the_seeds_file_is_read_as_it_stands() {
    let read = parse(SEED).unwrap();
    assert_eq!(read.warnings, Vec::<String>::new());
    let expected = Line { baud_rate: 19_200, ..Line::at(Place::Port("/dev/ttyACM1".to_owned())) };
    assert_eq!(read.lines, [expected]);
}

#[test]
fn each_key_that_matters_is_read() {
    let line = line_with(
        "serial_baudrate = 9600\nserial_write_usleep = 500\nrequire_dcd = 1\nset_dtr_rts = 0\nsmsc_timeout = 45\nuse_locking = no",
    );
    assert_eq!((line.baud_rate, line.pace), (9600, Pace::Bytes(Duration::from_micros(500))));
    assert!(line.require_dcd && !line.raise_dtr && !line.lock_file && !line.hardware_handshake);
    assert_eq!(line.result_within, Duration::from_secs(45));
    assert_eq!(line_with("serial_write_usleep = -1").pace, Pace::Whole);
    assert_eq!(line_with("serial_write_usleep = 0").pace, Pace::Bytes(Duration::ZERO));
    assert!(line_with("model = AT-HW").hardware_handshake);
    let tcp = line_with("connection = TCP\nport = 192.0.2.7:4001");
    assert_eq!(tcp.place, Place::Tcp("192.0.2.7:4001".to_owned()));
}

#[test]
fn lines_are_read_as_gnokii_reads_them() {
    let text = "# comment\n\n  [global]  \r\n  model=AT\n\tport  =  /dev/a=b \n#port = /dev/c\nconnection = Serial\nport = /dev/d\n";
    assert_eq!(parse(text).unwrap().lines[0].place, Place::Port("/dev/d".to_owned()), "the later one wins");
    let phones = format!("{SEED}[phone_two]\nport = /dev/ttyACM2\n[phone_three]\nmodel = AT-HW\n");
    let read = Gnokiirc::parse(&phones, "rc", &["two".to_owned(), "three".to_owned()], true).unwrap();
    let places: Vec<_> =
        read.lines.iter().map(|line| (line.place.clone(), line.hardware_handshake)).collect();
    let port = |path: &str| Place::Port(path.to_owned());
    assert_eq!(places, [(port("/dev/ttyACM2"), false), (port("/dev/ttyACM1"), true)]);
    let error = Gnokiirc::parse(&phones, "rc", &["four".to_owned()], true).unwrap_err();
    assert_eq!(error, ["rc: the section [phone_four] is missing; there are: phone_three, phone_two"]);
}

#[test]
fn a_mistake_is_named_with_file_line_and_key() {
    for (text, expected) in [
        ("model = AT\n", "gnokiirc, line 1: this line stands outside a section"),
        ("[global\nmodel = AT\n", "gnokiirc, line 1: a section ends with ]"),
        ("[global]\nmodel AT\n", "gnokiirc, line 2: key = value, [section] or # comment is expected"),
        ("[Global]\nmodel = AT\n", "gnokiirc: the section [global] is missing"),
        (
            "[global]\nModel = AT\nport = /dev/x\nconnection = serial\n",
            "gnokiirc: model is missing, as in: model = AT",
        ),
        (
            "[global]\nmodel = AT\nconnection = serial\n",
            "gnokiirc: port is missing, as in: port = /dev/ttyUSB0",
        ),
        (
            "[global]\nmodel = 6510\nport = /dev/x\nconnection = serial\n",
            "gnokiirc, line 2: model: AT or AT-HW is expected",
        ),
        (
            "[global]\nmodel = at\nport = /dev/x\nconnection = serial\n",
            "gnokiirc, line 2: model: gnokii writes AT",
        ),
        (
            "[global]\nmodel = AT\nport = /dev/x\nconnection = bluetooth\n",
            "line 4: connection: serial or tcp is expected: this one needs gnokii's own",
        ),
        (
            "[global]\nmodel = AT\nport = /dev/x\nconnection = usb\n",
            "line 4: connection: serial or tcp is expected",
        ),
        (
            "[global]\nmodel = AT\nport = \"/dev/x\"\nconnection = serial\n",
            "line 3: port: the path of a serial port is expected, as in /dev/ttyUSB0 or /dev/serial/by-id/… (gnokii takes no quotes",
        ),
        (
            "[global]\nmodel = AT\nport = /dev/x # stick\nconnection = serial\n",
            "(a comment stands on a line of its own",
        ),
        (
            "[global]\nmodel = AT\nport = ttyUSB0\nconnection = serial\n",
            "line 3: port: the path of a serial port",
        ),
        ("[global]\nmodel = AT\nport = host\nconnection = tcp\n", "line 3: port: host:port is expected"),
        (&format!("{SEED}serial_baudrate = 1234"), "line 5: serial_baudrate: one of 2400, 4800,"),
        (&format!("{SEED}serial_write_usleep = fast"), "line 5: serial_write_usleep: -1 (all at once)"),
        (&format!("{SEED}smsc_timeout = soon"), "line 5: smsc_timeout: a number of seconds is expected"),
        (&format!("{SEED}use_locking = maybe"), "line 5: use_locking: yes or no is expected"),
        (&format!("{SEED}handshake = firm"), "line 5: handshake: software or hardware is expected"),
    ] {
        let refusal = refusal(text);
        assert!(refusal.contains(expected), "{expected}\nis missing in\n{refusal}");
    }
}

#[test]
fn what_changes_nothing_is_named() {
    for (lines, expected) in [
        ("initlength = default", "gnokiirc, line 5: initlength changes nothing here"),
        ("connect_script = /bin/x", "gnokiirc, line 5: connect_script changes nothing here"),
        ("Port = /dev/y", "gnokiirc, line 5: Port is unknown and changes nothing"),
        ("handshake = hardware", "gnokiirc, line 5: handshake changes nothing with model = AT"),
        ("smsc_timeout = 10", "gnokiirc, line 5: smsc_timeout is short"),
        ("smsc_timeout = 0", "gnokiirc, line 5: smsc_timeout is 180 s here"),
        ("[logging]\ndebug = on", "gnokiirc: the section [logging] changes nothing here"),
        ("[weather]\nrain = on", "gnokiirc: the section [weather] is unknown and changes nothing"),
    ] {
        let warnings = with(lines).warnings;
        assert!(warnings.len() == 1 && warnings[0].starts_with(expected), "{expected}: {warnings:?}");
    }
    assert_eq!(with("handshake = software").warnings, Vec::<String>::new());
    assert_eq!(with("[sms]\ntimeout = 30").lines[0].result_within, Duration::from_secs(30), "the old name");
    assert_eq!(line_with("smsc_timeout = 0").result_within, Duration::from_secs(180));
}

#[test]
fn ports_may_stand_elsewhere() {
    let read = Gnokiirc::parse("[global]\nmodel = AT\nconnection = serial\n", "rc", &[], false).unwrap();
    assert_eq!(read.lines[0].place, Place::Port(String::new()));
}
