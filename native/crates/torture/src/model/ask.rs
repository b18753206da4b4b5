//! Searches, compared with brute force.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use omendb_store::{Hit, Plan, SearchRequest, Snapshot};

use super::step::Step;
use super::world::World;
use crate::workload::vector;

const K: usize = 10;
/// Pool size of walks: with the default one so few rows would be scanned.
const EF: usize = 16;

impl World {
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, String> {
        let words = self.bench.collection("words").map_err(|e| e.to_string())?;
        Ok(words.snapshot())
    }

    /// Searches must walk the index, or they would prove nothing about it.
    pub fn is_indexed(&self) -> Result<(), String> {
        let found = self.snapshot()?.search(&SearchRequest {
            ef: Some(EF),
            ..SearchRequest::new(&vector(1, 1), K)
        });
        match found.map_err(|e| e.to_string())?.plan {
            Plan::Exact => Err("there is no index, or it is not used".to_owned()),
            _ => Ok(()),
        }
    }

    /// Asks, and compares with brute force.
    pub fn queries(&mut self, step: &Step) -> Result<(), String> {
        let (seed, from, to, exact) = match *step {
            Step::Exact(seed) => (seed, i64::MIN, i64::MAX, true),
            Step::Filtered(seed, from, to) => (seed, from, to, true),
            Step::Search(seed) => (seed, i64::MIN, i64::MAX, false),
            _ => return Ok(()),
        };
        let query = vector(seed >> 32, i64::from(seed as u32));
        let filter = format!("n >= {from} AND n < {to}");
        let mut request = SearchRequest::new(&query, K);
        request.exact = exact;
        request.ef = Some(EF);
        if matches!(step, Step::Filtered(..)) {
            request.filter = Some(&filter);
        }
        let snapshot = self.snapshot()?;
        let found = snapshot.search(&request).map_err(|e| e.to_string())?.hits;

        let distance = |id: u64, n: i64| -> f64 {
            let pairs = vector(id, n).into_iter().zip(query);
            pairs
                .map(|(a, b)| f64::from(a - b).powi(2))
                .sum::<f64>()
                .sqrt()
        };
        let matching = self
            .rows
            .iter()
            .filter(|(_, row)| (from..to).contains(&row.n));
        let all: BTreeMap<u32, f64> = matching
            .map(|(id, row)| (row.number, distance(*id, row.written)))
            .collect();
        let mut wanted: Vec<f64> = all.values().copied().collect();
        wanted.sort_by(f64::total_cmp);
        wanted.truncate(K);

        let close = |a: f64, b: f64| (a - b).abs() <= 1e-3 * (1.0 + b);
        let mut unique = BTreeSet::new();
        for hit in &found {
            let right = all
                .get(&hit.row)
                .is_some_and(|&d| close(f64::from(hit.distance), d));
            if !right || !unique.insert(hit.row) {
                return Err(format!(
                    "{hit:?} is not live, not matching, there twice or not so far away"
                ));
            }
        }
        if found.len() != wanted.len() || !found.is_sorted_by(|a, b| a.distance <= b.distance) {
            return Err(format!("{found:?}, wanted {wanted:?}"));
        }
        let hit = |(hit, d): (&Hit, &f64)| close(f64::from(hit.distance), *d);
        if exact {
            return match found.iter().zip(&wanted).all(hit) {
                true => Ok(()),
                false => Err(format!("{found:?}, wanted {wanted:?}")),
            };
        }
        let last = wanted.last().copied().unwrap_or_default();
        let good = found
            .iter()
            .filter(|h| f64::from(h.distance) <= last * 1.001 + 1e-3);
        self.found += good.count() as f64;
        self.wanted += wanted.len() as f64;
        Ok(())
    }
}
