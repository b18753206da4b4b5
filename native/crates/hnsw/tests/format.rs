//! The file format: round trips, and everything that a disk or an enemy can do to a file.

mod common;

use std::io::{self, Write};

use common::{Random, Set, graph, hits, unreached};
use omendb_hnsw::{BuildParams, FormatError, Graph, GraphView, Metric, NONE};
use proptest::prelude::*;

const HEADER: usize = 128;

/// Bytes that start at a multiple of 4 wherever the allocator put them.
struct Aligned {
    words: Vec<u32>,
    len: usize,
}

impl Aligned {
    fn new(bytes: &[u8]) -> Aligned {
        let mut words = vec![0u32; bytes.len().div_ceil(4) + 1];
        bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Aligned {
            words,
            len: bytes.len(),
        }
    }

    fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.len]
    }
}

fn sample() -> (Set, Graph) {
    let set = Set::clustered(1, 500, 6, Metric::Cosine, false);
    let graph = graph(
        &set,
        BuildParams {
            m: 4,
            threads: 1,
            ..BuildParams::default()
        },
    );
    assert!(graph.view().header().top_level >= 2);
    (set, graph)
}

fn parse_error(bytes: &[u8]) -> FormatError {
    let bytes = Aligned::new(bytes);
    GraphView::parse(bytes.bytes()).map(|_| ()).unwrap_err()
}

fn u64_at(bytes: &[u8], at: usize) -> usize {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize
}

/// Puts the header's checksum right, as an enemy would.
fn seal(bytes: &mut [u8]) {
    let crc = crc32c::crc32c(&bytes[..124]);
    bytes[124..128].copy_from_slice(&crc.to_le_bytes());
}

#[test]
fn a_graph_comes_back_from_its_file_and_finds_the_same() {
    let (set, graph) = sample();
    let bytes = Aligned::new(&graph.to_bytes());
    assert_eq!(bytes.len as u64, graph.view().header().file_len());
    let view = GraphView::parse(bytes.bytes()).unwrap();
    view.verify().unwrap();
    let again = GraphView::reopen(bytes.bytes(), view.header()).unwrap();
    assert_eq!(unreached(&view), 0);
    let mut random = Random(1);
    for _ in 0..50 {
        let query = set.query(&mut random);
        let found = hits(&graph.view(), &set, &query, 10, 50);
        assert_eq!(found, hits(&view, &set, &query, 10, 50));
        assert_eq!(found, hits(&again, &set, &query, 10, 50));
    }
}

#[test]
fn an_empty_graph_has_a_file_too() {
    let set = Set::new(Vec::new(), 3, Metric::L2);
    let bytes = Aligned::new(&graph(&set, BuildParams::default()).to_bytes());
    let view = GraphView::parse(bytes.bytes()).unwrap();
    view.verify().unwrap();
    assert!(view.is_empty() && view.entry().is_none());
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
    for at in (12..96)
        .step_by(4)
        .chain((108..124).step_by(4))
        .filter(|at| !(44..56).contains(at))
    {
        for value in extremes {
            let mut broken = bytes.clone();
            broken[at..at + 4].copy_from_slice(&value.to_le_bytes());
            seal(&mut broken);
            // Another metric or dimension makes as sound a graph; a search tells by comparing with the vectors.
            let sound = match at {
                20 => (1..=65_536).contains(&value),
                24 => value < 3,
                _ => false,
            };
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

// [Q8]
#[test]
fn links_to_nowhere_are_an_error() {
    let (_, graph) = sample();
    let view = graph.view();
    let bytes = graph.to_bytes();
    let (layer_0, upper) = (u64_at(&bytes, 72), u64_at(&bytes, 80));
    let broken = |at: usize, value: u32| {
        let mut broken = bytes.clone();
        broken[at..at + 4].copy_from_slice(&value.to_le_bytes());
        parse_error(&broken).to_string()
    };
    for value in [500, 501, 0x7FFF_FFFF, NONE - 1] {
        assert!(broken(layer_0, value).contains("node 0"));
        assert!(broken(upper, value).contains("level 1"));
    }
    // A link after the end of a list, and one to a node that is not on that level.
    let short = (0..500)
        .find(|node| view.links(*node, 0)[6] == NONE)
        .unwrap();
    assert!(broken(layer_0 + (short as usize * 8 + 7) * 4, 3).contains("nowhere"));
    let low = (0..500).find(|node| view.level(*node) == 0).unwrap();
    assert!(broken(upper, low).contains("level 1"));
}

#[test]
fn levels_that_do_not_add_up_are_an_error() {
    let (_, graph) = sample();
    let bytes = graph.to_bytes();
    for node in 0..=500usize {
        for value in [0u32, 1, 0x7FFF_FFFF, u32::MAX] {
            let at = HEADER + 4 * node;
            let mut broken = bytes.clone();
            broken[at..at + 4].copy_from_slice(&value.to_le_bytes());
            let broken = Aligned::new(&broken);
            // A changed level may pass only where all links still lead to nodes of their level; the checksum tells that one.
            if let Ok(view) = GraphView::parse(broken.bytes()) {
                assert!(broken.bytes() == &bytes[..] || view.verify().is_err());
            }
        }
    }
}

// [Q8]
#[test]
fn every_flipped_byte_behind_the_header_is_found_by_parse_or_verify() {
    let bytes = sample().1.to_bytes();
    for at in HEADER..bytes.len() {
        let mut broken = bytes.clone();
        broken[at] ^= 1 << (at % 8);
        let broken = Aligned::new(&broken);
        let found = match GraphView::parse(broken.bytes()) {
            Ok(view) => view.verify().is_err(),
            Err(_) => true,
        };
        assert!(found, "byte {at}");
    }
}

#[test]
fn bytes_that_start_askew_are_refused() {
    let bytes = sample().1.to_bytes();
    let mut shifted = vec![0u8];
    shifted.extend_from_slice(&bytes);
    let shifted = Aligned::new(&shifted);
    assert_eq!(
        GraphView::parse(&shifted.bytes()[1..]).map(|_| ()),
        Err(FormatError::Unreadable)
    );
}

#[test]
fn a_changed_header_is_noticed_when_reopening() {
    let (_, graph) = sample();
    let other = Aligned::new(
        &common::graph(
            &Set::clustered(2, 500, 6, Metric::L2, false),
            BuildParams::default(),
        )
        .to_bytes(),
    );
    assert!(GraphView::reopen(other.bytes(), graph.view().header()).is_err());
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
    let (_, graph) = sample();
    for room in [0, 100, 1_000, 10_000] {
        let error = graph.write_to(&mut Full(room)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_search_over_tampered_links_never_panics(
        changes in prop::collection::vec((0usize..1_000_000, any::<u32>(), any::<bool>()), 1..60),
    ) {
        let (set, graph) = sample();
        let header = *graph.view().header();
        let mut bytes = graph.to_bytes();
        let words = (bytes.len() - HEADER) / 4;
        for (at, value, small) in changes {
            let at = HEADER + at % words * 4;
            let value = if small { value % 600 } else { value };
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        let bytes = Aligned::new(&bytes);
        let _ = GraphView::parse(bytes.bytes());
        // As if the file were changed after it was checked.
        let view = GraphView::reopen(bytes.bytes(), &header).unwrap();
        let found = hits(&view, &set, set.vectors().row(3), 10, 40);
        prop_assert!(found.iter().all(|hit| hit.id < 500));
    }
}
