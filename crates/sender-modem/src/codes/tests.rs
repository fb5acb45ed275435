use super::*;

/// The table of the specification, class by class.
#[test]
fn every_code_has_the_class_that_practice_taught() {
    use Class::*;
    for (class, codes) in [
        (Network, &[17, 22, 38, 41, 42, 47, 111, 127, 192, 194, 331, 500, 512, 615][..]),
        (Unsure, &[197, 332, 616]),
        (Busy, &[301, 314, 515, 532, 535]),
        (Number, &[1, 28, 30, 195, 196]),
        (PerhapsNumber, &[27]),
        (Contract, &[8, 10, 21, 29, 50, 69, 193]),
        (OurFault, &[95, 96, 198, 199, 304, 305, 514, 516, 533, 554]),
        (Sim, &[302, 310, 311, 312, 313, 315, 316, 317, 318]),
        (Memory, &[208, 320, 321, 322]),
        (Smsc, &[330]),
        (Ignored, &[340]),
    ] {
        for code in codes {
            assert_eq!(cms(*code).class, class, "+CMS ERROR: {code}");
        }
    }
    for (class, codes) in [
        (Network, &[30][..]),
        (Unsure, &[31]),
        (Busy, &[14, 515]),
        (Sim, &[10, 11, 12, 13, 15, 16]),
        (Memory, &[20, 21, 22, 23]),
    ] {
        for code in codes {
            assert_eq!(cme(*code).class, class, "+CME ERROR: {code}");
        }
    }
}

#[test]
fn every_code_of_the_standards_stands_in_its_table() {
    // 3GPP TS 24.011 annex E-2, TS 23.040 §9.2.3.22, TS 27.005 §3.2.5.
    let cms_codes = "1 8 10 17 21 22 27 28 29 30 38 41 42 47 50 69 81 95 96 97 98 99 111 127 \
        128 129 130 143 144 145 159 160 161 175 176 192 193 194 195 196 197 198 199 208 209 210 211 212 213 255 \
        300 301 302 303 304 305 310 311 312 313 314 315 316 317 318 320 321 322 330 331 332 340 500";
    for code in cms_codes.split_whitespace().map(|code| code.parse().unwrap()) {
        assert!(find(table::CMS, code).is_some(), "+CMS ERROR: {code}");
    }
    // 3GPP TS 27.007 §9.2.
    let cme_codes = (0..=7).chain(10..=18).chain(20..=27).chain(30..=32).chain(40..=63).chain([100, 103]);
    for code in cme_codes.chain(106..=108).chain(111..=115).chain([122]).chain(125..=165).chain(171..=182) {
        assert!(find(table::CME, code).is_some(), "+CME ERROR: {code}");
    }
}

#[test]
fn the_tables_are_sorted_and_say_something() {
    for table in [table::CMS, table::CME] {
        for pair in table.windows(2) {
            assert!(pair[0].codes.end() < pair[1].codes.start(), "{:?}", pair[1].codes);
        }
        for row in table {
            assert!(row.meaning.len() > 10 && row.meaning.is_ascii(), "{:?}", row.codes);
        }
    }
}

#[test]
fn no_code_at_all_is_without_a_verdict() {
    for code in 0..=u16::MAX {
        for refusal in [Refusal::Cms(Some(code)), Refusal::Cme(Some(code))] {
            let verdict = refusal.class().verdict(Detail::own(refusal.to_string()));
            assert!(!matches!(verdict, Verdict::Accepted { .. } | Verdict::Unknown { .. }), "{refusal}");
        }
    }
}

#[test]
fn only_the_number_condemns_the_number() {
    let detail = || Detail::own("x");
    for (class, verdict, care) in [
        (Class::Network, "retry", Care::Nothing),
        (Class::Unsure, "retry", Care::Nothing),
        (Class::Busy, "retry", Care::Again),
        (Class::Memory, "retry", Care::CleanMemory),
        (Class::Smsc, "retry", Care::SetSmsc),
        (Class::Modem, "retry", Care::SetUp),
        (Class::Sim, "retry", Care::TakeOut),
        (Class::Contract, "rejected", Care::TakeOut),
        (Class::OurFault, "rejected", Care::Nothing),
        (Class::Number, "rejected", Care::Nothing),
    ] {
        assert_eq!((class.verdict(detail()).as_str(), class.care()), (verdict, care), "{class:?}");
        let about_number = matches!(class.verdict(detail()), Verdict::Rejected { about: About::Number, .. });
        assert_eq!(about_number, class == Class::Number, "{class:?}");
    }
}

#[test]
fn words_are_read_as_their_numbers_and_unknown_ones_are_no_number() {
    for (text, code) in [
        ("38", Some(38)),
        (" 500 ", Some(500)),
        ("SIM busy", Some(314)),
        ("\"Network timeout\"", Some(332)),
        ("Kein Netz", None),
        ("", None),
        ("99999", None),
        ("-1", None),
    ] {
        assert_eq!(cms_number(text), code, "{text}");
    }
    assert_eq!(cme_number("incorrect password"), Some(16));
}

#[test]
fn the_networks_word_is_an_answer_and_a_time_out_is_none() {
    let (soon, late) = (Duration::from_secs(2), Duration::from_secs(40));
    let refusals = |codes: &[u16]| codes.iter().map(|code| Refusal::Cms(Some(*code))).collect::<Vec<_>>();
    for answer in refusals(&[1, 21, 38, 41, 192, 255, 304, 322, 331]) {
        assert!(!answer.leaves_open(soon) && !answer.leaves_open(late), "{answer}");
    }
    for silence in refusals(&[197, 332, 616]).into_iter().chain([Refusal::Cme(Some(31))]) {
        assert!(silence.leaves_open(soon) && silence.leaves_open(late), "{silence}");
    }
    for word in refusals(&[500, 512]).into_iter().chain([Refusal::Error, Refusal::Cms(None)]) {
        assert!(!word.leaves_open(soon) && word.leaves_open(late), "{word}");
    }
}
