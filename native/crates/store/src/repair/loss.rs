//! The account of what is lost of a collection.

use std::collections::HashMap;

use roaring::RoaringBitmap;

use super::LostRows;
use crate::meta::Id;
use crate::segment::runs;

/// Ids that are named of a run of lost rows.
const IDS_NAMED: usize = 100;
/// Runs of lost rows that are listed of one place.
const RUNS_NAMED: usize = 1000;

/// What is lost of a collection.
#[derive(Default)]
pub(super) struct Loss {
    /// Rows that are not in the new store, dead ones included.
    pub rows: RoaringBitmap,
    /// Rows that later records deleted or replaced: nothing is lost with them.
    pub superseded: RoaringBitmap,
    /// Rows of which the id can still be read.
    pub known: HashMap<Id, u32>,
    places: Vec<Place>,
}

/// Where rows were lost.
pub(super) struct Place {
    /// The segment, or `wal`.
    pub segment: String,
    /// Rows that were live, by number.
    pub lost: RoaringBitmap,
    /// Ids of them, as far as they can be read.
    pub ids: HashMap<u32, Id>,
    /// Why: a text, and the rows that it is said of.
    pub reasons: Vec<(String, RoaringBitmap)>,
}

impl Loss {
    pub fn add(&mut self, place: Place) {
        let ids = place.ids.iter();
        self.known.extend(ids.map(|(row, id)| (id.clone(), *row)));
        self.places.push(place);
    }

    /// Live rows lost.
    pub fn count(&self) -> u64 {
        let places = self.places.iter();
        places.map(|p| (&p.lost - &self.superseded).len()).sum()
    }

    /// Which they are.
    pub fn list(self) -> Vec<LostRows> {
        let mut list = Vec::new();
        for place in &self.places {
            let lost = &place.lost - &self.superseded;
            for rows in runs(&lost).into_iter().take(RUNS_NAMED) {
                let reasons = place.reasons.iter();
                let reasons: Vec<&str> = reasons
                    .filter(|(_, of)| of.range_cardinality(rows.clone()) > 0)
                    .map(|(text, _)| text.as_str())
                    .collect();
                let ids = rows.clone().filter_map(|row| place.ids.get(&row).cloned());
                list.push(LostRows {
                    segment: place.segment.clone(),
                    ids: ids.take(IDS_NAMED).collect(),
                    rows: [rows.start, rows.end - 1],
                    reason: reasons.join("; "),
                });
            }
        }
        list
    }
}
