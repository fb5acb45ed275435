//! Texts of every length around the edges, in both alphabets, come out of the phone as they went in.

use std::time::Duration;

use mtan_sms::{Alphabet, ConcatReference, PhoneNumber, SmsText, Submit, SubmitOptions};
use proptest::prelude::*;

use crate::phone::{Found, read};

fn options(reference: ConcatReference) -> SubmitOptions {
    SubmitOptions { validity: None, status_report: false, reject_duplicates: false, reference }
}

/// Sends `text` and reads every part; what holds for any text is checked here.
fn sent(text: &str, reference: ConcatReference) -> Vec<Found> {
    let text = SmsText::new(text).unwrap();
    let number = PhoneNumber::parse("+4917012345678").unwrap();
    let submits = Submit::parts(&number, &text, &options(reference));
    let found: Vec<Found> = submits.iter().map(|submit| read(&submit.hex(None))).collect();
    let of = u8::try_from(found.len()).unwrap();
    let expected = match reference {
        ConcatReference::Octet(reference) => reference.into(),
        ConcatReference::Wide(reference) => reference,
    };
    for (part, (submit, place)) in found.iter().zip(submits.iter().zip(1..)) {
        assert_eq!(submit.hex(None).len(), 2 + 2 * submit.length());
        assert_eq!(part.to, "4917012345678");
        assert_eq!(part.coding, if text.alphabet() == Alphabet::Gsm7 { 0 } else { 8 });
        assert_eq!(part.concatenation, (of > 1).then_some((expected, of, place)));
        assert!(!part.text.is_empty());
    }
    assert_eq!(found.iter().map(|part| part.text.as_str()).collect::<String>(), text.expose());
    if matches!(reference, ConcatReference::Octet(_)) {
        assert_eq!(of, text.segments(), "segments() is what is sent");
    }
    found
}

fn octet(text: &str) -> Vec<Found> {
    sent(text, ConcatReference::Octet(0xa5))
}

fn wide(text: &str) -> Vec<Found> {
    sent(text, ConcatReference::Wide(0xa55a))
}

#[test]
fn lengths_around_every_edge_take_as_many_parts_as_they_should() {
    for (c, lengths) in [
        (
            "a",
            &[
                (1, 1, 1),
                (153, 1, 1),
                (160, 1, 1),
                (161, 2, 2),
                (304, 2, 2),
                (305, 2, 3),
                (306, 2, 3),
                (307, 3, 3),
                (1520, 10, 10),
                (1530, 10, 11),
            ][..],
        ),
        ("€", &[(1, 1, 1), (80, 1, 1), (81, 2, 2), (152, 2, 2), (153, 3, 3)]),
        (
            "ж",
            &[
                (1, 1, 1),
                (70, 1, 1),
                (71, 2, 2),
                (132, 2, 2),
                (134, 2, 3),
                (135, 3, 3),
                (306, 5, 5),
                (307, 5, 5),
                (670, 10, 11),
            ],
        ),
        ("😀", &[(1, 1, 1), (35, 1, 1), (36, 2, 2), (66, 2, 2), (67, 3, 3)]),
    ] {
        for (length, octets, wides) in lengths {
            let text = c.repeat(*length);
            assert_eq!((octet(&text).len(), wide(&text).len()), (*octets, *wides), "{length} times {c}");
        }
    }
}

#[test]
fn a_full_part_is_full() {
    let lengths = |found: Vec<Found>| found.iter().map(|part| part.length).collect::<Vec<u8>>();
    assert_eq!(lengths(octet(&"a".repeat(160))), [160]);
    assert_eq!(lengths(octet(&"a".repeat(306))), [160, 160]);
    assert_eq!(lengths(wide(&"a".repeat(304))), [160, 160]);
    assert_eq!(lengths(octet(&"ж".repeat(134))), [140, 140]);
    assert_eq!(lengths(wide(&"ж".repeat(132))), [139, 139], "66 units behind 7 octets leave one");
}

#[test]
fn nothing_is_cut_in_two_wherever_a_part_ends() {
    for c in ["€", "[", "]", "{", "}", "~", "|", "^", "\\", "\u{c}", "\r\n"] {
        for before in 148..=156 {
            let text = format!("{}{c}{}", "a".repeat(before), "b".repeat(40));
            for parts in [octet(&text), wide(&text)] {
                assert!(parts.iter().any(|part| part.text.contains(c)), "{c:?} behind {before}");
            }
        }
    }
    // What a reader sees as one character: a skin tone, a family, a flag, an accent, a keycap.
    for seen in ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🇩🇪", "e\u{301}\u{323}", "1\u{fe0f}\u{20e3}", "नि"]
    {
        for before in 55..=70 {
            let text = format!("{}{seen}{}", "ж".repeat(before), "я".repeat(20));
            for parts in [octet(&text), wide(&text)] {
                assert!(parts.iter().any(|part| part.text.contains(seen)), "{seen} behind {before}");
            }
        }
    }
    let taller_than_a_part = format!("z{}", "\u{301}".repeat(150));
    assert_eq!(octet(&taller_than_a_part).len(), 3);
}

#[test]
fn each_character_of_both_tables_arrives() {
    let default: String = (0..=0x2fff_u32)
        .filter_map(char::from_u32)
        .filter(|c| SmsText::new(*c).is_ok_and(|text| text.alphabet() == Alphabet::Gsm7))
        .collect();
    assert_eq!(default.chars().count(), 127 + 10, "the escape itself is no character");
    octet(&default);
    octet(&"Ваш код: 123456 ✓ 余额 😀".repeat(9));
}

#[test]
fn every_wish_arrives() {
    let number = PhoneNumber::parse("+491701234567").unwrap();
    let text = SmsText::new("a".repeat(161)).unwrap();
    let wishes = SubmitOptions {
        validity: Some(Duration::from_secs(900)),
        status_report: true,
        reject_duplicates: true,
        reference: ConcatReference::Octet(1),
    };
    let parts = Submit::parts(&number, &text, &wishes);
    for part in parts.iter().map(|part| read(&part.hex(None))) {
        assert_eq!((part.flags, part.validity), (0b0111_0101, Some(2)));
    }
}

proptest! {
    #[test]
    fn any_text_arrives_as_it_was_written(text in "[a-z0-9€\\[\\]{}~|^\\\\@Δ\u{c}\r\nÄß]{1,500}", reference: u8, big: u16) {
        sent(&text, ConcatReference::Octet(reference));
        sent(&text, ConcatReference::Wide(big));
    }

    #[test]
    fn any_unicode_arrives_as_it_was_written(text in "[\\PC\n]{1,200}|[ж👍🏽\u{301}\u{200d}🇩a€]{1,300}", reference: u8, big: u16) {
        prop_assume!(SmsText::new(text.as_str()).is_ok());
        sent(&text, ConcatReference::Octet(reference));
        sent(&text, ConcatReference::Wide(big));
    }
}
