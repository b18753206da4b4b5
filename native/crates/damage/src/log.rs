//! Damage to the write-ahead log: whatever is done to it, what is read is an exact prefix of what was written, or a report.

use omendb_store::testing::Log;

use crate::random::Random;
use crate::report::{Report, Verdict, survey};
use crate::seal::{record_end, reseal};
use crate::stores;

const HEADER: usize = 32;
/// What hostile fields hold, besides their neighbours.
const EXTREMES: [u64; 12] = [
    0,
    1,
    3,
    255,
    64 << 20,
    (64 << 20) + 1,
    1 << 31,
    (1 << 31) - 1,
    (1 << 32) - 1,
    1 << 63,
    u64::MAX - 20,
    u64::MAX,
];

struct Place {
    start: usize,
    end: usize,
    lsn: u64,
    durable: u64,
}

/// A log as it was written.
pub struct Truth {
    bytes: Vec<u8>,
    first_lsn: u64,
    places: Vec<Place>,
    whole: Log,
}

impl Truth {
    /// A log of about 64 KiB and 200 records, written by a store, and closed cleanly.
    pub fn new() -> Truth {
        let (bytes, first_lsn) = stores::log(64 << 10);
        let whole = Log::parse(bytes.clone(), first_lsn, true).expect("the log is sound");
        let places = whole.records().map(|r| {
            let start = r.offset as usize;
            let (end, _) = record_end(&bytes, start).expect("the log is sound");
            Place {
                start,
                end,
                lsn: r.lsn,
                durable: number(&bytes, start + 16, 8),
            }
        });
        Truth {
            places: places.collect(),
            first_lsn,
            whole,
            bytes,
        }
    }

    /// Records in it.
    pub fn records(&self) -> usize {
        self.places.len()
    }

    /// Bytes in it.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is none; there always is.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn is_boundary(&self, len: usize) -> bool {
        len == HEADER || self.places.iter().any(|p| p.end == len)
    }

    /// How many records of the truth were read; `None` for a report.
    fn read(&self, bytes: Vec<u8>, newest: bool) -> Result<Option<usize>, String> {
        let log = match Log::parse(bytes, self.first_lsn, newest) {
            Ok(log) => log,
            Err(e) if matches!(e.code(), "CORRUPT" | "UNSUPPORTED_VERSION") => return Ok(None),
            Err(e) => return Err(format!("{}: {e}", e.code())),
        };
        let mut truth = self.whole.records();
        let mut count = 0usize;
        for record in log.records() {
            if truth.next() != Some(record) {
                return Err(format!(
                    "record {count} (LSN {}) is none that was written there",
                    record.lsn
                ));
            }
            count += 1;
        }
        let end = count.checked_sub(1).map_or(HEADER, |n| self.places[n].end);
        let wanted = if log.has_header() { end as u64 } else { 0 };
        if log.valid_len() != wanted || (!log.has_header() && count > 0) {
            return Err(format!("it is said to be valid up to {}", log.valid_len()));
        }
        Ok(Some(count))
    }

    /// What must come of a log that differs from the truth, whichever way.
    fn judge(&self, bytes: Vec<u8>, newest: bool) -> Verdict {
        let same = bytes
            .iter()
            .zip(&self.bytes)
            .take_while(|(a, b)| a == b)
            .count();
        if same == self.bytes.len() && bytes.len() == same {
            return Verdict::Skipped;
        }
        let first_bad = self.places.partition_point(|p| p.end <= same);
        let shorter = same == bytes.len();
        let intact = |p: &Place| bytes.get(p.start..p.end) == Some(&self.bytes[p.start..p.end]);
        let must_report = if same < HEADER {
            !(newest && bytes.len() <= HEADER)
        } else if shorter && self.is_boundary(same) {
            false
        } else {
            let lsn = self.places.get(first_bad).map(|p| p.lsn);
            let later = self.places.iter().skip(first_bad + 1);
            !newest || lsn.is_some_and(|lsn| later.filter(|p| p.durable >= lsn).any(intact))
        };
        match self.read(bytes, newest) {
            Err(why) => Verdict::Failed(why),
            Ok(None) if shorter && newest => {
                Verdict::Failed("a torn tail is reported as damage".to_owned())
            }
            Ok(None) => Verdict::Reported,
            Ok(Some(_)) if must_report => {
                Verdict::Failed(format!("damage to record {first_bad} is not reported"))
            }
            Ok(Some(count)) if count != first_bad => {
                Verdict::Failed(format!("{count} records instead of {first_bad}"))
            }
            Ok(Some(_)) => Verdict::Sound,
        }
    }
}

impl Default for Truth {
    fn default() -> Self {
        Truth::new()
    }
}

fn number(bytes: &[u8], at: usize, width: usize) -> u64 {
    let mut out = [0; 8];
    out[..width].copy_from_slice(&bytes[at..at + width]);
    u64::from_le_bytes(out)
}

/// Newest log or not, and the rest of the number.
fn either(case: u64) -> (bool, usize) {
    (case.is_multiple_of(2), (case / 2) as usize)
}

fn age(newest: bool) -> &'static str {
    if newest { "newest" } else { "older" }
}

