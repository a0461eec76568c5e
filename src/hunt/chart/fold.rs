//! What makes a chart fit: many series folded into others, gaps of time filled, places thinned out.

use std::collections::BTreeMap;

use super::{Axis, Chart, Kind, MOST_SERIES, MOST_SLOTS, Point, Series, Stack};
use crate::hunt::Render;

/// Slots that filling the gaps of a time may come to.
const MOST_FILLED: usize = 1_000;

/// Shares of a pie that are told apart.
const MOST_SHARES: usize = 12;

/// Finishes a chart whose points are read.
pub(super) fn finish(chart: &mut Chart, render: Option<&Render>) {
    if chart.look.kind == Kind::Pie {
        shares(chart);
    }
    fold_series(chart);
    if matches!(chart.look.kind, Kind::Column | Kind::Bar) || chart.look.stack != Stack::None {
        sum_slots(chart);
        fill(chart);
    }
    if render.and_then(|it| it.property("accumulate")) == Some("true") {
        accumulate(chart);
    }
    thin_out(chart);
    let positive = |it: &Point| it.y.is_none_or(|y| y > 0.0);
    if chart.log && !chart.series.iter().flat_map(|it| &it.points).all(positive) {
        chart.log = false;
        let why = "yaxis=log is not drawn: there are values of 0 or less";
        chart.told.push(why.to_owned());
    }
    if render
        .and_then(|it| it.property("xaxis"))
        .is_some_and(|it| it.eq_ignore_ascii_case("log"))
    {
        chart.told.push("xaxis=log is drawn linear".to_owned());
    }
    if chart.look.kind == Kind::Anomaly
        && !chart
            .series
            .iter()
            .flat_map(|it| &it.points)
            .any(|it| it.mark != 0)
    {
        let why = "no anomaly is marked: anomalycolumns names the columns that tell them";
        chart.told.push(why.to_owned());
    }
}

/// A pie's slots, greatest first; beyond the first ones they are others. Less than nothing is no share.
fn shares(chart: &mut Chart) {
    let mut sums: BTreeMap<u32, (f64, Option<u32>)> = BTreeMap::new();
    let mut below = 0;
    for point in chart.series.iter().flat_map(|it| &it.points) {
        match point.y {
            Some(y) if y > 0.0 => {
                let sum = sums.entry(point.slot).or_insert((0.0, point.row));
                sum.0 += y;
            }
            Some(y) if y < 0.0 => below += 1,
            _ => {}
        }
    }
    if below > 0 {
        let text = format!("{below} values below zero are no shares and left out");
        chart.told.push(text);
    }
    let mut sums: Vec<(u32, f64, Option<u32>)> = sums
        .into_iter()
        .map(|(slot, (sum, row))| (slot, sum, row))
        .collect();
    sums.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut names = Vec::new();
    let mut points: Vec<Point> = Vec::new();
    let keep = if sums.len() > MOST_SHARES {
        MOST_SHARES - 1
    } else {
        sums.len()
    };
    let folded = sums.len() - keep;
    for (nth, (slot, sum, row)) in sums.into_iter().enumerate() {
        if nth < keep {
            names.push(chart.names[slot as usize].clone());
            points.push(Point {
                slot: nth as u32,
                y: Some(sum),
                row,
                mark: 0,
            });
        } else if nth == keep {
            names.push(format!("others ({folded})").into());
            points.push(Point {
                slot: nth as u32,
                y: Some(sum),
                row: None,
                mark: 0,
            });
        } else if let Some(last) = points.last_mut() {
            last.y = last.y.map(|it| it + sum);
        }
    }
    if folded > 0 {
        chart.told.push(format!("{folded} smaller ones are others"));
    }
    chart.slots = (0..names.len()).map(|at| at as f64).collect();
    chart.names = names;
    chart.series.truncate(1);
    if let Some(only) = chart.series.first_mut() {
        only.points = points;
    }
}

/// The heaviest series first; those beyond the inks become one.
fn fold_series(chart: &mut Chart) {
    let weights: Vec<f64> = chart.series.iter().map(Series::weight).collect();
    let mut order: Vec<usize> = (0..chart.series.len()).collect();
    if chart.series.len() > MOST_SERIES {
        order.sort_by(|a, b| weights[*b].total_cmp(&weights[*a]));
    }
    if order.len() <= MOST_SERIES {
        return;
    }
    let all = std::mem::take(&mut chart.series);
    let mut all: Vec<Option<Series>> = all.into_iter().map(Some).collect();
    let taken = order.split_off(MOST_SERIES);
    // those that stay keep the order they came in
    order.sort_unstable();
    chart.series = order.into_iter().filter_map(|at| all[at].take()).collect();
    let rest: Vec<Series> = taken.into_iter().filter_map(|at| all[at].take()).collect();
    let folded = rest.len();
    let summed = chart.look.kind != Kind::Scatter;
    let points = if summed {
        let mut sums: BTreeMap<u32, f64> = BTreeMap::new();
        for point in rest.iter().flat_map(|it| &it.points) {
            if let Some(y) = point.y {
                *sums.entry(point.slot).or_insert(0.0) += y;
            }
        }
        sums.into_iter()
            .map(|(slot, sum)| Point {
                slot,
                y: Some(sum),
                row: None,
                mark: 0,
            })
            .collect()
    } else {
        let mut points: Vec<Point> = rest.iter().flat_map(|it| it.points.clone()).collect();
        points.sort_by_key(|it| it.slot);
        points
    };
    chart.series.push(Series {
        name: format!("others ({folded})").into(),
        points,
        panel: 0,
        folded,
    });
    let how = if summed { ", summed" } else { "" };
    chart
        .told
        .push(format!("others are {folded} smaller series{how}"));
}

