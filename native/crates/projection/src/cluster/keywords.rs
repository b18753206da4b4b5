//! Words that tell clusters apart: class-based TF-IDF (Grootendorst 2022, BERTopic).

use std::collections::{HashMap, HashSet};

use super::Clusters;

/// Words of a cell that count, from its beginning.
const CELL_WORDS: usize = 1_000;
/// Longer words are none: they are keys, or lines of code.
const WORD_CHARS: usize = 40;
/// Where cells have fewer words than this on average, each is one name and not a text.
const NAME_WORDS: f64 = 2.5;
/// A word with so many letters more than another is a form of it.
const ENDING_CHARS: usize = 2;
/// Shorter words are no stems.
const STEM_CHARS: usize = 3;

/// Up to `most` keywords of each cluster, best first, out of a text for each row.
///
/// - `cells`: the texts, in the order of the rows; `None` says nothing.
/// - `central`: for each row how much it is in the middle of its cluster, 0 or more.
///
/// The score of a word is `sqrt(tf) ln(1 + A / f)`: `tf` the share of the cluster's cells that have it, `f` the number of all cells that do, `A` the mean number of words
/// of a cluster. That is BERTopic's c-TF-IDF (with `reduce_frequent_words`), but that a word counts once a cell, and that a word is no keyword where it is not commoner than
/// elsewhere; so no list of stop words is needed, in no language. Words are runs of letters and digits, in lower case; those without a letter, and single letters (other than
/// ideographs), are left out. Of words that differ in their ending alone the better one stays.
///
/// Where cells are short (a list of words or names) each is a keyword as it stands, and rows count by how central they are.
///
/// # Panics
/// When `cells` or `central` are fewer than the rows of `clusters`.
pub fn keywords(
    clusters: &Clusters,
    cells: &[Option<&str>],
    central: &[f32],
    most: usize,
) -> Vec<Vec<String>> {
    let names = are_names(cells);
    let mut counts = Counts::new(clusters.sizes.len());
    let mut found = Vec::new();
    for (row, cluster) in clusters.of.iter().enumerate() {
        found.clear();
        let cell = cells[row].unwrap_or_default();
        if names {
            found.extend(name(cell));
        } else {
            found.extend(words(cell).map(str::to_lowercase));
        }
        counts.add(*cluster as usize, &mut found, central[row], names);
    }
    counts.best(most)
}

/// Whether the cells are names and not texts, by the first of them.
fn are_names(cells: &[Option<&str>]) -> bool {
    const SAMPLE: usize = 10_000;
    let (mut some, mut all) = (0usize, 0usize);
    for cell in cells.iter().flatten().take(SAMPLE) {
        let count = cell.split_whitespace().take(CELL_WORDS).count();
        some += usize::from(count > 0);
        all += count;
    }
    (all as f64) < NAME_WORDS * some as f64
}

/// A cell as one keyword.
fn name(cell: &str) -> Option<String> {
    let text = cell.split_whitespace().collect::<Vec<_>>().join(" ");
    let fits = text.chars().count() <= WORD_CHARS && text.chars().any(char::is_alphabetic);
    fits.then_some(text)
}

/// The words of a cell.
fn words(cell: &str) -> impl Iterator<Item = &str> {
    // Accents may stand after their letters.
    let inside = |c: char| c.is_alphanumeric() || ('\u{300}'..'\u{370}').contains(&c);
    cell.split(move |c| !inside(c))
        .filter(|word| {
            let mut chars = word.chars();
            match (chars.next(), chars.next()) {
                (Some(only), None) => only.is_alphabetic() && only >= '\u{2e80}',
                _ => word.chars().any(char::is_alphabetic),
            }
        })
        .take(CELL_WORDS)
        .filter(|word| word.chars().count() <= WORD_CHARS)
}

/// What is known of a word in a cluster.
#[derive(Clone, Copy, Default)]
struct Count {
    weight: f64,
    /// The greatest among the rows that have it.
    central: f32,
}

struct Counts {
    ids: HashMap<String, u32>,
    words: Vec<String>,
    /// Cells that have each word.
    cells: Vec<u32>,
    clusters: Vec<HashMap<u32, Count>>,
    /// Weight of all cells of each cluster.
    weights: Vec<f64>,
}

impl Counts {
    fn new(clusters: usize) -> Counts {
        Counts {
            ids: HashMap::new(),
            words: Vec::new(),
            cells: Vec::new(),
            clusters: vec![HashMap::new(); clusters],
            weights: vec![0.0; clusters],
        }
    }

