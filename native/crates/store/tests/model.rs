//! Random histories against a plain map and brute force.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use omendb_store::vfs::MemVfs;
use omendb_store::{Collection, Id, ImportTarget, SearchRequest, Store};
use proptest::prelude::*;
use support::*;

#[derive(Debug, Clone)]
enum Step {
    Add(Vec<(u8, i64)>),
    Import(Vec<(u8, i64)>),
    CancelledImport,
    Delete(Vec<u8>),
    DeleteRows(Vec<u32>),
    Checkpoint,
    Reopen,
    Kill,
}

/// Few ids, so that they collide.
fn pairs(max: usize) -> impl Strategy<Value = Vec<(u8, i64)>> {
    prop::collection::vec((0u8..24, -50i64..50), 1..max)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => pairs(6).prop_map(Step::Add),
        2 => pairs(30).prop_map(Step::Import),
        1 => Just(Step::CancelledImport),
        2 => prop::collection::vec(0u8..24, 1..4).prop_map(Step::Delete),
        1 => prop::collection::vec(0u32..60, 1..4).prop_map(Step::DeleteRows),
        2 => Just(Step::Checkpoint),
        1 => Just(Step::Reopen),
        2 => Just(Step::Kill),
    ]
}

struct World {
    vfs: MemVfs,
    store: Arc<Store>,
    words: Arc<Collection>,
    /// Id to (row number, n).
    model: BTreeMap<String, (u32, i64)>,
    next_row: u32,
}

impl World {
    fn new() -> World {
        let vfs = MemVfs::new();
        let store = open(&vfs);
        let words = store.create_collection(spec("words")).unwrap();
        World {
            vfs,
            store,
            words,
            model: BTreeMap::new(),
            next_row: 0,
        }
    }

    fn put(&mut self, pairs: &[(String, i64)]) {
        for (id, n) in pairs {
            self.model.insert(id.clone(), (self.next_row, *n));
            self.next_row += 1;
        }
    }

    fn step(&mut self, step: &Step) {
        let named = |pairs: &[(u8, i64)]| -> Vec<(String, i64)> {
            pairs
                .iter()
                .map(|(id, n)| (format!("id{id}"), *n))
                .collect()
        };
        fn borrowed(pairs: &[(String, i64)]) -> Vec<(&str, i64)> {
            pairs.iter().map(|(id, n)| (id.as_str(), *n)).collect()
        }
        match step {
            Step::Add(pairs) => {
                let pairs = named(pairs);
                let (columns, vectors) = rows(&borrowed(&pairs));
                let range = self.words.add(columns, &vectors).unwrap();
                assert_eq!(range, self.next_row..self.next_row + pairs.len() as u32);
                self.put(&pairs);
            }
            Step::Import(pairs) => {
                let pairs = named(pairs);
                let mut import = self
                    .store
                    .begin_import(ImportTarget::Existing("words".to_owned()))
                    .unwrap();
                for half in pairs.chunks(pairs.len().div_ceil(2)) {
                    let (columns, vectors) = rows(&borrowed(half));
                    import.append(&columns, &vectors).unwrap();
                }
                let before = self.model.len();
                let done = import.commit().unwrap();
                self.put(&pairs);
                assert_eq!(done.rows, pairs.len() as u64);
                assert_eq!(
                    done.replaced as usize,
                    before + pairs.len() - self.model.len()
                );
            }
            Step::CancelledImport => {
                let mut import = self
                    .store
                    .begin_import(ImportTarget::Existing("words".to_owned()))
                    .unwrap();
                let (columns, vectors) = rows(&[("id1", 999)]);
                import.append(&columns, &vectors).unwrap();
            }
            Step::Delete(ids) => {
                let ids: Vec<String> = ids.iter().map(|id| format!("id{id}")).collect();
                let count = ids
                    .iter()
                    .filter(|id| self.model.remove(*id).is_some())
                    .count();
                let ids: Vec<Id> = ids.into_iter().map(Id::Text).collect();
                assert_eq!(self.words.delete_ids(&ids).unwrap(), count);
            }
            Step::DeleteRows(numbers) => {
                let before = self.model.len();
                self.model.retain(|_, (row, _)| !numbers.contains(row));
                assert_eq!(
                    self.words.delete_rows(numbers).unwrap(),
                    before - self.model.len()
                );
            }
            Step::Checkpoint => self.store.checkpoint().unwrap(),
            Step::Reopen => {
                self.store.close().unwrap();
                self.reopen();
            }
            Step::Kill => {
                self.vfs = self.vfs.fork();
                self.reopen();
            }
        }
    }

    fn reopen(&mut self) {
        self.store = open(&self.vfs);
        self.words = self.store.collection("words").unwrap();
    }

    fn check(&self) {
        let snapshot = self.words.snapshot();
        let wanted: Vec<_> = self
            .model
            .iter()
            .map(|(id, (_, n))| (id.clone(), *n, vector(id, *n).to_vec()))
            .collect();
        assert_eq!(content(&snapshot), wanted);
        for (id, (row, _)) in &self.model {
            assert_eq!(snapshot.row_of(&Id::Text(id.clone())), Some(*row));
        }
        let query = [3.0, 500.0, 100.0, 3.0];
        let mut request = SearchRequest::new(&query, 5);
        request.exact = true;
        let found = snapshot.search(&request).unwrap();
        let found: Vec<(u32, f32)> = found.hits.iter().map(|h| (h.row, h.distance)).collect();
        let distance = |id: &str, n: i64| {
            let sum: f64 = vector(id, n)
                .iter()
                .zip(query)
                .map(|(a, b)| f64::from(a - b).powi(2))
                .sum();
            sum.sqrt()
        };
        let mut brute: Vec<(u32, f64)> = self
            .model
            .iter()
            .map(|(id, (row, n))| (*row, distance(id, *n)))
            .collect();
        brute.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        brute.truncate(5);
        let rows = |hits: &[(u32, f32)]| hits.iter().map(|h| h.0).collect::<Vec<_>>();
        assert_eq!(rows(&found), brute.iter().map(|h| h.0).collect::<Vec<_>>());
        for (found, brute) in found.iter().zip(&brute) {
            assert!((f64::from(found.1) - brute.1).abs() <= 1e-3 * (1.0 + brute.1));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_history_equals_a_plain_map(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
            world.check();
        }
        prop_assert!(world.store.verify().unwrap().problems.is_empty());
    }
}
