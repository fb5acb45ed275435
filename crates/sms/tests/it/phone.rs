//! A phone's view of an SMS-SUBMIT, written from the tables of 3GPP TS 23.038 and 23.040 and not from the encoder.

/// The default alphabet as §6.2.1 prints it: a line for each value of the low four bits, a column for each of the high three.
/// `␊`, `␍` and `␛` stand for the codes of that name.
const TABLE: [&str; 16] = [
    "@Δ 0¡P¿p",
    "£_!1AQaq",
    "$Φ\"2BRbr",
    "¥Γ#3CScs",
    "èΛ¤4DTdt",
    "éΩ%5EUeu",
    "ùΠ&6FVfv",
    "ìΨ'7GWgw",
    "òΣ(8HXhx",
    "ÇΘ)9IYiy",
    "␊Ξ*:JZjz",
    "Ø␛+;KÄkä",
    "øÆ,<LÖlö",
    "␍æ-=MÑmñ",
    "Åß.>NÜnü",
    "åÉ/?O§oà",
];

/// What the phone finds in one SMS-SUBMIT.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) flags: u8,
    pub(crate) to: String,
    pub(crate) coding: u8,
    pub(crate) validity: Option<u8>,
    /// Reference, parts, place.
    pub(crate) concatenation: Option<(u16, u8, u8)>,
    /// Septets or octets that TP-UDL counts.
    pub(crate) length: u8,
    pub(crate) text: String,
}

/// Reads a TPDU behind an empty service centre's field; panics if anything is not as the standard has it.
pub(crate) fn read(hex: &str) -> Found {
    let octets: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    assert_eq!(octets[0], 0, "no service centre");
    let mut rest = octets[1..].iter().copied();
    let mut next = || rest.next().expect("one more octet");
    let flags = next();
    assert_eq!((flags & 0b11, next()), (0b01, 0), "SMS-SUBMIT, reference left to the modem");
    let digits = usize::from(next());
    assert_eq!(next(), 0x91, "international");
    let swapped: String = (0..digits.div_ceil(2)).map(|_| format!("{:02X}", next().rotate_left(4))).collect();
    let to = swapped[..digits].to_owned();
    assert!(swapped[digits..].chars().all(|c| c == 'F'), "filled up with ones");
    assert_eq!(next(), 0, "protocol");
    let coding = next();
    let validity = match flags & 0b1_1000 {
        0 => None,
        0b1_0000 => Some(next()),
        other => panic!("validity format {other:#b}"),
    };
    let length = next();
    let data: Vec<u8> = rest.collect();
    let header = if flags & 0x40 == 0 { 0 } else { usize::from(data[0]) + 1 };
    let text = match coding {
        0 => septets(&data, header, length.into()),
        8 => ucs2(&data, header, length.into()),
        other => panic!("coding {other:#x}"),
    };
    Found { flags, to, coding, validity, concatenation: concatenation(&data[..header]), length, text }
}

fn concatenation(header: &[u8]) -> Option<(u16, u8, u8)> {
    match *header {
        [] => None,
        [5, 0, 3, reference, of, place] => Some((reference.into(), of, place)),
        [6, 8, 4, high, low, of, place] => Some((u16::from(high) * 256 + u16::from(low), of, place)),
        _ => panic!("header {header:02x?}"),
    }
}

/// Bit for bit: septet `n` is bits 7n to 7n+6 of the user data, the header's septets not read.
fn septets(data: &[u8], header: usize, length: usize) -> String {
    assert!(
        data.len() <= 140 && data.len() == (length * 7).div_ceil(8),
        "{} octets for {length}",
        data.len()
    );
    let bit = |at: usize| data[at / 8] >> (at % 8) & 1;
    let first = (header * 8).div_ceil(7);
    assert!(
        (header * 8..first * 7).chain(length * 7..data.len() * 8).all(|at| bit(at) == 0),
        "zeros fill up"
    );
    let code = |n: usize| (0..7).map(|at| usize::from(bit(7 * n + at)) << at).sum::<usize>();
    let mut codes = (first..length).map(code);
    let mut text = String::new();
    while let Some(code) = codes.next() {
        text.push(match TABLE[code % 16].chars().nth(code / 16).unwrap() {
            '␊' => '\n',
            '␍' => '\r',
            '␛' => extension(codes.next().expect("an escape at the end of a part")),
            c => c,
        });
    }
    text
}

/// §6.2.1.1, by column and row.
fn extension(code: usize) -> char {
    match (code / 16, code % 16) {
        (0, 10) => '\u{c}',
        (1, 4) => '^',
        (2, 8) => '{',
        (2, 9) => '}',
        (2, 15) => '\\',
        (3, 12) => '[',
        (3, 13) => '~',
        (3, 14) => ']',
        (4, 0) => '|',
        (6, 5) => '€',
        other => panic!("no extension {other:?}"),
    }
}

fn ucs2(data: &[u8], header: usize, length: usize) -> String {
    assert!(data.len() <= 140 && data.len() == length, "{} octets for {length}", data.len());
    let units = data[header..].chunks(2).map(|pair| u16::from(pair[0]) * 256 + u16::from(pair[1]));
    char::decode_utf16(units).map(|c| c.expect("no half of a surrogate pair")).collect()
}
