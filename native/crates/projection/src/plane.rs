//! The nearest points of the plane: a k-d tree (Bentley 1975) without pointers, the middle of each run of points being its node.

/// Runs of so few points are looked at one by one.
const LEAF: usize = 12;

/// Points of the plane, in the order of the tree.
pub(crate) struct Plane<'a> {
    points: &'a [[f32; 2]],
    order: Vec<u32>,
}

impl<'a> Plane<'a> {
    /// `points`: finite.
    pub(crate) fn new(points: &'a [[f32; 2]]) -> Plane<'a> {
        let mut order: Vec<u32> = (0..points.len() as u32).collect();
        sort(points, &mut order, 0);
        Plane { points, order }
    }

    /// Puts the `k` nearest other points of the point at `at` into `out`, nearest first; equally far ones in their order.
    pub(crate) fn nearest(&self, at: u32, k: usize, out: &mut Vec<u32>) {
        let mut search = Search {
            points: self.points,
            from: self.points[at as usize],
            at,
            k,
            found: Vec::with_capacity(k + 1),
        };
        if k > 0 {
            search.run(&self.order, 0);
        }
        out.clear();
        out.extend(search.found.iter().map(|(_, other)| other));
    }
}

/// Sorts the points of a run to both sides of its middle, and so on within these.
fn sort(points: &[[f32; 2]], order: &mut [u32], axis: usize) {
    if order.len() <= LEAF {
        return;
    }
    let middle = order.len() / 2;
    let of = |at: &u32| points[*at as usize][axis];
    let (low, _, high) =
        order.select_nth_unstable_by(middle, |a, b| of(a).total_cmp(&of(b)).then(a.cmp(b)));
    rayon::join(
        || sort(points, low, 1 - axis),
        || sort(points, high, 1 - axis),
    );
}

struct Search<'a> {
    points: &'a [[f32; 2]],
    from: [f32; 2],
    at: u32,
    k: usize,
    /// The nearest so far, in order.
    found: Vec<(f32, u32)>,
}

impl Search<'_> {
    fn run(&mut self, order: &[u32], axis: usize) {
        if order.len() <= LEAF {
            order.iter().for_each(|other| self.look(*other));
            return;
        }
        let middle = order.len() / 2;
        let node = order[middle];
        self.look(node);
        let beyond = self.from[axis] - self.points[node as usize][axis];
        let (low, high) = (&order[..middle], &order[middle + 1..]);
        let (near, far) = if beyond < 0.0 {
            (low, high)
        } else {
            (high, low)
        };
        self.run(near, 1 - axis);
        // Equally far ones count by their order, so those on the bar are looked at too.
        if self.found.len() < self.k || beyond * beyond <= self.bar() {
            self.run(far, 1 - axis);
        }
    }

    fn bar(&self) -> f32 {
        self.found.last().map_or(f32::INFINITY, |(far, _)| *far)
    }

    #[inline]
    fn look(&mut self, other: u32) {
        let [x, y] = self.points[other as usize];
        let (dx, dy) = (x - self.from[0], y - self.from[1]);
        let far = dx * dx + dy * dy;
        if other == self.at || self.found.len() == self.k && far > self.bar() {
            return;
        }
        let place = self.found.partition_point(|(d, o)| (*d, *o) < (far, other));
        self.found.insert(place, (far, other));
        self.found.truncate(self.k);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::hash;

    #[test]
    fn as_by_looking_at_all() {
        for (n, grid) in [(1u64, 4), (2, 4), (13, 2), (700, 5), (900, 1 << 20)] {
            // A coarse grid has many points that are equally far, and in one place.
            let number = |at| (hash(n, at) % grid) as f32;
            let points: Vec<[f32; 2]> =
                (0..n).map(|i| [number(2 * i), number(2 * i + 1)]).collect();
            let plane = Plane::new(&points);
            let mut found = Vec::new();
            for at in 0..n as u32 {
                let [x, y] = points[at as usize];
                let mut all: Vec<(f32, u32)> = (0..n as u32)
                    .filter(|other| *other != at)
                    .map(|other| {
                        let [ox, oy] = points[other as usize];
                        ((ox - x) * (ox - x) + (oy - y) * (oy - y), other)
                    })
                    .collect();
                all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                for k in [0, 1, 7] {
                    plane.nearest(at, k, &mut found);
                    let right: Vec<u32> = all.iter().take(k).map(|(_, other)| *other).collect();
                    assert_eq!(found, right, "{n} points, point {at}, k {k}");
                }
            }
        }
    }
}
