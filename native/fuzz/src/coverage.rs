//! What a run reached. With the flags of `scripts/fuzz.mjs --guided` the compiler counts every edge of the code and hands the
//! counters to the functions below; without them only the outcome of a target tells one input from another.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Mutex;

/// Counters of each compiled unit: address and length.
static COUNTERS: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());

/// Called before `main`, once for each unit that was compiled with counters.
///
/// # Safety
/// `start..end` is an array that lives as long as the program; the compiler sees to that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __sanitizer_cov_8bit_counters_init(start: *mut u8, end: *mut u8) {
    let mut counters = COUNTERS.lock().unwrap_or_else(|e| e.into_inner());
    let unit = (start.addr(), end.addr().saturating_sub(start.addr()));
    if unit.1 > 0 && !counters.contains(&unit) {
        start.expose_provenance();
        counters.push(unit);
    }
}

/// What has been reached so far.
#[derive(Default)]
pub struct Coverage {
    units: Vec<(usize, usize)>,
    /// For each counter the magnitudes seen, one bit each.
    seen: Vec<u8>,
    outcomes: HashSet<u64>,
}

impl Coverage {
    /// Nothing reached yet.
    pub fn new() -> Coverage {
        let units = COUNTERS.lock().map(|c| c.clone()).unwrap_or_default();
        let edges = units.iter().map(|u| u.1).sum();
        Coverage {
            units,
            seen: vec![0; edges],
            outcomes: HashSet::new(),
        }
    }

    /// Whether the code was compiled with counters.
    pub fn is_guided(&self) -> bool {
        !self.units.is_empty()
    }

    /// Edges reached, or outcomes without counters.
    pub fn reached(&self) -> usize {
        match self.is_guided() {
            true => self.seen.iter().filter(|s| **s != 0).count(),
            false => self.outcomes.len(),
        }
    }

    /// Forgets what was counted, before a run.
    pub fn clear(&mut self) {
        for unit in &self.units {
            counters(*unit).fill(0);
        }
    }

    /// Adds what the run reached; whether anything of it is new.
    pub fn gain(&mut self, outcome: &str) -> bool {
        let text = way(outcome);
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(&text);
        if !self.is_guided() {
            return self.outcomes.insert(hash);
        }
        let mut new = false;
        let mut seen = self.seen.as_mut_slice();
        for unit in &self.units {
            let (here, rest) = std::mem::take(&mut seen).split_at_mut(unit.1);
            seen = rest;
            let counted = counters(*unit).iter();
            for (seen, counted) in here.iter_mut().zip(counted).filter(|(_, c)| **c != 0) {
                let magnitude = 1 << counted.ilog2();
                if *seen & magnitude == 0 {
                    *seen |= magnitude;
                    new = true;
                }
            }
        }
        new
    }
}

/// A message without numbers and quoted pieces: which way was taken, not what was on it.
fn way(outcome: &str) -> String {
    let mut quoted = false;
    let kept = outcome.chars().filter(|c| {
        let quote = matches!(c, '"' | '\'' | '`');
        quoted ^= quote;
        !quoted && !quote && !c.is_ascii_digit()
    });
    kept.take(60).collect()
}

fn counters(unit: (usize, usize)) -> &'static mut [u8] {
    // SAFETY: the compiler handed this array over for good. Code under test counts in it without synchronising; lost counts
    // do no harm, and no other slice of it is alive: callers use it within one expression, on one thread.
    unsafe { std::slice::from_raw_parts_mut(std::ptr::with_exposed_provenance_mut(unit.0), unit.1) }
}
