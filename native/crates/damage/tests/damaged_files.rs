//! Damage to the files of a store, and forged files.

mod support;

use omendb_damage::Files;
use support::{COUNT, passes};

#[test]
fn the_store_under_test_has_files_of_every_kind() {
    let list = Files::new().list();
    for kind in [
        ".wal",
        ".f32",
        ".arrow",
        ".idx",
        ".ivf",
        ".map",
        "MANIFEST-",
        "rows.idx",
        "column.4.0.arrow",
        ".hist",
        "segment.seal",
    ] {
        assert!(list.contains(kind), "no {kind} in\n{list}");
    }
}

// [S4]
#[test]
fn a_changed_byte_at_either_end_of_any_file_is_told_by_opening_and_by_verify() {
    passes("edges", 0);
}

// [S4]
#[test]
fn a_flipped_bit_anywhere_in_any_file_is_told_by_verify() {
    passes("flips", COUNT);
}

// [S4]
#[test]
fn files_exchanged_cut_off_too_long_or_missing_are_reported() {
    passes("whole", 0);
}

#[test]
fn a_file_of_a_later_version_is_not_taken_for_one_of_this() {
    passes("versions", 0);
}

// [W4]
#[test]
fn forged_files_of_every_kind_are_refused_or_read_without_a_panic() {
    passes("forged-files", COUNT);
}

// [W4]
#[test]
fn forged_columns_are_refused_or_read_without_a_panic() {
    passes("forged-columns", COUNT);
}

// [Q8]
#[test]
fn forged_indexes_are_refused_or_searched_without_a_panic() {
    passes("forged-index", COUNT / 2);
}

// [W4]
#[test]
fn forged_manifests_are_refused_or_opened_without_a_panic() {
    passes("forged-manifest", COUNT / 2);
}
