use std::fmt;

/// How two vectors are compared. Smaller is always closer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Metric {
    /// Euclidean distance.
    L2,
    /// 1 - cosine similarity; a zero vector has distance 1 to everything.
    Cosine,
    /// Negative inner product.
    Dot,
}

impl Metric {
    /// Every metric, in the order in which people are offered them.
    pub const ALL: [Metric; 3] = [Metric::Cosine, Metric::L2, Metric::Dot];

    /// The metric of that name: `l2`, `cosine` or `dot`, in exactly these letters.
    pub fn parse(name: &str) -> Result<Metric, UnknownMetric> {
        match name {
            "l2" => Ok(Metric::L2),
            "cosine" => Ok(Metric::Cosine),
            "dot" => Ok(Metric::Dot),
            other => Err(UnknownMetric(other.chars().take(64).collect())),
        }
    }

    /// The name that [`Metric::parse`] takes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Metric::L2 => "l2",
            Metric::Cosine => "cosine",
            Metric::Dot => "dot",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(name: &str) -> Result<Metric, UnknownMetric> {
        Metric::parse(name)
    }
}

/// A metric name that is not one of `l2`, `cosine`, `dot`; holds the first 64 characters of what was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownMetric(pub String);

impl fmt::Display for UnknownMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown metric \"{}\": use l2, cosine or dot", self.0)
    }
}

impl std::error::Error for UnknownMetric {}

/// The distance that people see, from an internal score: the square root for L2, and never below 0 for L2 and cosine, where
/// rounding can take a score slightly under it. Never decreases as the score grows.
pub fn to_distance(metric: Metric, score: f32) -> f32 {
    match metric {
        Metric::L2 => score.max(0.0).sqrt(),
        Metric::Cosine => score.max(0.0),
        Metric::Dot => score,
    }
}
