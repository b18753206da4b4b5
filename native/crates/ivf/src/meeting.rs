//! What scores mean when a query meets an index, under each metric.

use omendb_distance::Metric;
use omendb_distance::blocks::Line;

use crate::codec::CodeQuery;
use crate::frame::{Frame, squares};

/// A query against an index, and what scores mean under its metric.
#[derive(Clone, Copy)]
pub(crate) struct Meeting {
    metric: Metric,
    /// Length and squared length of the query in the frame.
    length: f32,
    square: f32,
    /// One over the root of the dimension.
    share: f32,
    /// What the frame's axes leave out of the squares of query and rows.
    rest: f32,
    rests: f32,
}

impl Meeting {
    /// `query` is in the frame, and `rest` the square of what is not.
    pub fn new(frame: &Frame, query: &[f32], rest: f32) -> Meeting {
        let square = squares(query);
        Meeting {
            metric: frame.metric,
            rest,
            rests: rest + frame.rest,
            square,
            length: square.sqrt(),
            share: 1.0 / (query.len() as f32).sqrt(),
        }
    }

    /// From sums to scores of the centres of regions: squared distances under `l2` and `cosine` once their squares are added, negative products under `dot`.
    #[inline]
    pub fn centre_line(&self, query: &CodeQuery) -> Line {
        match self.metric {
            Metric::Dot => Line {
                base: -query.base,
                factor: -query.unit,
            },
            _ => Line {
                base: self.square - 2.0 * query.base,
                factor: -2.0 * query.unit,
            },
        }
    }

    /// From sums to scores of the centres of a region's partitions, given the score of its own and the square of that.
    #[inline]
    pub fn shift_line(&self, query: &CodeQuery, region: f32, square: f32) -> Line {
        let times = self.times_of_centres();
        let base = match self.metric {
            Metric::Dot => region,
            _ => region - square,
        };
        Line {
            base: base + times * query.base,
            factor: times * query.unit,
        }
    }

    /// How a product with the query goes into the score of a centre.
    pub fn times_of_centres(&self) -> f32 {
        match self.metric {
            Metric::Dot => -1.0,
            _ => -2.0,
        }
    }

