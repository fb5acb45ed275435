//! What modems say, in any fragments: the same lines come out, bounded and clean, and the reader of unsolicited lines takes each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mtan_sender_modem::at::{Awaited, Lines, MAX_LINE, Token, UrcReader};

fuzz_target!(|input: (&[u8], u8, bool)| {
    let (bytes, piece, prompts) = input;
    let awaited = if prompts { Awaited::Prompt } else { Awaited::Lines };
    let whole = tokens(bytes, bytes.len().max(1), awaited);
    assert_eq!(whole, tokens(bytes, usize::from(piece).max(1), awaited));
    let mut reader = UrcReader::default();
    for line in whole.iter().filter_map(Option::as_ref) {
        // A byte that is no UTF-8 becomes three.
        assert!(!line.trim().is_empty() && line.len() <= 3 * MAX_LINE && !line.contains(['\r', '\n']));
        let heard = reader.second_line(line).or_else(|| reader.first_line(line));
        assert!(heard.is_none_or(|urc| !format!("{urc:?}").is_empty()));
    }
});

/// The lines; `None` = a prompt.
fn tokens(bytes: &[u8], piece: usize, awaited: Awaited) -> Vec<Option<String>> {
    let mut lines = Lines::default();
    let mut found = Vec::new();
    for chunk in bytes.chunks(piece) {
        lines.push(chunk);
        found.extend(std::iter::from_fn(|| lines.next(awaited)).map(|token| match token {
            Token::Line(line) => Some(line),
            Token::Prompt => None,
        }));
    }
    found
}
