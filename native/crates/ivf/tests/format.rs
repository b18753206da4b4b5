//! The file: what was written is read, and what was changed is found out or does no harm.

mod common;

use common::{Set, rows};
use omendb_ivf::{FormatError, IndexHeader, Metric, Scratch};

/// Bytes at a multiple of 4, as a mapping has them.
struct Aligned(Vec<u32>, usize);

impl Aligned {
    fn new(bytes: &[u8]) -> Aligned {
        let mut words = vec![0u32; bytes.len().div_ceil(4) + 1];
        bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Aligned(words, bytes.len())
    }

    fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.0)[..self.1]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.0)[..self.1]
    }
}

fn sets() -> Vec<Set> {
    vec![
        Set::new(rows(300, 6, 5, 1), 6, Metric::L2),
        Set::new(rows(200, 9, 5, 2), 9, Metric::Cosine),
        Set::new(rows(90, 4, 5, 3), 4, Metric::Dot),
        Set::new(Vec::new(), 4, Metric::L2),
    ]
}

#[test]
fn a_file_gives_the_index_back() {
    let flat: Vec<f32> = rows(700, 4, 5, 4)
        .chunks(4)
        .flat_map(|row| row.iter().cycle().take(240).copied())
        .collect();
    let along_axes = Set::new(flat, 240, Metric::L2);
    for set in sets().into_iter().chain([along_axes]) {
        let index = set.index(None, 0);
        let bytes = Aligned::new(&index.to_bytes());
        let header = IndexHeader::parse(bytes.bytes()).unwrap();
        header.verify(bytes.bytes()).unwrap();
        assert_eq!(
            header.shape(),
            (set.view().len(), set.dimension, set.metric)
        );
        let view = header.view(bytes.bytes()).unwrap();
        let (mut scratch, mut a, mut b) = (Scratch::new(), Vec::new(), Vec::new());
        for query in rows(10, set.dimension, 3, 9).chunks_exact(set.dimension) {
            view.search(set.view(), query, 5, Some(3), None, &mut scratch, &mut a)
                .unwrap();
            index
                .view()
                .search(set.view(), query, 5, Some(3), None, &mut scratch, &mut b)
                .unwrap();
            assert_eq!(a, b);
            view.search_exactly(set.view(), query, 5, None, &mut scratch, &mut a)
                .unwrap();
            index
                .view()
                .search_exactly(set.view(), query, 5, None, &mut scratch, &mut b)
                .unwrap();
            assert_eq!(a, b);
        }
        assert_eq!(view.tuning(), index.view().tuning());
    }
}

// [Q8]
#[test]
fn every_byte_that_changes_is_found_out() {
    for set in sets() {
        let whole = set.index(None, 0).to_bytes();
        for at in 0..whole.len() {
            let mut bytes = Aligned::new(&whole);
            bytes.bytes_mut()[at] ^= 1 << (at % 8);
            let found =
                IndexHeader::parse(bytes.bytes()).and_then(|header| header.verify(bytes.bytes()));
            assert!(found.is_err(), "byte {at} of {}", whole.len());
        }
    }
}

// [Q8]
#[test]
fn a_file_that_ends_early_or_late_is_refused() {
    let whole = sets()[0].index(None, 0).to_bytes();
    for length in [0, 1, 511, 512, whole.len() / 2, whole.len() - 1] {
        let bytes = Aligned::new(&whole[..length]);
        assert!(IndexHeader::parse(bytes.bytes()).is_err(), "{length}");
    }
    let longer = [whole.as_slice(), &[0; 64]].concat();
    assert!(IndexHeader::parse(Aligned::new(&longer).bytes()).is_err());
}

#[test]
fn other_versions_are_named_and_so_are_graphs() {
    let mut bytes = Aligned::new(&sets()[0].index(None, 0).to_bytes());
    bytes.bytes_mut()[8] = 9;
    assert_eq!(
        IndexHeader::parse(bytes.bytes()).unwrap_err(),
        FormatError::Version(9)
    );
    bytes.bytes_mut()[..8].copy_from_slice(b"OMENHNSW");
    let error = IndexHeader::parse(bytes.bytes()).unwrap_err();
    assert_eq!(
        (error.code(), &error),
        ("INDEX_VERSION", &FormatError::Version(0))
    );
}

// [Q8]
#[test]
fn whatever_the_bytes_say_later_a_search_does_not_panic() {
    let set = &sets()[0];
    let whole = set.index(None, 0).to_bytes();
    let header = IndexHeader::parse(Aligned::new(&whole).bytes()).unwrap();
    for byte in [0x00, 0xFF, 0x7F, 0x80, 0x01] {
        for half in 0..8 {
            let mut bytes = Aligned::new(&whole);
            let length = bytes.bytes().len();
            bytes.bytes_mut()[length * half / 8..length * (half + 1) / 8].fill(byte);
            let view = header.view(bytes.bytes()).unwrap();
            let (mut scratch, mut out) = (Scratch::new(), Vec::new());
            let query = set.view().row(7);
            view.search(
                set.view(),
                query,
                10,
                Some(50),
                None,
                &mut scratch,
                &mut out,
            )
            .unwrap();
            view.search_exactly(set.view(), query, 10, None, &mut scratch, &mut out)
                .unwrap();
        }
    }
}
