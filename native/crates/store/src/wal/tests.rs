//! The log byte by byte: what comes back is an exact prefix, or a report of damage, whatever the file holds.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::reader::parse;
use super::record::{FILE_HEADER, encode, padded};
use super::*;
use crate::error::Error;
use crate::vfs::{Disk, MemVfs, Vfs};

/// A log on disk whose records were each synced before the next, and where each record ends.
fn written(payloads: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
    let vfs = MemVfs::new();
    let root = Path::new("/s");
    vfs.create_dir(root).unwrap();
    vfs.create_dir(&folder(root)).unwrap();
    let disk = Arc::new(Disk::new(Arc::new(vfs.clone())));
    let mut wal = Wal::create(&disk, root, 7).unwrap();
    let mut ends = vec![FILE_HEADER];
    for (n, payload) in payloads.iter().enumerate() {
        let lsn = wal.append(Kind::Upsert, 6 + n as u64, payload).unwrap();
        assert_eq!(lsn, 7 + n as u64);
        ends.push(wal.bytes() as usize);
    }
    (vfs.read(&folder(root).join(file_name(7))).unwrap(), ends)
}

fn payloads(count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|n| (0..n * 5 % 37).map(|i| (i * 7 + n) as u8).collect())
        .collect()
}

fn read(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let log = parse(Path::new("log"), bytes.to_vec(), 7, true)?;
    let entries: Vec<_> = log.entries().collect();
    for (n, entry) in entries.iter().enumerate() {
        assert_eq!(entry.lsn, 7 + n as u64);
    }
    Ok(entries.iter().map(|e| e.payload.to_vec()).collect())
}

#[test]
fn what_was_appended_is_read_back() {
    let payloads = payloads(40);
    let (bytes, ends) = written(&payloads);
    assert_eq!(bytes.len(), *ends.last().unwrap());
    assert_eq!(read(&bytes).unwrap(), payloads);
}

// [W2]
#[test]
fn a_log_cut_at_any_byte_gives_exactly_the_whole_records_before_the_cut() {
    let payloads = payloads(40);
    let (bytes, ends) = written(&payloads);
    for cut in 0..bytes.len() {
        let got = read(&bytes[..cut]);
        if cut < FILE_HEADER {
            assert_eq!(got.unwrap().len(), 0);
            continue;
        }
        let whole = ends.iter().filter(|&&end| end <= cut).count() - 1;
        assert_eq!(got.unwrap(), payloads[..whole], "cut at {cut}");
    }
}

// [W3]
#[test]
fn a_flipped_bit_before_the_last_record_is_damage_and_in_it_a_torn_tail() {
    let payloads = payloads(20);
    let (bytes, ends) = written(&payloads);
    let last = ends[ends.len() - 2];
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        match read(&bad) {
            Ok(got) => {
                assert!(bit / 8 >= last, "the flip of bit {bit} was not noticed");
                assert_eq!(got, payloads[..payloads.len() - 1]);
            }
            Err(Error::Corrupt { lsn, offset, .. }) => {
                assert!(bit / 8 < last, "bit {bit}");
                if bit / 8 >= FILE_HEADER {
                    let record = ends.iter().filter(|&&end| end <= bit / 8).count() - 1;
                    assert_eq!(
                        (lsn, offset),
                        (Some(7 + record as u64), Some(ends[record] as u64))
                    );
                }
            }
            Err(other) => panic!("bit {bit}: {other}"),
        }
    }
}

#[test]
fn zeros_or_garbage_behind_the_last_record_are_a_torn_tail() {
    let payloads = payloads(10);
    let (bytes, _) = written(&payloads);
    for tail in [
        vec![0; 4096],
        vec![0xff; 513],
        (0..=255).cycle().take(3000).collect(),
    ] {
        let mut longer = bytes.clone();
        longer.extend_from_slice(&tail);
        assert_eq!(read(&longer).unwrap(), payloads);
    }
}

#[test]
fn a_lost_record_among_unsynced_ones_is_no_damage() {
    // Three records appended after the last sync; the power cut kept the second and third, not the first.
    let header = record::FileHeader {
        version: record::VERSION,
        salt: 99,
        first_lsn: 7,
    };
    let mut bytes = header.to_bytes().to_vec();
    encode(&mut bytes, 99, Kind::Upsert, 7, 6, b"synced");
    let at = bytes.len();
    for lsn in 8..11 {
        encode(&mut bytes, 99, Kind::Upsert, lsn, 7, b"not synced");
    }
    bytes[at..at + padded(10)].fill(0);
    assert_eq!(read(&bytes).unwrap(), [b"synced".to_vec()]);
    // A later record that knows the lost one was synced makes it damage.
    encode(&mut bytes, 99, Kind::Mark, 11, 10, b"");
    assert!(matches!(
        read(&bytes),
        Err(Error::Corrupt { lsn: Some(8), .. })
    ));
}

