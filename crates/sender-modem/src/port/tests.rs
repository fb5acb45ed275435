//! Ports of simulated modems, locks, and the words for what is wrong.

use std::fs;
use std::process::Command;

use mtan_testkit::modem::{ModemSim, SimRules};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

fn place(path: &Path) -> Place {
    Place::Port(path.to_str().unwrap().to_owned())
}

async fn open(path: &Path) -> Result<Port, OpenError> {
    Port::open(&Line::at(place(path)), &place(path)).await
}

async fn says_ok(port: &mut Port) {
    port.write_all(b"AT\r").await.unwrap();
    let mut heard = String::new();
    while !heard.contains("OK") {
        let mut bytes = [0; 64];
        let n = tokio::time::timeout(Duration::from_secs(10), port.read(&mut bytes)).await.unwrap().unwrap();
        assert!(n > 0, "{heard}");
        heard.push_str(&String::from_utf8_lossy(&bytes[..n]));
    }
}

#[tokio::test]
async fn a_modem_is_spoken_to_by_its_stable_name() {
    let modem = ModemSim::start(SimRules::default()).await;
    let mut port = open(modem.path()).await.unwrap();
    says_ok(&mut port).await;
    port.toggle_dtr().await;
    says_ok(&mut port).await;
}

#[tokio::test]
async fn bytes_can_go_one_by_one() {
    let modem = ModemSim::start(SimRules::default()).await;
    let line = Line { pace: Pace::Bytes(Duration::from_millis(2)), ..Line::at(place(modem.path())) };
    let mut port = Port::open(&line, &line.place).await.unwrap();
    says_ok(&mut port).await;
}

#[tokio::test]
async fn a_port_has_one_owner_and_the_next_one_is_told() {
    let modem = ModemSim::start(SimRules::default()).await;
    let first = open(modem.path()).await.unwrap();
    let error = open(modem.path()).await.unwrap_err();
    assert!(matches!(error, OpenError::Busy { .. }), "{error:?}");
    drop(first);
    open(modem.path()).await.unwrap();
}

#[tokio::test]
async fn a_program_that_holds_a_port_without_a_lock_is_found_and_named() {
    let modem = ModemSim::start(SimRules::default()).await;
    let port = real(modem.path());
    assert_eq!(refusal::holder(&port), None, "we ourselves are none");
    let held = fs::File::open(&port).unwrap();
    let mut other = Command::new("sleep").arg("60").stdin(held).spawn().unwrap();
    assert_eq!(refusal::holder(&port), Some(other.id()));
    let error = OpenError::busy(&port, None).to_string();
    assert_eq!(error, format!("{} is in use by sleep (process {})", port.display(), other.id()));
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(refusal::holder(&port), None);
}

#[tokio::test]
async fn an_unplugged_modem_ends_the_stream() {
    let modem = ModemSim::start(SimRules::default()).await;
    let mut port = open(modem.path()).await.unwrap();
    says_ok(&mut port).await;
    modem.unplug().await;
    let mut bytes = [0; 64];
    let end = tokio::time::timeout(Duration::from_secs(10), port.read(&mut bytes)).await.unwrap();
    assert!(!matches!(end, Ok(1..)), "{end:?}");
    let error = open(modem.path()).await.unwrap_err();
    assert!(matches!(&error, OpenError::Missing(_)) && error.to_string().contains("plugged in"), "{error}");
}

#[tokio::test]
async fn patterns_stand_for_every_port_that_is_there() {
    let modems = ModemSim::start_many(3, SimRules::default()).await;
    let folder = modems[0].folder();
    let found = find(&Place::Port(format!("{}/*", folder.display())));
    let known =
        |modem: &ModemSim| found.iter().any(|found| real(modem.path()) == real(Path::new(path_of(found))));
    assert!(modems.iter().filter(|modem| modem.folder() == folder).all(known), "{found:?}");
    assert_eq!(find(&Place::Port("/nowhere/x*".to_owned())), []);
    let fixed = Place::Port("/nowhere/ttyUSB0".to_owned());
    assert_eq!(find(&fixed), std::slice::from_ref(&fixed));
}

fn path_of(place: &Place) -> &str {
    match place {
        Place::Port(path) => path,
        Place::Tcp(_) => panic!("a port"),
    }
}

#[tokio::test]
async fn a_terminal_server_is_a_port_too() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tcp = Place::Tcp(listener.local_addr().unwrap().to_string());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"\r\nOK\r\n").await.unwrap();
        stream
    });
    let mut port = Port::open(&Line::at(tcp.clone()), &tcp).await.unwrap();
    says_ok(&mut port).await;
    drop(server.await.unwrap());
    let error = Port::open(&Line::at(tcp.clone()), &tcp).await.unwrap_err();
    assert!(error.to_string().contains("cannot be opened"), "{error}");
}

#[test]
fn a_lock_file_of_a_living_process_is_respected_and_others_are_not() {
    let folder = TempDir::new().unwrap();
    let port = Path::new("/dev/ttyUSB7");
    let file = folder.path().join("LCK..ttyUSB7");
    let lock = LockFile::take_in(folder.path(), port).unwrap().unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{:>10} mtan\n", std::process::id()));
    drop(lock);
    assert!(!file.exists());

    let mut other = Command::new("sleep").arg("60").spawn().unwrap();
    fs::write(&file, format!("{:>10} minicom\n", other.id())).unwrap();
    let error = LockFile::take_in(folder.path(), port).unwrap_err();
    assert_eq!(error.to_string(), format!("/dev/ttyUSB7 is in use by sleep (process {})", other.id()));
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(LockFile::take_in(folder.path(), port).unwrap().is_some(), "left behind by a dead process");
    fs::write(&file, "         1 pppd\n").unwrap();
    assert!(
        LockFile::take_in(folder.path(), port).is_err(),
        "process 1 lives, and is another user's in a service"
    );
    fs::write(&file, "4294967295 pppd\n").unwrap();
    assert!(LockFile::take_in(folder.path(), port).unwrap().is_some(), "no process has such a number");
    assert!(LockFile::take_in(Path::new("/nowhere"), port).unwrap().is_none(), "politeness only");
}
