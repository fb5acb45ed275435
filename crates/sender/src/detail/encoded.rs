//! What words may be that stand in hexadecimal digits or in base64.

use std::ops::Range;

use super::line::{groups, runs};

/// The shortest run of base64 that is looked into: four digits make six characters.
const SHORTEST_BASE64: usize = 6;

/// The shortest run of hexadecimal digits that is looked into: four characters.
const SHORTEST_HEX: usize = 8;

/// Where something may be encoded, and what it may be, read from each place where a group of characters can begin.
pub(super) fn readings(text: &str, words: &[Range<usize>]) -> Vec<(Range<usize>, Vec<String>)> {
    let of_base64 = |c: char| c.is_ascii_alphanumeric() || "+/-_".contains(c);
    let base64 = runs(text, of_base64).into_iter().filter(|run| run.len() >= SHORTEST_BASE64);
    let base64 = base64.map(|run| {
        let written = text[run.clone()].as_bytes();
        let readings = (0..4).map(|skipped| read(&written[skipped..], 6, base64_digit)).collect();
        (run, readings)
    });
    let hex = groups(text, words, |word| hex_digits(word).bytes().all(|b| b.is_ascii_hexdigit()));
    let hex = hex.into_iter().filter_map(|group| {
        let written: String = group.iter().map(|word| hex_digits(&text[word.clone()])).collect();
        let written = written.as_bytes();
        let whole = group.first()?.start..group.last()?.end;
        let long = written.len() >= SHORTEST_HEX;
        long.then(|| (whole, (0..2).map(|skipped| read(&written[skipped..], 4, hex_digit)).collect()))
    });
    base64.chain(hex).collect()
}

/// Without the `0x` before them.
fn hex_digits(word: &str) -> &str {
    word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")).unwrap_or(word)
}

/// The bytes that digits of `bits` bits make, as text; without the zeros that UCS-2 has between Latin letters.
fn read(digits: &[u8], bits: u32, value: fn(u8) -> u32) -> String {
    let (mut bytes, mut held, mut count) = (Vec::new(), 0, 0);
    for digit in digits {
        held = (held << bits | value(*digit)) & 0xffff;
        count += bits;
        if count >= 8 {
            count -= 8;
            bytes.push((held >> count & 0xff) as u8);
        }
    }
    bytes.retain(|byte| *byte != 0);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_digit(digit: u8) -> u32 {
    char::from(digit).to_digit(16).unwrap_or_default()
}

/// Of both alphabets, RFC 4648 §4 and §5.
fn base64_digit(digit: u8) -> u32 {
    match digit {
        b'A'..=b'Z' => u32::from(digit - b'A'),
        b'a'..=b'z' => u32::from(digit - b'a') + 26,
        b'0'..=b'9' => u32::from(digit - b'0') + 52,
        b'+' | b'-' => 62,
        _ => 63,
    }
}