/// Every bit flipped, as newest log and with a later one following.
pub fn bits(truth: &Truth) -> Report {
    let count = truth.bytes.len() as u64 * 16;
    let describe = |case| {
        let (newest, bit) = either(case);
        format!(
            "bit {} of byte {} in the {} log",
            bit % 8,
            bit / 8,
            age(newest)
        )
    };
    survey("log-bits", 0, count, describe, |case| {
        let (newest, bit) = either(case);
        let mut bytes = truth.bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        truth.judge(bytes, newest)
    })
}

/// Cut off at every byte.
pub fn cuts(truth: &Truth) -> Report {
    let describe = |case| {
        let (newest, len) = either(case);
        format!("{} log cut to {len} bytes", age(newest))
    };
    let count = truth.bytes.len() as u64 * 2;
    survey("log-cuts", 0, count, describe, |case| {
        let (newest, len) = either(case);
        truth.judge(truth.bytes[..len].to_vec(), newest)
    })
}

/// Length, kind, LSN and durable LSN of every record set to what is hostile; with right checksums too, where only panics count.
pub fn fields(truth: &Truth) -> Report {
    const FIELDS: [(&str, usize, usize); 4] = [
        ("length", 0, 4),
        ("kind", 4, 1),
        ("LSN", 8, 8),
        ("durable LSN", 16, 8),
    ];
    const VALUES: usize = EXTREMES.len() + 4;
    let split = |case: u64| {
        let (newest, n) = either(case);
        let (sealed, n) = (n % 2 == 1, n / 2);
        let (field, n) = (n % FIELDS.len(), n / FIELDS.len());
        let (value, record) = (n % VALUES, n / VALUES);
        let (name, at, width) = FIELDS[field];
        let at = truth.places[record].start + at;
        let old = number(&truth.bytes, at, width);
        let value = match value.checked_sub(EXTREMES.len()) {
            None => EXTREMES[value],
            Some(0) => old.wrapping_add(1),
            Some(1) => old.wrapping_sub(1),
            Some(2) => old.wrapping_mul(2),
            _ => old / 2,
        };
        (newest, sealed, name, at, width, value, record)
    };
    let describe = |case| {
        let (newest, sealed, name, _, _, value, record) = split(case);
        let sealed = if sealed { ", right checksum" } else { "" };
        format!(
            "{name} of record {record} set to {value} in the {} log{sealed}",
            age(newest)
        )
    };
    let count = (truth.places.len() * FIELDS.len() * VALUES * 4) as u64;
    survey("log-fields", 0, count, describe, |case| {
        let (newest, sealed, _, at, width, value, _) = split(case);
        let mut bytes = truth.bytes.clone();
        bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        if !sealed {
            return truth.judge(bytes, newest);
        }
        reseal("a.wal".as_ref(), &mut bytes);
        match Log::parse(bytes, truth.first_lsn, newest) {
            Err(_) => Verdict::Reported,
            Ok(log) => {
                log.refused_payloads();
                let in_order = log
                    .records()
                    .zip(truth.first_lsn..)
                    .all(|(r, lsn)| r.lsn == lsn);
                if in_order {
                    Verdict::Sound
                } else {
                    Verdict::Failed("LSNs out of order".into())
                }
            }
        }
    })
}

/// `count` times some bytes changed, zeroed, copied from elsewhere, cut off or added.
pub fn random(truth: &Truth, count: u64, seed: u64) -> Report {
    let describe = |_| "random damage".to_owned();
    survey("log-random", seed, count, describe, |case| {
        let mut random = Random::new(seed, case);
        let mut bytes = truth.bytes.clone();
        for _ in 0..1 + random.below(4) {
            scar(&mut bytes, truth, &mut random);
        }
        let newest = random.below(4) > 0;
        truth.judge(bytes, newest)
    })
}

fn scar(bytes: &mut Vec<u8>, truth: &Truth, random: &mut Random) {
    if bytes.is_empty() {
        return;
    }
    let at = random.below(bytes.len());
    let most = 1 << (1 + random.below(12));
    let len = (1 + random.below(most)).min(bytes.len() - at);
    match random.below(8) {
        0 => bytes[at..at + len].fill(0),
        1 => bytes[at..at + len].fill(random.next() as u8),
        2 => {
            let from = random.below(truth.bytes.len() - len + 1);
            bytes[at..at + len].copy_from_slice(&truth.bytes[from..from + len]);
        }
        // A whole record elsewhere: its checksum holds, its LSN does not.
        3 => {
            let (a, b) = (random.pick(&truth.places), random.pick(&truth.places));
            let len = (a.end - a.start).min(bytes.len().saturating_sub(b.start));
            if len > 0 {
                bytes[b.start..b.start + len].copy_from_slice(&truth.bytes[a.start..a.start + len]);
            }
        }
        4 => bytes.truncate(at),
        5 => bytes.extend((0..len).map(|_| random.next() as u8)),
        _ => {
            for _ in 0..1 + random.below(8) {
                let at = random.below(bytes.len());
                bytes[at] = random.next() as u8;
            }
        }
    }
}
