//! Which ports there are to look at: each device once, by its stable name where it has one.

use std::path::{Path, PathBuf};

use crate::gnokiirc::{Line, Place};
use crate::port;

/// Where Linux names serial ports by what is plugged in: these names outlive a replug.
pub const BY_ID: &str = "/dev/serial/by-id";

/// Where USB modems show up; the stable names come first.
const EVERYWHERE: [&str; 3] = ["/dev/serial/by-id/*", "/dev/ttyUSB*", "/dev/ttyACM*"];

/// Every port of this machine that may be a modem's.
pub fn everywhere() -> Vec<Line> {
    ports(EVERYWHERE.map(|pattern| Line::at(Place::Port(pattern.to_owned()))).iter())
}

/// The ports that `lines` stand for now, patterns resolved, each device once.
pub fn ports<'a>(lines: impl Iterator<Item = &'a Line>) -> Vec<Line> {
    let mut found: Vec<Line> = Vec::new();
    let mut devices: Vec<PathBuf> = Vec::new();
    for line in lines {
        for place in port::find(&line.place) {
            let device = device(&place);
            if !devices.contains(&device) {
                devices.push(device);
                found.push(Line { place, ..line.clone() });
            }
        }
    }
    found
}

/// The ports that `wanted` stand for, each driven as the one of `known` that is the same device, where there is one.
pub fn ports_of(wanted: &[Line], known: &[Line]) -> Vec<Line> {
    let known = ports(known.iter());
    let as_known = |line: Line| {
        let same = known.iter().find(|known| device(&known.place) == device(&line.place));
        same.map_or(line.clone(), |known| Line { place: line.place.clone(), ..known.clone() })
    };
    ports(wanted.iter()).into_iter().map(as_known).collect()
}

fn device(place: &Place) -> PathBuf {
    match place {
        Place::Port(path) => port::real(Path::new(path)),
        Place::Tcp(address) => PathBuf::from(format!("tcp:{address}")),
    }
}
