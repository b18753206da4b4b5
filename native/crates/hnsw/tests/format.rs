//! The file format: round trips, and everything that a disk or an enemy can do to a file.

mod common;

use std::io::{self, Write};

use common::{Aligned, Random, Set, graph, unreached};
use omendb_hnsw::{
    BuildParams, FormatError, Index, IndexHeader, IndexView, Metric, NONE, Neighbor, Scratch,
};
use proptest::prelude::*;
use std::sync::atomic::AtomicBool;

const HEADER: usize = 192;
/// Where the offsets of sections begin, and the header's checksum.
const OFFSETS: usize = 72;
const CRC: usize = 188;

const PARAMS: BuildParams = BuildParams {
    m: 4,
    ef_construction: 100,
    threads: 1,
    seed: 42,
};

fn index(set: &Set, params: &BuildParams) -> Index {
    Index::build(
        set.vectors(),
        params,
        None,
        &|_, _| (),
        &AtomicBool::new(false),
    )
    .unwrap()
}

/// Under `l2` an index has all sections.
fn sample() -> (Set, Index) {
    let set = Set::clustered(1, 500, 6, Metric::L2, false);
    let index = index(&set, &PARAMS);
    assert!(index.view().graph.header().top_level >= 2);
    assert!(index.view().codes.is_some());
    (set, index)
}

fn parse_error(bytes: &[u8]) -> FormatError {
    let bytes = Aligned::new(bytes);
    IndexHeader::parse(bytes.bytes()).map(|_| ()).unwrap_err()
}

/// What parsing or verifying says of damaged bytes.
fn told(bytes: &[u8]) -> FormatError {
    let bytes = Aligned::new(bytes);
    match IndexHeader::parse(bytes.bytes()) {
        Ok(header) => header.verify(bytes.bytes()).unwrap_err(),
        Err(e) => e,
    }
}

fn hits(view: &IndexView<'_>, set: &Set, query: &[f32], k: usize, ef: usize) -> Vec<Neighbor> {
    let (mut scratch, mut out) = (Scratch::new(), Vec::new());
    let stats = view.search(set.vectors(), query, k, ef, None, &mut scratch, &mut out);
    stats.unwrap();
    out
}

fn u64_at(bytes: &[u8], at: usize) -> usize {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize
}

/// Puts the header's checksum right, as an enemy would.
fn seal(bytes: &mut [u8]) {
    let crc = crc32c::crc32c(&bytes[..CRC]);
    bytes[CRC..HEADER].copy_from_slice(&crc.to_le_bytes());
}

#[test]
fn an_index_comes_back_from_its_file_and_finds_the_same() {
    for metric in Metric::ALL {
        let set = Set::clustered(1, 500, 6, metric, false);
        let plain = Index::without_codes(graph(&set, PARAMS));
        for (index, coded) in [(index(&set, &PARAMS), true), (plain, false)] {
            assert_eq!(index.view().codes.is_some(), coded);
            let bytes = Aligned::new(&index.to_bytes());
            let header = IndexHeader::parse(bytes.bytes()).unwrap();
            header.verify(bytes.bytes()).unwrap();
            let view = header.view(bytes.bytes()).unwrap();
            assert_eq!(view.codes.is_some(), coded);
            assert_eq!(unreached(&view.graph), 0);
            let mut random = Random(1);
            for _ in 0..50 {
                let query = set.query(&mut random);
                let found = hits(&index.view(), &set, &query, 10, 50);
                assert_eq!(found, hits(&view, &set, &query, 10, 50));
            }
        }
    }
}

#[test]
fn an_empty_index_has_a_file_too() {
    let set = Set::new(Vec::new(), 3, Metric::L2);
    let bytes = Aligned::new(&index(&set, &BuildParams::default()).to_bytes());
    let header = IndexHeader::parse(bytes.bytes()).unwrap();
    header.verify(bytes.bytes()).unwrap();
    let view = header.view(bytes.bytes()).unwrap();
    assert!(view.graph.is_empty() && view.graph.entry().is_none());
    assert!(hits(&view, &set, &[0.0; 3], 5, 5).is_empty());
}

