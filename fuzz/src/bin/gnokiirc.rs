//! gnokii's configuration files, as people have written them: read, or refused with sentences that name the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mtan_sender_modem::gnokiirc::Gnokiirc;

fuzz_target!(|input: (&str, Option<&str>, bool)| {
    let (text, phone, needs_port) = input;
    let phones: Vec<String> = phone.map(str::to_owned).into_iter().collect();
    let sentences = match Gnokiirc::parse(text, "rc", &phones, needs_port) {
        Ok(read) => {
            assert_eq!(read.lines.len(), 1);
            assert!(read.lines[0].baud_rate >= 2400 && !read.lines[0].result_within.is_zero());
            read.warnings
        }
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            mistakes
        }
    };
    assert!(sentences.iter().all(|sentence| sentence.starts_with("rc")), "{sentences:?}");
});
