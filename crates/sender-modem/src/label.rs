//! What a modem is called in logs, metrics and `/readyz`: its port's name, without a serial number in clear.

use std::path::Path;

use crate::gnokiirc::Place;

/// A run of so many digits in a port's name may be an IMEI.
const LONG: usize = 8;

/// The last part of the path, or the address. Of long runs of digits the last four stay: by-id names may hold an IMEI.
pub(crate) fn label(place: &Place) -> String {
    match place {
        Place::Port(path) => {
            let name = Path::new(path).file_name();
            shorten(&name.map_or_else(|| path.clone(), |name| name.to_string_lossy().into_owned()))
        }
        Place::Tcp(address) => format!("tcp:{address}"),
    }
}

fn shorten(name: &str) -> String {
    let mut short = String::new();
    let mut digits = String::new();
    for c in name.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        match digits.len() {
            LONG.. => short.extend(["..", &digits[digits.len() - 4..]]),
            _ => short.push_str(&digits),
        }
        digits.clear();
        short.push(c);
    }
    short.pop();
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_the_port_s_name_without_an_imei() {
        let port = |path: &str| label(&Place::Port(path.to_owned()));
        assert_eq!(port("/dev/ttyACM1"), "ttyACM1");
        assert_eq!(port("/dev/serial/by-id/usb-HUAWEI_Mobile-if00-port0"), "usb-HUAWEI_Mobile-if00-port0");
        assert_eq!(port("/dev/serial/by-id/usb-490154203237500-if00"), "usb-..7500-if00");
        assert_eq!(port("/x/490154203237500"), "..7500");
        assert_eq!(label(&Place::Tcp("modems.example:2001".to_owned())), "tcp:modems.example:2001");
    }
}