#[test]
fn a_record_of_another_file_is_not_taken_for_one_of_this() {
    let (mut bytes, _) = written(&payloads(3));
    encode(
        &mut bytes,
        12345,
        Kind::Upsert,
        10,
        9,
        b"from a file with another salt",
    );
    assert_eq!(read(&bytes).unwrap().len(), 3);
}

#[test]
fn a_damaged_record_in_an_older_file_is_damage_even_at_its_end() {
    let (bytes, ends) = written(&payloads(5));
    let cut = &bytes[..ends[4] + 3];
    let result = parse(Path::new("log"), cut.to_vec(), 7, false);
    assert!(matches!(result, Err(Error::Corrupt { lsn: Some(11), .. })));
}

// [W4]
#[test]
fn hostile_lengths_kinds_and_numbers_never_panic() {
    let payloads = payloads(12);
    let (bytes, ends) = written(&payloads);
    let values = [
        0,
        1,
        7,
        8,
        1 << 31,
        (1 << 32) - 1,
        (64 << 20) - 1,
        64 << 20,
        u64::MAX - 20,
        u64::MAX,
    ];
    for &at in &ends[..ends.len() - 1] {
        for &(field, width) in &[(0, 4), (4, 1), (5, 1), (6, 2), (8, 8), (16, 8)] {
            for value in values {
                for fix in [false, true] {
                    let mut bad = bytes.clone();
                    let same = bad[at + field..at + field + width] == value.to_le_bytes()[..width];
                    bad[at + field..at + field + width]
                        .copy_from_slice(&value.to_le_bytes()[..width]);
                    if fix {
                        reseal(&mut bad, at);
                    }
                    match read(&bad) {
                        Ok(got) => assert!(got.len() + 1 == payloads.len() || same || fix),
                        Err(Error::Corrupt { .. }) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            }
        }
    }
}

/// Makes the checksum of a changed record right again, if its length still lies in the file.
fn reseal(bytes: &mut [u8], at: usize) {
    let salt = u64::from_le_bytes(bytes[16..24].try_into().unwrap());
    let len = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    if at + 24 + len + 4 <= bytes.len() {
        let crc = crc32c::crc32c_append(
            crc32c::crc32c(&salt.to_le_bytes()),
            &bytes[at..at + 24 + len],
        );
        bytes[at + 24 + len..at + 28 + len].copy_from_slice(&crc.to_le_bytes());
    }
}

#[test]
fn a_file_made_of_nested_records_does_not_hang_the_open() {
    // Every eighth byte looks like a long record that knows everything: the search for valid ones must give up.
    let header = record::FileHeader {
        version: record::VERSION,
        salt: 5,
        first_lsn: 7,
    };
    let mut bytes = header.to_bytes().to_vec();
    let total = 4 << 20;
    while bytes.len() < total {
        let len = (total - bytes.len()) as u32 / 2;
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(&[1, 0, 0, 0]);
        bytes.extend_from_slice(&u64::MAX.to_le_bytes());
        bytes.extend_from_slice(&(u64::MAX - 1).to_le_bytes());
    }
    let begin = std::time::Instant::now();
    assert!(matches!(read(&bytes), Err(Error::Corrupt { .. })));
    assert!(begin.elapsed().as_secs() < 5);
}

#[test]
fn a_payload_past_the_limit_is_refused_and_the_log_goes_on() {
    let vfs = MemVfs::new();
    let root = Path::new("/s");
    vfs.create_dir(root).unwrap();
    vfs.create_dir(&folder(root)).unwrap();
    let disk = Arc::new(Disk::new(Arc::new(vfs)));
    let mut wal = Wal::create(&disk, root, 1).unwrap();
    let long = vec![1; MAX_PAYLOAD + 1];
    assert_eq!(
        wal.append(Kind::Upsert, 0, &long).unwrap_err().code(),
        "LIMIT_EXCEEDED"
    );
    assert_eq!(wal.append(Kind::Upsert, 0, &long[1..]).unwrap(), 1);
    disk.check().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_overwrite_of_a_log_gives_a_prefix_or_a_report(
        at in 0usize..1200, garbage in prop::collection::vec(any::<u8>(), 1..200),
    ) {
        let payloads = payloads(24);
        let (mut bytes, _) = written(&payloads);
        let at = at % bytes.len();
        let end = (at + garbage.len()).min(bytes.len());
        bytes[at..end].copy_from_slice(&garbage[..end - at]);
        match read(&bytes) {
            Ok(got) => prop_assert!(payloads.starts_with(&got)),
            Err(Error::Corrupt { .. } | Error::UnsupportedVersion { .. }) => {}
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
    }

    #[test]
    fn any_payload_is_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for version in [1, 2] {
            let _ = Upsert::decode(&bytes, version);
            let _ = Delete::decode(&bytes, version);
        }
        let _ = Edit::decode(&bytes);
        let _ = Revert::decode(&bytes);
    }
}
