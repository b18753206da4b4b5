//! Hostile files whose checksums are right: the file's own, and those in the manifests.

use std::path::Path;

use omendb_store::vfs::MemVfs;
use serde_json::Value;

use crate::exercise::exercise;
use crate::files::{Files, is_manifest, refusal};
use crate::random::Random;
use crate::report::{Report, Verdict, survey};
use crate::seal::reseal;
use crate::stores;

const MANIFEST_HEADER: usize = 24;
/// What hostile numbers are, besides their neighbours and small ones.
const EXTREMES: [u64; 8] = [
    0,
    1,
    1 << 31,
    (1 << 31) - 1,
    (1 << 32) - 1,
    1 << 63,
    u64::MAX - 20,
    u64::MAX,
];

/// `count` times a file of the store is forged; what then opens is read from. `only` names the files by a part of their path.
pub fn forged(part: &'static str, files: &Files, only: &str, count: u64, seed: u64) -> Report {
    let chosen: Vec<usize> = (0..files.all().len())
        .filter(|n| files.all()[*n].0.to_string_lossy().contains(only))
        .collect();
    let describe = |case| {
        let file = *Random::new(seed, case).pick(&chosen);
        format!("forged {}", files.all()[file].0.display())
    };
    survey(part, seed, count, describe, |case| {
        let mut random = Random::new(seed, case);
        let (path, bytes) = &files.all()[*random.pick(&chosen)];
        let changed = if is_manifest(path) {
            forge_manifest(bytes, &mut random)
        } else {
            forge(path, bytes, &mut random)
        };
        let vfs = files.fork();
        replace(files, &vfs, path, &changed);
        match stores::open(&vfs) {
            Err(e) => refusal(&e),
            Ok(store) => match exercise(&store, case % 64 == 0) {
                Ok(()) => Verdict::Sound,
                Err(why) => Verdict::Failed(why),
            },
        }
    })
}

/// Puts other bytes in the place of a file, and lets the manifests say that these are the right ones.
pub fn replace(files: &Files, vfs: &MemVfs, path: &Path, changed: &[u8]) {
    vfs.write(path, changed).expect("files in memory");
    let old = files
        .all()
        .iter()
        .find(|f| f.0 == path)
        .map(|f| f.1.as_slice());
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
    let (Some(old), Some(name)) = (old, name) else {
        return;
    };
    let entry = |bytes: &[u8]| (bytes.len() as u64, crc32c::crc32c(bytes));
    let (old, new) = (entry(old), entry(changed));
    for (manifest, bytes) in files
        .all()
        .iter()
        .filter(|f| is_manifest(&f.0) && f.0 != path)
    {
        let Some(body) = bytes.get(MANIFEST_HEADER..) else {
            continue;
        };
        let Ok(mut body) = serde_json::from_slice::<Value>(body) else {
            continue;
        };
        restate(&mut body, &name, old, new);
        vfs.write(manifest, &with_body(manifest, bytes, &body))
            .expect("files in memory");
    }
}

fn with_body(path: &Path, bytes: &[u8], body: &Value) -> Vec<u8> {
    let mut out = bytes[..MANIFEST_HEADER].to_vec();
    out.extend_from_slice(body.to_string().as_bytes());
    reseal(path, &mut out);
    out
}

/// Changes length and checksum wherever a file of this name, length and checksum is named.
fn restate(value: &mut Value, name: &str, old: (u64, u32), new: (u64, u32)) {
    match value {
        Value::Object(map) => {
            let is = map.get("name").is_some_and(|n| n == name)
                && map.get("bytes").is_some_and(|n| *n == old.0)
                && map.get("crc32c").is_some_and(|n| *n == old.1);
            if is {
                map.insert("bytes".to_owned(), new.0.into());
                map.insert("crc32c".to_owned(), new.1.into());
            }
            map.values_mut().for_each(|v| restate(v, name, old, new));
        }
        Value::Array(items) => items.iter_mut().for_each(|v| restate(v, name, old, new)),
        _ => {}
    }
}

fn forge(path: &Path, bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..1 + random.below(3) {
        if out.is_empty() {
            break;
        }
        // Half of all changes hit the ends, where the counts are.
        let near = random.below(2) == 0;
        let at = random.below(if near { out.len().min(160) } else { out.len() });
        let at = if near && random.below(2) == 0 {
            out.len() - 1 - at
        } else {
            at
        };
        change(&mut out, at, random);
    }
    reseal(path, &mut out);
    out
}

fn change(out: &mut Vec<u8>, at: usize, random: &mut Random) {
    let word = at / 4 * 4;
    let number = match random.below(4) {
        0 => *random.pick(&EXTREMES),
        1 => random.below(1200) as u64,
        2 => random.next(),
        _ => (word / 4) as u64,
    };
    let width = *random.pick(&[1, 4, 8]);
    match random.below(10) {
        // Numbers where numbers are: rows and slots that do not exist, or are one and the same.
        0..4 => set(out, word, &number.to_le_bytes()[..width]),
        4 => {
            for n in 0..1 + random.below(64) {
                set(out, word + 4 * n, &(number as u32).to_le_bytes());
            }
        }
        5 => {
            let len = random.below(256).min(out.len() - at);
            let from = random.below(out.len() - len + 1);
            out.copy_within(from..from + len, at);
        }
        6 if random.below(4) == 0 => out.truncate(at),
        7 if random.below(4) == 0 => out.extend((0..random.below(64)).map(|_| random.next() as u8)),
        _ => out[at] ^= 1 << random.below(8),
    }
}

fn set(out: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = out.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

/// Other numbers, texts, members and elements in the manifest's body.
fn forge_manifest(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut body: Value = serde_json::from_slice(&bytes[MANIFEST_HEADER..]).expect("it is sound");
    for _ in 0..1 + random.below(3) {
        let leaves = count(&body);
        let mut left = random.below(leaves);
        mutate(&mut body, &mut left, random);
    }
    with_body("MANIFEST-".as_ref(), bytes, &body)
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Object(map) => map.values().map(count).sum(),
        Value::Array(items) => items.iter().map(count).sum(),
        _ => 0,
    }
}

/// Changes the `left`-th value. Whether it was reached.
fn mutate(value: &mut Value, left: &mut usize, random: &mut Random) -> bool {
    if *left > 0 {
        *left -= 1;
        return match value {
            Value::Object(map) => map.values_mut().any(|v| mutate(v, left, random)),
            Value::Array(items) => items.iter_mut().any(|v| mutate(v, left, random)),
            _ => false,
        };
    }
    match value {
        Value::Number(n) => {
            let old = n.as_u64().unwrap_or(0);
            let near = [
                old.wrapping_add(1),
                old.wrapping_sub(1),
                old.wrapping_mul(2),
            ];
            let from: &[u64] = if random.below(2) == 0 {
                &near
            } else {
                &EXTREMES
            };
            *value = (*random.pick(from)).into();
        }
        Value::String(text) => {
            let other = ["", "../x", "int", "text", "l2", "columns.arrow", "\u{0}"];
            *value = if random.below(2) == 0 || text.is_empty() {
                (*random.pick(&other)).into()
            } else {
                text.chars().skip(1).collect::<String>().into()
            };
        }
        Value::Array(items) if !items.is_empty() => {
            let at = random.below(items.len());
            if random.below(2) == 0 {
                items.remove(at);
            } else {
                items.push(items[at].clone());
            }
        }
        Value::Object(map) if !map.is_empty() => {
            let key = map.keys().nth(random.below(map.len())).cloned();
            key.and_then(|key| map.remove(&key));
        }
        _ => *value = 1.into(),
    }
    true
}