// [Q8]
#[test]
fn every_flipped_bit_of_the_header_is_an_error() {
    let bytes = sample().1.to_bytes();
    for at in 0..HEADER {
        for bit in 0..8 {
            let mut broken = bytes.clone();
            broken[at] ^= 1 << bit;
            let error = parse_error(&broken);
            let version = (8..12).contains(&at);
            assert_eq!(
                matches!(error, FormatError::Version(_)),
                version,
                "byte {at}: {error}"
            );
        }
    }
}

#[test]
fn a_header_field_out_of_range_is_an_error_even_under_a_right_checksum() {
    let bytes = sample().1.to_bytes();
    let extremes = [0u32, 1, 2, 0x7FFF_FFFF, 0x8000_0000, u32::MAX - 1, u32::MAX];
    // Every word but the checksums of sections, ef_construction and seed, which may hold anything.
    for at in (12..136)
        .step_by(4)
        .chain((164..CRC).step_by(4))
        .filter(|at| !(44..56).contains(at))
    {
        for value in extremes {
            let mut broken = bytes.clone();
            broken[at..at + 4].copy_from_slice(&value.to_le_bytes());
            seal(&mut broken);
            // Any number that is not negative may be the error.
            let error = f32::from_bits(value);
            let sound = at == 64 && error.is_finite() && error.is_sign_positive();
            if broken != bytes && !sound {
                let error = parse_error(&broken);
                assert!(
                    matches!(error, FormatError::Damaged(_)),
                    "word {at} = {value:#x}"
                );
            }
        }
    }
}

