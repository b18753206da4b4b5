//! One process that feeds one target until its time is up, or it dies of an input.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use omendb_damage::{Random, caught};

use crate::coverage::Coverage;
use crate::targets::Target;
use crate::{corpus, memory, mutate};

/// What one input may take of the processor.
const SECOND: Duration = Duration::from_secs(1);
/// What it may take of the clock, which also counts what other programs took: waiting for nothing is a fault too.
const WAIT: Duration = Duration::from_secs(10);
/// An input that takes longer than this is not waited for.
const HANGS: u64 = 30_000;
/// Inputs beyond the committed ones that are mutated further.
const MAX_QUEUE: usize = 4_000;

/// What came of one input.
enum Fed {
    Fine(String),
    Failed(String),
}

fn feed(target: &Target, input: &[u8]) -> Fed {
    let (fed, bytes) = memory::peak(|| caught(|| (target.feed)(input)));
    match fed {
        Err(panic) => Fed::Failed(format!("it panicked: {panic}")),
        // The parquet crate reserves what a page says it will take, up to 2 GiB, before it looks; that alone costs nothing.
        Ok(_) if bytes.min(memory::resident_peak().unwrap_or(bytes)) > memory::LIMIT => {
            Fed::Failed(format!("it took {} MiB of memory", bytes >> 20))
        }
        Ok(outcome) => Fed::Fine(outcome),
    }
}

/// Feeds an input; one that is slow is tried again, since the machine may have been busy with something else.
fn timed(target: &Target, input: &[u8]) -> Fed {
    let mut fed = Fed::Fine(String::new());
    for attempt in 0..5 {
        std::thread::sleep(SECOND * attempt / 2);
        let (start, before) = (Instant::now(), worked());
        fed = feed(target, input);
        let passed = start.elapsed();
        let took = before
            .zip(worked())
            .map_or(passed, |(from, to)| to.saturating_sub(from));
        if took < SECOND && passed < WAIT {
            return fed;
        }
    }
    match fed {
        Fed::Fine(_) => Fed::Failed("it took more than a second".to_owned()),
        failed => failed,
    }
}

/// What this process has had of the processor, to a hundredth of a second, where the system tells (Linux: proc_pid_stat(5), utime and stime).
fn worked() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut ticks = fields.split(' ').skip(11).map(|field| field.parse::<u64>());
    let (user, system) = (ticks.next()?.ok()?, ticks.next()?.ok()?);
    Some(Duration::from_millis((user + system) * 10))
}

/// Feeds the kept inputs once; what failed, by name.
pub fn replay(target: &Target) -> (usize, Vec<String>) {
    let inputs = corpus::load(target);
    let failed = inputs
        .iter()
        .filter_map(|(name, input)| match timed(target, input) {
            Fed::Fine(_) => None,
            Fed::Failed(why) => Some(format!("{}/{name}: {why}", target.name)),
        });
    (inputs.len(), failed.collect())
}

/// The input in hand, and since when, for whoever looks after this process.
struct Watch {
    file: RefCell<File>,
    since: &'static AtomicU64,
    start: Instant,
}

impl Watch {
    /// Feeds an input that is written down first, so that it is known should the process die of it.
    fn feed(&self, target: &Target, input: &[u8]) -> Fed {
        self.note(input).expect("a temporary file");
        self.since.store(self.now(), Relaxed);
        let fed = timed(target, input);
        self.since.store(0, Relaxed);
        fed
    }

    /// The length, then the input; the file is not cut, which takes longer than most targets do.
    fn note(&self, input: &[u8]) -> io::Result<()> {
        let mut file = self.file.borrow_mut();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&[&(input.len() as u64).to_le_bytes(), input].concat())
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_millis() as u64 + 1
    }
}

/// The input that a process which died wrote down last.
pub fn noted(file: &Path) -> Vec<u8> {
    let bytes = std::fs::read(file).unwrap_or_default();
    let Some((len, input)) = bytes.split_first_chunk() else {
        return Vec::new();
    };
    let len = usize::try_from(u64::from_le_bytes(*len)).unwrap_or(0);
    input[..len.min(input.len())].to_vec()
}

