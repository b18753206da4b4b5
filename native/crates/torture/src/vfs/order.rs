//! The order of syncs, as SQLite's journal test checks it: a manifest gets its name only when all that it names is durable.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::medium::Medium;

/// Bytes of a manifest before its body.
const HEADER: usize = 24;

/// What is wrong with giving a manifest with these bytes its name now; empty when all is well.
pub(super) fn breaches(root: &Path, bytes: &[u8], medium: &Medium) -> Vec<String> {
    let body = bytes.get(HEADER..).unwrap_or_default();
    let body: Value = match serde_json::from_slice(body) {
        Ok(body) => body,
        Err(e) => return vec![format!("its body is no JSON: {e}")],
    };
    let mut named = Vec::new();
    gather(&body, None, &mut named);
    let mut out: Vec<String> = named
        .into_iter()
        .filter_map(|file| check(root, &file, medium))
        .collect();
    // The log that goes on from it must be there.
    let needed = body["lastLsn"].as_u64().map_or(1, |lsn| lsn + 1);
    let log = medium.live_files().filter_map(|(path, node)| {
        let name = path.file_name()?.to_str()?.strip_suffix(".wal")?;
        Some((name.parse::<u64>().ok()?, path, node))
    });
    match log.filter(|(first, ..)| *first <= needed).max() {
        Some((_, path, node)) if medium.has_durable_head(path, node) => {}
        Some((_, path, _)) => out.push(format!("{} is not synced", path.display())),
        None => out.push(format!("no log goes on at LSN {needed}")),
    }
    out
}

/// A file entry, and the id of what it belongs to.
struct Named {
    name: String,
    bytes: u64,
    id: Option<u64>,
}

fn gather(value: &Value, id: Option<u64>, out: &mut Vec<Named>) {
    match value {
        Value::Object(fields) => {
            let id = fields.get("id").and_then(Value::as_u64).or(id);
            if let (Some(name), Some(bytes), true) = (
                fields.get("name").and_then(Value::as_str),
                fields.get("bytes").and_then(Value::as_u64),
                fields.contains_key("crc32c"),
            ) {
                let name = name.to_owned();
                out.push(Named { name, bytes, id });
            }
            fields.values().for_each(|v| gather(v, id, out));
        }
        Value::Array(values) => values.iter().for_each(|v| gather(v, id, out)),
        _ => {}
    }
}

fn check(root: &Path, file: &Named, medium: &Medium) -> Option<String> {
    let segment = format!("{:016x}", file.id.unwrap_or_default());
    let fits = |path: &PathBuf| {
        let Ok(inside) = path.strip_prefix(root) else {
            return false;
        };
        let parts: Vec<_> = inside.iter().map(|p| p.to_string_lossy()).collect();
        match parts.as_slice() {
            [folder, id, name] => *folder == "segments" && *id == segment && *name == file.name,
            [_, name] => *name == file.name,
            _ => false,
        }
    };
    let Some((path, node)) = medium.live_files().find(|(path, _)| fits(path)) else {
        return Some(format!("{} is not there", file.name));
    };
    if !medium.is_durable(path, node) {
        return Some(format!("{} is not synced", path.display()));
    }
    let len = medium.len(node) as u64;
    (len != file.bytes)
        .then(|| format!("{} has {len} bytes and not {}", path.display(), file.bytes))
}