    /// The words of one cell; `weighed`: it counts by how central it is.
    fn add(&mut self, cluster: usize, words: &mut Vec<String>, central: f32, weighed: bool) {
        let weight = if weighed { f64::from(central) } else { 1.0 };
        self.weights[cluster] += weight;
        words.sort_unstable();
        words.dedup();
        for word in words.drain(..) {
            let next = self.words.len() as u32;
            let id = match self.ids.get(&word) {
                Some(id) => *id,
                None => {
                    self.ids.insert(word.clone(), next);
                    self.words.push(word);
                    self.cells.push(0);
                    next
                }
            };
            self.cells[id as usize] += 1;
            let count = self.clusters[cluster].entry(id).or_default();
            count.weight += weight;
            count.central = count.central.max(central);
        }
    }

    fn best(&self, most: usize) -> Vec<Vec<String>> {
        let mean = self.words_of_a_cluster();
        let weight: f64 = self.weights.iter().sum();
        let mut everywhere = vec![0.0f64; self.words.len()];
        for (id, count) in self.clusters.iter().flatten() {
            everywhere[*id as usize] += count.weight;
        }
        let of_one = |(words, own): (&HashMap<u32, Count>, &f64)| {
            let mut scored: Vec<(u32, bool, f64, f32)> = words
                .iter()
                .map(|(id, count)| {
                    let at = *id as usize;
                    // The first few are what they are for lack of better.
                    let common = count.weight * weight <= everywhere[at] * own * (1.0 + 1e-9);
                    let idf = (mean / f64::from(self.cells[at])).ln_1p();
                    let tf = if *own > 0.0 { count.weight / own } else { 0.0 };
                    (*id, common, tf.sqrt() * idf, count.central)
                })
                .collect();
            scored.sort_unstable_by(|a, b| {
                let by_score = a.1.cmp(&b.1).then(b.2.total_cmp(&a.2));
                let by_place = by_score.then(b.3.total_cmp(&a.3));
                by_place.then_with(|| self.words[a.0 as usize].cmp(&self.words[b.0 as usize]))
            });
            self.different(scored.iter().map(|scored| scored.0), most)
        };
        self.clusters
            .iter()
            .zip(&self.weights)
            .map(of_one)
            .collect()
    }

    /// The mean number of words of a cluster. Clusters count by their size: however many tiny ones there are, they do not change it.
    fn words_of_a_cluster(&self) -> f64 {
        let all: f64 = self.cells.iter().map(|cells| f64::from(*cells)).sum();
        let weight: f64 = self.weights.iter().sum();
        let clusters = self
            .weights
            .iter()
            .map(|w| (w / weight).powi(2))
            .sum::<f64>();
        if weight > 0.0 { all * clusters } else { all }
    }

    /// The first words that are not forms of one before.
    fn different(&self, ids: impl Iterator<Item = u32>, most: usize) -> Vec<String> {
        let mut chosen: Vec<String> = Vec::with_capacity(most);
        let mut folded: HashSet<String> = HashSet::new();
        for id in ids {
            if chosen.len() == most {
                break;
            }
            let word = &self.words[id as usize];
            let low = word.to_lowercase();
            if folded.iter().any(|other| is_form(other, &low)) {
                continue;
            }
            folded.insert(low);
            chosen.push(word.clone());
        }
        chosen
    }
}

/// Whether two words are the same but for an ending.
fn is_form(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() {
        (one, other)
    } else {
        (other, one)
    };
    long.strip_prefix(short).is_some_and(|ending| {
        let chars = ending.chars().count();
        chars == 0 || chars <= ENDING_CHARS && short.chars().count() >= STEM_CHARS
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_digits_with_a_letter() {
        let found = |text| words(text).collect::<Vec<_>>();
        assert_eq!(found("Don't pay $3,000 in 2024"), ["Don", "pay", "in"]);
        assert_eq!(
            found("naïve nai\u{308}ve x2 B-52s"),
            ["naïve", "nai\u{308}ve", "x2", "52s"]
        );
        assert_eq!(found("日 本 a ß Щ"), ["日", "本"]);
        let long = "q".repeat(41);
        assert_eq!(found(&long), [""; 0]);
        assert_eq!(found(""), [""; 0]);
    }

    #[test]
    fn forms_of_a_word_are_told() {
        assert!(is_form("game", "games") && is_form("boxes", "box") && is_form("us", "us"));
        assert!(!is_form("car", "carpet") && !is_form("in", "inn") && !is_form("cat", "dog"));
    }
}