/// One value a slot: bars and layers of one name are added up.
fn sum_slots(chart: &mut Chart) {
    let mut summed = 0;
    for series in &mut chart.series {
        let before = series.points.len();
        series.points.dedup_by(|next, kept| {
            if next.slot != kept.slot {
                return false;
            }
            kept.y = match (kept.y, next.y) {
                (Some(a), Some(b)) => Some(a + b),
                (a, b) => a.or(b),
            };
            true
        });
        summed += before - series.points.len();
    }
    if summed > 0 {
        let x = &chart.x_title;
        chart
            .told
            .push(format!("rows of the same {x} are added up"));
    }
}

/// Places of a time that no row has, where the others stand at even distances: an hour without rows is
/// to be seen.
fn fill(chart: &mut Chart) {
    if chart.axis != Axis::Time || chart.slots.len() < 3 {
        return;
    }
    let gaps = chart.slots.windows(2).map(|pair| pair[1] - pair[0]);
    let step = gaps.clone().fold(f64::INFINITY, f64::min);
    let (low, high) = chart.span();
    let even = gaps.clone().all(|gap| {
        let times = gap / step;
        (times - times.round()).abs() < 1e-6
    });
    let wanted = ((high - low) / step).round() as usize + 1;
    if !even || wanted > MOST_FILLED || wanted <= chart.slots.len() {
        return;
    }
    let moved: Vec<u32> = chart
        .slots
        .iter()
        .map(|at| ((at - low) / step).round() as u32)
        .collect();
    chart.slots = (0..wanted).map(|nth| low + step * nth as f64).collect();
    for point in chart.series.iter_mut().flat_map(|it| &mut it.points) {
        point.slot = moved[point.slot as usize];
    }
}

fn accumulate(chart: &mut Chart) {
    for series in &mut chart.series {
        let mut sum = 0.0;
        for point in &mut series.points {
            if let Some(y) = &mut point.y {
                sum += *y;
                *y = sum;
            }
        }
    }
    chart.told.push("values are accumulated".to_owned());
}

/// Keeps the extremes where there are more places than can be told apart.
fn thin_out(chart: &mut Chart) {
    let slots = chart.slots.len();
    if slots <= MOST_SLOTS {
        return;
    }
    if chart.axis == Axis::Category {
        chart.slots.truncate(MOST_SLOTS);
        chart.names.truncate(MOST_SLOTS);
        for series in &mut chart.series {
            let end = series
                .points
                .partition_point(|it| (it.slot as usize) < MOST_SLOTS);
            series.points.truncate(end);
        }
        chart
            .told
            .push(format!("the first {MOST_SLOTS} of {slots} are drawn"));
        return;
    }
    let buckets = MOST_SLOTS / 2;
    let bucket = |slot: u32| slot as usize * buckets / slots;
    let mut used: Vec<bool> = vec![false; slots];
    for series in &mut chart.series {
        let mut kept: Vec<Point> = Vec::new();
        for run in series
            .points
            .chunk_by(|a, b| bucket(a.slot) == bucket(b.slot))
        {
            let value = |it: &&Point| it.y.unwrap_or(0.0);
            let valued = || run.iter().filter(|it| it.y.is_some());
            let least = valued().min_by(|a, b| value(a).total_cmp(&value(b)));
            let most = valued().max_by(|a, b| value(a).total_cmp(&value(b)));
            let gap = run.iter().find(|it| it.y.is_none());
            let marked = run.iter().filter(|it| it.mark != 0);
            let mut of: Vec<Point> = [least, most, gap]
                .into_iter()
                .flatten()
                .chain(marked)
                .copied()
                .collect();
            of.sort_by_key(|it| it.slot);
            of.dedup();
            kept.extend(of);
        }
        for point in &kept {
            used[point.slot as usize] = true;
        }
        series.points = kept;
    }
    let mut moved = vec![0; slots];
    let mut left = Vec::new();
    for (slot, used) in used.into_iter().enumerate() {
        if used {
            moved[slot] = left.len() as u32;
            left.push(chart.slots[slot]);
        }
    }
    chart.slots = left;
    for point in chart.series.iter_mut().flat_map(|it| &mut it.points) {
        point.slot = moved[point.slot as usize];
    }
    chart.told.push(format!(
        "{slots} places: the least and greatest of every {} are drawn",
        slots.div_ceil(buckets)
    ));
}
