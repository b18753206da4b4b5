//! Files of inputs: `corpus/<target>/` holds those that are kept, `dictionaries/<target>.txt` words of the target's language.

use std::fs;
use std::path::{Path, PathBuf};

use crate::targets::Target;

/// The folder of this crate.
fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where inputs that a target is to be fed at every test lie.
pub fn folder(target: &Target) -> PathBuf {
    home().join("corpus").join(target.name)
}

/// Where inputs that a target failed on are put.
pub fn found() -> PathBuf {
    home().join("found")
}

/// The kept inputs, by name.
pub fn load(target: &Target) -> Vec<(String, Vec<u8>)> {
    let mut inputs: Vec<_> = fs::read_dir(folder(target))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            Some((name, fs::read(entry.path()).ok()?))
        })
        .filter(|(name, _)| !name.ends_with(".md"))
        .collect();
    inputs.sort();
    inputs
}

/// The words of a target: one a line, `\xNN` for a byte, `#` before a remark.
pub fn words(target: &Target) -> Vec<Vec<u8>> {
    let path = home()
        .join("dictionaries")
        .join(format!("{}.txt", target.name));
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines.map(unescape).collect()
}

fn unescape(line: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = line.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.strip_prefix(b"x").and_then(|h| h.get(..2));
        let value = hex.and_then(|h| u8::from_str_radix(std::str::from_utf8(h).ok()?, 16).ok());
        match value.filter(|_| byte == b'\\') {
            Some(value) => {
                out.push(value);
                rest = &after[3..];
            }
            None => {
                out.push(byte);
                rest = after;
            }
        }
    }
    out
}

/// Keeps an input under a name made of its content.
pub fn keep(folder: &Path, prefix: &str, input: &[u8]) -> PathBuf {
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325u64, |h, b| {
        (h ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let path = folder.join(format!("{prefix}{:012x}", hash >> 16));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, input))
        .expect("a folder to keep inputs in");
    path
}
