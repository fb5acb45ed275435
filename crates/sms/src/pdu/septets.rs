//! Seven-bit codes in octets, low bits first, 3GPP TS 23.038 §6.1.2.

/// Packs `septets` behind `fill` bits of zero (0 to 6), which bring the first one to a septet's boundary behind a header.
pub(crate) fn pack(septets: &[u8], fill: u32) -> Vec<u8> {
    let mut octets = Vec::with_capacity((septets.len() * 7).div_ceil(8) + 1);
    let (mut bits, mut held) = (0_u32, fill);
    for septet in septets {
        bits |= u32::from(septet & 0x7f) << held;
        held += 7;
        while held >= 8 {
            octets.push(bits.to_le_bytes()[0]);
            bits >>= 8;
            held -= 8;
        }
    }
    if held > 0 {
        octets.push(bits.to_le_bytes()[0]);
    }
    octets
}

/// The whole septets in `octets`, from the first bit on.
pub(crate) fn unpack(octets: &[u8]) -> Vec<u8> {
    let mut septets = Vec::with_capacity(octets.len() * 8 / 7);
    let (mut bits, mut held) = (0_u32, 0);
    for octet in octets {
        bits |= u32::from(*octet) << held;
        held += 8;
        while held >= 7 {
            septets.push(bits.to_le_bytes()[0] & 0x7f);
            bits >>= 7;
            held -= 7;
        }
    }
    septets
}