/// Ends the process when an input is never done with.
fn watch_over(since: &'static AtomicU64, start: Instant) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(SECOND);
            let began = since.load(Relaxed);
            if began > 0 && start.elapsed().as_millis() as u64 > began + HANGS {
                crate::say("an input hangs");
                std::process::abort();
            }
        }
    });
}

/// Mutates and feeds for `seconds`. Gives one line on how it went, and whether nothing failed. With `keep` inputs that reached something new are put into the corpus, the
/// shortest ones that together reach all of it.
pub fn run(target: &'static Target, seconds: u64, seed: u64, file: &Path, keep: bool) -> bool {
    static SINCE: AtomicU64 = AtomicU64::new(0);
    let start = Instant::now();
    watch_over(&SINCE, start);
    let watch = Watch {
        file: RefCell::new(File::create(file).expect("a temporary file")),
        since: &SINCE,
        start,
    };
    let mut coverage = Coverage::new();
    let words = corpus::words(target);
    let mut queue: Vec<Vec<u8>> = corpus::load(target).into_iter().map(|i| i.1).collect();
    queue.extend((target.seeds)());
    queue.push(Vec::new());
    let mut failures = HashSet::new();
    let mut fail = |input: &[u8], why: String| {
        let kind: String = why.chars().filter(|c| !c.is_ascii_digit()).collect();
        if failures.insert(kind) {
            let path = corpus::keep(&corpus::found(), &format!("{}-", target.name), input);
            crate::say(&format!("{}: {why}\n  {}", target.name, path.display()));
        }
    };
    for input in &queue {
        coverage.clear();
        match watch.feed(target, input) {
            Fed::Fine(outcome) => drop(coverage.gain(&outcome)),
            Fed::Failed(why) => fail(input, why),
        }
    }
    let (given, mut count) = (queue.len(), 0u64);
    let mut random = Random::new(seed, start_of(target));
    while start.elapsed() < Duration::from_secs(seconds) {
        // What was reached last is the likeliest to lead on.
        let at = if random.below(3) == 0 {
            random.below(queue.len())
        } else {
            recent(&queue, &mut random)
        };
        let other = random.pick(&queue);
        let input = mutate::mutated(&queue[at], other, &words, &mut random);
        coverage.clear();
        count += 1;
        match watch.feed(target, &input) {
            Fed::Fine(outcome) => {
                if coverage.gain(&outcome) && queue.len() < MAX_QUEUE {
                    queue.push(input);
                }
            }
            Fed::Failed(why) => fail(&input, why),
        }
    }
    let of = if coverage.is_guided() {
        "edges"
    } else {
        "outcomes"
    };
    let speed = count as f64 / start.elapsed().as_secs_f64();
    crate::say(&format!(
        "{:9} {count} inputs, {speed:.0} a second, {} {of} reached, {} inputs new, {} failures (seed {seed})",
        target.name,
        coverage.reached(),
        queue.len() - given,
        failures.len()
    ));
    if keep {
        minimise(target, queue);
    }
    failures.is_empty()
}

fn recent(queue: &[Vec<u8>], random: &mut Random) -> usize {
    queue.len() - 1 - random.below(queue.len().min(64))
}

fn start_of(target: &Target) -> u64 {
    target.name.bytes().fold(0, |h, b| h * 31 + u64::from(b))
}

/// Puts the shortest inputs that together reach everything into the corpus; at most some of them.
fn minimise(target: &Target, mut queue: Vec<Vec<u8>>) {
    const FILES: usize = 24;
    const BYTES: usize = 8 << 10;
    queue.sort_by_key(Vec::len);
    queue.dedup();
    let mut coverage = Coverage::new();
    let mut chosen = Vec::new();
    for input in queue {
        coverage.clear();
        if let Fed::Fine(outcome) = feed(target, &input)
            && coverage.gain(&outcome)
        {
            chosen.push(input);
        }
    }
    // The longest of the short ones went furthest.
    let mut left = BYTES;
    let short = chosen.into_iter().rev().filter(|i| i.len() <= BYTES / 4);
    for input in short.take(FILES) {
        let Some(rest) = left.checked_sub(input.len()) else {
            continue;
        };
        left = rest;
        corpus::keep(&corpus::folder(target), "", &input);
    }
}
