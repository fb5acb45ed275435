//! What is printed at the end.

use std::fmt::Write;
use std::time::Duration;

use crate::cpu::Cpu;
use crate::rounds::{Figure, Figures};

/// The ratios, one line a measurement.
pub(crate) fn ratios(figures: &[Figures]) -> String {
    let mut rows = vec![words(["measurement", "ours", "bare", "ratio", "lowest", "highest", "target", ""])];
    for f in figures {
        let [lowest, median, highest] = f.ratio.map(|ratio| format!("{ratio:.2}"));
        let verdict = |target| if median_ratio(f) >= target { "reached" } else { "below" };
        rows.push(vec![
            f.name.to_owned(),
            format!("{:.0}/s", f.ours.per_second),
            format!("{:.0}/s", f.bare.per_second),
            median,
            lowest,
            highest,
            f.target.map_or(String::new(), |target| format!("{target:.2}")),
            f.target.map_or("", verdict).to_owned(),
        ]);
    }
    aligned(&rows)
}

fn median_ratio(figures: &Figures) -> f64 {
    figures.ratio[1]
}

/// Where the time goes: latencies, and processor time for one operation.
pub(crate) fn costs(figures: &[Figures]) -> String {
    let mut rows = vec![words([
        "for one operation, µs",
        "",
        "median",
        "p99",
        "cpu server",
        "load",
        "redis",
        "broker",
        "operations",
    ])];
    for f in figures {
        for (side, figure) in [("ours", &f.ours), ("bare", &f.bare)] {
            rows.push(cost(f, side, figure));
        }
    }
    aligned(&rows)
}

fn cost(figures: &Figures, side: &str, figure: &Figure) -> Vec<String> {
    let micros = |time: Duration| format!("{}", time.as_micros());
    let [median, slow] = figure.latency.map_or(["-".to_owned(), "-".to_owned()], |both| both.map(micros));
    let Cpu { server, load, redis, broker } = figure.cpu;
    let mut row = vec![figures.name.to_owned(), side.to_owned(), median, slow];
    row.extend([server, load, redis, broker].map(micros));
    row.push(figures.operations.to_string());
    row
}

pub(crate) fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

/// The first column to the left, the others to the right.
pub(crate) fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = width(column);
            let written =
                if column == 0 { write!(line, "{cell:<width$}") } else { write!(line, "  {cell:>width$}") };
            written.expect("a String takes everything");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