    /// What is added to the scores of centres, given their squares.
    pub fn centre_terms<'s>(&self, squares: &'s [f32]) -> &'s [f32] {
        match self.metric {
            Metric::Dot => &[],
            _ => squares,
        }
    }

    /// From sums to estimated scores of a partition's rows, given the score of the centre and its square.
    #[inline]
    pub fn row_line(&self, query: &CodeQuery, centre: f32, square: f32) -> Line {
        let base = match self.metric {
            Metric::L2 => centre + self.rest,
            Metric::Cosine => 1.0 - 0.5 * (self.square + square - centre),
            Metric::Dot => centre,
        };
        let times = self.times_of_rows();
        Line {
            base: base + times * query.base,
            factor: times * query.unit,
        }
    }

    /// How a product with the query goes into the score of a row.
    pub fn times_of_rows(&self) -> f32 {
        match self.metric {
            Metric::L2 => -2.0,
            _ => -1.0,
        }
    }

    /// The standard deviation of an estimated score's error, about, for rows of a partition with this score of its centre.
    pub fn deviation(&self, query: &CodeQuery, centre: f32) -> f32 {
        // The error is that of the residual's product with the query less the centre.
        let share = centre.max(0.0).sqrt() / self.length;
        match self.metric {
            Metric::L2 => 2.0 * query.deviation * share,
            Metric::Cosine if self.length > 0.0 => query.deviation * share,
            _ => query.deviation,
        }
    }

    /// The standard deviation of an estimate's error for a row with such errors, in a frame of `width` numbers of `dimension`, where partitions have
    /// about this score of their centres.
    #[inline]
    pub fn deviation_of(
        &self,
        centre: f32,
        error: f32,
        rest: f32,
        width: f32,
        dimension: f32,
    ) -> f32 {
        let (times, distance) = match self.metric {
            Metric::L2 => (2.0, centre.max(0.0)),
            Metric::Cosine => (1.0, centre.max(0.0)),
            Metric::Dot => (1.0, self.square),
        };
        let of_axes = self.rest * rest * rest / (dimension - width).max(1.0);
        times * (distance * error * error / width + of_axes).sqrt()
    }

    /// No score is more than this times the row's error below its estimate, but for what rounding does.
    #[inline]
    pub fn error_of_codes(&self, centre: f32) -> f32 {
        match self.metric {
            Metric::L2 => 2.0 * centre.max(0.0).sqrt(),
            Metric::Cosine => centre.max(0.0).sqrt(),
            Metric::Dot => self.length,
        }
    }

    /// ... and this times what the axes leave out of the row.
    pub fn error_of_axes(&self) -> f32 {
        match self.metric {
            Metric::L2 => 2.0 * self.rest.sqrt(),
            _ => self.rest.sqrt(),
        }
    }

    /// What rounding does to an estimate at most: in the codes of the query, and in sums of floats over rows no longer than `reach`.
    pub fn slack(&self, rounding: f32, reach: f32, centres: f32, residuals: f32) -> f32 {
        let times = if self.metric == Metric::L2 { 2.0 } else { 1.0 };
        let longest = self.length + self.rest.sqrt() + reach;
        times * (centres + residuals) + rounding * (1.0 + longest * longest)
    }

    /// How near a row may be that lies `reach` standard deviations from the centre towards the query, on the scale of the centre's score.
    #[inline]
    pub fn nearest(&self, centre: f32, radius: f32, reach: f32) -> f32 {
        match self.metric {
            Metric::Dot => centre - reach * self.length * radius * self.share,
            _ => {
                centre + radius * radius
                    - 2.0 * reach * centre.max(0.0).sqrt() * radius * self.share
            }
        }
    }

    /// The `reach` at which [`Meeting::nearest`] gives `near`.
    pub fn reach(&self, centre: f32, radius: f32, near: f32) -> f32 {
        match self.metric {
            Metric::Dot => (centre - near) / (self.length * radius * self.share),
            _ => {
                (centre + radius * radius - near)
                    / (2.0 * centre.max(0.0).sqrt() * radius * self.share)
            }
        }
    }

    /// [`Meeting::nearest`] as a line for centres about as near as `near`, of partitions with radii up to `radius`: no root has to be taken.
    pub fn line_of_nearest(&self, reach: f32, near: f32, radius: f32) -> NearLine {
        let share = reach * self.share;
        match self.metric {
            Metric::Dot => NearLine {
                slope: 0.0,
                base: -share * self.length,
                square: 0.0,
            },
            _ => {
                // A root is below its tangent: `sqrt(s) <= (s + near) / (2 sqrt(near))`.
                // Not so near that what is farther would count as nearer.
                let root = near.max(f32::MIN_POSITIVE).sqrt().max(1.2 * share * radius);
                NearLine {
                    slope: -share / root,
                    base: -share * root,
                    square: 1.0,
                }
            }
        }
    }

    /// A row's score on the scale of the centres' scores.
    #[inline]
    pub fn on_centres_scale(&self, score: f32) -> f32 {
        match self.metric {
            // The squared distance of vectors of length 1; the zero vector has no near and far.
            Metric::Cosine if self.square > 0.0 => 2.0 * score - self.rests,
            Metric::Cosine => f32::INFINITY,
            Metric::L2 => score - self.rests,
            Metric::Dot => score,
        }
    }
}

/// `score + radius * (base + slope * score + square * radius)`.
#[derive(Clone, Copy)]
pub(crate) struct NearLine {
    slope: f32,
    base: f32,
    square: f32,
}

impl NearLine {
    #[inline(always)]
    pub fn at(&self, score: f32, radius: f32) -> f32 {
        score + radius * (self.base + self.slope * score + self.square * radius)
    }
}
