//! The importers: a file is looked at, then read by the plan that was suggested, once to the first bad row and once past all.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use omendb_formats::{OnError, ReadPlan, inspect, open, plan_from};

use super::scratch;

pub fn csv(bytes: &[u8]) -> String {
    import("x.csv", bytes)
}

pub fn jsonl(bytes: &[u8]) -> String {
    import("x.jsonl", bytes)
}

pub fn npy(bytes: &[u8]) -> String {
    import("x.npy", bytes)
}

pub fn parquet(bytes: &[u8]) -> String {
    import("x.parquet", bytes)
}

pub fn fvecs(bytes: &[u8]) -> String {
    import("x.fvecs", bytes)
}

/// The first byte chooses the extension.
pub fn sniff(bytes: &[u8]) -> String {
    const NAMES: [&str; 8] = [
        "x", "x.csv", "x.tsv", "x.txt", "x.json", "x.ndjson", "x.vec", "x.bin",
    ];
    let Some((name, bytes)) = bytes.split_first() else {
        return String::new();
    };
    import(NAMES[usize::from(*name) % NAMES.len()], bytes)
}

fn import(name: &str, bytes: &[u8]) -> String {
    let path = scratch(name);
    fs::write(&path, bytes).expect("a temporary file");
    let preview = match inspect(&path) {
        Ok(preview) => preview,
        Err(e) => return told(&e),
    };
    let Some(mut plan) = plan_from(&preview) else {
        return "no vector".to_owned();
    };
    let stopping = read(&path, &plan);
    plan.on_error = OnError::Skip;
    let skipping = read(&path, &plan);
    // A dimension that the file did not suggest, and no id.
    plan.dimension = None;
    plan.id = None;
    for column in &mut plan.columns {
        column.dimension = None;
    }
    format!("{stopping}; {skipping}; {}", read(&path, &plan))
}

fn told(error: &omendb_formats::Error) -> String {
    assert!(!error.remedy().is_empty());
    format!("{} {error}", error.code())
}

fn read(path: &Path, plan: &ReadPlan) -> String {
    let mut reader = match open(path, plan) {
        Ok(reader) => reader,
        Err(e) => return told(&e),
    };
    let mut rows = 0;
    loop {
        match reader.next_batch() {
            Ok(Some(batch)) => {
                assert!(batch.rows > 0);
                assert_eq!(batch.vectors.len(), reader.vectors().len());
                for (values, column) in batch.vectors.iter().zip(reader.vectors()) {
                    assert_eq!(values.len(), batch.rows * column.dimension);
                    assert!(values.iter().all(|v| v.is_finite()));
                }
                assert_eq!(batch.columns.num_rows(), batch.rows);
                assert_eq!(batch.columns.schema(), reader.schema());
                rows += batch.rows as u64;
            }
            Ok(None) => break,
            Err(e) => return told(&e),
        }
    }
    let rejected = reader.rejections();
    assert_eq!(reader.progress().rows_read, rows + rejected.count);
    let kinds: Vec<&str> = rejected.by_reason.keys().copied().collect();
    format!(
        "read, {} columns, without {}",
        reader.schema().fields().len(),
        kinds.join(" ")
    )
}

pub fn csv_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "id,v,n,at\na,\"[1, 2, 3]\",1,2024-01-31\nb,\"[4, 5, 6]\",2,2024-02-01T10:00:00Z\nc,,x,\n",
        "word v0 v1 v2 v3 v4 v5 v6 v7\nking 1 2 3 4 5 6 7 8\nqueen 0.1 -2e3 3 4 5 6 7 8\n",
        "2 3\nthe 0.1 0.2 0.3\nof 0.4 0.5 0.6\n",
        "a;b\n\"x\"\"y\";\"1 2\n3\"\n\u{feff};4 5 6\n",
        "n\tv\ttrue\n1\t[1,2]\tfalse\n2\t[NaN,1]\tmaybe\n",
        "1,2,3\n4,5,6\n",
    ];
    texts.iter().map(|t| t.as_bytes().to_vec()).collect()
}

pub fn jsonl_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "{\"id\": \"a\", \"v\": [1, 2.5, -3e2], \"j\": {\"x\": [1, null, \"\\u00e9\"]}, \"t\": true}\n{\"id\": \"b\", \"v\": [0, 0, 1]}\n",
        "[1, 2, 3]\n[4, 5, 6]\n\n[7, 8, null]\n",
        "{\"v\": [1], \"at\": \"2024-01-31 10:00:00\", \"n\": 9007199254740993}\n{\"v\": [1, 2]}\n{\"x\": 1}\n{\n",
    ];
    texts.iter().map(|t| t.as_bytes().to_vec()).collect()
}

pub fn npy_seeds() -> Vec<Vec<u8>> {
    let file = |version: u8, descr: &str, fortran: &str, shape: &str, data: &[u8]| {
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        let mut out = b"\x93NUMPY".to_vec();
        out.extend([version, 0]);
        match version {
            1 => out.extend((header.len() as u16).to_le_bytes()),
            _ => out.extend((header.len() as u32).to_le_bytes()),
        }
        out.extend(header.as_bytes());
        out.extend(data);
        out
    };
    let floats: Vec<u8> = (0..12)
        .flat_map(|i| (i as f32 / 3.0).to_le_bytes())
        .collect();
    vec![
        file(1, "<f4", "False", "(4, 3)", &floats),
        file(1, "<f4", "True", "(3, 4)", &floats),
        file(2, ">f8", "False", "(3, 2)", &floats),
        file(3, "<f2", "False", "(6, 4)", &floats),
        file(1, "|u1", "True", "(6, 8)", &floats),
        file(1, "<i8", "False", "(6,)", &floats),
    ]
}

pub fn parquet_seeds() -> Vec<Vec<u8>> {
    let columns: Vec<(String, ArrayRef)> = vec![
        (
            "id".into(),
            Arc::new(StringArray::from(vec!["a", "b", "c"])),
        ),
        (
            "n".into(),
            Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])),
        ),
        (
            "x".into(),
            Arc::new(Float64Array::from(vec![0.5, 1.5, 2.5])),
        ),
    ];
    let numbered = (0..8).map(|i| {
        let values: ArrayRef = Arc::new(Float32Array::from(vec![i as f32, 1.0, -1.0]));
        (format!("v{i}"), values)
    });
    let batch =
        RecordBatch::try_from_iter(columns.into_iter().chain(numbered)).expect("one length");
    let path = scratch("seed.parquet");
    let _ = fs::remove_file(&path);
    omendb_formats::write::parquet::<omendb_formats::Error>(&path, batch.schema(), [Ok(batch)])
        .expect("a temporary file");
    vec![fs::read(path).expect("it was written")]
}

pub fn fvecs_seeds() -> Vec<Vec<u8>> {
    let row = |values: &[f32]| {
        let mut out = (values.len() as i32).to_le_bytes().to_vec();
        out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        out
    };
    vec![
        [row(&[1.0, 2.0, 3.0]), row(&[4.0, 5.0, 6.0])].concat(),
        [row(&[1.0]), row(&[f32::NAN]), row(&[2.0])].concat(),
    ]
}

pub fn sniff_seeds() -> Vec<Vec<u8>> {
    let all = [csv_seeds(), jsonl_seeds(), npy_seeds(), fvecs_seeds()];
    let first = all.into_iter().filter_map(|seeds| seeds.into_iter().next());
    first
        .zip(0u8..)
        .map(|(seed, n)| [vec![n], seed].concat())
        .collect()
}
