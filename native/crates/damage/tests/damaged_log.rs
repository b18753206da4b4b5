//! Damage to the write-ahead log.

mod support;

use omendb_damage::Truth;
use support::{COUNT, passes};

#[test]
fn the_log_under_test_is_what_the_figures_say() {
    let truth = Truth::new();
    assert!(truth.len() >= 64 << 10, "{} bytes", truth.len());
    assert!(truth.records() >= 180, "{} records", truth.records());
}

// [W3]
#[test]
fn every_flipped_bit_of_a_log_leaves_a_prefix_or_is_reported() {
    let report = passes("log-bits", 0);
    assert!(report.cases >= 2 * 524_288, "{report}");
}

// [W2]
#[test]
fn a_log_cut_off_at_any_byte_leaves_a_prefix() {
    let report = passes("log-cuts", 0);
    assert!(report.cases >= 2 * 65_536, "{report}");
}

// [W4]
#[test]
fn hostile_lengths_kinds_and_lsns_are_reported_or_end_the_log() {
    passes("log-fields", 0);
}

// [W3]
#[test]
fn random_damage_to_a_log_leaves_a_prefix_or_is_reported() {
    passes("log-random", COUNT);
}
