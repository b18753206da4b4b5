//! Changing an input a little, or a lot.

use omendb_damage::Random;

/// Longest input.
pub const MAX_LEN: usize = 64 << 10;

const NUMBERS: [u64; 14] = [
    0,
    1,
    7,
    8,
    127,
    128,
    255,
    1 << 16,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
    1 << 63,
    u64::MAX - 20,
    u64::MAX,
];
const DIGITS: [&str; 10] = [
    "0",
    "-1",
    "1e400",
    "65537",
    "2147483648",
    "18446744073709551616",
    "0.1",
    "NaN",
    "1e-400",
    "007",
];

/// A changed copy of `from`; pieces may come from `other` and the dictionary.
pub fn mutated(from: &[u8], other: &[u8], words: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut out = from.to_vec();
    let rounds = 1 << random.below(5);
    for _ in 0..rounds {
        once(&mut out, other, words, random);
    }
    out.truncate(MAX_LEN);
    out
}

fn once(out: &mut Vec<u8>, other: &[u8], words: &[Vec<u8>], random: &mut Random) {
    let at = random.below(out.len());
    let span = 1 << (1 + random.below(7));
    let len = (1 + random.below(span)).min(out.len() - at);
    match random.below(14) {
        0 | 1 if !out.is_empty() => out[at] ^= 1 << random.below(8),
        2 if !out.is_empty() => out[at] = random.next() as u8,
        3 | 4 => number(out, at, random),
        5 => drop(out.drain(at..at + len)),
        6 => {
            let piece = out[at..at + len].to_vec();
            insert(out, random.below(at + 1), &piece);
        }
        7 => {
            let piece: Vec<u8> = (0..len.min(16)).map(|_| random.next() as u8).collect();
            insert(out, at, &piece);
        }
        8 | 9 if !words.is_empty() => {
            let word = random.pick(words).clone();
            if random.below(2) == 0 {
                insert(out, at, &word);
            } else {
                overwrite(out, at, &word);
            }
        }
        10 => digits(out, at, random),
        11 if !other.is_empty() => {
            let from = random.below(other.len());
            let len = (1 + random.below(span)).min(other.len() - from);
            insert(out, at, &other[from..from + len]);
        }
        // The head of one and the tail of another.
        12 if !other.is_empty() && random.below(4) == 0 => {
            out.truncate(at);
            out.extend_from_slice(&other[random.below(other.len())..]);
        }
        13 if random.below(8) == 0 => out.truncate(at),
        _ => {
            let piece = out[at..at + len].to_vec();
            let to = random.below(out.len());
            overwrite(out, to, &piece);
        }
    }
}

fn insert(out: &mut Vec<u8>, at: usize, piece: &[u8]) {
    if out.len() + piece.len() <= MAX_LEN {
        out.splice(at..at, piece.iter().copied());
    }
}

fn overwrite(out: &mut [u8], at: usize, piece: &[u8]) {
    let len = piece.len().min(out.len() - at);
    out[at..at + len].copy_from_slice(&piece[..len]);
}

/// A binary number: an extreme one, or what is there and a little more or less; or how much follows, as a length would say.
fn number(out: &mut [u8], at: usize, random: &mut Random) {
    let width = *random.pick(&[1, 2, 4, 8]);
    let at = if random.below(2) == 0 {
        at / width * width
    } else {
        at
    };
    let Some(place) = out.get(at..at + width) else {
        return;
    };
    let mut old = [0; 8];
    old[..width].copy_from_slice(place);
    let old = u64::from_le_bytes(old);
    let value = match random.below(3) {
        0 => *random.pick(&NUMBERS),
        1 => old.wrapping_add(random.next() % 33).wrapping_sub(16),
        _ => ((out.len() - at) as u64)
            .wrapping_add(random.next() % 17)
            .wrapping_sub(8),
    };
    overwrite(out, at, &value.to_le_bytes()[..width]);
}

/// Another number in the place of the digits that come next.
fn digits(out: &mut Vec<u8>, at: usize, random: &mut Random) {
    let Some(start) = out[at..].iter().position(u8::is_ascii_digit) else {
        return;
    };
    let start = at + start;
    let len = out[start..]
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .count();
    let text = random.pick(&DIGITS).bytes();
    out.splice(start..start + len, text);
}