#[test]
fn every_length_but_the_right_one_is_an_error() {
    let bytes = sample().1.to_bytes();
    for length in (0..300)
        .chain((300..bytes.len()).step_by(61))
        .chain([bytes.len() - 1])
    {
        assert!(
            matches!(parse_error(&bytes[..length]), FormatError::Damaged(_)),
            "{length}"
        );
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(matches!(parse_error(&longer), FormatError::Damaged(_)));
    assert!(matches!(
        parse_error(&vec![0; 4096]),
        FormatError::Damaged(_)
    ));
}

/// Puts the checksum of a section right.
fn seal_section(bytes: &mut [u8], section: usize) {
    let (from, to) = (
        u64_at(bytes, OFFSETS + 8 * section),
        u64_at(bytes, OFFSETS + 8 + 8 * section),
    );
    let crc = crc32c::crc32c(&bytes[from..to]);
    bytes[136 + 4 * section..][..4].copy_from_slice(&crc.to_le_bytes());
    seal(bytes);
}

// [Q8]
#[test]
fn links_to_nowhere_are_an_error_even_under_right_checksums() {
    let (_, index) = sample();
    let view = index.view().graph;
    let bytes = index.to_bytes();
    let (layer_0, upper) = (u64_at(&bytes, OFFSETS + 8), u64_at(&bytes, OFFSETS + 16));
    let broken = |section: usize, at: usize, value: u32| {
        let mut broken = bytes.clone();
        broken[at..at + 4].copy_from_slice(&value.to_le_bytes());
        seal_section(&mut broken, section);
        told(&broken).to_string()
    };
    for value in [500, 501, 0x7FFF_FFFF, NONE - 1] {
        assert!(broken(1, layer_0, value).contains("node 0"));
        assert!(broken(2, upper, value).contains("level 1"));
    }
    // A link after the end of a list, and one to a node that is not on that level.
    let short = (0..500)
        .find(|node| view.links(*node, 0)[6] == NONE)
        .unwrap();
    assert!(broken(1, layer_0 + (short as usize * 8 + 7) * 4, 3).contains("nowhere"));
    let low = (0..500).find(|node| view.level(*node) == 0).unwrap();
    assert!(broken(2, upper, low).contains("level 1"));
}

#[test]
fn levels_that_do_not_add_up_are_an_error() {
    let (_, index) = sample();
    let bytes = index.to_bytes();
    for node in 0..=500usize {
        for value in [0u32, 1, 0x7FFF_FFFF, u32::MAX] {
            let at = HEADER + 4 * node;
            let mut broken = bytes.clone();
            broken[at..at + 4].copy_from_slice(&value.to_le_bytes());
            if broken != bytes {
                told(&broken);
            }
        }
    }
}

#[test]
fn scales_out_of_range_are_an_error_even_under_right_checksums() {
    let (_, index) = sample();
    let bytes = index.to_bytes();
    let scales = u64_at(&bytes, OFFSETS + 24);
    for (word, value) in [
        (0, f32::NAN),
        (1, -1.0),
        (1, f32::INFINITY),
        (2, f32::NEG_INFINITY),
    ] {
        let mut broken = bytes.clone();
        broken[scales + 4 * word..][..4].copy_from_slice(&value.to_le_bytes());
        seal_section(&mut broken, 3);
        assert!(parse_error(&broken).to_string().contains("scales"));
    }
}

// [Q8]
#[test]
fn every_flipped_byte_behind_the_header_is_found_by_parse_or_verify() {
    let bytes = sample().1.to_bytes();
    for at in HEADER..bytes.len() {
        let mut broken = bytes.clone();
        broken[at] ^= 1 << (at % 8);
        told(&broken);
    }
}

#[test]
fn bytes_that_start_askew_are_refused() {
    let bytes = sample().1.to_bytes();
    let mut shifted = vec![0u8];
    shifted.extend_from_slice(&bytes);
    let shifted = Aligned::new(&shifted);
    assert_eq!(
        IndexHeader::parse(&shifted.bytes()[1..]).map(|_| ()),
        Err(FormatError::Unreadable)
    );
}

#[test]
fn a_view_of_shorter_bytes_is_refused() {
    let bytes = Aligned::new(&sample().1.to_bytes());
    let header = IndexHeader::parse(bytes.bytes()).unwrap();
    for length in [0, 191, 192, 1_000, bytes.bytes().len() - 64] {
        assert!(header.view(&bytes.bytes()[..length]).is_err(), "{length}");
    }
}

#[test]
fn an_index_of_version_1_is_told_by_its_version() {
    let mut bytes = vec![0u8; 4096];
    bytes[..8].copy_from_slice(b"OMENHNSW");
    bytes[8] = 1;
    assert_eq!(parse_error(&bytes), FormatError::Version(1));
}

#[test]
fn a_writer_that_fails_is_heard() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 {
                Err(io::ErrorKind::StorageFull.into())
            } else {
                Ok(taken)
            }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (_, index) = sample();
    for room in [0, 100, 1_000, 10_000] {
        let error = index.write_to(&mut Full(room)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_search_over_tampered_links_never_panics(
        changes in prop::collection::vec((0usize..1_000_000, any::<u32>(), any::<bool>()), 1..60),
    ) {
        let (set, index) = sample();
        let mut bytes = index.to_bytes();
        let header = IndexHeader::parse(Aligned::new(&bytes).bytes()).unwrap();
        let words = (bytes.len() - HEADER) / 4;
        for (at, value, small) in changes {
            let at = HEADER + at % words * 4;
            let value = if small { value % 600 } else { value };
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        let bytes = Aligned::new(&bytes);
        let _ = IndexHeader::parse(bytes.bytes());
        // As if the file were changed after it was checked.
        let view = header.view(bytes.bytes()).unwrap();
        let found = hits(&view, &set, set.vectors().row(3), 10, 40);
        prop_assert!(found.iter().all(|hit| hit.id < 500));
    }
}
