//! The file of codes: what was written comes back, and every damage is told.

use omendb_distance::{Metric, VectorsRef, inv_norms};
use omendb_quant::{CodeQuery, Codec, Codes, CodesError, CodesHeader, FitParams, Width, format};

/// Bytes at a multiple of 64, as a mapping has.
struct Aligned(Vec<u64>, usize);

impl Aligned {
    fn new(bytes: &[u8]) -> Aligned {
        let mut words = vec![0u64; bytes.len().div_ceil(8)];
        bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Aligned(words, bytes.len())
    }

    fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.0)[..self.1]
    }
}

fn file(metric: Metric, width: Width, rows: usize, dimension: usize) -> (Vec<u8>, Vec<f32>) {
    let data: Vec<f32> = (0..rows * dimension)
        .map(|i| ((i * 2_654_435_761) % 1_000) as f32 / 500.0 - 1.0)
        .collect();
    let mut norms = Vec::new();
    if metric == Metric::Cosine {
        inv_norms(&data, dimension, &mut norms);
    }
    let vectors = VectorsRef::new(&data, dimension, metric, &norms).unwrap();
    let codec = Codec::fit(vectors, &FitParams::new(width)).unwrap();
    let mut bytes = vec![0; rows * codec.row_bytes()];
    let mut terms = vec![0.0; if metric == Metric::L2 { rows } else { 0 }];
    codec.encode(vectors, &mut bytes, &mut terms);
    let codes = Codes::new(&codec, &bytes, &terms).unwrap();
    let mut out = Vec::new();
    assert_eq!(format::write(&codes, &mut out).unwrap(), out.len() as u64);
    let mut scores = vec![0.0; rows];
    let mut query = CodeQuery::default();
    query.set(&codec, &data[..dimension], 1.0);
    query.get(&codec).score_run(&codes, 0, &mut scores);
    (out, scores)
}

fn scores(bytes: &[u8], query: &[f32]) -> Result<Vec<f32>, CodesError> {
    let header = CodesHeader::parse(bytes)?;
    let codes = header.rows(bytes).unwrap();
    let mut scores = vec![0.0; header.len()];
    let mut prepared = CodeQuery::default();
    prepared.set(header.codec(), query, 1.0);
    prepared
        .get(header.codec())
        .score_run(&codes, 0, &mut scores);
    Ok(scores)
}

#[test]
fn codes_come_back_from_their_file_and_score_the_same() {
    for metric in [Metric::L2, Metric::Cosine, Metric::Dot] {
        for width in [Width::Four, Width::Eight] {
            for (rows, dimension) in [(0, 3), (1, 1), (37, 70), (5, 128)] {
                let (bytes, wanted) = if rows == 0 {
                    let codec = Codec::fit(
                        VectorsRef::new(&[], dimension, metric, &[]).unwrap(),
                        &FitParams::new(width),
                    )
                    .unwrap();
                    let mut out = Vec::new();
                    format::write(&Codes::new(&codec, &[], &[]).unwrap(), &mut out).unwrap();
                    (out, Vec::new())
                } else {
                    file(metric, width, rows, dimension)
                };
                let aligned = Aligned::new(&bytes);
                let first: Vec<f32> = (0..dimension)
                    .map(|i| ((i * 2_654_435_761) % 1_000) as f32 / 500.0 - 1.0)
                    .collect();
                assert_eq!(
                    scores(aligned.bytes(), &first).unwrap(),
                    wanted,
                    "{metric} {width:?} {rows}"
                );
                CodesHeader::parse(aligned.bytes())
                    .unwrap()
                    .verify(aligned.bytes())
                    .unwrap();
            }
        }
    }
}

#[test]
fn every_changed_byte_is_told_by_parse_or_verify_and_none_makes_scoring_panic() {
    let (bytes, _) = file(Metric::L2, Width::Four, 9, 70);
    let query = [0.5; 70];
    for at in 0..bytes.len() {
        for value in [bytes[at] ^ 1, bytes[at] ^ 0x80, 0, 0xFF] {
            if value == bytes[at] {
                continue;
            }
            let mut damaged = bytes.clone();
            damaged[at] = value;
            let aligned = Aligned::new(&damaged);
            let told = match CodesHeader::parse(aligned.bytes()) {
                Ok(header) => header.verify(aligned.bytes()).is_err(),
                Err(_) => true,
            };
            assert!(told, "byte {at} as {value}");
            let _ = scores(aligned.bytes(), &query);
        }
    }
}

#[test]
fn a_header_field_out_of_range_is_an_error_even_under_a_right_checksum() {
    let (bytes, _) = file(Metric::Cosine, Width::Eight, 9, 70);
    for at in (8..124).step_by(4) {
        // The checksums of the sections, which `verify` looks at.
        if (96..108).contains(&at) {
            continue;
        }
        for value in [0xFFFF_FFFFu32, 0x8000_0000, 3, 0x7FC0_0000] {
            let mut forged = bytes.clone();
            forged[at..at + 4].copy_from_slice(&value.to_le_bytes());
            if forged == bytes {
                continue;
            }
            let crc = crc32c::crc32c(&forged[..124]);
            forged[124..128].copy_from_slice(&crc.to_le_bytes());
            let aligned = Aligned::new(&forged);
            let parsed = CodesHeader::parse(aligned.bytes());
            // The error that the codec claims may be any number that is none below 0.
            let fine = at == 32 && f32::from_bits(value) >= 0.0;
            assert_eq!(parsed.is_ok(), fine, "field at {at} as {value:#x}");
        }
    }
}

#[test]
fn every_length_but_the_right_one_and_a_later_version_are_errors() {
    let (mut bytes, _) = file(Metric::L2, Width::Four, 3, 5);
    for length in 0..bytes.len() {
        let aligned = Aligned::new(&bytes[..length]);
        assert!(
            CodesHeader::parse(aligned.bytes()).is_err(),
            "{length} bytes"
        );
    }
    bytes[8] = 2;
    let aligned = Aligned::new(&bytes);
    assert_eq!(
        CodesHeader::parse(aligned.bytes()).unwrap_err(),
        CodesError::Version(2)
    );
}
